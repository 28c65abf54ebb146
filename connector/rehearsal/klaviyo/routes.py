"""The rehearsed Klaviyo: what the server and the page see of it.

Owns: key and revision checks, rate limits, the account, seed data, the overview.
Must not: hold rules of an endpoint (klaviyo_profiles, _lists, _jobs, _consent, _events).
Facts are of 2026-11-21: developers.klaviyo.com, API revision 2026-07-15.
"""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from connector.rehearsal.core import plan
from connector.rehearsal.core.limits import Window
from connector.rehearsal.core.world import Members, Overview, Refusal, Request, Response, Route, TargetRow, World
from connector.rehearsal.klaviyo import (
    campaigns,
    consent,
    events,
    exports,
    jobs,
    lists,
    profiles,
    scopes,
    store,
    wire,
)
from connector.rehearsal.klaviyo.wire import Trouble

NAME, TITLE, PREFIXES = "klaviyo", "Klaviyo", ("/api",)
engage = events.engage
load = exports.load
SUPPORTED = timedelta(days=731)  # a revision is stable for a year and deprecated for another
FACTS = date(2026, 11, 21)  # revisions retire as of this day: a rehearsal of later years still speaks the one it knows
# Requests in a second and in a minute, per endpoint; an account may be held lower (settings.tiers).
TIERS = {"XS": (1, 15), "S": (3, 60), "M": (10, 150), "L": (75, 750), "XL": (350, 3500)}
_SLOW = {
    "XS": ("GET /api/accounts", "GET /api/accounts/{id}"),
    "S": (
        "GET /api/profiles/{id}/lists",
        "GET /api/profiles/{id}/relationships/lists",
        "POST /api/data-privacy-deletion-jobs",
    ),
    "M": (
        "POST /api/lists",
        "PATCH /api/lists/{id}",
        "DELETE /api/lists/{id}",
        "POST /api/profile-merge",
        "POST /api/lists/{id}/relationships/profiles",
        "DELETE /api/lists/{id}/relationships/profiles",
        "POST /api/profile-bulk-import-jobs",
        "GET /api/profile-bulk-import-jobs",
        "GET /api/profile-bulk-import-jobs/{id}",
        "GET /api/profile-bulk-import-jobs/{id}/import-errors",
        "GET /api/profile-bulk-import-jobs/{id}/profiles",
        "GET /api/profile-bulk-import-jobs/{id}/relationships/profiles",
        "GET /api/profile-bulk-import-jobs/{id}/relationships/lists",
        "GET /api/metrics",
        "GET /api/metrics/{id}",
        "GET /api/campaigns",
    ),
    "XL": ("GET /api/events", "POST /api/events"),
}
_TIER_OF = {endpoint: tier for tier, endpoints in _SLOW.items() for endpoint in endpoints}
INCLUDED = {"GET /api/events": {"profile", "metric"}, "GET /api/lists": {"tags"}}  # what may be included
_DAILY = {"POST /api/lists": 150, "POST /api/campaign-values-reports": 225}
_REPORTS = (1, 2)  # in a second and in a minute, in every tier


def install(world: World) -> None:
    now = wire.stamp(world.now())
    for part in (store, lists, jobs):
        part.install(world.db)
    events.install(world.db, now)
    empty = not world.db.execute("SELECT 1 FROM kl_profile").fetchone()
    if world.settings.samples and empty:
        _seed(world, world.now() - timedelta(days=30))


def _seed(world: World, then: datetime) -> None:
    """A few invented people, one for each way of opting out in Klaviyo."""
    db, at = world.db, wire.stamp(then)
    names = ("subscribed", "never", "unsubscribed", "suppressed", "bounced", "complained", "invalid")
    rows = [
        {"attributes": {"email": f"kl.{name}@example.com", "first_name": name.title(), "last_name": "Sample"}}
        for name in names
    ]
    made = store.upsert(db, rows, at, null_clears=False).profiles
    pk = {name: one.pk for name, one in zip(names, made, strict=True) if one}
    store.set_consent(db, [pk["subscribed"]], store.SUBSCRIBED, at)
    store.set_consent(db, [pk["unsubscribed"]], store.UNSUBSCRIBED, at)
    reasons = {
        "unsubscribed": "UNSUBSCRIBE",
        "suppressed": "USER_SUPPRESSED",
        "bounced": "HARD_BOUNCE",
        "complained": "SPAM_COMPLAINT",
        "invalid": "INVALID_EMAIL",
    }
    for name, reason in reasons.items():
        store.suppress(db, [pk[name]], reason, at)
    newsletter = lists.make(db, "Newsletter", "single_opt_in", at)
    lists.join(db, newsletter, [pk["subscribed"], pk["unsubscribed"]], at)
    events.add(db, "Opened Email", pk["subscribed"], at)
    events.add(db, "Clicked Email", pk["subscribed"], at)


