"""HubSpot's other objects, of which the portal has none, and what contacts have to do with them.

Owns: which kinds of objects every HubSpot has; their empty pages and searches; associations, of which there are none.
Must not: keep an object or an association. Writing them is not rehearsed.

That a batch read tells of every record without associations as an error of its own (207) is what HubSpot does.
"""

from __future__ import annotations

from typing import Any

from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.hubspot.contacts import numbers
from connector.rehearsal.hubspot.wire import batch, error, inputs, mapping, number, refuse, whole_number

CONTACT = "contact"
# objectTypeId -> the singular name; the plural is a name, too.
_KINDS = {
    "0-1": CONTACT,
    "0-2": "company",
    "0-3": "deal",
    "0-5": "ticket",
    "0-7": "product",
    "0-8": "line_item",
    "0-14": "quote",
    "0-18": "communication",
    "0-19": "feedback_submission",
    "0-27": "task",
    "0-46": "note",
    "0-47": "meeting",
    "0-48": "call",
    "0-49": "email",
    "0-53": "invoice",
    "0-69": "subscription",
    "0-74": "goal_target",
    "0-84": "discount",
    "0-85": "fee",
    "0-86": "tax",
    "0-101": "commerce_payment",
    "0-115": "user",
    "0-116": "postal_mail",
    "0-123": "order",
    "0-136": "lead",
    "0-142": "cart",
    "0-162": "service",
    "0-410": "course",
    "0-420": "listing",
    "0-421": "appointment",
}
_PLURALS = {"company": "companies", "tax": "taxes", "postal_mail": "postal_mail"}
_BY_NAME = {
    name: kind
    for key, kind in _KINDS.items()
    for name in (key, kind, _PLURALS.get(kind, f"{kind}s"))
}  # fmt: skip


def routes(base: str) -> list[Route]:
    """`base` is of contacts and other objects alike, for instance /crm/v3/objects."""
    kind = base + "/{objectType}"
    return [
        Route("GET", kind, _page),
        Route("POST", f"{kind}/search", _search, False),
        Route("POST", f"{kind}/batch/read", _batch_read, False),
        Route("GET", kind + "/{objectId}", _read),
        *of_one(base),
        Route("POST", kind, _not_here),
        Route("POST", f"{kind}/batch/" + "{action}", _not_here),
        Route("PATCH", kind + "/{objectId}", _not_here),
        Route("DELETE", kind + "/{objectId}", _not_here),
    ]


def of_one(base: str) -> list[Route]:
    return [Route("GET", base + "/{from}/{contactId}/associations/{toObjectType}", _associations)]


def association_routes(base: str) -> list[Route]:
    pair = base + "/{from}/{toObjectType}/batch"
    return [
        Route("POST", f"{pair}/read", _read_associations, False),
        Route("POST", f"{pair}/" + "{action}", _not_here),
    ]


def kind_of(name: str) -> str:
    """The kind of object that a path or a parameter names, by its singular, plural or id. Raises Refusal."""
    found = _BY_NAME.get(name.lower())
    if found is None:
        raise refuse(400, f"Unable to infer object type from: {name}")
    return found


def _other(request: Request) -> str:
    """The kind in the path, which is not that of contacts: those have endpoints of their own. Raises Refusal."""
    found = kind_of(request.params["objectType"])
    if found == CONTACT:
        raise refuse(501, _absent(request))
    return found


def _absent(request: Request) -> str:
    return f"The rehearsal does not have this endpoint: {request.method} {request.path}"


def _not_here(world: World, request: Request) -> Response:
    return error(501, _absent(request))


def _page(world: World, request: Request) -> Response:
    _other(request)
    whole_number(request, "limit", 10, 100)
    return Response(body={"results": []})


def _search(world: World, request: Request) -> Response:
    _other(request)
    mapping(request.json())
    return Response(body={"total": 0, "results": []})


def _read(world: World, request: Request) -> Response:
    _other(request)
    return error(404, "resource not found")


def _batch_read(world: World, request: Request) -> Response:
    kind = _other(request).upper()
    ids = [str(mapping(each).get("id", "")) for each in inputs(request)]
    text = f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid."
    return batch(world, [], [_missing(text, {"ids": ids})] if ids else [])


def _associations(world: World, request: Request) -> Response:
    """Of one contact with objects of a kind."""
    kind_of(request.params["toObjectType"])
    wanted = request.params["contactId"]
    if kind_of(request.params["from"]) != CONTACT or wanted not in numbers(world, [wanted], ""):
        return error(404, "resource not found")
    return Response(body={"results": []})


def _read_associations(world: World, request: Request) -> Response:
    here, there = (kind_of(request.params[name]) for name in ("from", "toObjectType"))
    ids = [str(number(mapping(each).get("id", ""), "id")) for each in inputs(request)]
    return batch(world, [], [_alone(here, each, there) for each in dict.fromkeys(ids)])


def _alone(here: str, key: str, there: str) -> dict[str, Any]:
    context = {"fromObjectId": [key], "fromObjectType": [here], "toObjectType": [there]}
    told = _missing(f"No {there} is associated with {here} {key}.", context)
    return told | {"subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}


def _missing(message: str, context: dict[str, list[str]]) -> dict[str, Any]:
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": context}
