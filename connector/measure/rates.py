"""Rates and means with intervals, from sums over people.

Owns: Sums, Estimate, and the formulas. Must not: know where a sum comes from.

A figure is always a ratio y / x over people: clicks per mail, revenue per member. Several mails of one person are not
independent, so the variance is that of a ratio over people (linearised; Cochran, Sampling Techniques, 3rd ed., 6.3).
Rates have Wilson's interval with the number of mails divided by the design effect (Kish 1965; Korn and Graubard 1998),
means of money one on the logarithmic scale, which is what suits a few large values. A quotient of two groups has
Katz' interval with the same variances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, slots=True)
class Sums:
    """Over people: how many, and the sums of x, y, x², xy, y²."""

    people: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """`value` between `low` and `high` at 95 %; None: it cannot be told. `number` is what it rests on (x: mails, or
    members; of shares of money it is money), of so many `people`."""

    value: float | None
    low: float | None
    high: float | None
    number: float
    people: int


def rate(sums: Sums) -> Estimate:
    """A share: y of x, both counts."""
    if sums.x <= 0:
        return _untold(sums)
    share = sums.y / sums.x
    low, high = wilson(share, _independent(share, sums))
    return Estimate(share, low, high, sums.x, sums.people)


def mean(sums: Sums) -> Estimate:
    """y per x, y of any size above 0."""
    if sums.x <= 0:
        return _untold(sums)
    value, variance = sums.y / sums.x, _variance(sums)
    if value <= 0 or variance is None:
        return Estimate(value, None, None, sums.x, sums.people)
    spread = math.exp(Z * math.sqrt(variance) / value)
    return Estimate(value, value / spread, value * spread, sums.x, sums.people)


def times(one: Sums, other: Sums) -> Estimate:
    """How many times the figure of `other` that of `one` is."""
    first, second = _parts(one), _parts(other)
    number, people = one.x + other.x, one.people + other.people
    if first is None or second is None:
        return Estimate(None, None, None, number, people)
    value = first[0] / second[0]
    spread = math.exp(Z * math.sqrt(first[1] + second[1]))
    return Estimate(value, value / spread, value * spread, number, people)


def wilson(share: float, number: float) -> tuple[float, float]:
    """Wilson 1927, of a share among so many independent cases."""
    middle = (share + Z * Z / (2 * number)) / (1 + Z * Z / number)
    half = Z / (1 + Z * Z / number) * math.sqrt(share * (1 - share) / number + Z * Z / (4 * number * number))
    return max(0.0, middle - half), min(1.0, middle + half)


def _variance(sums: Sums) -> float | None:
    """Of y / x; None for fewer than two people."""
    if sums.people < 2 or sums.x <= 0:
        return None
    ratio = sums.y / sums.x
    squares = max(0.0, sums.yy - 2 * ratio * sums.xy + ratio * ratio * sums.xx)
    return squares / (sums.x * sums.x) * sums.people / (sums.people - 1)


def _independent(share: float, sums: Sums) -> float:
    """How many independent cases tell as much; never more than there are."""
    variance = _variance(sums)
    if not variance or not 0 < share < 1:
        return min(sums.x, sums.people)
    return min(sums.x, share * (1 - share) / variance)


def _parts(sums: Sums) -> tuple[float, float] | None:
    """The figure, and its squared relative error."""
    variance = _variance(sums)
    if sums.x <= 0 or sums.y <= 0 or variance is None:
        return None
    value = sums.y / sums.x
    return value, variance / (value * value)


def _untold(sums: Sums) -> Estimate:
    return Estimate(None, None, None, sums.x, sums.people)
