"""What the members of one segment change against what platforms confirmed last. No platform is asked.

Owns: Against and against(). Must not: build a plan (plan/assemble.py does): opt-outs since the last push, guards and
moves of addresses are for a plan to see.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import BLOCKED
from connector.plan.routes import Routing
from connector.state.base import Ledger


@dataclass(frozen=True, slots=True)
class Against:
    """One target of the segment. `held` members in the ledger; of those who are not among them `enters`, some of
    which have no consent or a blocked status and are not sent; `leaves` are in the ledger and no longer members."""

    destination: str
    kind: str
    target: str
    mode: str
    held: int
    enters: int
    without_consent: int
    blocked: int
    leaves: int


def against(table: pa.Table, segment: str, routing: Routing, ledger: Ledger) -> Iterator[Against]:
    """`table` has email, consent and in:SEGMENT. Nothing for a segment that is not sent there."""
    members = table.filter(table[f"in:{segment}"])
    said_no = pa.array([str(status) for status in BLOCKED])
    blocked = ledger.contacts.filter(pc.is_in(ledger.contacts["status"], value_set=said_no))["email"]
    for route in routing.routes:
        if route.segment == segment:
            held = _held(ledger, str(route.target.kind), route.target.name)
            entering = members.filter(pc.invert(_among(members["email"], held)))
            silent = pc.invert(pc.fill_null(entering["consent"], False))
            refused = pc.and_not(_among(entering["email"], blocked), silent)
            leaving = pc.invert(_among(held, members["email"]))
            yield Against(
                routing.destination.name,
                str(route.target.kind),
                route.target.name,
                str(route.mode),
                held=len(held),
                enters=entering.num_rows,
                without_consent=_count(silent),
                blocked=_count(refused),
                leaves=_count(leaving),
            )


def _held(ledger: Ledger, kind: str, name: str) -> pa.ChunkedArray:
    """The addresses that the ledger has in the target."""
    ids = ledger.targets.filter(
        pc.and_(pc.equal(ledger.targets["kind"], kind), pc.equal(ledger.targets["name"], name))
    )["id"]
    contacts = ledger.memberships.filter(_among(ledger.memberships["target"], ids))["contact"]
    return ledger.contacts.filter(_among(ledger.contacts["id"], contacts))["email"]


def _among(values: Any, known: Any) -> Any:
    return pc.is_in(values, value_set=known.combine_chunks() if isinstance(known, pa.ChunkedArray) else known)


def _count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)
