"""One rehearsal process for the suite, empty and without limits for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.platforms.base import Adapter
from connector.platforms.http import limits
from connector.push import run
from connector.rehearsal.core.process import Running
from tests.conformance.bench import connect
from tests.conformance.desk import Desk
from tests.conformance.kits import KITS, Kit
from tests.conformance.mutants.run import mutated
from tests.platforms.clock import TurnedClock
from tests.rehearsal.conftest import DEFAULTS, process

__all__ = ["process"]


@pytest.fixture(scope="session", autouse=True)
def mutant() -> Iterator[None]:
    """The mistake that `python -m tests.conformance.mutants` asks for; usually none."""
    with mutated():
        yield


@pytest.fixture
def running(process: Running) -> Running:
    process.reset(**DEFAULTS | {"limits": False, "polls": 0, "patience_s": 3600})
    return process


@pytest.fixture
def desk(tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Its pushes wait for nothing: what the vendors allow in a time is looked at by test_requests.py."""
    for module in (limits, run):
        monkeypatch.setattr(module, "WallClock", lambda stop=None: TurnedClock())
    return Desk(tmp_path, running)


@pytest.fixture(params=list(KITS))
def kit(request: pytest.FixtureRequest, running: Running) -> Iterator[Kit]:
    """Each platform in turn."""
    found = KITS[request.param](running)
    yield found
    found.close()


@pytest.fixture
def adapter(kit: Kit) -> Adapter:
    return connect(kit)


@pytest.fixture
def kits(running: Running) -> Iterator[list[Kit]]:
    """All of them at once."""
    found = [make(running) for make in KITS.values()]
    yield found
    for one in found:
        one.close()
