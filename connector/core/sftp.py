"""The one way to a server of SFTP, for exports and for the state: only to a server whose key is known.

Owns: which keys are known, the options of ~/.ssh/config, what an unknown server's error says, and that files are made
and replaced at once. Must not: know what is in them. paramiko is an extra: importing this module does not need it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

SCHEMES = ("sftp", "ssh")
TIMEOUT = 30  # seconds
_EVERYBODYS = "/etc/ssh/ssh_known_hosts"


class UnknownServer(Exception):
    """The server showed a key that is not known, or another one than is known. The text is for people."""


def opened(url: str) -> Any:
    """fsspec's filesystem of an address. Its own takes whatever key a server shows; here the key must be in
    known_hosts. Raises ImportError without paramiko, UnknownServer, and what paramiko raises."""
    import paramiko  # type: ignore[import-untyped]
    from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]

    class Refusing(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
        def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
            raise UnknownServer(_unknown(key, port))

    class Known(SFTPFileSystem):  # type: ignore[misc]
        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            for file in known:
                if Path(file).is_file():
                    self.client.load_system_host_keys(file)
            self.client.set_missing_host_key_policy(Refusing())
            try:
                self.client.connect(
                    self.host, timeout=TIMEOUT, auth_timeout=TIMEOUT, banner_timeout=TIMEOUT, **settings
                )
            except paramiko.BadHostKeyException as error:
                raise UnknownServer(_other(error.key)) from None
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(TIMEOUT)

        def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
            """At once: a file is made only where there is none, and replaces another one when it is whole."""
            if mode == "create":
                try:
                    with self.ftp.open(path, "wbx") as new:
                        new.write(value)
                except OSError:
                    if self.exists(path):
                        raise FileExistsError(path) from None
                    raise
                return
            beside = f"{path}.{secrets.token_hex(4)}"
            with self.ftp.open(beside, "wbx") as new:
                new.write(value)
            try:
                self.ftp.posix_rename(beside, path)
            except OSError:  # not every server offers it; a state that was cut off is noticed when it is read
                with self.ftp.open(path, "wb") as old:
                    old.write(value)
                self.ftp.remove(beside)

        def ukey(self, path: str) -> str:
            """By the content: a server tells times to the second, and that of the last reading as well."""
            return hashlib.sha256(self.cat_file(path)).hexdigest()

        def modified(self, path: str) -> datetime:
            found: datetime = self.info(path)["mtime"]
            return found

    parts = urlsplit(url)
    own = _config(paramiko, parts.hostname or "")
    port = parts.port or int(own.get("port", 22))
    known = [str(Path(file).expanduser()) for file in own.get("userknownhostsfile", "~/.ssh/known_hosts").split()]
    known.append(_EVERYBODYS)
    settings = {
        "port": port,
        "username": unquote(parts.username) if parts.username else own.get("user"),
        "password": unquote(parts.password) if parts.password else None,
        "key_filename": own.get("identityfile"),
    }
    return Known(own.get("hostname", parts.hostname), skip_instance_cache=True)


def _unknown(key: Any, port: int) -> str:
    return (
        f"the server shows a key that is not known, {_print(key)}. Ask the server's operator whether it is its "
        f"own. If it is, let `ssh-keyscan -p {port} HOST >> ~/.ssh/known_hosts` add it, and try again"
    )


def _other(key: Any) -> str:
    return (
        f"the server shows another key than ~/.ssh/known_hosts has for it, {_print(key)}. Either it got a new one or "
        "somebody else answers in its place. Ask the server's operator. If the key is its own, remove the old line "
        "from known_hosts (ssh-keygen -R HOST) and add the new one"
    )


def _print(key: Any) -> str:
    return f"{key.get_name()} with the fingerprint {key.fingerprint}"


def _config(paramiko: Any, host: str) -> Mapping[str, Any]:
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file() or not re.fullmatch(r"[\w.:-]+", host):
        return {}
    found: Mapping[str, Any] = paramiko.SSHConfig.from_path(str(path)).lookup(host)
    return found
