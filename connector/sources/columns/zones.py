"""Time zones that a header tells: `Created (UTC)`, `created_at_utc`, `Date (Europe/Berlin)`, `Ordered at (GMT+02:00)`.

Owns: zone_of(). Must not: read values. A zone that segments.yaml gives the source is stronger (load.py).
"""

from __future__ import annotations

import re
from functools import cache

from connector.sources.columns.times import is_zone

_UTC = re.compile(r"(?:^|[\W_])(?:UTC|GMT)(?:[\W_]|$)", re.IGNORECASE)
_OFFSET = re.compile(r"\b(?:UTC|GMT) ?([+-])0?(\d{1,2})(?::?(\d{2}))?\b", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[]([^()\[\]]+)[)\]]")
# What people call their own clock, summer and winter. Words that name clocks of several continents are left out.
_CLOCKS = {
    "America/New_York": ("ET", "EST", "EDT"), "America/Denver": ("MT", "MST", "MDT"),
    "America/Los_Angeles": ("PT", "PST", "PDT"), "Europe/Berlin": ("CET", "CEST", "MEZ", "MESZ"),
    "Europe/Athens": ("EET", "EEST"), "Europe/Lisbon": ("WET", "WEST"), "Australia/Sydney": ("AEST", "AEDT"),
    "Asia/Tokyo": ("JST",),
}  # fmt: skip
_WORDS = {word: zone for zone, words in _CLOCKS.items() for word in words}


@cache
def zone_of(header: str) -> str | None:
    """The zone in which the header says its times are written; None when it says none."""
    for inside in _BRACKETS.findall(header):
        word = inside.strip()
        if word.upper() in _WORDS:
            return _WORDS[word.upper()]
        if "/" in word and is_zone(word):
            return str(word)
    if offset := _OFFSET.search(header):
        return _whole_hours(*offset.groups())
    return "UTC" if _UTC.search(header) else None


def _whole_hours(sign: str, hours: str, minutes: str | None) -> str | None:
    """The zone of a fixed offset; its name has the sign of ships, not of clocks."""
    if int(minutes or 0) or not int(hours) <= 12:
        return None
    return f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}" if int(hours) else "UTC"
