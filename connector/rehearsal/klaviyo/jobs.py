"""Jobs of the rehearsed Klaviyo: the bulk import, and how any job is asked about.

Owns: kl_job, kl_job_profile, kl_import_error; caps, validation, and when a job is over.
Must not: hold rules of merging (klaviyo_store) or consent (klaviyo_consent).

An import is refused as a whole for one bad row, importing nobody; what passes is applied when the job has been polled
often enough, and after Settings.patience_s at the latest.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from connector.rehearsal.core import plan
from connector.rehearsal.core.world import Refusal, Request, Response, Route, World, forgotten
from connector.rehearsal.klaviyo import lists, profiles, store, wire
from connector.rehearsal.klaviyo.wire import Trouble

IMPORT = "profile-bulk-import-job"
SUPPRESS, UNSUPPRESS = "profile-suppression-bulk-create-job", "profile-suppression-bulk-delete-job"
MAX_PROFILES, MAX_BODY, MAX_PROFILE = 10_000, 5_000_000, 100_000
KEPT = timedelta(days=7)
ROWS = "/data/attributes/profiles/data"
_TABLES = """
CREATE TABLE IF NOT EXISTS kl_job (
    n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, created TEXT NOT NULL,
    completed TEXT, polls INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL, done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, skipped INTEGER NOT NULL DEFAULT 0, lists TEXT NOT NULL, payload BLOB);
