"""Emulators of Azure's and Google's stores as witnesses: exports are read from az:// and gs://, a state is kept there.

Owns: `python -m tests.emulators az|gs PROGRAM`, outside of the suite. Must not: keep anything.

    npm install --no-save azurite
    python -m tests.emulators az node_modules/.bin/azurite-blob
    python -m venv gcs && gcs/bin/pip install gcp-storage-emulator
    python -m tests.emulators gs gcs/bin/gcp-storage-emulator

Last run 2026-11-29, Azurite 3.37.0 and gcp-storage-emulator 2026.7.19: all of it held.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from connector.core.errors import LeaseHeld, LeaseLost, SourceError, Stale, StateError
from connector.state.drivers import bucket
from connector.state.open import open_store
from tests.sources.kit import loaded, rows
from tests.state.conftest import changes, contacts, open_run

ACCOUNT, BOX = "connector", "box"
CSV = b"Email,Plan\nann@example.com,a\nbob@example.com,b\n"


@contextmanager
def running(command: list[str], said: str, **env: str) -> Iterator[str]:
    """What the program says once it listens; it runs for as long as the block."""
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
        ) as process,
    ):
        try:
            assert process.stdout
            yield next(line for line in process.stdout if said in line)
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def azure(program: str) -> Iterator[Any]:
    """A filesystem of the emulator, which has a key of its own; the environment names it."""
    from adlfs import AzureBlobFileSystem  # type: ignore[import-untyped]

    key = base64.b64encode(secrets.token_bytes(32)).decode()
    command = [program, "--blobPort", "0", "--skipApiVersionCheck", "--inMemoryPersistence"]
    with running(command, "successfully listens", AZURITE_ACCOUNTS=f"{ACCOUNT}:{key}") as line:
        found = re.search(r"http://[\d.]+:(\d+)", line)
        assert found, line
        endpoint = f"http://127.0.0.1:{found[1]}/{ACCOUNT}"
        text = f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};BlobEndpoint={endpoint};"
        os.environ["AZURE_STORAGE_CONNECTION_STRING"] = text
        yield AzureBlobFileSystem(connection_string=text)


@contextmanager
def google(program: str) -> Iterator[Any]:
    """The same; it has no keys, and no gRPC, by which gcsfs asks for the kind of a bucket."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    os.environ |= {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}", "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
    from gcsfs import GCSFileSystem  # type: ignore[import-untyped]

    command = [program, "start", "--host=127.0.0.1", f"--port={port}", "--in-memory"]
    with running(command, "services started", PYTHONUNBUFFERED="1"):
        yield GCSFileSystem(token="anon", project="test")


def main(scheme: str, program: str) -> None:
    """Raises AssertionError for what is not as documented."""
    program = str(Path(program).absolute()) if Path(program).exists() else program
    with {"az": azure, "gs": google}[scheme](program) as there, tempfile.TemporaryDirectory() as folder:
        there.mkdir(BOX)
        _exports(scheme, there, Path(folder))
        _state(f"{scheme}://{BOX}/state.db", conditional=scheme == "az")
        _no_container(scheme)


def _exports(scheme: str, there: Any, folder: Path) -> None:
    for name in ("out/contacts-1.csv", "out/contacts-2.csv"):
        there.pipe_file(f"{BOX}/{name}", CSV.replace(b"ann", name[-5:-4].encode()))
    found = loaded(folder, contacts={"file": f"{scheme}://{BOX}/out/*.csv", "email": "Email"})
    emails = [row["email"] for row in rows(found)]
    assert emails == ["1@example.com", "2@example.com", "bob@example.com"], emails
    _say("a pattern of exports is read")
    try:
        loaded(folder, contacts={"file": f"{scheme}://{BOX}/out/none.csv", "email": "Email"})
    except SourceError as error:
        assert "there is no file" in str(error), error
    else:
        raise AssertionError("a file that is not there was read")
    _say("a file that is not there is named")


def _state(place: str, *, conditional: bool) -> None:
    """`conditional`: the store replaces a file only if it is the one that is known."""
    one, two = open_store(place), open_store(place)
    with one.lease("push"):
        open_run(one, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "x"}))
        try:
            with two.lease("undo"):
                raise AssertionError("two runners had the state")
        except LeaseHeld as held:
            assert "in use by push" in str(held), held
    for store in (one, two):
        store.close()
    again = open_store(place)
    assert len(again.runs()) == 1
    _say("a state is kept, by one runner at a time")
    late = bucket.Remote(place)
    with tempfile.TemporaryDirectory() as folder:
        late.fetch(Path(folder) / "state.db")
    with again.lease("push"):
        again.observe("d", contacts({"email": "b@example.com"}))
    again.close()
    if not conditional:
        return
    try:
        late._put_if_unchanged(b"late")
    except (LeaseLost, Stale) as lost:
        _say(f"what comes late replaces nothing: {type(lost).__name__}")
    else:
        raise AssertionError("a late request replaced the state")


def _no_container(scheme: str) -> None:
    try:
        open_store(f"{scheme}://nobox/state.db")
    except StateError as error:
        assert "does not exist" in str(error), error
        _say("a container that is not there is no new state")
    else:
        raise AssertionError("a state was made in a container that is not there")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
