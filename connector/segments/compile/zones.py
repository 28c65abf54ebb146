"""The file's time zone inside a query: the local day of an instant, and the instant a local day begins.

Owns: the offsets of the zone database as one CASE expression, so that every engine uses the same rules.
Must not: be used for windows, which are instants before the query (windows.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import ibis

Steps = tuple[tuple[datetime, timedelta], ...]  # (since when, offset), oldest first
_FIRST, _LAST = datetime(1890, 1, 1), datetime(2060, 1, 1)  # outside, the first and last offset are used
_STEP = timedelta(days=7)  # no zone changes its clock twice within a week


Extent = tuple[Any, Any] | None  # the smallest and the largest value of a column; None when that is not known


def local_day(instant: Any, zone: ZoneInfo, extent: Extent = None) -> Any:
    """The calendar day of a UTC timestamp in `zone`."""
    return _moved(instant, _between(_offsets(zone), extent)).date()


def start_of_day(day: Any, zone: ZoneInfo, extent: Extent = None) -> Any:
    """The UTC timestamp at which a calendar day begins in `zone`."""
    return _moved(day.cast("timestamp(6)"), _between(_starts(zone), extent))


def _between(steps: Steps, extent: Extent) -> Steps:
    """The steps that matter for values of this extent: a century of clock changes makes a slow query."""
    if extent is None:
        return steps
    if extent[0] is None:
        return steps[:1]
    low, high = (datetime(value.year, value.month, value.day) for value in extent)
    before = [step for step in steps if step[0] <= low][-1:] or list(steps[:1])
    return (*before, *(step for step in steps if before[0][0] < step[0] <= high + _STEP))


def _moved(value: Any, steps: Steps) -> Any:
    """`value` plus the offset of the last step that is not after it. Newest first: most exports are recent."""
    cases = [
        (value >= ibis.literal(since, type="timestamp(6)"), _plus(value, offset))
        for since, offset in reversed(steps[1:])
    ]
    first = _plus(value, steps[0][1])
    return ibis.cases(*cases, else_=first) if cases else first


def _plus(value: Any, offset: timedelta) -> Any:
    return value + ibis.interval(seconds=int(offset.total_seconds())) if offset else value


@lru_cache
def _offsets(zone: ZoneInfo) -> Steps:
    """(since when in UTC, offset to local time), oldest first."""
    return _changes(lambda moment: _offset(moment, zone), _FIRST, _STEP)


@lru_cache
def _starts(zone: ZoneInfo) -> Steps:
    """(from which local midnight on, difference to the instant the day begins), oldest first."""
    days = {_FIRST}
    for since, offset in _offsets(zone)[1:]:
        near = datetime.combine((since + offset).date(), datetime.min.time())
        days.update(near + timedelta(days=number) for number in (-1, 0, 1, 2))
    return tuple(_distinct((day, _start(day, zone) - day) for day in sorted(days)))


def _start(day: datetime, zone: ZoneInfo) -> datetime:
    return day.replace(tzinfo=zone).astimezone(UTC).replace(tzinfo=None)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def _changes(offset: Callable[[datetime], timedelta], moment: datetime, step: timedelta) -> Steps:
    found = [(moment, offset(moment))]
    while moment < _LAST:
        if offset(moment + step) != found[-1][1]:
            since = _first_with_other(offset, moment, moment + step)
            found.append((since, offset(since)))
        moment += step
    return tuple(found)


def _first_with_other(offset: Callable[[datetime], timedelta], low: datetime, high: datetime) -> datetime:
    """The second at which the offset of `low` ends, by halving."""
    before = offset(low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return high


def _distinct(steps: Iterator[tuple[datetime, timedelta]]) -> Iterator[tuple[datetime, timedelta]]:
    last: timedelta | None = None
    for since, offset in steps:
        if offset != last:
            yield since, offset
        last = offset
