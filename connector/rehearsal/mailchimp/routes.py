"""The rehearsed Mailchimp Marketing API 3.0: one account, its audiences, members and tags.

Owns: the platform's face to the server (see world.py), authorisation, the connection cap, the account. The endpoints
stand in mailchimp_lists, _members, _tags and _batches, what is accepted in mailchimp_rules. Must not: import anything
of the connector outside this package.

Where the vendor's documents say nothing it is strict: what a client may not rely on does not happen here.
"""

from __future__ import annotations

import base64
import binascii
import re

from connector.rehearsal.core import plan
from connector.rehearsal.core.world import KEYS, Members, Overview, Request, Response, Route, TargetRow, World, lacked
from connector.rehearsal.mailchimp import batches, exports, lists, lookups, reports, seed, store, tags, wire
from connector.rehearsal.mailchimp import members as mailchimp_members

NAME, TITLE = "mailchimp", "Mailchimp"
PREFIXES = ("/3.0", batches.RESULTS)
CONNECTIONS = 10  # at once, for the whole account
ACCOUNT = "Rehearsal Ltd"
engage = reports.engage
load = exports.load
FORMED = "0" * 32 + "-us1"  # 32 hexadecimal digits and the data centre, as the vendor's keys
_KEY = re.compile(r".+-[a-z]{2}\d+")


def install(world: World) -> None:
    """Make the tables; a new state file gets the audience Newsletter."""
    for module in (lists, store, batches, reports):
        for statement in filter(str.strip, module.SCHEMA.split(";")):
            world.db.execute(statement)
    if not world.db.execute("SELECT 1 FROM mc_lists").fetchone():
        seed.plant(world)


def routes() -> list[Route]:
    return [*_operations(), *batches.routes(_operations)]


def _operations() -> list[Route]:
    found = [
        Route("GET", "/3.0", get_root),
        Route("GET", "/3.0/ping", get_ping),
        *lists.routes(),
        *mailchimp_members.routes(),
        *tags.routes(),
        *reports.routes(),
        *lookups.routes(),
    ]
    return plan.within(NAME, found, store.counted, lambda: wire.problem(402, plan.FULL))


def error(status: int, detail: str = "") -> Response:
    """A problem document; 404 and 405 in Mailchimp's words."""
    texts = {
        404: "The requested resource could not be found.",
        405: "The requested method and resource are not compatible.",
    }
    return wire.problem(status, detail or texts.get(status, ""))


def fault(kind: str) -> Response:
    """Under load Mailchimp answers 429, or its edge answers with pages: a bare 403, a 503 of HTML. No Retry-After."""
    html = {"content-type": "text/html"}
    if kind == "throttle":
        return wire.problem(429, f"You have exceeded the limit of {CONNECTIONS} simultaneous connections.")
    if kind == "blocked":
        return Response(403, b"<html><head><title>403 Forbidden</title></head><body></body></html>", html)
    if kind == "unavailable":
        return Response(503, b"<html><head><title>Request Blocked</title></head><body></body></html>", html)
    return wire.problem(500, "An unexpected internal error has occurred.")


def guard(world: World, request: Request) -> Response | None:
    """The key, and at most ten requests at once; also lets forgotten batches run. Archives of batches stand in a file
    store that checks by itself."""
    if request.path.startswith(batches.RESULTS):
        return None
    settings = world.settings
    if settings.limits and world.in_flight.get(NAME, 0) > max(1, int(CONNECTIONS * settings.limit_scale)):
        return fault("throttle")
    key = _key(request.headers.get("authorization", ""))
    if key is None:
        return wire.problem(401, "Your request did not include an API key.", "API Key Missing")
    if not _KEY.fullmatch(key) or key not in _keys(settings.keys[NAME]):
        return wire.problem(401, "Your API key may be invalid, or you've attempted to access the wrong datacenter.")
    if request.writes and lacked(world, NAME):
        return wire.problem(403, "User does not have access to the requested operation", "User action not permitted")
    batches.finish_forgotten(world, _operations)
    return None


def _keys(key: str) -> set[str]:
    """Clients that look at the form of a key want one like the vendor's: it opens what the sample key opens."""
    return {key, FORMED} if key == KEYS[NAME] else {key}


def _key(header: str) -> str | None:
    """The key of a Basic (any user, the key as password) or Bearer header."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def get_ping(world: World, request: Request) -> Response:
    return Response(body={"health_status": "Everything's Chimpy!"})


def get_root(world: World, request: Request) -> Response:
    account = world.settings.accounts[NAME]
    if not account:
        return error(403)
    (total,) = world.db.execute("SELECT count(*) FROM mc_members WHERE status = 'subscribed'").fetchone()
    body = {
        "account_id": account,
        "login_id": "1",
        "account_name": ACCOUNT,
        "email": "owner@example.com",
        "first_name": "Olive",
        "last_name": "Owner",
        "username": "rehearsal",
        "role": "viewer" if lacked(world, NAME) else "owner",
        "member_since": "2020-01-01T00:00:00+00:00",
        "pricing_plan_type": "monthly",
        "account_timezone": "UTC",
        "pro_enabled": False,
        "total_subscribers": total,
        "_links": [],
    }
    return wire.select(request, body)


def overview(world: World) -> Overview:
    """Contacts of all audiences by status, and every tag with its members that are not archived."""
    contacts = dict(world.db.execute("SELECT status, count(*) FROM mc_members GROUP BY status ORDER BY 2 DESC, 1"))
    rows = world.db.execute(
        "SELECT l.name, s.name, s.id, count(m.hash) FROM mc_segments s JOIN mc_lists l ON l.id = s.list_id"
        " LEFT JOIN mc_tagged t ON t.segment_id = s.id"
        " LEFT JOIN mc_members m ON m.list_id = s.list_id AND m.hash = t.hash AND m.status <> 'archived'"
        " GROUP BY s.id ORDER BY l.number, s.name"
    )
    targets = [TargetRow(f"tag in {audience}", name, count, str(key)) for audience, name, key, count in rows]
    return Overview(ACCOUNT, contacts, targets)


def members(world: World, key: str, limit: int, offset: int) -> Members | None:
    """Who has the tag with this id."""
    row = world.db.execute("SELECT name FROM mc_segments WHERE id = ?", (key,)).fetchone()
    if row is None:
        return None
    found = world.db.execute(
        "SELECT m.email, m.status FROM mc_tagged t JOIN mc_segments s ON s.id = t.segment_id JOIN mc_members m"
        " ON m.list_id = s.list_id AND m.hash = t.hash WHERE s.id = ? AND m.status <> 'archived' ORDER BY m.email",
        (key,),
    ).fetchall()
    return Members(row[0], len(found), found[offset : offset + limit])
