"""Members of a target that nobody desires: after a state was lost, perhaps people that an earlier push has put there.

Owns: who they are, and that they can be taken over (ADOPT), so that the next push removes them. Must not: read a
platform or a store, decide that they are ours: a person does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Op
from connector.plan.part import Part, table
from connector.plan.routes import Route, Routing


def members(routing: Routing, desired: pa.Table, seen: pa.Table) -> Iterator[tuple[int, Route, pa.Array]]:
    """For each segment's target that was read: its number, its route, and the addresses in it who are not desired.

    `seen` is (number of the route, email), as reconcile.observe.targets tells it; `desired` is Evaluation.table."""
    for number, route in enumerate(routing.routes):
        if f"in:{route.segment}" not in desired.column_names:  # a stage: a new state has nobody in one
            continue
        wanted = desired.filter(pc.and_(desired[f"in:{route.segment}"], desired["consent"]))["email"].combine_chunks()
        there = seen.filter(pc.equal(seen["number"], number))["email"].combine_chunks()
        yield number, route, there.filter(pc.invert(pc.is_in(there, value_set=wanted)))


def taken_over(part: Part, desired: pa.Table, seen: pa.Table, forgotten: Callable[[pa.Array], pa.Array]) -> Part:
    """The part with an ADOPT of each of them that the ledger does not know as a member. `forgotten` tells which of
    addresses were forgotten: those stay unknown."""
    changes = [part.changes]
    for _number, route, emails in members(part.routing, desired, seen):
        known = pa.concat_arrays([_held(part, route), forgotten(emails)])
        emails = emails.filter(pc.invert(pc.is_in(emails, value_set=known)))
        about = {"op": str(Op.ADOPT), "kind": str(route.target.kind), "target": route.target.name}
        columns = {name: pa.repeat(value, len(emails)) for name, value in about.items()}
        changes.append(table(part.name, {**columns, "email": emails}))
    return replace(part, changes=pa.concat_tables(changes))


def _held(part: Part, route: Route) -> pa.Array:
    """The addresses of those who are ours in the target by the ledger."""
    ledger, target = part.ledger, route.target
    named = pc.and_(pc.equal(ledger.targets["kind"], str(target.kind)), pc.equal(ledger.targets["name"], target.name))
    numbers = ledger.targets.filter(named)["id"].combine_chunks()
    ids = ledger.memberships.filter(pc.is_in(ledger.memberships["target"], value_set=numbers))["contact"]
    mine = pc.is_in(ledger.contacts["id"], value_set=ids.combine_chunks())
    return ledger.contacts.filter(mine)["email"].combine_chunks()
