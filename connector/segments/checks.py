"""Is every test possible on the type its column turned out to have? All that is not is reported at once.

Owns: check_types() and the types of traits. Must not: build expressions, read rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from connector.config.language import platform_words
from connector.config.language.rules import (
    Aggregate,
    Compare,
    Events,
    InSegment,
    Loc,
    Near,
    Predict,
    Rank,
    Rfm,
    Sample,
    Split,
    Sql,
)
from connector.config.language.rules import Sequence as EventSequence
from connector.config.language.words import BESIDE, WORDS, types
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.core.problem import Problem
from connector.segments.compile import engine, sql
from connector.segments.compile.literals import WrongType
from connector.segments.compile.measures import MEASURES, TIME, Ask, ask, event_tests, result_type
from connector.segments.compile.traits import picked_type, picks
from connector.segments.compile.windows import Clock
from connector.segments.compile.words import read
from connector.segments.names import CONTACTS, DRIVERS, EMAIL, Names, in_order, nodes, roots
from connector.sources.columns import offsets
from connector.sources.model import Loaded


def check_types(config: Config, loaded: Loaded, as_of: datetime) -> list[Problem]:
    """Every test, measure and proof that does not fit its column's type, in the order of the file."""
    return in_order(list(_Checks(config, loaded, as_of).problems()))


_FEW = 8  # values of a column that are shown

TypeOf = Callable[[Compare | Events, str], ColumnType | None]


def types_of(config: Config, loaded: Loaded, as_of: datetime) -> TypeOf:
    """Gives the type of what a condition of a source (or of contacts) tests; None when nobody has a value."""
    checks = _Checks(config, loaded, as_of)
    list(checks._traits())

    def type_of(node: Compare | Events, source: str = CONTACTS) -> ColumnType | None:
        return checks._result(ask(node)) if isinstance(node, Events) else checks.type(source, node.column)

    return type_of


