"""Campaigns of the rehearsed Klaviyo that were sent to a list, and their reports.

Owns: /api/campaigns and /api/campaign-values-reports. Must not: send anything; what happened is put in with the
engagement (core/campaigns.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from connector.rehearsal.core.campaigns import Sent, sent
from connector.rehearsal.core.world import Request, Response, Route, World
from connector.rehearsal.klaviyo import wire
from connector.rehearsal.klaviyo.wire import Trouble

NAME, PAGE = "klaviyo", 100
_FILTERS = {"messages.channel": ("equals",), "updated_at": ("greater-or-equal", "greater-than", "less-than")}
_STATISTICS: dict[str, Callable[[Sent], float]] = {
    "recipients": lambda one: one.sent,
    "delivered": lambda one: one.delivered,
    "opens": lambda one: one.opens,
    "opens_unique": lambda one: one.opened,
    "clicks": lambda one: one.clicks,
    "clicks_unique": lambda one: one.clicked,
    "bounced": lambda one: one.bounced,
    "unsubscribes": lambda one: 0,
    "unsubscribe_uniques": lambda one: 0,
    "conversions": lambda one: 0,
    "conversion_value": lambda one: 0.0,
}


def routes() -> list[Route]:
    return [
        Route("GET", "/api/campaigns", _campaigns),
        Route("POST", "/api/campaign-values-reports", _report, False),
    ]


def _key(one: Sent) -> str:
    return f"C{one.id:06d}"


def _campaigns(world: World, request: Request) -> Response:
    size = wire.page_size(request, PAGE, PAGE)
    asked = wire.conditions(request, _FILTERS)
    if not any(field == "messages.channel" for _, field, _ in asked):
        raise wire.bad_parameter("filter", "A channel filter is required to list campaigns.")
    after = (wire.position(request) or [0])[0]
    found = [one for one in sent(world, NAME) if one.id > after and _fits(one, asked)]
    following = wire.cursor(found[size - 1].id) if len(found) > size else ""
    return wire.many(request, [_shown(request, one) for one in found[:size]], following)


def _fits(one: Sent, asked: list[wire.Condition]) -> bool:
    """Nothing is changed after it was sent."""
    at = wire.stamp(one.at)
    holds = {
        "equals": lambda value: value == "email",
        "greater-or-equal": lambda value: at >= value,
        "greater-than": lambda value: at > value,
        "less-than": lambda value: at < value,
    }
    return all(holds[operator](values[0]) for operator, _, values in asked)


def _shown(request: Request, one: Sent) -> dict[str, Any]:
    at = wire.stamp(one.at)
    attributes = {
        "name": one.name,
        "status": "Sent",
        "archived": False,
        "audiences": {"included": [one.target], "excluded": []},
        "send_options": {"use_smart_sending": True},
        "tracking_options": None,
        "send_strategy": {"method": "immediate"},
        "created_at": at,
        "scheduled_at": at,
        "updated_at": at,
        "send_time": at,
    }
    return wire.resource(request, "campaign", _key(one), attributes)


def _report(world: World, request: Request) -> Response:
    given = wire.body_data(request, "campaign-values-report").get("attributes") or {}
    for name in ("statistics", "timeframe", "conversion_metric_id"):
        if not given.get(name):
            raise wire.invalid(Trouble(f"'{name}' is required.", f"/data/attributes/{name}"))
    if unknown := [name for name in given["statistics"] if name not in _STATISTICS]:
        raise wire.invalid(Trouble(f"'{unknown[0]}' is not a valid statistic.", "/data/attributes/statistics"))
    low, high = (wire.stamp(datetime.fromisoformat(given["timeframe"][end])) for end in ("start", "end"))
    wanted = wire.any_of(str(given.get("filter") or ""), "campaign_id")
    found = [
        one for one in sent(world, NAME) if low <= wire.stamp(one.at) < high and (wanted is None or _key(one) in wanted)
    ]
    attributes = {"results": [_values(one, given["statistics"]) for one in found]}
    link = f"{request.base_url}/api/campaign-values-reports"
    data = {"type": "campaign-values-report", "attributes": attributes, "links": {"self": link}}
    data["relationships"] = {"campaigns": {"data": [{"type": "campaign", "id": _key(one)} for one in found]}}
    return Response(200, {"data": data, "links": {"self": link, "next": None, "prev": None}}, dict(wire.MEDIA))


def _values(one: Sent, statistics: list[str]) -> dict[str, Any]:
    groupings = {"send_channel": "email", "campaign_id": _key(one), "campaign_message_id": f"M{one.id:06d}"}
    return {"groupings": groupings, "statistics": {name: _STATISTICS[name](one) for name in statistics}}
