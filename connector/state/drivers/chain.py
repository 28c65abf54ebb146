"""The lease of a state in a bucket or on a share: a chain of objects NAME.lease-1, -2, … beside it.

Owns: the chain. Must not: know the state's file, or trust the clock of a runner.

Every filesystem of fsspec can make an object only if there is none. So taking the lease is making the next number,
which only one runner can do, and the highest number is the fence.

A lease that is not freed ends when it was not written for SECONDS, by the clock of the store: the time it stamps on an
object that is written now, less that of the lease. On a share some clients stamp the time themselves, so a lease of
another machine is also watched there; where the store tells no time, it is watched for its whole length.

Who takes writes its number first and then looks at the former lease once more; who renews writes its lease first and
then looks for a higher number. Whatever the order, one of the two finds the other.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from connector.core.errors import LeaseHeld, StateError
from connector.state import lease as local
from connector.state.drivers.place import Place
from connector.state.times import instant, micros

_LOOKS = 20  # while a lease is watched


class Chain(Place):
    """The leases beside one file. `_number` is ours."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._number = 0
        self._renewals = 0
        self._mine: dict[str, Any] = {}

    def take(self, holder: str, pid: int) -> None:
        """Raises LeaseHeld, at once or after watching a lease that seems to have ended."""
        newest = self._newest()
        found = self._read(newest) if newest else None
        before = self._version(self._lease(newest)) if newest else None
        if found and not self._is_free(newest, found, before):
            raise self._held(found)
        now = micros(datetime.now(UTC))
        self._mine = {"holder": holder, "pid": pid, "machine": local.machine(), "since": now}
        self._make(newest + 1)
        self._number = newest + 1
        if found and self._version(self._lease(newest)) != before and not _freed(again := self._read(newest)):
            self.free()
            raise self._held(again)
        self._remove_unfinished()
        self._remove_old(newest)

    def renew(self) -> bool:
        """Whether the lease is still ours."""
        with self._explained():
            self._replace(self._lease(self._number), self._told())
        return self._newest() == self._number

    def free(self) -> None:
        """If this fails, the lease runs out."""
        with suppress(StateError), self._explained():
            self._replace(self._lease(self._number), json.dumps(self._mine | {"expires_at": 0}).encode())

    def require_free(self) -> None:
        """Raises LeaseHeld when another process works with the file right now. Writes nothing, so that who may only
        read can ask: what a lease says of itself is believed when it says that it lasts, and watched otherwise."""
        newest = self._newest()
        found = self._read(newest) if newest else None
        if found is None or _freed(found) or _died(found):
            return
        left = found["expires_at"] - micros(datetime.now(UTC))
        lasts = 0 < left <= local.SECONDS * 10**6
        if lasts or self._moves(newest, self._version(self._lease(newest)), local.SECONDS / 3):
            raise self._held(found)

    def _make(self, number: int) -> None:
        try:
            self._fs.pipe_file(self._lease(number), self._told(), mode="create")
        except FileExistsError:
            raise LeaseHeld(f"The state {self.url} was just taken by another process. Wait until it is done.") from None
        except Exception as error:  # noqa: BLE001 - each filesystem has errors of its own
            raise self._error(error) from None

    def _is_free(self, number: int, found: dict[str, Any], version: str | None) -> bool:
        """It was freed, who held it died on this machine, or it has ended."""
        if _freed(found) or _died(found):
            return True
        written, now = self._written(self._lease(number)), self._clock()
        if written is None or now is None:
            return not self._moves(number, version, local.SECONDS)
        age = (now - written).total_seconds()
        if age < -local.SECONDS:  # the store's clock was put back
            return not self._moves(number, version, local.SECONDS)
        if age <= local.SECONDS:
            return False
        elsewhere = self.is_share and found["machine"] != local.machine()
        return not (elsewhere and self._moves(number, version, local.SECONDS / 3))

    def _moves(self, number: int, version: str | None, seconds: float) -> bool:
        """Whether somebody renews it, or takes the next one, within so many seconds."""
        for _ in range(_LOOKS if seconds > 0 else 0):
            time.sleep(seconds / _LOOKS)
            if self._newest() != number or self._version(self._lease(number)) != version:
                return True
        return False

    def _told(self) -> bytes:
        """Different each time, so that a renewal is seen by its content. `expires_at` is for people, and for runners of
        an older version."""
        self._renewals += 1
        expires = micros(datetime.now(UTC)) + local.SECONDS * 10**6
        return json.dumps(self._mine | {"expires_at": expires, "renewals": self._renewals}).encode()

    def _newest(self) -> int:
        with self._explained():
            self._fs.invalidate_cache()
            names = self._fs.glob(self._path + ".lease-*")
        return max((int(found[1]) for name in names if (found := re.search(r"\.lease-(\d+)$", name))), default=0)

    def _read(self, number: int) -> dict[str, Any]:
        with self._explained():
            content = self._fs.cat_file(self._lease(number))
        try:
            found: dict[str, Any] = json.loads(content)
        except ValueError:  # who made it died before it was written, or is about to write it
            written = self._written(self._lease(number)) or datetime.now(UTC)
            since = micros(written)
            end = since + local.SECONDS * 10**6
            found = {"holder": "a command", "pid": 0, "machine": "another machine", "since": since, "expires_at": end}
        return found

    def _held(self, found: dict[str, Any]) -> LeaseHeld:
        return LeaseHeld(
            f"The state {self.url} is in use by {found['holder']} "
            f"(process {found['pid']} on {found['machine'].split('#')[0]}) since "
            f"{instant(found['since']):%Y-%m-%d %H:%M:%S} UTC. Wait until it is done; a lease that is not renewed "
            f"ends after {local.SECONDS} s."
        )

    def _remove_old(self, newest: int) -> None:
        for number in range(max(1, newest - 3), newest):
            with suppress(Exception):
                self._fs.rm_file(self._lease(number))

    def _remove_unfinished(self) -> None:
        """What former holders were writing beside the file on a share. They look for a higher number once it is
        written, and then only rename it: so after this none of them can replace the file, however late it wakes up."""
        if not self.is_share:
            return
        with self._explained():
            for left in self._fs.glob(self._unfinished("*")):
                if left != self._unfinished(self._number):
                    with suppress(FileNotFoundError):
                        self._fs.rm_file(left)

    def _unfinished(self, number: int | str) -> str:
        return f"{self._path}.new-{number}"

    def _lease(self, number: int) -> str:
        return f"{self._path}.lease-{number}"


def _freed(lease: dict[str, Any]) -> bool:
    return bool(lease["expires_at"] == 0)


def _died(lease: dict[str, Any]) -> bool:
    return lease["machine"] == local.machine() and not local.is_running(lease["pid"])
