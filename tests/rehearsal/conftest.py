"""A running rehearsal process for the tests of its platforms, fresh for each test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connector.rehearsal.core.process import Running, start

DEFAULTS = {
    "latency_ms": 0,
    "faults": "",
    "limits": True,
    "limit_scale": 1,
    "polls": 2,
    "patience_s": 5,
    "forgets": "",
    "samples": True,
    "clock_ahead_s": 0,
    "slow_ms": 50,
    "tiers": {},
    "contacts_allowed": dict.fromkeys(("mailchimp", "klaviyo", "hubspot", "brevo")),
    "erased_return": False,
    "lag_s": 0,
}


def in_a_second(ask: Callable[[], Any], times: int) -> list[Any]:
    """Answers that came within one second, which limits count in: on a busy machine asked for again."""
    while True:
        started = time.monotonic()
        answers = [ask() for _ in range(times)]
        if time.monotonic() - started < 0.9:
            return answers
        time.sleep(1.1)


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
