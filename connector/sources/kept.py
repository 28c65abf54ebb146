"""The rows of contacts as they were read, kept beside the merged people for questions about single rows.

Owns: Kept, and where a kept row stands in its file. Must not: judge rows (hygiene.py) or merge them (identity.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sources.columns.layout import Layout
from connector.sources.rows import Span, locate
from connector.sources.text import literal, name

if TYPE_CHECKING:
    import duckdb

TABLE = "rows_contacts"


@dataclass(frozen=True, slots=True)
class Kept:
    """`table` has `_row` (the rowid in `raw`), `_email` and the typed columns of every usable row, before duplicates
    are merged; `raw` has the texts of all rows. `key` is SQL over `raw` as `r`: the text of the address."""

    raw: str
    table: str
    key: str
    layout: Layout
    spans: tuple[Span, ...]
    columns: tuple[str, ...]
    updated_at: str | None

    def places(self, con: duckdb.DuckDBPyConnection, rows: Iterable[int]) -> dict[int, tuple[str, int]]:
        """raw row -> (file name, row number)."""
        wanted = sorted(set(rows))
        if not wanted:
            return {}
        found = con.execute(f"SELECT rowid, _line FROM {self.raw} WHERE rowid IN (SELECT unnest($1))", [wanted])
        return locate(self.spans, dict(found.fetchall()))

    def of(self, con: duckdb.DuckDBPyConnection, email: str) -> list[dict[str, Any]]:
        """One person's rows, the one whose values win first, as `merge` ranks them: `_row` and the typed columns."""
        query = f"SELECT * FROM {self.table} WHERE _email = $1 ORDER BY {rank(self.updated_at)}"
        return list(con.sql(query, params=[email]).to_arrow_table().to_pylist())

    def unusable(self, con: duckdb.DuckDBPyConnection, text: str) -> list[int]:
        """The raw rows that no person came of and whose address cell holds the address `text`, in any case."""
        address = rf"(^|[^\w.+-]){re.escape(text.lower())}\.?($|[^\w.-])"
        query = (
            f"SELECT r.rowid FROM {self.raw} r ANTI JOIN {self.table} t ON t._row = r.rowid"
            f" WHERE regexp_matches(lower({self.key}), {literal(address)}) ORDER BY r.rowid"
        )
        return [row for (row,) in con.execute(query).fetchall()]


def rank(updated_at: str | None) -> str:
    """SQL ORDER BY: the newest row first, an undated row is the oldest, then the later row of the files."""
    age = f"{name(updated_at)} DESC NULLS LAST, " if updated_at else ""
    return f"{age}_row DESC"
