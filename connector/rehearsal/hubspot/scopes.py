"""What a HubSpot token may do: the scopes of each endpoint (`security` of its specification, 2026-03).

Owns: which scopes a request needs, and the refusal. Must not: know what a request does.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.rehearsal.core.world import Request, Response, World, lacked
from connector.rehearsal.hubspot import wire

NAME = "hubspot"


def _needed(request: Request) -> list[str]:
    verb, path = "write" if request.writes else "read", request.template
    if path.startswith("/communication-preferences"):
        if "/batch/" in path:
            return [f"communication_preferences.statuses.batch.{verb}"]
        return [f"communication_preferences.{verb}"]
    if path.startswith("/crm/lists") or "/lists" in path:
        return [f"crm.lists.{verb}"]
    if "/properties" in path:
        return ["crm.schemas.contacts.write" if request.writes else "crm.objects.contacts.read"]
    return [f"crm.objects.contacts.{verb}"] if "/contacts" in path else []


def refusal(world: World, request: Request) -> Response | None:
    missing = [scope for scope in _needed(request) if scope in lacked(world, NAME)]
    return denied(missing) if missing else None


def denied(scopes: Sequence[str]) -> Response:
    context = {"requiredGranularScopes": list(scopes)}
    error = {"message": "One or more of these scopes are needed.", "code": "MISSING_SCOPES", "context": context}
    return wire.error(403, "This app does not have the scopes it needs.", errors=[error])
