"""HubSpot's marketing emails and their statistics.

Owns: what an email went to, and what its counters are to us. Must not: send, count or keep anything.

Facts: developers.hubspot.com/docs/api-reference (marketing emails 2026-03), and “Get the statistics for a marketing
email” for the meaning of the counters, read 2026-11-29: `open` and `click` are unique recipients. Automated emails
have no moment at which they were sent, so they are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from connector.core.model import Kind
from connector.platforms.campaigns import CampaignReport, count, instant

PROPERTIES = ("id", "name", "publishDate", "stats", "to", "type")
AUTOMATED = "AUTOMATED"


def reports(bodies: Iterable[Mapping[str, Any]], since: datetime, until: datetime) -> Iterator[CampaignReport]:
    """Emails to lists, out of the pages of all published ones."""
    for body in bodies:
        for email in body["results"]:
            at = instant(email.get("publishDate") or email.get("publishedAt"))
            targets = _targets(email.get("to") or {})
            if at and since <= at < until and targets and not str(email.get("type")).startswith(AUTOMATED):
                yield _report(email, at, targets)


def _targets(to: Mapping[str, Any]) -> frozenset[tuple[Kind, str]]:
    """Of lists by their present ids; `contactLists` are ids of before 2025."""
    return frozenset((Kind.LIST, str(one)) for one in (to.get("contactIlsLists") or {}).get("include") or ())


def _report(email: Mapping[str, Any], at: datetime, targets: frozenset[tuple[Kind, str]]) -> CampaignReport:
    told = (email.get("stats") or {}).get("counters") or {}
    return CampaignReport(
        str(email.get("id")),
        str(email.get("name") or ""),
        at,
        targets,
        count(told, "sent"),
        count(told, "delivered"),
        count(told, "open"),
        count(told, "click"),
        count(told, "bounce"),
        count(told, "unsubscribed"),
    )