CREATE INDEX IF NOT EXISTS kl_job_open ON kl_job (created) WHERE completed IS NULL;
CREATE TABLE IF NOT EXISTS kl_job_profile (
    job INTEGER NOT NULL, profile INTEGER NOT NULL, PRIMARY KEY (job, profile)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kl_import_error (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, job INTEGER NOT NULL, code TEXT NOT NULL, title TEXT NOT NULL,
    detail TEXT NOT NULL, pointer TEXT NOT NULL, payload TEXT NOT NULL);
"""


def install(db: sqlite3.Connection) -> None:
    for statement in filter(None, map(str.strip, _TABLES.split(";"))):
        db.execute(statement)


def routes() -> list[Route]:
    return [
        Route("POST", "/api/profile-bulk-import-jobs", _import),
        Route("GET", "/api/profile-bulk-import-jobs", _jobs(IMPORT)),
        Route("GET", "/api/profile-bulk-import-jobs/{id}", _poll),
        Route("GET", "/api/profile-bulk-import-jobs/{id}/import-errors", _errors),
        Route("GET", "/api/profile-bulk-import-jobs/{id}/profiles", _imported),
        Route("GET", "/api/profile-bulk-import-jobs/{id}/relationships/profiles", _imported_ids),
        Route("GET", "/api/profile-bulk-import-jobs/{id}/relationships/lists", _list_ids),
        Route("GET", "/api/profile-suppression-bulk-create-jobs", _jobs(SUPPRESS)),
        Route("GET", "/api/profile-suppression-bulk-create-jobs/{id}", _poll),
        Route("GET", "/api/profile-suppression-bulk-delete-jobs", _jobs(UNSUPPRESS)),
        Route("GET", "/api/profile-suppression-bulk-delete-jobs/{id}", _poll),
    ]


# -- import -------------------------------------------------------------------------------------------------------


def _import(world: World, request: Request) -> Response:
    if len(request.body) > MAX_BODY:
        raise Refusal(wire.problem(413, Trouble("The payload may be at most 5 MB.")))
    data = wire.body_data(request, IMPORT)
    rows = rows_of(data, MAX_PROFILES)
    texts = [json.dumps(row) for row in rows]
    pairs = enumerate(zip(rows, texts, strict=True))
    if found := [trouble for index, (row, text) in pairs for trouble in _refusals(row, text, index)]:
        raise wire.invalid(*found)
    joined = _list_ids_in(world, data)
    _refuse_beyond_the_plan(world, rows)
    number = open_job(world, IMPORT, len(rows), joined, f"[{','.join(texts)}]")
    if world.settings.polls <= 0:
        _finish_import(world, number)
    return answer(world, request, number, 202)


def _refuse_beyond_the_plan(world: World, rows: list[Any]) -> None:
    """Also because of those that jobs before this one will create."""
    if plan.allowed(world, "klaviyo") is None:
        return
    query = "SELECT payload FROM kl_job WHERE completed IS NULL AND kind = ?"
    waiting = [row for (payload,) in world.db.execute(query, (IMPORT,)) for row in json.loads(payload)]
    held = store.counted(world.db)
    before, after = (held + store.strangers(world.db, each) for each in (waiting, waiting + rows))
    if plan.exceeded(world, "klaviyo", before, after):
        raise Refusal(wire.full())


def _refusals(row: Any, text: str, index: int) -> list[Trouble]:
    found = profiles.troubles(row, f"{ROWS}/{index}")
    if not found and len(text) > MAX_PROFILE:
        found = [Trouble("A profile may be at most 100 KB.", f"{ROWS}/{index}")]
    return found


def rows_of(data: dict[str, Any], most: int) -> list[Any]:
    rows = ((data.get("attributes") or {}).get("profiles") or {}).get("data")
    if not isinstance(rows, list) or not rows:
        raise wire.invalid(Trouble("At least one profile is required.", ROWS))
    if len(rows) > most:
        raise wire.invalid(Trouble(f"At most {most} profiles are accepted.", ROWS))
    return rows


def _list_ids_in(world: World, data: dict[str, Any]) -> list[str]:
    named = ((data.get("relationships") or {}).get("lists") or {}).get("data") or []
    keys = [str(one.get("id")) for one in named if isinstance(one, dict)]
    for key in keys:
        if not lists.exists(world.db, key):
            raise wire.invalid(Trouble(f"List ID {key} does not exist.", "/data"))
    return keys


def open_job(world: World, kind: str, total: int, joined: Sequence[str] = (), payload: str = "") -> int:
    number = (world.db.execute("SELECT max(n) FROM kl_job").fetchone()[0] or 0) + 1
    values = (number, f"job{number:09d}", kind, "queued", wire.stamp(world.now()), total, json.dumps(joined), payload)
    world.db.execute(
        "INSERT INTO kl_job (n, id, kind, status, created, total, lists, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    return number


def _finish_import(world: World, number: int) -> None:
    payload, joined = world.db.execute("SELECT payload, lists FROM kl_job WHERE n = ?", (number,)).fetchone()
    rows, now = json.loads(payload), wire.stamp(world.now())
    bad = {index: _undeliverable(index) for index, row in enumerate(rows) if _invalid_domain(row)}
    left = {index for index, row in enumerate(rows) if forgotten(world, row)}
    bad = {index: error for index, error in bad.items() if index not in left}
    good = [index for index in range(len(rows)) if index not in bad and index not in left]
    written = store.upsert(world.db, [rows[index] for index in good], now, null_clears=False)
    bad |= {good[place]: _conflict(good[place], holder) for place, holder in written.conflicts.items()}
    pks = {one.pk for one in written.profiles if one is not None}
    world.db.executemany("INSERT OR IGNORE INTO kl_job_profile VALUES (?, ?)", [(number, pk) for pk in pks])
    for key in json.loads(joined):
        lists.join(world.db, key, pks, now)
    _note_errors(world.db, number, bad, rows)
    values = (now, len(rows) - len(left), len(bad), number)
    world.db.execute(
        "UPDATE kl_job SET status = 'complete', completed = ?, done = ?, failed = ?, payload = NULL WHERE n = ?", values
    )


def _invalid_domain(row: dict[str, Any]) -> bool:
    return store.clean(row["attributes"].get("email") or "").endswith(".invalid")


def _undeliverable(index: int) -> Trouble:
    return Trouble("The email address cannot receive mail.", f"{ROWS}/{index}/attributes/email")


def _conflict(index: int, holder: str) -> Trouble:
    detail = "A profile already exists with one of these identifiers."
    return Trouble(detail, f"{ROWS}/{index}/attributes", code="duplicate_profile", title="Conflict.")


def _note_errors(db: sqlite3.Connection, number: int, bad: dict[int, Trouble], rows: Sequence[Any]) -> None:
    db.executemany(
        "INSERT INTO kl_import_error (id, job, code, title, detail, pointer, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                str(uuid.uuid4()),
                number,
                trouble.code or "invalid",
                trouble.title or "Invalid input.",
                trouble.detail,
                trouble.pointer,
                json.dumps(rows[index]["attributes"]),
            )
            for index, trouble in sorted(bad.items())
        ],
    )


def finish_forgotten(world: World) -> None:
    """Imports finish some time, whether somebody asks or not."""
    due = wire.stamp(world.now() - timedelta(seconds=world.settings.patience_s))
    query = "SELECT n FROM kl_job WHERE completed IS NULL AND created < ? AND kind = ?"
    for (number,) in world.db.execute(query, (due, IMPORT)).fetchall():
        _finish_import(world, number)


# -- asking about jobs --------------------------------------------------------------------------------------------


def _kind(request: Request) -> str:
    return request.template.split("/")[2].removesuffix("s")


def _find(world: World, request: Request) -> int:
    query = "SELECT n FROM kl_job WHERE id = ? AND kind = ?"
    found = world.db.execute(query, (request.params["id"], _kind(request))).fetchone()
    if found is None:
        raise wire.missing(_kind(request), request.params["id"])
    return int(found[0])


def _poll(world: World, request: Request) -> Response:
    number = _find(world, request)
    world.db.execute("UPDATE kl_job SET polls = polls + 1 WHERE n = ?", (number,))
    query = "SELECT polls >= ? AND completed IS NULL FROM kl_job WHERE n = ?"
    if world.db.execute(query, (world.settings.polls, number)).fetchone()[0]:
        if _kind(request) == IMPORT:
            _finish_import(world, number)
        else:
            end = "UPDATE kl_job SET status = 'complete', completed = ?, done = total WHERE n = ?"
            world.db.execute(end, (wire.stamp(world.now()), number))
    else:
        world.db.execute("UPDATE kl_job SET status = 'processing' WHERE n = ? AND completed IS NULL", (number,))
    return answer(world, request, number, 200)


def answer(world: World, request: Request, number: int, status: int) -> Response:
    return wire.one(_object(world, request, number), status)


def _object(world: World, request: Request, number: int) -> dict[str, Any]:
    query = "SELECT id, kind, status, created, completed, total, done, failed, skipped, lists FROM kl_job WHERE n = ?"
    key, kind, status, created, completed, total, done, failed, skipped, joined = world.db.execute(
        query, (number,)
    ).fetchone()
    attributes = {"status": status, "created_at": created, "total_count": total, "completed_count": done}
    attributes["completed_at"] = completed
    if kind == IMPORT:
        expires = wire.stamp(datetime.fromisoformat(created) + KEPT)
        started = None if status == "queued" else created
        attributes |= {"failed_count": failed, "started_at": started, "expires_at": expires}
    else:
        attributes["skipped_count"] = skipped
    found = wire.resource(request, kind, key, attributes)
    if kind == IMPORT:
        link = found["links"]["self"]
        named = [{"type": "list", "id": one} for one in json.loads(joined)]
        links = {"self": f"{link}/relationships/lists", "related": f"{link}/lists"}
        found["relationships"] = {"lists": {"data": named, "links": links}}
    return found


def _jobs(kind: str) -> Any:
    def handler(world: World, request: Request) -> Response:
        size, after = wire.page_size(request, 20, 100), wire.position(request) or [2**62]
        found = wire.conditions(request, {"status": ("any", "equals")})
        wanted = "".join(f" AND status IN ({','.join('?' * len(values))})" for _, _, values in found)
        query = f"SELECT n FROM kl_job WHERE kind = ? AND n < ?{wanted} ORDER BY n DESC LIMIT ?"
        values = [value for _, _, some in found for value in some]
        numbers = [number for (number,) in world.db.execute(query, (kind, after[0], *values, size + 1))]
        rows = [_object(world, request, number) for number in numbers[:size]]
        return wire.many(request, rows, wire.cursor(numbers[size - 1]) if len(numbers) > size else "")

    return handler


def _errors(world: World, request: Request) -> Response:
    number, size = _find(world, request), wire.page_size(request, 20, 100)
    after = wire.position(request) or [0]
    query = (
        "SELECT n, id, code, title, detail, pointer, payload FROM kl_import_error WHERE job = ? AND n > ? "
        "ORDER BY n LIMIT ?"
    )
    rows = world.db.execute(query, (number, after[0], size + 1)).fetchall()
    data = []
    for _, key, code, title, detail, pointer, payload in rows[:size]:
        attributes = {"code": code, "title": title, "detail": detail, "source": {"pointer": pointer}}
        attributes |= {"original_payload": json.loads(payload)}
        data.append({"type": "import-error", "id": key, "attributes": attributes})
    return wire.many(request, data, wire.cursor(rows[size - 1][0]) if len(rows) > size else "")


def _imported(world: World, request: Request) -> Response:
    return _imported_page(world, request, ids_only=False)


def _imported_ids(world: World, request: Request) -> Response:
    return _imported_page(world, request, ids_only=True)


def _imported_page(world: World, request: Request, *, ids_only: bool) -> Response:
    source = "kl_job_profile j JOIN kl_profile p ON p.pk = j.profile AND j.job = ?"
    return profiles.page(world, request, source, [_find(world, request)], [], {}, ids_only=ids_only)


def _list_ids(world: World, request: Request) -> Response:
    query = "SELECT lists FROM kl_job WHERE n = ?"
    keys = json.loads(world.db.execute(query, (_find(world, request),)).fetchone()[0])
    return wire.many(request, [{"type": "list", "id": key} for key in keys])
