"""The test or tests of one column -> rules: comparisons, rank, place.

Owns: `column: test` in all its shorthands, and number tests that stand without a column (count, size).
Must not: know which columns exist or their types (segments/ does).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connector.config.language import values
from connector.config.language.column_tests import BESIDE, EVENT_WORDS, NUMBER_TESTS, TESTS, Test, meant
from connector.config.language.rules import Compare, Loc, Near, Not, Rank, Rule
from connector.config.language.scope import CONTACTS, Scope
from connector.config.language.shapes import keys_of, together
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean


def column(name: str, value: Any, loc: Loc, scope: Scope) -> Rule | None:
    """The test or tests of one column."""
    if name == CONTACTS:
        scope.problems.add_key(loc, "misplaced-word", "Columns of contacts are named by themselves: `country: US`.")
        return None
    if isinstance(value, dict):
        return _tests(name, value, loc, scope)
    test = TESTS["in"] if isinstance(value, list) else TESTS["is"]
    return compare(name, test, value, False, loc, scope)


def compare(name: str, test: Test, value: Any, exact: bool, loc: Loc, scope: Scope) -> Rule | None:
    """One test; words like is_not become Not(is), so that their meaning is in one place."""
    parsed = scope.problems.take(loc, test.parse, value)
    if parsed is None:
        return None
    if test.name == "exists":
        found: Rule = Compare(name, "exists", True, False, loc)
        return found if parsed else Not(found, loc)
    found = Compare(name, test.name, parsed, exact, loc)
    return Not(found, loc) if test.negated else found


def number_tests(value: Mapping[str, Any], loc: Loc, scope: Scope) -> tuple[Compare, ...]:
    """{at_least: 3, less_than: 10} as tests of a number that has no column. Other words are a problem."""
    found: list[Rule | None] = []
    for word, item in value.items():
        if word in NUMBER_TESTS:
            found.append(compare("", NUMBER_TESTS[word], item, False, (*loc, word), scope))
        else:
            hint = did_you_mean(word, NUMBER_TESTS)
            scope.problems.add_key((*loc, word), "unknown-test", f"“{word}” is not a test of a number.{hint}")
    return tuple(part for part in found if isinstance(part, Compare))


def counted(value: Any, loc: Loc, scope: Scope) -> tuple[Compare, ...]:
    """The value of `count:` or `size:`: number tests, or one number."""
    if isinstance(value, dict):
        if not value:
            scope.problems.add(loc, "empty", "Say how many: {at_least: 3}.")
        return number_tests(value, loc, scope)
    found = compare("", NUMBER_TESTS["is"], value, False, loc, scope)
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
    elif not any(word in TESTS and TESTS[word].text for word in words):
        scope.problems.add_key((*loc, "case"), "misplaced-word", "`case: exact` stands beside a test of text.")
    return True


def _test(name: str, word: str, written: Mapping[str, Any], exact: bool, loc: Loc, scope: Scope) -> Rule | None:
    value, place = written[word], (*loc, word)
    if word in TESTS:
        return compare(name, TESTS[word], value, exact and TESTS[word].text, place, scope)
    if word == "size":
        return Compare(name, "size", counted(value, place, scope), False, place)
    if word == "near":
        return _near(name, value, place, scope)
    if word in ("top", "bottom"):
        return _rank(name, word, value, written.get("by"), place, scope)
    if word in EVENT_WORDS and word not in ("min", "max"):
        if scope.complete:
            hint = did_you_mean(name, scope.sources)
            scope.problems.add_key(loc, "unknown-source", f"`{word}` counts events, but “{name}” is no source.{hint}")
    else:
        scope.problems.add_key(place, "unknown-test", f"There is no test “{word}”.{meant(word)}")
    return None


def _rank(name: str, side: str, value: Any, by: Any, loc: Loc, scope: Scope) -> Rule | None:
    if scope.inside is not None:
        scope.problems.add_key(loc, "misplaced-word", f"`{side}` is about people and cannot ask about an event.")
        return None
    count = percent = None
    if isinstance(value, int) and not isinstance(value, bool):
        count = scope.problems.take(loc, _positive, value)
    else:
        percent = scope.problems.take(loc, _rank_share, value)
    group = None if by is None else scope.problems.take((*loc[:-1], "by"), values.text, by)
    return Rank(name, "top" if side == "top" else "bottom", count, percent, group, loc)


def _positive(value: int) -> int:
    if value < 1:
        raise BadValue("range", "At least 1.")
    return value


def _rank_share(value: Any) -> Decimal:
    try:
        return values.percent(value)
    except BadValue:
        raise BadValue("bad-percent", "Write how many, 500, or a share above 0%, 10%.") from None


def _near(name: str, value: Any, loc: Loc, scope: Scope) -> Rule | None:
    if not keys_of(value, {"of", "within"}, {"of", "within"}, loc, scope):
        return None
    point = scope.problems.take((*loc, "of"), values.point, value["of"])
    distance = scope.problems.take((*loc, "within"), values.kilometres, value["within"])
    return None if point is None or distance is None else Near(name, *point, distance, loc)
