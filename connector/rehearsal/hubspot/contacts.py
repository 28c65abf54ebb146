"""HubSpot's contacts, one by one.

Owns: finding, reading, creating, updating, archiving, erasing a contact. Must not: search (hubspot_search), know
batches (hubspot_batches), decide what a property accepts (hubspot_values).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from connector.rehearsal.core.campaigns import record
from connector.rehearsal.core.world import Did, Request, Response, World
from connector.rehearsal.hubspot import store
from connector.rehearsal.hubspot.values import Definition, check
from connector.rehearsal.hubspot.wire import (
    Trouble,
    from_millis,
    iso,
    mapping,
    millis,
    names,
    next_page,
    refuse,
    whole_number,
)

ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
DEFAULT = ("email", "firstname", "lastname")
COLUMNS = "id, properties, created, modified, archived_at"
Row = tuple[int, str, int, int, int | None]


def definitions(world: World) -> dict[str, Definition]:
    """The contact properties that are not archived."""
    rows = world.db.execute("SELECT name, definition FROM hs_property WHERE NOT archived")
    return {name: json.loads(definition) for name, definition in rows}


def as_object(row: Row, wanted: Sequence[str], more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A contact as answered: the wanted properties (null when unset) and those that are always there."""
    number, text, created, modified, archived_at = row
    held = json.loads(text)
    shown = {name: held.get(name) for name in dict.fromkeys([*(wanted or DEFAULT), *ALWAYS])}
    found = {
        "id": str(number),
        "properties": dict(sorted(shown.items())),
        "createdAt": iso(from_millis(created)),
        "updatedAt": iso(from_millis(modified)),
        "archived": archived_at is not None,
    }
    if archived_at is not None:
        found["archivedAt"] = iso(from_millis(archived_at))
    return found | dict(more or {})


def rows(world: World, numbers: Iterable[int], *, archived: bool = False) -> dict[int, Row]:
    """The contacts with these ids that are not archived, or those that are."""
    wanted, only = json.dumps(list(numbers)), "IS NOT NULL" if archived else "IS NULL"
    query = f"SELECT {COLUMNS} FROM hs_contact WHERE id IN (SELECT value FROM json_each(?)) AND archived_at {only}"
    return {row[0]: row for row in world.db.execute(query, (wanted,))}


def numbers(world: World, ids: Sequence[str], id_property: str, *, archived: bool = False) -> dict[str, int]:
    """Which contact each of `ids` means: record ids, or addresses (secondary ones too). Unknown ones are left out.
    `archived`: of those in the recycle bin, which are known by their record ids alone."""
    if id_property in ("", "hs_object_id"):
        asked = {each: _winner(world, int(each)) for each in ids if each.isdigit()}
        held = rows(world, asked.values(), archived=archived)
        return {each: number for each, number in asked.items() if number in held}
    if archived:
        return {}
    if id_property != "email":
        return _by_unique(world, ids, id_property)
    lower = {each: each.strip().lower() for each in ids}
    query = "SELECT email, contact FROM hs_address WHERE email IN (SELECT value FROM json_each(?))"
    found = dict(world.db.execute(query, (json.dumps(list(lower.values())),)))
    return {each: found[email] for each, email in lower.items() if email in found}


def _winner(world: World, number: int) -> int:
    """The contact into which one was merged, else itself."""
    row = world.db.execute("SELECT winner FROM hs_merged WHERE id = ?", (number,)).fetchone()
    return int(row[0]) if row else number


def _by_unique(world: World, ids: Sequence[str], name: str) -> dict[str, int]:
    definition = definitions(world).get(name)
    if definition is None or not definition.get("hasUniqueValue"):
        raise refuse(400, f"Unable to use {name} as idProperty: it does not exist or its values are not unique.")
    query = "SELECT json_extract(properties, ?) AS v, id FROM hs_contact WHERE archived_at IS NULL AND v IS NOT NULL"
    found = dict(world.db.execute(query, (f'$."{name}"',)))
    return {each: found[each] for each in ids if each in found}


# ---------------------------------------------------------------- writing one contact


def create(world: World, known: Mapping[str, Definition], values: Mapping[str, Any]) -> int:
    """A new contact's id. Raises Trouble."""
    properties = check(known, {}, values)
    _free(world, None, properties)
    return store.add_contact(world, None, properties, millis(world.now()))


def update(world: World, known: Mapping[str, Definition], row: Row, values: Mapping[str, Any]) -> None:
    """Write `values` over a contact's properties. Raises Trouble."""
    number, text, created, _, _ = row
    held = json.loads(text)
    properties = check(known, held, values)
    if store.addresses(properties) != store.addresses(held):
        _free(world, number, properties)
    save(world, number, properties, created)


def save(world: World, number: int, properties: dict[str, str], created: int) -> None:
    at = millis(world.now())
    written = properties | store.system_properties(number, properties.get("email", ""), created, at)
    world.db.execute(
        "UPDATE hs_contact SET properties = ?, modified = ? WHERE id = ?",
        (json.dumps(written, ensure_ascii=False), at, number),
    )
    store.write_addresses(world, number, written)


