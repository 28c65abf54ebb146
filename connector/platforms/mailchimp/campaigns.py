"""Mailchimp's campaigns and their reports.

Owns: which pages are read, and what a campaign went to. Must not: count or keep anything.

Facts: mailchimp.com/developer/marketing/api (campaigns, reports; OpenAPI 3.0.85), read 2026-11-21. A campaign to a tag
names the tag's static segment, as `saved_segment_id` or as a condition; opens are told without those of privacy
proxies as well. Bounds are exclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.core.model import Kind
from connector.platforms.campaigns import CampaignReport, count, instant
from connector.platforms.mailchimp.engagement import Pages

_CAMPAIGN = ("id", "recipients.list_id", "recipients.segment_opts")
_REPORT = ("id", "campaign_title", "list_id", "emails_sent", "send_time", "opens", "clicks", "bounces", "unsubscribed")


def reports(pages: Pages, list_id: str, since: datetime, until: datetime) -> Iterator[CampaignReport]:
    """Campaigns to tags of one audience."""
    bounds = {"since_send_time": _moment(since - timedelta(seconds=1)), "before_send_time": _moment(until)}
    query = bounds | {"list_id": list_id, "status": "sent", "fields": _fields("campaigns", _CAMPAIGN)}
    sent = {str(one.get("id")): _targets(one) for page in pages("/campaigns", "campaigns", query, None) for one in page}
    if not any(sent.values()):
        return
    query = bounds | {"fields": _fields("reports", (*_REPORT, "ecommerce.total_revenue"))}
    for page in pages("/reports", "reports", query, None):
        for report in page:
            at, targets = instant(report.get("send_time")), sent.pop(str(report.get("id")), None)
            if at and targets and since <= at < until:
                yield _report(report, at, targets)


def _report(report: Mapping[str, Any], at: datetime, targets: frozenset[tuple[Kind, str]]) -> CampaignReport:
    opens, clicks, bounces = (report.get(part) or {} for part in ("opens", "clicks", "bounces"))
    sent = count(report, "emails_sent")
    back = [count(bounces, kind) for kind in ("hard_bounces", "soft_bounces", "syntax_errors")]
    bounced = None if all(one is None for one in back) else sum(one or 0 for one in back)
    people = count(opens, "proxy_excluded_unique_opens")
    return CampaignReport(
        str(report.get("id")),
        str(report.get("campaign_title") or ""),
        at,
        targets,
        sent,
        None if sent is None or bounced is None else max(0, sent - bounced),
        count(opens, "unique_opens") if people is None else people,
        count(clicks, "unique_subscriber_clicks"),
        bounced,
        count(report, "unsubscribed"),
        _money(report.get("ecommerce")),
        machines=people is not None,
    )


def _targets(campaign: Mapping[str, Any]) -> frozenset[tuple[Kind, str]]:
    options = (campaign.get("recipients") or {}).get("segment_opts") or {}
    found = {str(options.get("saved_segment_id") or 0)}
    found |= {str(one.get("value")) for one in options.get("conditions") or () if one.get("op") == "static_is"}
    return frozenset((Kind.TAG, one) for one in found - {"0"})


def _money(shop: object) -> float | None:
    """None where no shop is connected."""
    revenue = shop.get("total_revenue") if isinstance(shop, Mapping) else None
    return float(revenue) if isinstance(revenue, int | float) else None


def _fields(name: str, fields: tuple[str, ...]) -> str:
    return ",".join([*(f"{name}.{field}" for field in fields), "total_items"])


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
