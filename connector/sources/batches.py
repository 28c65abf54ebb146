"""Rows that a Python reader yields, appended to a raw table in Arrow batches.

Owns: the batching. Must not: read files or decide anything about rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

_ROWS = 20_000
RawRow = tuple[str | None, int, Sequence[str | None]]  # reason, line, cells


def append(con: duckdb.DuckDBPyConnection, into: str, rows: Iterable[RawRow], wanted: Sequence[int | None]) -> None:
    """Append to the raw table `into`; its columns take the cells at `wanted`."""
    rows = iter(rows)
    names = ["_reason", "_line", *(f"h{slot}" for slot in range(len(wanted)))]
    while batch := list(islice(rows, _ROWS)):
        columns = [
            pa.array([row[0] for row in batch], pa.string()),
            pa.array([row[1] for row in batch], pa.int64()),
            *(_column(batch, position) for position in wanted),
        ]
        con.register("raw_batch", pa.table(columns, names=names))
        con.execute(f"INSERT INTO {into} SELECT * FROM raw_batch")
        con.unregister("raw_batch")


def _column(batch: list[RawRow], position: int | None) -> pa.Array:
    if position is None:
        return pa.nulls(len(batch), pa.string())
    return pa.array([_clean(row[2][position]) for row in batch], pa.string())


def _clean(cell: str | None) -> str | None:
    """A lone surrogate cannot be stored; it becomes U+FFFD."""
    return cell if cell is None or cell.isascii() else cell.encode("utf-8", "replace").decode("utf-8")
