"""Two versions of segments.yaml over the same people: who entered, who left, and through which condition.

Owns: Evaluated, SegmentChange and compare(). Must not: read files, mask or print an address.

The condition is the first one, at the top of the rule, that decides: under `all` the one that kept people out before
(or keeps them out now), under `any` the one that lets them in now (or let them in before).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.language.rules import All, AnyOf, Loc, Not, Rule
from connector.config.sections.models import Config
from connector.segments.compile.rewrite import bare
from connector.segments.priorities import waterfall
from connector.segments.probes import of_segment

Why = Literal["kept-out", "keeps-out", "lets-in", "let-in", "priorities", "rule", "export"]
Kind = Literal["same", "changed", "new", "gone"]
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Door:
    """How `people` entered or left. `side` is the version that holds the condition at `loc`; `instead` is what asks
    about the same column in the other version, when it asks something else.

    kept-out: a condition of the old rule was in the way · keeps-out: one of the new rule is · lets-in, let-in: the
    same of `any` · rule: the rule as a whole · priorities · export: they are in one version's export only."""

    why: Why
    side: Literal["old", "new"]
    loc: Loc
    people: int
    instead: Loc | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """Who entered or who left. `samples` are addresses in full: a report masks them."""

    people: int
    doors: tuple[Door, ...]
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentChange:
    name: str
    kind: Kind
    before: int
    after: int
    entered: Moved
    left: Moved


@dataclass(frozen=True)
class Evaluated:
    """One version, and its evaluation with parts() as probes."""

    config: Config
    table: pa.Table


def parts(config: Config) -> dict[str, Rule]:
    """Every condition at the top of every rule, under the name of a probe (probes.with_probes)."""
    return {
        _probe(name, number): of_segment(part, name)
        for name, segment in config.segments.items()
        if segment.when is not None and not segment.frozen
        for number, part in enumerate(_top(segment.when))
    }


def compare(old: Evaluated, new: Evaluated) -> list[SegmentChange]:
    """Every segment of either version, in the new file's order, then those that are gone."""
    people = pc.unique(pa.chunked_array([*old.table["email"].chunks, *new.table["email"].chunks]))
    before, after = _Version("old", old, people), _Version("new", new, people)
    names = dict.fromkeys([*new.config.segments, *old.config.segments])
    return [_Change(name, before, after, people).result() for name in names]


def _probe(name: str, number: int) -> str:
    return f"?{name}?{number}"


def _top(rule: Any) -> tuple[Any, ...]:
    return rule.parts if isinstance(rule, All | AnyOf) else (rule,)


def _instead(part: Any, others: tuple[Any, ...]) -> Loc | None:
    """The first of the other rule's conditions that is about the same; None when it says the same."""
    for other in others:
        if _subject(other) == _subject(part):
            loc: Loc = other.loc
            return None if bare(other) == bare(part) else loc
    return None


def _subject(node: Any) -> Any:
    """What a condition is about: a column, a source, or its kind."""
    if isinstance(node, Not):
        return _subject(node.part)
    return getattr(node, "column", None) or getattr(node, "source", None) or type(node)


class _Version:
    """One side, its columns brought to the order of `people`."""

    def __init__(self, name: Literal["old", "new"], side: Evaluated, people: pa.Array) -> None:
        self.name, self.config = name, side.config
        rows = pc.index_in(people, value_set=side.table["email"].combine_chunks())
        self.held = rows.is_valid()
        wanted = [column for column in side.table.column_names if column.startswith("in:")]
        self._columns = {
            column.removeprefix("in:"): pc.fill_null(side.table[column].combine_chunks().take(rows), False)
            for column in wanted
        }
        rules = {name: self._columns[name] for name in side.config.segments}
        self.members: Mapping[str, Any] = waterfall(rules, side.config.priorities)

    def has(self, segment: str) -> bool:
        return segment in self.config.segments

    def matches(self, segment: str) -> Any:
        """Who fulfils the rule, whatever priorities say."""
        return self._columns[segment]

    def conditions(self, segment: str) -> tuple[Any, ...]:
        rule = self._rule(segment)
        return () if rule is None else _top(rule)

    def holds(self, segment: str, number: int) -> Any:
        """Who fulfils one of the conditions."""
        return self._columns[_probe(segment, number)]

    def is_any(self, segment: str) -> bool:
        return isinstance(self._rule(segment), AnyOf)

    def is_all(self, segment: str) -> bool:
        return self._rule(segment) is not None and not self.is_any(segment)

    def _rule(self, segment: str) -> Rule | None:
        """None where no condition decides: a frozen segment, or a list."""
        found = self.config.segments[segment]
        return None if found.frozen else found.when


