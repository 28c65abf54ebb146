"""What the segments ask of one destination: the diff between desired and ledger, and what nobody asks for any more.

Owns: Diff -> Part. Must not: read a platform or a store, judge guards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.counts import count_of
from connector.core.plan import Export
from connector.plan.diff.compare import DestinationState, Diff
from connector.plan.part import Part
from connector.state.failures import WAITING


def part(desired: pa.Table, state: DestinationState) -> Part:
    """`desired` is segments.Evaluation.table, with a column in:ROUTE for every route of the destination."""
    with Diff(desired, state) as diff:
        return Part(
            state.routing,
            state.ledger,
            state.capabilities,
            diff.changes(),
            diff.blocked(),
            notes=(*state.routing.notes, *_orphans(state), *_failing(desired, state)),
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


def _failing(desired: pa.Table, state: DestinationState) -> list[str]:
    """What needs a person: it waits, but for what takes somebody out, which is tried all the same."""
    name, found = state.ledger.destination, state.ledger.failing
    if not found.num_rows:
        return []
    waits = pc.is_in(found["op"], value_set=pa.array([str(op) for op in WAITING]))
    asked = pc.is_in(found["email"], value_set=desired["email"].combine_chunks())
    return [
        f"{name}: {_needs(rows.to_pylist(), words)}"
        for rows, words in (
            (found.filter(pc.and_(waits, asked)), "not sent until the person's row changes"),
            (found.filter(pc.invert(waits)), "sent by every push all the same"),
        )
        if rows.num_rows
    ]


def _needs(rows: Sequence[Mapping[str, Any]], words: str) -> str:
    since, times = min(row["first_at"] for row in rows), max(row["times"] for row in rows)
    ops = ", ".join(f"{count:,} {op}" for op, count in Counter(row["op"] for row in rows).items())
    codes = ", ".join(dict.fromkeys(row["code"] or "no reason told" for row in rows))
    return (
        f"needs a person: {ops} failed on up to {count_of(times, 'run')} since {since:%Y-%m-%d} ({codes}); {words}. "
        "Who they are: sync rejects; once more: sync rejects retry."
    )
