"""Opens, clicks, sends and bounces of Mailchimp: the reports of the audience's campaigns.

Owns: which reports are read, and what their rows are to us. Must not: count or keep anything.

Facts: mailchimp.com/developer/marketing/api/reports (OpenAPI 3.0.85), read 2026-11-21. A campaign's report tells when
it was opened and clicked last, so campaigns to which nothing happened cost nothing. Opens are told with whether a
privacy proxy made them; clicks have their times only in the activity, whose pages of more than 500 time out
(VingtCinq/python-mailchimp pull request 207).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.core.schemas import ENGAGEMENT_SCHEMA

HISTORY = timedelta(days=365)  # how far back the first reading goes, and the oldest campaign that is looked at
BOUNCING = timedelta(days=7)  # after a send bounces may still come in
ACTIVITY_PAGE = 500
_CAMPAIGN = ("id", "list_id", "send_time", "opens.last_open", "clicks.last_click")
Row = Mapping[str, Any]
# (path, name of the list in the answer, query, rows a page or None for the most) -> pages
Pages = Callable[[str, str, Mapping[str, Any], int | None], Iterator[list[dict[str, Any]]]]


def happened(pages: Pages, list_id: str, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
    """ENGAGEMENT_SCHEMA, one row per event from `since` until just before `until`."""
    begin = since or until - HISTORY
    query = {
        "since_send_time": (until - HISTORY).astimezone(UTC).isoformat(timespec="seconds"),
        "fields": ",".join([*(f"reports.{name}" for name in _CAMPAIGN), "total_items"]),
    }
    campaigns = [one for page in pages("/reports", "reports", query, None) for one in page]
    for campaign in campaigns:
        if campaign.get("list_id") == list_id:
            yield from _of_campaign(pages, campaign, begin, until)


def _of_campaign(pages: Pages, campaign: Row, begin: datetime, until: datetime) -> Iterator[pa.Table]:
    path = f"/reports/{campaign['id']}"
    sent = _instant(campaign.get("send_time"))
    opened = _instant((campaign.get("opens") or {}).get("last_open"))
    clicked = _instant((campaign.get("clicks") or {}).get("last_click"))
    if sent and begin <= sent < until:
        query = {"fields": "sent_to.email_address,sent_to.status,total_items"}
        for page in pages(f"{path}/sent-to", "sent_to", query, None):
            yield _table([(row, "last_send_at", sent, "sends") for row in page if row.get("status") == "sent"])
    after = {"since": (begin - timedelta(seconds=1)).astimezone(UTC).isoformat(timespec="seconds")}  # exclusive
    if opened and opened >= begin:
        fields = {"fields": "members.email_address,members.opens,total_items"}
        for page in pages(f"{path}/open-details", "members", fields | after, None):
            yield _table(_opens(page, begin, until))
    if (clicked and clicked >= begin) or (sent and sent >= begin - BOUNCING):
        fields = {"fields": "emails.email_address,emails.activity,total_items"}
        for page in pages(f"{path}/email-activity", "emails", fields | after, ACTIVITY_PAGE):
            yield _table(_actions(page, begin, until))


def _opens(page: list[dict[str, Any]], begin: datetime, until: datetime) -> list[tuple[Row, str, datetime, str]]:
    return [
        (member, "last_open_at", at, "")
        for member in page
        for each in member.get("opens") or ()
        if (at := _instant(each.get("timestamp"))) and begin <= at < until and not each.get("is_proxy_open")
    ]


def _actions(page: list[dict[str, Any]], begin: datetime, until: datetime) -> list[tuple[Row, str, datetime, str]]:
    meaning = {"click": ("last_click_at", ""), "bounce": ("", "bounces")}
    return [
        (member, time, at, count)
        for member in page
        for each in member.get("activity") or ()
        if (at := _instant(each.get("timestamp"))) and begin <= at < until
        for time, count in [meaning.get(str(each.get("action")), ("", ""))]
        if time or count
    ]


def _table(events: list[tuple[Row, str, datetime, str]]) -> pa.Table:
    """(whose, the time it sets or "", when, the count it raises or "")."""
    rows = [
        {"email": str(row.get("email_address") or "").strip().lower()}
        | ({time: at} if time else {})
        | ({count: 1} if count else {})
        for row, time, at, count in events
    ]
    return pa.Table.from_pylist(rows, ENGAGEMENT_SCHEMA)


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)
