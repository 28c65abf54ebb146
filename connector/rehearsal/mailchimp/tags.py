"""Tags of the rehearsed Mailchimp, which are its static segments.

Owns: /lists/{id}/segments, tag-search, members/{hash}/tags. Must not: change members, or evaluate
saved (condition) segments: only static ones exist here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.mailchimp import store, wire
from connector.rehearsal.mailchimp.rules import Member

BATCH = 500
# Members of a segment are shown when they are subscribed; other statuses on demand, pending and archived never.
_INCLUDES = {
    "include_cleaned": "cleaned",
    "include_transactional": "transactional",
    "include_unsubscribed": "unsubscribed",
}


def routes() -> list[Route]:
    base = "/3.0/lists/{list_id}"
    return [
        Route("GET", base + "/segments", get_segments),
        Route("POST", base + "/segments", post_segment),
        Route("GET", base + "/segments/{segment_id}", get_segment),
        Route("POST", base + "/segments/{segment_id}", post_batch),
        Route("PATCH", base + "/segments/{segment_id}", patch_segment),
        Route("DELETE", base + "/segments/{segment_id}", delete_segment),
        Route("GET", base + "/segments/{segment_id}/members", get_segment_members),
        Route("POST", base + "/segments/{segment_id}/members", post_segment_member),
        Route("DELETE", base + "/segments/{segment_id}/members/{subscriber_hash}", delete_segment_member),
        Route("GET", base + "/tag-search", tag_search),
        Route("GET", base + "/members/{subscriber_hash}/tags", get_member_tags),
        Route("POST", base + "/members/{subscriber_hash}/tags", post_member_tags),
    ]


def get_segments(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    count, offset = wire.page(request)
    found: list[tuple[int]] = []
    if request.first("type") in ("", "static"):
        found = world.db.execute("SELECT id FROM mc_segments WHERE list_id = ? ORDER BY id", (list_id,)).fetchall()
    body = {
        "segments": [_document(world, request, number) for (number,) in found[offset : offset + count]],
        "list_id": list_id,
        "total_items": len(found),
        "_links": [],
    }
    return wire.select(request, body)


def get_segment(world: World, request: Request) -> Response:
    _, segment = _segment(world, request)
    return wire.select(request, _document(world, request, segment))


def post_segment(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    body = wire.body_object(request, "name")
    if "static_segment" not in body:
        raise wire.invalid(("static_segment", 'Must provide either an "options" field or a "static_segment" field.'))
    segment = store.create_tag(world, list_id, str(body["name"]))
    store.tag(world, segment, _addable(world, list_id, wire.strings(body, "static_segment", BATCH)))
    return Response(body=_document(world, request, segment))


def patch_segment(world: World, request: Request) -> Response:
    """Rename; `static_segment` replaces all members."""
    list_id, segment = _segment(world, request)
    body = wire.body_object(request, "name")
    world.db.execute("UPDATE mc_segments SET name = ? WHERE id = ?", (str(body["name"]), segment))
    if "static_segment" in body:
        emails = wire.strings(body, "static_segment", BATCH)
        world.db.execute("DELETE FROM mc_tagged WHERE segment_id = ?", (segment,))
        store.tag(world, segment, _addable(world, list_id, emails))
    return Response(body=_document(world, request, segment))


def delete_segment(world: World, request: Request) -> Response:
    _, segment = _segment(world, request)
    world.db.execute("DELETE FROM mc_tagged WHERE segment_id = ?", (segment,))
    world.db.execute("DELETE FROM mc_segments WHERE id = ?", (segment,))
    return Response(204)


def post_batch(world: World, request: Request) -> Response:
    """Add and remove up to 500 each. Addresses that the audience does not hold, or only archived, are ignored without
    a word, unless there is no other; those that are in already (or not in, for a removal) come back as errors."""
    list_id, segment = _segment(world, request)
    body = wire.body_object(request)
    addable, removable = _held(world, list_id, body, "members_to_add"), _held(world, list_id, body, "members_to_remove")
    has = _tagged(world, segment, addable.keys() | removable.keys())
    added = {hash: member for hash, member in addable.items() if hash not in has}
    removed = {hash: member for hash, member in removable.items() if hash in has}
    store.tag(world, segment, added)
    store.untag(world, segment, removed)
    errors = [
        *_error("Email addresses already exist in the static segment", addable, added),
        *_error("Email addresses do not exist in the static segment", removable, removed),
    ]
    answer = {
        "members_added": store.documents(world, list_id, list(added.values())),
        "members_removed": store.documents(world, list_id, list(removed.values())),
        "errors": errors,
        "total_added": len(added),
        "total_removed": len(removed),
        "error_count": len(addable) + len(removable) - len(added) - len(removed),
        "_links": [],
    }
    return Response(body=answer)


def _held(world: World, list_id: str, body: dict[str, Any], name: str) -> dict[str, Member]:
    """hash -> member, of the addresses under `name`; refuses the request when there are some and none is held."""
    emails = wire.strings(body, name, BATCH)
    found = _addable(world, list_id, emails)
    if emails and not found:
        raise wire.invalid((name, "None of the emails provided were subscribed to the list"))
    return found


def _error(text: str, asked: Mapping[str, Member], done: Mapping[str, Member]) -> list[dict[str, Any]]:
    left = [member.email for hash, member in asked.items() if hash not in done]
    return [{"email_addresses": left, "error": text}] if left else []


def get_segment_members(world: World, request: Request) -> Response:
    list_id, segment = _segment(world, request)
    count, offset = wire.page(request)
    hashes = [
        hash
        for (hash,) in world.db.execute(
            "SELECT m.hash FROM mc_tagged t JOIN mc_members m ON m.hash = t.hash AND m.list_id = ?"
            " WHERE t.segment_id = ? AND m.status IN (SELECT value FROM json_each(?)) ORDER BY m.number",
            (list_id, segment, _shown_statuses(request)),
        )
    ]
    found = store.load(world, list_id, hashes[offset : offset + count])
    shown = store.documents(world, list_id, [found[hash] for hash in hashes[offset : offset + count]])
    return wire.select(request, {"members": shown, "total_items": len(hashes), "_links": []})


def post_segment_member(world: World, request: Request) -> Response:
    list_id, segment = _segment(world, request)
    email = str(wire.body_object(request, "email_address")["email_address"])
    found = _addable(world, list_id, [email])
    if not found:
        raise wire.not_found()
    store.tag(world, segment, found)
    return Response(body=store.documents(world, list_id, list(found.values()))[0])


def delete_segment_member(world: World, request: Request) -> Response:
    list_id, segment = _segment(world, request)
    store.untag(world, segment, [store.required(world, list_id, request.params["subscriber_hash"]).hash])
    return Response(204)


def tag_search(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    rows = world.db.execute("SELECT id, name FROM mc_segments WHERE list_id = ? ORDER BY name", (list_id,))
    prefix = request.first("name").casefold()
    found = [{"id": number, "name": name} for number, name in rows if name.casefold().startswith(prefix)]
    return Response(body={"tags": found, "total_items": len(found)})


def get_member_tags(world: World, request: Request) -> Response:
    list_id = wire.audience(world, request)
    count, offset = wire.page(request)
    member = store.required(world, list_id, request.params["subscriber_hash"])
    rows = world.db.execute(
        "SELECT s.id, s.name, t.added FROM mc_tagged t JOIN mc_segments s ON s.id = t.segment_id"
        " WHERE s.list_id = ? AND t.hash = ? ORDER BY s.id",
        (list_id, member.hash),
    ).fetchall()
    shown = [{"id": number, "name": name, "date_added": added} for number, name, added in rows]
    body = {"tags": shown[offset : offset + count], "total_items": len(rows), "_links": []}
    return wire.select(request, body)


def post_member_tags(world: World, request: Request) -> Response:
    """The path takes the MD5 hash only."""
    list_id = wire.audience(world, request)
    hash = request.params["subscriber_hash"].lower()
    wanted = wire.body_object(request, "tags")["tags"]
    if hash not in store.load(world, list_id, [hash]):
        raise wire.not_found()
    if not isinstance(wanted, list) or not all(
        isinstance(tag, dict) and tag.get("status") in ("active", "inactive") and tag.get("name") for tag in wanted
    ):
        raise wire.invalid(("tags", "Each tag needs a name, and a status of active or inactive."))
    store.set_tags(world, list_id, hash, {str(tag["name"]): tag["status"] == "active" for tag in wanted})
    return Response(204)


def _addable(world: World, list_id: str, emails: Sequence[str]) -> dict[str, Member]:
    """hash -> member, of those `emails` that the audience holds and has not archived."""
    found = store.load(world, list_id, {wire.subscriber_hash(email) for email in emails})
    return {hash: member for hash, member in found.items() if member.status != "archived"}


def _tagged(world: World, segment: int, hashes: Collection[str]) -> set[str]:
    rows = world.db.execute(
        "SELECT hash FROM mc_tagged WHERE segment_id = ? AND hash IN (SELECT value FROM json_each(?))",
        (segment, json.dumps(list(hashes))),
    )
    return {hash for (hash,) in rows}


def _segment(world: World, request: Request) -> tuple[str, int]:
    list_id = wire.audience(world, request)
    number = request.params["segment_id"]
    if not number.isdigit():
        raise wire.not_found()
    if not world.db.execute("SELECT 1 FROM mc_segments WHERE id = ? AND list_id = ?", (number, list_id)).fetchone():
        raise wire.not_found()
    return list_id, int(number)


def _shown_statuses(request: Request) -> str:
    return json.dumps(["subscribed", *(status for name, status in _INCLUDES.items() if wire.flag(request, name))])


def _document(world: World, request: Request, segment: int) -> dict[str, Any]:
    list_id, name, created, updated = world.db.execute(
        "SELECT list_id, name, created, updated FROM mc_segments WHERE id = ?", (segment,)
    ).fetchone()
    (count,) = world.db.execute(
        "SELECT count(*) FROM mc_tagged t JOIN mc_members m ON m.hash = t.hash AND m.list_id = ?"
        " WHERE t.segment_id = ? AND m.status IN (SELECT value FROM json_each(?))",
        (list_id, segment, _shown_statuses(request)),
    ).fetchone()
    return {
        "id": segment,
        "name": name,
        "member_count": count,
        "type": "static",
        "created_at": created,
        "updated_at": updated,
        "options": {"match": "any", "conditions": []},
        "list_id": list_id,
        "_links": [],
    }
