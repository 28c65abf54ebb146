"""How the rehearsed Klaviyo speaks: JSON:API documents, errors, cursors, sparse fieldsets, filters.

Owns: shapes that every Klaviyo endpoint shares. Must not: hold rules about profiles, lists or jobs.
Facts are of 2026-11-21: developers.klaviyo.com, API revision 2026-07-15.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from connector.rehearsal.core import plan
from connector.rehearsal.core.world import Refusal, Request, Response

MEDIA = {"content-type": "application/vnd.api+json"}
_WORDS = {  # status -> code and title
    400: ("invalid", "Invalid input."),
    401: ("not_authenticated", "Authentication credentials were not provided."),
    402: ("payment_required", "Payment required."),
    403: ("permission_denied", "You do not have permission to perform this action."),
    404: ("not_found", "Not found."),
    405: ("method_not_allowed", "Method not allowed."),
    409: ("duplicate_profile", "Conflict."),
    410: ("revision_retired", "The revision is no longer available."),
    413: ("payload_too_large", "The payload is too large."),
    415: ("unsupported_media_type", "Unsupported media type."),
    429: ("throttled", "Request was throttled."),
    500: ("error", "A server error occurred."),
    503: ("service_unavailable", "Service unavailable."),
}
Condition = tuple[str, str, list[str]]  # operator, field, values


class Trouble(NamedTuple):
    """One entry of `errors`. `pointer` is into the body; `parameter` names a query parameter."""

    detail: str
    pointer: str = ""
    parameter: str = ""
    code: str = ""
    title: str = ""
    meta: Mapping[str, str] = {}


def problem(status: int, *troubles: Trouble) -> Response:
    """An error answer, one entry per trouble."""
    return Response(status, {"errors": [_entry(status, trouble) for trouble in troubles]}, dict(MEDIA))


def _entry(status: int, trouble: Trouble) -> dict[str, Any]:
    code, title = _WORDS.get(status, ("error", "Error."))
    source = {"parameter": trouble.parameter} if trouble.parameter else {"pointer": trouble.pointer or "/data"}
    return {
        "id": str(uuid.uuid4()),
        "status": status,
        "code": trouble.code or code,
        "title": trouble.title or title,
        "detail": trouble.detail or title,
        "source": source,
        "links": {},
        "meta": dict(trouble.meta),
    }


def full() -> Response:
    """The account's plan holds no more profiles."""
    return problem(402, Trouble(plan.FULL))


def invalid(*troubles: Trouble) -> Refusal:
    return Refusal(problem(400, *troubles))


def bad_parameter(name: str, detail: str) -> Refusal:
    return invalid(Trouble(detail, parameter=name))


def missing(what: str, key: str) -> Refusal:
    return Refusal(problem(404, Trouble(f"A {what} with id {key} does not exist.")))


def stamp(instant: datetime) -> str:
    """2026-11-21T20:29:00.000000+00:00: of one width, so that texts compare as times."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def instant(text: str) -> datetime:
    """What stamp() wrote."""
    return datetime.fromisoformat(text)


# -- documents ----------------------------------------------------------------------------------------------------


def body_data(request: Request, kind: str) -> dict[str, Any]:
    """`data` of the body, an object of this type. Refuses anything else."""
    data = _member(request.json(), "data", "/data")
    _expect(isinstance(data, dict), "An object is expected.", "/data")
    _expect(data.get("type") == kind, f"The type must be '{kind}'.", "/data/type")
    _expect(isinstance(data.get("attributes", {}), dict), "An object is expected.", "/data/attributes")
    return dict(data)


def body_ids(request: Request, kind: str, most: int) -> list[str]:
    """Ids of `data`, a list of resource identifiers."""
    data = _member(request.json(), "data", "/data")
    _expect(isinstance(data, list) and bool(data), "A list of resource identifiers is expected.", "/data")
    _expect(len(data) <= most, f"At most {most} items are accepted.", "/data")
    for index, one in enumerate(data):
        fits = isinstance(one, dict) and one.get("type") == kind and isinstance(one.get("id"), str)
        _expect(fits, f"Type '{kind}' and an id are required.", f"/data/{index}")
    return [one["id"] for one in data]


def _member(body: Any, name: str, pointer: str) -> Any:
    if not isinstance(body, dict) or name not in body:
        raise invalid(Trouble(f"'{name}' is a required field.", pointer))
    return body[name]


def _expect(holds: bool, detail: str, pointer: str) -> None:
    if not holds:
        raise invalid(Trouble(detail, pointer))


def resource(request: Request, kind: str, key: str, attributes: dict[str, Any], path: str = "") -> dict[str, Any]:
    """A JSON:API object; only the attributes that fields[kind] asks for."""
    link = f"{request.base_url}/api/{path or kind + 's'}/{key}"
    return {"type": kind, "id": key, "attributes": sparse(request, kind, attributes), "links": {"self": link}}


def sparse(request: Request, kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
    wanted = words(request, f"fields[{kind}]")
    if not wanted:
        return attributes
    if unknown := [part for part in wanted if part.split(".")[0] not in attributes]:
        raise bad_parameter(f"fields[{kind}]", f"'{unknown[0]}' is not a valid field for the resource '{kind}'.")
    return {name: value for name, value in attributes.items() if any(part.split(".")[0] == name for part in wanted)}


def words(request: Request, name: str) -> list[str]:
    """A list parameter, written with commas or repeated."""
    return [word.strip() for value in request.query.get(name, []) for word in value.split(",") if word.strip()]


def one(data: dict[str, Any], status: int = 200) -> Response:
    body = {"data": data, "links": {"self": data["links"]["self"]}} if "links" in data else {"data": data}
    return Response(status, body, dict(MEDIA))


def many(request: Request, data: Sequence[dict[str, Any]], following: str = "", **more: Any) -> Response:
    """A page; `following` is the cursor of the next one."""
    links = {"self": _link(request, request.first("page[cursor]"))}
    if following:
        links["next"] = _link(request, following)
    return Response(200, {"data": list(data), "links": links} | more, dict(MEDIA))


def _link(request: Request, cursor: str) -> str:
    query = {name: values for name, values in request.query.items() if name != "page[cursor]"}
    query |= {"page[cursor]": [cursor]} if cursor else {}
    text = urlencode(query, doseq=True)
    return f"{request.base_url}{request.path}" + (f"?{text}" if text else "")


# -- paging -------------------------------------------------------------------------------------------------------


def page_size(request: Request, default: int, most: int) -> int:
    text = request.first("page[size]") or str(default)
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise bad_parameter("page[size]", f"Page size must be an integer between 1 and {most}.")
    return int(text)


def cursor(*key: str | int) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def position(request: Request) -> list[Any] | None:
    """What cursor() wrote, or None on the first page. A whole links.next is no cursor.

    Klaviyo's own Python client cuts the cursor out of links.next together with the sign "=" before it."""
    text = request.first("page[cursor]").lstrip("=")
    if not text:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        key = None
    if not isinstance(key, list):
        raise bad_parameter("page[cursor]", "Invalid cursor.")
    return key


