"""Conditions of the file -> rules.Rule.

Owns: all, any, not, segment, the column tests with their shorthands, rank, place and sql.
Must not: know which columns exist, evaluate. Events, sequences and chance have files of their own.

Every function takes (value, loc, scope), reports what is wrong to scope.problems, and returns None then; nothing
half-read is ever used, because load() raises when a problem was reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from connector.config import chance, column_tests, event_rules, values
from connector.config.column_tests import ALL_TESTS, BESIDE, EVENT_WORDS, NUMBER_TESTS, TESTS, Test
from connector.config.rules import All, AnyOf, Compare, InSegment, Loc, Near, Not, Rank, Rule, Sql
from connector.config.scope import CONTACTS, Scope
from connector.problem import did_you_mean

_MAPPING = "A condition is a mapping of `column: test`, like `country: US` or `amount: {at_least: 5}`"


def condition(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    """A mapping of one or more entries that must all hold."""
    if not isinstance(value, dict):
        hint = "; put a list under `all:` or `any:`." if isinstance(value, list) else f", not {values.kind(value)}."
        scope.problems.add(loc, "wrong-type", _MAPPING + hint)
        return None
    if not value:
        scope.problems.add(loc, "empty", f"The condition is empty. {_MAPPING}.")
        return None
    return together([_entry(key, item, (*loc, key), scope) for key, item in value.items()], loc)


def together(parts: list[Rule | None], loc: Loc) -> Rule | None:
    """All parts must hold; one part is itself."""
    good = [part for part in parts if part is not None]
    if not good:
        return None
    return good[0] if len(good) == 1 else All(tuple(good), loc)


def _entry(key: str, value: Any, loc: Loc, scope: Scope) -> Rule | None:
    if key in _WORDS:
        if scope.inside is not None and key not in _LOGIC:
            scope.problems.add_key(loc, "misplaced-word", f"`{key}` is about people and cannot ask about an event.")
            return None
        return _WORDS[key](value, loc, scope)
    if key in scope.sources:
        if scope.inside is not None:
            scope.problems.add_key(loc, "misplaced-word", f"`{key}` is a source; here only columns of one event count.")
            return None
        return event_rules.events(key, value, loc, scope)
    return column(key, value, loc, scope)


def _all(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    return All(_parts(value, loc, scope), loc)


def _any(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    return AnyOf(_parts(value, loc, scope), loc)


def _parts(value: Any, loc: Loc, scope: Scope) -> tuple[Rule, ...]:
    if not isinstance(value, list):
        scope.problems.add(loc, "wrong-type", f"`{loc[-1]}` takes a list of conditions: [{{country: US}}, …].")
        return ()
    if not value:
        scope.problems.add(loc, "empty", f"`{loc[-1]}` needs at least one condition.")
    found = [condition(item, (*loc, index), scope) for index, item in enumerate(value)]
    return tuple(part for part in found if part is not None)


def _not(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    if isinstance(value, list):
        scope.problems.add(loc, "wrong-type", "`not` takes one condition; write not: {any: […]} or not: {all: […]}.")
        return None
    part = condition(value, loc, scope)
    return None if part is None else Not(part, loc)


def _segment(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    names = value if isinstance(value, list) else [value]
    if not names:
        scope.problems.add(loc, "empty", "`segment` needs at least one name.")
    for index, name in enumerate(names):
        known_segment(name, (*loc, index) if isinstance(value, list) else loc, scope)
    return InSegment(tuple(str(name) for name in names), loc)


def known_segment(name: Any, loc: Loc, scope: Scope) -> bool:
    """Is it the name of a segment of this file; else a problem."""
    if isinstance(name, bool | list | dict):
        scope.problems.add(loc, "wrong-type", f"The name of a segment is needed here, not {values.kind(name)}.")
    elif str(name) not in scope.segments:
        hint = did_you_mean(str(name), scope.segments)
        scope.problems.add(loc, "unknown-segment", f"There is no segment {values.shown(name)}.{hint}")
    else:
        return True
    return False


def _sql(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    text = scope.problems.take(loc, values.text, value)
    return None if text is None else Sql(text, loc)


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
        scope.problems.add_key((*loc, "by"), "misplaced-word", "`by` groups `top` or `bottom`; there is none beside it.")
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
        hint = did_you_mean(name, scope.sources)
        scope.problems.add_key(loc, "unknown-source", f"`{word}` counts events, but “{name}” is no source.{hint}")
    else:
        scope.problems.add_key(place, "unknown-test", f"There is no test “{word}”.{column_tests.meant(word)}")
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
        raise column_tests.BadValue("range", "At least 1.")
    return value


def _rank_share(value: Any) -> Decimal:
    try:
        return values.percent(value)
    except column_tests.BadValue:
        raise column_tests.BadValue("bad-percent", "Write how many, 500, or a share above 0%, 10%.") from None


def _near(name: str, value: Any, loc: Loc, scope: Scope) -> Rule | None:
    if not keys_of(value, {"of", "within"}, {"of", "within"}, loc, scope):
        return None
    point = scope.problems.take((*loc, "of"), values.point, value["of"])
    distance = scope.problems.take((*loc, "within"), values.kilometres, value["within"])
    return None if point is None or distance is None else Near(name, *point, distance, loc)


def keys_of(value: Any, known: set[str], required: set[str], loc: Loc, scope: Scope) -> bool:
    """Is `value` a mapping with these keys; else problems."""
    if not isinstance(value, dict):
        example = ", ".join(f"{key}: …" for key in sorted(required or known))
        scope.problems.add(loc, "wrong-type", f"A mapping is needed here: {{{example}}}.")
        return False
    for key in value.keys() - known:
        scope.problems.add_key((*loc, key), "unknown-key", f"There is no key “{key}” here.{did_you_mean(key, known)}")
    for key in sorted(required - value.keys()):
        scope.problems.add_key(loc, "missing-key", f"`{key}` is missing here.")
    return required <= value.keys() <= known


_WORDS: Mapping[str, Callable[[Any, Loc, Scope], Rule | None]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "segment": _segment,
    "sequence": lambda value, loc, scope: event_rules.sequence(value, loc, scope),
    "sample": chance.sample,
    "split": chance.split,
    "sql": _sql,
}
_LOGIC = frozenset({"all", "any", "not", "sql"})
WORDS = frozenset(_WORDS)
LANGUAGE = WORDS | ALL_TESTS | BESIDE | EVENT_WORDS
