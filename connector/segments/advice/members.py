"""Advice about who is in the segments: how many, in which others too, let in by a missing value, or taken before.

Owns: probes() and these findings; thresholds are in `quality` of the file. Must not: name a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pyarrow.compute as pc

from connector.config.language.rules import All, AnyOf, Compare, InSegment, Not, Rule, walk
from connector.config.sections.models import Config
from connector.config.sections.quality import over
from connector.core.counts import count_of
from connector.segments.advice.model import Advice, Evidence
from connector.segments.priorities import waterfall


def probes(config: Config) -> dict[str, Rule]:
    """Per negated test of a column: who is in the segment and has no value there. See probes.with_probes."""
    found: dict[str, Rule] = {}
    for name in config.segments:
        for node in _negated_tests(config, name):
            exists = Compare(node.column, "exists", True, False, node.loc)
            found[_probe(name, node)] = All((InSegment((name,), node.loc), Not(exists, node.loc)), node.loc)
    return found


def advice(given: Evidence) -> Iterator[Advice]:
    everybody = {name: given.evaluation.table[f"in:{name}"] for name in given.config.segments}
    members = waterfall(everybody, given.config.priorities)
    sizes = {name: int(pc.sum(column).as_py() or 0) for name, column in members.items()}
    for name in given.config.segments:
        yield from _size(given, name, sizes[name])
        yield from _let_in(given, name)
    yield from _overlaps(given, members, sizes)


def _probe(name: str, node: Compare) -> str:
    return f"?{name}?{node.column}"


def _size(given: Evidence, name: str, size: int) -> Iterator[Advice]:
    contacts, matching = given.evaluation.contacts, given.evaluation.sizes[name]
    if not contacts:
        return
    if size == 0 and matching:
        group = next(group for group in given.config.priorities if name in group)
        before = ", ".join(group[: group.index(name)])
        text = (
            f"All {matching:,} who match “{name}” are in an earlier segment of its priority group ({before}). "
            "Move it up, or take it out of the group."
        )
        yield given.segment("unreachable", name, text)
    elif size == 0:
        yield given.segment("empty-segment", name, f"Nobody is in “{name}” today.")
    elif over(size, contacts, given.config.quality.everyone):
        text = f"“{name}” has {size:,} of {count_of(contacts, 'contact')}: it tells hardly anybody apart."
        yield given.segment("everyone", name, text)
    elif given.config.quality.small(size, contacts):
        people, all_ = count_of(size, "person is", "people are"), count_of(contacts, "contact")
        yield given.segment("tiny", name, f"Only {people} in “{name}”, of {all_}.")


def _let_in(given: Evidence, name: str) -> Iterator[Advice]:
    size = given.evaluation.sizes[name]
    for node in _negated_tests(given.config, name):
        missing = given.evaluation.sizes[_probe(name, node)]
        if missing:
            text = (
                f"{missing:,} of the {size:,} in “{name}” have no {node.column}: this negated test lets them in. To "
                f"keep them out add `{node.column}: {{exists: true}}`."
            )
            yield Advice("missing-let-in", given.config.place(node.loc), text, (name,))


def _negated_tests(config: Config, name: str) -> Iterator[Compare]:
    """The first negated test of each column. A test under two negations lets nobody in by a missing value."""
    seen: set[str] = set()
    rule = config.segments[name].when
    for node in _negated(rule, False) if rule is not None else ():
        if node.test != "exists" and node.column not in seen:
            seen.add(node.column)
            yield node


def _negated(node: Any, inside: bool) -> Iterator[Compare]:
    if isinstance(node, Not):
        yield from _negated(node.part, not inside)
    elif isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from _negated(part, inside)
    elif isinstance(node, Compare) and inside:
        yield node


def _overlaps(given: Evidence, members: dict[str, Any], sizes: dict[str, int]) -> Iterator[Advice]:
    """A segment that asks for the other by name is meant to lie in it, or beside it."""
    for one, other in combinations([name for name, size in sizes.items() if size], 2):
        if related(given.config, one, other):
            continue
        both = int(pc.sum(pc.and_(members[one], members[other])).as_py() or 0)
        small, large = sorted((one, other), key=lambda name: (sizes[name], name))
        who = count_of(both, "person is", "people are")
        if over(both, sizes[large], given.config.quality.nearly_same):
            text = (
                f"“{one}” and “{other}” are nearly the same: {who} in both, {both / sizes[large]:.0%} of the larger. "
                "Send one of them, or tell them apart."
            )
            yield Advice("nearly-same", given.config.place(("segments", other)), text, (other, one))
        elif over(both, sizes[small], given.config.quality.overlap):
            text = (
                f"{who} in “{one}” and “{other}”, {both / sizes[small]:.0%} of “{small}”: they get both "
                "messages. If they should not, order the two under `priorities`."
            )
            yield Advice("overlap", given.config.place(("segments", other)), text, (other, one))


def related(config: Config, one: str, other: str) -> bool:
    """Whether one asks for the other by name: it is meant to lie in it, or beside it."""
    return _asks(config, one, other) or _asks(config, other, one)


def _asks(config: Config, one: str, other: str) -> bool:
    rule = config.segments[one].when
    return rule is not None and any(isinstance(node, InSegment) and other in node.names for node in walk(rule))
