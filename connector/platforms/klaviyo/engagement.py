"""Opens, clicks, sends and bounces of Klaviyo: the events of its four metrics of email, a thousand a page.

Owns: which metrics count, reading their events, what an event is to us. Must not: count or keep anything.

Facts: developers.klaviyo.com reference 2026-07-15 (metrics, events), and help.klaviyo.com “How to Identify Apple
Privacy Opens”, read 2026-11-21. Metrics cannot be asked for by name. A privacy proxy's open carries a property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.platforms.http.client import Reply
from connector.platforms.klaviyo.wire import Links, One, Page, Resource, cursor_of, instant, read, text

HISTORY = timedelta(days=365)  # how far back the first reading goes
PAGE = 1000
# Metric -> (the time it sets, the count it raises).
METRICS = {
    "Opened Email": ("last_open_at", None),
    "Clicked Email": ("last_click_at", None),
    "Received Email": ("last_send_at", "sends"),
    "Bounced Email": (None, "bounces"),
}
PROXY = ("Apple Privacy Open", "machine_open")  # event properties that are true for an open that nobody made
Ask = Callable[[str, Mapping[str, Any], str], Reply]  # (path, query, bucket) -> a page's answer


class _Related(BaseModel):
    profile: One | None = None


class _Event(Resource):
    relationships: _Related = _Related()


class _Events(BaseModel):
    data: list[_Event]
    included: list[Resource] = []
    links: Links = Links()


def happened(ask: Ask, since: datetime | None, until: datetime, destination: str) -> Iterator[pa.Table]:
    """ENGAGEMENT_SCHEMA, one row per event."""
    begin = since or until - HISTORY
    for identity, name in _metrics(ask, destination):
        bounds = f"greater-or-equal(datetime,{_moment(begin)}),less-than(datetime,{_moment(until)})"
        query = {
            "filter": f"equals(metric_id,{text(identity)}),{bounds}",
            "fields[event]": "datetime,event_properties" if name == "Opened Email" else "datetime",
            "fields[profile]": "email",
            "include": "profile",
            "page[size]": PAGE,
            "sort": "datetime",
        }
        cursor: str | None = None
        while True:
            more = {"page[cursor]": cursor} if cursor else {}
            page = read(_Events, ask("/api/events", query | more, "events"), destination)
            yield _table(page, *METRICS[name])
            if (cursor := cursor_of(page.links)) is None:
                break


def _metrics(ask: Ask, destination: str) -> list[tuple[str, str]]:
    """(id, name) of those that count; of two with one name, Klaviyo's own."""
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page = read(Page, ask("/api/metrics", {"page[cursor]": cursor} if cursor else {}, "metrics"), destination)
        for each in page.data:
            name, own = str(each.attributes.get("name")), (each.attributes.get("integration") or {}).get("name")
            if name in METRICS and (own == "Klaviyo" or name not in found):
                found[name] = each.id
        if (cursor := page.cursor) is None:
            return [(identity, name) for name, identity in found.items()]


def _table(page: _Events, time: str | None, count: str | None) -> pa.Table:
    emails = {each.id: str(each.attributes.get("email") or "").strip().lower() for each in page.included}
    rows = []
    for event in page.data:
        email = emails.get(event.relationships.profile.data.id, "") if event.relationships.profile else ""
        if email and not _by_proxy(event.attributes.get("event_properties") or {}):
            row: dict[str, Any] = {"email": email}
            row |= {time: instant(event.attributes.get("datetime"))} if time else {}
            rows.append(row | ({count: 1} if count else {}))
    return pa.Table.from_pylist(rows, ENGAGEMENT_SCHEMA)


def _by_proxy(properties: Mapping[str, Any]) -> bool:
    return any(str(properties.get(name)).lower() == "true" for name in PROXY)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
