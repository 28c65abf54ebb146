"""The HubSpot rehearsal platform: routes, keys, limits.

Owns: which path is served by what, auth, rate limits and their headers, faults. Must not: hold the rules of contacts,
lists, properties or subscriptions (hubspot_*.py).

Facts: the vendor's OpenAPI documents 2026-03 and developer documentation, read 2026-11-21. The version in the path
may be v3 (…/crm/v3/objects/contacts, as the Python client writes it) or dated (…/crm/objects/2026-03/contacts).
Not certain, and therefore strict here: only the create and update batches whose inputs all have their own
objectWriteTraceId may fail record by record.
"""

from __future__ import annotations

from connector.rehearsal.core import plan
from connector.rehearsal.core.limits import Window
from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.hubspot import (
    batches,
    contacts,
    emails,
    exports,
    lists,
    merging,
    objects,
    page,
    properties,
    scopes,
    store,
    subscriptions,
    wire,
)
from connector.rehearsal.hubspot.search import search

NAME, TITLE = "hubspot", "HubSpot"
PREFIXES = ("/crm", "/communication-preferences", "/account-info", "/marketing")

TIERS = {
    "free": (100, 250_000),
    "professional": (190, 625_000),
    "enterprise": (190, 1_000_000),
    "addon": (250, 2_000_000),
}
SEARCHES = Window(5, 1.0, "SECONDLY")

install, overview, members = store.install, page.overview, page.members
engage = contacts.engage
load = exports.load


def routes() -> list[Route]:
    found = [
        *_contact_routes("/crm/v3/objects/contacts"),
        *_contact_routes("/crm/objects/{version}/contacts"),
        *_contact_routes("/crm/objects/{version}/0-1"),
        *objects.routes("/crm/v3/objects"),
        *objects.routes("/crm/objects/{version}"),
        *objects.of_one("/crm/v4/objects"),
        *objects.association_routes("/crm/v3/associations"),
        *objects.association_routes("/crm/v4/associations"),
        *objects.association_routes("/crm/associations/{version}"),
        *_list_routes("/crm/v3/lists"),
        *_list_routes("/crm/lists/{version}"),
        *_property_routes("/crm/v3/properties/{objectType}"),
        *_property_routes("/crm/properties/{version}/{objectType}"),
        *_subscription_routes("/communication-preferences/{version}"),
        Route("GET", "/crm/v3/schemas", no_schemas),
        Route("GET", "/marketing/v3/emails", emails.listing),
        Route("GET", "/marketing/emails/{version}", emails.listing),
        Route("GET", "/account-info/{version}/details", details),
        Route("GET", "/account-info/{version}/api-usage/daily/private-apps", usage),
    ]
    found = [Route(method, path, wire.versioned(handler), writes) for method, path, handler, writes in found]
    return plan.within(NAME, found, contacts.counted, lambda: wire.error(402, plan.FULL))


def _contact_routes(base: str) -> list[Route]:
    return [
        Route("GET", base, contacts.page),
        Route("POST", base, contacts.create_one),
        Route("POST", f"{base}/search", search, False),
        Route("POST", f"{base}/batch/read", batches.batch_read, False),
        Route("POST", f"{base}/batch/create", batches.batch_create),
        Route("POST", f"{base}/batch/update", batches.batch_update),
        Route("POST", f"{base}/batch/upsert", batches.batch_upsert),
        Route("POST", f"{base}/batch/archive", batches.batch_archive),
        Route("POST", f"{base}/gdpr-delete", contacts.gdpr_delete),
        Route("POST", f"{base}/merge", merging.merge),
        Route("GET", base + "/{contactId}", contacts.read),
        Route("PATCH", base + "/{contactId}", contacts.update_one),
        Route("DELETE", base + "/{contactId}", contacts.archive_one),
    ]


def _list_routes(base: str) -> list[Route]:
    one = base + "/{listId}"
    return [
        Route("GET", base, lists.by_ids),
        Route("POST", base, lists.create),
        Route("POST", f"{base}/search", lists.search, False),
        Route("GET", base + "/object-type-id/{objectTypeId}/name/{listName}", lists.by_name),
        Route("GET", base + "/records/{objectTypeId}/{recordId}/memberships", lists.of_record),
        Route("GET", one, lists.read),
        Route("DELETE", one, lists.delete),
        Route("PUT", f"{one}/restore", lists.restore),
        Route("PUT", f"{one}/update-list-name", lists.rename),
        Route("GET", f"{one}/memberships", lists.members),
        Route("GET", f"{one}/memberships/join-order", lists.members),
        Route("DELETE", f"{one}/memberships", lists.clear),
        Route("PUT", f"{one}/memberships/add", lists.add),
        Route("PUT", f"{one}/memberships/remove", lists.remove),
        Route("PUT", f"{one}/memberships/add-and-remove", lists.add_and_remove),
    ]


def _property_routes(base: str) -> list[Route]:
    one = base + "/{propertyName}"
    return [
        Route("GET", base, properties.listing),
        Route("POST", base, properties.create),
        Route("POST", f"{base}/batch/create", properties.batch_create),
        Route("POST", f"{base}/batch/read", properties.batch_read, False),
        Route("POST", f"{base}/batch/archive", properties.batch_archive),
        Route("GET", f"{base}/groups", properties.groups),
        Route("POST", f"{base}/groups", properties.create_group),
        Route("GET", one, properties.read),
        Route("PATCH", one, properties.change),
        Route("DELETE", one, properties.archive),
    ]


