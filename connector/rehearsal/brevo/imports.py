"""Imports of the rehearsed Brevo, and the processes that carry them out.

Owns: bv_process, POST /v3/contacts/import, /v3/processes and the reports. Must not: hold rules of values (attributes).

An import makes a table of its rows: what one row names, all have, empty where they do not. It never lifts a
blocklisting (help centre: contacts are resubscribed one by one, on their page), and joins its lists also for contacts
that it does not update.
"""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import timedelta
from typing import Any

from connector.rehearsal.brevo import attributes, contacts, store, wire
from connector.rehearsal.core import plan
from connector.rehearsal.core.world import Refusal, Request, Response, Route, World

MOST_BYTES = 10_000_000
PAGE, MOST = 10, 50
REPORTS = "/v3/reports/"  # are fetched without a key
KINDS = ("invalid_emails", "duplicate_contact_id", "duplicate_ext_id", "duplicate_email_id", "duplicate_phone_id",
         "duplicate_whatsapp_id", "duplicate_landline_number_id")  # fmt: skip
_TABLE = """CREATE TABLE IF NOT EXISTS bv_process (
    id INTEGER PRIMARY KEY AUTOINCREMENT, status TEXT NOT NULL, polls INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL, payload TEXT, reports TEXT NOT NULL DEFAULT '{}')"""


def install(db: sqlite3.Connection) -> None:
    db.execute(_TABLE)


def routes() -> list[Route]:
    return [
        Route("POST", "/v3/contacts/import", _import),
        Route("GET", "/v3/processes", _processes),
        Route("GET", "/v3/processes/{id}", _process),
        Route("GET", REPORTS + "{id}/{kind}", _report),
    ]


def _import(world: World, request: Request) -> Response:
    if len(request.body) > MOST_BYTES:
        raise wire.refuse(wire.INVALID, "The body exceeds the maximum size of 10 MB", 413)
    given = wire.body(request)
    rows = _rows(given)
    if not any(wire.plausible(row["email"]) for row in rows):
        raise wire.refuse(wire.INVALID, "We could not find any valid email or SMS or Contact ID in the file")
    lists = wire.ids(given.get("listIds"), "listIds")
    if any(not store.exists(world.db, "list", key) for key in lists):
        raise wire.refuse(wire.INVALID, "List does not exist")
    _refuse_beyond_the_plan(world, rows)
    lists = lists or [_new_list(world, given.get("newList") or {})]
    kept = {
        "rows": rows,
        "lists": lists,
        "block": bool(given.get("emailBlacklist", False)),
        "update": bool(given.get("updateExistingContacts", True)),
        "empties": bool(given.get("emptyContactsAttributes", False)),
    }
    made = world.db.execute(
        "INSERT INTO bv_process (status, created, payload) VALUES ('queued', ?, ?)",
        (wire.stamp(world.now()), json.dumps(kept)),
    )
    if world.settings.polls <= 0:
        _finish(world, int(made.lastrowid or 0))
    return Response(202, {"processId": made.lastrowid})


def _refuse_beyond_the_plan(world: World, rows: list[dict[str, Any]]) -> None:
    """Also because of those that imports before this one will create."""
    if plan.allowed(world, "brevo") is None:
        return
    query = "SELECT payload FROM bv_process WHERE status <> 'completed'"
    waiting = [row for (payload,) in world.db.execute(query) for row in json.loads(payload)["rows"]]
    held = store.counted(world.db)
    before, after = (held + _strangers(world, each) for each in (waiting, waiting + rows))
    if plan.exceeded(world, "brevo", before, after):
        raise Refusal(wire.full())


def _strangers(world: World, rows: list[dict[str, Any]]) -> int:
    """How many contacts these rows would create."""
    emails = {wire.clean(row["email"]) for row in rows if wire.plausible(row["email"])}
    query = "SELECT count(*) FROM bv_contact WHERE email IN (SELECT value FROM json_each(?))"
    return len(emails) - int(world.db.execute(query, (json.dumps(list(emails)),)).fetchone()[0])


def _rows(given: dict[str, Any]) -> list[dict[str, Any]]:
    """{email, attributes} each."""
    sources = [name for name in ("fileUrl", "fileBody", "jsonBody") if given.get(name)]
    if sources == ["jsonBody"]:
        rows = given["jsonBody"]
        if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
            raise wire.refuse(wire.INVALID, "jsonBody should be an array of objects")
        return [{"email": row.get("email"), "attributes": row.get("attributes") or {}} for row in rows]
    if sources == ["fileBody"]:
        lines = csv.DictReader(io.StringIO(str(given["fileBody"])), delimiter=";")
        return [{"email": row.pop("EMAIL", None), "attributes": row} for row in lines]
    raise wire.refuse(wire.MISSING, "One of fileUrl, fileBody and jsonBody is needed")


