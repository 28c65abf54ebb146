"""s3://, gs://, az:// and abfs://, sftp://: stores and servers that list their files, by fsspec.

Owns: the filesystem of an address, patterns, the host keys of SFTP. Must not: word an error with an address.
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from connector.config.sections.remote import has_joker
from connector.sources.remote.model import Item

_PIECE = 8 << 20
_TAGS = ("ETag", "etag", "md5Hash", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime")
_LOGS = (("Delta", "_delta_log"), ("Hudi", ".hoodie"))
_HIGHEST = 6  # folders above a file that are looked at
_TIMEOUT = 30  # seconds


class Store:
    """connector.sources.remote.model.Way over a filesystem of fsspec. Raises ImportError without its driver."""

    def __init__(self, scheme: str, url: str) -> None:
        self._fs = _sftp(url) if scheme == "sftp" else _opened(scheme, url)
        self._path = unquote(urlsplit(url).path) if scheme == "sftp" else str(self._fs._strip_protocol(url))

    def find(self) -> Sequence[Item]:
        if not has_joker(f"s3://{self._path}"):
            found = self._told(self._path)
            return [found] if found else []
        self._fs.invalidate_cache()
        details: dict[str, Any] = self._fs.glob(self._path, detail=True)
        files = {path: told for path, told in details.items() if told.get("type") == "file" and path[-1:] != "/"}
        own = posixpath.basename(self._path).startswith(".")  # as in a shell
        shown = {path: told for path, told in files.items() if own or not posixpath.basename(path).startswith(".")}
        return [_item(path, told) for path, told in sorted(shown.items())]

    def read(self, item: Item) -> Iterator[bytes]:
        with self._fs.open(item.path, "rb", block_size=_PIECE, cache_type="readahead") as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def told(self, item: Item) -> Item:
        return item

    def again(self, item: Item) -> Item | None:
        self._fs.invalidate_cache()
        return self._told(item.path)

    def log_above(self, item: Item) -> str | None:
        folder = posixpath.dirname(item.path)
        for _ in range(_HIGHEST):
            if not folder.strip("/"):
                break
            for kind, log in _LOGS:
                if self._fs.exists(f"{folder}/{log}"):
                    return kind
            if self._fs.glob(f"{folder}/metadata/*.metadata.json"):
                return "Iceberg"
            folder = posixpath.dirname(folder)
        return None

    def _told(self, path: str) -> Item | None:
        with contextlib.suppress(FileNotFoundError):
            told = self._fs.info(path)
            if told.get("type") == "file":
                return _item(path, told)
        return None


def _item(path: str, told: Mapping[str, Any]) -> Item:
    modified = next((told[key] for key in _TIMES if told.get(key)), None)
    if isinstance(modified, str):
        modified = datetime.fromisoformat(modified)
    if isinstance(modified, datetime) and modified.tzinfo is None:
        modified = modified.replace(tzinfo=UTC)
    tag = next((str(told[key]) for key in _TAGS if told.get(key)), None)
    return Item(path, posixpath.basename(path), told.get("size"), modified, tag)


def _opened(scheme: str, url: str) -> Any:
    import fsspec  # type: ignore[import-untyped]

    made = fsspec.get_filesystem_class(scheme)
    told = made._get_kwargs_from_urls(url)  # the account, where the address names one
    return made(**told, skip_instance_cache=True, use_listings_cache=False)


def _sftp(url: str) -> Any:
    """fsspec's own takes whatever key a server shows; here the server must be known."""
    import paramiko  # type: ignore[import-untyped]
    from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]

    class Known(SFTPFileSystem):  # type: ignore[misc]
        def _connect(self) -> None:
            self.client = paramiko.SSHClient()
            self.client.load_system_host_keys()
            self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
            self.client.connect(self.host, timeout=_TIMEOUT, auth_timeout=_TIMEOUT, banner_timeout=_TIMEOUT, **settings)
            self.ftp = self.client.open_sftp()
            self.ftp.get_channel().settimeout(_TIMEOUT)

    parts = urlsplit(url)
    own = _ssh_config(paramiko, parts.hostname or "")
    settings = {
        "port": parts.port or int(own.get("port", 22)),
        "username": unquote(parts.username) if parts.username else own.get("user"),
        "password": unquote(parts.password) if parts.password else None,
        "key_filename": own.get("identityfile"),
    }
    return Known(own.get("hostname", parts.hostname), skip_instance_cache=True)


def _ssh_config(paramiko: Any, host: str) -> Mapping[str, Any]:
    path = Path("~/.ssh/config").expanduser()
    if not path.is_file() or not re.fullmatch(r"[\w.:-]+", host):
        return {}
    found: Mapping[str, Any] = paramiko.SSHConfig.from_path(str(path)).lookup(host)
    return found
