"""“last month” -> Period.

Owns: the units of the calendar that rules may name, and what people call them elsewhere.
Must not: know a clock or a time zone (segments/compile/windows.py does).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from connector.config.language.rules import Period, PeriodUnit
from connector.config.sections.codes import BadValue
from connector.core.problem import one_of

_STEPS: tuple[Literal[-1, 0, 1], ...] = (0, -1, 1)
_KNOWN = [Period(step, unit) for step in _STEPS for unit in get_args(PeriodUnit)]
PERIODS: dict[str, Period] = {str(period): period for period in _KNOWN if str(period) != "tomorrow"}
PAST = tuple(word for word, period in PERIODS.items() if period.step < 1)
_ELSEWHERE = {
    "current": "this", "previous": "last", "prior": "last", "past": "last", "following": "next", "coming": "next"
}  # fmt: skip
_TO_DATE = {"wtd": "this week", "mtd": "this month", "qtd": "this quarter", "ytd": "this year"}


def period(value: Any) -> Period:
    """Text like "last month"; a Period is passed through. Raises BadValue."""
    if isinstance(value, Period):
        return value
    found = named(value)
    if found is None:
        raise BadValue("unknown-value", f"{_said(value)} is no unit of the calendar.{_meant(value)}")
    return found


def past(value: Any) -> Period:
    """A unit that has begun: events of later ones have not happened. Raises BadValue."""
    found = period(value)
    if found.step > 0:
        text = f"Events of {found} have not happened, so nothing could match. Valid: {', '.join(PAST)}."
        raise BadValue("unknown-value", text)
    return found


def named(value: Any) -> Period | None:
    """The unit that a text names; None where it names none."""
    return PERIODS.get(_plain(value)) if isinstance(value, str) else None


def _plain(value: str) -> str:
    return " ".join(value.casefold().split())


def _said(value: Any) -> str:
    return f"“{value[:40]}”" if isinstance(value, str) else "That"


def _meant(value: Any) -> str:
    """The hint: another language's word, a duration, or the list."""
    if not isinstance(value, str):
        return one_of(value, PERIODS)
    plain = _plain(value.replace("_", " ").replace("-", " "))
    first, _, rest = plain.partition(" ")
    meant = _TO_DATE.get(plain, f"{_ELSEWHERE.get(first, first)} {rest}".strip())
    if meant in PERIODS:
        return f" Write “{meant}”."
    if any(sign.isdigit() for sign in plain):
        return f" For so long ago write `within`: within: 90 days.{one_of('', PERIODS)}"
    return one_of(plain, PERIODS)
