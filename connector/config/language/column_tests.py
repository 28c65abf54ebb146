"""The tests of one column: which words there are and how the value of each is read.

Owns: TESTS (the vocabulary of LANGUAGE's table), NUMBER_TESTS, the hints for words of other languages.
Must not: know columns' types (segments/ checks those against the data).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.config.language import values
from connector.config.language.durations import calendar, duration
from connector.config.language.regex import pattern
from connector.config.language.rules import Scalar, TestName
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean


@dataclass(frozen=True, slots=True)
class Test:
    """One word. `negated` words are the plain complement of `name`; `text` words heed `case: exact`."""

    name: TestName
    parse: Callable[[Any], Any]
    negated: bool = False
    text: bool = False


def scalars(value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list):
        raise BadValue("wrong-type", "A list is needed here: [one, two].")
    if not value:
        raise BadValue("empty", "The list is empty, so nothing could ever match.")
    return tuple(values.scalar(item) for item in value)


def any_of(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """One value or a list of them; always a tuple comes back."""

    def read(value: Any) -> tuple[Any, ...]:
        return tuple(parse(item) for item in scalars(value)) if isinstance(value, list) else (parse(value),)

    return read


def one_item(value: Any) -> Scalar:
    if isinstance(value, list):
        raise BadValue("wrong-type", "has takes one value; for several write has_any or has_all.")
    return values.scalar(value)


def yes(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue("wrong-type", "exists takes true or false.")
    return value


_texts, _months, _weekdays = any_of(values.text), any_of(values.month), any_of(values.weekday)

NUMBER_TESTS: Mapping[str, Test] = {
    "at_least": Test("at_least", values.number),
    "at_most": Test("at_most", values.number),
    "more_than": Test("more_than", values.number),
    "less_than": Test("less_than", values.number),
    "between": Test("between", values.pair),
    "is": Test("is", values.number),
}

TESTS: Mapping[str, Test] = {
    "is": Test("is", values.scalar, text=True),
    "is_not": Test("is", values.scalar, negated=True, text=True),
    "in": Test("in", scalars, text=True),
    "not_in": Test("in", scalars, negated=True, text=True),
    "exists": Test("exists", yes),
    "contains": Test("contains", _texts, text=True),
    "not_contains": Test("contains", _texts, negated=True, text=True),
    "starts_with": Test("starts_with", _texts, text=True),
    "not_starts_with": Test("starts_with", _texts, negated=True, text=True),
    "ends_with": Test("ends_with", _texts, text=True),
    "not_ends_with": Test("ends_with", _texts, negated=True, text=True),
    "matches": Test("matches", pattern, text=True),
    "not_matches": Test("matches", pattern, negated=True, text=True),
    "longer_than": Test("longer_than", values.whole),
    "shorter_than": Test("shorter_than", values.whole),
    "at_least": NUMBER_TESTS["at_least"],
    "at_most": NUMBER_TESTS["at_most"],
    "more_than": NUMBER_TESTS["more_than"],
    "less_than": NUMBER_TESTS["less_than"],
    "between": NUMBER_TESTS["between"],
    "within": Test("within", duration),
    "not_within": Test("within", duration, negated=True),
    "more_than_ago": Test("more_than_ago", duration),
    "within_next": Test("within_next", duration),
    "before": Test("before", values.moment),
    "after": Test("after", values.moment),
    "on": Test("on", values.moment),
    "anniversary_within": Test("anniversary_within", calendar),
    "month": Test("month", _months),
    "weekday": Test("weekday", _weekdays),
    "has": Test("has", one_item, text=True),
    "has_any": Test("has_any", scalars, text=True),
    "has_all": Test("has_all", scalars, text=True),
    "has_none": Test("has_any", scalars, negated=True, text=True),
}

# Words with a reading of their own, in conditions.py.
OTHER_TESTS = frozenset({"size", "top", "bottom", "near"})
BESIDE = frozenset({"case", "by"})
EVENT_WORDS = frozenset({"count", "sum", "average", "min", "max", "never", "first_within", "last_within", "where"})
ALL_TESTS = frozenset(TESTS) | OTHER_TESTS

# What people type who come from somewhere else.
_ELSEWHERE = {
    "equals": "is", "equal": "is", "eq": "is", "=": "is", "==": "is",
    "not_equals": "is_not", "ne": "is_not", "!=": "is_not", "isnt": "is_not",
    "gt": "more_than", ">": "more_than", "greater_than": "more_than", "above": "more_than", "over": "more_than",
    "gte": "at_least", ">=": "at_least", "min": "at_least", "minimum": "at_least",
    "lt": "less_than", "<": "less_than", "below": "less_than", "under": "less_than", "fewer_than": "less_than",
    "lte": "at_most", "<=": "at_most", "max": "at_most", "maximum": "at_most",
    "like": "contains", "includes": "contains", "regex": "matches", "regexp": "matches",
    "begins_with": "starts_with", "one_of": "in", "any_of": "in", "none_of": "not_in",
    "last": "within", "in_last": "within", "in_the_last": "within", "newer_than": "within", "since": "after",
    "older_than": "more_than_ago", "not_in_last": "more_than_ago", "next": "within_next", "until": "before",
    "birthday": "anniversary_within", "anniversary": "anniversary_within", "length": "size",
    "is_set": "exists", "known": "exists", "present": "exists", "missing": "exists", "empty": "exists",
    "is_empty": "exists", "unknown": "exists", "null": "exists", "is_null": "exists",
}  # fmt: skip


def meant(word: str) -> str:
    """The hint for a word that is no test."""
    folded = word.strip().casefold().replace(" ", "_").replace("-", "_")
    if folded in _ELSEWHERE:
        return f' Did you mean "{_ELSEWHERE[folded]}"?'
    return did_you_mean(folded, ALL_TESTS)
