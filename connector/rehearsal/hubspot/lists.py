"""HubSpot's lists of contacts and their members.

Owns: …/lists/…. Members are record ids, never addresses; only MANUAL and SNAPSHOT lists take them from outside. Ids
that are no contact come back as missing. Must not: work out who is in a DYNAMIC list.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from connector.rehearsal.core.world import Refusal, Request, Response, World
from connector.rehearsal.hubspot.contacts import indexed
from connector.rehearsal.hubspot.wire import (
    error,
    from_millis,
    iso,
    mapping,
    millis,
    names,
    next_page,
    number,
    refuse,
    whole_number,
)

CONTACTS = "0-1"
MEMBERS_CAP = 100_000  # ids in one call; remembered, not documented
TYPES = ("MANUAL", "SNAPSHOT", "DYNAMIC")
SORTS = {"HS_LIST_ID": "id", "HS_CREATED_AT": "created", "HS_UPDATED_AT": "updated"}
COLUMNS = "id, name, type, created, updated, version, deleted"
Row = tuple[int, str, str, int, int, int, int | None]


def _as_list(world: World, row: Row) -> dict[str, Any]:
    list_id, name, kind, created, updated, version, deleted = row
    found = {
        "listId": str(list_id),
        "listVersion": version,
        "name": name,
        "objectTypeId": CONTACTS,
        "processingType": kind,
        "processingStatus": "COMPLETE",
        "size": _size(world, list_id),
        "createdAt": iso(from_millis(created)),
        "updatedAt": iso(from_millis(updated)),
        "filtersUpdatedAt": iso(from_millis(created)),
        "createdById": "12345",
        "updatedById": "12345",
    }
    return found | ({"deletedAt": iso(from_millis(deleted))} if deleted is not None else {})


def _size(world: World, list_id: int) -> int:
    return int(world.db.execute("SELECT count(*) FROM hs_member WHERE list = ?", (list_id,)).fetchone()[0])


def _not_found(what: str) -> Refusal:
    return Refusal(error(404, f"List does not exist: {what}", sub_category="ILS.LIST_NOT_FOUND"))


def _find(world: World, request: Request, deleted: bool = False) -> Row:
    wanted = request.params["listId"]
    query = f"SELECT {COLUMNS} FROM hs_list WHERE id = ? AND deleted IS {'NOT ' if deleted else ''}NULL"
    row: Row | None = world.db.execute(query, (int(wanted) if wanted.isdigit() else -1,)).fetchone()
    if row is None:
        raise _not_found(wanted)
    return row


def create(world: World, request: Request) -> Response:
    body = mapping(request.json())
    missing = [name for name in ("name", "objectTypeId", "processingType") if not body.get(name)]
    if missing:
        raise refuse(400, f"Some required fields were not set: {missing}")
    if body["processingType"] not in TYPES:
        raise refuse(400, f"processingType must be one of {TYPES}.")
    if body["objectTypeId"] != CONTACTS:
        raise refuse(400, f"The rehearsal platform has lists of contacts ({CONTACTS}) only.")
    if body["processingType"] == "DYNAMIC" and not body.get("filterBranch"):
        raise refuse(400, "A DYNAMIC list needs a filterBranch.")
    name = str(body["name"])
    _free(world, name)
    at = millis(world.now())
    query = "INSERT INTO hs_list(name, type, created, updated, version) VALUES (?, ?, ?, ?, 1) RETURNING " + COLUMNS
    row = world.db.execute(query, (name, body["processingType"], at, at)).fetchone()
    return Response(body={"list": _as_list(world, row)})


def _free(world: World, name: str) -> None:
    """Raises Refusal when a list has this name: names are unique in a portal, whatever their case."""
    query = "SELECT 1 FROM hs_list WHERE name = ? COLLATE NOCASE AND deleted IS NULL"
    if world.db.execute(query, (name,)).fetchone():
        text = f"List creation request validation failed: a list named {name} already exists."
        raise refuse(400, text, sub_category="ILS.DUPLICATE_LIST_NAMES")


def read(world: World, request: Request) -> Response:
    return Response(body={"list": _as_list(world, _find(world, request))})


def by_name(world: World, request: Request) -> Response:
    query = f"SELECT {COLUMNS} FROM hs_list WHERE name = ? COLLATE NOCASE AND deleted IS NULL"
    row = world.db.execute(query, (request.params["listName"],)).fetchone()
    if row is None or request.params["objectTypeId"] != CONTACTS:
        raise _not_found(request.params["listName"])
    return Response(body={"list": _as_list(world, row)})


def by_ids(world: World, request: Request) -> Response:
    wanted = json.dumps([number(each, "listIds") for each in names(request, "listIds")])
    query = (
        f"SELECT {COLUMNS} FROM hs_list WHERE deleted IS NULL AND id IN (SELECT value FROM json_each(?)) ORDER BY id"
    )
    return Response(body={"lists": [_as_list(world, row) for row in world.db.execute(query, (wanted,)).fetchall()]})


def search(world: World, request: Request) -> Response:
    body = mapping(request.json())
    count, offset = number(body.get("count") or 20, "count"), number(body.get("offset") or 0, "offset")
    if not 1 <= count <= 500:
        raise refuse(400, "count must be between 1 and 500.")
    where, values = "deleted IS NULL AND instr(lower(name), lower(?)) > 0", [str(body.get("query") or "")]
    for column, key in (("type", "processingTypes"), ("id", "listIds")):
        if body.get(key):
            where += f" AND {column} IN (SELECT value FROM json_each(?))"
            values.append(json.dumps([number(x, key) if key == "listIds" else str(x) for x in body[key]]))
    order = _order(str(body.get("sort") or "HS_LIST_ID"))
    rows = world.db.execute(f"SELECT {COLUMNS} FROM hs_list WHERE {where} ORDER BY {order}", values).fetchall()
    found = [_found(world, row) for row in rows[offset : offset + count]]
    more = offset + count < len(rows)
    return Response(body={"lists": found, "offset": offset + len(found), "hasMore": more, "total": len(rows)})


def _order(sort: str) -> str:
    """For SQL; what else lists can be sorted by is not documented."""
    if sort.lstrip("-") not in SORTS:
        raise refuse(501, f"The rehearsal does not have this: sort {sort}")
    way = "DESC" if sort.startswith("-") else "ASC"
    return f"{SORTS[sort.lstrip('-')]} {way}, id {way}"


def _found(world: World, row: Row) -> dict[str, Any]:
    """A list as the search shows it: its size stands among the additional properties."""
    found = _as_list(world, row)
    return found | {"additionalProperties": {"hs_list_size": str(found.pop("size"))}}


def rename(world: World, request: Request) -> Response:
    row, name = _find(world, request), request.first("listName")
    if not name:
        raise refuse(400, "listName is required.")
    if name.casefold() != row[1].casefold():
        _free(world, name)
    world.db.execute(
        "UPDATE hs_list SET name = ?, version = version + 1, updated = ? WHERE id = ?",
        (name, millis(world.now()), row[0]),
    )
    return Response(body={"updatedList": _as_list(world, _find(world, request))})


def delete(world: World, request: Request) -> Response:
    world.db.execute("UPDATE hs_list SET deleted = ? WHERE id = ?", (millis(world.now()), _find(world, request)[0]))
    return Response(204)


def restore(world: World, request: Request) -> Response:
    world.db.execute("UPDATE hs_list SET deleted = NULL WHERE id = ?", (_find(world, request, deleted=True)[0],))
    return Response(204)


# ---------------------------------------------------------------- members


def members(world: World, request: Request) -> Response:
    """In the order of record ids; `after` is opaque."""
    list_id, limit = _find(world, request)[0], whole_number(request, "limit", 100, 250)
    query = "SELECT contact, at FROM hs_member WHERE list = ? AND contact > ? ORDER BY contact LIMIT ?"
    rows = world.db.execute(query, (list_id, _decoded(request.first("after")), limit + 1)).fetchall()
    body: dict[str, Any] = {"results": [_member(*row) for row in rows[:limit]], "total": _size(world, list_id)}
    if len(rows) > limit:
        body["paging"] = next_page(request, base64.b64encode(str(rows[limit - 1][0]).encode()).decode())
    return Response(body=body)


def _decoded(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True)) if cursor else 0
    except ValueError:
        raise refuse(400, "after is not a cursor of this endpoint.") from None


def _member(contact: int, at: int) -> dict[str, str]:
    return {"recordId": str(contact), "membershipTimestamp": iso(from_millis(at))}


def add(world: World, request: Request) -> Response:
    return _change(world, request, _ids(request.json()), [])


def remove(world: World, request: Request) -> Response:
    return _change(world, request, [], _ids(request.json()))


def add_and_remove(world: World, request: Request) -> Response:
    body = mapping(request.json())
    if "recordIdsToAdd" not in body or "recordIdsToRemove" not in body:
        raise refuse(400, "Some required fields were not set: [recordIdsToAdd, recordIdsToRemove]")
    return _change(world, request, _ids(body["recordIdsToAdd"]), _ids(body["recordIdsToRemove"]))


def clear(world: World, request: Request) -> Response:
    list_id = _writable(world, request)
    if _size(world, list_id) >= MEMBERS_CAP:
        raise refuse(400, f"Only lists of less than {MEMBERS_CAP} members can be cleared at once.")
    world.db.execute("DELETE FROM hs_member WHERE list = ?", (list_id,))
    return Response(204)


def _ids(value: Any) -> list[int]:
    if not isinstance(value, list) or any(not str(each).isdigit() for each in value):
        raise refuse(400, "Invalid input JSON: a list of record ids was expected.")
    if len(value) > MEMBERS_CAP:
        raise refuse(400, f"At most {MEMBERS_CAP} record ids in one request.")
    return [int(each) for each in value]


def _writable(world: World, request: Request) -> int:
    list_id, _, kind, *_ = _find(world, request)
    if kind not in ("MANUAL", "SNAPSHOT"):
        text = f"Memberships of list {list_id} cannot be changed: its processing type is {kind}."
        raise refuse(400, text, sub_category="ILS.INVALID_LIST_PROCESSING_TYPE")
    return list_id


def _change(world: World, request: Request, adds: list[int], removes: list[int]) -> Response:
    list_id = _writable(world, request)
    known = _held(world, "SELECT id FROM hs_contact WHERE archived_at IS NULL AND id", adds + removes)
    known -= _held(world, f"SELECT id FROM hs_contact WHERE created > {indexed(world)} AND id", adds)
    inside = _held(world, f"SELECT contact FROM hs_member WHERE list = {list_id} AND contact", adds + removes)
    added = [each for each in dict.fromkeys(adds) if each in known and each not in inside]
    removed = [each for each in dict.fromkeys(removes) if each in inside]
    at = millis(world.now())
    world.db.executemany("INSERT INTO hs_member VALUES (?, ?, ?)", [(list_id, each, at) for each in added])
    world.db.executemany("DELETE FROM hs_member WHERE list = ? AND contact = ?", [(list_id, each) for each in removed])
    missing = [each for each in dict.fromkeys(adds + removes) if each not in known]
    return Response(
        body={
            "recordsIdsAdded": [str(each) for each in added],
            "recordIdsRemoved": [str(each) for each in removed],
            "recordIdsMissing": [str(each) for each in missing],
        }
    )


def _held(world: World, select: str, ids: list[int]) -> set[int]:
    return {row[0] for row in world.db.execute(f"{select} IN (SELECT value FROM json_each(?))", (json.dumps(ids),))}


def of_record(world: World, request: Request) -> Response:
    """The lists that one contact is in."""
    query = "SELECT list, at FROM hs_member m JOIN hs_list l ON l.id = m.list WHERE contact = ? AND deleted IS NULL"
    rows = world.db.execute(query, (number(request.params["recordId"], "recordId"),)).fetchall()
    results = [
        {
            "listId": str(list_id),
            "listVersion": 1,
            "firstAddedTimestamp": iso(from_millis(at)),
            "lastAddedTimestamp": iso(from_millis(at)),
            "isPublicList": False,
        }
        for list_id, at in rows
    ]
    return Response(body={"results": results, "total": len(results)})
