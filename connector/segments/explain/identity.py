"""Which rows of the export became one person, and which value won in each column.

Owns: Identity. Must not: merge (sources/identity.py does; the rows come here in its order).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connector.sources.model import Loaded


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the export. `updated_at` is None without such a column or value."""

    file: str
    row: int
    updated_at: Any


@dataclass(frozen=True, slots=True)
class Won:
    """One column: its value and the row it came from (a position in Identity.rows; None when it is missing), and the
    other rows' different values."""

    column: str
    value: Any
    row: int | None
    lost: tuple[tuple[int, Any], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """`rows` begin with the one whose values win."""

    rows: tuple[Row, ...]
    columns: tuple[Won, ...]


def identity(loaded: Loaded, email: str) -> Identity | None:
    """The rows of the contact `email`; None when no row is that person's. Needs tables loaded with `keep`."""
    kept, con = loaded.kept, loaded.connection.con
    assert kept is not None
    found = kept.of(con, email)
    if not found:
        return None
    places = kept.places(con, [row["_row"] for row in found])
    rows = [Row(*places[row["_row"]], row.get(kept.updated_at or "")) for row in found]
    columns = tuple(_won(column, found, column != kept.updated_at) for column in kept.columns)
    return Identity(tuple(rows), columns)


def _won(column: str, rows: Sequence[dict[str, Any]], compared: bool) -> Won:
    given = [(number, row[column]) for number, row in enumerate(rows) if row[column] is not None]
    if not given:
        return Won(column, None, None, ())
    number, value = given[0]
    lost = tuple((other, text) for other, text in given[1:] if text != value) if compared else ()
    return Won(column, value, number, lost)
