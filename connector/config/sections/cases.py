"""A test of rules as a value: people, a moment, and what is expected of them.

Owns: Case and its parts. Must not: read a file, judge what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.problem import Place


@dataclass(frozen=True, slots=True)
class Cell:
    """One written value (a scalar or a list of them), where it stands and where its key does."""

    value: Any
    place: Place
    key: Place


@dataclass(frozen=True, slots=True)
class Expected:
    """What a person is expected to be: in a segment (True) or not; `what` "" is consent."""

    what: str
    wanted: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Given:
    """One person of a test. `contact` are columns and traits, `events` rows per source."""

    place: Place
    contact: Mapping[str, Cell]
    events: Mapping[str, tuple[Mapping[str, Cell], ...]]
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `as_of` without a zone is read in the file's `timezone`; a day stands for its end."""

    name: str
    place: Place
    as_of: date | datetime
    people: tuple[Given, ...]

    def moment(self, zone: ZoneInfo) -> datetime:
        if not isinstance(self.as_of, datetime):
            end = datetime.combine(self.as_of + timedelta(days=1), time(), zone)
            return end - timedelta(microseconds=1)
        return self.as_of if self.as_of.tzinfo else self.as_of.replace(tzinfo=zone)
