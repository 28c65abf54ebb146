"""Contacts of the rehearsed Brevo, one at a time and in pages.

Owns: /v3/contacts and /v3/contacts/{identifier}. Must not: hold rules of lists (lists) or values (attributes).

`POST /contacts/batch` is not served: it was retired on 2026-10-30 (changelog of 2026-05-12).
"""

from __future__ import annotations

import re
from typing import Any

from connector.rehearsal.brevo import attributes, store, wire
from connector.rehearsal.core.world import Request, Response, Route, World

PAGE, MOST = 50, 1000
MOST_IDS = 20
_PHONE = re.compile(r"(\+|00)?[1-9]([ ()./-]*\d){6,14}")


def routes() -> list[Route]:
    return [
        Route("GET", "/v3/contacts", _page),
        Route("POST", "/v3/contacts", _create),
        Route("GET", "/v3/contacts/{identifier}", _get),
        Route("PUT", "/v3/contacts/{identifier}", _update),
        Route("DELETE", "/v3/contacts/{identifier}", _delete),
    ]


# -- reading ------------------------------------------------------------------------------------------------------


def _page(world: World, request: Request) -> Response:
    limit, offset, sort = wire.page(request, PAGE, MOST)
    for name in ("filter", "segmentId", "listIds"):
        if name in request.query:
            raise wire.refuse(wire.INVALID, f"{name} is not rehearsed")
    conditions, values = ["1"], list[Any]()
    for name, column in (("modifiedSince", "modified"), ("createdSince", "created")):
        if since := wire.moment(request, name):
            conditions.append(f"c.{column} > ?")
            values.append(since)
    if "ids" in request.query:
        keys = _ids(request)
        conditions.append(f"c.id IN ({','.join('?' * len(keys))})")
        values += keys
    where = f"WHERE {' AND '.join(conditions)}"
    (count,) = world.db.execute(f"SELECT count(*) FROM bv_contact c {where}", values).fetchone()
    found = store.contacts(world.db, where, [*values, limit, offset], f"ORDER BY c.id {sort} LIMIT ? OFFSET ?")
    return Response(200, {"contacts": [wire.contact(row) for row in found], "count": count})


def _ids(request: Request) -> list[int]:
    texts = [text for value in request.query["ids"] for text in value.split(",")]
    if len(texts) > MOST_IDS:
        raise wire.refuse(wire.RANGE, f"At most {MOST_IDS} ids are allowed")
    return [wire.whole(text) for text in texts]


def _find(world: World, request: Request) -> dict[str, Any]:
    text, kind = request.params["identifier"], request.first("identifierType")
    if kind not in ("", "email_id", "contact_id"):
        raise wire.refuse(wire.INVALID, "Invalid identifierType")
    if kind == "email_id" or (not kind and "@" in text):
        found = store.one(world.db, "email", wire.clean(text))
    elif text.isdigit():
        found = store.one(world.db, "id", int(text))
    else:
        raise wire.refuse(wire.INVALID, "Invalid identifier")
    if found is None:
        raise wire.absent("Contact")
    return found


def _get(world: World, request: Request) -> Response:
    return Response(200, wire.contact(_find(world, request)) | {"statistics": {}})


# -- writing ------------------------------------------------------------------------------------------------------


def _create(world: World, request: Request) -> Response:
    """201 and the new id, or 204 for one that was updated. `emailBlacklisted: false` lifts a blocklisting."""
    given, now = wire.body(request), wire.stamp(world.now())
    email = wire.clean(given.get("email"))
    if not email:
        raise wire.refuse(wire.MISSING, "Email is missing")
    if not wire.plausible(email):
        raise wire.refuse(wire.INVALID, "Invalid email address")
    lists = _lists(world, given.get("listIds"), "listIds")
    held = store.one(world.db, "email", email)
    if held and not given.get("updateEnabled"):
        message = "Unable to create contact, email is already associated with another Contact"
        raise wire.refuse(wire.DUPLICATE, message, metadata={"duplicate_identifiers": ["email"]})
    values = _values(world, held or {"id": 0, "attributes": {}}, given)
    key = held["id"] if held else store.create(world.db, email, values, now)
    store.write(world.db, key, values, now)
    _flags(world, key, given, now)
    for list_id in lists:
        store.join(world.db, list_id, [key], now)
    return Response(204) if held else Response(201, {"id": key})


def _update(world: World, request: Request) -> Response:
    found, given, now = _find(world, request), wire.body(request), wire.stamp(world.now())
    join, part = (_lists(world, given.get(name), name) for name in ("listIds", "unlinkListIds"))
    values = _values(world, found, given)
    if email := wire.clean((given.get("attributes") or {}).get("EMAIL")):
        _rename(world, found, email, now)
    store.write(world.db, found["id"], values, now)
    _flags(world, found["id"], given, now)
    for list_id in join:
        store.join(world.db, list_id, [found["id"]], now)
    for list_id in part:
        store.part(world.db, list_id, [found["id"]], now)
    return Response(204)


def _rename(world: World, found: dict[str, Any], email: str, now: str) -> None:
    if not wire.plausible(email):
        raise wire.refuse(wire.INVALID, "Invalid email address")
    other = store.one(world.db, "email", email)
    if other and other["id"] != found["id"]:
        message = "Unable to update contact, email is already associated with another Contact"
        raise wire.refuse(wire.DUPLICATE, message, metadata={"duplicate_identifiers": ["email"]})
    if not other:
        store.rename(world.db, found["id"], email, now)


def _values(world: World, held: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    written = given.get("attributes") or {}
    if not isinstance(written, dict):
        raise wire.refuse(wire.INVALID, "attributes should be an object")
    if (phone := written.get("SMS")) and not _PHONE.fullmatch(str(phone)):
        raise wire.refuse(wire.INVALID, "Invalid phone number")
    values = attributes.merged(attributes.definitions(world.db), held["attributes"], written)
    if phone and phone_taken(world, values["SMS"], held["id"]):
        message = "SMS is already associated with another Contact"
        raise wire.refuse(wire.DUPLICATE, message, metadata={"duplicate_identifiers": ["SMS"]})
    return values


def phone_taken(world: World, phone: str, but: int) -> bool:
    query = "SELECT 1 FROM bv_contact WHERE json_extract(attributes, '$.SMS') = ? AND id <> ?"
    return world.db.execute(query, (phone, but)).fetchone() is not None


def _flags(world: World, key: int, given: dict[str, Any], now: str) -> None:
    blocked = given.get("emailBlacklisted")
    if blocked is not None:
        if not isinstance(blocked, bool):
            raise wire.refuse(wire.INVALID, "emailBlacklisted should be boolean")
        store.block(world.db, key, blocked, now)


def _lists(world: World, value: Any, name: str) -> list[int]:
    keys = wire.ids(value, name)
    if any(not store.exists(world.db, "list", key) for key in keys):
        raise wire.refuse(wire.INVALID, f"{name}: list does not exist")
    return keys


def _delete(world: World, request: Request) -> Response:
    store.delete(world.db, _find(world, request)["id"])
    return Response(204)
