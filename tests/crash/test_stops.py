"""A runner that lost its lease sends nothing more, and the next push leaves every ledger equal to its platform.

The full sweep of 200 is `python -m tests.crash.stops`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import stops
from tests.postgres import postgres

__all__ = ["postgres"]


# Of the server that moto runs in this process, and of the filesystem's connections, which end with it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("place", stops.PLACES)
@pytest.mark.parametrize("trouble", ["stop", "note"])
@pytest.mark.sweep(keep=1)
def test_who_lost_the_lease_sends_nothing(
    tmp_path: Path, place: str, trouble: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue("postgres") if place == "postgresql" else ""
    monkeypatch.setattr(stops, "TROUBLES", (trouble,))
    assert stops.stop_many(tmp_path, place, seed=3, stops=1, server=server).total == 1
