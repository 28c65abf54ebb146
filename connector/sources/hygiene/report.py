"""The state of an export: what is missing, doubtful, doubled or spelled in several ways, counted and placed.

Owns: survey(), Survey, filled(), the findings beyond those of a load, and the list of rows. Must not: change a
row, print, or read the state (the caller says how many contacts the last run had).

Codes beyond sources/findings.py: role, disposable, typo, future-date, no-real-date, empty-column, stale-export,
stale-dates, shrunken, and the reasons of the quarantine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connector.config.sections.models import Config
from connector.core.counts import by_count
from connector.core.errors import SourceError
from connector.core.model import ColumnType
from connector.sources import engine
from connector.sources.files.discover import check_age, newest
from connector.sources.hygiene import rows as hygiene_rows
from connector.sources.model import Finding, Loaded
from connector.sources.text import literal, name

OLD = timedelta(days=7)
SHRUNKEN = 0.10
_EXAMPLES = 5
_SPELLINGS = 200  # per column

# One line per row and concern. `email` is null for rows of the quarantine, whose `detail` is the masked cell.
ROWS_SCHEMA = pa.schema(
    [
        ("code", pa.string()),
        ("source", pa.string()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("email", pa.string()),
        ("detail", pa.string()),
    ]
)

_MESSAGES = {
    "role": ("address belongs", "addresses belong", "to a role, not to a person"),
    "disposable": ("address is a throw-away box", "addresses are throw-away boxes", ""),
    "typo": ("address has", "addresses have", "a misspelled domain"),
    "future-date": ("value lies", "values lie", "after --as-of"),
    "no-real-date": ("value stands", "values stand", "for “no date” (1900 or before, or the beginning of 1970)"),
}
_QUARANTINED = {
    "empty": "without an address",
    "invalid": "whose address is none",
    "several": "with several addresses in one cell",
    "cells": "with more cells than the header",
    "unreadable": "that cannot be read",
    "role": "with the address of a role",
    "disposable": "with a throw-away address",
    "typo": "with a misspelled domain",
}

_BY_CLEANUP = ("role", "disposable", "typo")


@dataclass(frozen=True, slots=True)
class Filled:
    """One column of one source: rows (people, for contacts) with a value, and without."""

    source: str
    column: str
    type: ColumnType
    filled: int
    missing: int


@dataclass(frozen=True, slots=True)
class Spelling:
    """How often a cell of a country or yes/no column is written so, and what it is read as (None: not understood)."""

    column: str
    written: str
    read_as: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Survey:
    """`quarantined` are findings too, about rows that are in no table."""

    contacts: int
    rows: Mapping[str, int]
    columns: tuple[Filled, ...]
    spellings: tuple[Spelling, ...]
    findings: tuple[Finding, ...]
    quarantined: tuple[Finding, ...]
    headers: Mapping[str, tuple[str, int]] = field(default_factory=dict)  # source -> file and row of its header


def survey(config: Config, loaded: Loaded, as_of: datetime, contacts_before: int | None = None) -> Survey:
    """Everything about the exports in `loaded`, which was loaded with all columns and with `keep`."""
    hygiene_rows.find(loaded, as_of, config.zone)
    columns = tuple(filled(loaded))
    contacts = engine.number(loaded.connection.con, "SELECT count(*) FROM source_contacts")
    findings = [*_rows(loaded), *_empty(columns), *_stale(config, loaded, as_of), *_shrunken(contacts, contacts_before)]
    return Survey(
        contacts,
        loaded.rows,
        columns,
        tuple(_spellings(loaded)),
        tuple(findings),
        tuple(_taken(loaded)),
        _headers(loaded),
    )


def listed(loaded: Loaded) -> pa.Table:
    """Every doubtful row after survey(), ROWS_SCHEMA, in the order of the files."""
    kept, con = loaded.kept, loaded.connection.con
    assert kept is not None
    found = con.sql(
        f"SELECT c._row, c.code, c.col, c.other, c.detail, t._email FROM {hygiene_rows.TABLE} c"
        f" JOIN {kept.table} t ON t._row = c._row ORDER BY c._row, c.code, c.col"
    ).fetchall()
    places = kept.places(con, [number for row in found for number in (row[0], row[3]) if number is not None])
    rows = [
        {
            "code": code,
            "source": "contacts",
            "file": places[row][0],
            "row": places[row][1],
            "column": column,
            "email": email,
            "detail": detail if other is None else "row {1} of {0} won".format(*places[other]),
        }
        for row, code, column, other, detail, email in found
    ]
    taken = [
        {**{key: row[key] for key in ("source", "file", "row")}, "code": row["reason"], "column": "email",
         "email": None, "detail": row["value"]}
        for row in loaded.quarantine.to_pylist()
    ]  # fmt: skip
    return pa.Table.from_pylist([*taken, *rows], schema=ROWS_SCHEMA)


def _headers(loaded: Loaded) -> dict[str, tuple[str, int]]:
    """The place of what is about a whole column: the header of the newest file. A table has none."""
    found = {}
    for source, info in loaded.catalog.items():
        for export in info.exports[-1:] if info.files else ():
            row = export.first_row if export.kind == "xlsx" else 1 + (export.dialect.skip if export.dialect else 0)
            found[source] = (export.file.name, row)
    return found


def filled(loaded: Loaded) -> Iterator[Filled]:
    """Every column that was read."""
    for source, types in loaded.types.items():
        if types:
            counts = ", ".join(f"count({name(column)})" for column in types)
            total, *given = engine.row(
                loaded.connection.con, f"SELECT count(*), {counts} FROM {name('source_' + source)}"
            )
            for (column, type_), filled in zip(types.items(), given, strict=True):
                yield Filled(source, column, type_, filled, total - filled)


def _rows(loaded: Loaded) -> Iterator[Finding]:
    """The findings of the load, with a place where the rows tell one, and those about single rows."""
    kept, con = loaded.kept, loaded.connection.con
    assert kept is not None
    counted = con.sql(
        f"SELECT code, col, count(*), min(_row) FROM {hygiene_rows.TABLE} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    places = kept.places(con, [first for *_, first in counted])
    placed = {(code, column): (count, places[first]) for code, column, count, first in counted}
    for finding in loaded.findings:
        found = placed.pop((finding.code, finding.column), None) if finding.source == "contacts" else None
        if found is not None and not finding.row:
            finding = replace(finding, file=found[1][0], row=found[1][1])
        yield finding
    for (code, column), (count, (file, row)) in placed.items():
        one, many, rest = _MESSAGES[code]
        message = f"{by_count(count, one, many)} {rest}".rstrip()
        yield Finding(code, "contacts", column, count, message, file, row, _examples(loaded, code))


def _examples(loaded: Loaded, code: str) -> tuple[str, ...]:
    """The commonest domains or local parts, which tell nobody apart."""
    assert loaded.kept is not None
    shown = {
        "role": "split_part(split_part(t._email, '@', 1), '+', 1) || '@'",
        "disposable": "split_part(t._email, '@', 2)",
        "typo": "split_part(t._email, '@', 2) || ' → ' || split_part(c.detail, '@', 2)",
    }.get(code)
    if shown is None:
        return ()
    query = (
        f"SELECT {shown} AS example FROM {hygiene_rows.TABLE} c JOIN {loaded.kept.table} t ON t._row = c._row"
        f" WHERE c.code = {literal(code)} GROUP BY example ORDER BY count(*) DESC, example LIMIT {_EXAMPLES}"
    )
    return tuple(example for (example,) in loaded.connection.con.sql(query).fetchall())


def _taken(loaded: Loaded) -> Iterator[Finding]:
    """What the quarantine holds, by reason, with the first row."""
    seen: dict[tuple[str, str], Finding] = {}
    for row in loaded.quarantine.to_pylist():
        key = (row["source"], row["reason"])
        if key in seen:
            seen[key] = replace(seen[key], count=seen[key].count + 1)
        else:
            seen[key] = Finding(row["reason"], row["source"], "email", 1, "", row["file"], row["row"])
    for (_, reason), found in seen.items():
        which = f" {_QUARANTINED[reason]}" if reason in _QUARANTINED else ""
        told = f"{by_count(found.count, 'row', 'rows')}{which} {by_count(found.count, 'is', 'are')} left out"
        yield replace(found, message=f"{told}, as cleanup says" if reason in _BY_CLEANUP else told)


def _spellings(loaded: Loaded) -> Iterator[Spelling]:
    """Every way a country or a yes/no is written that is not the plain one."""
    kept = loaded.kept
    assert kept is not None
    for column in kept.columns:
        if loaded.types["contacts"].get(column) not in ("country", "boolean"):
            continue
        text = kept.layout.text(kept.layout.column(column), kept.layout.slot(column))
        query = (
            f"SELECT w, v, count(*) FROM (SELECT {text} AS w, t.{name(column)}::VARCHAR AS v FROM {kept.raw} r"
            f" JOIN {kept.table} t ON t._row = r.rowid) WHERE w IS NOT NULL AND w IS DISTINCT FROM v"
            f" GROUP BY w, v ORDER BY v NULLS FIRST, count(*) DESC, w LIMIT {_SPELLINGS}"
        )
        for written, value, count in loaded.connection.con.sql(query).fetchall():
            understood = value if value is not None and (len(value) == 2 or value in ("true", "false")) else None
            yield Spelling(column, written, understood, count)


def _empty(columns: tuple[Filled, ...]) -> Iterator[Finding]:
    for column in columns:
        if not column.filled and column.missing:
            message = f"{by_count(column.missing, 'row has', 'rows have')} no value: nobody has"
            yield Finding("empty-column", column.source, column.column, column.missing, message)


def _stale(config: Config, loaded: Loaded, as_of: datetime) -> Iterator[Finding]:
    """Files that are old, and columns of times whose newest value is."""
    for name_, info in loaded.catalog.items():
        source = config.sources[name_]
        if info.files:
            file, made = newest(info.files, config.zone)
            days = (as_of - made).days
            try:
                check_age(config, source, info.files, as_of)
            except SourceError as error:
                yield Finding(
                    "stale-export", name_, "", days, f"{_days(days)} old: {error.problems[0].message}", file.name
                )
            else:
                if source.max_age is None and as_of - made > OLD:
                    message = f"{_days(days)} old. Export again, or set max_age."
                    yield Finding("stale-export", name_, "", days, message, file.name)
        yield from _old_dates(loaded, name_, as_of)


def _old_dates(loaded: Loaded, source: str, as_of: datetime) -> Iterator[Finding]:
    """The time of change of contacts and the time of events should be fresh, whatever the file's own date says."""
    if source == "contacts":
        column = loaded.kept.updated_at if loaded.kept else None
    else:
        column = "_at" if source in loaded.related else None
    if column is None or (source == "contacts" and column not in loaded.types["contacts"]):
        return
    (latest,) = engine.row(
        loaded.connection.con, f"SELECT max({name(column)})::TIMESTAMP FROM {name('source_' + source)}"
    )
    if latest is not None and (age := as_of - latest.replace(tzinfo=UTC)) > OLD:
        shown = "" if column == "_at" else column
        message = f"{_days(age.days)} since the newest time: is the export complete?"
        yield Finding("stale-dates", source, shown, age.days, message)


def _shrunken(contacts: int, before: int | None) -> Iterator[Finding]:
    if before and before - contacts > before * SHRUNKEN:
        lost = before - contacts
        what = by_count(lost, "contact fewer", "contacts fewer")
        message = f"{what} than at the last run ({before:,}, {lost / before:.0%} less): is the export complete?"
        yield Finding("shrunken", "contacts", "", lost, message)


def _days(number: int) -> str:
    return by_count(number, "day", "days")
