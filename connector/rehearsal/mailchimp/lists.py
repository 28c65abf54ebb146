"""Audiences and their merge fields, as the rehearsed Mailchimp keeps them.

Owns: /lists, /lists/{id}, /lists/{id}/merge-fields; the tables mc_lists and mc_fields. Must not: touch members.
"""

from __future__ import annotations

import json
import re
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, Route, World
from connector.rehearsal.mailchimp import wire

TYPES = (
    "text",
    "number",
    "address",
    "phone",
    "date",
    "url",
    "imageurl",
    "radio",
    "dropdown",
    "birthday",
    "zip",
)
TAG_LENGTH, MOST_FIELDS = 10, 80
SCHEMA = """
CREATE TABLE IF NOT EXISTS mc_lists(number INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, created TEXT, doc TEXT);
CREATE TABLE IF NOT EXISTS mc_fields(list_id TEXT, merge_id INTEGER, tag TEXT, doc TEXT, PRIMARY KEY(list_id, tag));
"""
_REQUIRED = ("name", "contact", "permission_reminder", "campaign_defaults", "email_type_option")
_CONTACT = ("company", "address1", "city", "country")


def routes() -> list[Route]:
    return [
        Route("GET", "/3.0/lists", get_lists),
        Route("POST", "/3.0/lists", post_list),
        Route("GET", "/3.0/lists/{list_id}", get_list),
        Route("PATCH", "/3.0/lists/{list_id}", patch_list),
        Route("DELETE", "/3.0/lists/{list_id}", delete_list),
        Route("GET", "/3.0/lists/{list_id}/merge-fields", get_fields),
        Route("POST", "/3.0/lists/{list_id}/merge-fields", post_field),
        Route("GET", "/3.0/lists/{list_id}/merge-fields/{merge_id}", get_field),
        Route("PATCH", "/3.0/lists/{list_id}/merge-fields/{merge_id}", patch_field),
        Route("DELETE", "/3.0/lists/{list_id}/merge-fields/{merge_id}", delete_field),
    ]


def create(world: World, body: dict[str, Any]) -> str:
    """A new audience with FNAME and LNAME; its id."""
    (number,) = world.db.execute("SELECT coalesce(max(number), 0) + 1 FROM mc_lists").fetchone()
    list_id = wire.md5(f"audience {number}")[:10]
    world.db.execute(
        "INSERT INTO mc_lists VALUES (?, ?, ?, ?, ?)",
        (number, list_id, str(body["name"]), wire.stamp(world.now()), json.dumps(body)),
    )
    for tag, name in (("FNAME", "First Name"), ("LNAME", "Last Name")):
        add_field(world, list_id, {"tag": tag, "name": name, "type": "text"})
    return list_id


