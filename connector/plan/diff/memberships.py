"""Memberships that differ: the bits of the compared people, unpivoted.

Owns: the table `membership`. Must not: decide policy (gate.py), loop over contacts.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from connector.core.model import SyncMode
from connector.plan import gate
from connector.plan.diff.people import BITS, chunks, differ
from connector.plan.routes import Route, Routing


def differing(connection: duckdb.DuckDBPyConnection, routing: Routing, observed: pa.Table) -> None:
    """Make the table `membership` (op, number, email, reason, since, certain): adds, removes, adoptions, and what is
    blocked. A removal that is not certain takes away what may not be there.

    `observed` (target number, email) are people found in targets we have never written to."""
    parts = chunks(routing.routes)
    connection.register("observed", observed)
    connection.register("route", _route_table(routing.routes))
    connection.execute(
        "create or replace temp table membership "
        "(op varchar, number bigint, email varchar, reason varchar, since timestamptz, certain boolean)"
    )
    for i, part in enumerate(parts):
        mirror = sum(1 << at for at, route in enumerate(part) if route.mode is SyncMode.MIRROR)
        allowed = f"case when consent then want{i} else 0 end"  # consent withdrawn: out of every target of ours
        connection.execute(f"""
            insert into membership
            with differing as (
                select email, reason, status_at, {gate.REMOVED_LATER} as later,
                       want{i} & ~have{i} as missing,
                       (have{i} | doubt{i}) & ~({allowed}) & {mirror}::BIGINT as surplus, have{i} as have
                from person where {differ(i)}
            ), bit as (select unnest(range({len(part)})) as position)
            select case when (surplus >> position) & 1 = 1 then 'remove' else 'add' end, position + {i * BITS}, email,
                   case when (surplus >> position) & 1 = 1 then later else reason end,
                   case when (surplus >> position) & 1 = 0 or later is not null then status_at end,
                   ((surplus & ~have) >> position) & 1 = 0
            from differing, bit where ((missing | surplus) >> position) & 1 = 1
        """)
    connection.execute("""
        update membership set op = 'adopt' from observed o
        where membership.op = 'add' and membership.reason is null
          and membership.number = o.number and membership.email = o.email
    """)


def _route_table(routes: Sequence[Route]) -> pa.Table:
    return pa.table(
        {
            "number": pa.array(range(len(routes)), pa.int64()),
            "kind": pa.array([str(route.target.kind) for route in routes], pa.string()),
            "target": pa.array([route.target.name for route in routes], pa.string()),
        }
    )
