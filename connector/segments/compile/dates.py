"""Tests of days and times: a column lies in a span that was computed before the query.

Owns: the meaning of date tests in the engine. Must not: compute windows (windows.py) or zones (zones.py).
"""

from __future__ import annotations

import operator
from calendar import isleap
from collections.abc import Callable
from datetime import date
from typing import Any

import ibis

from connector.config.language.values import MONTHS, WEEKDAYS
from connector.segments.compile import literals
from connector.segments.compile.compiled import EXISTS, Compiled
from connector.segments.compile.literals import Reader, moment, several
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


def _span(read: Reader) -> Compiled:
    return Compiled(read, lambda frame, column, span, exact: inside(column.value, span))


def _of_day(read: Reader, check: Callable[[Any, Any], Any]) -> Compiled:
    return Compiled(read, lambda frame, column, wanted, exact: check(frame.day(column), wanted))


def _one_of(value: Any, spans: tuple[Span[Any], ...]) -> Any:
    return joined(operator.or_, [inside(value, span) for span in spans])


FORMS: dict[str, Compiled] = {
    "is": _span(moment),
    "in": Compiled(several(moment), lambda frame, column, spans, exact: _one_of(column.value, spans)),
    "exists": EXISTS,
    "on": _span(moment),
    "before": _span(literals.before),
    "after": _span(literals.after),
    "between": _span(literals.between_moments),
    "within": _span(literals.window("within")),
    "more_than_ago": _span(literals.window("more_than_ago")),
    "within_next": _span(literals.window("within_next")),
    "during": _span(literals.during),
    "anniversary_within": _of_day(literals.anniversaries, anniversary),
    "month": _of_day(literals.position(MONTHS, 1), lambda day, wanted: day.month().isin(wanted)),
    "weekday": _of_day(literals.position(WEEKDAYS, 0), lambda day, wanted: day.day_of_week.index().isin(wanted)),
}

# A day without a year is the text MM/DD (frame.day makes it one of a leap year long ago).
DAYS_OF_YEAR: dict[str, Compiled] = {
    "on": Compiled(literals.day_of_year, lambda frame, column, wanted, exact: column.value == wanted),
    "exists": EXISTS,
    "anniversary_within": FORMS["anniversary_within"],
    "month": FORMS["month"],
}
