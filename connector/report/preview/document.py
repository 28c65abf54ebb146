"""The JSON document "connector.preview/1", from which text and page are made.

Owns: its keys. Must not: evaluate, or word anything.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from connector.report.values import as_json

if TYPE_CHECKING:
    from connector.config.sections.models import Config
    from connector.plan.against_ledger import Against
    from connector.segments.preview.funnel import Step
    from connector.segments.preview.look import Preview


def document(
    config: Config, found: Preview, changes: tuple[Against, ...], pushed_at: datetime | None, as_of: datetime
) -> dict[str, Any]:
    segment = config.segments[found.name]
    return {
        "schema": "connector.preview/1",
        "segment": found.name,
        "title": segment.title,
        "description": segment.description,
        "file": config.path.name,
        "line": config.place(("segments", found.name)).line,
        "timezone": config.timezone,
        "as_of": as_of.isoformat(),
        "contacts": found.contacts,
        "matches": found.matches,
        "members": found.members,
        "share": _share(found.members, found.contacts),
        "taken_by": list(found.taken_by) if found.matches > found.members else [],
        "decided": found.decided,
        "paused": segment.paused,
        "funnel": [_step(step, found.contacts) for step in found.steps],
        "sample": {
            "columns": list(found.columns),
            "rows": [[as_json(value) for value in row] for row in found.sample],
        },
        "pushed_at": as_json(pushed_at),
        "changes": [asdict(change) for change in changes],
        "notes": list(found.notes),
    }


def _step(step: Step, contacts: int) -> dict[str, Any]:
    removed = step.before - step.holds
    return {
        "condition": step.text,
        "line": step.line,
        "group": step.group,
        "before": step.before,
        "holds": step.holds,
        "after": step.after,
        "removed": removed,
        "removed_share": _share(removed, step.before),
        "alone": step.alone,
        "alone_removed_share": _share(contacts - step.alone, contacts),
        "only": step.only,
        "parts": [_step(part, contacts) for part in step.parts],
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
