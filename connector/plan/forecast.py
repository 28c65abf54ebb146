"""How many writing requests a destination's changes need, and how long they take at the platform's limits.

Owns: the count that push must meet exactly. Must not: send, or know a platform beyond its Capabilities.
"""

from __future__ import annotations

import math

import pyarrow as pa

from connector.model import Kind, Op
from connector.platforms.base import Capabilities, TagStyle

# A usual answer of a bulk endpoint; only for the estimate of platforms that state no window.
SECONDS_PER_REQUEST = 0.5


def requests(changes: pa.Table, capabilities: Capabilities, new_targets: int) -> int:
    """Sum of ceil(changes / max batch) per target and operation, plus one per target that must be created."""
    total = new_targets
    counts = changes.group_by(["op", "kind", "target"]).aggregate([([], "count_all")]).to_pylist()
    for row in counts:
        op, kind = Op(row["op"]), Kind(row["kind"]) if row["kind"] else None
        if op is Op.ADOPT or (kind is Kind.TAG and capabilities.tag_style is TagStyle.PROPERTY):
            continue
        total += math.ceil(row["count_all"] / capabilities.operations[op, kind].max_batch)
    return total


def seconds(count: int, capabilities: Capabilities) -> float:
    """The time `count` requests need: the tightest of the windows, or what concurrency allows."""
    bound = count * SECONDS_PER_REQUEST / capabilities.concurrency
    for window in capabilities.limits:
        bound = max(bound, max(0, math.ceil(count / window.requests) - 1) * window.seconds)
    return bound
