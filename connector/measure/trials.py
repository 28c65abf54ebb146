"""Tests of parts: difference and lift with intervals, whether it is decided, what is missing, and whether the split is
sound.

Owns: the formulas. Must not: know where a count comes from.

fixed: two proportions, pooled z, one look when the period is over. sequential: a confidence sequence that holds at
every look (mixture of normals; Robbins 1970, Johari, Koomen, Pekelis and Walsh, “Always Valid Inference”, Operations
Research 70 (2022); asymptotic: Waudby-Smith et al., Annals of Statistics 52 (2024)). Power: Fleiss, Levin and Paik
2003, without correction for continuity. Split: chi-square (Pearson), judged at 0.001.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

ALPHA, POWER, MISMATCH = 0.05, 0.80, 0.001
_NORMAL = NormalDist()
Z = _NORMAL.inv_cdf(1 - ALPHA / 2)
_ENOUGH = 10  # conversions in each part, below which an interval of large numbers does not hold


@dataclass(frozen=True, slots=True)
class Part:
    """So many of `people` reached the goal."""

    name: str
    people: int
    reached: int

    @property
    def rate(self) -> float | None:
        return self.reached / self.people if self.people else None


@dataclass(frozen=True, slots=True)
class Compared:
    """A part beside the first one. `difference` in points with its interval; `lift` is relative. `p` is None for a
    sequence. `decided`: the interval of the method leaves out 0, and may be looked at."""

    part: str
    difference: float | None
    low: float | None
    high: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: float | None
    decided: bool


def compare(part: Part, base: Part, method: str, effect: float, over: bool, among: int = 1) -> Compared:
    """`effect` is the relative lift that was planned for; `over`: the period has ended; `among` so many comparisons
    share the chance of an error (Bonferroni)."""
    one, other = part.rate, base.rate
    if one is None or other is None:
        return Compared(part.name, None, None, None, None, None, None, None, False)
    difference = one - other
    variance = _variance(part) + _variance(base)
    alpha = ALPHA / among
    enough = min(_least(part), _least(base)) >= _ENOUGH
    if method == "sequential":
        half = sequence(variance, _scale(base, effect), alpha)
        p, decided = None, enough and abs(difference) > half
    else:
        half = _NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(variance)
        p = two_sided(part, base)
        decided = over and enough and p < alpha
    low, high = difference - half, difference + half
    if not other:
        return Compared(part.name, difference, low, high, None, None, None, p, decided)
    return Compared(part.name, difference, low, high, difference / other, low / other, high / other, p, decided)


def two_sided(part: Part, base: Part) -> float:
    """The p-value of two equal proportions, pooled."""
    pooled = (part.reached + base.reached) / (part.people + base.people)
    variance = pooled * (1 - pooled) * (1 / part.people + 1 / base.people)
    if variance <= 0:
        return 1.0
    score = (part.reached / part.people - base.reached / base.people) / math.sqrt(variance)
    return 2 * _NORMAL.cdf(-abs(score))


def sequence(variance: float, scale: float, alpha: float = ALPHA) -> float:
    """Half of the interval that holds at all looks at once; `scale` is the difference for which it is narrowest."""
    if variance <= 0 or scale <= 0:
        return math.inf
    prior = scale * scale
    inside = 2 * math.log(1 / alpha) + math.log((variance + prior) / variance)
    return math.sqrt(variance * (variance + prior) / prior * inside)


def needed(rate: float, effect: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """People in each part to find a relative lift of `effect`; None where no number would do."""
    other = rate * (1 + effect)
    if not 0 < rate < 1 or not 0 < other < 1 or rate == other:
        return None
    middle = (rate + other) / 2
    by_chance = _NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(2 * middle * (1 - middle))
    by_power = _NORMAL.inv_cdf(power) * math.sqrt(rate * (1 - rate) + other * (1 - other))
    return math.ceil(((by_chance + by_power) / (other - rate)) ** 2)


def detectable(rate: float, people: int, alpha: float = ALPHA, power: float = POWER) -> float | None:
    """The least relative lift that so many people in each part find; None where there is none."""
    if not 0 < rate < 1 or people < 2:
        return None
    low, high = 0.0, (1 - rate) / rate
    if (needed(rate, high * (1 - 1e-9), alpha, power) or math.inf) > people:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        enough = needed(rate, middle, alpha, power)
        low, high = (low, middle) if enough is not None and enough <= people else (middle, high)
    return high


def mismatch(people: Sequence[int], shares: Sequence[float]) -> float | None:
    """The p-value that people fell into the parts by these shares; None where it cannot be told."""
    total, whole = sum(people), sum(shares)
    if not total or not whole or len(people) < 2 or not all(share > 0 for share in shares):
        return None
    expected = [total * share / whole for share in shares]
    statistic = sum((found - hoped) ** 2 / hoped for found, hoped in zip(people, expected, strict=True))
    return chi_square(statistic, len(people) - 1)


def chi_square(statistic: float, freedom: int) -> float:
    """The upper tail: the regularised incomplete gamma function, by its series or continued fraction."""
    shape, x = freedom / 2, statistic / 2
    if x <= 0:
        return 1.0
    scale = math.exp(-x + shape * math.log(x) - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        number = shape
        while abs(term) > abs(total) * 1e-15:
            number += 1
            term *= x / number
            total += term
        return max(0.0, 1 - scale * total)
    return scale * _fraction(shape, x)


def _fraction(shape: float, x: float) -> float:
    """Lentz' method."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    result = d
    for step in range(1, 10_000):
        factor = -step * (step - shape)
        b += 2
        d = 1 / (factor * d + b or tiny)
        c = b + factor / c or tiny
        result *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return result


def _variance(part: Part) -> float:
    """Of the rate; a little of both outcomes is supposed, so that it is never 0 (Agresti and Caffo 2000)."""
    share = (part.reached + 1) / (part.people + 2)
    return share * (1 - share) / part.people


def _least(part: Part) -> int:
    return min(part.reached, part.people - part.reached)


def _scale(base: Part, effect: float) -> float:
    return effect * (base.reached + 1) / (base.people + 2)