def sort_key(request: Request, allowed: Mapping[str, str], default: str) -> tuple[str, bool]:
    """(what to sort by, descending)."""
    text = request.first("sort")
    if not text:
        return default, False
    if text.lstrip("-") not in allowed:
        raise bad_parameter("sort", f"'{text}' is not a valid sort field.")
    return allowed[text.lstrip("-")], text.startswith("-")


# -- filters ------------------------------------------------------------------------------------------------------

_TOKEN = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([\[\](),])|([^\s\[\](),"']+))""")


def conditions(request: Request, allowed: Mapping[str, Iterable[str]]) -> list[Condition]:
    """`filter` as a list of which all must hold. `allowed`: field -> operators."""
    text = request.first("filter")
    if not text:
        return []
    try:
        found = list(_and(list(_tokens(text))))
    except (ValueError, IndexError):
        raise bad_parameter("filter", "The filter provided is not valid.") from None
    for operator, field, values in found:
        if operator not in allowed.get(field, ()):
            raise bad_parameter("filter", f"'{operator}' on '{field}' is not an allowed filter.")
        if len(values) > 100:
            raise bad_parameter("filter", "At most 100 values may be used in a filter.")
        if operator.startswith(("greater", "less")):
            seconds = field == "timestamp" and values[0].isdigit()
            values[0] = stamp(datetime.fromtimestamp(int(values[0]), UTC)) if seconds else _time(values[0])
    return found


def any_of(text: str, field: str) -> list[str] | None:
    """The values of `contains-any(field,[…])` in the body of a report; None without a filter."""
    if not text:
        return None
    try:
        found = list(_and(list(_tokens(text))))
    except (ValueError, IndexError):
        found = []
    if len(found) != 1 or found[0][:2] != ("contains-any", field) or len(found[0][2]) > 100:
        raise invalid(Trouble("The filter provided is not valid.", "/data/attributes/filter"))
    return found[0][2]


def _time(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise bad_parameter("filter", "A datetime is expected, for example 2026-11-21T00:00:00Z.") from None
    return stamp(instant if instant.tzinfo else instant.replace(tzinfo=UTC))


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if not found:
            raise ValueError(text)
        at = found.end()
        yield found[0].strip()


def _and(tokens: list[str]) -> Iterator[Condition]:
    """operator(field,value), joined by commas or by and(…)."""
    while tokens:
        operator = tokens.pop(0)
        _take(tokens, "(")
        if operator == "and":
            depth, inner = 1, []
            while depth:
                inner.append(tokens.pop(0))
                depth += {"(": 1, ")": -1}.get(inner[-1], 0)
            yield from _and(inner[:-1])
        else:
            field = tokens.pop(0)
            _take(tokens, ",")
            yield operator, field, _values(tokens)
            _take(tokens, ")")
        if tokens:
            _take(tokens, ",")


def _values(tokens: list[str]) -> list[str]:
    if tokens[0] != "[":
        return [_plain(tokens.pop(0))]
    tokens.pop(0)
    values = []
    while tokens[0] != "]":
        values.append(_plain(tokens.pop(0)))
        if tokens[0] == ",":
            tokens.pop(0)
    tokens.pop(0)
    return values


def _plain(token: str) -> str:
    if token in "[](),":
        raise ValueError(token)
    return re.sub(r"\\(.)", r"\1", token[1:-1]) if token[0] in "\"'" else token


def _take(tokens: list[str], sign: str) -> None:
    if tokens.pop(0) != sign:
        raise ValueError(sign)
