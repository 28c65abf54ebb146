"""The simulated year, reduced (in full: `python -m tests.lifecycle 365 20000`), and the arithmetic of its report."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from connector.lifecycle.returns import interval, wilson
from tests.lifecycle.world import world
from tests.lifecycle.year import POLICY, Year
from tests.path.small import PLATFORMS


def test_some_weeks_on_all_platforms(tmp_path: Path) -> None:
    """Everybody's way is checked every day against an account of our own, and recounted from the platforms."""
    with world(tmp_path, PLATFORMS, POLICY) as made:
        year = Year(made, 60, seed=3, recount_every=7, busy=5)
        year.begin()
        year.run(1, 3, 11, 16, 20, 21)  # some runs are missed
    figures = year.figures
    assert figures["recounts"] == 2 and figures["returned returned"] > 1
    assert figures["moved sunset"] > 10
    assert figures["signals told late"] and figures["clicks delivered late"] and figures["new addresses"] == 2
    for name in ("mailchimp", "klaviyo"):
        assert 0 < figures[f"retired {name}"] <= 4  # the ramp
    assert not figures["retired hubspot"]


def test_the_interval_holds_what_it_promises() -> None:
    """Against the table of Newcombe's paper, and by throwing coins."""
    assert interval(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert interval(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert interval(10, 10, 0, 20) == pytest.approx((0.6791, 1.0000), abs=5e-5)
    assert wilson(0, 10)[0] == 0 and wilson(10, 10)[1] == pytest.approx(1)
    dice = random.Random(1)
    hits = 0
    for _ in range(800):
        one, other = (sum(dice.random() < rate for _ in range(120)) for rate in (0.12, 0.05))
        low, high = interval(one, 120, other, 120)
        hits += low <= 0.07 <= high
    assert 0.93 < hits / 800 < 0.975
