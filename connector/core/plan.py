"""The plan as a value: every change of every destination, computed before anything is sent.

Owns: Plan, its columns and totals. Must not: compute changes, save, print, send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.schemas import FROZEN, MOVED, NOW_IN, SEGMENTS_AT, STAGE_MOVES


@dataclass(frozen=True, slots=True)
class GuardHit:
    """A guard that refuses the plan until it is overridden by `name`."""

    name: str  # one of plan.guards.NAMES
    destination: str
    target: str  # "tag VIP", or "" for the destination as a whole
    message: str


@dataclass(frozen=True, slots=True)
class Export:
    """How many people an export held, and how many of them consented; None: nobody counted (an older state)."""

    contacts: int
    consenting: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """What the state's history learns of an evaluation. `after` is the moment of the history that it was compared with,
    0: none. Without segments there is nothing to learn: nothing was evaluated."""

    after: int = 0
    segments: pa.Table = field(default_factory=SEGMENTS_AT.empty_table)
    people: pa.Table = field(default_factory=NOW_IN.empty_table)
    moved: pa.Table = field(default_factory=MOVED.empty_table)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run would do. `revisions` are the ledger's revision per destination when it was made;
    `inputs` are content hashes of segments.yaml and the exports, for saved plans."""

    id: str
    as_of: datetime
    made_at: datetime
    changes: pa.Table
    blocked: pa.Table
    revisions: Mapping[str, int]
    requests: Mapping[str, int]  # writing requests per destination
    seconds: Mapping[str, float]  # at the platform's limits
    guards: tuple[GuardHit, ...] = ()
    notes: tuple[str, ...] = ()  # orphans, --limit, skipped segments
    findings: tuple[str, ...] = ()  # what was found in the exports while loading; what concerns most people first
    inputs: Mapping[str, str] = field(default_factory=dict)
    export: Export = Export(0)  # for the guards of the next run
    limit: int | None = None
    platforms: Mapping[str, str] = field(default_factory=dict)  # destination -> Capabilities.platform
    # destination -> op -> changes that `sync undo` cannot take back
    irreversible: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    frozen: pa.Table = field(default_factory=FROZEN.empty_table)  # members of segments that are kept from now on
    released: tuple[str, ...] = ()  # segments that are no longer frozen
    stages: pa.Table = field(default_factory=STAGE_MOVES.empty_table)  # moves between stages of the lifecycle
    unread: Mapping[str, str] = field(default_factory=dict)  # destinations that could not be planned, and why
    kinds: Mapping[str, str] = field(default_factory=dict)  # of them: DestinationError.kind
    held_back: Mapping[str, str] = field(default_factory=dict)  # destinations that a guard keeps out, and why
    skipped: Mapping[str, str] = field(default_factory=dict)  # segments of which nothing is known, and why
    moment: Moment = field(default_factory=Moment)  # who is in which segment, for the history

    def without(self, why: Mapping[str, str]) -> Plan:
        """The plan of the other destinations; `why` tells which are held back, and for which reason."""
        left = {name: revision for name, revision in self.revisions.items() if name not in why}

        def of(table: pa.Table) -> pa.Table:
            return table.filter(pc.is_in(table["destination"], value_set=pa.array(list(left), pa.string())))

        return replace(
            self,
            changes=of(self.changes),
            blocked=of(self.blocked),
            stages=of(self.stages),
            revisions=left,
            requests={name: self.requests[name] for name in left},
            seconds={name: self.seconds[name] for name in left},
            irreversible={name: counts for name, counts in self.irreversible.items() if name in left},
            guards=tuple(hit for hit in self.guards if hit.destination in left),
            held_back={**self.held_back, **why},
        )
