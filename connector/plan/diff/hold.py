"""`hold: 7 days`: nobody bounces in and out of a target across the boundary of a segment.

Owns: which adds and removes wait because the person came or went too recently. Must not: keep a memory of its own
(the journal knows when each was added and removed), hold anybody in who opted out, lost consent or left the export.

`as_of` of the runs is the clock: with hold 7 days, somebody added on Monday is not removed before next Monday.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb
import pyarrow as pa

from connector.config.language.rules import Duration
from connector.plan.routes import Routing
from connector.state.base import Store

HELD = "hold"
RECENT = pa.schema([("number", pa.int64()), ("email", pa.string()), ("op", pa.string())])


def recent(store: Store, routing: Routing, ago: Callable[[Duration], datetime]) -> pa.Table:
    """RECENT: per route with a hold, who was added to its target or removed from it so lately that they stay so.

    `ago` is the moment so long before `as_of`."""
    tables = [RECENT.empty_table()]
    for number, route in enumerate(routing.routes):
        if route.hold is not None:
            target = route.target
            moves = store.upkeep.moves(target.destination, target.kind, target.name, ago(route.hold))
            columns = [pa.array([number] * moves.num_rows, pa.int64()), moves["email"], moves["op"]]
            tables.append(pa.table(columns, schema=RECENT))
    return pa.concat_tables(tables)


def keep(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> None:
    """Hold back what `found` (RECENT) forbids; after memberships.differing. A removal for consent or an opt-out, or
    that the person's absence from the export does, is never held back."""
    if not found.num_rows:
        return
    connection.register("recent", found)
    connection.execute(f"""
        update membership set reason = '{HELD}' from person p
        where p.email = membership.email and membership.reason is null and p.reason is null
          and exists (from recent r where r.number = membership.number and r.email = membership.email and case
              membership.op when 'add' then r.op = 'remove' when 'remove' then r.op in ('add', 'adopt') end)
    """)
