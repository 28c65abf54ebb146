"""What follows a colon, checked one value at a time: numbers, shares, dates, points, names of months.

Owns: the spelling of single values. Every function takes what the YAML gave and raises BadValue.
Must not: know where the value stands.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from connector.config.language.rules import Scalar
from connector.config.sections.codes import BadValue, each
from connector.core.problem import did_you_mean, one_of

MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MILE = 1.609344  # kilometres

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?\s?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_PERCENT = re.compile(r"(-?\d+(?:\.\d+)?)\s*%", re.ASCII)
_POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*", re.ASCII)
_DISTANCE = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([^\W\d]+)")


def shown(value: Any) -> str:
    """A value in a message: never more than a few words of it."""
    text = str(value)
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def kind(value: Any) -> str:
    """What the YAML holds, in the reader's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    names = ((str, "text"), (int | Decimal, "a number"), (list, "a list"), (dict, "a mapping"))
    return next((name for type_, name in names if isinstance(value, type_)), "a value")


def scalar(value: Any) -> Scalar:
    """One text, number, true or false."""
    if isinstance(value, str | int | Decimal):
        return value
    several = " For several write in: [US, CA]." if isinstance(value, list) else ""
    raise BadValue("wrong-type", f"One value is needed here, not {kind(value)}.{several}")


def text(value: Any) -> str:
    """Text that is not blank; a number counts as it is written."""
    if isinstance(value, bool):
        raise BadValue("wrong-type", f'Text is needed here, not yes/no; for the word write "{str(value).lower()}".')
    if isinstance(value, int | Decimal):
        return str(value)
    if not isinstance(value, str):
        raise BadValue("wrong-type", f"Text is needed here, not {kind(value)}.")
    if not value.strip():
        raise BadValue("empty", "The text is blank.")
    return value


def number(value: Any) -> int | Decimal:
    """A number written as a number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        hint = ""
        if isinstance(value, str):
            hint = " For a date use before, after, on or between." if _DATE.match(value) else " Write it like 1000.5."
        raise BadValue("bad-number", f"A number is needed here, not {kind(value)}.{hint}")
    return value


def whole(value: Any) -> int:
    """A whole number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadValue("bad-number", "A whole number of 0 or more is needed here.")
    return value


def percent(value: Any) -> Decimal:
    """A share above 0 % and at most 100 %, with its sign: "2.5%"."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue("bad-percent", "A share is written with its sign: 10%.")
    if not 0 < (share := Decimal(match[1])) <= 100:
        raise BadValue("bad-percent", "A share lies above 0% and is at most 100%.")
    return share


def moment(value: Any) -> str:
    """A date, or a time with or without zone, kept as text."""
    if isinstance(value, str):
        written = value.strip()
        if _DATE.fullmatch(written) or _TIME.fullmatch(written):
            parse_moment(written)
            return written
    raise BadValue("bad-date", "A date is written 2026-01-31, a time 2026-01-31T12:00 or 2026-01-31T12:00+01:00.")


def moment_or_day(value: Any) -> str:
    """As moment(), or a day without a year: 11-23, 11/23 or 23.11."""
    if isinstance(value, str) and day_of_year(value) is not None:
        return value.strip()
    return moment(value)


def day_of_year(written: str) -> tuple[int, int] | None:
    """(month, day) of a day without a year; 29 February is one. None for every other text."""
    found = re.fullmatch(r"(\d{1,2})[-/](\d{1,2})|(\d{1,2})\.(\d{1,2})\.?", written.strip())
    if found is None:
        return None
    month, day = (int(part) for part in (found[1] or found[4], found[2] or found[3]))
    try:
        date(2000, month, day)
    except ValueError:
        return None
    return month, day


def parse_moment(written: str) -> date | datetime:
    """A date, or a datetime when a time of day is written. Raises BadValue when the calendar has no such day."""
    try:
        if _DATE.fullmatch(written):
            return date.fromisoformat(written)
        return datetime.fromisoformat(re.sub(r"\s(?=Z|[+-])", "", written))
    except ValueError:
        raise BadValue("bad-date", f"The calendar has no {shown(written)}.") from None


def iso_date(value: Any) -> str:
    """A date without time."""
    found = moment(value)
    if not _DATE.fullmatch(found):
        raise BadValue("bad-date", "A date without time is needed here: 2026-01-31.")
    return found


def pair(value: Any) -> tuple[Any, Any]:
    """Two numbers, or two dates or times, in order: [10, 20]."""
    if not isinstance(value, list) or len(value) != 2:
        raise BadValue("wrong-type", "between takes two values: [10, 20] or [2026-01-01, 2026-03-31].")
    dated = any(isinstance(end, str) and _DATE.match(end.strip()) for end in value)
    texts = all(isinstance(end, str) for end in value)
    low, high = each(moment if dated or texts else number, value)
    if _after(low, high):
        raise BadValue("range", f"between goes from low to high: [{high}, {low}].")
    return low, high


def _after(low: Any, high: Any) -> bool:
    if not isinstance(low, str):
        return bool(low > high)
    first, last = parse_moment(low), parse_moment(high)
    if isinstance(first, datetime) and isinstance(last, datetime) and (first.tzinfo is None) == (last.tzinfo is None):
        return first > last
    return low[:10] > str(high)[:10]  # a day and a time, or zones that only the file's zone could compare


def named(value: Any, names: tuple[str, ...]) -> str:
    """A name of a month or weekday, full or its first three letters; the full one comes back."""
    word = text(value).strip().casefold()
    for name in names:
        if word in (name, name[:3]):
            return name
    raise BadValue("unknown-value", f"{shown(value)} is not one of these names.{one_of(word, names)}")


def month(value: Any) -> str:
    return named(value, MONTHS)


def weekday(value: Any) -> str:
    return named(value, WEEKDAYS)


def point(value: Any) -> tuple[float, float]:
    """ "52.52,13.40" as latitude and longitude in degrees."""
    match = _POINT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise BadValue("bad-place", 'A place is written "52.52,13.40": latitude, longitude, in quotes.')
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise BadValue("bad-place", "A latitude lies between -90 and 90, a longitude between -180 and 180.")
    return latitude, longitude


def kilometres(value: Any) -> float:
    """ "25 km" or "15 miles" in kilometres."""
    match = _DISTANCE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue("bad-place", "A distance is written 25 km or 15 miles.")
    units = {"km": 1.0, "mile": _MILE, "miles": _MILE}
    if match[2].casefold() not in units:
        raise BadValue("unknown-unit", f"“{match[2]}” is not a unit of distance.{did_you_mean(match[2], units)}")
    return float(match[1]) * units[match[2].casefold()]
