"""Consent that the export does not tell clearly: unreadable cells, and rows of one person that contradict each other.

Owns: for each column that `consent` uses, whose value is unclear, and the value with which consent does not hold.
Must not: decide consent (the rule does), judge rows by anything else, read the rule (refusals.py).

A newer row overrides an older one. What is left unclear takes the refusing value where the column has one; where no
value decides, the person is blocked. A text that the rule compares with a word for yes or no is such a word, or it is
not understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.counts import by_count
from connector.core.model import ColumnType
from connector.sources import engine
from connector.sources.cells import Where, cell, place
from connector.sources.columns.layout import Layout
from connector.sources.columns.normalise import boolean, boolean_sql, country
from connector.sources.findings import Findings
from connector.sources.refusals import MISSING, Refusal
from connector.sources.tables import Typed
from connector.sources.text import literal, name, trim_sql

if TYPE_CHECKING:
    import duckdb

UNCLEAR = pa.schema([("email", pa.string()), ("decided", pa.bool_())])
FEW = 0.05  # share of the rows up to which a blank is an exception
_WORDS = ("text", "country")


@dataclass(frozen=True, slots=True)
class Asked:
    """One column that consent uses. `value` is SQL of the value with which consent does not hold, "" when none is."""

    name: str
    type: ColumnType
    value: str
    refusing: bool | str | None = None  # the same as a value; None is a missing one, or none
    says_yes: bool | None = None  # a text that the rule compares with a word for yes (True) or no (False)

    @classmethod
    def of(cls, column: str, type_: ColumnType, refusal: Refusal) -> Asked:
        if refusal == MISSING:
            return cls(column, type_, "NULL")
        if isinstance(refusal, bool) and type_ == "boolean":
            return cls(column, type_, str(refusal), refusal)
        if isinstance(refusal, str) and type_ in _WORDS:
            written = (country(refusal) or refusal) if type_ == "country" else refusal
            return cls(column, type_, literal(written), written, boolean(refusal) if type_ == "text" else None)
        return cls(column, type_, "")


def sentence(people: int) -> str:
    """What is told of so many people."""
    who = by_count(people, "person has", "people have")
    return f"{who} values that are not understood or contradict each other: their consent does not hold"


def settle(
    con: duckdb.DuckDBPyConnection,
    typed: Typed,
    layout: Layout,
    refusing: Mapping[str, Refusal],
    updated_at: str | None,
    findings: Findings,
) -> pa.Table:
    """Put the refusing value where a column is unclear; UNCLEAR: the people. Before duplicates are merged. Expects the
    table `repeated` (identity.py)."""
    con.execute("CREATE OR REPLACE TEMP TABLE unclear (email VARCHAR, decided BOOLEAN)")
    for column, refusal in refusing.items():
        if column not in typed.types:
            continue
        asked = Asked.of(column, typed.types[column], refusal)
        _blank(con, typed, layout, column, findings)
        if asked.says_yes is not None:
            _one_word(con, typed, asked)
        _doubt(con, typed, layout, asked, updated_at)
        if asked.value:
            con.execute(f"UPDATE {typed.table} SET {name(column)} = {asked.value} WHERE _email IN (FROM doubted)")
        con.execute(f"INSERT INTO unclear SELECT _email, {bool(asked.value)} FROM doubted")
        count = engine.number(con, "SELECT count(*) FROM doubted")
        if count and asked.value != "NULL":
            typed.empty -= {column}  # where no cell was understood, the refusing value is its only one
        findings.add("consent-unclear", "contacts", column, count, sentence(count), *_first(con, typed, layout, column))
    sql = "SELECT email, bool_and(decided) AS decided FROM unclear GROUP BY email"
    return con.sql(sql).to_arrow_table().cast(UNCLEAR)


def _blank(con: duckdb.DuckDBPyConnection, typed: Typed, layout: Layout, column: str, findings: Findings) -> None:
    """Tell of the few rows that say nothing in a column that nearly all others fill."""
    rows, blank = engine.row(con, f"SELECT count(*), count(*) - count({name(column)}) FROM {typed.table}")
    if not blank or blank > rows * FEW:
        return
    count, row = engine.row(
        con,
        f"SELECT count(*), min(t._row) FROM (SELECT _row FROM {typed.table} WHERE {name(column)} IS NULL) t"
        f" JOIN {typed.raw} r ON t._row = r.rowid WHERE NOT ({layout.given(column)})",
    )
    what = by_count(count, "row says", "rows say")
    message = f"{what} nothing here, where consent is asked and {rows - blank:,} of {rows:,} rows say something"
    where = place(con, typed.raw, typed.spans, row)
    findings.add("consent-blank", "contacts", column, count, message, where)


def _one_word(con: duckdb.DuckDBPyConnection, typed: Typed, asked: Asked) -> None:
    """Texts of the same meaning as the rule's word become that word: `ja` where it says Yes."""
    said = boolean_sql(trim_sql(name(asked.name)))
    con.execute(f"UPDATE {typed.table} SET {name(asked.name)} = {asked.value} WHERE {said} = {asked.says_yes}")


