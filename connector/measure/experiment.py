"""One experiment of the file: who was in which part, who reached the goal, and what follows from that.

Owns: counting people, and the Result. Must not: know a formula (trials.py), read a file, print.

Somebody belongs to the part that they were in first, from when they came into it within the period; what they do from
then on counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.config.sections.measure import CLICKS, Experiment, Goal
from connector.measure import trials
from connector.measure.facts import NAIVE, Facts, goal_table, naive
from connector.measure.periods import Stretch
from connector.measure.trials import Compared, Part

if TYPE_CHECKING:
    import duckdb

_PARTS = """
    create or replace temp table person as
    with came as (
        select part, email, min(greatest(since, $low)) as began from parts
        where since < $high and (until is null or until > $low) group by part, email
    ), person as (
        select email, arg_min(part, began) as part, min(began) as began, count(distinct part) as parts
        from came group by email
    )
    select p.*, w.who from person p left join who w on w.email = p.email"""
_COUNTED = """
    select part, count(*), count(*) filter (reached), count(*) filter (parts > 1) from (
        select p.*, exists ({reached}) as reached from person p
    ) group by part"""


@dataclass(frozen=True, slots=True)
class Result:
    """`needed` people in each part find the planned `effect`; `missing` of them are not there yet, `days` at the pace
    so far (None: it cannot be told). `detectable` is the least relative lift that today's people find. `mismatch` is
    the p-value of the split, `changed` those who were in more than one part. `why`: why there is no result yet."""

    name: str
    period: Stretch
    over: bool
    method: str
    goal: str
    effect: float
    parts: tuple[Part, ...]
    compared: tuple[Compared, ...]
    needed: int | None
    missing: int | None
    days: int | None
    detectable: float | None
    mismatch: float | None
    changed: int
    why: str = ""

    @property
    def sound(self) -> bool:
        """Whether people fell into the parts as the split says."""
        return self.mismatch is None or self.mismatch >= trials.MISMATCH

    @property
    def decided(self) -> bool:
        return self.sound and any(one.decided for one in self.compared)


def result(
    connection: duckdb.DuckDBPyConnection,
    facts: Facts,
    experiment: Experiment,
    period: Stretch,
    spells: Mapping[str, pa.Table],
    shares: Sequence[int],
) -> Result:
    """`spells` are those of each part (history.spells), `shares` what the split gives each; `period` is the whole."""
    as_of = facts.as_of
    high = min(period.high, as_of)
    counts: dict[str, tuple[int, int, int]] = {}
    why = _why_not(facts, experiment, spells, period)
    if not why:
        _enter(connection, spells, period.low, high)
        rows = connection.sql(_COUNTED.format(reached=_reached(facts, experiment)), params={"high": naive(high)})
        counts = {part: (people, reached, changed) for part, people, reached, changed in rows.fetchall()}
    parts = tuple(Part(name, *counts.get(name, (0, 0, 0))[:2]) for name in experiment.parts)
    effect, over = float(experiment.effect) / 100, as_of >= period.high
    base, others = parts[0], parts[1:]
    compared = tuple(trials.compare(one, base, experiment.method, effect, over, len(others)) for one in others)
    least = min(part.people for part in parts)
    needed = trials.needed(base.rate, effect, trials.ALPHA / len(others)) if base.rate else None
    missing = None if needed is None else max(0, needed - least)
    return Result(
        experiment.name,
        period,
        over,
        experiment.method,
        str(experiment.goal),
        effect,
        parts,
        compared,
        needed,
        missing,
        _days(missing, least, period, high),
        trials.detectable(base.rate, least, trials.ALPHA / len(others)) if base.rate else None,
        trials.mismatch([part.people for part in parts], shares),
        sum(changed for _, _, changed in counts.values()),
        why,
    )


def _enter(
    connection: duckdb.DuckDBPyConnection, spells: Mapping[str, pa.Table], low: datetime, high: datetime
) -> None:
    """The table `person`: everybody's part, and from when on they count."""
    tables = [
        pa.table(
            [pa.repeat(name, one.num_rows), one["email"], one["since"].cast(NAIVE), one["until"].cast(NAIVE)],
            names=["part", "email", "since", "until"],
        )
        for name, one in spells.items()
    ]
    connection.register("parts", pa.concat_tables(tables))
    connection.execute(_PARTS, {"low": naive(low), "high": naive(high)})


def _reached(facts: Facts, experiment: Experiment) -> str:
    goal = experiment.goal
    if isinstance(goal, Goal):
        end = f"least(p.began + interval '{goal.within}', $high::timestamp)" if goal.within else "$high::timestamp"
        events = goal_table(facts, goal.source)
        return f"select 1 from {events} g where g.who = p.who and g.at >= p.began and g.at < {end}"
    did = "m.clicked_at is not null and m.clicked_at < $high" if goal == CLICKS else "m.opened and m.sent_at < $high"
    return f"select 1 from mails m where m.who = p.who and m.sent_at >= p.began and {did}"


def _why_not(facts: Facts, experiment: Experiment, spells: Mapping[str, pa.Table], period: Stretch) -> str:
    if facts.as_of <= period.low:
        return f"the experiment begins on {experiment.from_}"
    if not isinstance(experiment.goal, Goal) and facts.mail is None:
        return "the file does not say which source tells of mail: measure: {mail: …}"
    empty = [name for name, one in spells.items() if not one.num_rows]
    if empty:
        return f"nobody is known to be in {', '.join(empty)} yet: the next push or `sync snapshot` keeps it"
    return ""


def _days(missing: int | None, people: int, period: Stretch, high: datetime) -> int | None:
    """How long the people who are missing take to come, at the pace so far."""
    if not missing:
        return missing
    gone = (high - period.low) / timedelta(days=1)
    return ceil(missing * gone / people) if people and gone > 0 else None
