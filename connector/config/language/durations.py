"""“90 days” -> Duration.

Owns: the units and their spellings. Must not: know a clock or a time zone (windows are made in segments/).
"""

from __future__ import annotations

import re
from typing import Any

from connector.config.language.rules import Duration, Unit
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean

UNITS: dict[str, Unit] = {
    "hour": "hour",
    "hours": "hour",
    "day": "day",
    "days": "day",
    "week": "week",
    "weeks": "week",
    "month": "month",
    "months": "month",
    "year": "year",
    "years": "year",
}
# The longest that is still a window of somebody's life; it also keeps dates inside the calendar.
LONGEST = {"hour": 1_000_000, "day": 50_000, "week": 7_000, "month": 1_800, "year": 150}
_DURATION = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([^\W\d]+)")


def duration(value: Any) -> Duration:
    """Text like "36 hours"; a Duration is passed through. Raises BadValue."""
    if isinstance(value, Duration):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue("bad-duration", "A duration is a whole number and a unit: 36 hours, 90 days, 6 months.")
    number, word = match.groups()
    unit = UNITS.get(word.casefold())
    if unit is None:
        raise BadValue("unknown-unit", f"“{word}” is not a unit.{did_you_mean(word, UNITS)}")
    if not number.isdigit() or not 0 < len(number.lstrip("0")) <= 7 or int(number) > LONGEST[unit]:
        raise BadValue("bad-duration", f"The number is whole, above 0 and at most {LONGEST[unit]} {unit}s.")
    return Duration(int(number), unit)


def calendar(value: Any) -> Duration:
    """A duration of days or longer. Raises BadValue."""
    found = duration(value)
    if found.unit == "hour":
        raise BadValue("bad-duration", "This counts calendar days: write days, weeks, months or years.")
    return found
