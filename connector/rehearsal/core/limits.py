"""Counting requests against a vendor's rate limits.

Owns: Meter, sliding windows in memory (a restart forgets them, as does waiting). Must not: know a vendor's numbers or
build answers.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """At most `requests` in any `seconds`. `name` lets a guard say which one was exceeded."""

    requests: int
    seconds: float
    name: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`exceeded` is None when the request may pass; then it has been counted. Per window, in the order given:
    `allowed` after scaling, `remaining`, and `reset`: seconds until the oldest counted request falls out."""

    exceeded: Window | None
    retry_after: float
    allowed: tuple[int, ...]
    remaining: tuple[int, ...]
    reset: tuple[float, ...]


class Meter:
    """One log of instants per bucket (an account, an endpoint: whatever the vendor counts together)."""

    def __init__(self, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._elapsed = elapsed
        self._seen: dict[str, list[float]] = {}

    def take(self, bucket: str, windows: Sequence[Window], scale: float = 1.0) -> Verdict:
        """Count one request if every window has room for it. A refused request is not counted."""
        now = self._elapsed()
        seen = self._seen.setdefault(bucket, [])
        del seen[: bisect_right(seen, now - max(window.seconds for window in windows))]
        allowed = [max(1, math.floor(window.requests * scale)) for window in windows]
        oldest = [bisect_right(seen, now - window.seconds) for window in windows]
        waits = [
            max(0.0, seen[-most] + window.seconds - now) if len(seen) - first >= most else 0.0
            for window, most, first in zip(windows, allowed, oldest, strict=True)
        ]
        passed = not any(waits)
        if passed:
            seen.append(now)
        return Verdict(
            None if passed else windows[waits.index(max(waits))],
            max(waits),
            tuple(allowed),
            tuple(max(0, most - (len(seen) - first)) for most, first in zip(allowed, oldest, strict=True)),
            tuple(
                max(0.0, seen[first] + window.seconds - now) if first < len(seen) else 0.0
                for window, first in zip(windows, oldest, strict=True)
            ),
        )

    def clear(self) -> None:
        """Forget every request, as if a long time had passed."""
        self._seen.clear()
