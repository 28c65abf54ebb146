"""A clock that tests turn: sleeping takes no time, and is remembered."""

from __future__ import annotations

import threading


class TurnedClock:
    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self.time

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.time += max(0.0, seconds)

    def turn(self, seconds: float) -> None:
        with self._lock:
            self.time += seconds
