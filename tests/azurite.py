"""Azure's own emulator as witness: exports are read from az://, and a state is kept there.

Owns: `python -m tests.azurite [AZURITE_BLOB]`, outside of the suite. Must not: keep anything.

    npm install --no-save azurite
    python -m tests.azurite node_modules/.bin/azurite-blob

Last run 2026-11-29, Azurite 3.37.0: all of it held.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connector.core.errors import LeaseHeld, LeaseLost, SourceError, Stale, StateError
from connector.state.drivers import bucket
from connector.state.open import open_store
from tests.sources.kit import loaded, rows
from tests.state.conftest import changes, contacts, open_run

ACCOUNT, BOX = "connector", "box"
CSV = b"Email,Plan\nann@example.com,a\nbob@example.com,b\n"


@contextmanager
def emulator(program: str) -> Iterator[None]:
    """Runs for as long as the block, with a key of its own; the environment names it."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--blobPort", "0", "--skipApiVersionCheck", "--inMemoryPersistence"]
        env = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
            try:
                assert process.stdout
                line = next(line for line in process.stdout if "successfully listens" in line)
                found = re.search(r"http://[\d.]+:(\d+)", line)
                assert found, line
                endpoint = f"http://127.0.0.1:{found[1]}/{ACCOUNT}"
                os.environ["AZURE_STORAGE_CONNECTION_STRING"] = (
                    f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
                )
                yield
            finally:
                process.terminate()
                process.communicate()


def main(program: str) -> None:
    """Raises AssertionError for what is not as documented."""
    from adlfs import AzureBlobFileSystem  # type: ignore[import-untyped]

    with emulator(program), tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        there = AzureBlobFileSystem(connection_string=os.environ["AZURE_STORAGE_CONNECTION_STRING"])
        there.mkdir(BOX)
        _exports(there, folder)
        _state(there)


def _exports(there: object, folder: Path) -> None:
    for name in ("out/contacts-1.csv", "out/contacts-2.csv"):
        there.pipe_file(f"{BOX}/{name}", CSV.replace(b"ann", name[-5:-4].encode()))  # type: ignore[attr-defined]
    found = loaded(folder, contacts={"file": f"az://{BOX}/out/*.csv", "email": "Email"})
    emails = [row["email"] for row in rows(found)]
    assert emails == ["1@example.com", "2@example.com", "bob@example.com"], emails
    _say("a pattern of exports at az:// is read")
    try:
        loaded(folder, contacts={"file": f"az://{BOX}/out/none.csv", "email": "Email"})
    except SourceError as error:
        assert "there is no file az://" in str(error), error
    else:
        raise AssertionError("a file that is not there was read")
    _say("a file that is not there is named")


def _state(there: object) -> None:
    place = f"az://{BOX}/state.db"
    one = open_store(place)
    with one.lease("push"):
        open_run(one, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "x"}))
        try:
            with open_store(place).lease("undo"):
                raise AssertionError("two runners had the state")
        except LeaseHeld as held:
            assert "in use by push" in str(held), held
    one.close()
    again = open_store(place)
    assert len(again.runs()) == 1
    _say("a state at az:// is kept, by one runner at a time")
    assert isinstance(again, bucket.RemoteStore)
    late = bucket.Remote(place)
    with tempfile.TemporaryDirectory() as folder:
        late.fetch(Path(folder) / "state.db")
    with again.lease("push"):
        again.observe("d", contacts({"email": "b@example.com"}))
    again.close()
    try:
        late._put_if_unchanged(b"late")
    except (LeaseLost, Stale) as lost:
        _say(f"what comes late replaces nothing: {type(lost).__name__}")
    else:
        raise AssertionError("a late request replaced the state")
    try:
        open_store("az://nobox/state.db")
    except StateError as error:
        assert "does not exist" in str(error), error
        _say("a container that is not there is no new state")
    else:
        raise AssertionError("a state was made in a container that is not there")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:] or ["azurite-blob"])
