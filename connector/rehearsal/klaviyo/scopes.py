"""What a Klaviyo key may do: the scopes of each endpoint (`x-klaviyo-scopes` of its specification, 2026-07-15).

Owns: which scopes a request needs, and the refusal. Must not: know what a request does.
"""

from __future__ import annotations

from connector.rehearsal.core.world import Request, Response, World, lacked
from connector.rehearsal.klaviyo import wire
from connector.rehearsal.klaviyo.wire import Trouble

NAME = "klaviyo"
_LISTED = frozenset({"profile-bulk-import-jobs"})  # need the scope of lists as well, whether or not they name one


def _needed(request: Request) -> list[str]:
    """Scopes are checked before the body is looked at."""
    verb = "read" if request.method == "GET" else "write"
    parts = request.template.strip("/").split("/")[1:]
    first, last = (parts[0], parts[-1]) if parts else ("", "")
    if first.startswith("profile-suppression"):
        suppresses = verb == "write" and "create" in first
        return [*(["profiles:write"] if suppresses else []), f"subscriptions:{verb}"]
    if first.startswith("profile-subscription"):
        return ["lists:write", "profiles:write", "subscriptions:write"]
    if first in _LISTED:
        return [f"profiles:{verb}"] if last in ("import-errors", "profiles") else [f"lists:{verb}", f"profiles:{verb}"]
    if first == "data-privacy-deletion-jobs":
        return ["data-privacy:write"]
    area = "profiles" if first.startswith("profile") else first
    also = [f"profiles:{verb}"] if area == "lists" and last == "profiles" else []
    also += [f"lists:{verb}"] if area == "profiles" and last == "lists" else []
    return [f"{area}:{verb}", *also]


def refusal(world: World, request: Request) -> Response | None:
    missing = [scope for scope in _needed(request) if scope in lacked(world, NAME)]
    if not missing:
        return None
    return wire.problem(403, Trouble(f"Your API key is missing required scopes: {', '.join(missing)}"))
