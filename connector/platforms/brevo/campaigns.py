"""Brevo's campaigns and their statistics.

Owns: what a campaign went to, and what its numbers are to us. Must not: send, count or keep anything.

Facts: developers.brevo.com reference “Get email campaigns” and its changelog of 2023-02-07, read 2026-11-29: numbers
by list (`campaignStats`) are always told, `globalStats` for the last six months when asked for. Opens are of unique
recipients, machines among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic import BaseModel, StrictInt

from connector.core.model import Kind
from connector.platforms.campaigns import CampaignReport, count, instant

PAGE = 100


class _Recipients(BaseModel):
    lists: list[StrictInt] = []


class _Statistics(BaseModel):
    globalStats: dict[str, Any] | None = None
    campaignStats: list[dict[str, Any]] | None = None


class Campaign(BaseModel):
    id: StrictInt
    name: str = ""
    sentDate: str | None = None
    recipients: _Recipients | None = None
    statistics: _Statistics | None = None


class Page(BaseModel):
    campaigns: list[Campaign] | None = None  # left out when there are none


def reports(campaigns: Iterable[Campaign], since: datetime, until: datetime) -> Iterator[CampaignReport]:
    """One for each list, as far as numbers are told by list; else one for all of them."""
    for one in campaigns:
        at, lists = instant(one.sentDate), one.recipients.lists if one.recipients else []
        if at is None or not since <= at < until or not lists:
            continue
        told = one.statistics or _Statistics()
        by_list = {str(row["listId"]): row for row in told.campaignStats or () if row.get("listId")}
        if by_list:
            for key, row in by_list.items():
                yield _report(one, at, [key], row)
        else:
            yield _report(one, at, [str(key) for key in lists], told.globalStats or {})


def _report(one: Campaign, at: datetime, lists: list[str], told: dict[str, Any]) -> CampaignReport:
    back = [count(told, kind) for kind in ("hardBounces", "softBounces")]
    return CampaignReport(
        str(one.id),
        one.name,
        at,
        frozenset((Kind.LIST, key) for key in lists),
        count(told, "sent"),
        count(told, "delivered"),
        count(told, "uniqueViews"),
        count(told, "uniqueClicks"),
        None if None in back else sum(one or 0 for one in back),
        count(told, "unsubscriptions"),
    )
