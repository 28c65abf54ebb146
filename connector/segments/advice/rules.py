"""Advice about what rules say: never, always, the same rule twice, opens as the only signal.

Owns: these findings. Must not: look at data beyond the columns' types.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from datetime import datetime
from typing import Any

from connector.config.language.rules import (
    Aggregate,
    All,
    AnyOf,
    Compare,
    Events,
    InSegment,
    Loc,
    Not,
    Pick,
    Sequence,
    walk,
)
from connector.config.sections.models import Config
from connector.segments.advice.model import Advice, Evidence
from connector.segments.checks import TypeOf
from connector.segments.compile.measures import ask
from connector.segments.compile.rewrite import bare
from connector.segments.compile.windows import Clock
from connector.segments.names import CONTACTS, Names
from connector.segments.probes import of_segment
from connector.segments.satisfy import Puzzle
from connector.sources.model import Loaded

_OPENS = frozenset({"open", "opens", "opened"})
_LIFE = frozenset(
    {
        *("click", "clicks", "clicked", "order", "orders", "ordered", "purchase", "purchases", "purchased", "bought"),
        *("visit", "visits", "visited", "reply", "replies", "replied", "active", "activity", "login", "seen"),
        *("engaged", "engagement", "conversion", "converted", "spent"),
    }
)


def advice(given: Evidence) -> Iterator[Advice]:
    yield from _logic(given)
    yield from _twice(given)
    yield from _opens(given)


def _logic(given: Evidence) -> Iterator[Advice]:
    """The whole rule first; only of one that can be both true and false each part is looked at."""
    puzzle = puzzle_of(given.config, given.loaded, given.as_of, given.type_of)
    for name, rule in puzzle.when.items():
        if not puzzle.possible(rule):
            text = f"Nobody can ever be in “{name}”: its conditions exclude each other."
            yield given.segment("never", name, text, "when")
        elif not puzzle.possible(rule, holds=False):
            text = f"Everybody is always in “{name}”: its rule holds whatever the data says."
            yield given.segment("always", name, text, "when")
        else:
            yield from _parts(given, name, rule, puzzle)


def puzzle_of(config: Config, loaded: Loaded, as_of: datetime, type_of: TypeOf) -> Puzzle:
    """All spellings of a column are one variable; a trait is what it measures, so that a test over events can
    contradict it."""
    names = Names.of(config, loaded)

    def variable(written: str) -> Hashable:
        trait = config.traits.get(written)
        return ask(trait) if isinstance(trait, Aggregate) else names.contact(written) or written

    asked = {name: item.when for name, item in config.segments.items() if not item.frozen}
    when = {name: of_segment(rule, name) for name, rule in asked.items() if rule is not None}
    return Puzzle(lambda node: type_of(node, CONTACTS), variable, when, Clock.at(as_of, config.zone))


def _parts(given: Evidence, name: str, rule: Any, puzzle: Puzzle) -> Iterator[Advice]:
    """A part of `any` that can never be true, a part of `all` that always is: both change nothing."""
    for node in _of_people(rule):
        if not isinstance(node, All | AnyOf) or len(node.parts) < 2:
            continue
        for part in node.parts:
            if isinstance(node, AnyOf) and not puzzle.possible(part):
                yield _at(given, "never", name, part.loc, "This part can never be true: it lets nobody in.")
            elif isinstance(node, All) and not puzzle.possible(part, holds=False):
                yield _at(given, "always", name, part.loc, "This part is always true: it keeps nobody out.")


def _of_people(node: Any) -> Iterator[Any]:
    """The node and those below it that are about people, not about the columns of an event."""
    yield node
    if isinstance(node, Not):
        yield from _of_people(node.part)
    elif isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from _of_people(part)


def _at(given: Evidence, code: Any, name: str, loc: Loc, text: str) -> Advice:
    return Advice(code, given.config.place(loc), text, (name,))


def _twice(given: Evidence) -> Iterator[Advice]:
    seen: dict[Any, str] = {}
    for name, item in given.config.segments.items():
        if item.when is None:
            continue
        first = seen.setdefault(_plain(bare(of_segment(item.when, name))), name)
        if first != name:
            text = f"“{name}” has the same rule as “{first}”. Keep one, and send it to the targets of both."
            yield Advice("same-rule", given.config.place(("segments", name)), text, (name, first))


def _plain(node: Any) -> Any:
    """A rule without nesting and order that mean nothing."""
    if isinstance(node, Compare) and node.test == "in" and len(node.value) == 1:
        return Compare(node.column, "is", node.value[0], node.exact, ())
    if not isinstance(node, All | AnyOf):
        return node
    parts: list[Any] = []
    for part in map(_plain, node.parts):
        parts.extend(part.parts if type(part) is type(node) else [part])
    unique = sorted(dict.fromkeys(parts), key=repr)
    return unique[0] if len(unique) == 1 else type(node)(tuple(unique), ())


def _opens(given: Evidence) -> Iterator[Advice]:
    text = (
        "Opens are the only signal here, and mail programs open mails that nobody reads. Add clicks, orders or "
        "visits as a second sign."
    )
    for name, item in given.config.segments.items():
        if item.when is not None and _signs(given, item.when) == {"opens"}:
            yield given.segment("opens-only", name, text, "when")
    for place, policy in enumerate(given.config.lifecycle):
        loc = (*given.config.policy_at(place), "signals")
        signs = [_signs_of_column(given, column) for column in policy.signals]
        if set().union(*signs) == {"opens"}:
            yield given.file("opens-only", loc, text)
            continue
        for number, (column, found) in enumerate(zip(policy.signals, signs, strict=True)):
            if found == {"opens"}:
                why = (
                    f"“{column}” counts opens, and mail privacy proxies (Apple Mail and others) open mails that nobody "
                    "reads: inactive people look active and never enter a stage. Leave it out if clicks or orders do."
                )
                yield given.file("opens-named", (*loc, number), why)


def _signs(given: Evidence, rule: Any) -> set[str]:
    """Which activity a rule asks about: "opens", "other"."""
    found: set[str] = set()
    for node in _of_people(rule):
        if isinstance(node, Compare):
            found |= _signs_of_column(given, node.column)
        elif isinstance(node, Events):
            found |= _signs_of_events(node.where)
        elif isinstance(node, Sequence):
            for step in node.steps:
                found |= _signs_of_events(step.where)
        elif isinstance(node, InSegment):
            rules = (given.config.segments[name].when for name in node.names)
            found |= {sign for rule in rules if rule is not None for sign in _signs(given, rule)}
    return found


def _signs_of_column(given: Evidence, column: str) -> set[str]:
    trait = given.config.traits.get(column)
    if isinstance(trait, Aggregate):
        return _signs_of_events(trait.where)
    if isinstance(trait, Pick):
        return set().union(*(_signs_of_column(given, name) for name in trait.columns))
    words = set(re.findall(r"[a-z]+", column.casefold()))
    return {"opens"} if words & _OPENS else {"other"} if words & _LIFE else set()


def _signs_of_events(where: Any) -> set[str]:
    """Events are opens when their `where` names nothing else; every other event is a sign of its own."""
    words = (
        {word for node in walk(where) if isinstance(node, Compare) for word in _words(node.value)} if where else set()
    )
    return {"opens"} if words and words <= _OPENS else {"other"}


def _words(value: Any) -> set[str]:
    values = value if isinstance(value, tuple) else (value,)
    return {item.strip().casefold() for item in values if isinstance(item, str)}
