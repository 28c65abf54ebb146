"""One rehearsal process for the suite, empty and without limits for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.rehearsal.core.process import Running
from tests.conformance.desk import Desk
from tests.conformance.kits import KITS, Kit
from tests.rehearsal.conftest import DEFAULTS, process

__all__ = ["process"]


@pytest.fixture
def running(process: Running) -> Running:
    process.reset(**DEFAULTS | {"limits": False, "polls": 0})
    return process


@pytest.fixture
def desk(tmp_path: Path, running: Running) -> Desk:
    return Desk(tmp_path, running)


@pytest.fixture(params=list(KITS))
def kit(request: pytest.FixtureRequest, running: Running) -> Iterator[Kit]:
    """Each platform in turn."""
    found = KITS[request.param](running)
    yield found
    found.close()


@pytest.fixture
def kits(running: Running) -> Iterator[list[Kit]]:
    """All of them at once."""
    found = [make(running) for make in KITS.values()]
    yield found
    for one in found:
        one.close()