def engage(world: World, events: Sequence[Did]) -> None:
    """HubSpot keeps what became of its mails in properties of the contact. It does not tell who made an open."""
    record(world, "hubspot", events, lambda name: _list(world, name))
    for event in sorted(events, key=lambda event: event.at):
        number = numbers(world, [event.email], "email").get(event.email)
        if number is None:
            continue
        _, text, created, _, _ = rows(world, [number])[number]
        held = json.loads(text)
        counter = {"send": "hs_email_delivered"}.get(event.did, f"hs_email_{event.did}")
        since = "hs_email_sends_since_last_engagement"
        silent = {"send": int(held.get(since, 0)) + 1, "bounce": int(held.get(since, 0))}.get(event.did, 0)
        held |= {counter: str(int(held.get(counter, 0)) + 1), since: str(silent)}
        if event.did != "bounce":
            name = f"hs_email_last_{event.did}_date"
            held[name] = max(held.get(name, ""), iso(event.at))  # it may be told of late
        save(world, number, held, created)


def _list(world: World, name: str) -> str:
    query = "SELECT id FROM hs_list WHERE name = ? COLLATE NOCASE AND deleted IS NULL"
    found = world.db.execute(query, (name,)).fetchone()
    return str(found[0]) if found else ""


def indexed(world: World) -> int:
    """Contacts that were created later than this are not yet known to searches and lists (Settings.lag_s)."""
    if not world.settings.lag_s:
        return 2**62
    return millis(world.now() - timedelta(seconds=world.settings.lag_s))


def counted(world: World) -> int:
    """The contacts that count towards the plan: those that are not archived."""
    return int(world.db.execute("SELECT count(*) FROM hs_contact WHERE archived_at IS NULL").fetchone()[0])


def _free(world: World, number: int | None, properties: dict[str, str]) -> None:
    """Raises Trouble when an address is another contact's, or was erased for good."""
    wanted = json.dumps(store.addresses(properties))
    query = "SELECT contact FROM hs_address WHERE email IN (SELECT value FROM json_each(?)) AND contact IS NOT ?"
    taken = world.db.execute(query, (wanted, number)).fetchone()
    if taken:
        raise Trouble(409, f"Contact already exists. Existing ID: {taken[0]}")
    if (
        not world.settings.erased_return
        and world.db.execute(
            "SELECT 1 FROM hs_blocked WHERE email IN (SELECT value FROM json_each(?))", (wanted,)
        ).fetchone()
    ):
        raise Trouble(400, "This contact was permanently deleted and cannot be created again.")


def archive(world: World, ids: Iterable[str]) -> None:
    """To the recycle bin, out of every list; its addresses are free again. Unknown ids are ignored."""
    gone = json.dumps([int(each) for each in ids if each.isdigit()])
    among = "IN (SELECT value FROM json_each(?))"
    world.db.execute(
        f"UPDATE hs_contact SET archived_at = ? WHERE archived_at IS NULL AND id {among}", (millis(world.now()), gone)
    )
    world.db.execute(f"DELETE FROM hs_address WHERE contact {among}", (gone,))
    world.db.execute(f"DELETE FROM hs_member WHERE contact {among}", (gone,))


# ---------------------------------------------------------------- handlers: one contact


def page(world: World, request: Request) -> Response:
    limit = whole_number(request, "limit", 10, 100)
    after = whole_number(request, "after", 0, 10**15, 0)
    archived = "IS NOT NULL" if request.first("archived") == "true" else "IS NULL"
    query = f"SELECT {COLUMNS} FROM hs_contact WHERE id > ? AND archived_at {archived} ORDER BY id LIMIT ?"
    found: list[Row] = world.db.execute(query, (after, limit + 1)).fetchall()
    wanted = names(request, "properties")
    body: dict[str, Any] = {"results": [as_object(row, wanted) for row in found[:limit]]}
    if len(found) > limit:
        body["paging"] = next_page(request, str(found[limit - 1][0]))
    return Response(body=body)


def _one(world: World, request: Request) -> Row:
    wanted = request.params["contactId"]
    number = numbers(world, [wanted], request.first("idProperty")).get(wanted)
    if number is None:
        raise refuse(404, "resource not found")
    return rows(world, [number])[number]


def read(world: World, request: Request) -> Response:
    return Response(body=as_object(_one(world, request), names(request, "properties")))


def create_one(world: World, request: Request) -> Response:
    values = properties_of(request.json())
    try:
        number = create(world, definitions(world), values)
    except Trouble as trouble:
        return trouble.response()
    return Response(201, as_object(rows(world, [number])[number], list(values)))


def update_one(world: World, request: Request) -> Response:
    row, values = _one(world, request), properties_of(request.json())
    try:
        update(world, definitions(world), row, values)
    except Trouble as trouble:
        return trouble.response()
    return Response(body=as_object(rows(world, [row[0]])[row[0]], list(values)))


def archive_one(world: World, request: Request) -> Response:
    archive(world, [request.params["contactId"]])
    return Response(204)


def gdpr_delete(world: World, request: Request) -> Response:
    """Erases, also from the recycle bin, and blocks the address even if nobody has it."""
    body = mapping(request.json())
    wanted, id_property = str(body.get("objectId", "")), str(body.get("idProperty", ""))
    blocked = [wanted.strip().lower()] if id_property == "email" else []
    for archived in (False, True):
        number = numbers(world, [wanted], id_property, archived=archived).get(wanted)
        if number is not None:
            blocked += store.addresses(json.loads(rows(world, [number], archived=archived)[number][1]))
            archive(world, [str(number)])
            world.db.execute("DELETE FROM hs_contact WHERE id = ?", (number,))
    world.db.executemany("INSERT OR IGNORE INTO hs_blocked VALUES (?)", [(email,) for email in blocked])
    return Response(204)


def properties_of(value: Any) -> dict[str, Any]:
    found = mapping(value).get("properties")
    if not isinstance(found, dict):
        raise refuse(400, "Some required fields were not set: [properties]")
    return found
