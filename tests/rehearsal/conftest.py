"""A running rehearsal process for the tests of its platforms, fresh for each test, and the vendors' documents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(scope="session")
def specs() -> Path:
    """The folder of the vendors' OpenAPI documents, which are not part of the project."""
    folder = Path(os.environ.get("CONNECTOR_SPECS", "../shared/specs"))
    if not folder.is_dir():
        pytest.skip(f"The vendors' OpenAPI documents are not in {folder}; set CONNECTOR_SPECS to their folder.")
    return folder
