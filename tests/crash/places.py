"""Where several runners keep one state, and how one of them loses its way there: PostgreSQL, an S3 API, a share.

Owns: the servers, and a connection that can be cut for one runner only. Must not: know what runners do.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
PATIENCE = {"AWS_MAX_ATTEMPTS": "1"}  # else a runner that is cut off tries for minutes before it gives up
_NUMBERS = itertools.count(1)


class Line:
    """A way to a server that can be cut: what is open breaks, nothing new is opened."""

    def __init__(self, family: int, target: object) -> None:
        self._family, self._target = family, target
        self._open: set[socket.socket] = set()
        self._cut = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._cut.set()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut.clear()

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if self._cut.is_set():
                    near.close()
                    continue
                far = socket.socket(self._family, socket.SOCK_STREAM)
                far.connect(self._target)  # type: ignore[arg-type]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        self._open.add(one)
        try:
            while data := one.recv(1 << 16):
                other.sendall(data)
        except OSError:
            pass
        finally:
            self._open.discard(one)
            for end in (one, other):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            one.close()  # each end is read, and closed, by one thread


@dataclass
class Way:
    """How one runner comes to the state: its --state, its environment, and the way's end."""

    url: str
    line: Line | None = None
    link: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def cut(self) -> None:
        if self.line:
            self.line.cut()
        if self.link:
            self.link.rename(self.link.with_name("away"))

    def mend(self) -> None:
        if self.line:
            self.line.mend()
        if self.link:
            self.link.with_name("away").rename(self.link)


@dataclass
class Shared:
    """One state: `direct` for the runner whose way is never cut, `fragile` for the other."""

    direct: Way
    fragile: Way


@contextmanager
def postgresql(server: str) -> Iterator[Shared]:
    """A new schema of the server at this URL, which listens at a socket of a folder or at an address."""
    import psycopg

    schema = f"shared_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")  # type: ignore[arg-type]
    parts = urlsplit(server)
    folder = parse_qs(parts.query).get("host", [""])[0]
    if folder:
        line = Line(socket.AF_UNIX, str(next(Path(folder).glob(".s.PGSQL.*[0-9]"))))
    else:
        line = Line(socket.AF_INET, (parts.hostname, parts.port or 5432))
    options = f"options=-csearch_path%3D{schema}"
    user = (parts.username or "postgres") + (f":{parts.password}" if parts.password else "")
    try:
        yield Shared(
            Way(f"{server}{'&' if parts.query else '?'}{options}"),
            Way(f"postgresql://{user}@127.0.0.1:{line.port}{parts.path}?{options}&gssencmode=disable", line),
        )
    finally:
        line.close()


@contextmanager
def s3() -> Iterator[Shared]:
    """A bucket of moto's server, a real S3 API over HTTP."""
    import boto3
    import s3fs
    from moto.server import ThreadedMotoServer

    s3fs.S3FileSystem.clear_instance_cache()  # one of an earlier server
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    line = Line(socket.AF_INET, (host, port))
    bucket = f"state-{os.getpid()}-{next(_NUMBERS)}"
    try:
        client = boto3.client(
            "s3",
            endpoint_url=f"http://{host}:{port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )
        client.create_bucket(Bucket=bucket)
        client.close()
        url = f"s3://{bucket}/team/state.db"
        yield Shared(
            Way(url, environment=KEYS | {"AWS_ENDPOINT_URL": f"http://{host}:{port}"}),
            Way(url, line, environment=KEYS | PATIENCE | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{line.port}"}),
        )
    finally:
        line.close()
        server.stop()


@contextmanager
def share(folder: Path) -> Iterator[Shared]:
    """A folder that two runners have mounted, each at a place of its own."""
    real, link = folder / "server", folder / "mounted"
    real.mkdir(parents=True)
    link.symlink_to(real)
    yield Shared(Way(f"file://{real}/state.db"), Way(f"file://{link}/state.db", link=link))
