"""What is computed over the events of one person: count, sum, average, min, max, latest, earliest, count_distinct.

Owns: MEASURES, the columns each takes and the type it gives; Ask, one measure as a value; FORMS, what each word of
config/language/event_words.py asks of which measure.
Must not: join, group, or know windows.

Sums are exact. An average is rounded to six decimals, half away from zero where the engine can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.datatypes as dt

from connector.config.language.event_words import EVENTS
from connector.config.language.rules import Aggregate, Compare, Events, MeasureName, Rule, Window
from connector.core.model import ColumnType
from connector.segments.compile.numbers import DECIMALS, scale
from connector.segments.compile.rewrite import bare

TIME = "_at"  # when the event happened, in every related table
_NUMBERS: tuple[ColumnType, ...] = ("integer", "number")
_DAYS: tuple[ColumnType, ...] = ("date", "timestamp")
_WORDS: tuple[ColumnType, ...] = ("text", "country", "phone", "boolean", "day")
LINES: MeasureName = "count_distinct"  # asked of the lines of events; all others of the events


@dataclass(frozen=True, slots=True)
class Measure:
    """`takes` are the types of column, () any. `empty` is the result over no events, None is missing."""

    takes: tuple[ColumnType, ...]
    type: Callable[[ColumnType], ColumnType]
    dtype: Callable[[dt.DataType], dt.DataType]
    compute: Callable[[Any, Any], Any]  # (column, condition or None) -> aggregate
    empty: int | None = None


def _same(value: Any) -> Any:
    return value


def _total(dtype: dt.DataType) -> dt.DataType:
    return dt.Decimal(38, scale(dtype))


MEASURES: Mapping[MeasureName, Measure] = {
    "count": Measure((), lambda _: "integer", lambda _: dt.int64, lambda value, where: value.count(where=where), 0),
    "sum": Measure(_NUMBERS, _same, _total, lambda value, where: value.sum(where=where), 0),
    "average": Measure(
        _NUMBERS, lambda _: "number", lambda _: dt.Decimal(38, DECIMALS), lambda value, where: value.mean(where=where)
    ),
    "min": Measure(_NUMBERS + _DAYS, _same, _same, lambda value, where: value.min(where=where)),
    "max": Measure(_NUMBERS + _DAYS, _same, _same, lambda value, where: value.max(where=where)),
    "latest": Measure(_DAYS, _same, _same, lambda value, where: value.max(where=where)),
    "earliest": Measure(_DAYS, _same, _same, lambda value, where: value.min(where=where)),
    LINES: Measure(
        _WORDS + _NUMBERS + _DAYS, lambda _: "integer", lambda _: dt.int64,
        lambda value, where: value.nunique(where=where), 0,
    ),
}  # fmt: skip


def result_type(name: MeasureName, taken: ColumnType | None) -> ColumnType | None:
    """The type of a measure over a column; None, a column without values, stays None where that decides."""
    if taken is not None:
        return MEASURES[name].type(taken)
    known: dict[MeasureName, ColumnType] = {"count": "integer", "sum": "integer", "average": "number", LINES: "integer"}
    return known.get(name)


@dataclass(frozen=True, slots=True)
class Ask:
    """One measure over a source. Equal asks are one column. `column` as written; None counts rows."""

    source: str
    measure: MeasureName
    column: str | None
    within: Window | None
    where: Rule | None


@dataclass(frozen=True, slots=True)
class EventForm:
    """What a word about events has computed, and the test of it when the word says that itself."""

    measure: MeasureName
    test: tuple[str, int] | None = None


FORMS: dict[str, EventForm] = {
    "exists": EventForm("count", ("at_least", 1)),
    "never": EventForm("count", ("less_than", 1)),
    "count": EventForm("count"),
    "first_within": EventForm("earliest"),
    "last_within": EventForm("latest"),
    "sum": EventForm("sum"),
    "average": EventForm("average"),
    "min": EventForm("min"),
    "max": EventForm("max"),
    "count_distinct": EventForm(LINES),
}


def ask(node: Aggregate | Events) -> Ask:
    """What a trait or a test over events has computed; words that hold a window look at the time."""
    where = bare(node.where)
    if isinstance(node, Aggregate):
        return Ask(node.source, node.measure, node.column, node.within, where)
    measure = FORMS[node.measure].measure
    if EVENTS[node.measure].window:
        return Ask(node.source, measure, TIME, None, where)
    return Ask(node.source, measure, node.column, node.within, where)


def event_tests(node: Events) -> tuple[Compare, ...]:
    """What is asked of the measure, as tests of a column."""
    if EVENTS[node.measure].window:
        return (Compare(node.source, "within", node.within, False, node.loc),)
    if (test := FORMS[node.measure].test) is not None:
        return (Compare(node.source, *test, False, node.loc),)
    return tuple(replace(test, column=test.column or node.source) for test in node.tests)
