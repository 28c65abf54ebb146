"""Lists and folders of the rehearsed Brevo, and who is in a list.

Owns: /v3/contacts/lists and /v3/contacts/folders. Must not: write a contact's values.

Names of lists need not be unique here (Brevo does not say that they must be).
"""

from __future__ import annotations

from typing import Any

from connector.rehearsal.brevo import store, wire
from connector.rehearsal.core.world import Request, Response, Route, World

PAGE, MOST, MOST_MEMBERS = 10, 50, 500
MOST_CHANGED = 150


def routes() -> list[Route]:
    return [
        Route("GET", "/v3/contacts/folders", _folders),
        Route("POST", "/v3/contacts/folders", _make_folder),
        Route("GET", "/v3/contacts/lists", _lists),
        Route("POST", "/v3/contacts/lists", _make),
        Route("GET", "/v3/contacts/lists/{id}", _get),
        Route("DELETE", "/v3/contacts/lists/{id}", _delete),
        Route("GET", "/v3/contacts/lists/{id}/contacts", _members),
        Route("POST", "/v3/contacts/lists/{id}/contacts/add", _add),
        Route("POST", "/v3/contacts/lists/{id}/contacts/remove", _remove),
    ]


def _folders(world: World, request: Request) -> Response:
    limit, offset, sort = wire.page(request, PAGE, MOST)
    query = f"SELECT id, name FROM bv_folder ORDER BY id {sort} LIMIT ? OFFSET ?"
    zeros = dict.fromkeys(("uniqueSubscribers", "totalSubscribers", "totalBlacklisted"), 0)
    found = [{"id": key, "name": name, **zeros} for key, name in world.db.execute(query, (limit, offset))]
    return _page(world, "folder", found)


def _page(world: World, what: str, found: list[dict[str, Any]]) -> Response:
    (count,) = world.db.execute(f"SELECT count(*) FROM bv_{what}").fetchone()
    return Response(200, {f"{what}s": found, "count": count})


def _make_folder(world: World, request: Request) -> Response:
    name = wire.body(request).get("name")
    if not isinstance(name, str) or not name.strip():
        raise wire.refuse(wire.MISSING, "Folder name is missing")
    return Response(201, {"id": store.make_folder(world.db, name)})


def _lists(world: World, request: Request) -> Response:
    limit, offset, sort = wire.page(request, PAGE, MOST)
    query = f"""SELECT l.id, l.name, l.folder, (SELECT count(*) FROM bv_member m WHERE m.list = l.id)
                FROM bv_list l ORDER BY l.id {sort} LIMIT ? OFFSET ?"""
    return _page(world, "list", [_shown(*row) for row in world.db.execute(query, (limit, offset))])


def _shown(key: int, name: str, folder: int, members: int) -> dict[str, Any]:
    counts = {"uniqueSubscribers": members, "totalSubscribers": 0, "totalBlacklisted": 0}
    return {"id": key, "name": name, "folderId": folder, **counts}


def _make(world: World, request: Request) -> Response:
    given = wire.body(request)
    name, folder = given.get("name"), given.get("folderId")
    if not isinstance(name, str) or not name.strip():
        raise wire.refuse(wire.MISSING, "List name is missing")
    if not isinstance(folder, int):
        raise wire.refuse(wire.MISSING, "Folder ID is missing")
    if not store.exists(world.db, "folder", folder):
        raise wire.absent("Folder")
    return Response(201, {"id": store.make_list(world.db, name, folder, wire.stamp(world.now()))})


def _find(world: World, request: Request) -> int:
    key = wire.whole(request.params["id"])
    if not store.exists(world.db, "list", key):
        raise wire.absent("List")
    return key


def _get(world: World, request: Request) -> Response:
    key = _find(world, request)
    query = """SELECT l.id, l.name, l.folder, (SELECT count(*) FROM bv_member m WHERE m.list = l.id), l.created
               FROM bv_list l WHERE l.id = ?"""
    *shown, created = world.db.execute(query, (key,)).fetchone()
    return Response(200, _shown(*shown) | {"createdAt": created, "dynamicList": False})


def _delete(world: World, request: Request) -> Response:
    key = _find(world, request)
    for table, column in (("bv_member", "list"), ("bv_left", "list"), ("bv_list", "id")):
        world.db.execute(f"DELETE FROM {table} WHERE {column} = ?", (key,))
    return Response(204)


def _members(world: World, request: Request) -> Response:
    key = _find(world, request)
    limit, offset, sort = wire.page(request, 50, MOST_MEMBERS)
    where, values = "JOIN bv_member m ON m.contact = c.id AND m.list = ? WHERE c.modified > ?", [key, ""]
    values[1] = wire.moment(request, "modifiedSince")
    found = store.contacts(world.db, where, [*values, limit, offset], f"ORDER BY c.id {sort} LIMIT ? OFFSET ?")
    query = f"SELECT count(*) FROM bv_contact c {where}"
    (count,) = world.db.execute(query, values).fetchone()
    return Response(200, {"contacts": [wire.contact(row) for row in found], "count": count})


# -- adding and removing ------------------------------------------------------------------------------------------


def _add(world: World, request: Request) -> Response:
    return _change(world, request, joining=True)


def _remove(world: World, request: Request) -> Response:
    return _change(world, request, joining=False)


def _change(world: World, request: Request, joining: bool) -> Response:
    """Who does not exist, or is where they shall be already, is a failure; nothing but failures is an error."""
    key, (column, asked) = _find(world, request), _asked(wire.body(request))
    found = {one: store.one(world.db, column, one) for one in asked}
    good = [one for one in asked if (held := found[one]) and (key in held["joined"]) is not joining]
    if not good:
        done = "in list" if joining else "removed from list"
        raise wire.refuse(wire.INVALID, f"Contact already {done} and/or does not exist")
    keys = [held["id"] for one in good if (held := found[one])]
    (store.join if joining else store.part)(world.db, key, keys, wire.stamp(world.now()))
    failed = [one for one in asked if one not in set(good)]
    return Response(201, {"contacts": {"success": good, "failure": failed, "total": len(good)}})


def _asked(given: dict[str, Any]) -> tuple[str, list[Any]]:
    """The column, and the distinct values of it that are asked for."""
    names = [name for name in ("emails", "ids", "extIds") if given.get(name)]
    if len(names) != 1 or names[0] == "extIds":
        raise wire.refuse(wire.MISSING, "One of emails, ids and extIds is needed")
    values = given[names[0]]
    if not isinstance(values, list) or len(values) > MOST_CHANGED:
        raise wire.refuse(wire.INVALID, f"At most {MOST_CHANGED} contacts are allowed in one request")
    if names[0] == "ids":
        return "id", list(dict.fromkeys(wire.ids(values, "ids")))
    return "email", list(dict.fromkeys(map(wire.clean, values)))
