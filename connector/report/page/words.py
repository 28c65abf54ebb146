"""How a report writes numbers and names its measures, the same in text and page.

Owns: these words. Must not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

# Key of the document -> what a reader calls it.
MEASURES = {
    "spend": "Spend",
    "orders": "Orders",
    "days_since_last": "Days since the last order or activity",
    "days_known": "Days known",
}


# A stage as the state calls it -> what a reader calls it; all others are the file's own names.
STAGES = {"retired": "archived or suppressed"}


def stage(name: str) -> str:
    return STAGES.get(name, name)


def number(value: int) -> str:
    return f"{value:,}"


def day(at: str, zone: str) -> str:
    """A moment of the document in the file's time zone."""
    return f"{datetime.fromisoformat(at).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


def maybe(value: int | None) -> str:
    return "not known" if value is None else number(value)


def percent(share: float) -> str:
    return f"{share:.1%}"


# What is measured -> what a reader calls it.
FIGURES = {
    "open_rate": "Unique open rate",
    "click_rate": "Click rate",
    "click_to_open": "Click-to-open rate",
    "bounce_rate": "Bounce rate",
    "unsubscribe_rate": "Unsubscribe rate",
    "conversion_rate": "Conversion rate",
    "revenue_per_member": "Revenue per member",
    "revenue_share": "Share of all revenue",
    "revenue": "Revenue",
    "orders": "Orders",
    "tenure_days": "Days known",
    "days_since_activity": "Days since the last activity",
}


def figure(value: float, name: str) -> str:
    """A figure of that name: a share, or an amount."""
    return f"{value:.2%}" if is_share(name) else amount(value)


def is_share(name: str) -> bool:
    return name.endswith(("_rate", "_share", "click_to_open"))


def known(one: Mapping[str, Any], name: str) -> str:
    """An estimate with its interval, as far as it has one."""
    if one["value"] is None:
        return "not known"
    if one["low"] is None or one["high"] is None:
        return figure(one["value"], name)
    return f"{figure(one['value'], name)} ({figure(one['low'], name)} to {figure(one['high'], name)})"


def points(difference: float) -> str:
    """A difference of shares."""
    return f"{difference:+.1%}"


def amount(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def share_words(place: Mapping[str, Any]) -> str:
    return f"{percent(place['share'])} ({percent(place['share_of_others'])})"
