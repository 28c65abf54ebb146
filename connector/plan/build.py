"""Builds the Plan: for each destination the diff, the gate, the guards and the forecast, put together.

Owns: the order of these steps and the plan's identity. Must not: read a platform or a file, send, print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import duckdb
import pyarrow as pa

from connector.plan import changes, diff, forecast, guards
from connector.plan.model import BLOCKED_SCHEMA, CHANGE_SCHEMA, GuardHit, Plan
from connector.plan.routes import Routing
from connector.plan.saved import identity
from connector.platforms.base import Capabilities
from connector.state.base import Ledger

MEMORY = "768MB"


@dataclass(frozen=True, slots=True)
class Side:
    """One destination as the plan sees it. `observed` and `new_targets` come from observe.targets."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    observed: pa.Table
    new_targets: int


def build(
    desired: pa.Table,
    sides: Sequence[Side],
    *,
    as_of: datetime,
    made_at: datetime,
    contacts_before: int | None = None,
    limit: int | None = None,
    notes: Sequence[str] = (),
) -> Plan:
    """The plan for `desired` (segments.Evaluation.table) against every side's ledger. `notes` come before its own."""
    connection = duckdb.connect(config={"memory_limit": MEMORY})
    connection.register("desired", desired)
    tables: list[pa.Table] = []
    blocked: list[pa.Table] = []
    hits: list[GuardHit] = []
    requests: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for side in sides:
        name = side.routing.destination.name
        diff.compare(connection, side.routing, side.ledger)
        diff.memberships(connection, side.routing, side.observed)
        changed, held_back = changes.collect(
            connection, side.routing, side.ledger.rejects, side.capabilities.tag_style, limit
        )
        limits = side.routing.destination.guards
        hits += guards.check(name, limits, diff.counts(connection, side.routing))
        hits += guards.shrunken(name, limits, desired.num_rows, contacts_before)
        requests[name] = forecast.requests(changed, side.capabilities, side.new_targets if changed.num_rows else 0)
        seconds[name] = forecast.seconds(requests[name], side.capabilities)
        tables.append(changed)
        blocked.append(held_back)
    connection.close()
    plan = Plan(
        id="",
        as_of=as_of,
        made_at=made_at,
        changes=pa.concat_tables([CHANGE_SCHEMA.empty_table(), *tables]),
        blocked=pa.concat_tables([BLOCKED_SCHEMA.empty_table(), *blocked]),
        revisions={side.ledger.destination: side.ledger.revision for side in sides},
        requests=requests,
        seconds=seconds,
        guards=tuple(hits),
        notes=(*notes, *(note for side in sides for note in _notes(side, limit))),
        contacts=desired.num_rows,
        limit=limit,
        platforms={side.ledger.destination: side.capabilities.platform for side in sides},
    )
    return replace(plan, id=identity(plan))


def _notes(side: Side, limit: int | None) -> list[str]:
    """Orphans are targets of the ledger that no segment is sent to any more; they are left alone."""
    sent = {(str(route.target.kind), route.target.name) for route in side.routing.routes}
    name = side.routing.destination.name
    targets = side.ledger.targets
    held = zip(targets.column("kind").to_pylist(), targets.column("name").to_pylist(), strict=True)
    notes = [
        f"{name}: {kind} “{target}” has no segment in the file any more and is left as it is."
        for kind, target in held
        if (kind, target) not in sent
    ]
    if limit is not None:
        notes.append(
            f"{name}: --limit {limit}: only the first {limit} changes per target; the rest waits for the next push."
        )
    return [*side.routing.notes, *notes]
