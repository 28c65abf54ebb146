"""What the segments ask of one destination: the diff between desired and ledger, and what nobody asks for any more.

Owns: Diff -> Part. Must not: read a platform or a store, judge guards.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.plan import Export
from connector.plan.diff.compare import DestinationState, Diff
from connector.plan.part import Part


def part(desired: pa.Table, state: DestinationState) -> Part:
    """`desired` is segments.Evaluation.table, with a column in:ROUTE for every route of the destination."""
    with Diff(desired, state) as diff:
        return Part(
            state.routing,
            state.ledger,
            state.capabilities,
            diff.changes(),
            diff.blocked(),
            notes=(*state.routing.notes, *_orphans(state)),
            new_targets=state.new_targets,
            present=desired["email"].combine_chunks(),
        )


def counted(desired: pa.Table) -> Export:
    """What the guards of the next run compare theirs with. `desired` is segments.Evaluation.table."""
    return Export(desired.num_rows, pc.sum(desired["consent"]).as_py() or 0)


def _orphans(state: DestinationState) -> list[str]:
    """Targets of the ledger that no segment is sent to any more; they are left alone."""
    name, targets = state.ledger.destination, state.ledger.targets
    held = zip(targets["kind"].to_pylist(), targets["name"].to_pylist(), strict=True)
    return [
        f"{name}: {kind} “{target}” has no segment in the file any more and is left as it is."
        for kind, target in held
        if state.routing.is_orphan(kind, target)
    ]
