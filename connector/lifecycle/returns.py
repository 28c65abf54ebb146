"""Who came back after which stage, and whether a win-back did better than doing nothing.

Owns: the counts of returns, and the interval around the difference of two rates. Must not: know a platform, print.

The interval is Newcombe's (Statistics in Medicine 17, 1998, pages 873-890, method 10): Wilson's score intervals of the
two rates, put together. It holds for small groups and rates near 0, where the usual formula does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from connector.core.sql import scratch
from connector.lifecycle.policy import HOLDOUT, RETIRED, RETURNED

Z = 1.959964  # 95 % of a normal distribution

_SQL = f"""
    with stay as (select * from entries where stage not in ('{RETURNED}')),
    back as (
        select s.email, s.stage, s.part, s.began_at, s.entered_at, s.how = 'returned' as here,
               exists (from stay l where l.email = s.email and l.began_at = s.began_at
                       and l.entered_at >= s.entered_at and l.how = 'returned' and l.stage <> '{RETIRED}') as later
        from stay s
    )
    select stage, part, count(*) as entered, count(*) filter (here) as returned, count(*) filter (later) as ever
    from back group by all order by stage, part
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`returned` came back while in this stage, `ever` also in a later one of the same way."""

    stage: str
    part: str | None
    entered: int
    returned: int
    ever: int


@dataclass(frozen=True, slots=True)
class Test:
    """One part of a stage's split against its holdout: the difference of the rates and its 95 % interval."""

    stage: str
    part: Rate
    holdout: Rate
    difference: float
    low: float
    high: float


def rates(entries: pa.Table) -> list[Rate]:
    """Of all STAGE_ENTRIES of a destination."""
    with scratch() as connection:
        connection.register("entries", entries)
        return [Rate(**row) for row in connection.sql(_SQL).to_arrow_table().to_pylist()]


def tests(found: Sequence[Rate]) -> list[Test]:
    """Every part against the holdout of its stage, by who came back at all since they entered the stage."""
    result = []
    for holdout in found:
        if holdout.part == HOLDOUT:
            for part in found:
                if part.stage == holdout.stage and part.part not in (None, HOLDOUT):
                    ends = interval(part.ever, part.entered, holdout.ever, holdout.entered)
                    difference = part.ever / part.entered - holdout.ever / holdout.entered
                    result.append(Test(part.stage, part, holdout, difference, *ends))
    return result


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The score interval of one rate."""
    rate, z2 = hits / of, Z * Z
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * math.sqrt(rate * (1 - rate) / of + z2 / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def interval(hits: int, of: int, other_hits: int, other_of: int) -> tuple[float, float]:
    """Of the difference of two rates."""
    one, other = hits / of, other_hits / other_of
    (low, high), (other_low, other_high) = wilson(hits, of), wilson(other_hits, other_of)
    down = math.sqrt((one - low) ** 2 + (other_high - other) ** 2)
    up = math.sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return one - other - down, one - other + up
