"""A SQLite state that lives in a bucket or on a share: fetched, used on this machine, put back.

Owns: when the file travels, and that only who has the lease (chain.py) puts it back. Must not: know a table but the
lease.

Object stores replace an object at once. On a share a file is written beside the old one, which it then replaces: a
process that dies meanwhile leaves the old one. A file that was cut off all the same is refused, and not taken for new.
S3 and Azure replace the file only if it is the one that this process put there last, however late the request
arrives; gcsfs offers no such condition. On a share, who takes the lease removes what its predecessors were writing,
so that none of them can put it in place later.

The file is put back when a run opens, before every request that creates, archives or unsubscribes people or takes them
back, before the first request of every other step, and when the lease ends. What is put back before a step says that
all of its requests have left: those set a state, so `sync resume` sends them again without harm, and one file per
request would be too much. So after a crash elsewhere the journal knows every request that may have left.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from connector.core.errors import LeaseLost, PlanError, Stale, StateError
from connector.core.model import Op
from connector.core.private import Folder
from connector.state import lease as local
from connector.state.attempts import Attempts
from connector.state.base import Journal, JournalBatch
from connector.state.confirmed import Confirmed, elapsed
from connector.state.drivers.chain import Chain
from connector.state.drivers.driver import Driver
from connector.state.drivers.sqlite import FORGET_AGAIN, Database
from connector.state.journal import SqlJournal
from connector.state.project import Project
from connector.state.store import SqlStore

_CONDITIONAL = frozenset(["s3", "s3a", "abfs", "abfss", "az"])  # protocols whose driver takes a condition
_WHOLE = 5 * 2**30  # the largest file that S3 takes in one request, and so under a condition


class Remote(Chain):
    """One file on one filesystem, with the lease beside it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._tag: str | None = None  # the name that S3 or Azure has for the content that we know

    def version(self) -> str | None:
        """Of the file; None when there is none."""
        return self._version(self._path)

    def fetch(self, into: Path) -> str | None:
        """The version that was fetched."""
        before = self.version()
        if before is None:
            self._require_container()
        else:
            with self._explained():
                content = self._fs.cat_file(self._path)
                self._tag = self._found()
            if self.version() != before:
                raise Stale(f"The state {self.url} was put back by another process just now. Try again.")
            if _is_cut_off(content):
                raise StateError(
                    f"The state {self.url} is incomplete: it was cut off while it was put back. Restore an earlier "
                    "copy of it, or remove it and run `sync push --refresh`, which rebuilds it from the platforms. "
                    + FORGET_AGAIN
                )
            into.write_bytes(content)
        return before

    def put(self, content: bytes) -> str | None:
        """Replace the file, if the lease is still ours. Raises LeaseLost."""
        self._require_newest()
        if self.is_share:
            if not self._replace_on_share(content, self._unfinished(self._number), self._require_newest):
                raise self._taken_over()
        else:
            with self._explained():
                if _CONDITIONAL.intersection(self._protocols):
                    self._put_if_unchanged(content)
                else:
                    self._replace(self._path, content)
        return self.version()

    def _require_newest(self) -> None:
        if self._newest() != self._number:
            raise self._taken_over()

    def _put_if_unchanged(self, content: bytes) -> None:
        """A request that was under way while this process was stopped must not replace what a successor has put."""
        try:
            answer = self._fs.pipe_file(self._path, content, **self._condition())
            self._tag = _tag(answer)
        except Exception:  # each version of s3fs and botocore has its own
            with self._explained():
                self._fs.invalidate_cache()
                there = self._fs.cat_file(self._path) if self._fs.exists(self._path) else None
                found = self._found() if there is not None else None
            if there != content and found != self._tag:
                raise self._taken_over() from None
            if there != content:
                raise
            self._tag = found  # the answer was lost, and the request was sent again

    def _condition(self) -> dict[str, Any]:
        """Replace what we know, or make it if nothing is there."""
        if "s3" in self._protocols:
            return {"chunksize": _WHOLE, **({"IfMatch": self._tag} if self._tag else {"IfNoneMatch": "*"})}
        if not self._tag:
            return {"overwrite": False}
        from azure.core import MatchConditions

        return {"etag": self._tag, "match_condition": MatchConditions.IfNotModified}

    def _found(self) -> str | None:
        return _tag(self._fs.info(self._path))

    def _taken_over(self) -> LeaseLost:
        return LeaseLost(
            f"Another process took over {self.url} while this one was not responding. Nothing was put back."
        )


def _tag(told: dict[str, Any]) -> str | None:
    """s3fs calls it ETag, adlfs etag."""
    return told.get("ETag") or told.get("etag")


