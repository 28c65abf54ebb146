"""What one destination is asked to do, whatever asks: segments, an undo, a cleanup.

Owns: Part, the one shape in which changes reach the builder (assemble.py). Must not: compute changes, judge them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from connector.core.model import Kind
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA, STAGE_MOVES
from connector.plan.routes import Routing
from connector.plan.totals import Costs
from connector.platforms.base import Capabilities
from connector.state.base import Ledger


@dataclass(frozen=True, slots=True)
class Part:
    """The changes asked for, and what is known there. `blocked` are those that were asked for and held back already.

    `new_targets`: (kind, name) that the platform does not have. `in_export`: how many contacts of the export the
    platform holds, for the guard of archived contacts. `in_lifecycle`: how many people take part in the lifecycle, for
    the guard of its stages; None where the changes do not move anybody between stages."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    changes: pa.Table  # CHANGE_SCHEMA
    blocked: pa.Table = field(default_factory=BLOCKED_SCHEMA.empty_table)
    stages: pa.Table = field(default_factory=STAGE_MOVES.empty_table)
    notes: tuple[str, ...] = ()
    new_targets: frozenset[tuple[Kind, str]] = frozenset()
    present: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))  # addresses of the export
    in_export: int = 0
    in_lifecycle: int | None = None

    @property
    def name(self) -> str:
        """The destination."""
        return self.ledger.destination

    @property
    def costs(self) -> Costs:
        return Costs(self.capabilities, self.new_targets, self.ledger.contacts)


def table(
    destination: str, columns: Mapping[str, pa.Array | pa.ChunkedArray], schema: pa.Schema = CHANGE_SCHEMA
) -> pa.Table:
    """Rows of one destination as `schema`: columns that are not given are null. `columns` holds at least `email`."""
    size = len(columns["email"])
    known = {"destination": pa.repeat(destination, size), **columns}
    filled = [known[field.name] if field.name in known else pa.nulls(size, field.type) for field in schema]
    return pa.table(filled, names=schema.names).cast(schema)
