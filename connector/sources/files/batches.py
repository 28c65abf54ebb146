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
    places = [position for position in wanted if position is not None]
    rows = iter(rows)
    while True:
        # One flat list of texts instead of a list per row: the garbage collector has nothing to walk.
        reasons, lines, cells = [], [], []
        for reason, line, row in islice(rows, _ROWS):
            reasons.append(reason)
            lines.append(line)
            cells += [row[place] for place in places]
        if not lines:
            return
        columns = iter([_texts(cells[start :: len(places)]) for start in range(len(places))])
        nothing = pa.nulls(len(lines), pa.string())
        table = pa.table(
            [
                _texts(reasons),
                pa.array(lines, pa.int64()),
                *(nothing if one is None else next(columns) for one in wanted),
            ],
            names=["_reason", "_line", *(f"h{slot}" for slot in range(len(wanted)))],
        )
        con.register("raw_batch", table)
        con.execute(f"INSERT INTO {into} SELECT * FROM raw_batch")
        con.unregister("raw_batch")


def _texts(cells: Sequence[str | None]) -> pa.Array:
    try:
        return pa.array(cells, pa.string())
    except UnicodeEncodeError:  # a lone surrogate cannot be stored; it becomes U+FFFD
        return pa.array([cell and cell.encode("utf-8", "replace").decode("utf-8") for cell in cells], pa.string())
