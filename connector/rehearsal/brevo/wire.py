"""How the rehearsed Brevo writes: errors, pages, moments, contacts.

Owns: the shapes of answers and the reading of paging parameters. Must not: hold a rule of an endpoint, or write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connector.rehearsal.core import plan
from connector.rehearsal.core.world import Refusal, Request, Response

INVALID, MISSING, DUPLICATE = "invalid_parameter", "missing_parameter", "duplicate_parameter"
ABSENT, RANGE = "document_not_found", "out_of_range"
_EMAIL = re.compile(r"[^@\s,;<>()\[\]\"]+@(?:[^@\s.,;<>()\[\]\"]+\.)+[^@\s.,;<>()\[\]\"\d]{2,}")


def problem(status: int, code: str, message: str, **more: Any) -> Response:
    return Response(status, {"code": code, "message": message, **more})


def refuse(code: str, message: str, status: int = 400, **more: Any) -> Refusal:
    return Refusal(problem(status, code, message, **more))


def full() -> Response:
    """The account's plan holds no more contacts."""
    return problem(402, "not_enough_credits", plan.FULL)


def absent(what: str) -> Refusal:
    return refuse(ABSENT, f"{what} does not exist", 404)


def stamp(moment: datetime) -> str:
    """Such texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(request: Request, name: str) -> str:
    """A date-time of the query as a stamp, "" when it is not given."""
    text = request.first(name)
    if not text:
        return ""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise refuse(INVALID, f"Invalid {name} format") from None
    return stamp(found if found.tzinfo else found.replace(tzinfo=UTC))


def page(request: Request, default: int, most: int) -> tuple[int, int, str]:
    """limit, offset and the direction of sorting by creation."""
    limit, offset = _number(request, "limit", default), _number(request, "offset", 0)
    if limit > most:
        raise refuse(RANGE, f"Limit exceeds max value of {most}")
    sort = request.first("sort", "desc")
    if sort not in ("asc", "desc"):
        raise refuse(INVALID, "Invalid sort value, it should be asc or desc")
    return limit, offset, sort


def _number(request: Request, name: str, default: int) -> int:
    text = request.first(name, str(default))
    if not text.isdigit():
        raise refuse(INVALID, f"Invalid value for {name}")
    return int(text)


def body(request: Request) -> dict[str, Any]:
    found = request.json()
    if not isinstance(found, dict):
        raise refuse(INVALID, "Input must be a valid JSON object")
    return found


def ids(value: Any, name: str) -> list[int]:
    """A list of whole numbers in a body."""
    if value is None:
        return []
    if not isinstance(value, list) or any(isinstance(one, bool) or not isinstance(one, int) for one in value):
        raise refuse(INVALID, f"{name} should be an array of integers")
    return value


def whole(text: str) -> int:
    """A number in a path."""
    if not text.isdigit():
        raise refuse(INVALID, "Id should be an integer")
    return int(text)


def clean(email: Any) -> str:
    return str(email or "").strip().lower()


def plausible(email: Any) -> bool:
    """Is this one address? Those below .invalid are none."""
    text = clean(email)
    return bool(_EMAIL.fullmatch(text)) and len(text) <= 254 and ".." not in text and not text.endswith(".invalid")


def contact(row: Mapping[str, Any]) -> dict[str, Any]:
    """One contact of a page. `row` has attributes, joined and left as lists and dicts."""
    return {
        "email": row["email"],
        "id": row["id"],
        "emailBlacklisted": bool(row["blocked"]),
        "smsBlacklisted": False,
        "whatsappBlacklisted": False,
        "createdAt": row["created"],
        "modifiedAt": row["modified"],
        "listIds": row["joined"],
        "listUnsubscribed": row["left"],
        "attributes": row["attributes"],
    }
