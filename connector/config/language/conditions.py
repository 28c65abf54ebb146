"""Conditions of the file -> rules.Rule.

Owns: all, any, not, segment, sql, and which file reads the other words.
Must not: know which columns exist, evaluate.

Every function takes (value, loc, scope), reports what is wrong to scope.problems, and returns None then; nothing
half-read is ever used, because load() raises when a problem was reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.config.language import chance, event_rules, event_words, values, words
from connector.config.language.columns import column
from connector.config.language.rules import All, AnyOf, InSegment, Loc, Not, Rule, Sql
from connector.config.language.scope import Scope
from connector.config.language.shapes import known_segment, together

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
        return event_rules.events(key, value, loc, scope, condition)
    if _groups(key, value):
        scope.problems.add_key(
            loc, "unknown-test", f"`{key}` is no word of the language. Write {_CALLED[key.casefold()]}"
        )
        return None
    return column(key, value, loc, scope)


_CALLED = {
    "or": "`any:` with a list of conditions: any: [{country: US}, {city: Rome}].",
    "and": "`all:` with a list of conditions: all: [{country: US}, {city: Rome}].",
    "nor": "`not: {any: [{country: US}, {city: Rome}]}`.",
    "none": "`not: {any: [{country: US}, {city: Rome}]}`.",
    "none_of": "`not: {any: [{country: US}, {city: Rome}]}`.",
    "any_of": "`any:` with a list of conditions: any: [{country: US}, {city: Rome}].",
    "all_of": "`all:` with a list of conditions: all: [{country: US}, {city: Rome}].",
}


def _groups(key: str, value: Any) -> bool:
    """Whether it joins conditions by a word of another language, and is no column of that name."""
    return key.casefold() in _CALLED and (
        isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))
    )


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


def _sql(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    text = scope.problems.take(loc, values.text, value)
    return None if text is None else Sql(text, loc)


_WORDS: Mapping[str, Callable[[Any, Loc, Scope], Rule | None]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "segment": _segment,
    "sequence": lambda value, loc, scope: event_rules.sequence(value, loc, scope, condition),
    "sample": chance.sample,
    "split": chance.split,
    "sql": _sql,
}
_LOGIC = frozenset({"all", "any", "not", "sql"})


def is_word(name: str) -> bool:
    """Whether nothing else may be called so."""
    tables = (_WORDS, words.WORDS, words.BESIDE, event_words.EVENTS, event_words.BESIDE)
    return any(name in table for table in tables)
