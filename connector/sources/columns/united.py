"""One column of several headers: `email: [Work, Home]`, or two headers that a preset reads as one column.

Owns: unite(), which writes the cell that counts under the first header. Must not: know which headers belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connector.sources import engine
from connector.sources.columns.layout import Layout
from connector.sources.columns.model import ColumnInfo

if TYPE_CHECKING:
    import duckdb

# Whether it is a column of yes and no -> what is done. A contradiction there is a cell that is not understood.
RULE = {False: "the first that is filled counts", True: "they contradict each other and count as not understood"}


def unite(con: duckdb.DuckDBPyConnection, raw: str, layout: Layout, info: ColumnInfo, slots: Sequence[int]) -> int:
    """Put the cell that counts into the first slot; how many rows contradict themselves (addresses never do)."""
    cells = [layout.text(info, slot) for slot in slots]
    if info.name == "email":
        held = [f"CASE WHEN contains({cell}, '@') THEN {cell} END" for cell in cells]
        con.execute(f"UPDATE {raw} AS r SET h{slots[0]} = coalesce({', '.join([*held, f'r.h{slots[0]}'])})")
        return 0
    differ = f"list_unique([{', '.join(f'lower(trim({cell}))' for cell in cells)}]) > 1"
    first = f"coalesce({', '.join(cells)})"
    if info.type == "boolean":
        first = f"CASE WHEN {differ} THEN concat_ws(' / ', {', '.join(cells)}) ELSE {first} END"
    count = engine.number(con, f"SELECT count(*) FROM {raw} r WHERE {differ}")
    con.execute(f"UPDATE {raw} AS r SET h{slots[0]} = {first}")
    return count
