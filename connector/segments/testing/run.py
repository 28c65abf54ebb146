"""One test of rules, run: who is in which segment, and where that is not what was expected, which conditions decided.

Owns: Outcome, Miss and run(). Must not: read an export or the state; a test knows nothing but what it was given.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.config.language import platform_words
from connector.config.sections.cases import Case, Cell, Expected
from connector.config.sections.models import Config
from connector.core.errors import ConfigError, SourceError
from connector.core.problem import Place, Problem
from connector.segments.compile.frame import Frame
from connector.segments.compile.traits import Made, untouched
from connector.segments.evaluate import Evaluation, Look, evaluate
from connector.segments.explain import what_if
from connector.segments.explain.person import Explanation, explain, ranks_people
from connector.segments.explain.what_if import Assumption
from connector.segments.names import needed
from connector.segments.testing.sheets import Book, identities
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from connector.sources.model import Finding, Loaded

# What loading counts and goes on with, and what in a test is a mistake of the test.
_WRONG = ("not-of-type", "nearly-typed", "ambiguous-date", "ambiguous-number", "unknown-spelling", "mixed-separators")


@dataclass(frozen=True, slots=True)
class Miss:
    """One expectation that does not hold. `person` counts from 1; `told` explains the person."""

    expected: Expected
    person: int
    told: Explanation


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test that was run. `checked` is the number of expectations."""

    case: Case
    checked: int
    misses: tuple[Miss, ...]
    seconds: float = 0.0


def run(config: Config, cases: Sequence[Case]) -> list[Outcome]:
    """The outcome of each test. Raises ConfigError for a value or name of a test that cannot be used."""
    found: dict[str, Outcome] = {}
    for batch in _batches(config, cases):
        start = time.perf_counter()
        made = _outcomes(World(config, batch), batch)
        each = (time.perf_counter() - start) / len(batch)
        found |= {outcome.case.name: replace(outcome, seconds=each) for outcome in made}
    return [found[case.name] for case in cases]


def _batches(config: Config, cases: Sequence[Case]) -> Iterator[list[Case]]:
    """Tests that cannot meet each other's people are read at once: of one moment, without an address or id in common,
    and where no rule compares people."""
    waiting: dict[datetime, list[tuple[list[Case], set[tuple[str, str]]]]] = {}
    alone = ranks_people(config)
    for case in cases:
        own = identities(config, case)
        batches = waiting.setdefault(case.moment(config.zone), [])
        free = next((batch for batch in batches if not alone and not batch[1] & own), None)
        if free is None:
            batches.append(([case], own))
        else:
            free[0].append(case)
            free[1].update(own)
    for batches in waiting.values():
        yield from (batch for batch, _ in batches)


def _outcomes(world: World, cases: Sequence[Case]) -> Iterator[Outcome]:
    found = world.evaluation()
    row = {email: number for number, email in enumerate(found.table["email"].to_pylist())}
    first = 0
    for case in cases:
        misses: list[Miss] = []
        for number, given in enumerate(case.people, 1):
            place = row[world.book.people[first + number - 1]]
            wrong = [one for one in given.expected if _is(found, one.what, place) != one.wanted]
            if wrong:
                told = world.explain(first + number - 1)
                misses += [Miss(one, number, told) for one in wrong]
        first += len(case.people)
        yield Outcome(case, sum(len(given.expected) for given in case.people), tuple(misses))


def _is(found: Evaluation, what: str, row: int) -> bool:
    return bool(found.table[f"in:{what}" if what else "consent"][row].as_py())