def _subscription_routes(base: str) -> list[Route]:
    statuses, v3 = f"{base}/statuses", "/communication-preferences/v3"
    one = statuses + "/{subscriberIdString}"
    return [
        Route("GET", f"{base}/definitions", subscriptions.definitions),
        Route("POST", f"{statuses}/batch/read", subscriptions.batch_read, False),
        Route("POST", f"{statuses}/batch/write", subscriptions.batch_write),
        Route("POST", f"{statuses}/batch/unsubscribe-all", subscriptions.batch_unsubscribe_all),
        Route("POST", f"{statuses}/batch/unsubscribe-all/read", subscriptions.batch_read_wide, False),
        Route("GET", one, subscriptions.read),
        Route("POST", one, subscriptions.write),
        Route("GET", f"{one}/unsubscribe-all", subscriptions.read_wide),
        Route("POST", f"{one}/unsubscribe-all", subscriptions.unsubscribe_all),
        Route("GET", f"{v3}/definitions", subscriptions.definitions_v3),
        Route("GET", v3 + "/status/email/{emailAddress}", subscriptions.read_v3),
        Route("POST", f"{v3}/subscribe", subscriptions.write_v3),
        Route("POST", f"{v3}/unsubscribe", subscriptions.write_v3),
    ]


# ---------------------------------------------------------------- account


def details(world: World, request: Request) -> Response:
    portal = world.settings.accounts[NAME]
    if not portal:
        return error(403)
    return Response(
        body={
            "portalId": int(portal),
            "accountType": "DEVELOPER_TEST",
            "timeZone": "Europe/Berlin",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+01:00",
            "utcOffsetMilliseconds": 3_600_000,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "eu1",
        }
    )


def no_schemas(world: World, request: Request) -> Response:
    """Of custom objects: the portal has none."""
    return Response(body={"results": []})


def usage(world: World, request: Request) -> Response:
    one = {
        "name": "Rehearsal",
        "usageLimit": _tier(world)[1],
        "currentUsage": _used_today(world),
        "collectedAt": wire.iso(world.now()),
        "fetchStatus": "SUCCESS",
    }
    return Response(body={"results": [one]})


# ---------------------------------------------------------------- guard


def guard(world: World, request: Request) -> Response | None:
    """The key, then the limits. A key that ends with -readonly may read only, one with -noconsent may not
    read communication preferences."""
    key = world.settings.keys[NAME]
    given = request.headers.get("authorization", "").removeprefix(f"Bearer {key}")
    if given not in ("", "-readonly", "-noconsent"):
        return wire.error(401, "Authentication credentials not found or not valid.")
    if given == "-noconsent" and "communication-preferences" in request.template:
        return scopes.denied(["communication_preferences.statuses.batch.read"])
    if request.writes and given == "-readonly":
        return scopes.denied(["crm.objects.contacts.write", "crm.lists.write"])
    if (refusal := scopes.refusal(world, request)) is not None:
        return refusal
    if request.first("propertiesWithHistory"):  # taken and ignored it would mislead
        return wire.error(501, "The rehearsal does not have this: propertiesWithHistory")
    for name in wire.names(request, "associations"):
        objects.kind_of(name)  # there are no such objects, and nothing is shown of them
    return _limits(world, request) if world.settings.limits else None


def _tier(world: World) -> tuple[int, int]:
    return TIERS[world.settings.tiers.get(NAME, "professional")]


def _limits(world: World, request: Request) -> Response | None:
    """Searches have a limit of their own, and no headers that tell of it."""
    scale = world.settings.limit_scale
    if request.template.endswith("/contacts/search"):
        verdict = world.meter.take(f"{NAME}.search", [SEARCHES], scale)
        return None if verdict.exceeded is None else throttled("SECONDLY", "secondly")
    burst, daily = _tier(world)
    verdict = world.meter.take(NAME, [Window(burst, 10.0, "TEN_SECONDLY_ROLLING")], scale)
    used = _count(world)
    request.reply_headers |= {
        "X-HubSpot-RateLimit-Max": str(verdict.allowed[0]),
        "X-HubSpot-RateLimit-Remaining": str(verdict.remaining[0]),
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Daily": str(daily),
        "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, daily - used)),
    }
    if verdict.exceeded is not None:
        return throttled("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
    return throttled("DAILY", "daily") if used > daily * scale else None


def _used_today(world: World) -> int:
    day = world.now().date().isoformat()
    row = world.db.execute("SELECT n FROM hs_usage WHERE day = ?", (day,)).fetchone()
    return int(row[0]) if row else 0


def _count(world: World) -> int:
    query = "INSERT INTO hs_usage VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1 RETURNING n"
    return int(world.db.execute(query, (world.now().date().isoformat(),)).fetchone()[0])


def throttled(policy: str, words: str) -> Response:
    """A 429 as HubSpot writes it: which policy it was, and no Retry-After."""
    body = {
        "status": "error",
        "message": f"You have reached your {words} limit.",
        "errorType": "RATE_LIMIT",
        "policyName": policy,
    }
    answer = wire.error(429)
    answer.body |= body | {"requestId": answer.body["correlationId"]}
    return answer


def error(status: int, detail: str = "") -> Response:
    return wire.error(status, detail)


def fault(kind: str) -> Response:
    if kind == "throttle":
        answer = throttled("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
        answer.headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = "1000"
        return answer
    if kind == "blocked":  # the edge in front of HubSpot answers, in HTML
        return Response(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", {"content-type": "text/html"})
    return wire.error(503 if kind == "unavailable" else 500)