class _Checks:
    """`types` has None for a column without any value: whatever it would hold, a test of it is no mistake."""

    def __init__(self, config: Config, loaded: Loaded, as_of: datetime) -> None:
        self.config, self.loaded = config, loaded
        self.nearly = {(one.source, one.column): one for one in loaded.findings if one.code == "nearly-typed"}
        self.names = Names.of(config, loaded)
        self.connection = loaded.connection
        self.clock = Clock.at(as_of, config.zone)
        self.types: dict[str, dict[str, ColumnType | None]] = {}
        for source, known in loaded.types.items():
            empty = loaded.empty.get(source, frozenset())
            self.types[source] = {name: None if name in empty else type_ for name, type_ in known.items()}
        self.types.setdefault(CONTACTS, {})[EMAIL] = "text"
        self.types[CONTACTS] |= platform_words.columns(config)

    def problems(self) -> Iterator[Problem]:
        yield from self._traits()
        for root in roots(self.config):
            for node, source in nodes(root):
                check = _NODES.get(type(node))
                if check is not None:
                    yield from check(self, node, source)
        yield from self._consent()
        yield from self._signals()

    def _traits(self) -> Iterator[Problem]:
        """Finds the traits' types on the way."""
        contacts = self.types[CONTACTS]
        for name, trait in self.config.traits.items():
            if isinstance(trait, Aggregate):
                contacts[name] = self._result(ask(trait))
            elif isinstance(trait, Rfm):
                contacts |= dict.fromkeys((f"{name}.recency", f"{name}.frequency", f"{name}.monetary"), "integer")
                contacts[f"{name}.segment"] = "text"
            elif isinstance(trait, Predict):
                contacts |= {name: "number", f"{name}.{DRIVERS}": "text"}
        for name, pick in picks(self.config):
            try:
                contacts[name] = picked_type(
                    [contacts[self.names.contact(written) or written] for written in pick.columns]
                )
            except WrongType as error:
                contacts[name] = None
                yield self._problem(pick.loc, str(error))

    def type(self, source: str, written: str) -> ColumnType | None:
        if written == TIME:
            return "timestamp"
        return self.types[source][self.names.find(source, written) or written]

    def _result(self, found: Ask) -> ColumnType | None:
        return result_type(found.measure, "integer" if found.column is None else self.type(found.source, found.column))

    def compare(self, node: Compare, source: str) -> Iterator[Problem]:
        for problem in self._test(node, self.type(source, node.column)):
            yield replace(problem, message=problem.message + self._evidence(source, node.column))

    def measure(self, node: Aggregate | Events, source: str) -> Iterator[Problem]:
        found = ask(node)
        takes = MEASURES[found.measure].takes
        type_ = None if found.column is None else self.type(found.source, found.column)
        if isinstance(node, Events) and source != CONTACTS:
            yield self._misplaced(node.loc, "other events")
        elif type_ is not None and takes and type_ not in takes:
            message = f"{found.measure} takes {' or '.join(takes)} columns; “{found.source}.{found.column}” is {type_}."
            yield self._problem(node.loc, message + self._evidence(found.source, found.column or ""))
        elif isinstance(node, Events):
            for test in event_tests(node):
                yield from self._test(test, self._result(found))

    def misplaced(self, node: InSegment | Rank | Sample | Split | EventSequence, source: str) -> Iterator[Problem]:
        if source != CONTACTS:
            yield self._misplaced(node.loc, "people")

    def rank(self, node: Rank, source: str) -> Iterator[Problem]:
        yield from self.misplaced(node, source)
        yield from self._one_of(node.loc, node.column, source, types(WORDS[node.side]), node.side)
        if node.by is not None:
            yield from self._one_of(node.loc, node.by, source, types(BESIDE["by"]), "by")

    def sql(self, node: Sql, source: str) -> Iterator[Problem]:
        try:
            sql.check(self.connection, node, lambda written: self.type(source, written))
        except WrongType as error:
            yield self._problem(node.loc, str(error))

    def near(self, node: Near, source: str) -> Iterator[Problem]:
        yield from self._one_of(node.loc, node.column, source, types(WORDS["near"]), "near")

    def predict(self, node: Predict, source: str) -> Iterator[Problem]:
        if node.column is not None:
            yield from self._one_of(node.loc, node.column, node.source, MEASURES["sum"].takes, node.kind)

    def rfm(self, node: Rfm, source: str) -> Iterator[Problem]:
        yield from self._one_of(node.loc, node.recency[1], node.recency[0], MEASURES["latest"].takes, "recency")
        yield from self._one_of(node.loc, node.monetary[1], node.monetary[0], MEASURES["sum"].takes, "monetary")

    def _one_of(self, loc: Loc, column: str, source: str, takes: Sequence[str], word: str) -> Iterator[Problem]:
        type_ = self.type(source, column)
        if type_ is not None and type_ not in takes:
            message = f"{word} takes {' or '.join(takes)} columns; “{column}” is {type_}."
            yield self._problem(loc, message + self._evidence(source, column))

    def _misplaced(self, loc: Loc, what: str) -> Problem:
        return self._problem(loc, f"A `where` asks about the event's own columns, not about {what}.")

    def _test(self, node: Compare, type_: ColumnType | None) -> Iterator[Problem]:
        try:
            if type_ is not None:
                read(node, type_, self.clock)
        except WrongType as error:
            yield self._problem(node.loc, str(error))

    def _consent(self) -> Iterator[Problem]:
        consent = self.config.consent
        if consent is not None and consent.proof_at is not None:
            type_ = self.type(CONTACTS, consent.proof_at)
            if type_ not in ("date", "timestamp", None):
                message = f"The proof of consent needs a date; “{consent.proof_at}” is a {type_} column."
                yield self._problem(("consent", "proof", "at"), message + self._evidence(CONTACTS, consent.proof_at))

    def _signals(self) -> Iterator[Problem]:
        for place, policy in enumerate(self.config.lifecycle):
            for number, written in enumerate(policy.signals):
                type_ = self.type(CONTACTS, self.names.contact(written) or written)
                if type_ not in ("date", "timestamp", None):
                    loc = (*self.config.policy_at(place), "signals", number)
                    message = f"A signal is the time of an activity; “{written}” is a {type_} column."
                    yield self._problem(loc, message + self._evidence(CONTACTS, written))

    def _evidence(self, source: str, written: str) -> str:
        """Why the column is one of texts: the cell that is to blame, else its few words."""
        column = self.names.find(source, written) or ""
        near = self.nearly.get((source, column))
        if near is not None:
            return f" {near.count:,} {near.message}: {near.file} row {near.row:,}."
        words = self._words(source, column) if self.types[source].get(column) == "text" else []
        hint = next((f" {found}." for word in words if (found := offsets.hint(word))), "")
        few = len(words) <= _FEW and not any("@" in word for word in words)  # one may be somebody's address
        return f" It has: {', '.join(f'“{word}”' for word in words)}.{hint}" if words and few else hint

    def _words(self, source: str, column: str) -> list[str]:
        """Some values of a column: all of them where it has a few."""
        table = self.loaded.contacts if source == CONTACTS else self.loaded.related.get(source)
        if table is None or column not in table.columns:
            return []
        rows = engine.arrow(self.connection, table.select(word=table[column]).distinct().limit(_FEW + 2))
        return sorted({word.strip() for word in rows["word"].to_pylist() if word and word.strip()})

    def _problem(self, loc: Loc, message: str) -> Problem:
        return Problem(self.config.place(loc), "wrong-type", message)


_NODES: dict[type, Callable[..., Iterator[Problem]]] = {
    Compare: _Checks.compare,
    Aggregate: _Checks.measure,
    Events: _Checks.measure,
    InSegment: _Checks.misplaced,
    Rank: _Checks.rank,
    Near: _Checks.near,
    Rfm: _Checks.rfm,
    Predict: _Checks.predict,
    Sample: _Checks.misplaced,
    Split: _Checks.misplaced,
    Sql: _Checks.sql,
    EventSequence: _Checks.misplaced,
}
