"""What every HubSpot answer has in common: the error envelope, batch answers, times, paging.

Owns: shapes. Must not: read or write the state file.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from connector.rehearsal.core.world import Handler, Refusal, Request, Response, World

VERSIONS = frozenset({"v3", "v4", "2025-09", "2026-03", "2026-09"})
BATCH_CAP = 100

CATEGORIES = {
    400: "VALIDATION_ERROR",
    401: "INVALID_AUTHENTICATION",
    402: "PAYMENT_REQUIRED",
    403: "MISSING_SCOPES",
    404: "OBJECT_NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    429: "RATE_LIMITS",
    500: "INTERNAL_ERROR",
    503: "SERVICE_UNAVAILABLE",
}


@dataclass(frozen=True)
class Trouble(Exception):
    """Why one record cannot be written. `whole`: it refuses a batch even where others may pass."""

    status: int
    message: str
    details: tuple[dict[str, Any], ...] = ()
    context: dict[str, list[str]] = field(default_factory=dict)
    whole: bool = False

    def response(self) -> Response:
        return error(self.status, self.message, errors=self.details)

    def standard(self, context: dict[str, list[str]]) -> dict[str, Any]:
        """The trouble as an entry of a batch answer's errors."""
        return {
            "status": "error",
            "category": CATEGORIES[self.status],
            "message": self.message,
            "context": self.context | context,
            "errors": list(self.details),
            "links": {},
        }


def error(
    status: int, message: str = "", *, errors: Sequence[dict[str, Any]] = (), sub_category: str = "", **more: Any
) -> Response:
    """HubSpot's error envelope."""
    body: dict[str, Any] = {
        "status": "error",
        "message": message or CATEGORIES.get(status, "error").replace("_", " ").capitalize(),
        "correlationId": str(uuid.uuid4()),
        "category": CATEGORIES.get(status, "VALIDATION_ERROR"),
    }
    if errors:
        body["errors"] = list(errors)
    if sub_category:
        body["subCategory"] = sub_category
    return Response(status, body | more)


def refuse(status: int, message: str, **more: Any) -> Refusal:
    return Refusal(error(status, message, **more))


def versioned(handler: Handler) -> Handler:
    """The handler, for known versions in the path only."""

    def handle(world: World, request: Request) -> Response:
        if request.params.get("version", "v3") not in VERSIONS:
            raise refuse(404, "Unknown API version.")
        return handler(world, request)

    return handle


def iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object of the request. Raises Refusal."""
    if not isinstance(value, dict):
        raise refuse(400, "Invalid input JSON: an object was expected.")
    return value


def inputs(request: Request, cap: int = BATCH_CAP) -> list[Any]:
    """`inputs` of a batch request, within the cap. Raises Refusal."""
    found = mapping(request.json()).get("inputs")
    if not isinstance(found, list):
        raise refuse(400, "Some required fields were not set: [inputs]")
    if len(found) > cap:
        raise refuse(400, f"The maximum number of inputs in a batch request is {cap}, this one has {len(found)}.")
    return found


def batch(world: World, results: list[Any], errors: Sequence[dict[str, Any]] = (), status: int = 200) -> Response:
    """A batch answer: `status`, or 207 when some records failed."""
    at = iso(world.now())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": at, "completedAt": at}
    if not errors:
        return Response(status, body)
    return Response(207, body | {"numErrors": len(errors), "errors": list(errors)})


def number(value: Any, name: str) -> int:
    """A whole number of a body or path. Raises Refusal."""
    if not str(value).isdigit():
        raise refuse(400, f"{name} must be a whole number.")
    return int(value)


def whole_number(request: Request, name: str, default: int, most: int, least: int = 1) -> int:
    """A number of the query within bounds. Raises Refusal."""
    value = request.first(name, str(default))
    if not value.isdigit() or not least <= int(value) <= most:
        raise refuse(400, f"{name} must be a whole number from {least} to {most}.")
    return int(value)


def next_page(request: Request, after: str) -> dict[str, Any]:
    """`paging` of a page that is not the last; its link is the same request from there on."""
    query = urlencode({**request.query, "after": [after]}, doseq=True)
    return {"next": {"after": after, "link": f"{request.base_url}{request.path}?{query}"}}


def names(request: Request, key: str) -> list[str]:
    """A list in the query, repeated or with commas."""
    return [name for value in request.query.get(key, []) for name in value.split(",") if name]
