"""How many writing requests a destination's changes need, and how long they take at the platform's limits.

Owns: the count that push must meet exactly. Must not: send, or know a platform beyond its Capabilities.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Kind, Op
from connector.platforms.base import Capabilities, TagStyle

# A usual answer of a bulk endpoint; only for the estimate of platforms that state no window.
SECONDS_PER_REQUEST = 0.5


def requests(changes: pa.Table, capabilities: Capabilities, new_targets: Collection[tuple[Kind, str]] = ()) -> int:
    """Sum of ceil(changes / max batch) per target and operation, plus what creates the targets that somebody joins.

    `new_targets` are those that the platform does not have: (kind, name)."""
    created = changes.filter(pc.equal(changes.column("op"), str(Op.CREATE))).column("email").combine_chunks()
    counts = changes.group_by(["op", "kind", "target"]).aggregate([([], "count_all")]).to_pylist()
    joined = {(Kind(row["kind"]), row["target"]) for row in counts if row["op"] == Op.ADD}
    total = _creating(joined.intersection(new_targets), capabilities)
    for row in counts:
        op, kind = Op(row["op"]), Kind(row["kind"]) if row["kind"] else None
        if op in (Op.ADOPT, Op.DISOWN) or (kind is Kind.TAG and capabilities.tag_style is TagStyle.PROPERTY):
            continue
        left = row["count_all"]
        if op is Op.ADD and kind is Kind.LIST and capabilities.create_joins_lists:
            left -= _joined(changes, row["target"], created)
        total += math.ceil(left / capabilities.operations[op, kind].max_batch)
    return total


def _creating(targets: Collection[tuple[Kind, str]], capabilities: Capabilities) -> int:
    """One request for each; tags that are values of a property are declared together."""
    if capabilities.tag_style is not TagStyle.PROPERTY:
        return len(targets)
    lists = sum(kind is Kind.LIST for kind, _ in targets)
    return lists + (lists < len(targets))


def _joined(changes: pa.Table, name: str, created: pa.Array) -> int:
    """How many adds to this list ride in a CREATE: those of the created contacts, if all of them join it."""
    adds = pc.and_(pc.equal(changes.column("op"), str(Op.ADD)), pc.equal(changes.column("kind"), str(Kind.LIST)))
    emails = changes.filter(pc.and_(adds, pc.equal(changes.column("target"), name))).column("email").combine_chunks()
    both = pc.sum(pc.is_in(emails, value_set=created)).as_py() or 0
    return both if both == len(created) else 0


def seconds(count: int, capabilities: Capabilities) -> float:
    """The time `count` requests need: the tightest of the windows, or what concurrency allows."""
    bound = count * SECONDS_PER_REQUEST / capabilities.concurrency
    for window in capabilities.limits:
        bound = max(bound, max(0, math.ceil(count / window.requests) - 1) * window.seconds)
    return bound
