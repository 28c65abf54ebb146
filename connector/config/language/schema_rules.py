"""JSON Schema of conditions and traits, for completion and hover in an editor.

Owns: how the words stand together; the shape and help of a word are in its table.
Must not: be stricter than the grammar (conditions.py decides).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from connector.config.language import traits
from connector.config.language.event_words import EVENTS, EventWord
from connector.config.language.schema_shapes import SCALAR, SHARE, TEXT, WINDOW, Shape, items, mapping, or_list, ref
from connector.config.language.windows import WINDOWS
from connector.config.language.words import BESIDE, WORDS, Word, number_words

_SHARES: Shape = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "integer", "minimum": 0}}


def tests() -> Shape:
    """A mapping of tests of one column."""
    return mapping(_helped(WORDS | BESIDE), minProperties=1)


def number_tests() -> Shape:
    return mapping(_helped({name: WORDS[name] for name in number_words()}))


def _helped(words: Mapping[str, Word] | Mapping[str, EventWord]) -> dict[str, Shape]:
    return {name: {**word.shape, "description": word.help} for name, word in words.items()}


def events() -> Shape:
    """A test over the events of a source."""
    beside = {**WINDOWS, "where": ref("condition"), **number_tests()["properties"]}
    return mapping({**_helped(EVENTS), **beside})


def condition(columns: Collection[str], sources: Collection[str], segments: Collection[str]) -> Shape:
    """A condition; names that are known are completed, other columns are allowed."""
    name: Shape = {"enum": sorted(segments)} if segments else TEXT
    test = {"anyOf": [SCALAR, items(SCALAR), ref("tests")]}
    either = test if sources else {"anyOf": [*test["anyOf"], ref("events")]}
    words: dict[str, Shape] = {
        "all": {**items(ref("condition")), "description": "All of these conditions hold."},
        "any": {**items(ref("condition")), "description": "One of these conditions holds, or more."},
        "not": {**ref("condition"), "description": "The condition does not hold; missing values included."},
        "segment": {**or_list(name), "description": "Member of this segment, or of one of these, by its rule."},
        "sequence": {**items(_step(), 2), "description": "A, then B (or not B) inside a window."},
        "sample": {"anyOf": [SHARE, mapping({"percent": SHARE, "name": TEXT}, ["percent"])]},
        "split": mapping({"name": TEXT, "part": TEXT, "of": _SHARES}, ["name", "part", "of"]),
        "sql": {"type": "string", "description": "One yes/no expression over columns and traits."},
    }
    known = {**dict.fromkeys(columns, test), **{source: ref("events") for source in sources}}
    return {"type": "object", "minProperties": 1, "properties": {**known, **words}, "additionalProperties": either}


def _step() -> Shape:
    return {"type": "object", "minProperties": 1, "properties": {"within": WINDOW, "not": {"type": "object"}}}


_PREDICTED = {
    "predict": "The chance of an event of this source in the time to come, learnt from the past.",
    "churn": "The chance that there is none in the time to come, learnt from the past.",
    "expected_value": "What a column of this source's events will add up to in the time to come.",
}


def trait(sources: Collection[str]) -> Shape:
    """One measure, with a window and where beside an aggregate."""
    examples = [f"{source}.amount" for source in sources] or ["orders.amount"]
    path = {"type": "string", "examples": examples}
    aggregates: dict[str, Shape] = {
        word: {**path, "description": f"{word} of a source's column."} for word in traits.AGGREGATES
    }
    sides: dict[str, Shape] = {
        word: {**items(TEXT), "description": f"The {word} of these columns and traits."} for word in traits.SIDES
    }
    distinct = mapping({"distinct": {**path, "description": "How many different values."}}, ["distinct"])
    aggregates["count"] = {"anyOf": [aggregates["count"], distinct]}
    three = {"recency": path, "frequency": path, "monetary": path}
    rfm = mapping({**three, "where": ref("condition")}, list(three))
    beside = {**WINDOWS, "where": ref("condition")}
    predictions: dict[str, Shape] = {
        word: {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "description": _PREDICTED[word],
            "additionalProperties": mapping({ahead: WINDOW}, [ahead]),
        }
        for word, ahead in traits.PREDICTIONS.items()
    }
    return mapping({**aggregates, **sides, "rfm": rfm, **predictions, **beside}, minProperties=1)
