"""JSON Schema of conditions and traits, for completion and hover in an editor.

Owns: one line of help per word of the language. Must not: be stricter than the grammar (conditions.py decides).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connector.config.language import event_rules, traits
from connector.config.language.column_tests import NUMBER_TESTS, OTHER_TESTS, TESTS
from connector.config.language.values import MONTHS, WEEKDAYS
from connector.config.sections.fields import DURATION, PERCENT

Shape = dict[str, Any]

SCALAR: Shape = {"type": ["string", "number", "boolean"]}
NUMBER: Shape = {"type": "number"}
WHOLE: Shape = {"type": "integer", "minimum": 0}
TEXT: Shape = {"type": ["string", "number"]}
WINDOW: Shape = {"type": "string", "pattern": DURATION, "examples": ["36 hours", "90 days"]}
SHARE: Shape = {"type": "string", "pattern": PERCENT, "examples": ["10%"]}
MOMENT: Shape = {"type": "string", "pattern": r"^\s*\d{4}-\d{2}-\d{2}", "examples": ["2026-01-31", "2026-01-31T12:00"]}


def ref(name: str) -> Shape:
    return {"$ref": f"#/$defs/{name}"}


def mapping(properties: Mapping[str, Shape], required: Collection[str] = (), **more: Any) -> Shape:
    """An object that knows no other key."""
    shape: Shape = {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
    return {**shape, "required": list(required)} if required else shape


def items(shape: Shape, least: int = 1) -> Shape:
    return {"type": "array", "items": shape, "minItems": least}


def _or_list(shape: Shape) -> Shape:
    return {"anyOf": [shape, items(shape)]}


def _names(names: tuple[str, ...]) -> Shape:
    """Full or three letters, in any case; the editor offers the full ones."""
    letters = ["".join(f"[{sign}{sign.upper()}]" for sign in name) for name in names]
    either = "|".join(f"{name[:12]}({name[12:]})?" for name in letters)  # one letter is written [aA]
    return {"anyOf": [{"enum": list(names)}, {"type": "string", "pattern": f"^({either})$"}]}


_RANK: Shape = {"anyOf": [{"type": "integer", "minimum": 1}, SHARE]}
_NEAR = mapping({"of": {"type": "string", "examples": ["52.52,13.40"]}, "within": {"type": "string"}}, ["of", "within"])
_BETWEEN: Shape = {"type": "array", "items": {"anyOf": [NUMBER, MOMENT]}, "minItems": 2, "maxItems": 2}

# word -> (the value's shape, one line of help)
TEST_WORDS: Mapping[str, tuple[Shape, str]] = {
    "is": (SCALAR, "Equal, without regard to case."),
    "is_not": (SCALAR, "Not equal; people without a value included."),
    "in": (items(SCALAR), "One of these."),
    "not_in": (items(SCALAR), "None of these; people without a value included."),
    "exists": ({"type": "boolean"}, "true: has a value; false: has none."),
    "contains": (_or_list(TEXT), "Holds this text, or one of these."),
    "not_contains": (_or_list(TEXT), "Holds none of these texts."),
    "starts_with": (_or_list(TEXT), "Begins with this text, or one of these."),
    "not_starts_with": (_or_list(TEXT), "Begins with none of these texts."),
    "ends_with": (_or_list(TEXT), "Ends with this text, or one of these."),
    "not_ends_with": (_or_list(TEXT), "Ends with none of these texts."),
    "matches": (TEXT, "A regular expression (RE2) is found anywhere in the text."),
    "not_matches": (TEXT, "A regular expression (RE2) is not found."),
    "longer_than": (WHOLE, "More characters than this."),
    "shorter_than": (WHOLE, "Fewer characters than this."),
    "at_least": (NUMBER, "This number or more."),
    "at_most": (NUMBER, "This number or less."),
    "more_than": (NUMBER, "More than this number."),
    "less_than": (NUMBER, "Less than this number."),
    "between": (_BETWEEN, "From the first to the second, both included: numbers, dates or times."),
    "within": (WINDOW, "In the past, at most so long ago."),
    "not_within": (WINDOW, "Not in that window; people without a value included."),
    "more_than_ago": (WINDOW, "In the past, longer ago than this."),
    "within_next": (WINDOW, "In the future, at most so far ahead."),
    "before": (MOMENT, "Before this day or time."),
    "after": (MOMENT, "After this day or time."),
    "on": (MOMENT, "On this day, or at this time."),
    "anniversary_within": (WINDOW, "The next anniversary, today included, is at most so far ahead."),
    "month": (_or_list(_names(MONTHS)), "In this month of any year."),
    "weekday": (_or_list(_names(WEEKDAYS)), "On this day of the week."),
    "has": (SCALAR, "The list holds this value."),
    "has_any": (items(SCALAR), "The list holds one of these values or more."),
    "has_all": (items(SCALAR), "The list holds all of these values."),
    "has_none": (items(SCALAR), "The list holds none of these values; a missing list included."),
    "size": ({"anyOf": [WHOLE, ref("numberTests")]}, "How many values the list holds."),
    "top": (_RANK, "Among the highest: how many, or which share of those with a value."),
    "bottom": (_RANK, "Among the lowest: how many, or which share of those with a value."),
    "near": (_NEAR, "Not farther from a point than this."),
    "by": (TEXT, "Beside top or bottom: per value of this column."),
    "case": ({"const": "exact"}, "Beside a test of text: compare exactly."),
}

_EVENT_HELP: Mapping[str, str] = {
    "exists": "true: at least one event; false: none.",
    "never": "No such event.",
    "count": "How many events.",
    "sum": "The sum of this column; number tests stand beside.",
    "average": "The average of this column; number tests stand beside.",
    "min": "The least of this column; number tests stand beside.",
    "max": "The greatest of this column; number tests stand beside.",
    "first_within": "The first event is at most so long ago.",
    "last_within": "The last event is at most so long ago.",
}


def tests() -> Shape:
    """A mapping of tests of one column."""
    assert set(TEST_WORDS) == {*TESTS, *OTHER_TESTS, "by", "case"}
    shapes = {word: {**shape, "description": text} for word, (shape, text) in TEST_WORDS.items()}
    return mapping(shapes, minProperties=1)


def number_tests() -> Shape:
    return mapping({word: {**TEST_WORDS[word][0], "description": TEST_WORDS[word][1]} for word in NUMBER_TESTS})


def events() -> Shape:
    """A test over the events of a source."""
    shapes: dict[str, Shape] = {
        "exists": {"type": "boolean"},
        "never": {"const": True},
        "count": {"anyOf": [WHOLE, ref("numberTests")]},
        "first_within": WINDOW,
        "last_within": WINDOW,
        **dict.fromkeys(event_rules.OVER_COLUMN, TEXT),
    }
    known = {word: {**shape, "description": _EVENT_HELP[word]} for word, shape in shapes.items()}
    beside = {"within": WINDOW, "where": ref("condition"), **number_tests()["properties"]}
    return mapping({**known, **beside})


def condition(columns: Collection[str], sources: Collection[str], segments: Collection[str]) -> Shape:
    """A condition; names that are known are completed, other columns are allowed."""
    name: Shape = {"enum": sorted(segments)} if segments else TEXT
    test = {"anyOf": [SCALAR, items(SCALAR), ref("tests")]}
    either = test if sources else {"anyOf": [*test["anyOf"], ref("events")]}
    words: dict[str, Shape] = {
        "all": {**items(ref("condition")), "description": "All of these conditions hold."},
        "any": {**items(ref("condition")), "description": "One of these conditions holds, or more."},
        "not": {**ref("condition"), "description": "The condition does not hold; missing values included."},
        "segment": {**_or_list(name), "description": "Member of this segment, or of one of these, by its rule."},
        "sequence": {**items(_step(), 2), "description": "A, then B (or not B) inside a window."},
        "sample": {"anyOf": [SHARE, mapping({"percent": SHARE, "name": TEXT}, ["percent"])]},
        "split": mapping({"name": TEXT, "part": TEXT, "of": _SHARES}, ["name", "part", "of"]),
        "sql": {"type": "string", "description": "One yes/no expression over columns and traits."},
    }
    known = {**dict.fromkeys(columns, test), **{source: ref("events") for source in sources}}
    return {"type": "object", "minProperties": 1, "properties": {**known, **words}, "additionalProperties": either}


_SHARES: Shape = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 0}}


def _step() -> Shape:
    return {"type": "object", "minProperties": 1, "properties": {"within": WINDOW, "not": {"type": "object"}}}


def trait(sources: Collection[str]) -> Shape:
    """One measure, with within and where beside an aggregate."""
    examples = [f"{source}.amount" for source in sources] or ["orders.amount"]
    path = {"type": "string", "examples": examples}
    aggregates: dict[str, Shape] = {
        word: {**path, "description": f"{word} of a source's column."} for word in traits.AGGREGATES
    }
    sides: dict[str, Shape] = {
        word: {**items(TEXT), "description": f"The {word} of these columns and traits."} for word in traits.SIDES
    }
    rfm = mapping({"recency": path, "frequency": path, "monetary": path}, ["recency", "frequency", "monetary"])
    beside = {"within": WINDOW, "where": ref("condition")}
    return mapping({**aggregates, **sides, "rfm": rfm, **beside}, minProperties=1)
