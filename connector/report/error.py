"""How a command ended that could not do what it was asked, as one JSON document ("connector.error/1", docs/json.md).

Owns: its shape. Must not: decide an exit code, or show an address or a key.
"""

from __future__ import annotations

import re
from typing import Any

from connector.core.errors import ConnectorError, DestinationError, Unsafe, WithProblems

_COMMAND = re.compile(r"`(sync [^`]+)`|\b(sync (?:resume|undo|push|plan|abandon|cleanup|adopt)\b[^\n.;]*)")


def error_json(error: ConnectorError) -> dict[str, Any]:
    """`code` says what kind of trouble it is, `places` where it stands in the user's files, `next` what to type."""
    problems = error.problems if isinstance(error, WithProblems) else ()
    found = _COMMAND.search(f"{error}")
    return document(
        error.kind,
        f"{error}",
        error.exit_code,
        places=[problem.as_json() for problem in problems],
        guards=list(error.guards) if isinstance(error, Unsafe) else [],
        destinations=destinations(error),
        following=(found[1] or found[2]).strip() if found else None,
    )


def destinations(error: ConnectorError) -> dict[str, str]:
    """Destination -> what is wrong with it."""
    if not isinstance(error, DestinationError):
        return {}
    every = {error.destination: error, **error.also} if error.destination else error.also
    return {name: f"{one}" for name, one in every.items()}


def document(
    code: str,
    message: str,
    exit_code: int,
    *,
    places: list[dict[str, object]] | None = None,
    guards: list[str] | None = None,
    destinations: dict[str, str] | None = None,
    following: str | None = None,
) -> dict[str, Any]:
    error = {
        "code": code,
        "message": message,
        "places": places or [],
        "guards": guards or [],
        "destinations": destinations or {},
        "next": following,
    }
    return {"schema": "connector.error/1", "error": error, "exit_code": exit_code}
