"""Columns whose texts get one spelling: the distinct texts go through Python once and come back as a table.

Owns: the mapping tables of countries and phones, and what is reported about them. Must not: map row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.columns import normalise
from connector.sources.findings import Findings
from connector.sources.text import literal

if TYPE_CHECKING:
    import duckdb


Place = Callable[[int], tuple[str, int]]  # the file and row number of a raw row


@dataclass(frozen=True, slots=True)
class Cells:
    """The texts of one column: `value` is SQL over the raw table `raw` as `r`, `name` the same as a column of the
    typed table's inner select; `region` likewise for the country beside it."""

    raw: str
    value: str
    name: str
    region: tuple[str, str] | None = None

    def query(self) -> str:
        home = f"coalesce({self.region[0]}, '')" if self.region else "''"
        return f"SELECT {self.value} AS v, {home} AS h, r.rowid AS id FROM {self.raw} r"

    def home(self) -> str:
        return f"coalesce({self.region[1]}, '')" if self.region else "''"


@dataclass(frozen=True, slots=True)
class Mapped:
    """SQL of a mapped column: its value, and the join it needs."""

    value: str
    join: str = ""


def countries(
    con: duckdb.DuckDBPyConnection, cells: Cells, into: str, at: tuple[str, str], findings: Findings, place: Place
) -> Mapped:
    """ISO two-letter codes; an unknown spelling stays."""
    query = f"SELECT v, count(*), '', min(id) FROM ({cells.query()}) WHERE v IS NOT NULL GROUP BY v"
    report = _Report(findings, at, "country", place)
    return _mapping(con, query, lambda text, _: normalise.country(text), (cells.name, "''"), into, report)


def phones(
    con: duckdb.DuckDBPyConnection, cells: Cells, into: str, at: tuple[str, str], findings: Findings, place: Place
) -> Mapped:
    """E.164; a number without a country code is read in the person's country.

    Numbers with + that need no more than their punctuation taken out are done by the engine."""
    query = (
        f"SELECT v, count(*), h, min(id) FROM ({cells.query()}) WHERE v IS NOT NULL AND NOT ({_is_plain('v')})"
        f" AND NOT ({_is_bare('v')}) GROUP BY v, h"
    )
    by_engine = f"SELECT count(*) FROM ({cells.query()}) WHERE NOT ({_is_plain('v')}) AND ({_is_bare('v')})"
    done = engine.number(con, by_engine)
    report = _Report(findings, at, "phone number", place, done)
    mapped = _mapping(con, query, _phone, (cells.name, cells.home()), into, report)
    v = cells.name
    value = f"CASE WHEN {_is_plain(v)} THEN {v} WHEN {_is_bare(v)} THEN {_bare(v)} ELSE {mapped.value} END"
    return Mapped(value, mapped.join)


def _bare(value: str) -> str:
    return f"regexp_replace({value}, '[\\s().\\-/\u00a0]', '', 'g')"


def _is_plain(value: str) -> str:
    return f"regexp_full_match({value}, {literal(normalise.E164)}) AND NOT {_has_zero(value)}"


def _has_zero(value: str) -> str:
    """SQL: a zero stands where a number within the country begins, and may have to go: +49 0170 1234567."""
    return rf"regexp_matches({value}, '^\+(?:[34]\d|\d{{1,3}}[\s().\-/\x{{a0}}]+)0')"


def _is_bare(value: str) -> str:
    return (
        f"NOT contains({value}, '(0)') AND NOT {_has_zero(value)}"
        f" AND regexp_full_match({_bare(value)}, {literal(normalise.E164)})"
    )


def _phone(text: str, region: str) -> str | None:
    return normalise.phone(text, normalise.country(region) if region else None)


@dataclass(frozen=True, slots=True)
class _Report:
    """Where the findings of one column go. `done`: values that the engine has normalised."""

    findings: Findings
    at: tuple[str, str]
    what: str
    place: Place
    done: int = 0

    def tell(self, unknown: Sequence[tuple[str, int, int]], changed: int) -> None:
        """`unknown` are (text, how many, the first row)."""
        often = sorted(sorted(unknown), key=lambda one: -one[1])
        shown = tuple(text for text, *_ in often[:5]) if self.what == "country" else ()
        count = sum(count for _, count, _ in unknown)
        where = self.place(min(row for *_, row in unknown)) if unknown else ("", 0)
        what = by_count(
            count, "value is not a known {} and stays as it is", "values are not a known {} and stay as they are"
        )
        message = what.format(self.what)
        self.findings.add("unknown-spelling", *self.at, count, message, where, shown)
        done = self.done + changed
        message = f"{by_count(done, 'value', 'values')} got the usual spelling of a {self.what}"
        self.findings.add("normalised", *self.at, done, message)


def _mapping(
    con: duckdb.DuckDBPyConnection,
    query: str,
    meaning: Callable[[str, str], str | None],
    value: tuple[str, str],
    into: str,
    report: _Report,
) -> Mapped:
    """`query`: text, count, its second part, first row; `value` are both parts as columns of the typed select."""
    known = [
        (text, other, meaning(text, other), count, row) for text, count, other, row in con.execute(query).fetchall()
    ]
    changed = [row for row in known if row[2] is not None and row[2] != row[0]]
    unknown = [(text, count, row) for text, _, found, count, row in known if found is None]
    report.tell(unknown, sum(row[3] for row in changed))
    text, second = value
    if not changed:
        return Mapped(text)
    _table(con, into, changed)
    return Mapped(
        f"coalesce({into}.value, {text})", f"LEFT JOIN {into} ON {into}.text = {text} AND {into}.other = {second}"
    )


def _table(con: duckdb.DuckDBPyConnection, into: str, rows: Sequence[tuple[str, str, str | None, int, int]]) -> None:
    columns = [pa.array([row[position] for row in rows], pa.string()) for position in range(3)]
    con.register("mapping_batch", pa.table(columns, names=["text", "other", "value"]))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT * FROM mapping_batch")
    con.unregister("mapping_batch")