class World:
    """The people of tests of one moment as loaded exports."""

    def __init__(self, config: Config, cases: Sequence[Case]) -> None:
        self.book = Book(config, cases)
        self.as_of = cases[0].moment(config.zone)
        with tempfile.TemporaryDirectory(prefix="connector-test-") as folder:
            self.config = self.book.written(Path(folder))
            self.loaded = self._load()
        lists = [name for name, one in config.segments.items() if one.members_from is not None]
        self.loaded.members = {name: pa.array([], pa.string()) for name in lists}
        self.loaded.observed = self._observed()
        self.given = [self._supposed(cells) for cells in self.book.computed]

    def evaluation(self) -> Evaluation:
        mades = [
            what_if.instead(self.loaded, email, given)[1]
            for email, given in zip(self.book.people, self.given, strict=True)
            if given
        ]
        return evaluate(self.config, self.loaded, self.as_of, look=Look(made=_all(mades)))

    def explain(self, number: int) -> Explanation:
        return explain(self.config, self.loaded, self.as_of, self.book.people[number], self.given[number])

    def _load(self) -> Loaded:
        try:
            found = catalog(self.config, self.as_of)
            loaded = load(self._without_lists(), found, self.as_of, needed(self.config, found))
        except SourceError as error:
            raise ConfigError([replace(one, place=one.place) for one in error.problems]) from None
        wrong = [one for one in loaded.findings if one.code in _WRONG]
        if wrong:
            raise ConfigError([self._wrong(loaded, one) for one in wrong])
        return loaded

    def _without_lists(self) -> Config:
        """Lists of members are files that a test does not read: nobody is on them."""
        rules = {name: one.model_copy(update={"members_from": None}) for name, one in self.config.segments.items()}
        return self.config.model_copy(update={"segments": rules})

    def _wrong(self, loaded: Loaded, one: Finding) -> Problem:
        place = self.book.place(one.source, one.row, one.column) if one.row else None
        text = f"{one.message.removesuffix('.')}."
        if one.code == "not-of-type":
            text = f"this cannot be read as {loaded.types[one.source][one.column]}, which the column holds."
        return Problem(place or self._first(one.source, one.column), "bad-value", f"{one.column}: {text}")

    def _first(self, source: str, column: str) -> Place:
        sheet = self.book.sheets[source]
        header = sheet.header(column)
        found = (place for (_, one), place in sheet.places.items() if one == header)
        return next(found, self.config.place(("sources", source)))

    def _supposed(self, cells: dict[str, Cell]) -> list[Assumption]:
        traits = {name: cell for name, cell in cells.items() if name in self.book.names.traits}
        return [self._read(name, cell) for name, cell in traits.items()]

    def _read(self, name: str, cell: Cell) -> Assumption:
        text = str(cell.value).lower() if isinstance(cell.value, bool) else str(cell.value)
        try:
            return what_if.read(self.config, self.loaded, self.as_of, [(name, text)])[0]
        except ConfigError as error:
            raise ConfigError([replace(one, place=cell.place) for one in error.problems]) from None

    def _observed(self) -> dict[str, pa.Table]:
        """What the given people's columns of platforms say; those without any are not held there."""
        found: dict[str, list[dict[str, Any]]] = {}
        platforms = self.book.names.platforms
        for email, cells in zip(self.book.people, self.book.computed, strict=True):
            for name, cell in cells.items():
                column = platforms.get(name.strip().casefold())
                if column is None or name in self.book.names.traits:
                    continue
                destination, _, word = column.rpartition(".")
                rows = found.setdefault(destination, [])
                row = next((one for one in rows if one["email"] == email), None)
                if row is None:
                    row = {"email": email}
                    rows.append(row)
                row[word] = self._said(column, cell)
        return {name: pa.Table.from_pylist(rows, schema=_OBSERVED) for name, rows in found.items()}

    def _said(self, column: str, cell: Cell) -> Any:
        type_ = platform_words.columns(self.config)[column]
        with suppress(ConfigError):
            return what_if.value(column, type_, str(cell.value).lower(), self.as_of, self.config.zone)
        message = f"{column}: {type_} is needed here, not “{str(cell.value)[:40]}”."
        raise ConfigError([Problem(cell.place, "bad-value", message)])


_PHYSICAL = {"text": pa.string(), "boolean": pa.bool_(), "timestamp": pa.timestamp("us"), "integer": pa.int64()}
_OBSERVED = pa.schema(
    [("email", pa.string()), *((word, _PHYSICAL[type_]) for word, type_ in platform_words.WORDS.items())]
)


def _all(mades: Sequence[Made]) -> Made:
    if not mades:
        return untouched

    def made(frame: Frame, name: str) -> None:
        for one in mades:
            one(frame, name)

    return made
