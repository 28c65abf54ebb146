"""Turns under a platform's limits: sliding windows per bucket, and a pause when the platform says so.

Owns: Clock, Limiter. Must not: know a platform's numbers (they come as Windows), send anything, or sleep: it says how
long to wait, so that the one who waits can release what it holds.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from connector.core.errors import Interrupted
from connector.platforms.base import Window

# After a throttle a bucket runs at half its pace, and doubles it again after each calm stretch of this many seconds.
RECOVER_SECONDS = 60.0
CROWDED_SECONDS = 0.2  # until it is worth asking again whether fewer requests are in flight


class Clock(Protocol):
    """Elapsed time, so that tests can turn it."""

    def now(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Return after `seconds`. Raises Interrupted when the user asks to stop."""


def _always() -> None:
    """Nothing shared is changed."""


class WallClock:
    """The machine's clock; `stop` ends every sleep at once. `permit` is asked before every request that changes
    something, and raises when this process may not do so any more."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop or threading.Event()
        self.permit: Callable[[], None] = _always

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise Interrupted("Stopped while waiting for the platform.")


def permit_of(clock: Clock) -> Callable[[], None]:
    """The clock's permit; a clock that only turns, as those of tests, permits everything."""
    found: Callable[[], None] = getattr(clock, "permit", _always)
    return found


@dataclass(slots=True)
class _Bucket:
    windows: tuple[Window, ...]
    sent: deque[float] = field(default_factory=deque)
    paused_until: float = float("-inf")
    halvings: int = 0  # the pace is divided by 2 to the power of this
    calm_since: float = 0.0
    in_flight: int = 0

    def allowed(self, window: Window) -> int:
        return max(1, window.requests >> self.halvings)

    def crowded(self, most: int | None) -> bool:
        return bool(most and self.halvings and not self.windows) and self.in_flight >= max(
            1, (most or 1) >> self.halvings
        )


class Limiter:
    """Hands out turns so that no bucket exceeds any of its windows. Thread-safe.

    A bucket is whatever the platform counts together: an account, an endpoint. Buckets without windows of
    their own use those of "". Any stretch of `window.seconds`, its first instant included and its last one not, holds
    at most `window.requests` turns."""

    def __init__(self, windows: Mapping[str, tuple[Window, ...]], clock: Clock) -> None:
        self._windows = windows
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def ask(self, bucket: str, most: int | None = None) -> float:
        """0 and the turn is taken, or the seconds until it is worth asking again. The one that took it says `done`.

        `most` are the requests in flight that the platform bears. Where it has no windows, a throttle can only be about
        these, so then they are halved."""
        with self._lock:
            now = self._clock.now()
            held = self._bucket(bucket)
            self._recover(held, now)
            self._forget(held, now)
            wait = max(0.0, held.paused_until - now)
            for window in held.windows:
                allowed = held.allowed(window)
                if len(held.sent) >= allowed:
                    wait = max(wait, held.sent[-allowed] + window.seconds - now)
            if held.crowded(most):
                wait = max(wait, CROWDED_SECONDS)
            if wait <= 0:
                held.sent.append(now)
                held.in_flight += 1
            return wait

    def done(self, bucket: str) -> None:
        """The request of a turn is over."""
        with self._lock:
            self._bucket(bucket).in_flight -= 1

    def pause(self, bucket: str, seconds: float) -> None:
        """The platform throttled this bucket: nothing of it goes out for `seconds`, and then at half the pace, since
        the real limit may be lower than the published one (other programs share it, or it was lowered)."""
        with self._lock:
            now = self._clock.now()
            held = self._bucket(bucket)
            if now >= held.paused_until:  # several threads hear of the same throttle: it counts once
                held.halvings = min(held.halvings + 1, 10)
            held.paused_until = max(held.paused_until, now + seconds)
            held.calm_since = held.paused_until

    def _bucket(self, name: str) -> _Bucket:
        if name not in self._buckets:
            self._buckets[name] = _Bucket(self._windows.get(name, self._windows.get("", ())))
        return self._buckets[name]

    def _recover(self, held: _Bucket, now: float) -> None:
        while held.halvings and now - held.calm_since >= RECOVER_SECONDS:
            held.halvings -= 1
            held.calm_since += RECOVER_SECONDS

    def _forget(self, held: _Bucket, now: float) -> None:
        longest = max((window.seconds for window in held.windows), default=0.0)
        while held.sent and held.sent[0] + longest <= now:
            held.sent.popleft()
