"""Rows that cannot be used: counted and listed with file, row and reason, and taken out of the typed table.

Owns: the list (model.QUARANTINE_SCHEMA) and the mending of addresses that are not plain. Must not: merge people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from connector.sources import emails, engine
from connector.sources.model import QUARANTINE_SCHEMA
from connector.sources.rows import locate
from connector.sources.tables import Typed

if TYPE_CHECKING:
    import duckdb


def mend_emails(con: duckdb.DuckDBPyConnection, typed: Typed) -> None:
    """Give every row whose address is not plain its normal form; the table `rest` keeps why the others have none."""
    rest = f"rest_{typed.table}"
    query = (
        f"SELECT {typed.key} AS text FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid"
        " WHERE t._email IS NULL AND text IS NOT NULL"
    )
    emails.map_rest(con, query, rest)
    if not engine.number(con, f"SELECT count(email) FROM {rest}"):
        return
    con.execute(
        f"UPDATE {typed.table} SET _email = m.email FROM (SELECT r.rowid AS id, m.email FROM {typed.raw} r"
        f" JOIN {rest} m ON m.text = {typed.key} WHERE m.email IS NOT NULL) m WHERE _row = m.id AND _email IS NULL"
    )


def take_out(con: duckdb.DuckDBPyConnection, source: str, typed: Typed, needs_email: bool) -> pa.Table:
    """Delete the unusable rows from the typed table and list them."""
    broken = engine.number(con, f"SELECT count(_reason) FROM {typed.raw}")
    homeless = needs_email and engine.number(con, f"SELECT count(*) FROM {typed.table} WHERE _email IS NULL")
    if not broken and not homeless:
        return QUARANTINE_SCHEMA.empty_table()
    if needs_email:
        rows = con.execute(
            f"SELECT r.rowid, r._line, coalesce(r._reason, m.reason, 'empty'), {typed.key} FROM {typed.raw} r"
            f" JOIN {typed.table} t ON t._row = r.rowid LEFT JOIN rest_{typed.table} m ON m.text = {typed.key}"
            " WHERE t._email IS NULL OR r._reason IS NOT NULL ORDER BY r.rowid"
        ).fetchall()
    else:
        rows = con.execute(
            f"SELECT rowid, _line, _reason, NULL FROM {typed.raw} WHERE _reason IS NOT NULL ORDER BY rowid"
        ).fetchall()
    con.execute(
        f"DELETE FROM {typed.table} WHERE {'_email IS NULL OR' if needs_email else ''}"
        f" _row IN (SELECT rowid FROM {typed.raw} WHERE _reason IS NOT NULL)"
    )
    return _list(source, typed, rows)


def _list(source: str, typed: Typed, rows: list[tuple[int, int | None, str, str | None]]) -> pa.Table:
    places = locate(typed.spans, {row: line for row, line, *_ in rows})
    return pa.table(
        {
            "source": [source] * len(rows),
            "file": [places[row][0] for row, *_ in rows],
            "row": [places[row][1] for row, *_ in rows],
            "reason": [reason for _, _, reason, _ in rows],
            "value": [emails.masked(text) for *_, text in rows],
        },
        schema=QUARANTINE_SCHEMA,
    )
