"""One person, explained: every trait, every segment with each condition's value and verdict, and consent.

Owns: Explanation and its parts, and how they are asked: every condition becomes a probe of the same pass that evaluates
segments, so a verdict here is the verdict there. Must not: decide what a test means, print, know a platform.

Only this person's rows take part, unless the file ranks people against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.language.rules import All, AnyOf, Compare, Events, InSegment, Near, Not, Predict, Rank, Rfm, Rule
from connector.config.sections.models import Config
from connector.segments import kept, probes
from connector.segments.compile.measures import Ask, ask
from connector.segments.evaluate import Look, evaluate
from connector.segments.explain.what_if import Assumption, instead
from connector.segments.explain.words import is_mapping, is_negated_test, words
from connector.segments.names import nodes, roots, trait_names
from connector.segments.priorities import waterfall
from connector.sources.model import Loaded


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition. `text` is as in the file; `group` is all, any, not or "" for a test; `values` are what was looked
    at: (what, value or None when missing); `line` is its place in the file."""

    text: str
    holds: bool
    group: str = ""
    parts: tuple[Verdict, ...] = ()
    values: tuple[tuple[str, Any], ...] = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class InOne:
    """One segment. `matches`: the rule holds; `member`: and no earlier segment of the priorities took the person
    (`taken_by`). `decided` says why the rule is not asked (frozen, a list); `rule` is then None."""

    name: str
    title: str | None
    matches: bool
    member: bool
    taken_by: str | None
    paused: bool
    rule: Verdict | None
    decided: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """`given` is True without a consent section (`rule` is None)."""

    given: bool
    at: datetime | None
    source: str | None
    rule: Verdict | None
    unclear: bool = False  # not given because the export does not tell it clearly


@dataclass(frozen=True, slots=True)
class Explanation:
    """`desired` is the person's row as a plan takes it (Evaluation.table)."""

    traits: tuple[tuple[str, Any], ...]
    segments: tuple[InOne, ...]
    consent: Consent
    desired: pa.Table
    notes: tuple[str, ...] = ()


def explain(
    config: Config, loaded: Loaded, as_of: datetime, email: str, given: Sequence[Assumption] = ()
) -> Explanation:
    """Everything about the contact `email`, who is in `loaded`; `given` are values to suppose instead of the real ones.

    Raises ConfigError like evaluate()."""
    return _Asked(config, loaded, as_of, email, given).explanation()


def ranks_people(config: Config) -> bool:
    """Whether any rule or trait compares people with each other, so that everybody must take part."""
    return any(isinstance(node, Rank | Rfm | Predict) for root in roots(config) for node, _source in nodes(root))


def only(loaded: Loaded, email: str) -> Loaded:
    """The tables with nobody but this person in them."""
    related = {name: table.filter(table["_email"] == email) for name, table in loaded.related.items()}
    return replace(loaded, contacts=loaded.contacts.filter(loaded.contacts["email"] == email), related=related)


