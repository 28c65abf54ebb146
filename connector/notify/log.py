"""What happens as JSON, one object per line, for `--log-format json`.

Owns: its keys ("connector.log/1" in docs/operations.md). Must not: print, or let an address or a key through.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from connector.core.events import Event, Notice, Progress, RequestSent, Waiting
from connector.core.scrub import scrub

_LONGEST = 1000


def said(text: str) -> str:
    """A text for people."""
    level = "error" if text.startswith("error:") or ": error[" in text else "info"
    return _line(level, "message", message=scrub(text, _LONGEST))


def happened(event: Event) -> str:
    """An event of a command."""
    if isinstance(event, RequestSent):
        return _line(
            "info" if event.status and event.status < 400 else "warning",
            "request",
            destination=event.destination,
            method=event.method,
            path=scrub(event.path, _LONGEST),
            status=event.status,
            seconds=round(event.seconds, 3),
            writes=event.writes,
            attempt=event.attempt,
        )
    if isinstance(event, Waiting):
        waited = {"seconds": round(event.seconds, 3), "why": scrub(event.why)}
        return _line("info", "waiting", destination=event.destination, **waited)
    if isinstance(event, Progress):
        if event.total is None or event.done < event.total:
            return ""
        return _line("info", "step", destination=event.destination, step=scrub(event.step), records=event.done)
    assert isinstance(event, Notice)
    return _line("warning", "notice", destination=event.destination, message=scrub(event.text, _LONGEST))


def _line(level: str, event: str, **more: Any) -> str:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": at, "level": level, "event": event, **more}, ensure_ascii=False)
