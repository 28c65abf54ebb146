"""Events of people: related sources joined to the contacts.

Owns: the join by email or by another column, the time of an event, what is left out and counted.
Must not: aggregate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.sources import engine
from connector.sources.columns.times import to_utc
from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import fold, name, trim_sql

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one source: their typed table, its columns to keep, the column of their time."""

    source: str
    typed: Typed
    columns: Sequence[str]
    at: str | None
    zone: str

    def instant(self) -> str:
        """SQL over the typed table `t`: when it happened, in UTC. A day is its first moment."""
        if self.at is None:
            return "NULL::TIMESTAMP"
        column = f"t.{name(self.at)}"
        return to_utc(f"{column}::TIMESTAMP", self.zone) if self.typed.types[self.at] == "date" else column


def join(
    con: duckdb.DuckDBPyConnection, events: Events, people: str, by: str, as_of: datetime, into: str, findings: Findings
) -> None:
    """Create `into` (_email, _at, columns) from the events whose person is in `people` and that have happened.

    `people` is a relation with `_email` and the column `by` (_email or _key) that the typed table has too."""
    table, instant = events.typed.table, events.instant()
    total = engine.number(con, f"SELECT count(*) FROM {table}")
    found = engine.number(con, f"SELECT count(*) FROM {table} t SEMI JOIN {people} p ON p.{by} = t.{by}")
    values = "".join(f", t.{name(column)}" for column in events.columns)
    now = f"TIMESTAMP '{as_of.astimezone(UTC).replace(tzinfo=None)}'"
    con.execute(
        f"CREATE OR REPLACE TABLE {into} AS SELECT * FROM (SELECT p._email, {instant} AS _at{values}"
        f" FROM {table} t JOIN {people} p ON p.{by} = t.{by}) WHERE _at IS NULL OR _at <= {now}"
    )
    message = "events belong to nobody in contacts and were dropped"
    findings.add("no-person", events.source, "", total - found, message)
    if events.at is None:
        return
    counts = f"count(*) FILTER ({instant} > {now}), count(*) FILTER ({instant} IS NULL)"
    later, undated = engine.row(con, f"SELECT {counts} FROM {table} t")
    findings.add("after-as-of", events.source, events.at, later, "events come after --as-of and have not happened")
    message = "events have no time: they count only where no window is asked for"
    findings.add("undated", events.source, events.at, undated, message)


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
        f"UPDATE {table} SET _key = nullif(m.folded, '') FROM fold_batch m"
        " WHERE _key = m.text AND strlen(_key) <> length(_key)"
    )
    con.unregister("fold_batch")
    con.execute(f"UPDATE {table} SET _key = nullif(lower({trim_sql('_key')}), '') WHERE strlen(_key) = length(_key)")
