"""Columns whose texts get one spelling: the distinct texts go through Python once and come back as a table.

Owns: the mapping tables of countries and phones, and what is reported about them. Must not: map row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.sources import engine
from connector.sources.columns import normalise
from connector.sources.findings import Findings
from connector.sources.text import literal

if TYPE_CHECKING:
    import duckdb


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
        return f"SELECT {self.value} AS v, {home} AS h FROM {self.raw} r"

    def home(self) -> str:
        return f"coalesce({self.region[1]}, '')" if self.region else "''"


@dataclass(frozen=True, slots=True)
class Mapped:
    """SQL of a mapped column: its value, and the join it needs."""

    value: str
    join: str = ""


def countries(
    con: duckdb.DuckDBPyConnection, cells: Cells, into: str, at: tuple[str, str], findings: Findings
) -> Mapped:
    """ISO two-letter codes; an unknown spelling stays."""
    rows = con.execute(f"SELECT v, count(*), '' FROM ({cells.query()}) WHERE v IS NOT NULL GROUP BY v").fetchall()
    return _mapping(con, rows, lambda text, _: normalise.country(text), cells.name, "''", into, at, findings, "country")


def phones(con: duckdb.DuckDBPyConnection, cells: Cells, into: str, at: tuple[str, str], findings: Findings) -> Mapped:
    """E.164; a number without a country code is read in the person's country.

    Numbers with + that need no more than their punctuation taken out are done by the engine."""
    rows = con.execute(
        f"SELECT v, count(*), h FROM ({cells.query()}) WHERE v IS NOT NULL AND NOT ({_is_plain('v')})"
        f" AND NOT ({_is_bare('v')}) GROUP BY v, h"
    ).fetchall()
    by_engine = f"SELECT count(*) FROM ({cells.query()}) WHERE NOT ({_is_plain('v')}) AND ({_is_bare('v')})"
    done = engine.number(con, by_engine)
    mapped = _mapping(con, rows, _phone, cells.name, cells.home(), into, at, findings, "phone number", done)
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


def _mapping(
    con: duckdb.DuckDBPyConnection,
    rows: Sequence[tuple[str, int, str]],
    meaning: Callable[[str, str], str | None],
    value: str,
    second: str,
    into: str,
    at: tuple[str, str],
    findings: Findings,
    what: str,
    done: int = 0,
) -> Mapped:
    known = [(text, other, meaning(text, other), count) for text, count, other in rows]
    unknown = sorted((text, count) for text, _, found, count in known if found is None)
    shown = tuple(text for text, _ in sorted(unknown, key=lambda item: -item[1])[:5]) if what == "country" else ()
    message = f"values are not a known {what} and stay as they are"
    findings.add("unknown-spelling", *at, sum(count for _, count in unknown), message, examples=shown)
    changed = [row for row in known if row[2] is not None and row[2] != row[0]]
    count = done + sum(row[3] for row in changed)
    findings.add("normalised", *at, count, f"values got the usual spelling of a {what}")
    if not changed:
        return Mapped(value)
    _table(con, into, changed)
    return Mapped(
        f"coalesce({into}.value, {value})", f"LEFT JOIN {into} ON {into}.text = {value} AND {into}.other = {second}"
    )


def _table(con: duckdb.DuckDBPyConnection, into: str, rows: Sequence[tuple[str, str, str | None, int]]) -> None:
    columns = [pa.array([row[position] for row in rows], pa.string()) for position in range(3)]
    con.register("mapping_batch", pa.table(columns, names=["text", "other", "value"]))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT * FROM mapping_batch")
    con.unregister("mapping_batch")
