"""The table of the tests of columns: one row per word.

Owns: everything that is looked up by such a word outside of the engine: the columns it is for, how its operand is read,
its JSON Schema, help and example, its negation, how people call it elsewhere. Parser, type check, schema, explanation,
advice and the reference in docs/language.md take it from here.
Must not: know what a test means in an engine; that is the form in segments/compile/ with the same word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from connector.config.language import operands
from connector.config.language.operands import Operand
from connector.config.language.schema_shapes import Shape
from connector.core.model import ColumnType
from connector.core.problem import did_you_mean

Family = Literal["text", "number", "date", "timestamp", "boolean", "list", "place", "day"]

FAMILY: Mapping[ColumnType, Family] = {
    "text": "text",
    "country": "text",
    "phone": "text",
    "integer": "number",
    "number": "number",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
    "list": "list",
    "place": "place",
    "day": "day",
}


@dataclass(frozen=True, slots=True)
class Word:
    """One test. `families` are the columns that it is for. `exact`: it heeds `case: exact` beside it. `of_numbers`: it
    also asks about a number without a column (count, size, a sum). `elsewhere` is what people type who come from other
    languages. `twin`, where there is one, is the word whose plain complement this is."""

    name: str
    families: tuple[Family, ...]
    operand: Operand
    help: str
    example: str
    exact: bool = False
    of_numbers: bool = False
    elsewhere: tuple[str, ...] = ()
    twin: str | None = None

    @property
    def shape(self) -> Shape:
        return self.operand.shape

    @property
    def asks(self) -> str:
        """The word that rules.Compare holds."""
        return self.twin or self.name


@dataclass(frozen=True, slots=True)
class _Negated:
    """The complement of an earlier row; what is not said here is as it is there."""

    name: str
    twin: str
    help: str
    example: str
    elsewhere: tuple[str, ...] = ()


def _rows(*rows: Word | _Negated) -> dict[str, Word]:
    found: dict[str, Word] = {}
    for row in rows:
        if isinstance(row, _Negated):
            base = replace(found[row.twin], name=row.name, twin=row.twin, help=row.help, of_numbers=False)
            found[row.name] = replace(base, example=row.example, elsewhere=row.elsewhere)
        else:
            found[row.name] = row
    return found


_TEXT: tuple[Family, ...] = ("text",)
_NUMBER: tuple[Family, ...] = ("number",)
_DATE: tuple[Family, ...] = ("date", "timestamp")
_LIST: tuple[Family, ...] = ("list",)
_ONE: tuple[Family, ...] = (*_TEXT, *_NUMBER, *_DATE, "boolean")
_DAYS: tuple[Family, ...] = (*_DATE, "day")
_ANY: tuple[Family, ...] = (*_ONE, *_LIST, "place", "day")

WORDS: dict[str, Word] = _rows(
    Word(
        "is", _ONE, operands.VALUE, "Equal, without regard to case.", "country: {is: US}", exact=True,
        elsewhere=("equals", "equal", "eq", "=", "=="),
    ),
    _Negated(
        "is_not", "is", "Not equal; people without a value included.", "country: {is_not: US}",
        elsewhere=("not_equals", "ne", "!=", "isnt"),
    ),
    Word(
        "in", _ONE, operands.VALUES, "One of these.", "country: {in: [US, CA]}", exact=True,
        elsewhere=("one_of", "any_of"),
    ),
    _Negated(
        "not_in", "in", "None of these; people without a value included.", "country: {not_in: [US, CA]}",
        elsewhere=("none_of",),
    ),
    Word(
        "exists", _ANY, operands.YES, "true: has a value; false: has none.", "city: {exists: false}",
        elsewhere=(
            "is_set", "known", "present", "missing", "empty", "is_empty", "unknown", "null", "is_null",
        ),
    ),
    Word(
        "contains", _TEXT, operands.TEXTS, "Holds this text, or one of these.", "company: {contains: gmbh}", exact=True,
        elsewhere=("like", "includes"),
    ),
    _Negated("not_contains", "contains", "Holds none of these texts.", "company: {not_contains: [gmbh, ag]}"),
    Word(
        "starts_with", _TEXT, operands.TEXTS, "Begins with this text, or one of these.",
        "city: {starts_with: [San, Los]}", exact=True, elsewhere=("begins_with",),
    ),
    _Negated(
        "not_starts_with", "starts_with", "Begins with none of these texts.", "city: {not_starts_with: San}",
    ),
    Word(
        "ends_with", _TEXT, operands.TEXTS, "Ends with this text, or one of these.", "city: {ends_with: burg}",
        exact=True,
    ),
    _Negated("not_ends_with", "ends_with", "Ends with none of these texts.", "city: {not_ends_with: [burg, berg]}"),
    Word(
        "matches", _TEXT, operands.PATTERN, "A regular expression (RE2) is found anywhere in the text.",
        "code: {matches: ^AB+$}", exact=True, elsewhere=("regex", "regexp"),
    ),
    _Negated("not_matches", "matches", "A regular expression (RE2) is not found.", "code: {not_matches: ^AB+$}"),
    Word("longer_than", _TEXT, operands.WHOLE, "More characters than this.", "company: {longer_than: 5}"),
    Word("shorter_than", _TEXT, operands.WHOLE, "Fewer characters than this.", "company: {shorter_than: 5}"),
    Word(
        "at_least", _NUMBER, operands.NUMBER, "This number or more.", "age: {at_least: 18}", of_numbers=True,
        elsewhere=("gte", ">=", "min", "minimum"),
    ),
    Word(
        "at_most", _NUMBER, operands.NUMBER, "This number or less.", "age: {at_most: 65}", of_numbers=True,
        elsewhere=("lte", "<=", "max", "maximum"),
    ),
    Word(
        "more_than", _NUMBER, operands.NUMBER, "More than this number.", "spent: {more_than: 99.5}", of_numbers=True,
        elsewhere=("gt", ">", "greater_than", "above", "over"),
    ),
    Word(
        "less_than", _NUMBER, operands.NUMBER, "Less than this number.", "spent: {less_than: 500}", of_numbers=True,
        elsewhere=("lt", "<", "below", "under", "fewer_than"),
    ),
    Word(
        "between", (*_NUMBER, *_DATE), operands.PAIR,
        "From the first to the second, both included: numbers, dates or times.", "age: {between: [18, 25]}",
        of_numbers=True,
    ),
    Word(
        "within", _DATE, operands.WINDOW, "In the past, at most so long ago.", "last_order_at: {within: 90 days}",
        elsewhere=("last", "in_last", "in_the_last", "newer_than"),
    ),
    _Negated(
        "not_within", "within", "Not in that window; people without a value included.",
        "last_order_at: {not_within: 90 days}",
    ),
    Word(
        "more_than_ago", _DATE, operands.WINDOW, "In the past, longer ago than this.",
        "last_order_at: {more_than_ago: 6 months}", elsewhere=("older_than", "not_in_last"),
    ),
    Word(
        "within_next", _DATE, operands.WINDOW, "In the future, at most so far ahead.",
        "trial_ends: {within_next: 7 days}", elsewhere=("next",),
    ),
    Word(
        "during", _DATE, operands.PERIOD,
        "In this week, month, quarter or year until now, in the whole last or next one, today or yesterday.",
        "created_at: {during: last month}", elsewhere=("period",),
    ),
    _Negated(
        "not_during", "during", "Not in that unit of the calendar; people without a value included.",
        "created_at: {not_during: this year}",
    ),
    Word(
        "before", _DATE, operands.MOMENT, "Before this day or time.", "created_at: {before: 2026-01-31}",
        elsewhere=("until",),
    ),
    Word(
        "after", _DATE, operands.MOMENT, "After this day or time.", "created_at: {after: 2026-01-31T18:00}",
        elsewhere=("since",),
    ),
    Word("on", _DAYS, operands.DAY, "On this day, or at this time.", "created_at: {on: 2026-01-31}"),
    Word(
        "anniversary_within", _DAYS, operands.DAYS, "The next anniversary, today included, is at most so far ahead.",
        "birthday: {anniversary_within: 7 days}", elsewhere=("birthday", "anniversary"),
    ),
    Word("month", _DAYS, operands.MONTHS, "In this month of any year.", "created_at: {month: december}"),
    Word(
        "weekday", _DATE, operands.WEEKDAYS, "On this day of the week.", "created_at: {weekday: [saturday, sunday]}",
    ),
    Word("has", _LIST, operands.ITEM, "The list holds this value.", "tags: {has: wholesale}", exact=True),
    Word(
        "has_any", _LIST, operands.VALUES, "The list holds one of these values or more.",
        "tags: {has_any: [vip, press]}", exact=True,
    ),
    Word(
        "has_all", _LIST, operands.VALUES, "The list holds all of these values.", "tags: {has_all: [vip, press]}",
        exact=True,
    ),
    _Negated(
        "has_none", "has_any", "The list holds none of these values; a missing list included.",
        "tags: {has_none: [bounced, spam]}",
    ),
    Word(
        "size", _LIST, operands.SIZE, "How many values the list holds.", "tags: {size: {at_least: 2}}",
        elsewhere=("length",),
    ),
    Word(
        "top", (*_NUMBER, *_DATE), operands.RANK,
        "Among the highest: how many, or which share of those with a value.", "spent: {top: 10%}",
    ),
    Word(
        "bottom", (*_NUMBER, *_DATE), operands.RANK,
        "Among the lowest: how many, or which share of those with a value.", "spent: {bottom: 500}",
    ),
    Word(
        "near", ("place",), operands.NEAR, "Not farther from a point than this.",
        'home: {near: {of: "52.52,13.4", within: 25 km}}',
    ),
)  # fmt: skip

# These ask nothing; they go beside a test.
BESIDE: dict[str, Word] = _rows(
    Word(
        "by", (*_NUMBER, *_DATE, *_TEXT, "boolean"), operands.COLUMN, "Beside top or bottom: per value of this column.",
        "spent: {top: 500, by: country}",
    ),
    Word(
        "case", (*_TEXT, *_LIST), operands.EXACT, "Beside a test of text: compare exactly.",
        "city: {is: Berlin, case: exact}",
    ),
)  # fmt: skip


def number_words() -> dict[str, Word]:
    """The tests of a number that has no column; there, `is` takes numbers only."""
    found = {name: word for name, word in WORDS.items() if word.of_numbers}
    return found | {"is": replace(WORDS["is"], operand=operands.NUMBER)}


def types(word: Word) -> tuple[ColumnType, ...]:
    """The types of column that it is for."""
    return tuple(type_ for family in word.families for type_ in FAMILY if FAMILY[type_] == family)


def meant(written: str) -> str:
    """The hint for a word that is no test."""
    folded = written.strip().casefold().replace(" ", "_").replace("-", "_")
    known = next(_called(folded), None)
    return did_you_mean(folded, WORDS) if known is None else f' Did you mean "{known}"?'


def _called(folded: str) -> Iterator[str]:
    return (word.name for word in WORDS.values() if folded in word.elsewhere)
