"""Campaigns that a platform reports, beside our own count of the same segment.

Owns: which campaigns are a segment's, and their sums. Must not: ask a platform, print.

A campaign is a segment's when it went to a tag or list that the segment is sent to. Its report covers its whole life
and everybody who got it: also those who have left since, and those that somebody else put there. Our own count is of
members, on the days of the period. So the two are near to each other, not equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from connector.core.model import Kind
from connector.measure.periods import Stretch
from connector.platforms.campaigns import CampaignReport

Target = tuple[Kind, str]
# rate -> (what is counted, what it is a share of): as in our own count.
RATES: Mapping[str, tuple[Callable[[CampaignReport], int | None], Callable[[CampaignReport], int | None]]] = {
    "open_rate": (lambda one: one.opened, lambda one: one.delivered),
    "click_rate": (lambda one: one.clicked, lambda one: one.delivered),
    "bounce_rate": (lambda one: one.bounced, lambda one: one.sent),
    "unsubscribe_rate": (lambda one: one.unsubscribed, lambda one: one.delivered),
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a destination told of campaigns; `targets`: the name of each tag and list of ours there, by its id. `note`:
    what the platform's reports do not tell. `why` there is nothing, or empty."""

    destination: str
    reports: tuple[CampaignReport, ...]
    targets: Mapping[Target, str]
    note: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """Of one segment at one destination. `mails` and `rates` are sums over the campaigns; None: not told. `elsewhere`:
    how many of them also went to tags, lists or segments that are none of it."""

    destination: str
    campaigns: tuple[CampaignReport, ...]
    mails: int | None
    rates: Mapping[str, float | None]
    revenue: float | None
    elsewhere: int = 0
    note: str = ""
    why: str = ""


def reported(
    told: Iterable[Told], sent_to: Mapping[str, frozenset[tuple[Kind, str]]], period: Stretch
) -> tuple[Reported, ...]:
    """`sent_to`: destination -> the tags and lists (kind, name) of the segment. Destinations that it is not sent to are
    left out."""
    return tuple(_of(one, sent_to[one.destination], period) for one in told if sent_to.get(one.destination))


def _of(told: Told, names: frozenset[tuple[Kind, str]], period: Stretch) -> Reported:
    ours = {target for target, name in told.targets.items() if (target[0], name) in names}
    mine = [one for one in told.reports if one.targets & ours and period.low <= one.sent_at < period.high]
    mine.sort(key=lambda one: (one.sent_at, one.id))
    return Reported(
        told.destination,
        tuple(mine),
        _sum(one.sent for one in mine),
        {name: _rate(mine, counted, of) for name, (counted, of) in RATES.items()},
        _money([one.revenue for one in mine if one.revenue is not None]),
        sum(bool(one.targets - ours) for one in mine),
        told.note,
        told.why,
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _money(amounts: Sequence[float]) -> float | None:
    return sum(amounts) if amounts else None


def _rate(
    mine: Sequence[CampaignReport],
    counted: Callable[[CampaignReport], int | None],
    of: Callable[[CampaignReport], int | None],
) -> float | None:
    pairs = [(counted(one), of(one)) for one in mine]
    known = [(did, whole) for did, whole in pairs if did is not None and whole]
    whole = sum(pair[1] for pair in known)
    return sum(pair[0] for pair in known) / whole if whole else None
