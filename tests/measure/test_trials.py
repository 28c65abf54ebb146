"""The formulas beside those of scipy and statsmodels, and at many seeded worlds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2, chisquare
from statsmodels.stats.proportion import (
    proportion_confint,
    proportions_ztest,
    samplesize_proportions_2indep_onetail,
)

from connector.measure import rates, trials
from connector.measure.rates import Sums
from connector.measure.trials import Part


@pytest.mark.parametrize(("reached", "people"), [(0, 12), (3, 40), (40, 40), (1234, 100_000)])
def test_wilson(reached: int, people: int) -> None:
    expected = proportion_confint(reached, people, method="wilson")
    assert rates.wilson(reached / people, people) == pytest.approx(expected, abs=1e-12)
    one_each = Sums(people, people, reached, people, reached, reached)
    found = rates.rate(one_each)
    n = people * (people - 1) / people  # the variance of a sample divides by n - 1
    assert found.value == reached / people
    if 0 < reached < people:
        assert (found.low, found.high) == pytest.approx(rates.wilson(reached / people, n), abs=1e-9)
    else:
        assert (found.low, found.high) == pytest.approx(expected, abs=1e-9)


def test_two_proportions() -> None:
    for one, other in (((120, 1000), (90, 1010)), ((5, 100), (9, 90))):
        expected = proportions_ztest([one[0], other[0]], [one[1], other[1]])[1]
        found = trials.two_sided(Part("a", one[1], one[0]), Part("b", other[1], other[0]))
        assert found == pytest.approx(expected, abs=1e-12)
    assert trials.two_sided(Part("a", 50, 0), Part("b", 60, 0)) == 1.0


@pytest.mark.parametrize(("statistic", "freedom"), [(0.0, 1), (0.4, 1), (10.83, 1), (3.0, 5), (80.0, 9), (700.0, 2)])
def test_chi_square(statistic: float, freedom: int) -> None:
    assert trials.chi_square(statistic, freedom) == pytest.approx(chi2.sf(statistic, freedom), rel=1e-9)


def test_a_split_that_does_not_fit_its_shares() -> None:
    assert trials.mismatch([5000, 5200], [50, 50]) == pytest.approx(chisquare([5000, 5200]).pvalue)
    assert trials.mismatch([9000, 1000], [90, 10]) == pytest.approx(1.0)
    assert (trials.mismatch([8700, 1300], [90, 10]) or 1) < trials.MISMATCH
    assert trials.mismatch([0, 0], [50, 50]) is None and trials.mismatch([5], [100]) is None


@pytest.mark.parametrize(("rate", "effect"), [(0.1, 0.1), (0.02, 0.5), (0.4, 0.05), (0.1, -0.2)])
def test_people_that_are_needed(rate: float, effect: float) -> None:
    expected = samplesize_proportions_2indep_onetail(rate * effect, rate, 0.8, alpha=0.05)
    found = trials.needed(rate, effect)
    assert found is not None and found == pytest.approx(expected, rel=0.02)
    if effect > 0:
        assert trials.detectable(rate, found) == pytest.approx(effect, rel=0.01)


def test_what_cannot_be_told() -> None:
    assert trials.needed(0.0, 0.1) is None and trials.needed(0.9, 0.5) is None
    assert trials.detectable(0.5, 1) is None and trials.detectable(0.9, 10) is None
    nobody = trials.compare(Part("a", 0, 0), Part("b", 10, 1), "fixed", 0.1, over=True)
    assert nobody.difference is None and not nobody.decided
    assert rates.rate(Sums()).value is None and rates.mean(Sums(1, 1, 5, 1, 5, 25)).low is None
    assert rates.times(Sums(5, 5, 0, 5, 0, 0), Sums(5, 5, 2, 5, 2, 2)).value is None


# -- many worlds ------------------------------------------------------------------------------------------------------


def sums(x: np.ndarray, y: np.ndarray) -> Sums:
    return Sums(len(x), x.sum(), y.sum(), (x * x).sum(), (x * y).sum(), (y * y).sum())


def world(seed: int, people: int, base: float) -> tuple[Sums, Sums]:
    """Mails and clicks of so many people who differ much from each other; revenue with a few large orders."""
    random = np.random.default_rng(seed)
    mails = 1 + random.poisson(4, people)
    clicks = random.binomial(mails, random.beta(2 * base / (1 - base), 2, people))
    orders = random.poisson(0.3, people)
    revenue = np.where(orders > 0, orders * random.lognormal(3.5, 0.7, people), 0)
    return sums(mails.astype(float), clicks.astype(float)), sums(np.ones(people), revenue)


@pytest.mark.sweep(keep=1)
@pytest.mark.parametrize(("worlds", "least", "most"), [(200, 0.92, 0.98), (2000, 0.935, 0.965)])
def test_95_percent_intervals_hold_in_as_many_worlds(worlds: int, least: float, most: float) -> None:
    """Members click twice as often."""
    held = {"rate": 0, "other": 0, "revenue": 0, "twice": 0}
    truth = 0.3 * math.exp(3.5 + 0.7**2 / 2) * 1.0
    for seed in range(worlds):
        members, revenue = world(seed, 900, 0.10)
        others, _ = world(100_000 + seed, 2500, 0.05)
        for name, found, true in (
            ("rate", rates.rate(members), 0.10),
            ("other", rates.rate(others), 0.05),
            ("twice", rates.times(members, others), 2.0),
            ("revenue", rates.mean(revenue), truth),
        ):
            assert found.low is not None and found.high is not None
            held[name] += found.low <= true <= found.high
    assert all(least <= count / worlds <= most for count in held.values()), held


@pytest.mark.sweep(keep=2)
@pytest.mark.parametrize(
    ("method", "worlds", "most"),
    [("fixed", 200, 0.05), ("sequential", 200, 0.05), ("fixed", 2000, 0.055), ("sequential", 2000, 0.05)],
)
def test_a_null_experiment_is_decided_in_at_most_5_percent(method: str, worlds: int, most: float) -> None:
    """Looked at twice a week in four; a fixed one may be decided at the end only. 5.5 %: one standard error above."""
    decided = 0
    for seed in range(worlds):
        random = np.random.default_rng(seed)
        a, b = (np.cumsum(random.binomial(60, 0.08, 28)) for _part in "ab")
        for day in (*range(3, 27, 4), 27):
            people = 60 * (day + 1)
            parts = Part("a", people, int(a[day])), Part("b", people, int(b[day]))
            if trials.compare(*parts, method, 0.2, over=day == 27).decided:
                decided += 1
                break
    assert decided <= most * worlds, decided


def test_a_known_lift_is_found() -> None:
    """By a sequence, earlier than the end, in most of the worlds; the interval holds the truth at whatever look."""
    found = held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        a, b = np.cumsum(random.binomial(400, 0.10, 28)), np.cumsum(random.binomial(400, 0.13, 28))
        for day in range(28):
            people = 400 * (day + 1)
            result = trials.compare(
                Part("b", people, int(b[day])), Part("a", people, int(a[day])), "sequential", 0.3, False
            )
            if result.decided or day == 27:
                found += result.decided
                held += bool(result.low is not None and result.high is not None and result.low <= 0.03 <= result.high)
                break
    assert found >= 190 and held >= 184, (found, held)
