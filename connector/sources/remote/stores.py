"""s3://, gs://, az:// and abfs://, sftp://: stores and servers that list their files, by fsspec.

Owns: the filesystem of an address, patterns. Must not: word an error with an address, know host keys (core/sftp.py).
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from connector.config.sections.remote import has_joker
from connector.core import sftp
from connector.sources.remote.model import Item

_PIECE = 8 << 20
_TAGS = ("ETag", "etag", "md5Hash", "generation")
_TIMES = ("LastModified", "last_modified", "updated", "mtime")
_LOGS = (("Delta", "_delta_log"), ("Hudi", ".hoodie"))
_HIGHEST = 6  # folders above a file that are looked at


class Store:
    """connector.sources.remote.model.Way over a filesystem of fsspec. Raises ImportError without its driver."""

    def __init__(self, scheme: str, url: str) -> None:
        self._fs = sftp.opened(url) if scheme == "sftp" else _opened(scheme, url)
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
