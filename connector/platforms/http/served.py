"""What time it is at the platform: the `Date` header of its answers (RFC 9110, section 6.6.1), and the time since.

Owns: hearing it. Must not: read the machine's clock of the day, which may be hours ahead or behind, or put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class ServerTime:
    """Thread-safe. `elapsed` tells seconds that only grow."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._heard: tuple[datetime, float] | None = None

    def hear(self, headers: Mapping[str, str]) -> None:
        told = date(headers)
        if told is not None:
            self._heard = told, self._elapsed()

    def now(self) -> datetime | None:
        """None: no answer told it yet."""
        if self._heard is None:
            return None
        told, then = self._heard
        return told + timedelta(seconds=self._elapsed() - then)


def date(headers: Mapping[str, str]) -> datetime | None:
    """The Date header, if there is one that can be read."""
    text = next((value for name, value in headers.items() if name.lower() == "date"), "")
    try:
        told = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
