"""“90 days” -> Duration.

Owns: the units and their spellings. Must not: know a clock or a time zone (windows are made in segments/).
"""

from __future__ import annotations

import re
from typing import Any

from connector.config.language.periods import named
from connector.config.language.rules import Duration, Unit
from connector.config.sections.codes import BadValue
from connector.core.problem import one_of

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
_SHORT: dict[str, Unit] = {  # what people write elsewhere; a bare `m` is a month or a minute
    "h": "hour", "hr": "hour", "hrs": "hour", "d": "day", "w": "week", "wk": "week", "wks": "week",
    "mo": "month", "mos": "month", "mon": "month", "m": "month", "y": "year", "yr": "year", "yrs": "year",
}  # fmt: skip
_FORMS = "A duration is a whole number and a unit: 36 hours, 90 days, 6 months."
_DURATION = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)\s*([^\W\d]+)")


def duration(value: Any) -> Duration:
    """Text like "36 hours"; a Duration is passed through. Raises BadValue."""
    if isinstance(value, Duration):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None and named(value):
        raise BadValue("bad-duration", f"{_FORMS} For a unit of the calendar a rule has `during: {named(value)}`.")
    if match is None:
        unit_missing = isinstance(value, int) and not isinstance(value, bool) and value > 0
        raise BadValue("bad-duration", f"{_FORMS} Did you mean “{value} days”?" if unit_missing else _FORMS)
    number, word = match.groups()
    unit = UNITS.get(word.casefold())
    if unit is None:
        raise BadValue("unknown-unit", f"“{word}” is not a unit.{_meant(number, word)}")
    if not number.isdigit() or not 0 < len(number.lstrip("0")) <= 7 or int(number) > LONGEST[unit]:
        raise BadValue("bad-duration", f"The number is whole, above 0 and at most {LONGEST[unit]} {unit}s.")
    return Duration(int(number), unit)


def _meant(number: str, word: str) -> str:
    """The hint for a unit that is none: `90d` is 90 days."""
    unit = _SHORT.get(word.casefold())
    if unit is not None and number.isdigit():
        return f" Write “{number} {unit}{'' if number == '1' else 's'}”."
    return one_of(word, ("hours", "days", "weeks", "months", "years"))


def calendar(value: Any) -> Duration:
    """A duration of days or longer. Raises BadValue."""
    found = duration(value)
    if found.unit == "hour":
        raise BadValue("bad-duration", "This counts calendar days: write days, weeks, months or years.")
    return found
