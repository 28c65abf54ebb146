"""The period that is measured, the one before it, and the same a year earlier.

Owns: Periods, and what people may write. Must not: know a figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from connector.config.language import durations, periods
from connector.config.language.rules import Duration
from connector.config.sections.codes import BadValue

NOW, BEFORE, YEAR_BEFORE = "now", "before", "year_before"
DEFAULT = "30 days"
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `low`, included, to `high`, excluded; aware, in UTC."""

    low: datetime
    high: datetime


def stretches(written: str, as_of: datetime, zone: ZoneInfo) -> dict[str, Stretch]:
    """NOW, BEFORE and YEAR_BEFORE. `written` is a duration that ends now (30 days), a unit of the calendar (last
    month), a month (2026-10) or two days (2026-10-01..2026-11-01, the second excluded). What is still to come is cut
    off. Raises BadValue."""
    today = as_of.astimezone(zone).date()
    found = periods.named(written)
    if found is not None:
        low = _start(today, found.unit)
        low = _shift(low, found.unit, found.step)
        return _calendar(low, _shift(low, found.unit, 1), found.unit, as_of, zone)
    first, dots, last = written.strip().partition("..")
    try:
        if dots:
            return _calendar(date.fromisoformat(first), date.fromisoformat(last), "", as_of, zone)
        if len(first) == len("2026-10") and first[4] == "-":
            low = date.fromisoformat(first + "-01")
            return _calendar(low, _shift(low, "month", 1), "month", as_of, zone)
    except ValueError:
        text = f"“{written[:40]}” is no period; write 30 days, last month, 2026-10 or 2026-10-01..2026-11-01."
        raise BadValue("unknown-value", text) from None
    return _rolling(durations.duration(written), as_of, zone)


def between(first: str, last: str, zone: ZoneInfo) -> Stretch:
    """From the beginning of one day to that of another."""
    return Stretch(*(_instant(date.fromisoformat(day), zone) for day in (first, last)))


def _rolling(length: Duration, as_of: datetime, zone: ZoneInfo) -> dict[str, Stretch]:
    local = as_of.astimezone(zone)
    back = [_ago(local, length, times).astimezone(UTC) for times in (0, 1, 2)]
    year = [_ago(moment.astimezone(zone), Duration(1, "year"), 1).astimezone(UTC) for moment in back[:2]]
    return {NOW: Stretch(back[1], back[0]), BEFORE: Stretch(back[2], back[1]), YEAR_BEFORE: Stretch(year[1], year[0])}


def _calendar(low: date, high: date, unit: str, as_of: datetime, zone: ZoneInfo) -> dict[str, Stretch]:
    if high <= low:
        raise BadValue("unknown-value", "The second day of a period is excluded, so it comes after the first.")
    before = _shift(low, unit, -1) if unit else low - (high - low)
    year = [_shift(day, "year", -1) for day in (low, high)]
    now = Stretch(_instant(low, zone), min(_instant(high, zone), as_of))
    if now.high <= now.low:
        raise BadValue("unknown-value", "The period has not begun.")
    cut = now.high - now.low  # a period that is not over is compared with as much of the others
    whole = {
        BEFORE: Stretch(_instant(before, zone), _instant(low, zone)),
        YEAR_BEFORE: Stretch(_instant(year[0], zone), _instant(year[1], zone)),
    }
    over = now.high == _instant(high, zone)
    return {NOW: now} | {
        name: one if over else Stretch(one.low, min(one.high, one.low + cut)) for name, one in whole.items()
    }


def _start(day: date, unit: str) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "day":
        return day
    month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
    return day.replace(month=month, day=1)


def _shift(day: date, unit: str, times: int) -> date:
    if unit in ("day", "week"):
        return day + timedelta(days=times * (7 if unit == "week" else 1))
    return _months(day, times * _MONTHS[unit])


def _months(day: date, months: int) -> date:
    """The same day so many months later; the last of a shorter month."""
    number = day.year * 12 + day.month - 1 + months
    first = date(number // 12, number % 12 + 1, 1)
    following = date((number + 1) // 12, (number + 1) % 12 + 1, 1)
    return min(first + timedelta(days=day.day - 1), following - timedelta(days=1))


def _ago(local: datetime, length: Duration, times: int) -> datetime:
    number = length.number * times
    if length.unit == "hour":
        return local - timedelta(hours=number)
    if length.unit in ("day", "week"):
        return local - timedelta(days=number * (7 if length.unit == "week" else 1))
    day = _months(local.date(), -number * (12 if length.unit == "year" else 1))
    return datetime.combine(day, local.timetz())


def _instant(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