def _doubt(con: duckdb.DuckDBPyConnection, typed: Typed, layout: Layout, asked: Asked, updated_at: str | None) -> None:
    """Make the table `doubted`: people whose newest rows that say anything are unreadable or disagree."""
    value = f"t.{name(asked.name)}"
    said = boolean_sql(trim_sql(value))
    plain = f"lower(trim({value}))" if asked.type == "text" else f"{value}::VARCHAR"
    if asked.says_yes is not None:
        plain = f"coalesce({said}::VARCHAR, {plain})"
    at = f"t.{name(updated_at)}" if updated_at and updated_at != asked.name else "NULL"
    lost = f"{value} IS NULL AND ({layout.given(asked.name)})"
    if asked.says_yes is not None:
        lost += f" OR {said} IS NULL AND {value} IS NOT NULL"
    if asked.type == "list" and not layout.column(asked.name).separator:
        lost += f" OR {_unsplit(value, layout.text(layout.column(asked.name), layout.slot(asked.name)))}"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE unreadable AS
        SELECT t._row FROM {typed.table} t JOIN {typed.raw} r ON t._row = r.rowid WHERE {lost};
        CREATE OR REPLACE TEMP TABLE doubted AS
        WITH asked AS (
            SELECT _email FROM {typed.table} WHERE _row IN (FROM unreadable) UNION
            SELECT _email FROM {typed.table} SEMI JOIN repeated ON hash(_email) = repeated.h
        ), said AS (
            SELECT t._email, {plain} AS value, t._row IN (FROM unreadable) AS lost, {at} AS changed
            FROM {typed.table} t SEMI JOIN asked USING (_email)
        ), newest AS (
            FROM said WHERE value IS NOT NULL OR lost
            QUALIFY rank() OVER (PARTITION BY _email ORDER BY changed DESC NULLS LAST) = 1
        )
        SELECT _email FROM newest GROUP BY _email HAVING bool_or(lost) OR count(DISTINCT value) > 1
    """)


def _unsplit(value: str, text: str) -> str:
    """SQL: the list has one item with a sign at which other lists are split, so it may be several."""
    several = f"len({value}) = 1 AND regexp_matches({value}[1], '[;|,\n]')"
    return f"({several} AND NOT contains({text}, '\"') AND NOT starts_with({text}, '['))"


def _first(con: duckdb.DuckDBPyConnection, typed: Typed, layout: Layout, column: str) -> tuple[Where, tuple[str, ...]]:
    """The first unreadable cell; where people only contradict themselves, the first row of one."""
    doubted = f"FROM {typed.table} WHERE _email IN (FROM doubted)"
    lost, first = engine.row(con, f"SELECT min(_row) FILTER (_row IN (FROM unreadable)), min(_row) {doubted}")
    if first is None:
        return ("", 0), ()
    where, text = cell(con, typed.raw, typed.spans, layout, column, first if lost is None else lost)
    return where, () if lost is None else text
