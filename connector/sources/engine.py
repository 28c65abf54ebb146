"""Small things every step asks of DuckDB.

Owns: one row, one number, a column of texts. Must not: know a table.

Results are always fetched to their end: DuckDB 2 refuses other work on a connection while one is unfinished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


def row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The first row of the answer; () when there is none."""
    found = con.execute(query).fetchall()
    return tuple(found[0]) if found else ()


def number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The single number of the answer, null as 0."""
    return int(row(con, query)[0] or 0)
