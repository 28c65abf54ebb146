"""A SQLite state that lives in a bucket or on a share: fetched, used on this machine, put back.

Owns: fsspec, when the file travels, the lease objects beside it. Must not: know a table but the lease.

Every filesystem of fsspec can make an object only if there is none, and none can replace one only if it is the one that
was read. So the lease is a chain of objects NAME.lease-1, -2, …: taking it is making the next number, which only one
runner can do, and the highest number is the fence. Whoever finds a higher one than its own puts nothing back.

Object stores replace an object at once. On a share a file is written beside the old one, which it then replaces: a
process that dies meanwhile leaves the old one. A file that was cut off all the same is refused, and not taken for new.

The file is put back when a run opens, before every request that creates people, and when the lease ends. So after a
crash elsewhere the journal knows the run and every CREATE that may have left; all other requests set a state, and
`sync resume` sends those again without harm.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

from connector.core import files
from connector.core.errors import LeaseHeld, Stale, StateError
from connector.core.model import Op
from connector.state import lease as local
from connector.state.base import Journal, JournalBatch
from connector.state.drivers.sqlite import FORGET_AGAIN, Database
from connector.state.journal import SqlJournal
from connector.state.store import SqlStore
from connector.state.times import instant, micros


class Remote:
    """One file on one filesystem. Raises StateError for whatever the filesystem raises."""

    def __init__(self, url: str) -> None:
        self.url = re.sub(r"//[^/@]*@", "//", url.partition("?")[0])
        with self._explained():
            self._fs, self._path = url_to_fs(url)
        self._number = 0

    def version(self) -> str | None:
        """Of the file; None when there is none."""
        with self._explained():
            self._fs.invalidate_cache()
            return str(self._fs.ukey(self._path)) if self._fs.exists(self._path) else None

    def fetch(self, into: Path) -> str | None:
        """The version that was fetched."""
        before = self.version()
        if before is not None:
            with self._explained():
                content = self._fs.cat_file(self._path)
            if self.version() != before:
                raise Stale(f"The state {self.url} was put back by another process just now. Try again.")
            if _is_cut_off(content):
                raise StateError(
                    f"The state {self.url} is incomplete: it was cut off while it was put back. Restore an earlier "
                    "copy of it, or remove it and run `sync push --refresh`, which makes it anew from the platforms. "
                    + FORGET_AGAIN
                )
            into.write_bytes(content)
        return before

    def put(self, content: bytes) -> str | None:
        """Replace the file, if the lease is still ours. Raises LeaseHeld."""
        if self._newest() != self._number:
            raise LeaseHeld(
                f"Another process took over {self.url} while this one was not responding. Nothing was put back."
            )
        with self._explained():
            self._replace(self._path, content)
        return self.version()

    def _replace(self, path: str, content: bytes) -> None:
        if not isinstance(self._fs, LocalFileSystem):
            self._fs.pipe_file(path, content)
            return
        with files.replacing(Path(path), like_old=True) as file:
            file.write(content)

    def take(self, holder: str, now: datetime) -> None:
        newest = self._newest()
        found = self._read(newest) if newest else None
        if found and not _is_free(found, now):
            raise LeaseHeld(
                f"The state {self.url} is in use by {found['holder']} "
                f"(process {found['pid']} on {found['machine'].split('#')[0]}) since "
                f"{instant(found['since']):%Y-%m-%d %H:%M:%S} UTC. Wait until it is done; a lease that is not renewed "
                f"ends after {local.SECONDS} s."
            )
        mine = {"holder": holder, "pid": os.getpid(), "machine": local.machine(), "since": micros(now)}
        self._mine = mine
        try:
            self._fs.pipe_file(self._lease(newest + 1), self._until(now), mode="create")
        except FileExistsError:
            raise LeaseHeld(f"The state {self.url} was just taken by another process. Wait until it is done.") from None
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            raise self._error(error) from None
        self._number = newest + 1
        for number in range(max(1, newest - 3), newest):
            lease = self._lease(number)
            for left in (lease, f"{lease}.new-{number}", f"{self._path}.new-{number}"):
                with suppress(Exception):
                    self._fs.rm_file(left)

    def renew(self, now: datetime) -> None:
        with self._explained():
            self._replace(self._lease(self._number), self._until(now))

    def free(self) -> None:
        with suppress(StateError), self._explained():
            self._replace(self._lease(self._number), json.dumps(self._mine | {"expires_at": 0}).encode())

    def _until(self, now: datetime) -> bytes:
        return json.dumps(self._mine | {"expires_at": micros(now) + local.SECONDS * 10**6}).encode()

    def _newest(self) -> int:
        with self._explained():
            self._fs.invalidate_cache()
            names = self._fs.glob(self._path + ".lease-*")
        return max((int(found[1]) for name in names if (found := re.search(r"\.lease-(\d+)$", name))), default=0)

    def _read(self, number: int) -> dict[str, Any]:
        with self._explained():
            content, written = self._fs.cat_file(self._lease(number)), self._fs.modified(self._lease(number))
        try:
            found: dict[str, Any] = json.loads(content)
        except ValueError:  # who made it died before it was written, or is about to write it
            begun = micros(written.replace(tzinfo=written.tzinfo or UTC))
            end = begun + local.SECONDS * 10**6
            found = {"holder": "a command", "pid": 0, "machine": "another machine", "since": begun, "expires_at": end}
        return found

    def _lease(self, number: int) -> str:
        return f"{self._path}.lease-{number}"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ImportError, ValueError, OSError) as error:
            raise self._error(error) from None
        except StateError:
            raise
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            raise self._error(error) from None

    def _error(self, error: Exception) -> StateError:
        why = str(error) if isinstance(error, ImportError) else type(error).__name__
        return StateError(
            f"The state {self.url} cannot be used: {why}. Look at the address and the credentials for it."
        )


def _is_cut_off(content: bytes) -> bool:
    """Whether an SQLite file is shorter than its header says (sqlite.org/fileformat.html, read 2026-11-22): the size
    of a page in bytes 16 and 17, where 1 means 65,536, and the number of pages in bytes 28 to 31."""
    page = int.from_bytes(content[16:18], "big")
    return len(content) < 100 or len(content) < (65_536 if page == 1 else page) * int.from_bytes(content[28:32], "big")


def _is_free(lease: dict[str, Any], now: datetime) -> bool:
    """It ran out, or who held it died on this machine."""
    died = lease["machine"] == local.machine() and not local.is_running(lease["pid"])
    return bool(lease["expires_at"] <= micros(now)) or died


class RemoteStore(SqlStore):
    """connector.state.base.Store over a copy on this machine, readable by its owner alone, gone when it is closed."""

    def __init__(self, url: str, now: Callable[[], datetime] | None = None) -> None:
        self._remote = Remote(url)
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "state.db"
        try:
            self._version = self._remote.fetch(self._file)
        except BaseException:
            self._folder.cleanup()
            raise
        self._putting = threading.Lock()
        self._copy = Database(self._file)
        super().__init__(self._copy, now)
        self._traveller = _Journal(self._db, self._lease, self._now)
        self._traveller.put = self._put

    @property
    def journal(self) -> Journal:
        return self._traveller

    @property
    def place(self) -> str:
        return self._remote.url

    def open_run(self, **parts: Any) -> str:
        run = super().open_run(**parts)
        self._put()
        return run

    def lease(self, holder: str) -> AbstractContextManager[None]:
        return self._held(holder)

    def close(self) -> None:
        super().close()
        self._folder.cleanup()

    @contextmanager
    def _held(self, holder: str) -> Iterator[None]:
        self._remote.take(holder, datetime.now(UTC))
        stop = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(stop,), name="remote lease", daemon=True)
        renewing.start()
        try:
            if self._remote.version() != self._version:
                raise Stale(f"The state {self._remote.url} has changed since this command read it. Run it again.")
            self._db.run("UPDATE lease SET expires_at = 0")  # of whoever put the file back last
            try:
                with super().lease(holder):
                    yield
            finally:
                self._put()
        finally:
            stop.set()
            renewing.join()
            self._remote.free()

    def _renew_until(self, stop: threading.Event) -> None:
        while not stop.wait(local.RENEW_SECONDS):
            with suppress(StateError):
                self._remote.renew(datetime.now(UTC))

    def _put(self) -> None:
        with self._putting:  # in the order in which the contents were taken
            self._version = self._remote.put(self._copy.content())


class _Journal(SqlJournal):
    """The journal whose CREATEs are put back before they leave."""

    put: Callable[[], None]

    def sent(self, batch: JournalBatch) -> None:
        super().sent(batch)
        if batch.step.op is Op.CREATE:
            self.put()
