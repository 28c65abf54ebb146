"""Events of people: related sources joined to the contacts.

Owns: the join of events to their people, the time of an event, what is left out and counted.
Must not: aggregate, decide whose a key is (keys.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.core.counts import by_count, count_of
from connector.sources import engine, keys
from connector.sources.cells import place, quoted
from connector.sources.columns.times import to_utc
from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import name, plain

if TYPE_CHECKING:
    import duckdb

FINDS_NOBODY = "join-finds-nobody"
MUCH = 0.5  # share of the events with a key that a join may miss without advice


@dataclass(frozen=True, slots=True)
class Events:
    """The events of one source: their typed table, its columns to keep, the column of their time."""

    source: str
    typed: Typed
    columns: Sequence[str]
    at: str | None
    zone: str
    pair: tuple[str, str]  # `join` as the file writes it
    known: str  # the table of the contacts' side: _email, text

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
    values = "".join(f", t.{name(column)}" for column in events.columns)
    now = f"TIMESTAMP '{as_of.astimezone(UTC).replace(tzinfo=None)}'"
    con.execute(
        f"CREATE OR REPLACE TABLE {into} AS SELECT * FROM (SELECT p._email, {instant} AS _at{values}"
        f" FROM {table} t JOIN {people} p ON p.{by} = t.{by}) WHERE _at IS NULL OR _at <= {now}"
    )
    _strangers(con, events, people, by, findings)
    if events.at is None:
        return
    _times(con, events, instant, now, findings)


def _times(con: duckdb.DuckDBPyConnection, events: Events, instant: str, now: str, findings: Findings) -> None:
    """Events that have not happened yet, and those that nobody knows when."""
    typed, at = events.typed, events.at or ""
    told = {
        "after-as-of": (f"{instant} > {now}", later),
        "undated": (f"{instant} IS NULL", undated),
    }
    asked = (f"count(*) FILTER ({which}), min(_row) FILTER ({which})" for which, _ in told.values())
    found = engine.row(con, f"SELECT {', '.join(asked)} FROM {typed.table} t")
    for place_, (code, (_, message)) in enumerate(told.items()):
        count, row = found[2 * place_ : 2 * place_ + 2]
        findings.add(code, events.source, at, count, message(count), place(con, typed.raw, typed.spans, row))


def strangers(count: int) -> str:
    what, were = by_count(count, "event belongs", "events belong"), by_count(count, "was", "were")
    return f"{what} to nobody in contacts and {were} dropped"


def later(count: int) -> str:
    return by_count(count, "event comes after --as-of and has", "events come after --as-of and have") + " not happened"


def undated(count: int) -> str:
    what = by_count(count, "event has no time: it counts", "events have no time: they count")
    return f"{what} only where no window is asked for"


def _strangers(con: duckdb.DuckDBPyConnection, events: Events, people: str, by: str, findings: Findings) -> None:
    """What belongs to nobody; a join that misses much is told with a sample of both sides."""
    typed = events.typed
    total = engine.number(con, f"SELECT count(*) FROM {typed.table}")
    found = engine.number(con, f"SELECT count(*) FROM {typed.table} t SEMI JOIN {people} p ON p.{by} = t.{by}")
    if total == found:
        return
    (row,) = engine.row(con, f"SELECT min(_row) FROM {typed.table} t ANTI JOIN {people} p ON p.{by} = t.{by}")
    where = place(con, typed.raw, typed.spans, row)
    findings.add("no-person", events.source, "", total - found, strangers(total - found), where)
    if (total - found) / total <= MUCH:
        return
    keyed, sample = engine.row(
        con,
        f"SELECT count({typed.key}), min({typed.key}) FILTER (t.{by} IS NULL OR t.{by} NOT IN (SELECT {by} FROM"
        f" {people} WHERE {by} IS NOT NULL)) FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid",
    )
    here, there = events.pair
    (theirs,) = engine.row(con, f"SELECT min({'_email' if by == '_email' else 'text'}) FROM {events.known}")
    if not keyed or theirs is None or (keyed - found) / keyed <= MUCH:
        return
    code = "join-finds-some" if found else FINDS_NOBODY
    message = (
        f"{events.source}: {'only ' if found else ''}{found:,} of {count_of(keyed, 'row')} with “{plain(here)}”"
        f" {by_count(found, 'belongs', 'belong')} to a"
        f" contact: {plain(here)} has “{quoted(sample or '')}”, {plain(there)} of contacts has “{quoted(theirs)}”."
        " Correct `join`, or the export."
    )
    findings.add(code, events.source, here, int(keyed) - found, message)


def unowned(
    con: duckdb.DuckDBPyConnection, source: str, key: str, typed: Typed, found: keys.Unowned, findings: Findings
) -> None:
    one, many = ("event has", "it belongs"), ("events have", "they belong")
    what, so = one if found.events == 1 else many
    message = (
        f"{what} a key that is no contact's own (several have it, or a spreadsheet shortened it), as"
        f" “{quoted(found.sample)}”: {so} to nobody"
    )
    where = place(con, typed.raw, typed.spans, found.row)
    findings.add("shared-key", source, key, found.events, message, where)
