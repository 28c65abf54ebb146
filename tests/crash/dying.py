"""A process that dies at a chosen commit or request, played inside this one.

Owns: counting them, and opening the state again afterwards. Must not: know what a history must hold.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connector.state.drivers import sqlite

if TYPE_CHECKING:
    from tests.crash.histories import Histories


class Killed(BaseException):
    """Nothing of this process is written any more."""


class Dying:
    """Dies at one of the commits and requests, counted together; afterwards the state is opened again."""

    def __init__(self, history: Histories, at: int | None, after: bool) -> None:
        self.history, self.at, self.after, self.seen = history, at, after, 0
        self.commit = sqlite.Database._commit

    def __enter__(self) -> None:
        dying = self

        def commit(driver: sqlite.Database) -> None:
            dying.count(lambda: dying.commit(driver))

        sqlite.Database._commit = commit  # type: ignore[method-assign]
        self.history.platform.trouble = lambda call, batch: self.event(False)
        self.history.platform.lost = lambda call, batch: self.event(True)

    def count(self, act: Any) -> None:
        self.seen += 1
        if self.at is not None and self.seen >= self.at:
            if self.seen == self.at and self.after:
                act()
            raise Killed
        act()

    def event(self, applied: bool) -> BaseException | None:
        self.seen += not applied
        dead = self.at is not None and (self.seen > self.at or (self.seen == self.at and self.after == applied))
        return Killed() if dead else None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        sqlite.Database._commit = self.commit  # type: ignore[method-assign]
        if kind is not Killed:
            return False
        self.history.store.close()
        self.history.moment += timedelta(minutes=2)  # this process lives, so its lease has to run out
        self.history.store = self.history._open()
        self.history.cut_off = self.history.store.unfinished() is not None
        return True
