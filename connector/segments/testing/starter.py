"""Starter tests: people of the export who stand for many, masked, with what is true of them today.

Owns: who is chosen, what of them is written, and the proof that the tests pass.
Must not: write a value that is not masked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.load import read_tests
from connector.config.sections.models import Config
from connector.core.counts import count_of
from connector.segments.compile import engine
from connector.segments.evaluate import Evaluation, evaluate
from connector.segments.names import CONTACTS, EMAIL, Names, asked_of_platforms, references
from connector.segments.testing.masking import Mask, moment
from connector.segments.testing.run import run
from connector.sources.model import EVENT, Loaded

_STORY = pa.schema([("_email", pa.string()), ("n", pa.int64())])
_RULES = ("traits", "segments", "consent")
_MOST = 40  # events of a person and source that are written
_PLAIN = re.compile(r"[A-Za-z_+][\w+ -]*|\d{4}-\d\d-\d\d(T[\d:.]+([+-]\d\d:\d\d)?)?")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


@dataclass(frozen=True, slots=True)
class Starter:
    """`text` is the file; `left_out` tells per segment of how many people nothing could be expected."""

    text: str
    people: int
    left_out: Mapping[str, int]


def starter(config: Config, loaded: Loaded, as_of: datetime, count: int) -> Starter:
    """The tests of at most `count` people: those of every combination of segments first, the shortest stories first."""
    evaluation = evaluate(config, loaded, as_of)
    people = _chosen(loaded, evaluation, count)
    told = _Told(config, loaded, as_of, people)
    expected = _expected(config, evaluation, people)
    wrong = _wrong(config, told, expected)
    lines = list(told.lines([{what: side for what, side in one.items() if (number, what) not in wrong}
                             for number, one in enumerate(expected)]))  # fmt: skip
    left_out: dict[str, int] = {}
    for _number, what in sorted(wrong):
        left_out[what] = left_out.get(what, 0) + 1
    return Starter("\n".join([*told.head(left_out), *lines]) + "\n", len(people), left_out)


def _chosen(loaded: Loaded, evaluation: Evaluation, count: int) -> list[str]:
    """First one person of every combination of segments, then a second one …; the shortest stories first."""
    table = evaluation.table
    bits = [pc.if_else(pc.fill_null(table[f"in:{name}"], False), "1", "0") for name in evaluation.sizes]
    people = pa.table({"email": table["email"], "combination": pc.binary_join_element_wise(*bits, "")})
    with duckdb.connect() as con:
        con.register("people", people)
        con.register("stories", _stories(loaded))
        found = con.sql(
            "SELECT email FROM (SELECT email, coalesce(n, 0) AS n, md5(email) AS hash, row_number() OVER (PARTITION BY"
            " combination ORDER BY coalesce(n, 0), md5(email)) AS turn FROM people LEFT JOIN"
            " (SELECT _email AS email, sum(n) AS n FROM stories GROUP BY 1) USING (email))"
            " ORDER BY turn, n, hash LIMIT $count",
            params={"count": count},
        )
        return [email for (email,) in found.fetchall()]


def _stories(loaded: Loaded) -> pa.Table:
    """How many events somebody has in a source: _email, n."""
    counted = [
        engine.arrow(loaded.connection, table.group_by("_email").aggregate(n=_.count()))
        for table in loaded.related.values()
    ]
    return pa.concat_tables([_STORY.empty_table(), *(table.cast(_STORY) for table in counted)])


def _expected(config: Config, evaluation: Evaluation, people: list[str]) -> list[dict[str, bool]]:
    """Per person segment -> member; "" is consent. Lists decide without a rule, so nothing is expected of them."""
    table = evaluation.table.filter(pc.is_in(evaluation.table["email"], value_set=pa.array(people, pa.string())))
    rows = {row["email"]: row for row in table.to_pylist()}
    asked = [name for name, one in config.segments.items() if one.when is not None and not one.frozen]
    found = [{name: bool(rows[email][f"in:{name}"]) for name in asked} for email in people]
    if config.consent is not None:
        found = [{**one, "": bool(rows[email]["consent"])} for one, email in zip(found, people, strict=True)]
    return found


def _wrong(config: Config, told: _Told, expected: list[dict[str, bool]]) -> set[tuple[int, str]]:
    """What is not true of the masked people: decided by what is masked, or by comparing everybody."""
    path = config.path.with_name("starter_test.yaml")
    cases = read_tests("\n".join([*told.head({}), *told.lines(expected)]) + "\n", path, config)
    outcomes = run(config, cases)
    return {(number, miss.expected.what) for number, one in enumerate(outcomes) for miss in one.misses}


class _Told:
    """The chosen people in the words of a test."""

    def __init__(self, config: Config, loaded: Loaded, as_of: datetime, people: list[str]) -> None:
        self.config, self.loaded, self.as_of, self.people = config, loaded, as_of, people
        self.names = Names.of(config, loaded)
        self.wanted = pa.array(people, pa.string())
        self.contacts = self._contacts()
        self.events = {name: self._events(name) for name in loaded.related}
        self.said = dict(self._said())

    def head(self, left_out: Mapping[str, int]) -> list[str]:
        people = count_of(len(self.people), "person", "people")
        lines = [
            f"# {people} of the exports, masked, and what was true of them. Run them with: sync test",
            "# Addresses, names, phones and free texts are made up. Days, amounts and words of rules are real: look",
            "# through this file before you share it.",
        ]
        for what, number in left_out.items():
            name = what or "consent"
            who = count_of(number, "person", "people")
            lines.append(f"# {name}: of {who} nothing is expected, because what decides is masked or a rank.")
        return [*lines, f"as_of: {moment(self.as_of, self.config.zone)}", "tests:"]

    def lines(self, expected: list[dict[str, bool]]) -> Iterator[str]:
        for number, (email, sides) in enumerate(zip(self.people, expected, strict=True), 1):
            if not sides:
                continue
            inside = [what for what, side in sides.items() if what and side]
            mask = Mask(self.config, self.names, self.config.zone)
            yield f"  - name: person {number}, in {', '.join(inside) or 'no segment'}"
            yield from self._person(email, number, mask)
            told = [f"{what}: {'in' if side else 'out'}" for what, side in sides.items() if what]
            if told:
                yield f"    expect: {{{', '.join(told)}}}"
            if "" in sides:
                yield f"    consent: {str(sides['']).lower()}"

    def _person(self, email: str, number: int, mask: Mask) -> Iterator[str]:
        cells = {name: f"person-{number}@example.com" for name in self._asked(CONTACTS) if name == EMAIL}
        types = self.loaded.types[CONTACTS]
        for name, value in self.contacts.get(email, {}).items():
            cells[name] = mask.value(CONTACTS, name, types[name], value)
        cells |= {name: moment(value, self.config.zone) for name, value in self.said.get(email, {}).items()}
        if any(value is not None for value in cells.values()):
            yield f"    contact: {_flow(cells)}"
        events = {source: rows.get(email, []) for source, rows in self.events.items()}
        if any(events.values()):
            yield "    events:"
        for source, rows in events.items():
            if rows:
                yield f"      {source}:"
                yield from (f"        - {_flow(self._event(source, row, mask))}" for row in rows[-_MOST:])

    def _event(self, source: str, row: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
        settings, types = self.config.sources[source], self.loaded.types[source]
        cells = {} if settings.at is None else {settings.at: moment(row["_at"], self.config.zone)}
        at = None if settings.at is None else self.names.column(source, settings.at)
        for name in sorted(self._asked(source)):
            if name != at:
                cells[name] = mask.value(source, name, types[name], row[name])
        if settings.id and EVENT in row:
            cells[settings.id] = f"e{row[EVENT]}"
        return cells

    def _asked(self, source: str) -> set[str]:
        """The columns that rules use; what only destinations' fields take is not written."""
        found = set()
        for reference in references(self.config):
            if reference.source == source and reference.loc[0] in _RULES:
                if reference.traits and self.names.computed(reference.written):
                    continue
                column = self.names.column(source, reference.written)
                found |= {column} if column else set()
        return found

    def _contacts(self) -> dict[str, dict[str, Any]]:
        table = self.loaded.contacts
        columns = sorted(self._asked(CONTACTS) - {EMAIL})
        rows = engine.arrow(
            self.loaded.connection, table.filter(table[EMAIL].isin(self.people)).select(EMAIL, *columns)
        )
        return {row.pop(EMAIL): row for row in rows.to_pylist()}

    def _events(self, source: str) -> dict[str, list[dict[str, Any]]]:
        table = self.loaded.related[source]
        rows = engine.arrow(self.loaded.connection, table.filter(table["_email"].isin(self.people)).order_by("_at"))
        found: dict[str, list[dict[str, Any]]] = {}
        for row in rows.to_pylist():
            found.setdefault(row.pop("_email"), []).append(row)
        return found

    def _said(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What platforms said of the people, as far as rules ask."""
        found: dict[str, dict[str, Any]] = {}
        for destination, words in asked_of_platforms(self.config).items():
            table = self.loaded.observed.get(destination)
            if table is not None:
                for row in table.filter(pc.is_in(table["email"], value_set=self.wanted)).to_pylist():
                    mine = found.setdefault(row["email"], {})
                    mine |= {f"{destination}.{word}": row[word] for word in sorted(words) if row[word] is not None}
        yield from found.items()


def _flow(cells: Mapping[str, Any]) -> str:
    pairs = [f"{_scalar(name)}: {_scalar(value)}" for name, value in cells.items() if value is not None]
    return f"{{{', '.join(pairs)}}}"


def _scalar(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_scalar(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return format(value, "f") if hasattr(value, "as_tuple") else str(value)
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)
