"""The calendar: windows and dates of rules as spans of time, computed once per run.

Owns: Clock, Span and the meaning of "today", "90 days ago" and a local date. Must not: touch data or an engine.

Instants are naive datetimes in UTC; days are dates in the file's `timezone`. A Span is half open, so that a day, an
instant and a window are compared the same way.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from connector.config.language.rules import Duration, Period, PeriodUnit, Window

T = TypeVar("T", date, datetime)
WindowName = Literal["within", "more_than_ago", "within_next"]
TICK = timedelta(microseconds=1)  # the finest time that exports and engines keep
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Span(Generic[T]):
    """From `low`, included, to `high`, excluded; None is without end."""

    low: T | None
    high: T | None


@dataclass(frozen=True)
class Clock:
    """The one time of a run. `as_of` is an instant (naive UTC)."""

    as_of: datetime
    zone: ZoneInfo

    @classmethod
    def at(cls, as_of: datetime, zone: ZoneInfo) -> Clock:
        """A time without a zone is read in `zone`."""
        return cls(_utc(as_of if as_of.tzinfo else as_of.replace(tzinfo=zone)), zone)

    @cached_property
    def today(self) -> date:
        return self.as_of.replace(tzinfo=UTC).astimezone(self.zone).date()

    def instant(self, local: datetime) -> datetime:
        """A time of a rule. In a clock gap an hour later, a double one is the first (PEP 495, fold=0)."""
        return _utc(local if local.tzinfo else local.replace(tzinfo=self.zone))

    def start(self, day: date) -> datetime | None:
        """When the local day begins; None outside the years that a date can hold."""
        try:
            return self.instant(datetime(day.year, day.month, day.day))
        except OverflowError:
            return None

    def shifted(self, duration: Duration, sign: Literal[-1, 1]) -> date | None:
        """Today plus or minus calendar units; None outside the years that a date can hold."""
        return shifted(self.today, duration, sign)

    def days(self, name: WindowName, duration: Duration) -> Span[date]:
        """The window as local days; only for units of a day and longer."""
        tomorrow = self.today + DAY
        if name == "within_next":
            end = self.shifted(duration, 1)
            return Span(self.today, end + DAY if end and end < date.max else None)
        begin = self.shifted(duration, -1)
        if name == "more_than_ago":
            return Span(None, begin or date.min)
        return Span(begin, tomorrow)

    def instants(self, name: WindowName, duration: Duration) -> Span[datetime]:
        """The window as instants. The past ends with `as_of` itself; later today is future."""
        begin, end = self._edges(name, duration)
        if name == "within":
            return Span(begin, self.as_of + TICK)
        if name == "more_than_ago":
            return Span(None, begin or datetime.min)
        return Span(self.as_of, end)

    def period_days(self, period: Period) -> Span[date]:
        """A unit of the calendar as local days, weeks from Monday on. The present one ends today."""
        first = _first(self.today, period.unit)
        if period.step == 0:
            return Span(first, self.today + DAY)
        if period.step < 0:
            return Span(_following(first, period.unit, -1) or date.min, first)
        begin = _following(first, period.unit, 1) or date.max
        return Span(begin, _following(begin, period.unit, 1))

    def period_instants(self, period: Period) -> Span[datetime]:
        """As instants. The present unit ends with `as_of` itself."""
        days = self.period_days(period)
        begin = self.start(days.low) if days.low else None
        if period.step == 0:
            return Span(begin, self.as_of + TICK)
        end = self.start(days.high) if days.high else None
        return Span(begin, end or (datetime.min if period.step < 0 else None))

    def window(self, window: Window) -> Span[datetime]:
        """The window of events: `within` or `during`."""
        return self.period_instants(window) if isinstance(window, Period) else self.instants("within", window)

    def _edges(self, name: WindowName, duration: Duration) -> tuple[datetime | None, datetime | None]:
        if duration.unit == "hour":
            return self._hours(-duration.number), self._hours(duration.number, TICK)
        days = self.days(name, duration)
        low, high = (days.high, None) if name == "more_than_ago" else (days.low, days.high)
        return (self.start(low) if low else None), (self.start(high) if high else None)

    def _hours(self, number: int, more: timedelta = timedelta()) -> datetime | None:
        try:
            return self.as_of + timedelta(hours=number) + more
        except OverflowError:
            return None

    def day(self, day: date) -> Span[datetime]:
        """A local day as instants."""
        return Span(self.start(day), self.start(day + DAY) if day < date.max else None)

    def tick(self, local: datetime) -> Span[datetime]:
        """One instant."""
        instant = self.instant(local)
        return Span(instant, instant + TICK)


def ago(as_of: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """The aware moment so long before `as_of`: hours exactly, days and longer at the same local time of day."""
    clock = Clock.at(as_of, zone)
    if duration.unit == "hour":
        return (clock._hours(-duration.number) or datetime.min).replace(tzinfo=UTC)
    local = clock.as_of.replace(tzinfo=UTC).astimezone(zone)
    day = clock.shifted(duration, -1) or date(1900, 1, 1)
    return datetime.combine(day, local.time(), zone).astimezone(UTC)


def one_day(day: date) -> Span[date]:
    return Span(day, day + DAY if day < date.max else None)


def shifted(day: date, duration: Duration, sign: Literal[-1, 1]) -> date | None:
    """`day` moved by calendar units. A month later is the same day of that month, or its last."""
    number = sign * duration.number
    try:
        if duration.unit in ("day", "week"):
            return day + timedelta(days=number * (7 if duration.unit == "week" else 1))
        return _months(day, number * (12 if duration.unit == "year" else 1))
    except (OverflowError, ValueError):
        return None


def _first(day: date, unit: PeriodUnit) -> date:
    """The first day of the unit that `day` lies in."""
    if unit == "day":
        return day
    if unit == "week":
        return date.fromordinal(max(1, day.toordinal() - day.weekday()))
    if unit == "year":
        return day.replace(month=1, day=1)
    return day.replace(month=day.month if unit == "month" else (day.month - 1) // 3 * 3 + 1, day=1)


def _following(first: date, unit: PeriodUnit, sign: Literal[-1, 1]) -> date | None:
    """The first day of the next unit, or of the one before; None outside the years that a date can hold."""
    return shifted(first, Duration(3, "month") if unit == "quarter" else Duration(1, unit), sign)


def _months(day: date, number: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