def routes() -> list[Route]:
    own = [
        Route("GET", "/api/accounts", _accounts),
        Route("GET", "/api/accounts/{id}", _account),
        Route("GET", "/api/segments", _no_segments),
    ]
    found = own + [route for part in (profiles, lists, jobs, consent, events, campaigns) for route in part.routes()]
    return plan.within(NAME, found, lambda world: store.counted(world.db), wire.full)


# -- on arrival ---------------------------------------------------------------------------------------------------


def guard(world: World, request: Request) -> Response | None:
    """Key, revision, limits, in this order. Also lets forgotten imports finish."""
    if request.headers.get("authorization") != f"Klaviyo-API-Key {world.settings.keys[NAME]}":
        given = "authorization" in request.headers
        code = "authentication_failed" if given else "not_authenticated"
        title = "Incorrect authentication credentials." if given else ""
        return wire.problem(401, Trouble("Missing or invalid private key.", code=code, title=title))
    refusal = scopes.refusal(world, request) or _revision(world, request) or _media(request) or _unheeded(request)
    refusal = refusal or _limits(world, request)
    if refusal is None:
        jobs.finish_forgotten(world)
    return refusal


def _revision(world: World, request: Request) -> Response | None:
    text = re.sub(r"\.(pre|rc\d*)$", "", request.headers.get("revision", ""))
    try:
        released = date.fromisoformat(text)
    except ValueError:
        return wire.problem(400, Trouble("A revision header of the form YYYY-MM-DD is required.", parameter="revision"))
    if released > max(FACTS, world.now().date()):
        return wire.problem(400, Trouble("The revision does not exist.", parameter="revision"))
    if FACTS - released > SUPPORTED:
        return wire.problem(410, Trouble(f"The revision {text} has been retired.", parameter="revision"))
    return None


def _media(request: Request) -> Response | None:
    if request.method == "GET" or "json" in request.headers.get("content-type", "json"):
        return None
    return wire.problem(415, Trouble("Use application/vnd.api+json."))


def _unheeded(request: Request) -> Response | None:
    """Nothing is taken and then ignored."""
    wanted = set(wire.words(request, "include"))
    if wanted <= INCLUDED.get(f"{request.method} {request.template}", set()):
        return None
    return wire.problem(501, Trouble("The rehearsal does not have this.", parameter="include"))


def _limits(world: World, request: Request) -> Response | None:
    """RateLimit headers tell of the window of a minute, and are missing on a 429."""
    if not world.settings.limits:
        return None
    endpoint = f"{request.method} {request.template}"
    verdict = world.meter.take(f"{NAME} {endpoint}", _windows(world, endpoint), world.settings.limit_scale)
    if verdict.exceeded:
        return _throttled(verdict.retry_after)
    told = {"Limit": verdict.allowed[1], "Remaining": verdict.remaining[1], "Reset": math.ceil(verdict.reset[1])}
    request.reply_headers |= {f"RateLimit-{name}": str(value) for name, value in told.items()}
    return None


def _windows(world: World, endpoint: str) -> list[Window]:
    order = list(TIERS)
    held = world.settings.tiers.get(NAME, "XL")
    burst, steady = TIERS[min(_TIER_OF.get(endpoint, "L"), held, key=order.index)]
    if endpoint.endswith("-values-reports"):
        burst, steady = _REPORTS
    daily = [Window(_DAILY[endpoint], 86_400.0, "daily")] if endpoint in _DAILY else []
    return [Window(burst, 1.0, "burst"), Window(steady, 60.0, "steady"), *daily]


def _throttled(seconds: float) -> Response:
    wait = max(1, math.ceil(seconds))
    plural = "" if wait == 1 else "s"
    answer = wire.problem(429, Trouble(f"Request was throttled. Expected available in {wait} second{plural}."))
    answer.headers["Retry-After"] = str(wait)
    return answer


