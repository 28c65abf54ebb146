"""What `sync doctor` found of each destination.

Owns: its words. Must not: call a platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Health:
    """One destination. `problems` are sentences that say what to do; empty when all is well. `code` is the exit code
    that a push would end with because of them; `notes` are no problems."""

    destination: str
    platform: str
    account: str
    detail: str
    problems: tuple[str, ...]
    code: int = 0
    notes: tuple[str, ...] = ()  # what could not be looked at


def doctor_json(found: Sequence[Health]) -> dict[str, Any]:
    return {
        "schema": "connector.doctor/1",
        "destinations": [
            {
                "name": item.destination,
                "platform": item.platform,
                "account": item.account,
                "detail": item.detail,
                "problems": list(item.problems),
                "notes": list(item.notes),
            }
            for item in found
        ],
    }


def doctor_text(found: Sequence[Health]) -> str:
    lines = []
    for item in found:
        state = "ok" if not item.problems else f"{len(item.problems)} to mend"
        lines.append(f"{item.destination} ({item.platform}): {state}")
        about = ", ".join(part for part in (item.account, item.detail) if part)
        lines += [f"  {about}"] if about else []
        lines += [f"  - {problem}" for problem in item.problems]
        lines += [f"  {note}" for note in item.notes]
    return "\n".join(lines)
