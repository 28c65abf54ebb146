"""Lists of the rehearsed Klaviyo and who is in them.

Owns: the list endpoints and kl_list, kl_member. Must not: touch consent; being on a list subscribes nobody.

Names need not be unique. Ids that name no profile are ignored, as for the documented remove; Klaviyo does not say
what happens to them on add.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.klaviyo import profiles, wire
from connector.rehearsal.klaviyo.wire import Trouble

MAX_PAGE, MAX_IDS = 10, 1000
OPT_IN = ("double_opt_in", "single_opt_in")
_SAME = ("any", "equals")
_FILTERS: dict[str, Sequence[str]] = {
    "name": _SAME,
    "id": _SAME,
    "created": ("greater-than",),
    "updated": ("greater-than",),
}
_SORTS = {name: f"l.{name}" for name in ("id", "name", "created", "updated")}
_MEMBERS = "kl_member m JOIN kl_profile p ON p.pk = m.profile AND m.list = ?"
_TABLES = """
CREATE TABLE IF NOT EXISTS kl_list (
    pk INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, name TEXT NOT NULL, opt_in TEXT NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS kl_member (
    list TEXT NOT NULL, profile INTEGER NOT NULL, joined TEXT NOT NULL, PRIMARY KEY (list, profile)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kl_member_profile ON kl_member (profile);
"""


def install(db: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";"))):
        db.execute(statement)


def routes() -> list[Route]:
    return [
        Route("GET", "/api/lists", _read_many),
        Route("POST", "/api/lists", _create),
        Route("GET", "/api/lists/{id}", _read_one),
        Route("PATCH", "/api/lists/{id}", _update),
        Route("DELETE", "/api/lists/{id}", _delete),
        Route("GET", "/api/lists/{id}/profiles", _members),
        Route("GET", "/api/lists/{id}/relationships/profiles", _member_ids),
        Route("POST", "/api/lists/{id}/relationships/profiles", _add),
        Route("DELETE", "/api/lists/{id}/relationships/profiles", _remove),
        Route("GET", "/api/profiles/{id}/lists", _lists_of),
        Route("GET", "/api/profiles/{id}/relationships/lists", _list_ids_of),
    ]


# -- lists --------------------------------------------------------------------------------------------------------


def _read_many(world: World, request: Request) -> Response:
    size = wire.page_size(request, MAX_PAGE, MAX_PAGE)
    key, descending = wire.sort_key(request, _SORTS, "l.pk")
    where, values = ["true"], list[Any]()
    for operator, field, given in wire.conditions(request, _FILTERS):
        test = f"IN ({','.join('?' * len(given))})" if operator in _SAME else "> ?"
        where.append(f"l.{field} {test}")
        values += given
    if (after := wire.position(request)) is not None:
        where.append(f"({key}, l.pk) {'<' if descending else '>'} (?, ?)")
        values += after[:2]
    way = "DESC" if descending else "ASC"
    query = (
        f"SELECT l.id, l.name, l.opt_in, l.created, l.updated, {key}, l.pk FROM kl_list l WHERE {' AND '.join(where)} "
        f"ORDER BY {key} {way}, l.pk {way} LIMIT {size + 1}"
    )
    rows = world.db.execute(query, values).fetchall()
    following = wire.cursor(*rows[size - 1][-2:]) if len(rows) > size else ""
    shown = [_object(request, row) for row in rows[:size]]
    if "tags" not in wire.words(request, "include"):
        return wire.many(request, shown, following)
    return wire.many(request, [one | _no_tags(one) for one in shown], following, included=[])


def _no_tags(one: dict[str, Any]) -> dict[str, Any]:
    """What a list shows of its tags in an account that has none."""
    there = one["links"]["self"]
    links = {"self": f"{there}/relationships/tags", "related": f"{there}/tags"}
    return {"relationships": {"tags": {"data": [], "links": links}}}


def _object(request: Request, row: Sequence[Any]) -> dict[str, Any]:
    key, name, opt_in, created, updated = row[:5]
    attributes = {"name": name, "created": created, "updated": updated, "opt_in_process": opt_in}
    return wire.resource(request, "list", key, attributes)


def _row(world: World, key: str) -> Sequence[Any]:
    query = "SELECT id, name, opt_in, created, updated FROM kl_list WHERE id = ?"
    found: Sequence[Any] | None = world.db.execute(query, (key,)).fetchone()
    if found is None:
        raise wire.missing("list", key)
    return found


def exists(db: sqlite3.Connection, key: object) -> bool:
    return db.execute("SELECT 1 FROM kl_list WHERE id = ?", (key,)).fetchone() is not None


def opt_in(db: sqlite3.Connection, key: str) -> str:
    return str(db.execute("SELECT opt_in FROM kl_list WHERE id = ?", (key,)).fetchone()[0])


def make(db: sqlite3.Connection, name: str, process: str, now: str) -> str:
    """A new list; its id has six signs, as Klaviyo's have."""
    number = (db.execute("SELECT max(pk) FROM kl_list").fetchone()[0] or 0) + 1
    key = f"L{number:05d}"
    db.execute("INSERT INTO kl_list VALUES (?, ?, ?, ?, ?, ?)", (number, key, name, process, now, now))
    return key


def _create(world: World, request: Request) -> Response:
    attributes = wire.body_data(request, "list").get("attributes") or {}
    key = make(world.db, _name(attributes), _process(attributes) or OPT_IN[0], wire.stamp(world.now()))
    return wire.one(_object(request, _row(world, key)), 201)


def _name(attributes: dict[str, Any]) -> str:
    name = attributes.get("name")
    if not isinstance(name, str) or not name.strip():
        raise wire.invalid(Trouble("'name' is a required field.", "/data/attributes/name"))
    return name


def _process(attributes: dict[str, Any]) -> str:
    process = attributes.get("opt_in_process") or ""
    if process and process not in OPT_IN:
        raise wire.invalid(Trouble("Not a valid opt-in process.", "/data/attributes/opt_in_process"))
    return str(process)


def _read_one(world: World, request: Request) -> Response:
    data = _object(request, _row(world, request.params["id"]))
    if "profile_count" in wire.words(request, "additional-fields[list]"):
        query = "SELECT count(*) FROM kl_member WHERE list = ?"
        data["attributes"]["profile_count"] = world.db.execute(query, (request.params["id"],)).fetchone()[0]
    return wire.one(data)


def _update(world: World, request: Request) -> Response:
    row = _row(world, request.params["id"])
    attributes = {"name": row[1]} | (wire.body_data(request, "list").get("attributes") or {})
    values = (_name(attributes), _process(attributes) or row[2], wire.stamp(world.now()), row[0])
    world.db.execute("UPDATE kl_list SET name = ?, opt_in = ?, updated = ? WHERE id = ?", values)
    return wire.one(_object(request, _row(world, row[0])))


def _delete(world: World, request: Request) -> Response:
    key = _row(world, request.params["id"])[0]
    world.db.execute("DELETE FROM kl_member WHERE list = ?", (key,))
    world.db.execute("DELETE FROM kl_list WHERE id = ?", (key,))
    return Response(204, None)


# -- members ------------------------------------------------------------------------------------------------------


def _members(world: World, request: Request) -> Response:
    return _page(world, request, ids_only=False)


def _member_ids(world: World, request: Request) -> Response:
    return _page(world, request, ids_only=True)


def _page(world: World, request: Request, *, ids_only: bool) -> Response:
    key = _row(world, request.params["id"])[0]
    asked = wire.conditions(request, profiles.MEMBER_FILTERS)
    return profiles.page(world, request, _MEMBERS, [key], asked, profiles.MEMBER_SORTS, ids_only=ids_only)


def _add(world: World, request: Request) -> Response:
    key = _row(world, request.params["id"])[0]
    join(world.db, key, _pks(world, request), wire.stamp(world.now()))
    return Response(204, None)


def join(db: sqlite3.Connection, key: str, members: Iterable[int], now: str) -> None:
    db.executemany("INSERT OR IGNORE INTO kl_member VALUES (?, ?, ?)", [(key, pk, now) for pk in members])


def _remove(world: World, request: Request) -> Response:
    key = _row(world, request.params["id"])[0]
    leave(world.db, key, _pks(world, request))
    return Response(204, None)


def leave(db: sqlite3.Connection, key: str, members: Iterable[int]) -> None:
    db.executemany("DELETE FROM kl_member WHERE list = ? AND profile = ?", [(key, pk) for pk in members])


def _pks(world: World, request: Request) -> list[int]:
    ids = wire.body_ids(request, "profile", MAX_IDS)
    query = f"SELECT pk FROM kl_profile WHERE id IN ({','.join('?' * len(ids))})"
    return [pk for (pk,) in world.db.execute(query, ids)]


def members_of(db: sqlite3.Connection, key: str) -> list[int]:
    return [pk for (pk,) in db.execute("SELECT profile FROM kl_member WHERE list = ?", (key,))]


def _lists_of(world: World, request: Request) -> Response:
    return wire.many(request, [_object(request, row) for row in _held_by(world, request)])


def _list_ids_of(world: World, request: Request) -> Response:
    return wire.many(request, [{"type": "list", "id": row[0]} for row in _held_by(world, request)])


def _held_by(world: World, request: Request) -> list[Sequence[Any]]:
    found = world.db.execute("SELECT pk FROM kl_profile WHERE id = ?", (request.params["id"],)).fetchone()
    if found is None:
        raise wire.missing("profile", request.params["id"])
    query = (
        "SELECT l.id, l.name, l.opt_in, l.created, l.updated FROM kl_member m JOIN kl_list l ON l.id = m.list "
        "WHERE m.profile = ? ORDER BY l.pk"
    )
    return world.db.execute(query, found).fetchall()
