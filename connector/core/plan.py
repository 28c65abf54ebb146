"""The plan as a value: every change of every destination, computed before anything is sent.

Owns: Plan, its columns and totals. Must not: compute changes, save, print, send.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from connector.state.frozen import FROZEN
from connector.state.stages import STAGE_MOVES

# One row per change. A tag that is a property (Klaviyo, HubSpot) has its ADD and REMOVE rows here like any other;
# they travel inside the CREATE or UPDATE row that the plan holds for the same contact.
CHANGE_SCHEMA = pa.schema(
    [
        ("destination", pa.string()),
        ("op", pa.string()),  # connector.model.Op value
        ("kind", pa.string()),  # target of ADD, REMOVE, ADOPT; else null
        ("target", pa.string()),
        ("email", pa.string()),
        ("fields", pa.string()),  # CREATE, UPDATE: JSON object {platform field: value}, null = none
        ("new_status", pa.string()),  # CREATE: NewContacts value
        ("consent_at", pa.timestamp("us", tz="UTC")),
        ("consent_source", pa.string()),
        ("old_email", pa.string()),  # MOVE: the address under which the platform holds the contact; else null
        ("seen", pa.string()),  # RETIRE, UNSUBSCRIBE: what was known of the contact (sparing.seen); else null
        ("row_hash", pa.string()),  # of what the export says of the person (rows.HASH); null: nobody computed it
    ]
)

# Changes held back, with the reason.
BLOCKED_SCHEMA = pa.schema(
    [
        ("destination", pa.string()),
        ("op", pa.string()),
        ("kind", pa.string()),
        ("target", pa.string()),
        ("email", pa.string()),
        ("reason", pa.string()),  # a code: unsubscribed, bounced, no_consent, not_held, rejected …
        ("since", pa.timestamp("us", tz="UTC")),  # when the person said no, if known
    ]
)


@dataclass(frozen=True, slots=True)
class GuardHit:
    """A guard that refuses the plan until it is lifted by `name`."""

    name: str  # adds, removes, moves, empty, shrunken, stages, retires
    destination: str
    target: str  # "tag VIP", or "" for the destination as a whole
    message: str


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
    inputs: Mapping[str, str] = field(default_factory=dict)
    contacts: int = 0  # rows of the export, for the shrunken guard of the next run
    limit: int | None = None
    platforms: Mapping[str, str] = field(default_factory=dict)  # destination -> Capabilities.platform
    # destination -> op -> changes that `sync undo` cannot take back
    irreversible: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    frozen: pa.Table = field(default_factory=FROZEN.empty_table)  # members of segments that are kept from now on
    released: tuple[str, ...] = ()  # segments that are frozen no longer
    stages: pa.Table = field(default_factory=STAGE_MOVES.empty_table)  # moves between stages of the lifecycle