class _Change:
    """One segment in both versions."""

    def __init__(self, name: str, old: _Version, new: _Version, people: pa.Array) -> None:
        self.name, self.old, self.new, self.people = name, old, new, people
        nobody = pa.repeat(False, len(people))
        self.before = old.members[name] if old.has(name) else nobody
        self.after = new.members[name] if new.has(name) else nobody

    def result(self) -> SegmentChange:
        entered, left = pc.and_not(self.after, self.before), pc.and_not(self.before, self.after)
        both = self.old.has(self.name) and self.new.has(self.name)
        moved = [
            self._moved(entered, self._entered(entered) if both else ()),
            self._moved(left, self._left(left) if both else ()),
        ]
        kind: Kind = "gone" if not self.new.has(self.name) else "new" if not self.old.has(self.name) else "changed"
        if kind == "changed" and not any(one.people for one in moved):
            kind = "same"
        return SegmentChange(self.name, kind, _count(self.before), _count(self.after), *moved)

    def _moved(self, who: Any, doors: Any) -> Moved:
        addresses = pc.array_sort_indices(found := self.people.filter(who))[:SAMPLES]
        return Moved(
            _count(who), tuple(door for door in doors if door.people), tuple(found.take(addresses).to_pylist())
        )

    def _entered(self, who: Any) -> Iterator[Door]:
        name, old, new = self.name, self.old, self.new
        yield self._door("export", "new", pc.and_not(who, old.held))
        who = pc.and_(who, old.held)
        yield self._door("priorities", "new", pc.and_(who, old.matches(name)))
        who = pc.and_not(who, old.matches(name))
        if new.is_any(name):
            who = yield from self._through(who, new, "lets-in", True)
        elif old.is_all(name):
            who = yield from self._through(who, old, "kept-out", False)
        yield self._door("rule", "new", who)

    def _left(self, who: Any) -> Iterator[Door]:
        name, old, new = self.name, self.old, self.new
        yield self._door("export", "new", pc.and_not(who, new.held))
        who = pc.and_(who, new.held)
        yield self._door("priorities", "new", pc.and_(who, new.matches(name)))
        who = pc.and_not(who, new.matches(name))
        if new.is_all(name):
            who = yield from self._through(who, new, "keeps-out", False)
        elif old.is_any(name):
            who = yield from self._through(who, old, "let-in", True)
        yield self._door("rule", "new", who)

    def _through(self, who: Any, version: _Version, why: Why, verdict: bool) -> Generator[Door, None, Any]:
        """The first condition with this verdict, for each; returns those without one."""
        other = (self.new if version is self.old else self.old).conditions(self.name)
        for number, part in enumerate(version.conditions(self.name)):
            column = version.holds(self.name, number)
            here = pc.and_(who, column if verdict else pc.invert(column))
            yield Door(why, version.name, part.loc, _count(here), _instead(part, other))
            who = pc.and_not(who, here)
        return who

    def _door(self, why: Why, side: Literal["old", "new"], who: Any) -> Door:
        loc: Loc = ("priorities",) if why == "priorities" else ("segments", self.name)
        return Door(why, side, loc, _count(who))


def _count(column: Any) -> int:
    return int(pc.sum(column).as_py() or 0)
