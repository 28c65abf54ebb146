"""Campaigns that the rehearsed Mailchimp has sent, and what became of them: reports.

Owns: /campaigns as far as they were sent, /reports and below, the tables mc_campaigns, mc_campaign_segment and
mc_activity. Must not: send anything; what happened is put in
through engage().
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connector.rehearsal.core.world import Did, Request, Response, Route, World
from connector.rehearsal.mailchimp import wire

SCHEMA = """
CREATE TABLE IF NOT EXISTS mc_campaigns(
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, list_id TEXT, title TEXT, sent TEXT, UNIQUE(list_id, title));
CREATE TABLE IF NOT EXISTS mc_activity(
    campaign TEXT, email TEXT, action TEXT, at TEXT, proxy INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS mc_campaign_segment(campaign TEXT PRIMARY KEY, segment INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS mc_activity_campaign ON mc_activity(campaign, email);
"""


def routes() -> list[Route]:
    one = "/3.0/reports/{campaign_id}"
    return [
        Route("GET", "/3.0/campaigns", _campaigns),
        Route("GET", "/3.0/reports", _reports),
        Route("GET", one + "/sent-to", _sent_to),
        Route("GET", one + "/open-details", _opens),
        Route("GET", one + "/email-activity", _activity),
    ]


def engage(world: World, events: Sequence[Did]) -> None:
    """Each day that anything was sent is a campaign to the first audience, or to one of its tags; what follows belongs
    to the latest one."""
    (list_id,) = world.db.execute("SELECT id FROM mc_lists ORDER BY rowid LIMIT 1").fetchone()
    for event in sorted(events, key=lambda event: event.at):
        at = wire.stamp(event.at)
        tag = "SELECT id FROM mc_segments WHERE list_id = ? AND name = ?"
        segment = (world.db.execute(tag, (list_id, event.to)).fetchone() or (0,))[0] if event.to else 0
        query = """SELECT id FROM mc_campaigns LEFT JOIN mc_campaign_segment ON campaign = id WHERE list_id = ?
                   AND sent <= ? AND coalesce(segment, 0) = ? AND (? = '' OR title = ?) ORDER BY sent DESC LIMIT 1"""
        latest = world.db.execute(query, (list_id, at, segment, event.campaign, event.campaign)).fetchone()
        if event.did == "send" or latest is None:
            title = event.campaign or f"{event.to or 'Newsletter'} of {at[:10]}"
            latest = (wire.md5(list_id + title)[:10],)
            world.db.execute(
                "INSERT OR IGNORE INTO mc_campaigns(id, list_id, title, sent) VALUES (?, ?, ?, ?)",
                (*latest, list_id, title, at),
            )
            if segment:
                world.db.execute("INSERT OR IGNORE INTO mc_campaign_segment VALUES (?, ?)", (*latest, segment))
        row = (latest[0], event.email.lower(), event.did, at, int(event.proxy))
        world.db.execute("INSERT INTO mc_activity VALUES (?, ?, ?, ?, ?)", row)


def _reports(world: World, request: Request) -> Response:
    count, offset = wire.page(request)
    found = _sent(world, request)
    shown = [_report(world, *row) for row in found[offset : offset + count]]
    return wire.select(request, {"reports": shown, "total_items": len(found), "_links": []})


def _sent(world: World, request: Request) -> list[tuple[str, str, str, str]]:
    """(id, audience, title, when), the latest first."""
    where, values = ["true"], []
    for name, sign in (("since_send_time", ">"), ("before_send_time", "<")):
        if bound := request.first(name):
            where.append(f"sent {sign} ?")
            values.append(wire.parse_time(bound, name))
    if list_id := request.first("list_id"):
        where.append("list_id = ?")
        values.append(list_id)
    query = f"SELECT id, list_id, title, sent FROM mc_campaigns WHERE {' AND '.join(where)} ORDER BY sent DESC"
    return world.db.execute(query, values).fetchall()


def _campaigns(world: World, request: Request) -> Response:
    """All of them were sent."""
    count, offset = wire.page(request)
    found = _sent(world, request) if request.first("status", "sent") == "sent" else []
    shown = [_shown(world, *row) for row in found[offset : offset + count]]
    return wire.select(request, {"campaigns": shown, "total_items": len(found), "_links": []})


def _shown(world: World, campaign: str, list_id: str, title: str, sent: str) -> dict[str, Any]:
    query = "SELECT segment FROM mc_campaign_segment WHERE campaign = ?"
    segment = world.db.execute(query, (campaign,)).fetchone()
    recipients: dict[str, Any] = {"list_id": list_id, "list_is_active": True}
    if segment is not None:
        recipients["segment_opts"] = {"saved_segment_id": segment[0], "match": "any", "conditions": []}
    return {
        "id": campaign,
        "type": "regular",
        "status": "sent",
        "send_time": sent,
        "emails_sent": _report(world, campaign, list_id, title, sent)["emails_sent"],
        "recipients": recipients,
        "settings": {"title": title},
        "_links": [],
    }


def _report(world: World, campaign: str, list_id: str, title: str, sent: str) -> dict[str, Any]:
    query = """SELECT action, count(*), count(DISTINCT email), max(at), sum(proxy),
               count(DISTINCT iif(proxy, NULL, email)) FROM mc_activity WHERE campaign = ? GROUP BY action"""
    counts = {row[0]: row[1:] for row in world.db.execute(query, (campaign,))}
    opens, clicks = (counts.get(action, (0, 0, "", 0, 0)) for action in ("open", "click"))
    return {
        "id": campaign,
        "campaign_title": title,
        "type": "regular",
        "list_id": list_id,
        "list_is_active": True,
        "emails_sent": counts.get("send", (0,))[0],
        "unsubscribed": 0,
        "send_time": sent,
        "bounces": {"hard_bounces": counts.get("bounce", (0,))[0], "soft_bounces": 0, "syntax_errors": 0},
        "opens": {
            "opens_total": opens[0],
            "unique_opens": opens[1],
            "last_open": opens[2],
            "proxy_excluded_opens": opens[0] - opens[3],
            "proxy_excluded_unique_opens": opens[4],
        },
        "clicks": {"clicks_total": clicks[0], "unique_subscriber_clicks": clicks[1], "last_click": clicks[2]},
        "_links": [],
    }


def _campaign(world: World, request: Request) -> str:
    campaign = request.params["campaign_id"]
    if not world.db.execute("SELECT 1 FROM mc_campaigns WHERE id = ?", (campaign,)).fetchone():
        raise wire.not_found()
    return campaign


def _rows(world: World, request: Request, actions: Sequence[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Address -> (action, at, proxy) of one campaign; `since` is exclusive."""
    campaign, since = _campaign(world, request), request.first("since")
    marks = ",".join("?" * len(actions))
    rows = world.db.execute(
        f"SELECT email, action, at, proxy FROM mc_activity WHERE campaign = ? AND action IN ({marks}) AND at > ?"
        " ORDER BY email, at",
        (campaign, *actions, wire.parse_time(since, "since") if since else ""),
    )
    found: dict[str, list[tuple[str, str, int]]] = {}
    for email, *what in rows:
        found.setdefault(email, []).append((what[0], what[1], what[2]))
    return found


def _person(email: str) -> dict[str, Any]:
    return {"email_id": wire.subscriber_hash(email), "email_address": email}


def _paged(request: Request, key: str, rows: list[dict[str, Any]]) -> Response:
    count, offset = wire.page(request)
    body = {key: rows[offset : offset + count], "campaign_id": request.params["campaign_id"]}
    return wire.select(request, body | {"total_items": len(rows), "_links": []})


def _sent_to(world: World, request: Request) -> Response:
    bounced = _rows(world, request, ["bounce"])
    return _paged(
        request,
        "sent_to",
        [
            _person(email) | {"status": "hard" if email in bounced else "sent", "open_count": 0}
            for email in _rows(world, request, ["send"])
        ],
    )


def _opens(world: World, request: Request) -> Response:
    return _paged(
        request,
        "members",
        [
            _person(email)
            | {
                "opens_count": len(opens),
                "proxy_excluded_opens_count": sum(not proxy for _, _, proxy in opens),
                "opens": [{"timestamp": at, "is_proxy_open": bool(proxy)} for _, at, proxy in opens],
            }
            for email, opens in _rows(world, request, ["open"]).items()
        ],
    )


def _activity(world: World, request: Request) -> Response:
    """Everybody that the campaign was sent to, whatever they did."""
    found = _rows(world, request, ["open", "click", "bounce"])
    sent = world.db.execute(
        "SELECT DISTINCT email FROM mc_activity WHERE campaign = ? ORDER BY email", (_campaign(world, request),)
    )
    return _paged(
        request,
        "emails",
        [
            _person(email)
            | {"activity": [{"action": action, "timestamp": at} for action, at, _ in found.get(email, [])]}
            for (email,) in sent.fetchall()
        ],
    )