def _is_cut_off(content: bytes) -> bool:
    """Whether an SQLite file is shorter than its header says (sqlite.org/fileformat.html, read 2026-11-22): the size
    of a page in bytes 16 and 17, where 1 means 65,536, and the number of pages in bytes 28 to 31."""
    page = int.from_bytes(content[16:18], "big")
    return len(content) < 100 or len(content) < (65_536 if page == 1 else page) * int.from_bytes(content[28:32], "big")


class RemoteStore(SqlStore):
    """connector.state.base.Store over a copy on this machine, readable by its owner alone, gone when it is closed."""

    def __init__(self, url: str, now: Callable[[], datetime] | None = None) -> None:
        self._remote = Remote(url)
        self._folder = Folder("state")
        self._file = self._folder.path / "state.db"
        try:
            self._version = self._remote.fetch(self._file)
        except BaseException:
            self._folder.remove()
            raise
        self._putting = threading.Lock()
        self._confirmed: Confirmed | None = None
        self._copy = Database(self._file)
        super().__init__(self._copy, now)
        self.project = Project(self._db, self._remote.url)
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

    @contextmanager
    def noting(self) -> Iterator[Attempts]:
        """On a copy of its own: the file may have been put back by others since this one was fetched."""
        newest = RemoteStore(self._remote.url, self._now)
        try:
            with newest.lease("note"):
                yield newest.attempts
        finally:
            newest.close()

    def close(self) -> None:
        super().close()
        self._folder.remove()

    def require_free(self) -> None:
        if self._confirmed is None:
            self._remote.require_free()

    def require_finished(self) -> None:
        try:
            super().require_finished()
        except PlanError:
            if self._confirmed is None:
                self._require_current()  # the one at work may have ended it since the file was fetched
            raise

    def require_lease(self) -> None:
        if self._confirmed is None:
            raise StateError("A platform was to be changed without the lease of the state: a bug in the connector.")
        self._confirmed.require()

    @contextmanager
    def _held(self, holder: str) -> Iterator[None]:
        before = elapsed()
        self._remote.take(holder, os.getpid())
        trusted = local.SECONDS - local.RENEW_SECONDS
        self._confirmed = held = Confirmed(self._remote.url, self._remote.renew, before, trusted)
        try:
            with held.renewed(local.RENEW_SECONDS):
                yield from self._used(holder)
        finally:
            self._confirmed = None
            if not held.lost:
                self._remote.free()

    def _used(self, holder: str) -> Iterator[None]:
        self._require_current()
        self._db.run("UPDATE lease SET expires_at = 0")  # of the one that put the file back last
        try:
            with super().lease(holder):
                yield
        finally:
            self._put(last=True)

    def _require_current(self) -> None:
        if self._remote.version() != self._version:
            raise Stale(f"The state {self._remote.url} has changed since this command read it. Run it again.")

    def _put(self, *, last: bool = False) -> None:
        """`last`: nothing is sent after it."""
        with self._putting:  # in the order in which the contents were taken
            with nullcontext() if last else self._traveller.announced():
                content = self._copy.content()
            self._version = self._remote.put(content)


# What cannot be sent again as if nothing had been sent: each request of them is put back before it leaves.
_EACH = (Op.CREATE, Op.RETIRE, Op.UNSUBSCRIBE, Op.RESTORE)


class _Journal(SqlJournal):
    """The journal whose intentions are put back before their requests leave."""

    put: Callable[[], None]

    def __init__(self, db: Driver, lease: local.Lease, now: Callable[[], datetime]) -> None:
        super().__init__(db, lease, now)
        self._writing, self._announcing = threading.RLock(), threading.Lock()
        self._announced: set[int] = set()  # steps of which everything that is put back says that it has left

    def sent(self, batch: JournalBatch) -> None:
        if batch.step.op in _EACH:
            super().sent(batch)
            self.put()
            return
        with self._announcing:  # nothing of the step leaves before it has been put back
            if batch.step.id not in self._announced:
                self._announce(batch.step.id)
        super().sent(batch)

    def _announce(self, step: int) -> None:
        with self._writing:  # another destination's request may be putting the state back, and goes through them
            self._announced.add(step)
        try:
            self.put()
        except BaseException:
            with self._writing:
                self._announced.discard(step)
            raise

    @contextmanager
    def announced(self) -> Iterator[None]:
        """What is put back now tells of every request that may leave before it is put back again."""
        with self._writing, self.as_if_sent(self._announced):
            yield

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._writing, super()._write():
            yield
