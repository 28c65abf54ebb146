"""Recency against frequency: how many contacts are in each of 25 cells, and what they spent.

Owns: Grid. Must not: name the cells (segments/compile/rfm.py has the usual names).

Where the file has no rfm trait, the scores are made as such a trait makes them: in fifths of those who have an order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from connector.core.sql import identifier, scratch
from connector.segments.evaluate import Evaluation

_SCORES = """
    select 1 + (5 * (rank() over (order by last) - 1)) // count(*) over () as recency,
           1 + (5 * (rank() over (order by orders) - 1)) // count(*) over () as frequency, spend
    from people where last is not null and orders > 0
"""
_CELLS = """
    select recency, frequency, count(*) as contacts, avg(spend)::double as spend
    from scored where recency is not null and frequency is not null group by all order by 1 desc, 2
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """Scores from 1 (long ago, rare) to 5; `spend` is the mean of those who have one, None when nobody has."""

    recency: int
    frequency: int
    contacts: int
    spend: float | None


def grid(evaluation: Evaluation, columns: Mapping[str, str]) -> tuple[Cell, ...]:
    """Cells with somebody in them; none when the file does not tell recency and frequency."""
    scores = {role: columns[role] for role in ("recency", "frequency") if role in columns}
    raw = {role: columns[role] for role in ("last", "orders") if role in columns and _fits(evaluation, columns, role)}
    asked = scores if len(scores) == 2 else raw
    if len(asked) < 2:
        return ()
    spend = columns["spend"] if "spend" in columns and _fits(evaluation, columns, "spend") else None
    renamed = {name: evaluation.table[column] for name, column in asked.items()}
    renamed["spend"] = pa.nulls(evaluation.contacts, pa.float64()) if spend is None else evaluation.table[spend]
    with scratch() as connection:
        connection.register("people", pa.table(renamed))
        scored = f"({_SCORES})" if asked is raw else f"(select {', '.join(map(identifier, renamed))} from people)"
        rows = connection.execute(f"with scored as {scored} {_CELLS}").fetchall()
    return tuple(
        Cell(recency, frequency, contacts, None if spent is None else round(spent, 2))
        for recency, frequency, contacts, spent in rows
    )


def _fits(evaluation: Evaluation, columns: Mapping[str, str], role: str) -> bool:
    kind = evaluation.table[columns[role]].type
    if role == "last":
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind))
