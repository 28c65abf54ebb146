"""How the members of a segment behaved in a period, beside everybody else.

Owns: the figures, and why one cannot be told. Must not: read a file or a platform, print.

Somebody counts as a member for what happened while they were one (history): a mail by the moment it was sent, an order
by its own. Before the history knows a segment, nothing is counted for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from connector.config.sections.measure import Goal
from connector.measure import rates, together
from connector.measure.campaigns import Reported
from connector.measure.facts import Facts
from connector.measure.mail import Readback
from connector.measure.periods import BEFORE, NOW, YEAR_BEFORE, Stretch
from connector.measure.rates import Estimate, Sums
from connector.measure.together import Asked, Key

if TYPE_CHECKING:
    import duckdb

UNRELIABLE = "opens are also made by privacy proxies, and not by readers who load no pictures"
MAIL_FIGURES = ("open_rate", "click_rate", "click_to_open", "bounce_rate", "unsubscribe_rate", "conversion_rate")
MONEY_FIGURES = ("revenue_per_member", "revenue_share")
LIFETIME = ("revenue", "orders", "tenure_days", "days_since_activity")
_NEEDS = {"open_rate": "opened", "click_rate": "clicked", "click_to_open": "opened"}
_NEEDS |= {"bounce_rate": "bounced", "unsubscribe_rate": "unsubscribed"}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of members, beside that of everybody else, the period before and the year before. `why`: why it
    cannot be told, or what a reader must know."""

    name: str
    members: Estimate
    others: Estimate
    times: Estimate
    before: Estimate
    year_before: Estimate
    why: str = ""


@dataclass(frozen=True, slots=True)
class Performance:
    """`known_since`: from when on the members are known; None: nothing but `lifetime` can be told. `sent`: mails."""

    segment: str
    title: str
    members: int
    known_since: datetime | None
    period: Stretch
    sent: int
    figures: tuple[Figure, ...]
    lifetime: tuple[Figure, ...]
    told: tuple[Readback, ...] = ()  # by platforms of people, beside our own count
    reported: tuple[Reported, ...] = ()  # by platforms of campaigns


def performances(
    connection: duckdb.DuckDBPyConnection, facts: Facts, asked: Sequence[Asked], stretches: Mapping[str, Stretch]
) -> list[Performance]:
    """Of each segment; the facts are in `connection` (facts.opened)."""
    counted = together.sums(connection, facts, asked, stretches)
    return [_performance(facts, one, sums, stretches) for one, sums in zip(asked, counted, strict=True)]


def _performance(facts: Facts, asked: Asked, sums: Mapping[Key, Sums], stretches: Mapping[str, Stretch]) -> Performance:
    goal, known = asked.goal, asked.known
    return Performance(
        asked.segment,
        asked.title,
        pc.sum(facts.people[f"in:{asked.segment}"]).as_py() or 0,
        known,
        stretches[NOW],
        int(sums.get((NOW, True, "sent"), Sums()).y),
        tuple(_figure(name, sums, facts, goal, known, stretches) for name in (*MAIL_FIGURES, *MONEY_FIGURES)),
        tuple(_lifetime(name, sums, facts) for name in LIFETIME),
    )


def _figure(
    name: str,
    sums: Mapping[Key, Sums],
    facts: Facts,
    goal: object,
    known: datetime | None,
    stretches: Mapping[str, Stretch],
) -> Figure:
    why = _why_not(name, facts, goal, known, stretches[NOW])
    made = rates.mean if name == "revenue_per_member" else rates.rate if name != "revenue_share" else _share
    empty = Sums()
    if why:
        sums = {}
    one, other = sums.get((NOW, True, name), empty), sums.get((NOW, False, name), empty)
    return Figure(
        name,
        made(one),
        made(other),
        rates.times(one, other) if name != "revenue_share" else made(empty),
        made(sums.get((BEFORE, True, name), empty)),
        made(sums.get((YEAR_BEFORE, True, name), empty)),
        why or (_beside(name, facts)),
    )


def _share(sums: Sums) -> Estimate:
    """Of money: its interval is that of a mean, and ends at the whole."""
    found = rates.mean(sums)
    high = None if found.high is None else min(1.0, found.high)
    return Estimate(found.value, found.low, high, found.number, found.people)


def _why_not(name: str, facts: Facts, goal: object, known: datetime | None, period: Stretch) -> str:
    if known is None:
        return "members are not known: no push or snapshot has kept them yet"
    if known >= period.high:
        return f"members are known from {known:%Y-%m-%d} on only"
    if name in MONEY_FIGURES:
        return "" if facts.revenue is not None else "the file does not say what revenue is: measure: {revenue: …}"
    if facts.mail is None:
        return "the file does not say which source tells of mail: measure: {mail: …}"
    if "sent" not in facts.kinds:
        return "the source of mail tells of no sends"
    if name in _NEEDS and _NEEDS[name] not in facts.kinds:
        return f"the source of mail tells of no mails that were {_NEEDS[name]}"
    if name == "conversion_rate" and not isinstance(goal, Goal):
        return "the segment has no goal that can be measured: goal: {orders: {within: 7 days}}"
    return ""


def _beside(name: str, facts: Facts) -> str:
    if name not in ("open_rate", "click_to_open"):
        return ""
    return f"{UNRELIABLE}; {'without those of machines' if facts.machines else 'machines are not told apart'}"


def _lifetime(name: str, sums: Mapping[Key, Sums], facts: Facts) -> Figure:
    empty = Sums()
    bought = facts.revenue is None and name in ("revenue", "orders")
    why = "the file does not say what revenue is: measure: {revenue: …}" if bought else ""
    one, other = (empty if bought else sums.get((NOW, member, name), empty) for member in (True, False))
    if not why and not one.people:
        why = "nothing is known of it"
    nothing = rates.mean(empty)
    return Figure(name, rates.mean(one), rates.mean(other), rates.times(one, other), nothing, nothing, why)
