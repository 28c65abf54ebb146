"""Tests of days and times: a column lies in a span that was computed before the query.

Owns: the meaning of date tests in the engine. Must not: compute windows (windows.py) or zones (zones.py).
"""

from __future__ import annotations

import operator
from calendar import isleap
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import ibis

from connector.config.language.rules import TestName
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.rewrite import joined
from connector.segments.compile.windows import DAY, Span


def inside(value: Any, span: Span[Any]) -> Any:
    """`value` lies in the span; unknown where it is missing."""
    if span.low is None and span.high is None:
        return value.notnull()
    if span.high is None:
        return value >= edge(span.low)
    if span.low is None:
        return value < edge(span.high)
    return (value >= edge(span.low)) & (value < edge(span.high))


def edge(moment: Any) -> Any:
    return ibis.literal(moment, type="timestamp(6)" if hasattr(moment, "hour") else "date")


def anniversary(day: Any, span: Span[date]) -> Any:
    """A later year's same day lies in the span; 29 February is kept on 1 March where there is none.

    A year that lies wholly inside holds every day, so of those only the last matters."""
    assert span.low is not None, "the span begins today"
    last = span.high - DAY if span.high is not None else date.max
    years = {span.low.year, max(span.low.year, last.year - 1), last.year}
    return joined(operator.or_, [_in_year(day, year, span.low, last) for year in sorted(years)])


def _in_year(day: Any, year: int, low: date, last: date) -> Any:
    first, final = max(low, date(year, 1, 1)), min(last, date(year, 12, 31))
    begin, end = first.month * 100 + first.day, final.month * 100 + final.day
    number = day.month() * 100 + day.day()
    kept = number.between(begin, end)
    if not isleap(year) and begin <= 301 <= end:
        kept |= number == 229
    return kept & (day.year() < year)


_OF_DAY: Mapping[str, Callable[[Any, Any], Any]] = {
    "anniversary_within": anniversary,
    "month": lambda day, wanted: day.month().isin(wanted),
    "weekday": lambda day, wanted: day.day_of_week.index().isin(wanted),
}


def build(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """The test as a boolean expression, unknown where the date is missing."""
    if test in _OF_DAY:
        return _OF_DAY[test](frame.day(column), value)
    spans = value if test == "in" else (value,)
    return joined(operator.or_, [inside(column.value, span) for span in spans])
