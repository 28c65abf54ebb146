"""What the sources room hands out: the loaded tables, with what was found on the way.

Owns: Finding, Decided, Loaded and the shape of the quarantine.
Must not: open files, import an engine at run time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.model import ColumnType
from connector.sources.columns.model import SourceInfo

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

    from connector.sources.kept import Kept

# Rows that are in no table, with the reason. `value` is masked: it tells the owner which cell, not a stranger who.
QUARANTINE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("file", pa.string()),  # relative to the folder of segments.yaml
        ("row", pa.int64()),  # 1 is the first line of the file, so a header is row 1; see rows.py
        ("reason", pa.string()),  # empty, invalid, several, cells, unreadable; role, disposable, typo
        ("value", pa.string()),
    ]
)

EVENT, LINE = "_event", "_line"  # columns of related tables


@dataclass(frozen=True, slots=True)
class Finding:
    """A counted observation about one column. `examples` are at most five spellings, never an address or a phone."""

    code: str
    source: str
    column: str
    count: int
    message: str
    file: str = ""
    row: int = 0  # of the first case, 0 when it has none
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """A frozen segment: since when (its `as_of`), and its `people`: email, person (the CRM's id, or null)."""

    at: datetime
    people: pa.Table


@dataclass(slots=True)
class Loaded:
    """The tables of one run, inside one DuckDB connection.

    `contacts` has one row per person: `email` (normalised, never null, unique) and the needed columns. `related[name]`
    has `_email` (a person of contacts, never null), `_at` (when it happened, or null) and the needed columns; where an
    event may stand on several lines also EVENT, which they share, and LINE, their order.
    Physical types: text, country, phone, day (MM/DD) VARCHAR · integer BIGINT · number DECIMAL · date DATE · timestamp
    TIMESTAMP (UTC, naive) · boolean BOOLEAN · list VARCHAR[] · place STRUCT(latitude DOUBLE, longitude DOUBLE).
    """

    connection: Backend
    contacts: ibis.Table
    related: Mapping[str, ibis.Table]
    types: Mapping[str, Mapping[str, ColumnType]]
    quarantine: pa.Table
    findings: list[Finding] = field(default_factory=list)
    rows: Mapping[str, int] = field(default_factory=dict)  # rows read per source, before any were dropped
    empty: Mapping[str, frozenset[str]] = field(default_factory=dict)  # columns without any value: type unknown, "text"
    catalog: Mapping[str, SourceInfo] = field(default_factory=dict)  # what was asked for: finds a column by its header
    observed: Mapping[str, pa.Table] = field(default_factory=dict)  # destination -> what it said (platform_columns.py)
    members: Mapping[str, pa.Array] = field(default_factory=dict)  # segment -> addresses that `members_from` lists
    frozen: Mapping[str, Decided] = field(default_factory=dict)  # what the state keeps of frozen segments
    unclear: pa.Table | None = None  # whose consent is unclear (consent.UNCLEAR)
    kept: Kept | None = None  # the contacts' rows before the merge, when load was asked to keep them
