"""Builds every plan: what is asked of each destination passes the gate, is judged by the guards, and is counted.

Owns: the order of these steps and the plan's identity. It is the only place where a Plan of changes is made: push,
undo, cleanup and adopt differ in the parts they hand over. Must not: read a platform, a store or a file, send, print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pyarrow as pa

from connector.core.plan import Export, Moment, Plan
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA, FROZEN, STAGE_MOVES
from connector.plan import gate, phones, totals, unite
from connector.plan.guards.judge import judge
from connector.plan.part import Part
from connector.plan.saved import identity


def assemble(
    parts: Sequence[Part],
    *,
    as_of: datetime,
    made_at: datetime,
    export: Export,
    before: Export | None = None,
    notes: Sequence[str] = (),
    findings: Sequence[str] = (),
    frozen: pa.Table | None = None,
    released: Sequence[str] = (),
    limit: int | None = None,
    prefix: str = "",
    unread: Mapping[str, str] | None = None,
    kinds: Mapping[str, str] | None = None,
    moment: Moment | None = None,
    skipped: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of all parts. `export` is what it was made from, `before` that of the last run, None: not compared.
    `findings` are those of the exports. `notes` come before those of the parts. `limit` cuts the plan to so many people
    per destination, after the guards have looked at the whole of it. `prefix` begins the plan's id.
    `unread` are the destinations without a part, and why; `kinds` as in Plan; `moment` is for the history.
    `skipped` are the segments of which nothing is known, and why."""
    judged = [unite.part(gate.enforce(part)) for part in parts]
    counted = {part.name: part.costs.of(part.changes) for part in judged}
    plan = Plan(
        id="",
        as_of=as_of,
        made_at=made_at,
        changes=pa.concat_tables([CHANGE_SCHEMA.empty_table(), *(part.changes for part in judged)]),
        blocked=pa.concat_tables([BLOCKED_SCHEMA.empty_table(), *(part.blocked for part in judged)]),
        revisions={part.name: part.ledger.revision for part in judged},
        requests={name: each.requests for name, each in counted.items()},
        seconds={name: each.seconds for name, each in counted.items()},
        guards=tuple(hit for part in judged for hit in judge(part, export, before)),
        notes=(*notes, *(note for part in judged for note in (*part.notes, *phones.notes(part)))),
        findings=tuple(findings),
        export=export,
        platforms={part.name: part.capabilities.platform for part in judged},
        irreversible={name: each.irreversible for name, each in counted.items()},
        frozen=FROZEN.empty_table() if frozen is None else frozen,
        released=tuple(released),
        unread=dict(unread or {}),
        kinds=dict(kinds or {}),
        skipped=dict(skipped or {}),
        moment=moment or Moment(),
        stages=pa.concat_tables([STAGE_MOVES.empty_table(), *(part.stages for part in judged)]),
    )
    if limit is not None:
        plan = totals.limited(plan, limit, {part.name: part.costs for part in judged})
    return replace(plan, id=prefix + identity(plan))
