"""A running rehearsal process for the tests of its platforms, fresh for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.rehearsal.process import Running, start

DEFAULTS = {
    "latency_ms": 0,
    "faults": "",
    "limits": True,
    "limit_scale": 1,
    "polls": 2,
    "samples": True,
    "clock_ahead_s": 0,
    "slow_ms": 50,
    "tiers": {},
}


@pytest.fixture(scope="session")
def process() -> Iterator[Running]:
    """One process for all tests; what one test leaves there, the next one finds."""
    with start() as running:
        yield running


@pytest.fixture
def rehearsal(process: Running) -> Running:
    """The same process with nothing but the seed, and the default settings but for a short `slow`."""
    process.reset(**DEFAULTS)
    return process
