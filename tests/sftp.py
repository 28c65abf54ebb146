"""A server of SFTP on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def server(root: Path, key: object, offers: Set[str] = frozenset()) -> Iterator[int]:
    """A server on this machine for the folder; it lets in `reader` with the password s3cret. `offers` may
    name posix_rename."""
    import socket

    import paramiko
    from sftpserver.stub_sftp import StubServer, StubSFTPServer

    class Server(StubServer):
        def check_auth_password(self, username: str, password: str) -> int:
            return paramiko.AUTH_SUCCESSFUL if (username, password) == ("reader", "s3cret") else paramiko.AUTH_FAILED

        def check_auth_publickey(self, username: str, key: object) -> int:
            return paramiko.AUTH_FAILED

    class Files(StubSFTPServer):
        ROOT = str(root)

        def posix_rename(self, old: str, new: str) -> int:
            if "posix_rename" not in offers:
                return int(paramiko.SFTP_OP_UNSUPPORTED)
            Path(self._realpath(old)).replace(self._realpath(new))
            return int(paramiko.SFTP_OK)

    listening = socket.create_server(("127.0.0.1", 0))
    open_: list[paramiko.Transport] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                transport = paramiko.Transport(connection)
                transport.add_server_key(key)  # type: ignore[arg-type]
                transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
                open_.append(transport)
                transport.start_server(server=Server(), event=threading.Event())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()
        for transport in open_:
            transport.close()
