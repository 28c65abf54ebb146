"""A real `sync push` is killed at random instants, and nothing is lost, doubled or touched that is not ours.

The full sweep of 500 is `python -m tests.crash`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kills import kill_many
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]


def test_killed_pushes_converge(tmp_path: Path) -> None:
    tally = kill_many(tmp_path, seed=0, kills=4, size=40)
    assert tally.kills >= 4
    assert tally.recovered["resume"]


def test_killed_pushes_converge_on_postgresql(tmp_path: Path, postgres: str) -> None:
    state = ("--state", empty_schema(postgres))
    assert kill_many(tmp_path, seed=100, kills=1, size=40, state=state).kills >= 1


@pytest.mark.long
def test_killed_pushes_converge_on_a_share(tmp_path: Path) -> None:
    state = ("--state", f"file://{tmp_path}/share/state.db")
    (tmp_path / "share").mkdir()
    assert kill_many(tmp_path, seed=200, kills=2, size=40, state=state).kills >= 2
