"""Is a segment distinct, stable and large enough? One value per segment, for the checker and for reports.

Owns: SegmentQuality, turnover() and the advice about turnover and behaviour (size and overlap are in members.py).
Must not: read a state or a platform: history and measured rates are handed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import combinations, pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.models import Config
from connector.config.sections.quality import over
from connector.segments.advice.members import related
from connector.segments.advice.model import Advice, Evidence
from connector.segments.advice.rates import Rate
from connector.segments.evaluate import Evaluation
from connector.segments.priorities import waterfall

WEEK = timedelta(days=7)
LOOK_BACK = 4 * WEEK
ENOUGH = timedelta(days=6)  # a shorter history tells nothing per week


@dataclass(frozen=True, slots=True)
class Shared:
    """People who are in another segment too, and their share of the smaller of the two."""

    segment: str
    people: int
    share: float


@dataclass(frozen=True, slots=True)
class SegmentQuality:
    """`turnover` is the share of members exchanged per week, None while the history is too short. `like` are segments
    that reach their goal as often; `overlaps` only those over the limit of the file."""

    name: str
    size: int
    share: float
    small: bool
    everyone: bool
    overlaps: tuple[Shared, ...]
    turnover: float | None
    unstable: bool
    overdue: bool
    like: tuple[str, ...]

    @property
    def sound(self) -> bool:
        return not (self.small or self.everyone or self.overlaps or self.unstable or self.overdue or self.like)


def quality(
    config: Config,
    evaluation: Evaluation,
    as_of: datetime,
    history: pa.Table | None = None,
    rates: Mapping[str, Rate] | None = None,
) -> list[SegmentQuality]:
    """`history` has segment, at, size, entered, left and definition, one row per segment and moment; `rates` how often
    members reach the goal. What is not handed over is not judged."""
    limits, today = config.quality, as_of.astimezone(config.zone).date()
    members = waterfall({name: evaluation.table[f"in:{name}"] for name in config.segments}, config.priorities)
    sizes = {name: _count(column) for name, column in members.items()}
    shared = list(_shared(config, members, sizes))
    found = []
    for name, segment in config.segments.items():
        exchanged = turnover(history, name, as_of)
        found.append(
            SegmentQuality(
                name=name,
                size=sizes[name],
                share=sizes[name] / evaluation.contacts if evaluation.contacts else 0.0,
                small=limits.small(sizes[name], evaluation.contacts),
                everyone=over(sizes[name], evaluation.contacts, limits.everyone) and sizes[name] > 0,
                overlaps=tuple(_with(name, shared)),
                turnover=exchanged,
                unstable=exchanged is not None and over(exchanged, 1, limits.turnover),
                overdue=segment.review_by is not None and date.fromisoformat(segment.review_by) < today,
                like=tuple(_like(config, name, rates or {})),
            )
        )
    return found


def _shared(
    config: Config, members: Mapping[str, Any], sizes: Mapping[str, int]
) -> Iterator[tuple[str, str, int, float]]:
    for one, other in combinations(members, 2):
        smaller = min(sizes[one], sizes[other])
        if smaller and not related(config, one, other):
            both = _count(pc.and_(members[one], members[other]))
            if over(both, smaller, config.quality.overlap):
                yield one, other, both, both / smaller


def _with(name: str, shared: list[tuple[str, str, int, float]]) -> Iterator[Shared]:
    for one, other, people, share in shared:
        if name in (one, other):
            yield Shared(other if name == one else one, people, share)


def turnover(history: pa.Table | None, name: str, as_of: datetime) -> float | None:
    """The share of the members that a week of the last four exchanged: half of who entered and left. Moments at which
    the definition changed say nothing about the people."""
    if history is None:
        return None
    mine = history.filter(pc.equal(history["segment"], name)).sort_by("at").to_pylist()
    rows = [row for row in mine if as_of - LOOK_BACK <= row["at"] <= as_of]
    moved, sizes, known = 0.0, [], timedelta(0)
    for before, after in pairwise(rows):
        if before["definition"] == after["definition"] and after["entered"] is not None and after["left"] is not None:
            moved += (after["entered"] + after["left"]) / 2
            sizes.append((before["size"] + after["size"]) / 2)
            known += after["at"] - before["at"]
    average = sum(sizes) / len(sizes) if sizes else 0.0
    return moved / average / (known / WEEK) if known >= ENOUGH and average else None


def _like(config: Config, name: str, rates: Mapping[str, Rate]) -> Iterator[str]:
    """Other segments with the same goal whose rate cannot be told from this one's."""
    return (other for other in rates if name in rates and other != name and _same(config, name, other, rates))


def _same(config: Config, one: str, other: str, rates: Mapping[str, Rate]) -> bool:
    mine, theirs, least = rates[one], rates[other], config.quality.alike_people
    if least is None or min(mine.people, theirs.people) < least or not mine.like(theirs):
        return False
    return config.segments[one].goal == config.segments[other].goal and not related(config, one, other)


def advice(given: Evidence) -> Iterator[Advice]:
    """What only history and measured rates tell."""
    config = given.config
    for name in config.segments:
        exchanged = turnover(given.history, name, given.as_of)
        if exchanged is not None and over(exchanged, 1, config.quality.turnover):
            text = (
                f"“{name}” exchanges {exchanged:.0%} of its members per week, so few get a whole series of messages."
                " Widen its windows, or set `hold`."
            )
            yield given.segment("unstable", name, text)
    for one, other, mine, theirs in alike(config, given.rates):
        text = (
            f"“{one}” and “{other}” behave alike: {mine:.1%} and {theirs:.1%} reach the goal, which is the same"
            " within the interval. Send both the same, or tell them apart."
        )
        yield Advice("behaves-alike", config.place(("segments", other)), text, (other, one))


def alike(config: Config, rates: Mapping[str, Rate]) -> Iterator[tuple[str, str, float, float]]:
    """Two segments and their rates, which are the same within the interval."""
    for one, other in combinations([name for name in config.segments if name in rates], 2):
        if _same(config, one, other, rates):
            yield one, other, rates[one].share, rates[other].share


def _count(column: Any) -> int:
    return int(pc.sum(column).as_py() or 0)