def _new_list(world: World, asked: dict[str, Any]) -> int:
    name, folder = asked.get("listName"), asked.get("folderId")
    if not name:
        raise wire.refuse(wire.MISSING, "listIds or newList is missing")
    if not isinstance(folder, int) or not store.exists(world.db, "folder", folder):
        raise wire.refuse(wire.INVALID, "folderId is missing or does not exist")
    return store.make_list(world.db, str(name), folder, wire.stamp(world.now()))


# -- carrying out -------------------------------------------------------------------------------------------------


def _finish(world: World, number: int) -> None:
    (payload,) = world.db.execute("SELECT payload FROM bv_process WHERE id = ?", (number,)).fetchone()
    job, known, reports = json.loads(payload), attributes.definitions(world.db), dict[str, list[str]]()
    columns = dict.fromkeys(name for row in job["rows"] for name in row["attributes"])
    for row in job["rows"]:
        kind = _apply(world, job, known, columns, row)
        if kind:
            reports.setdefault(kind, []).append(str(row["email"]))
    world.db.execute(
        "UPDATE bv_process SET status = 'completed', payload = NULL, reports = ? WHERE id = ?",
        (json.dumps(reports), number),
    )


def _apply(world: World, job: Any, known: Any, columns: dict[str, None], row: Any) -> str:
    """The report that the row ends in, "" when it was taken."""
    if not wire.plausible(row["email"]):
        return "invalid_emails"
    email, now = wire.clean(row["email"]), wire.stamp(world.now())
    held = store.one(world.db, "email", email)
    before = held["attributes"] if held else {}
    given = {name: row["attributes"].get(name) for name in columns}
    values = attributes.imported(known, before, given, job["empties"]) if job["update"] or not held else before
    if "SMS" in values and contacts.phone_taken(world, values["SMS"], held["id"] if held else 0):
        return "duplicate_phone_id"
    key = held["id"] if held else store.create(world.db, email, values, now)
    store.write(world.db, key, values, now)
    if job["block"]:
        store.block(world.db, key, True, now)
    for list_id in job["lists"]:
        if store.exists(world.db, "list", list_id):
            store.join(world.db, list_id, [key], now)
    return ""


def finish_forgotten(world: World) -> None:
    """Imports finish some time, whether somebody asks or not."""
    due = wire.stamp(world.now() - timedelta(seconds=world.settings.patience_s))
    query = "SELECT id FROM bv_process WHERE status <> 'completed' AND created < ?"
    for (number,) in world.db.execute(query, (due,)).fetchall():
        _finish(world, number)


# -- asking -------------------------------------------------------------------------------------------------------


def _processes(world: World, request: Request) -> Response:
    limit, offset, sort = wire.page(request, PAGE, MOST)
    query = f"SELECT id, status, reports FROM bv_process ORDER BY id {sort} LIMIT ? OFFSET ?"
    found = [_shown(request, *row) for row in world.db.execute(query, (limit, offset))]
    (count,) = world.db.execute("SELECT count(*) FROM bv_process").fetchone()
    return Response(200, {"processes": found, "count": count})


def _process(world: World, request: Request) -> Response:
    number = wire.whole(request.params["id"])
    world.db.execute("UPDATE bv_process SET polls = polls + 1, status = CASE status WHEN 'queued' THEN 'in_process' "
                     "ELSE status END WHERE id = ?", (number,))  # fmt: skip
    query = "SELECT id, status, reports, polls FROM bv_process WHERE id = ?"
    found = world.db.execute(query, (number,)).fetchone()
    if found is None:
        raise wire.absent("Process")
    if found[1] != "completed" and found[3] >= world.settings.polls:
        _finish(world, number)
        found = world.db.execute(query, (number,)).fetchone()
    return Response(200, _shown(request, *found[:3]))


def _shown(request: Request, number: int, status: str, reports: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": number, "name": "IMPORTUSER", "status": status}
    if status == "completed":
        held, base = json.loads(reports), f"{request.base_url}{REPORTS}{number}"
        shown["info"] = {"import": {kind: f"{base}/{kind}" if kind in held else None for kind in KINDS}}
    return shown


def _report(world: World, request: Request) -> Response:
    number, kind = wire.whole(request.params["id"]), request.params["kind"]
    found = world.db.execute("SELECT reports FROM bv_process WHERE id = ?", (number,)).fetchone()
    emails = json.loads(found[0]).get(kind) if found else None
    if not emails:
        raise wire.absent("Report")
    return Response(200, "\r\n".join(["EMAIL", *emails, ""]).encode(), {"content-type": "text/csv"})
