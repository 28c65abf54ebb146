"""Klaviyo's campaigns and their reports.

Owns: which requests are needed, and what a campaign went to. Must not: count or keep anything.

Facts: developers.klaviyo.com reference 2026-07-15 (campaigns, “Query Campaign Values”), read 2026-11-29: one report
tells of up to 100 campaigns, twice a minute and 225 times a day; it asks for a conversion metric whatever is wanted,
and for a time frame of a year at most. Audiences are lists and segments; ours are lists. `updated_at` moves when a
campaign is sent, `scheduled_at` may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel

from connector.core.model import Kind
from connector.platforms.campaigns import CampaignReport, count, instant
from connector.platforms.http.client import Http, Reply
from connector.platforms.klaviyo.wire import Links, Page, Resource, read, text

YEAR = timedelta(days=363)  # the longest time frame, without the days before and after
AT_ONCE = 100
DAY = timedelta(days=1)  # the time frame is in the time zone of the account
STATISTICS = ("recipients", "delivered", "opens_unique", "clicks_unique", "bounced", "unsubscribe_uniques")
ORDER = "Placed Order"  # the metric whose value is revenue


class _Values(BaseModel):
    groupings: dict[str, Any]
    statistics: dict[str, Any]


class _Results(BaseModel):
    results: list[_Values]


class _Data(BaseModel):
    attributes: _Results


class _Report(BaseModel):
    data: _Data
    links: Links | None = None

    @property
    def cursor(self) -> str | None:
        """Under another name than that of other pages."""
        query = parse_qs(urlsplit((self.links.next if self.links else None) or "").query)
        return next((query[name][0] for name in ("page_cursor", "page[cursor]") if name in query), None)


def reports(http: Http, since: datetime, until: datetime) -> Iterator[CampaignReport]:
    """Campaigns of mail to lists."""
    since = max(since, until - YEAR)
    sent = {one.id: one for one in _sent(http, since, until)}
    if not sent:
        return
    metric, sells = _metric(http)
    names = list(sent)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        sums = _values(http, _body(some, metric, sells, (since - DAY, until + DAY)))
        for name in some:
            yield _told(sent[name], sums.get(name, {}), sells)


def _sent(http: Http, since: datetime, until: datetime) -> Iterator[Resource]:
    channel, changed = "equals(messages.channel,'email')", f"greater-or-equal(updated_at,{_moment(since)})"
    query = {"filter": f"and({channel},{changed})"}
    while True:
        page = read(Page, _get(http, "/api/campaigns", query, "campaigns"), http.destination)
        for one in page.data:
            at = instant(one.attributes.get("send_time"))
            if at and since <= at < until and (one.attributes.get("audiences") or {}).get("included"):
                yield one
        if (cursor := page.cursor) is None:
            return
        query["page[cursor]"] = cursor


def _get(http: Http, path: str, query: Mapping[str, Any], bucket: str) -> Reply:
    return http.send("GET", path, query=query, bucket=bucket)


def _metric(http: Http) -> tuple[str, bool]:
    """One to be named in the request, and whether its value is revenue."""
    known: dict[str, str] = {}
    query: dict[str, Any] = {}
    while ORDER not in known:
        page = read(Page, _get(http, "/api/metrics", query, "metrics"), http.destination)
        for one in page.data:
            known.setdefault(str(one.attributes.get("name")), one.id)
        if (cursor := page.cursor) is None:
            break
        query = {"page[cursor]": cursor}
    return (known[ORDER], True) if ORDER in known else (next(iter(known.values()), ""), False)


def _body(names: Sequence[str], metric: str, sells: bool, frame: tuple[datetime, datetime]) -> dict[str, Any]:
    attributes = {
        "statistics": [*STATISTICS, *(["conversion_value"] if sells else [])],
        "timeframe": dict(zip(("start", "end"), map(_moment, frame), strict=True)),
        "conversion_metric_id": metric,
        "filter": f"contains-any(campaign_id,[{','.join(text(name) for name in names)}])",
    }
    return {"data": {"type": "campaign-values-report", "attributes": attributes}}


def _values(http: Http, body: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Campaign -> its sums; a campaign with several messages has a row for each."""
    found: dict[str, dict[str, float]] = {}
    cursor: str | None = None
    while True:
        asked = {"page_cursor": cursor} if cursor else {}
        reply = http.send("POST", "/api/campaign-values-reports", query=asked, body=body, bucket="reports")
        report = read(_Report, reply, http.destination)
        for row in report.data.attributes.results:
            sums = found.setdefault(str(row.groupings.get("campaign_id")), {})
            for name, value in row.statistics.items():
                if isinstance(value, int | float):
                    sums[name] = sums.get(name, 0) + value
        if (cursor := report.cursor) is None:
            return found


def _told(campaign: Resource, sums: Mapping[str, float], sells: bool) -> CampaignReport:
    at = instant(campaign.attributes.get("send_time"))
    assert at is not None
    return CampaignReport(
        campaign.id,
        str(campaign.attributes.get("name") or ""),
        at,
        frozenset((Kind.LIST, str(one)) for one in campaign.attributes["audiences"]["included"]),
        count(sums, "recipients"),
        count(sums, "delivered"),
        count(sums, "opens_unique"),
        count(sums, "clicks_unique"),
        count(sums, "bounced"),
        count(sums, "unsubscribe_uniques"),
        revenue=float(sums["conversion_value"]) if sells and "conversion_value" in sums else None,
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
