"""Generated worlds until so many cases are compared. A case is one rule with its table and moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle import worlds

# people, rules, where and window of traits, whether orders are joined by `ref`
World = tuple[list[dict[str, Any]], tuple[list[Any], Any], Any, str, bool]
LEAST = 4  # rules of a world


def sweep(cases: int, agree: Callable[[World], int]) -> None:
    """`agree` compares one world, and says how many cases that were."""
    left = cases

    @settings(
        max_examples=-(-cases // LEAST),
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],  # a failing world is small enough to read; shrinking it takes minutes
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(worlds.people, worlds.segments, worlds.where, worlds.windows, st.booleans()))
    def compare(world: World) -> None:
        nonlocal left
        if left > 0:
            left -= agree(world)

    compare()
    assert left <= 0