def error(status: int, detail: str = "") -> Response:
    return wire.problem(status, Trouble(detail))


def fault(kind: str) -> Response:
    if kind == "throttle":
        return _throttled(1)
    if kind == "blocked":
        return Response(403, b"<!DOCTYPE html><title>Just a moment...</title>", {"content-type": "text/html"})
    return wire.problem(503 if kind == "unavailable" else 500, Trouble(""))


# -- account ------------------------------------------------------------------------------------------------------


def _accounts(world: World, request: Request) -> Response:
    return wire.many(request, [_account_object(world, request)])


def _account(world: World, request: Request) -> Response:
    if request.params["id"] != world.settings.accounts[NAME]:
        raise wire.missing("account", request.params["id"])
    return wire.one(_account_object(world, request))


def _account_object(world: World, request: Request) -> dict[str, Any]:
    account = world.settings.accounts[NAME]
    if not account:
        raise Refusal(error(403, "The key has not the scope accounts:read."))
    contact = {
        "default_sender_name": "Rehearsal",
        "default_sender_email": "news@example.com",
        "website_url": "https://shop.example.com",
        "organization_name": "Rehearsal Shop",
        "street_address": {
            "address1": "1 Example Street",
            "address2": "",
            "city": "Berlin",
            "region": "",
            "country": "Germany",
            "zip": "10115",
        },
    }
    attributes = {
        "test_account": True,
        "contact_information": contact,
        "industry": None,
        "timezone": "Europe/Berlin",
        "preferred_currency": "EUR",
        "public_api_key": account,
        "locale": "en-US",
    }
    return wire.resource(request, "account", account, attributes)


def _no_segments(world: World, request: Request) -> Response:
    return wire.many(request, [])


# -- the page -----------------------------------------------------------------------------------------------------

_STATUS = "coalesce((SELECT min(reason) FROM kl_suppression s WHERE s.profile = p.pk AND s.list = ''), p.consent)"
_TAGS = (
    "FROM kl_profile p, json_each(p.properties) held, json_each(held.value) tag WHERE held.type = 'array'"  # of text
)


def overview(world: World) -> Overview:
    """Every value of a list-valued custom property counts as a tag."""
    count = f"SELECT {_STATUS}, count(*) FROM kl_profile p GROUP BY 1 ORDER BY 1"
    held = "SELECT l.id, l.name, count(m.profile) FROM kl_list l LEFT JOIN kl_member m ON m.list = l.id GROUP BY l.pk"
    targets = [TargetRow("list", name, members, f"list:{key}") for key, name, members in world.db.execute(held)]
    tags = f"SELECT held.key, tag.value, count(DISTINCT p.pk) {_TAGS} GROUP BY 1, 2 ORDER BY 1, 2"
    targets += [
        TargetRow("tag", str(value), members, "tag:" + json.dumps([name, value]))
        for name, value, members in world.db.execute(tags)
    ]
    return Overview(
        f"Rehearsal Shop ({world.settings.accounts[NAME]})", dict(world.db.execute(count).fetchall()), targets
    )


def members(world: World, key: str, limit: int, offset: int) -> Members | None:
    kind, _, rest = key.partition(":")
    if kind == "list" and lists.exists(world.db, rest):
        (name,) = world.db.execute("SELECT name FROM kl_list WHERE id = ?", (rest,)).fetchone()
        return _people(
            world, name, "kl_profile p JOIN kl_member m ON m.profile = p.pk AND m.list = ?", [rest], limit, offset
        )
    if kind == "tag":
        name, value = json.loads(rest)
        inside = f"(SELECT DISTINCT p.* {_TAGS} AND held.key = ? AND tag.value = ?) p"
        return _people(world, str(value), inside, [name, value], limit, offset)
    return None


def _people(world: World, name: str, source: str, values: list[Any], limit: int, offset: int) -> Members:
    (total,) = world.db.execute(f"SELECT count(*) FROM {source}", values).fetchone()
    query = f"SELECT coalesce(p.email, p.id), {_STATUS} FROM {source} ORDER BY p.pk LIMIT ? OFFSET ?"
    return Members(name, total, world.db.execute(query, [*values, limit, offset]).fetchall())
