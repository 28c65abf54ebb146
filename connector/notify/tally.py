"""Counts of the requests of one command.

Owns: counting events. Must not: print, keep a path or an address.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from connector.core.events import Event, Listener, RequestSent, Waiting, silent

TOO_MANY = 429


class Tally:
    """A listener that counts, and passes events on. Thread-safe."""

    def __init__(self, listener: Listener = silent) -> None:
        self._listener = listener
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._throttled: Counter[str] = Counter()
        self._waited: Counter[str] = Counter()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if isinstance(event, RequestSent):
                self._requests[event.destination, "write" if event.writes else "read"] += 1
                self._throttled[event.destination] += event.status == TOO_MANY
            elif isinstance(event, Waiting):
                self._waited[event.destination] += round(event.seconds * 1000)
        self._listener(event)

    def facts(self) -> dict[str, Any]:
        """requests: destination -> read, write; throttled: destination -> answers “too many requests”; waited:
        destination -> seconds."""
        with self._lock:
            requests: dict[str, dict[str, int]] = {}
            for (name, how), count in sorted(self._requests.items()):
                requests.setdefault(name, {})[how] = count
            waited = {name: ms / 1000 for name, ms in self._waited.items()}
            return {"requests": requests, "throttled": dict(self._throttled), "waited": waited}
