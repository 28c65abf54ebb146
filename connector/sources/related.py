"""Events of people: related sources joined to the contacts.

Owns: the join by email or by another column, the time of an event, what is left out and counted.
Must not: aggregate.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import fold, name, trim_sql
from connector.sources.times import to_utc

if TYPE_CHECKING:
    import duckdb


def join(
    con: duckdb.DuckDBPyConnection,
    source: str,
    typed: Typed,
    people: str,
    columns: Sequence[str],
    at: str | None,
    zone: str,
    as_of: datetime,
    into: str,
    findings: Findings,
) -> None:
    """Create `into` (_email, _at, columns) from the events whose person is in `people` and that have happened.

    `people` is a relation (_email, _key) when the join is by another column, else (_email)."""
    events = _one(con, f"SELECT count(*) FROM {typed.table}")
    instant = _instant(typed, at, zone)
    values = "".join(f", t.{name(column)}" for column in columns)
    match = f"SELECT p._email, {instant} AS _at{values} FROM {typed.table} t"
    on = f"SEMI JOIN {people} p USING (_email)".replace("SEMI JOIN", "JOIN")
    if "_key" in _columns(con, typed.table):
        on = f"JOIN {people} p ON p._key = t._key"
        found = _one(con, f"SELECT count(*) FROM {typed.table} t SEMI JOIN {people} p ON p._key = t._key")
    else:
        found = _one(con, f"SELECT count(*) FROM {typed.table} t SEMI JOIN {people} p USING (_email)")
    now = as_of.astimezone(UTC).replace(tzinfo=None)
    con.execute(
        f"CREATE OR REPLACE TABLE {into} AS SELECT * FROM ({match} {on}) WHERE _at IS NULL OR _at <= TIMESTAMP '{now}'"
    )
    findings.add("no-person", source, "", events - found, "events belong to nobody in contacts and were dropped")
    _future(con, source, typed, instant, at, f"TIMESTAMP '{now}'", findings)


def people_by(con: duckdb.DuckDBPyConnection, contacts: str, column: str, into: str) -> None:
    """Create `into` (_email, _key): the contacts by the folded text of `column`."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT _email, {name(column)}::VARCHAR AS _key FROM {contacts}"
    )
    fold_keys(con, into)
    con.execute(f"DELETE FROM {into} WHERE _key IS NULL")


def fold_keys(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Replace `_key` by its folded form (Meaning 2): ASCII by the engine, the distinct rest through Python."""
    rest = con.execute(f"SELECT DISTINCT _key FROM {table} WHERE strlen(_key) <> length(_key)").fetchall()
    texts = [text for (text,) in rest]
    mapping = pa.table(
        {"text": pa.array(texts, pa.string()), "folded": pa.array([fold(text) for text in texts], pa.string())}
    )
    con.register("fold_batch", mapping)
    con.execute(
        f"UPDATE {table} SET _key = nullif(m.folded, '') FROM fold_batch m WHERE _key = m.text AND strlen(_key) <> length(_key)"
    )
    con.unregister("fold_batch")
    con.execute(f"UPDATE {table} SET _key = nullif(lower({trim_sql('_key')}), '') WHERE strlen(_key) = length(_key)")


def _instant(typed: Typed, at: str | None, zone: str) -> str:
    if at is None:
        return "NULL::TIMESTAMP"
    column = f"t.{name(at)}"
    return to_utc(f"{column}::TIMESTAMP", zone) if typed.types[at] == "date" else column


def _future(
    con: duckdb.DuckDBPyConnection,
    source: str,
    typed: Typed,
    instant: str,
    at: str | None,
    now: str,
    findings: Findings,
) -> None:
    if at is None:
        return
    row = con.execute(
        f"SELECT count(*) FILTER ({instant} > {now}), count(*) FILTER ({instant} IS NULL) FROM {typed.table} t"
    ).fetchone()
    later, undated = row or (0, 0)
    findings.add("after-as-of", source, at, later, "events come after --as-of and have not happened")
    findings.add("undated", source, at, undated, "events have no time: they count only where no window is asked for")


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in con.execute(f"DESCRIBE {table}").fetchall()}


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
