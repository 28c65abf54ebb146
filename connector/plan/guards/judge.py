"""Every guard, for every part of every plan.

Owns: which guards there are to ask. Must not: count, or hold a guard's arithmetic.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import NewContacts, Op
from connector.core.plan import Export, GuardHit
from connector.plan.guards import rules
from connector.plan.guards.counts import billed, counts, label
from connector.plan.guards.fields import overwritten
from connector.plan.part import Part

MAILED = (NewContacts.SUBSCRIBED, NewContacts.PENDING)  # policies that make a contact who gets mail


def judge(part: Part, export: Export, before: Export | None) -> list[GuardHit]:
    """Every guard that refuses what is asked of one destination. `before` is the export of the last run, None: not
    compared."""
    name, limits = part.name, part.routing.destination.guards
    of = {label(route.target): route.guards or limits for route in part.routing.routes}
    counted = counts(part)
    asked = {Op(row["values"]): row["counts"] for row in pc.value_counts(part.changes["op"]).to_pylist()}
    hits = rules.check(name, {target: of.get(target, limits) for target in counted}, counted)
    hits += rules.tier(name, limits, billed(part.ledger.contacts), asked.get(Op.CREATE, 0))
    hits += rules.moved(name, limits, asked.get(Op.MOVE, 0), len(part.ledger.contacts["person"].drop_null()))
    changed = overwritten(part)
    hits += rules.updated(name, limits, changed.people, changed.written)
    for field, (lost, values) in changed.cleared.items():
        hits += rules.emptied(name, limits, field, lost, values)
    status = part.changes["new_status"]
    mailed = pc.sum(pc.is_in(status, value_set=pa.array([str(one) for one in MAILED]))).as_py() or 0
    hits += rules.subscribed(name, limits, mailed)
    if before is not None:
        hits += rules.shrunken(name, limits, export.contacts, before.contacts)
        hits += rules.consent(name, limits, export, before)
    if part.in_lifecycle is not None:
        hits += rules.staged(name, limits, part.stages.num_rows, part.in_lifecycle)
    return hits + rules.retired(name, limits, asked.get(Op.RETIRE, 0) + asked.get(Op.UNSUBSCRIBE, 0), part.in_export)
