"""The files of `members_from`: who is in a segment because a list says so.

Owns: read() and files(). Must not: know who is a contact (a listed address that is none is simply nobody).

A list is read like any export (every format, encoding and glob), with one column that matters: `email`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.config.sections.models import Config, Source
from connector.core.errors import SourceError
from connector.sources import identity, quarantine
from connector.sources.columns import vacant
from connector.sources.columns.catalog import describe
from connector.sources.columns.layout import Wish
from connector.sources.files.discover import files_of
from connector.sources.findings import Findings
from connector.sources.model import QUARANTINE_SCHEMA, Finding
from connector.sources.tables import Builder
from connector.sources.trouble import room

if TYPE_CHECKING:
    import duckdb

EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Listed:
    """`emails`: segment -> distinct normalised addresses; `quarantine`: the rows that hold none; `findings`: lists
    without a row."""

    emails: Mapping[str, pa.Array]
    quarantine: pa.Table
    findings: Sequence[Finding]


def read(
    config: Config, con: duckdb.DuckDBPyConnection, as_of: datetime, private: Path, number: int, *, moved: bool = False
) -> Listed:
    """Every list of the file; tables of the engine are numbered from `number`. `moved`: who is listed under an address
    of before (identity.py) is meant. Raises SourceError with the problems of all lists, each at its `members_from`."""
    emails: dict[str, pa.Array] = {}
    listed = [QUARANTINE_SCHEMA.empty_table()]
    findings = Findings()
    problems = []
    for place, (name, source, there) in enumerate(_sources(config), start=number):
        try:
            emails[name], unusable = _read(there, source, con, as_of, private, place, findings, moved)
            listed.append(unusable)
        except SourceError as error:
            problems += [replace(one, message=_ours(one.message)) for one in error.problems]
    if problems:
        raise SourceError(problems)
    return Listed(emails, pa.concat_tables(listed), findings.found)


def files(config: Config) -> dict[str, tuple[Path, ...]]:
    """Segment -> the files of its list. Raises SourceError when there are none."""
    return {name: files_of(there, source) for name, source, there in _sources(config)}


def _sources(config: Config) -> Iterator[tuple[str, Source, Config]]:
    """(segment, its list as a source, the file with every problem of that source at `members_from`)."""
    for name, segment in config.segments.items():
        if segment.members_from is not None:
            there = config.model_copy()
            there._places = {("sources",): config.place(("segments", name, "members_from"))}
            yield (
                name,
                Source(
                    name=f"members of {name}",
                    file=segment.members_from,
                    email=EMAIL,
                    allow_outside=segment.allow_outside,
                ),
                there,
            )


def _read(
    config: Config,
    source: Source,
    con: duckdb.DuckDBPyConnection,
    as_of: datetime,
    private: Path,
    number: int,
    findings: Findings,
    moved: bool,
) -> tuple[pa.Array, pa.Table]:
    info = describe(config, source, as_of)
    place = config.place(("sources",))
    wish = Wish(
        info=info, number=number, key=EMAIL, by_email=True, columns=(), clocks=frozenset(), zone=config.timezone,
        wants_address=True, place=place,
    )  # fmt: skip
    with room(place, source.origin):
        typed = Builder(con, wish, private, Findings()).build()
        vacant.files(source.name, typed.spans, findings)
        quarantine.mend_emails(con, typed)
        unusable = quarantine.take_out(con, source.name, typed, needs_email=True)
        if moved:
            identity.follow(con, typed.table)
        found = con.sql(f"SELECT DISTINCT _email FROM {typed.table} ORDER BY 1").to_arrow_table()
        con.execute(f"DROP TABLE {typed.raw}; DROP TABLE {typed.table}")
    return found.column(0).combine_chunks().cast(pa.string()), unusable


def _ours(message: str) -> str:
    return message.replace("`file:`", "`members_from:`")