def add_field(world: World, list_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """A new merge field; refuses a tag that is taken or too long."""
    known = fields_of(world, list_id)
    (number,) = world.db.execute(
        "SELECT coalesce(max(merge_id), 0) + 1 FROM mc_fields WHERE list_id = ?", (list_id,)
    ).fetchone()
    tag = str(body.get("tag") or f"MMERGE{number}").upper()
    if body["type"] not in TYPES:
        raise wire.invalid(("type", "Data presented is not one of the accepted values."))
    if len(tag) > TAG_LENGTH or not re.fullmatch(r"\w+", tag):
        raise wire.invalid(("tag", f"A merge tag has at most {TAG_LENGTH} letters, digits or underscores."))
    if not isinstance(body.get("display_order") or 0, int) or not isinstance(body.get("options") or {}, dict):
        raise wire.invalid(("", "A display_order is an integer, options are an object."))
    if tag in known or len(known) >= MOST_FIELDS:
        taken = f'A Merge Field with the tag "{tag}" already exists for this list.'
        raise Refusal(wire.problem(400, taken if tag in known else "This list has the most merge fields it can have."))
    doc = {
        "merge_id": number,
        "tag": tag,
        "name": str(body["name"]),
        "type": body["type"],
        "required": bool(body.get("required", False)),
        "default_value": str(body.get("default_value", "")),
        "public": bool(body.get("public", False)),
        "display_order": int(body.get("display_order") or number + 1),
        "options": body.get("options") or {},
        "help_text": str(body.get("help_text", "")),
        "list_id": list_id,
    }
    world.db.execute("INSERT INTO mc_fields VALUES (?, ?, ?, ?)", (list_id, number, tag, json.dumps(doc)))
    return doc


def fields_of(world: World, list_id: str) -> dict[str, dict[str, Any]]:
    """Merge tag -> the field's document, in order of creation."""
    rows = world.db.execute("SELECT tag, doc FROM mc_fields WHERE list_id = ? ORDER BY merge_id", (list_id,))
    return {tag: json.loads(doc) for tag, doc in rows}


def get_lists(world: World, request: Request) -> Response:
    count, offset = wire.page(request)
    rows = world.db.execute("SELECT id FROM mc_lists ORDER BY number").fetchall()
    if email := request.first("email"):
        where = {
            list_id
            for (list_id,) in world.db.execute(
                "SELECT list_id FROM mc_members WHERE hash = ?", (wire.subscriber_hash(email),)
            )
        }
        rows = [row for row in rows if row[0] in where]
    body = {
        "lists": [_document(world, list_id) for (list_id,) in rows[offset : offset + count]],
        "total_items": len(rows),
        "constraints": {"may_create": True, "max_instances": 100, "current_total_instances": len(rows)},
        "_links": [],
    }
    return wire.select(request, body)


def get_list(world: World, request: Request) -> Response:
    return wire.select(request, _document(world, wire.audience(world, request)))


def post_list(world: World, request: Request) -> Response:
    body = wire.body_object(request, *_REQUIRED)
    contact = body["contact"] if isinstance(body["contact"], dict) else {}
    if missing := [name for name in _CONTACT if not contact.get(name)]:
        raise wire.invalid(*((f"contact.{name}", "This value should not be blank.") for name in missing))
    return Response(body=_document(world, create(world, body)))


def patch_list(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    (old,) = world.db.execute("SELECT doc FROM mc_lists WHERE id = ?", (list_id,)).fetchone()
    doc = json.loads(old) | wire.body_object(request)
    world.db.execute("UPDATE mc_lists SET name = ?, doc = ? WHERE id = ?", (doc["name"], json.dumps(doc), list_id))
    return Response(body=_document(world, list_id))


def delete_list(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    world.db.execute(
        "DELETE FROM mc_tagged WHERE segment_id IN (SELECT id FROM mc_segments WHERE list_id = ?)", (list_id,)
    )
    for table in ("mc_segments", "mc_members", "mc_forgotten", "mc_fields"):
        world.db.execute(f"DELETE FROM {table} WHERE list_id = ?", (list_id,))
    world.db.execute("DELETE FROM mc_lists WHERE id = ?", (list_id,))
    return Response(204)


def get_fields(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    count, offset = wire.page(request)
    found = list(fields_of(world, list_id).values())
    if kind := request.first("type"):
        found = [field for field in found if field["type"] == kind]
    if request.first("required"):
        found = [field for field in found if field["required"] == wire.flag(request, "required")]
    shown = [field | {"_links": []} for field in found[offset : offset + count]]
    body = {"merge_fields": shown, "list_id": list_id, "total_items": len(found), "_links": []}
    return wire.select(request, body)


def post_field(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    return Response(body=add_field(world, list_id, wire.body_object(request, "name", "type")))


def get_field(world: World, request: Request) -> Response:
    return wire.select(request, _field(world, request))


def patch_field(world: World, request: Request) -> Response:
    old = _field(world, request)
    allowed = ("name", "required", "default_value", "public", "display_order", "options", "help_text")
    doc = old | {name: value for name, value in wire.body_object(request).items() if name in allowed}
    world.db.execute(
        "UPDATE mc_fields SET doc = ? WHERE list_id = ? AND tag = ?", (json.dumps(doc), doc["list_id"], doc["tag"])
    )
    return Response(body=doc)


def delete_field(world: World, request: Request) -> Response:
    old = _field(world, request)
    world.db.execute("DELETE FROM mc_fields WHERE list_id = ? AND tag = ?", (old["list_id"], old["tag"]))
    return Response(204)


def _field(world: World, request: Request) -> dict[str, Any]:
    list_id, wanted = wire.audience(world, request), request.params["merge_id"]
    for doc in fields_of(world, list_id).values():
        if str(doc["merge_id"]) == wanted:
            return doc
    raise wire.not_found()


def _document(world: World, list_id: str) -> dict[str, Any]:
    number, name, created, text = world.db.execute(
        "SELECT number, name, created, doc FROM mc_lists WHERE id = ?", (list_id,)
    ).fetchone()
    doc = json.loads(text)
    return {
        "id": list_id,
        "web_id": 1000 + number,
        "name": name,
        "contact": doc["contact"],
        "permission_reminder": doc["permission_reminder"],
        "use_archive_bar": bool(doc.get("use_archive_bar", False)),
        "campaign_defaults": doc["campaign_defaults"],
        "notify_on_subscribe": str(doc.get("notify_on_subscribe") or ""),
        "notify_on_unsubscribe": str(doc.get("notify_on_unsubscribe") or ""),
        "date_created": created,
        "list_rating": 0,
        "email_type_option": bool(doc["email_type_option"]),
        "subscribe_url_short": f"https://rehearsal.test/s/{list_id}",
        "subscribe_url_long": f"https://rehearsal.test/subscribe/{list_id}",
        "beamer_address": f"{list_id}@rehearsal.test",
        "visibility": "prv",
        "double_optin": bool(doc.get("double_optin", False)),
        "has_welcome": False,
        "marketing_permissions": bool(doc.get("marketing_permissions", False)),
        "modules": [],
        "stats": _stats(world, list_id),
        "_links": [],
    }


def _stats(world: World, list_id: str) -> dict[str, Any]:
    by_status = dict(
        world.db.execute("SELECT status, count(*) FROM mc_members WHERE list_id = ? GROUP BY status", (list_id,))
    )
    return {
        "member_count": by_status.get("subscribed", 0),
        "total_contacts": sum(count for status, count in by_status.items() if status != "archived"),
        "unsubscribe_count": by_status.get("unsubscribed", 0),
        "cleaned_count": by_status.get("cleaned", 0),
        "member_count_since_send": 0,
        "unsubscribe_count_since_send": 0,
        "cleaned_count_since_send": 0,
        "campaign_count": 0,
        "merge_field_count": len(fields_of(world, list_id)),
        "avg_sub_rate": 0,
        "avg_unsub_rate": 0,
        "target_sub_rate": 0,
        "open_rate": 0,
        "click_rate": 0,
    }
