"""One file on one filesystem of fsspec, and the objects beside it.

Owns: fsspec, the address, errors without credentials, replacing an object at once, the store's own clock. Must not:
know what is in the file or what a lease is.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from connector.core import files, sftp
from connector.core.errors import StateError

_BUCKETS = frozenset(["s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oss", "oci", "tos"])


class Place:
    """Raises StateError for whatever the filesystem raises."""

    def __init__(self, url: str) -> None:
        self.url = shown(url)
        with self._explained():
            if url.partition("://")[0] in sftp.SCHEMES:
                self._fs, self._path = sftp.opened(url), unquote(urlsplit(url).path)
            else:
                self._fs, self._path = url_to_fs(url)

    @property
    def is_share(self) -> bool:
        """A folder that this machine has mounted: who writes may also stamp the time."""
        return isinstance(self._fs, LocalFileSystem)

    @property
    def _protocols(self) -> tuple[str, ...]:
        found = self._fs.protocol
        return (found,) if isinstance(found, str) else tuple(found)

    def _require_container(self) -> None:
        """What is in no bucket or folder is no new state: the address is mistyped, or the share not mounted."""
        what = "folder" if self.is_share else "bucket"
        container = self._path.rpartition("/")[0] if self.is_share else self._path.partition("/")[0]
        if not self.is_share and not _BUCKETS.intersection(self._protocols):
            return
        with self._explained():
            try:
                self._fs.ls(container, detail=False)
            except PermissionError:
                return  # it is there, and what is in it may not be listed
            except FileNotFoundError:
                raise StateError(
                    f"The state {self.url} cannot be new: its {what} does not exist. Look at the address, or make the "
                    f"{what}."
                ) from None

    def _version(self, path: str) -> str | None:
        """Of an object; None when there is none."""
        with self._explained():
            self._fs.invalidate_cache()
            try:
                return str(self._fs.ukey(path))
            except FileNotFoundError:
                return None

    def _written(self, path: str) -> datetime | None:
        """When an object was written, by the clock of the store; None where it does not tell."""
        with self._explained():
            self._fs.invalidate_cache()
            try:
                found: datetime = self._fs.modified(path)
            except NotImplementedError:
                return None
        return found.replace(tzinfo=found.tzinfo or UTC)

    def _clock(self) -> datetime | None:
        """The store's present moment: when an object that is written now was written. No runner's clock is asked."""
        probe = f"{self._path}.clock-{secrets.token_hex(4)}"
        with self._explained():
            self._fs.pipe_file(probe, b"now")
        try:
            return self._written(probe)
        finally:
            with suppress(Exception):
                self._fs.rm_file(probe)

    def _replace(self, path: str, content: bytes) -> None:
        if not self.is_share:
            self._fs.pipe_file(path, content)
            return
        with files.replacing(Path(path), like_old=True) as file:
            file.write(content)

    def _replace_on_share(self, content: bytes, beside: str, require: Callable[[], None]) -> bool:
        """The file, once its content is on the disk and `require` raised nothing. False when somebody removed the file
        `beside` before it took its place: one that does that after `require` would raise is never overwritten."""
        with self._explained():
            try:
                with files.replacing(Path(self._path), like_old=True, beside=Path(beside)) as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    require()
            except FileNotFoundError:
                return False
        return True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (StateError, NotImplementedError):
            raise
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            raise self._error(error) from None

    def _error(self, error: Exception) -> StateError:
        if isinstance(error, sftp.UnknownServer):
            return StateError(f"The state {self.url} cannot be used: {error}. Nothing was read or written.")
        why = str(error) if isinstance(error, ImportError) else type(error).__name__
        return StateError(
            f"The state {self.url} cannot be used: {why}. Look at the address and the credentials for it."
        )


def shown(url: str) -> str:
    """The address without what may be a secret: user and password, and everything after the path."""
    return re.sub(r"//.*@", "//", url.partition("?")[0])
