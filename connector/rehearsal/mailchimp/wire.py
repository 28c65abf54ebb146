"""How the rehearsed Mailchimp speaks: problem documents, times, paging, field selection.

Owns: shapes that every Mailchimp endpoint shares. Must not: hold rules about members or tags.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, World

PAGE, MAX_PAGE = 10, 1000
_TITLES = {
    400: "Bad Request",
    401: "API Key Invalid",
    402: "Payment Required",
    403: "Forbidden",
    404: "Resource Not Found",
    405: "Method Not Allowed",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
Tree = dict[str, "Tree"]


def problem(status: int, detail: str = "", title: str = "", errors: Iterable[tuple[str, str]] = ()) -> Response:
    """An application/problem+json answer. `errors` are (field, message), as Invalid Resource carries them."""
    title = title or _TITLES.get(status, "Error")
    body: dict[str, Any] = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": detail or f"{title}.",
        "instance": str(uuid.uuid4()),
    }
    if rows := [{"field": field, "message": message} for field, message in errors]:
        body["errors"] = rows
    return Response(status, body, {"content-type": "application/problem+json; charset=utf-8"})


def invalid(*errors: tuple[str, str], detail: str = "") -> Refusal:
    """The request as a whole does not fit its schema; nothing of it is applied."""
    text = detail or "The resource submitted could not be validated; the errors array has the details."
    return Refusal(problem(400, text, "Invalid Resource", errors))


def not_found() -> Refusal:
    return Refusal(problem(404, "The requested resource could not be found."))


def stamp(instant: datetime) -> str:
    """2026-11-21T20:29:00+00:00: Mailchimp's times have whole seconds."""
    return instant.astimezone(UTC).replace(microsecond=0).isoformat()


def parse_time(text: str, field: str) -> str:
    """A client's ISO 8601 time as stamp() writes it, so that texts compare as times. Refuses anything else."""
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError:
        raise invalid((field, "This value is not an ISO 8601 date and time.")) from None
    return stamp(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def subscriber_hash(email: str) -> str:
    """MD5 of the lower-case address: Mailchimp's id of a member."""
    return md5(email.strip().lower())


def page(request: Request) -> tuple[int, int]:
    """(count, offset). A count above 1000 is silently cut to 1000."""
    return min(_number(request, "count", PAGE), MAX_PAGE), _number(request, "offset", 0)


def _number(request: Request, name: str, default: int) -> int:
    text = request.first(name)
    if not text:
        return default
    if not text.isdigit():
        raise invalid((name, "This value should be a non-negative integer."))
    return int(text)


def flag(request: Request, name: str) -> bool:
    """A boolean query parameter; clients write true, True or 1."""
    return request.first(name).lower() in ("true", "1", "yes")


def select(request: Request, body: dict[str, Any]) -> Response:
    """The answer cut down to `fields`, or without `exclude_fields` (dot notation)."""
    keep, drop = _tree(request.query.get("fields", [])), _tree(request.query.get("exclude_fields", []))
    if keep:
        body = _keep(body, keep)
    elif drop:
        body = _drop(body, drop)
    return Response(body=body)


def _tree(values: Sequence[str]) -> Tree:
    tree: Tree = {}
    for path in filter(None, ",".join(values).split(",")):
        node = tree
        for part in path.strip().split("."):
            node = node.setdefault(part, {})
    return tree


def _keep(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_keep(item, tree) for item in value]
    if not isinstance(value, dict) or not tree:
        return value
    return {name: _keep(value[name], below) for name, below in tree.items() if name in value}


def _drop(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_drop(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _drop(item, tree[name]) if name in tree else item
        for name, item in value.items()
        if name not in tree or tree[name]
    }


def body_object(request: Request, *required: str) -> dict[str, Any]:
    """The body as an object that has `required`."""
    body = request.json()
    if not isinstance(body, dict):
        raise invalid(("", "Schema describes object, another type was found instead."))
    if missing := [name for name in required if name not in body]:
        raise invalid(*((name, "Required field missing.") for name in missing))
    return body


def strings(body: dict[str, Any], name: str, most: int) -> list[str]:
    """A list of at most `most` texts in the body, [] when it is not there."""
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid((name, "Schema describes an array of strings."))
    if len(values) > most:
        raise invalid((name, f"This collection should contain {most} elements or less."))
    return values


def audience(world: World, request: Request) -> str:
    """The id of the audience in the path, which must exist."""
    list_id = request.params["list_id"]
    if not world.db.execute("SELECT 1 FROM mc_lists WHERE id = ?", (list_id,)).fetchone():
        raise not_found()
    return list_id
