"""The conditions of segments.yaml as frozen values: what a rule says, not how it is evaluated.

Owns: the syntax tree. Every node carries `loc`, its path in the YAML document
(keys and list positions), which Config.place(loc) turns into a place in the file.
Must not: know columns' types, evaluate, import an engine.

Words that are the plain complement of a twin (`is_not`, `not_in`, `not_…`, `has_none`, `exists: false`) are read
as Not(twin), so their meaning is in one place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from typing import Any, Literal

Loc = tuple[str | int, ...]
Scalar = str | int | Decimal | bool  # floats in YAML are read as Decimal: 0.1 + 0.2 is 0.3

Unit = Literal["hour", "day", "week", "month", "year"]
PeriodUnit = Literal["day", "week", "month", "quarter", "year"]
MeasureName = Literal["count", "sum", "average", "min", "max", "latest", "earliest", "count_distinct"]
PredictionName = Literal["predict", "churn", "expected_value"]


@dataclass(frozen=True, slots=True)
class Duration:
    """A whole number above 0 of calendar units, or of hours."""

    number: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Period:
    """A unit of the calendar: the present one (`step` 0), the one before (-1) or the next (1)."""

    step: Literal[-1, 0, 1]
    unit: PeriodUnit

    def __str__(self) -> str:
        if self.unit == "day":
            return ("today", "tomorrow", "yesterday")[self.step]
        return f"{('this', 'next', 'last')[self.step]} {self.unit}"


Window = Duration | Period  # of events: `within` and `during`


@dataclass(frozen=True, slots=True)
class Compare:
    """One test of one column or trait. `test` is a word of words.py that is no other's complement.

    value: a Scalar for is, at_least …, before/after/on (text); a tuple of Scalars for in, has_any, has_all, and for
    contains, starts_with, ends_with, month, weekday (any of them; one value is a tuple of one); a pair for between;
    a Duration for within, more_than_ago, within_next, anniversary_within; a Period for during; True for
    exists; a tuple of Compare (number tests, column "") for size. `exact` is `case: exact`.
    """

    column: str
    test: str
    value: Any
    exact: bool
    loc: Loc


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Rule, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Rule, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Not:
    part: Rule
    loc: Loc


@dataclass(frozen=True, slots=True)
class InSegment:
    """Member of any of these segments, by their rules (priorities do not count)."""

    names: tuple[str, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Rank:
    """`top`/`bottom` of a column: exactly one of `count` and `percent` is set; `by` groups."""

    column: str
    side: Literal["top", "bottom"]
    count: int | None
    percent: Decimal | None
    by: str | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Near:
    column: str
    latitude: float
    longitude: float
    kilometres: float
    loc: Loc


@dataclass(frozen=True, slots=True)
class Events:
    """A test over a related source's rows of this person.

    `measure` is a word of event_words.py. "exists": at least one row (`orders: {}` or with only within/where); "never":
    none at all. "count": `tests` (Compare with column "") over the number of rows; "sum" … "max" and "count_distinct":
    over `column`.
    "first_within"/"last_within": the first or last row's time lies in `within`. `within` is a Period for `during`.
    """

    source: str
    measure: str
    column: str | None
    tests: tuple[Compare, ...]
    within: Window | None
    where: Rule | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence; `negated` steps hold when no such event came in their window."""

    source: str
    where: Rule | None
    within: Duration | None
    negated: bool
    loc: Loc


@dataclass(frozen=True, slots=True)
class Sequence:
    steps: tuple[Step, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Sample:
    """`percent` above 0, at most 100; `name` None means the segment's own name."""

    percent: Decimal
    name: str | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Split:
    name: str
    part: str
    of: tuple[tuple[str, int], ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Sql:
    text: str
    loc: Loc


Rule = All | AnyOf | Not | InSegment | Compare | Rank | Near | Events | Sequence | Sample | Split | Sql


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A trait over a related source. `column` is None only for count; `within` as in Events."""

    measure: MeasureName
    source: str
    column: str | None
    within: Window | None
    where: Rule | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Pick:
    """The greatest or least of several columns, skipping missing ones."""

    side: Literal["greatest", "least"]
    columns: tuple[str, ...]
    loc: Loc


@dataclass(frozen=True, slots=True)
class Rfm:
    """recency and monetary are (source, column); frequency is a source. Columns NAME.recency … NAME.segment. With
    `where` all three are of one source, and only its events that fulfil it count."""

    recency: tuple[str, str]
    frequency: str
    monetary: tuple[str, str]
    where: Rule | None
    loc: Loc


@dataclass(frozen=True, slots=True)
class Predict:
    """A score that is learnt from the events of a source: the chance of one of them within `ahead` (predict), the
    chance of none (churn), or the sum of `column` that is to be expected (expected_value)."""

    kind: PredictionName
    source: str
    column: str | None
    ahead: Duration
    loc: Loc


Trait = Aggregate | Pick | Rfm | Predict


def walk(node: object) -> Iterator[Any]:
    """The node and every node below it, outermost first."""
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item)
    elif is_dataclass(node) and not isinstance(node, Duration | Period):
        yield node
        for field in fields(node):
            yield from walk(getattr(node, field.name))
