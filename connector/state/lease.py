"""One process at a time works on a state.

Owns: taking, renewing, checking and freeing the lease. Must not: guard reads, or anything but this state.

A holder that dies frees it: at once when it ran on this machine, else when the lease runs out. The one that takes it
over raises the fence, and the former holder's next write is refused, so a sleeping laptop that wakes up cannot
write beside its successor. What it would send is refused as well (`require`, see confirmed.py).
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connector.core.errors import LeaseHeld, LeaseLost, StateError
from connector.state.confirmed import Confirmed, elapsed
from connector.state.drivers.driver import Driver
from connector.state.times import instant, micros

SECONDS = 60
RENEW_SECONDS = 15
_NAME = "state"


class Lease:
    """The lease of one store."""

    def __init__(self, db: Driver, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now
        self._fence: int | None = None
        self._confirmed: Confirmed | None = None

    @contextmanager
    def hold(self, holder: str) -> Iterator[None]:
        """Raises LeaseHeld when another process has it, StateError where this one may only read."""
        self._require_rights(holder)
        before = elapsed()
        self._take(holder)
        self._confirmed = Confirmed(str(self._db.path), self._renew, before, SECONDS - RENEW_SECONDS)
        try:
            with self._confirmed.renewed(RENEW_SECONDS):
                yield
        finally:
            self._confirmed = None
            self._free()

    def require(self) -> None:
        """Before every request that changes something. Raises LeaseLost unless the lease is provably ours right now,
        StateError without one."""
        if self._confirmed is None:
            raise StateError("A platform was to be changed without the lease of the state: a bug in the connector.")
        self._confirmed.require()

    def check(self) -> None:
        """Inside the transaction of every journal write. Raises LeaseHeld when it was lost, StateError without one."""
        if self._fence is None:
            raise StateError("The journal was written to without the lease: a bug in the connector.")
        if self._db.rows("SELECT fence FROM lease WHERE name = ?", [_NAME]) != [(self._fence,)]:
            raise LeaseLost(
                "Another process took over this state while this one was not responding. Nothing more was written "
                "here; see `sync runs` for what the other did."
            )

    def _require_rights(self, holder: str) -> None:
        if self._db.read_only:
            raise StateError(
                f"`sync {holder}` changes the state {self._db.path}, and this user may only read it. Plans, `sync "
                "status` and `sync runs` work with that; give the user the right to write for everything else."
            )

    def require_free(self) -> None:
        """Raises LeaseHeld when another process has it right now. Takes nothing."""
        if self._fence is None:
            for found in self._found():
                if not _is_free(found, machine(), self._now()):
                    raise self._held(found)

    def _found(self) -> list[tuple[Any, ...]]:
        return self._db.rows("SELECT holder, host, pid, since, expires_at, fence FROM lease WHERE name = ?", [_NAME])

    def _held(self, found: tuple[Any, ...]) -> LeaseHeld:
        holder, host, pid, since, _, _ = found
        return LeaseHeld(
            f"The state {self._db.path} is in use by {holder} (process {pid} on {host.split('#')[0]}) since "
            f"{instant(since):%Y-%m-%d %H:%M:%S} UTC. Wait until it is done, or stop it."
        )

    def _take(self, holder: str) -> None:
        host, pid, now = machine(), os.getpid(), self._now()
        with self._db.transaction():
            found = self._found()
            if found and not _is_free(found[0], host, now):
                raise self._held(found[0])
            fence = found[0][5] + 1 if found else 1
            self._db.run(
                "INSERT INTO lease(name, holder, host, pid, since, expires_at, fence) VALUES (?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT(name) DO UPDATE SET holder = excluded.holder, host = excluded.host, pid = excluded.pid, "
                "since = excluded.since, expires_at = excluded.expires_at, fence = excluded.fence",
                [_NAME, holder, host, pid, micros(now), micros(now + timedelta(seconds=SECONDS)), fence],
            )
        self._fence = fence

    def _renew(self) -> bool:
        expires = micros(self._now() + timedelta(seconds=SECONDS))
        sql = "UPDATE lease SET expires_at = ? WHERE name = ? AND fence = ? RETURNING fence"
        return bool(self._db.rows(sql, [expires, _NAME, self._fence]))

    def _free(self) -> None:
        """The row stays, expired: the fence must never go back. If this fails, the lease runs out."""
        fence, self._fence = self._fence, None
        with suppress(StateError):
            self._db.run("UPDATE lease SET expires_at = 0 WHERE name = ? AND fence = ?", [_NAME, fence])


def _is_free(lease: tuple[Any, ...], host: str, now: datetime) -> bool:
    _, its_host, its_pid, _, expires_at, _ = lease
    return bool(expires_at <= micros(now)) or (its_host == host and not is_running(its_pid))


def machine() -> str:
    """This machine's name and, after #, one for its process ids: containers may share a name, but never ids."""
    try:
        ids = f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}#{hashlib.sha256(ids.encode()).hexdigest()[:12]}"


def is_running(pid: int) -> bool:
    """Whether a process of this machine lives. Where that cannot be asked safely, yes."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
