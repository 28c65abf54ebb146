"""How a report writes numbers and names its measures, the same in text and page.

Owns: these words. Must not: compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def percent(share: float) -> str:
    return f"{share:.1%}"


def points(difference: float) -> str:
    """A difference of shares."""
    return f"{difference:+.1%}"


def amount(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def share_words(place: Mapping[str, Any]) -> str:
    return f"{percent(place['share'])} ({percent(place['share_of_others'])})"
