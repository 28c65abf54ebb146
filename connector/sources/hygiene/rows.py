"""Doubtful rows of the contacts, found by the engine: one table with a line per row and concern.

Owns: the table `concerns` (_row, code, col, other, detail) and the queries that fill it.
Must not: count or word findings (hygiene.py), change a row.

`other` is the raw row that won over this one, for duplicates and conflicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.sources.columns.normalise import E164
from connector.sources.hygiene.addresses import add_verdicts
from connector.sources.kept import Kept, rank
from connector.sources.model import Loaded
from connector.sources.text import literal, name

if TYPE_CHECKING:
    import duckdb

TABLE = "concerns"
FIRST_DAY = date(1900, 1, 1)  # what systems write for "no date", and nobody alive was born on it
FUTURE_COLUMN = 0.5  # a column with more future dates than this is one of appointments, not of a wrong clock
_COUNTRY = "[A-Z]{2}"


def find(loaded: Loaded, as_of: datetime, zone: ZoneInfo) -> None:
    """Fill the table `concerns` from the kept rows."""
    kept, con = loaded.kept, loaded.connection.con
    assert kept is not None
    add_verdicts(con, kept.table, "doubtful")
    _duplicates(con, kept)
    parts = [
        "SELECT _row, doubt AS code, 'email' AS col, NULL::BIGINT AS other, suggestion AS detail FROM doubtful",
        "SELECT _row, 'duplicates', 'email', first_row, NULL FROM same_person WHERE place > 1",
        *_conflicts(kept),
        *_lost(loaded, kept),
        *_spellings(loaded, kept),
        *_dates(loaded, kept, as_of, zone),
    ]
    con.execute(f"CREATE OR REPLACE TEMP TABLE {TABLE} AS {' UNION ALL '.join(parts)}")


def _duplicates(con: duckdb.DuckDBPyConnection, kept: Kept) -> None:
    """Make the table `same_person`: the rows of people with several, with their place in the merge."""
    order = f"OVER (PARTITION BY _email ORDER BY {rank(kept.updated_at)})"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE same_person AS SELECT *, row_number() {order} AS place,"
        f" first_value(_row) {order} AS first_row FROM {kept.table}"
        f" SEMI JOIN (SELECT _email FROM {kept.table} GROUP BY _email HAVING count(*) > 1) USING (_email)"
    )


def _conflicts(kept: Kept) -> Iterator[str]:
    """Values that lost against another one of the same person."""
    for column in kept.columns:
        if column == kept.updated_at:
            continue
        value = name(column)
        best = f"SELECT _email, arg_min({value}, place) AS v, arg_min(_row, place) AS won FROM same_person"
        yield (
            f"SELECT s._row, 'conflict', {literal(column)}, b.won, NULL FROM same_person s"
            f" JOIN ({best} WHERE {value} IS NOT NULL GROUP BY _email) b USING (_email) WHERE s.{value} <> b.v"
        )


def _lost(loaded: Loaded, kept: Kept) -> Iterator[str]:
    """Texts that are no value of their column's type."""
    for column in _found(loaded, "not-of-type"):
        yield (
            f"SELECT t._row, 'not-of-type', {literal(column)}, NULL, NULL FROM {kept.raw} r"
            f" JOIN {kept.table} t ON t._row = r.rowid WHERE t.{name(column)} IS NULL AND ({kept.layout.given(column)})"
        )


def _spellings(loaded: Loaded, kept: Kept) -> Iterator[str]:
    """Countries and phone numbers that nothing is known about."""
    for column in _found(loaded, "unknown-spelling"):
        pattern = _COUNTRY if loaded.types["contacts"][column] == "country" else E164
        yield (
            f"SELECT _row, 'unknown-spelling', {literal(column)}, NULL, NULL FROM {kept.table}"
            f" WHERE NOT regexp_full_match({name(column)}, {literal(pattern)})"
        )


def _found(loaded: Loaded, code: str) -> list[str]:
    assert loaded.kept is not None
    columns = [finding.column for finding in loaded.findings if finding.code == code and finding.source == "contacts"]
    return [column for column in columns if column in loaded.kept.columns]


def _dates(loaded: Loaded, kept: Kept, as_of: datetime, zone: ZoneInfo) -> Iterator[str]:
    today = as_of.astimezone(zone).date()
    now = as_of.astimezone(UTC).replace(tzinfo=None)
    for column in kept.columns:
        type_ = loaded.types["contacts"].get(column)
        if type_ not in ("date", "timestamp"):
            continue
        value = name(column)
        late = f"{value} > DATE '{today}'" if type_ == "date" else f"{value} > TIMESTAMP '{now}'"
        share = f"(SELECT avg(({late})::INTEGER) FROM {kept.table} WHERE {value} IS NOT NULL) < {FUTURE_COLUMN}"
        yield f"SELECT _row, 'future-date', {literal(column)}, NULL, NULL FROM {kept.table} WHERE {late} AND {share}"
        early = f"{value}::DATE <= DATE '{FIRST_DAY}'"
        if type_ == "timestamp":  # a clock that was never set
            early += f" OR {value} = TIMESTAMP '1970-01-01 00:00:00'"
        yield f"SELECT _row, 'no-real-date', {literal(column)}, NULL, NULL FROM {kept.table} WHERE {early}"