class _Asked:
    """The questions about one person, and their answers."""

    def __init__(
        self, config: Config, loaded: Loaded, as_of: datetime, email: str, given: Sequence[Assumption]
    ) -> None:
        self.config = config
        self.decided = {name: kept.reason(config, loaded, name) for name in config.segments}
        rules = {name: segment.when for name, segment in config.segments.items() if self.decided[name] is None}
        self.rules = {name: rule for name, rule in rules.items() if rule is not None}
        self.probes: dict[int, str] = {}  # id of a condition -> its probe
        asked = dict(self._probes())
        self.columns: dict[str | Ask, int] = {}
        for name in trait_names(config):
            self.columns.setdefault(name, len(self.columns))
        for rule in (*self.rules.values(), *([config.consent.when] if config.consent else ())):
            for what, _label in (pair for node in leaves(rule) for pair in looked_at(node)):
                self.columns.setdefault(what, len(self.columns))
        scope = loaded if ranks_people(config) else only(loaded, email)
        scope, made = instead(scope, email, given)
        look = Look(also=tuple(self.columns), made=made)
        found = evaluate(probes.with_probes(config, asked), scope, as_of, look=look)
        self.notes = found.notes
        self.table = found.table.filter(pc.equal(found.table["email"], email))
        self.row = self.table.to_pylist()[0]

    def _probes(self) -> Iterator[tuple[str, Rule]]:
        """Every condition of every rule as a segment of its own."""
        for name, rule in self.rules.items():
            yield from self._probe(rule, name)
        if self.config.consent is not None:
            yield from self._probe(self.config.consent.when, None)

    def _probe(self, rule: Rule, owner: str | None) -> Iterator[tuple[str, Rule]]:
        for node in _parts(rule):
            name = self.probes[id(node)] = f"?{len(self.probes)}"
            yield name, probes.of_segment(node, owner) if owner is not None else node

    def explanation(self) -> Explanation:
        members = self._members()
        columns = {
            name: column
            for name, column in zip(self.table.column_names, self.table.columns, strict=True)
            if not name.startswith(("in:?", "also:"))
        }
        desired = pa.table(columns | {f"in:{name}": column for name, column in members.items()})
        return Explanation(
            traits=tuple((name, self._value(name)) for name in trait_names(self.config)),
            segments=tuple(self._segment(name, members[name][0].as_py()) for name in self.config.segments),
            consent=self._consent(),
            desired=desired,
            notes=self.notes,
        )

    def _members(self) -> dict[str, Any]:
        matching = {name: self.table[f"in:{name}"] for name in self.config.segments}
        return dict(waterfall(matching, self.config.priorities))

    def _value(self, column: str | Ask) -> Any:
        return self.row[f"also:{self.columns[column]}"]

    def _segment(self, name: str, member: bool) -> InOne:
        segment = self.config.segments[name]
        matches = bool(self.row[f"in:{name}"])
        taken_by = self._taken_by(name) if matches and not member else None
        rule = self._verdict(self.rules[name]) if name in self.rules else None
        return InOne(name, segment.title, matches, member, taken_by, segment.paused, rule, self.decided.get(name))

    def _taken_by(self, name: str) -> str:
        group = next(group for group in self.config.priorities if name in group)
        return next(other for other in group if self.row[f"in:{other}"])

    def _consent(self) -> Consent:
        rule = None if self.config.consent is None else self._verdict(self.config.consent.when)
        told = (self.row["consent_at"], self.row["consent_source"], rule)
        return Consent(bool(self.row["consent"]), *told, bool(self.row["unclear"]))

    def _verdict(self, node: Rule) -> Verdict:
        holds = bool(self.row[f"in:{self.probes[id(node)]}"])
        line = self.config.place(node.loc).line
        if isinstance(node, All | AnyOf):
            parts = tuple(self._verdict(part) for part in node.parts)
            group = "any" if isinstance(node, AnyOf) else "and" if is_mapping(node) else "all"
            return Verdict(group, holds, group, parts, (), line)
        if isinstance(node, Not) and not is_negated_test(node):
            return Verdict("not", holds, "not", (self._verdict(node.part),), (), line)
        return Verdict(words(node), holds, values=tuple(self._values(node)), line=line)

    def _values(self, node: Rule) -> Iterator[tuple[str, Any]]:
        leaf = node.part if isinstance(node, Not) else node
        if isinstance(leaf, InSegment):
            yield from ((f"in {name}", bool(self.row[f"in:{name}"])) for name in leaf.names)
        for what, label in looked_at(leaf):
            yield label, self._value(what)


def _parts(node: Rule) -> Iterator[Rule]:
    """The condition and every condition about the person below it."""
    yield node
    if isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from _parts(part)
    elif isinstance(node, Not) and not is_negated_test(node):
        yield from _parts(node.part)


def leaves(rule: Rule) -> Iterator[Rule]:
    for node in _parts(rule):
        yield node.part if isinstance(node, Not) and is_negated_test(node) else node


def looked_at(node: Rule) -> Iterator[tuple[str | Ask, str]]:
    """(column or measure, what to call it) that a test of one person looks at."""
    if isinstance(node, Compare | Near):
        yield node.column, node.column
    elif isinstance(node, Rank):
        yield node.column, node.column
        if node.by is not None:
            yield node.by, node.by
    elif isinstance(node, Events):
        found = ask(node)
        column = "" if node.column is None else f" of {node.column}"
        name = {"earliest": "the first one", "latest": "the last one"}.get(found.measure, found.measure + column)
        yield found, f"{name} of {node.source}" if not column else f"{found.measure} of {node.source}.{node.column}"
