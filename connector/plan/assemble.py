"""Builds the Plan: for each destination the diff, the gate, the guards and the forecast, put together.

Owns: the order of these steps and the plan's identity. Must not: read a platform or a file, send, print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Kind, Op, Status
from connector.core.plan import GuardHit, Plan
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA, FROZEN
from connector.plan import guards, rows
from connector.plan.diff import changes, hold, moves
from connector.plan.diff import people as diff
from connector.plan.routes import Routing
from connector.plan.saved import identity
from connector.plan.totals import Costs
from connector.platforms.base import Capabilities
from connector.state.base import Ledger

UNBILLED = [str(status) for status in (Status.ABSENT, Status.ARCHIVED, Status.FORGOTTEN)]
MEMORY = "768MB"


@dataclass(frozen=True, slots=True)
class Side:
    """One destination as the plan sees it. `observed` and `new_targets` come from observe.targets, `recent` from
    hold.recent; `forgotten` are addresses that must not come back (rows.forgotten)."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    observed: pa.Table
    new_targets: frozenset[tuple[Kind, str]]
    recent: pa.Table = field(default_factory=hold.RECENT.empty_table)
    forgotten: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))

    @property
    def costs(self) -> Costs:
        return Costs(self.capabilities, self.new_targets, self.ledger.contacts)


def build(
    desired: pa.Table,
    sides: Sequence[Side],
    *,
    as_of: datetime,
    made_at: datetime,
    contacts_before: int | None = None,
    notes: Sequence[str] = (),
    frozen: pa.Table | None = None,
    released: Sequence[str] = (),
) -> Plan:
    """The plan for `desired` (segments.Evaluation.table) against every side's ledger. `notes` come before its own."""
    connection = duckdb.connect(config={"memory_limit": MEMORY})
    connection.register("desired", desired)
    tables: list[pa.Table] = []
    blocked: list[pa.Table] = []
    hits: list[GuardHit] = []
    requests: dict[str, int] = {}
    seconds: dict[str, float] = {}
    irreversible: dict[str, Mapping[str, int]] = {}
    for side in sides:
        name = side.routing.destination.name
        ledger = moves.follow(connection, side.routing, side.ledger, (Op.MOVE, None) in side.capabilities.operations)
        diff.compare(connection, side.routing, ledger, gone_is_final=side.capabilities.gone_is_final)
        rows.block(connection, side.forgotten)
        diff.memberships(connection, side.routing, side.observed)
        hold.keep(connection, side.recent)
        changed, held_back = changes.collect(connection, side.routing, side.ledger.rejects, side.capabilities.tag_style)
        limits = side.routing.destination.guards
        of = {diff.label(route.target): route.guards or limits for route in side.routing.routes}
        hits += guards.check(name, of, diff.counts(connection, side.routing))
        hits += guards.tier(name, limits, *_counted(changed, side.ledger))
        hits += guards.moved(name, limits, *_moved(changed, side.ledger))
        hits += guards.shrunken(name, limits, desired.num_rows, contacts_before)
        totals = side.costs.of(changed)
        requests[name], seconds[name], irreversible[name] = totals.requests, totals.seconds, totals.irreversible
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
        notes=(*notes, *(note for side in sides for note in _notes(side))),
        contacts=desired.num_rows,
        platforms={side.ledger.destination: side.capabilities.platform for side in sides},
        irreversible=irreversible,
        frozen=FROZEN.empty_table() if frozen is None else frozen,
        released=tuple(released),
    )
    return replace(plan, id=identity(plan))


def _counted(changed: pa.Table, ledger: Ledger) -> tuple[int, int]:
    """Contacts that the platform holds as far as we know, and those that would be new."""
    status = ledger.contacts.column("status")
    billed = pc.and_(pc.is_valid(status), pc.invert(pc.is_in(status, value_set=pa.array(UNBILLED))))
    creates = pc.sum(pc.equal(changed.column("op"), Op.CREATE)).as_py() or 0
    return pc.sum(billed).as_py() or 0, creates


def _moved(changed: pa.Table, ledger: Ledger) -> tuple[int, int]:
    """How many contacts move, and of how many we know who they are."""
    known = ledger.contacts.num_rows - ledger.contacts.column("person").null_count
    return pc.sum(pc.equal(changed.column("op"), str(Op.MOVE))).as_py() or 0, known


def _notes(side: Side) -> list[str]:
    """Orphans are targets of the ledger that no segment is sent to any more; they are left alone."""
    name = side.routing.destination.name
    targets = side.ledger.targets
    held = zip(targets.column("kind").to_pylist(), targets.column("name").to_pylist(), strict=True)
    notes = [
        f"{name}: {kind} “{target}” has no segment in the file any more and is left as it is."
        for kind, target in held
        if side.routing.is_orphan(kind, target)
    ]
    return [*side.routing.notes, *notes]
