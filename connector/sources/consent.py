"""Consent that the export does not tell clearly: unreadable cells, and rows of one person that contradict each other.

Owns: for each column that `consent` uses, whose value is in doubt, and the value with which consent does not hold.
Must not: decide consent (the rule does), judge rows by anything else.

A newer row overrules an older one. What is left in doubt takes the refusing value where the column has one; where no
value decides, the person is blocked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.config.language.rules import All, AnyOf, Compare, Not
from connector.config.sections.models import Config
from connector.sources.columns.layout import Layout
from connector.sources.columns.model import SourceInfo
from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import name

if TYPE_CHECKING:
    import duckdb

UNCLEAR = pa.schema([("email", pa.string()), ("decided", pa.bool_())])
_MESSAGE = "people have values that are not understood or contradict each other: their consent does not hold"


def refusals(config: Config, info: SourceInfo) -> dict[str, bool | None]:
    """Column that `consent` uses -> the value with which it does not hold, None when it has none or several."""
    found: dict[str, bool | None] = {}
    for written, refusing in _tests(config.consent.when, True) if config.consent else ():
        column = info.resolve(written)
        if column is not None:
            found[column] = refusing if found.get(column, refusing) == refusing else None
    return found


def _tests(rule: object, holds: bool) -> Iterator[tuple[str, bool | None]]:
    """Every tested column, with the boolean that makes its test what keeps consent from holding."""
    match rule:
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _tests(part, holds)
        case Not(part=part):
            yield from _tests(part, not holds)
        case Compare(column=column, test="is", value=bool(value)):
            yield column, value is not holds
        case Compare(column=column) if column:
            yield column, None


def settle(
    con: duckdb.DuckDBPyConnection,
    typed: Typed,
    layout: Layout,
    refusing: Mapping[str, bool | None],
    updated_at: str | None,
    findings: Findings,
) -> pa.Table:
    """Put the refusing value where a column is in doubt; UNCLEAR: the people. Before duplicates are merged."""
    con.execute("CREATE OR REPLACE TEMP TABLE unclear (email VARCHAR, decided BOOLEAN)")
    for column, value in refusing.items():
        if column not in typed.types:
            continue
        _doubt(con, typed, layout, column, updated_at)
        decided = value is not None and typed.types[column] == "boolean"
        if decided:
            con.execute(f"UPDATE {typed.table} SET {name(column)} = {value} WHERE _email IN (FROM doubted)")
        con.execute(f"INSERT INTO unclear SELECT _email, {decided} FROM doubted")
        ((count,),) = con.execute("SELECT count(*) FROM doubted").fetchall()
        findings.add("consent-unclear", "contacts", column, int(count), _MESSAGE)
    sql = "SELECT email, bool_and(decided) AS decided FROM unclear GROUP BY email"
    return con.sql(sql).to_arrow_table().cast(UNCLEAR)


def _doubt(con: duckdb.DuckDBPyConnection, typed: Typed, layout: Layout, column: str, updated_at: str | None) -> None:
    """Make the table `doubted`: people whose newest rows that say anything are unreadable or disagree."""
    given, value = layout.given(column), f"t.{name(column)}"
    plain = f"lower(trim({value}))" if typed.types[column] == "text" else f"{value}::VARCHAR"
    at = f"t.{name(updated_at)}" if updated_at and updated_at != column else "NULL"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE unreadable AS
        SELECT t._row FROM {typed.table} t JOIN {typed.raw} r ON t._row = r.rowid
        WHERE {value} IS NULL AND ({given});
        CREATE OR REPLACE TEMP TABLE doubted AS
        WITH asked AS (
            SELECT _email FROM {typed.table} WHERE _row IN (FROM unreadable) UNION
            SELECT _email FROM {typed.table} GROUP BY _email HAVING count(*) > 1
        ), said AS (
            SELECT t._email, {plain} AS value, t._row IN (FROM unreadable) AS lost, {at} AS changed
            FROM {typed.table} t SEMI JOIN asked USING (_email)
        ), newest AS (
            FROM said WHERE value IS NOT NULL OR lost
            QUALIFY rank() OVER (PARTITION BY _email ORDER BY changed DESC NULLS LAST) = 1
        )
        SELECT _email FROM newest GROUP BY _email HAVING bool_or(lost) OR count(DISTINCT value) > 1
    """)
