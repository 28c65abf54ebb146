"""The rehearsed Brevo: what the server and the page see of it.

Owns: the key, the hourly limits, the account, seed data, the overview. Must not: hold rules of an endpoint.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connector.rehearsal.brevo import attributes, campaigns, contacts, imports, lists, store, wire
from connector.rehearsal.core import plan
from connector.rehearsal.core.campaigns import record
from connector.rehearsal.core.limits import Window
from connector.rehearsal.core.world import Did, Members, Overview, Request, Response, Route, TargetRow, World, lacked

NAME, TITLE, PREFIXES = "brevo", "Brevo", ("/v3",)
HOUR = 3600.0
# Guide “Rate limits”, general tier. What it calls requests per second is counted in any second here.
CONTACTS = [Window(10, 1.0, "second"), Window(36_000, HOUR, "hour")]
OTHERS = [Window(100, HOUR, "hour")]


def install(world: World) -> None:
    for part in (store, attributes, imports):
        part.install(world.db)
    if not store.exists(world.db, "folder", 1):
        store.make_folder(world.db, "Your First Folder")
        if world.settings.samples:
            _seed(world)


def _seed(world: World) -> None:
    """A few invented people, one for each state of a contact."""
    db, at = world.db, wire.stamp(world.now() - timedelta(days=30))
    newsletter = store.make_list(db, "Newsletter", 1, at)
    keys = {
        name: store.create(db, f"bv.{name}@example.com", {"FIRSTNAME": name.title()}, at)
        for name in ("subscribed", "blocklisted", "left")
    }
    store.join(db, newsletter, keys.values(), at)
    store.block(db, keys["blocklisted"], True, at)
    store.leave(db, newsletter, keys["left"])


def routes() -> list[Route]:
    own = [Route("GET", "/v3/account", _account)]
    found = own + [route for part in (contacts, lists, attributes, imports, campaigns) for route in part.routes()]
    return plan.within(NAME, found, lambda world: store.counted(world.db), wire.full)


def engage(world: World, events: Sequence[Did]) -> None:
    """Brevo tells nothing of this in bulk but of campaigns; a mail that came back blocklists the contact."""
    named = "SELECT id FROM bv_list WHERE name = ? ORDER BY id"
    record(world, NAME, events, lambda name: str((world.db.execute(named, (name,)).fetchone() or ("",))[0]))
    for event in events:
        held = store.one(world.db, "email", wire.clean(event.email))
        if held and event.did == "bounce":
            store.block(world.db, held["id"], True, wire.stamp(event.at))


# -- on arrival ---------------------------------------------------------------------------------------------------


def guard(world: World, request: Request) -> Response | None:
    """Key, then limits. Also lets forgotten imports finish."""
    if request.path.startswith(imports.REPORTS):
        return None
    if request.headers.get("api-key") != world.settings.keys[NAME]:
        return wire.problem(401, "unauthorized", "Key not found" if "api-key" in request.headers else "api-key missing")
    if _area(request) in lacked(world, NAME):
        return wire.problem(403, "permission_denied", "Your account is under validation. Contact our support team.")
    refusal = _limits(world, request)
    if refusal is None:
        imports.finish_forgotten(world)
    return refusal


def _area(request: Request) -> str:
    """The part of an account that a request is about."""
    parts = request.template.split("/")
    return next((name for name in ("attributes", "lists", "contacts") if name in parts), "")


def _limits(world: World, request: Request) -> Response | None:
    if not world.settings.limits:
        return None
    of_contacts = request.path.startswith("/v3/contacts")
    bucket, windows = ("contacts", CONTACTS) if of_contacts else (request.template or request.path, OTHERS)
    verdict = world.meter.take(f"{NAME} {bucket}", windows, world.settings.limit_scale)
    hit = windows.index(verdict.exceeded) if verdict.exceeded else 0
    told = {"limit": verdict.allowed[hit], "remaining": verdict.remaining[hit], "reset": math.ceil(verdict.reset[hit])}
    headers = {f"x-sib-ratelimit-{name}": str(value) for name, value in told.items()}
    if verdict.exceeded:
        return _throttled(headers)
    request.reply_headers |= headers
    return None


def _throttled(headers: dict[str, str]) -> Response:
    answer = wire.problem(429, "too_many_requests", "Rate limit exceeded. Please try again later.")
    answer.headers |= headers
    return answer


def error(status: int, detail: str = "") -> Response:
    code = {400: wire.INVALID, 404: wire.ABSENT, 405: "method_not_allowed", 501: "not_in_rehearsal"}.get(
        status, "internal_error"
    )
    return wire.problem(status, code, detail or "The request could not be served")


def fault(kind: str) -> Response:
    if kind == "throttle":
        return _throttled(
            {"x-sib-ratelimit-limit": "10", "x-sib-ratelimit-remaining": "0", "x-sib-ratelimit-reset": "1"}
        )
    if kind == "blocked":
        return Response(403, b"<!DOCTYPE html><title>Just a moment...</title>", {"content-type": "text/html"})
    return error(503 if kind == "unavailable" else 500)


# -- account ------------------------------------------------------------------------------------------------------


def _account(world: World, request: Request) -> Response:
    organisation = world.settings.accounts[NAME]
    if not organisation:
        return error(403)
    about: dict[str, Any] = {
        "organization_id": organisation,
        "user_id": 1,
        "enterprise": False,
        "email": "owner@shop.example.com",
        "firstName": "Rehearsal",
        "lastName": "Owner",
        "companyName": "Rehearsal Shop",
        "address": {"street": "1 Test Street", "city": "Testing", "zipCode": "00000", "country": "Germany"},
        "plan": [{"type": "free", "credits": 300, "creditsType": "sendLimit"}],
        "planVerticals": [],
        "relay": {"enabled": False},
        "marketingAutomation": {"enabled": False},
    }
    return Response(200, about)


# -- the page -----------------------------------------------------------------------------------------------------

_STATUS = "CASE c.blocked WHEN 1 THEN 'blocklisted' ELSE 'subscribed' END"
# Every part of a text that begins and ends with ; counts as a tag.
_TAGS = """FROM bv_contact c, json_each(c.attributes) held,
    json_each('["' || replace(replace(trim(held.value, ';'), '"', '\\"'), ';', '","') || '"]') tag
    WHERE held.type = 'text' AND held.value LIKE ';%;'"""


def overview(world: World) -> Overview:
    count = f"SELECT {_STATUS}, count(*) FROM bv_contact c GROUP BY 1 ORDER BY 1"
    held = "SELECT l.id, l.name, count(m.contact) FROM bv_list l LEFT JOIN bv_member m ON m.list = l.id GROUP BY l.id"
    targets = [TargetRow("list", name, members, f"list:{key}") for key, name, members in world.db.execute(held)]
    tags = f"SELECT held.key, tag.value, count(DISTINCT c.id) {_TAGS} GROUP BY 1, 2 ORDER BY 1, 2"
    targets += [
        TargetRow("tag", str(value), members, "tag:" + json.dumps([name, value]))
        for name, value, members in world.db.execute(tags)
    ]
    return Overview(
        f"Rehearsal Shop ({world.settings.accounts[NAME]})", dict(world.db.execute(count).fetchall()), targets
    )


def members(world: World, key: str, limit: int, offset: int) -> Members | None:
    kind, _, rest = key.partition(":")
    if kind == "list" and rest.isdigit() and store.exists(world.db, "list", int(rest)):
        (name,) = world.db.execute("SELECT name FROM bv_list WHERE id = ?", (rest,)).fetchone()
        source = "bv_contact c JOIN bv_member m ON m.contact = c.id AND m.list = ?"
        return _people(world, name, source, [int(rest)], limit, offset)
    if kind == "tag":
        name, value = json.loads(rest)
        inside = f"(SELECT DISTINCT c.* {_TAGS} AND held.key = ? AND tag.value = ?) c"
        return _people(world, str(value), inside, [name, value], limit, offset)
    return None


def _people(world: World, name: str, source: str, values: list[Any], limit: int, offset: int) -> Members:
    (total,) = world.db.execute(f"SELECT count(*) FROM {source}", values).fetchone()
    query = f"SELECT c.email, {_STATUS} FROM {source} ORDER BY c.id LIMIT ? OFFSET ?"
    return Members(name, total, world.db.execute(query, [*values, limit, offset]).fetchall())
