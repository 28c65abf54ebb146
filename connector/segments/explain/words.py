"""A condition in the words of the file: `country: [US, CA]`, `orders: {count: {at_least: 3}, within: 180 days}`.

Owns: the text of every kind of rule, on one line, as somebody would write it in segments.yaml.
Must not: know data or verdicts.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from connector.config.language.event_words import EVENTS
from connector.config.language.rules import (
    All,
    AnyOf,
    Compare,
    Duration,
    Events,
    InSegment,
    Near,
    Not,
    Period,
    Rank,
    Sample,
    Sequence,
    Split,
    Sql,
    Step,
)
from connector.config.language.words import WORDS

_MARKS = set(":{}[],&*#?|-<>=!%@`\"'")


def words(node: Any) -> str:
    """The rule as one line of YAML."""
    return _WORDS[type(node)](node)


def is_negated_test(node: Any) -> bool:
    """Whether the file says this with one word (`is_not`, `not_in`, …) that was read as `not` of its twin."""
    return (
        isinstance(node, Not)
        and isinstance(node.part, Compare)
        and node.part.loc == node.loc
        and (_negated(node) is not None or node.part.test == "exists")
    )


def scalar(value: Any) -> str:
    """One value as YAML reads it back."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str):
        return f'"{value}"' if _needs_quotes(value) else value
    return str(value)


def _needs_quotes(text: str) -> bool:
    plain = text == text.strip() and text and not _MARKS & set(text[0]) and ": " not in text and " #" not in text
    return not plain or bool(set(text) & set(",[]{}")) or text.lower() in ("true", "false", "null", "~")


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(scalar(item) for item in value)}]"
    return scalar(value) if not isinstance(value, Duration | Period) else str(value)


def _mapping(pairs: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"


def _one_or_list(value: tuple[Any, ...]) -> str:
    return _value(value[0]) if len(value) == 1 else _value(value)


def _test(node: Compare, word: str) -> tuple[str, str]:
    """The word of a test and its operand."""
    if node.test == "size":
        return word, _mapping([_test(part, part.test) for part in node.value])
    return word, _one_or_list(node.value) if WORDS[node.test].operand.several else _value(node.value)


def _compare(node: Compare) -> str:
    word, value = _test(node, node.test)
    if word in ("is", "in") and not node.exact and (not node.loc or node.loc[-1] == node.column):
        return f"{node.column}: {value}"
    return f"{node.column}: {_mapping([(word, value), *_case(node)])}"


def _case(node: Compare) -> list[tuple[str, str]]:
    return [("case", "exact")] if node.exact else []


def _negated(node: Not) -> str | None:
    """The file's own word for the `not` of a test."""
    word = WORDS.get(str(node.loc[-1])) if node.loc else None
    return word.name if word is not None and word.twin == node.part.test else None  # type: ignore[union-attr]


def _not(node: Not) -> str:
    if not is_negated_test(node):
        return f"not: {{{words(node.part)}}}"
    assert isinstance(node.part, Compare)
    if node.part.test == "exists":
        return f"{node.part.column}: {{exists: false}}"
    word, value = _test(node.part, _negated(node) or "")
    return f"{node.part.column}: {_mapping([(word, value), *_case(node.part)])}"


def is_mapping(node: All) -> bool:
    """Whether these are the keys of one mapping, without the word `all`."""
    return not node.loc or node.loc[-1] != "all"


def _all(node: All) -> str:
    return ", ".join(words(part) for part in node.parts) if is_mapping(node) else _list("all", node)


def _list(word: str, node: All | AnyOf) -> str:
    return f"{word}: [{', '.join('{' + words(part) + '}' for part in node.parts)}]"


def _rank(node: Rank) -> str:
    share = scalar(node.count) if node.count is not None else f"{scalar(node.percent)}%"
    by = [] if node.by is None else [("by", scalar(node.by))]
    return f"{node.column}: {_mapping([(node.side, share), *by])}"


def _near(node: Near) -> str:
    near = _mapping([("of", f'"{node.latitude:g},{node.longitude:g}"'), ("within", f"{node.kilometres:g} km")])
    return f"{node.column}: {{near: {near}}}"


def _events(node: Events) -> str:
    pairs: list[tuple[str, str]] = []
    tests = [_test(test, test.test) for test in node.tests]
    word = EVENTS[node.measure]
    if word.window:
        pairs.append((node.measure, str(node.within)))
    elif word.column:
        pairs += [(node.measure, scalar(node.column)), *tests]
    elif tests:
        pairs.append((node.measure, _mapping(tests)))
    elif node.measure != "exists":  # {} says it, too
        pairs.append((node.measure, "true"))
    if node.within is not None and not word.window:
        pairs.append(("during" if isinstance(node.within, Period) else "within", str(node.within)))
    if node.where is not None:
        pairs.append(("where", f"{{{words(node.where)}}}"))
    return f"{node.source}: {_mapping(pairs)}"


def _step(node: Step) -> str:
    rows = f"{node.source}: {{{words(node.where) if node.where is not None else ''}}}"
    window = [] if node.within is None else [f"within: {node.within}"]
    return "{" + ", ".join([f"not: {{{rows}}}" if node.negated else rows, *window]) + "}"


def _segment(node: InSegment) -> str:
    return f"segment: {_one_or_list(node.names)}"


def _sample(node: Sample) -> str:
    if node.name is None:
        return f"sample: {scalar(node.percent)}%"
    return f"sample: {_mapping([('percent', f'{scalar(node.percent)}%'), ('name', scalar(node.name))])}"


def _split(node: Split) -> str:
    of = _mapping([(part, str(share)) for part, share in node.of])
    return f"split: {_mapping([('name', scalar(node.name)), ('part', scalar(node.part)), ('of', of)])}"


_WORDS: dict[type, Callable[[Any], str]] = {
    All: _all,
    AnyOf: lambda node: _list("any", node),
    Not: _not,
    InSegment: _segment,
    Compare: _compare,
    Rank: _rank,
    Near: _near,
    Events: _events,
    Sequence: lambda node: f"sequence: [{', '.join(_step(step) for step in node.steps)}]",
    Sample: _sample,
    Split: _split,
    Sql: lambda node: f"sql: {scalar(node.text)}",
}
