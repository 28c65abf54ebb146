"""Campaigns of the rehearsed Brevo that were sent to a list, with their statistics.

Owns: /v3/emailCampaigns. Must not: send anything; what happened is put in with the engagement (core/campaigns.py).
As documented, numbers by list are always told, and those of all lists when they are asked for.
"""

from __future__ import annotations

from typing import Any

from connector.rehearsal.brevo import wire
from connector.rehearsal.core.campaigns import Sent, sent
from connector.rehearsal.core.world import Request, Response, Route, World

NAME, PAGE, MOST = "brevo", 50, 100


def routes() -> list[Route]:
    return [Route("GET", "/v3/emailCampaigns", _campaigns)]


def _campaigns(world: World, request: Request) -> Response:
    limit, offset, sort = wire.page(request, PAGE, MOST)
    low, high = wire.moment(request, "startDate"), wire.moment(request, "endDate")
    if bool(low) != bool(high):
        raise wire.refuse(wire.MISSING, "startDate and endDate are needed together")
    found = [] if request.first("status", "sent") != "sent" else sent(world, NAME)
    found = [one for one in found if not low or low <= wire.stamp(one.at) <= high]
    shown = (found if sort == "asc" else found[::-1])[offset : offset + limit]
    asked = request.first("statistics") == "globalStats"
    return Response(200, {"count": len(found), "campaigns": [_shown(one, asked) for one in shown]})


def _shown(one: Sent, asked: bool) -> dict[str, Any]:
    at, numbers = wire.stamp(one.at), _numbers(one)
    return {
        "id": one.id,
        "name": one.name,
        "subject": one.name,
        "type": "classic",
        "status": "sent",
        "createdAt": at,
        "modifiedAt": at,
        "sentDate": at,
        "scheduledAt": at,
        "recipients": {"lists": [int(one.target)], "exclusionLists": []},
        "statistics": {
            "globalStats": numbers if asked else {},
            "campaignStats": [{"listId": int(one.target), **numbers, "deferred": 0}],
            "mirrorClick": 0,
            "remaining": 0,
            "linksStats": {},
            "statsByDomain": {},
        },
    }


def _numbers(one: Sent) -> dict[str, int]:
    return {
        "uniqueClicks": one.clicked,
        "clickers": one.clicks,
        "complaints": 0,
        "delivered": one.delivered,
        "sent": one.sent,
        "softBounces": 0,
        "hardBounces": one.bounced,
        "uniqueViews": one.opened,
        "trackableViews": one.opened,
        "unsubscriptions": 0,
        "viewed": one.opens,
    }
