"""Marketing emails of the rehearsed HubSpot that were sent to a list, with their statistics.

Owns: /marketing/emails. Must not: send anything; what happened is put in with the engagement (core/campaigns.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from connector.rehearsal.core.campaigns import Sent, sent
from connector.rehearsal.core.world import Request, Response, World
from connector.rehearsal.hubspot import wire

NAME, PAGE, MOST = "hubspot", 10, 100


def listing(world: World, request: Request) -> Response:
    limit, after = wire.whole_number(request, "limit", PAGE, MOST), int(request.first("after", "0") or 0)
    found = sent(world, NAME) if request.first("isPublished", "true") == "true" else []
    if since := request.first("publishedAfter"):
        found = [one for one in found if one.at > datetime.fromisoformat(since)]
    rest = [one for one in found if one.id > after]
    body: dict[str, Any] = {"total": len(found), "results": [_shown(request, one) for one in rest[:limit]]}
    if len(rest) > limit:
        body["paging"] = wire.next_page(request, str(rest[limit - 1].id))
    return Response(200, body)


def _shown(request: Request, one: Sent) -> dict[str, Any]:
    at = wire.iso(one.at)
    whole: dict[str, Any] = {
        "id": str(one.id),
        "name": one.name,
        "subject": one.name,
        "type": "BATCH_EMAIL",
        "state": "PUBLISHED",
        "isAb": False,
        "isPublished": True,
        "publishDate": at,
        "publishedAt": at,
        "to": {"contactIlsLists": {"include": [one.target], "exclude": []}, "limitSendFrequency": False},
    }
    if request.first("includeStats") == "true":
        whole["stats"] = _statistics(one)
    wanted = set(wire.names(request, "includedProperties"))
    return {name: value for name, value in whole.items() if not wanted or name in {*wanted, "id", "isAb"}}


def _statistics(one: Sent) -> dict[str, Any]:
    counters = {
        "sent": one.sent,
        "delivered": one.delivered,
        "open": one.opened,
        "click": one.clicked,
        "bounce": one.bounced,
        "hardbounced": one.bounced,
        "softbounced": 0,
        "unsubscribed": 0,
        "spamreport": 0,
    }
    return {"counters": counters, "deviceBreakdown": {}, "qualifierStats": {}, "ratios": {}}
