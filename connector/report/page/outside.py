"""What a report says of exports and destinations, as JSON.

Owns: these parts of the document. Must not: count, or render.
"""

from __future__ import annotations

from typing import Any

from connector.plan import gate
from connector.report.page.model import Quality, Side
from connector.sources.told import sentence


def quality_json(found: Quality) -> dict[str, Any]:
    return {
        "rows": dict(found.rows),
        "files": [{"source": source, "file": file, "written": at.isoformat()} for source, file, at in found.files],
        "quarantine": [{"source": source, "reason": reason, "rows": rows} for source, reason, rows in found.quarantine],
        "findings": [
            {
                "code": one.code,
                "source": one.source,
                "column": one.column,
                "count": one.count,
                "text": sentence(one),
            }
            for one in sorted(found.findings, key=lambda one: (-one.count, one.source, one.column, one.code))
        ],
        "columns": [
            {
                "source": source,
                "column": column,
                "filled": filled,
                "missing": missing,
                "share_missing": round(missing / (filled + missing), 4) if filled + missing else 0.0,
            }
            for source, column, filled, missing in found.columns
        ],
    }


def destination_json(side: Side, people: bool) -> dict[str, Any]:
    last = side.counts.last_run
    found: dict[str, Any] = {
        "name": side.name,
        "platform": side.platform,
        "contacts": side.counts.contacts,
        "statuses": dict(side.statuses),
        "refused": side.counts.rejects,
        "read_until": side.counts.cursor.isoformat() if side.counts.cursor else None,
        "last_run": {"id": last.id, "at": last.started_at.isoformat(), "state": str(last.state)} if last else None,
        "targets": _targets(side),
        "blocked": [
            {
                "reason": one.reason,
                "text": gate.words(one.reason, side.platform),
                "contacts": one.contacts,
                "latest": one.since.isoformat() if one.since else None,
            }
            for one in side.blocked
        ],
    }
    if people:
        found["blocked_people"] = [{"email": one.email, "reason": one.reason} for one in side.people]
    return found


def _targets(side: Side) -> list[dict[str, Any]]:
    """Those that we have members in, and those that a segment is sent to."""
    held = {(str(kind), name): count for (kind, name), count in side.counts.members.items()}
    rows = []
    for target in (each for each in dict.fromkeys([*side.segments, *held]) if each not in side.hidden):
        moves, segment = side.moves.get(target), side.segments.get(target)
        rows.append(
            {
                "kind": target[0],
                "name": target[1],
                "segment": None if segment in side.stages else segment,
                "stage": segment in side.stages,
                "members": held.get(target, 0),
                "would_add": moves.adds if moves else 0,
                "would_remove": moves.removes if moves else 0,
            }
        )
    return rows
