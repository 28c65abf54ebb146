"""The test or tests of one column -> rules: comparisons, rank, place.

Owns: `column: test` in all its shorthands, and number tests that stand without a column (count, size).
Must not: know which columns exist or their types (segments/ does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Literal

from connector.config.language import operands, values
from connector.config.language.event_words import EVENTS
from connector.config.language.rules import Compare, Loc, Near, Not, Rank, Rule
from connector.config.language.scope import CONTACTS, Scope
from connector.config.language.shapes import keys_of, together
from connector.config.language.words import BESIDE, WORDS, Word, meant, number_words
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean


def column(name: str, value: Any, loc: Loc, scope: Scope) -> Rule | None:
    """The test or tests of one column."""
    if name == CONTACTS:
        scope.problems.add_key(loc, "misplaced-word", "Columns of contacts are named by themselves: `country: US`.")
        return None
    if isinstance(value, dict):
        return _tests(name, value, loc, scope)
    return compare(name, WORDS["in" if isinstance(value, list) else "is"], value, False, loc, scope)


def compare(name: str, word: Word, value: Any, exact: bool, loc: Loc, scope: Scope) -> Rule | None:
    """One test; words like is_not become Not(is), so that their meaning is in one place."""
    assert word.operand.parse is not None, "_READERS comes first"
    parsed = scope.problems.take(loc, word.operand.parse, value)
    if parsed is None:
        return None
    yes_no = word.operand is operands.YES  # false asks for the complement
    found = Compare(name, word.asks, yes_no or parsed, exact and word.exact, loc)
    return Not(found, loc) if (yes_no and not parsed) or word.twin else found


def number_tests(value: Mapping[str, Any], loc: Loc, scope: Scope) -> tuple[Compare, ...]:
    """{at_least: 3, less_than: 10} as tests of a number that has no column. Other words are a problem."""
    found: list[Rule | None] = []
    known = number_words()
    for word, item in value.items():
        if word in known:
            found.append(compare("", known[word], item, False, (*loc, word), scope))
        else:
            hint = did_you_mean(word, known)
            scope.problems.add_key((*loc, word), "unknown-test", f"“{word}” is not a test of a number.{hint}")
    return tuple(part for part in found if isinstance(part, Compare))


def counted(value: Any, loc: Loc, scope: Scope) -> tuple[Compare, ...]:
    """The value of `count:` or `size:`: number tests, or one number."""
    if isinstance(value, dict):
        if not value:
            scope.problems.add(loc, "empty", "Say how many: {at_least: 3}.")
        return number_tests(value, loc, scope)
    found = compare("", number_words()["is"], value, False, loc, scope)
    return (found,) if isinstance(found, Compare) else ()


def _tests(name: str, written: Mapping[str, Any], loc: Loc, scope: Scope) -> Rule | None:
    words = [word for word in written if word not in BESIDE]
    if not words:
        scope.problems.add(loc, "empty", f"No test of “{name}”. Say what to ask: {{exists: true}}, {{at_least: 5}}, …")
        return None
    exact = _exact(written, words, loc, scope)
    if "by" in written and not {"top", "bottom"} & set(words):
        scope.problems.add_key(
            (*loc, "by"), "misplaced-word", "`by` groups `top` or `bottom`; there is none beside it."
        )
    return together([_test(name, word, written, exact, loc, scope) for word in words], loc)


def _exact(written: Mapping[str, Any], words: list[str], loc: Loc, scope: Scope) -> bool:
    if "case" not in written:
        return False
    if written["case"] != "exact":
        scope.problems.add((*loc, "case"), "unknown-value", "`case` takes one word: exact.")
    elif not any(word in WORDS and WORDS[word].exact for word in words):
        scope.problems.add_key((*loc, "case"), "misplaced-word", "`case: exact` goes beside a test of text.")
    return True


def _test(name: str, word: str, written: Mapping[str, Any], exact: bool, loc: Loc, scope: Scope) -> Rule | None:
    value, place = written[word], (*loc, word)
    if word in _READERS:
        return _READERS[word](name, written, place, scope)
    if word in WORDS:
        return compare(name, WORDS[word], value, exact, place, scope)
    if word in (*EVENTS, "where") and word not in ("min", "max"):
        if scope.complete:
            hint = did_you_mean(name, scope.sources)
            scope.problems.add_key(loc, "unknown-source", f"`{word}` counts events, but “{name}” is no source.{hint}")
    else:
        scope.problems.add_key(place, "unknown-test", f"There is no test “{word}”.{meant(word)}")
    return None


def _size(name: str, written: Mapping[str, Any], loc: Loc, scope: Scope) -> Rule:
    return Compare(name, "size", counted(written["size"], loc, scope), False, loc)


def _rank(side: Literal["top", "bottom"], name: str, written: Mapping[str, Any], loc: Loc, scope: Scope) -> Rule | None:
    if scope.inside is not None:
        scope.problems.add_key(loc, "misplaced-word", f"`{side}` is about people and cannot ask about an event.")
        return None
    value, by = written[side], written.get("by")
    count = percent = None
    if isinstance(value, int) and not isinstance(value, bool):
        count = scope.problems.take(loc, _positive, value)
    else:
        percent = scope.problems.take(loc, _rank_share, value)
    group = None if by is None else scope.problems.take((*loc[:-1], "by"), values.text, by)
    return Rank(name, side, count, percent, group, loc)


def _positive(value: int) -> int:
    if value < 1:
        raise BadValue("range", "At least 1.")
    return value


def _rank_share(value: Any) -> Decimal:
    try:
        return values.percent(value)
    except BadValue:
        raise BadValue("bad-percent", "Write how many, 500, or a share above 0%, 10%.") from None


def _near(name: str, written: Mapping[str, Any], loc: Loc, scope: Scope) -> Rule | None:
    value = written["near"]
    if not keys_of(value, {"of", "within"}, {"of", "within"}, loc, scope):
        return None
    point = scope.problems.take((*loc, "of"), values.point, value["of"])
    distance = scope.problems.take((*loc, "within"), values.kilometres, value["within"])
    return None if point is None or distance is None else Near(name, *point, distance, loc)


# Words whose operand is a small language of its own, or heeds another word beside it.
_READERS: Mapping[str, Callable[[str, Mapping[str, Any], Loc, Scope], Rule | None]] = {
    "size": _size,
    "top": partial(_rank, "top"),
    "bottom": partial(_rank, "bottom"),
    "near": _near,
}
