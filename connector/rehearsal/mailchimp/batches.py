"""Asynchronous batches of the rehearsed Mailchimp: operations now, answers later in an archive.

Owns: /batches and the archive's address; the table mc_batches. Must not: know what an operation does (it runs the
platform's own routes).
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from connector.rehearsal.core.routing import Router, absent
from connector.rehearsal.core.world import BadJson, Refusal, Request, Response, Route, World, forgotten
from connector.rehearsal.mailchimp import wire

OPERATIONS, OPEN_BATCHES = 1000, 500
LINK_MINUTES = 10
RESULTS = "/mailchimp-batch-results"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SCHEMA = """
CREATE TABLE IF NOT EXISTS mc_batches(
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, submitted TEXT, completed TEXT, polls INTEGER, total INTEGER,
    errored INTEGER, operations TEXT, archive BLOB);
"""
_STATES = ("pending", "preprocessing", "started", "finalizing")


def routes(operations: Callable[[], list[Route]]) -> list[Route]:
    """`operations` gives the routes that a batch can run."""

    def advance(world: World, request: Request) -> Response:
        return get_batch(world, request, Router(operations()))

    return [
        Route("GET", "/3.0/batches", get_batches),
        Route("POST", "/3.0/batches", post_batch),
        Route("GET", "/3.0/batches/{batch_id}", advance),
        Route("DELETE", "/3.0/batches/{batch_id}", delete_batch),
        Route("GET", RESULTS + "/{name}", get_archive),
    ]


def post_batch(world: World, request: Request) -> Response:
    operations = wire.body_object(request, "operations")["operations"]
    if not isinstance(operations, list) or len(operations) > OPERATIONS:
        raise wire.invalid(("operations", f"This collection should contain {OPERATIONS} elements or less."))
    for index, operation in enumerate(operations):
        _check(operation, f"operations.item:{index}")
    number, waiting = world.db.execute(
        "SELECT coalesce(max(number), 0) + 1, count(*) FILTER (WHERE completed = '') FROM mc_batches"
    ).fetchone()
    if waiting >= OPEN_BATCHES:
        raise Refusal(wire.problem(429, f"You have more than {OPEN_BATCHES} pending batches."))
    batch_id = wire.md5(f"batch {number}")[:10]
    world.db.execute(
        "INSERT INTO mc_batches VALUES (?, ?, ?, '', 0, ?, 0, ?, NULL)",
        (number, batch_id, wire.stamp(world.now()), len(operations), json.dumps(operations)),
    )
    return Response(body=_document(world, request, batch_id))


def _check(operation: Any, where: str) -> None:
    if not isinstance(operation, dict) or operation.get("method") not in METHODS or not operation.get("path"):
        raise wire.invalid((where, "An operation needs a path and one of the accepted methods."))
    if not isinstance(operation.get("body", ""), str):
        raise wire.invalid((f"{where}.body", "Schema describes string, another type was found instead."))


def finish_forgotten(world: World, operations: Callable[[], list[Route]]) -> None:
    """Batches run some time, whether somebody asks or not."""
    due = wire.stamp(world.now() - timedelta(seconds=world.settings.patience_s))
    query = "SELECT id FROM mc_batches WHERE completed = '' AND submitted < ? ORDER BY number"
    for (batch_id,) in world.db.execute(query, (due,)).fetchall():
        _run(world, batch_id, Router(operations()))


def get_batches(world: World, request: Request) -> Response:
    count, offset = wire.page(request)
    found = world.db.execute("SELECT id FROM mc_batches ORDER BY number DESC").fetchall()
    shown = [_document(world, request, batch_id) for (batch_id,) in found[offset : offset + count]]
    return wire.select(request, {"batches": shown, "total_items": len(found), "_links": []})


def get_batch(world: World, request: Request, router: Router) -> Response:
    """Each look moves the batch on; at the last its operations run."""
    batch_id = _known(world, request)
    world.db.execute("UPDATE mc_batches SET polls = polls + 1 WHERE id = ?", (batch_id,))
    polls, completed = world.db.execute("SELECT polls, completed FROM mc_batches WHERE id = ?", (batch_id,)).fetchone()
    if not completed and polls >= world.settings.polls:
        _run(world, batch_id, router)
    return wire.select(request, _document(world, request, batch_id))


def delete_batch(world: World, request: Request) -> Response:
    """Cancel; what was not run never will be."""
    world.db.execute("DELETE FROM mc_batches WHERE id = ?", (_known(world, request),))
    return Response(204)


def get_archive(world: World, request: Request) -> Response:
    """A presigned address of a file store: it wants no credentials (and refuses a second kind of them), and expires."""
    if "authorization" in request.headers:
        return _store_error(400, "InvalidArgument", "Only one auth mechanism allowed")
    if request.first("Expires") < wire.stamp(world.now()):
        return _store_error(403, "AccessDenied", "Request has expired")
    name = request.params["name"].removesuffix("-response.tar.gz")
    row = world.db.execute("SELECT archive FROM mc_batches WHERE id = ? AND archive NOT NULL", (name,)).fetchone()
    if not row:
        return _store_error(404, "NoSuchKey", "The specified key does not exist.")
    return Response(body=row[0], headers={"content-type": "application/x-gzip"})


def _store_error(status: int, code: str, message: str) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(status, body.encode(), {"content-type": "application/xml"})


def _known(world: World, request: Request) -> str:
    batch_id = request.params["batch_id"]
    if not world.db.execute("SELECT 1 FROM mc_batches WHERE id = ?", (batch_id,)).fetchone():
        raise wire.not_found()
    return batch_id


def _run(world: World, batch_id: str, router: Router) -> None:
    (text,) = world.db.execute("SELECT operations FROM mc_batches WHERE id = ?", (batch_id,)).fetchone()
    done = [operation for operation in json.loads(text) if not forgotten(world, operation)]
    rows = [_one(world, router, operation) for operation in done]
    errored = sum(1 for row in rows if row["status_code"] >= 400)
    world.db.execute(
        "UPDATE mc_batches SET completed = ?, errored = ?, archive = ?, operations = ? WHERE id = ?",
        (wire.stamp(world.now()), errored, _archive(batch_id, rows), json.dumps(done), batch_id),
    )


def _one(world: World, router: Router, operation: dict[str, Any]) -> dict[str, Any]:
    answer = _answer(world, router, operation)
    text = "" if answer.body is None else json.dumps(answer.body)
    return {"status_code": answer.status, "operation_id": operation.get("operation_id", ""), "response": text}


def _answer(world: World, router: Router, operation: dict[str, Any]) -> Response:
    path = "/3.0/" + operation["path"].removeprefix("/").removeprefix("3.0/")
    match = router.match(operation["method"], path)
    if match.route is None:
        status, text = absent(operation["method"], path, match)
        return wire.problem(status, text)
    query = {name: [str(value)] for name, value in (operation.get("params") or {}).items()}
    body = operation.get("body", "").encode()
    request = Request(operation["method"], path, query, {}, body, match.params, match.route.path)
    world.db.execute("SAVEPOINT mc_operation")
    try:
        return match.route.handler(world, request)
    except Refusal as refusal:
        world.db.execute("ROLLBACK TO mc_operation")
        return refusal.response
    except BadJson:
        world.db.execute("ROLLBACK TO mc_operation")
        return wire.problem(400, "The body of the operation is not valid JSON.")
    finally:
        world.db.execute("RELEASE mc_operation")


def _archive(batch_id: str, rows: list[dict[str, Any]]) -> bytes:
    """A tar.gz of one JSON file, as the file store serves it."""
    content = json.dumps(rows).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        folder = tarfile.TarInfo(batch_id + "/")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        info = tarfile.TarInfo(f"{batch_id}/{batch_id}.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return gzip.compress(packed.getvalue())


def _document(world: World, request: Request, batch_id: str) -> dict[str, Any]:
    columns = "submitted, completed, polls, total, errored, json_array_length(operations)"
    submitted, completed, polls, total, errored, done = world.db.execute(
        f"SELECT {columns} FROM mc_batches WHERE id = ?", (batch_id,)
    ).fetchone()
    document = {
        "id": batch_id,
        "status": "finished" if completed else _STATES[min(polls, len(_STATES) - 1)],
        "total_operations": total,
        "finished_operations": done if completed else 0,
        "errored_operations": errored,
        "submitted_at": submitted,
        "completed_at": completed,
        "response_body_url": "",
        "_links": [],
    }
    if completed:
        expires = wire.stamp(world.now() + timedelta(minutes=LINK_MINUTES))
        signed = urlencode({"Expires": expires, "Signature": wire.md5(batch_id + expires)})
        document["response_body_url"] = f"{request.base_url}{RESULTS}/{batch_id}-response.tar.gz?{signed}"
    return document
