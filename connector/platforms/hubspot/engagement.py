"""Opens, clicks, sends and bounces as HubSpot counts them in properties of the contact.

Owns: which properties, and how they become ENGAGEMENT_SCHEMA. Must not: send. Facts are of 2026-11-21, from
developers.hubspot.com/docs (contact properties). Opens by privacy proxies are not told apart here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.platforms.hubspot.wire import addresses

TIMES = {
    "last_open_at": "hs_email_last_open_date",
    "last_click_at": "hs_email_last_click_date",
    "last_send_at": "hs_email_last_send_date",
}
COUNTS = {"sends": "hs_email_sends_since_last_engagement", "bounces": "hs_email_bounce"}
PROPERTIES = ("email", "hs_additional_emails", "lastmodifieddate", *TIMES.values(), *COUNTS.values())


def filters(since: datetime) -> list[dict[str, Any]]:
    """filterGroups of a search: anything happened from `since` on."""
    start = str(int(since.timestamp() * 1000))
    return [{"filters": [{"propertyName": name, "operator": "GTE", "value": start}]} for name in TIMES.values()]


def table(results: Iterable[Mapping[str, Any]]) -> pa.Table:
    """One row per address to which mail was sent at all."""
    rows = []
    for result in results:
        properties = result.get("properties") or {}
        row: dict[str, Any] = {word: _instant(properties.get(name)) for word, name in TIMES.items()}
        row |= {word: int(float(properties.get(name) or 0)) for word, name in COUNTS.items()}
        if any(row.values()):
            rows += [{**row, "email": address} for address in addresses(properties)]
    return pa.Table.from_pylist(rows, ENGAGEMENT_SCHEMA)


def _instant(value: Any) -> datetime | None:
    """ISO 8601, or milliseconds since 1970."""
    written = str(value or "")
    try:
        return (
            datetime.fromtimestamp(int(written) / 1000, UTC) if written.isdigit() else datetime.fromisoformat(written)
        )
    except ValueError:
        return None
