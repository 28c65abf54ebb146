"""All three platforms answer badly, again and again: the memberships are right in the end all the same.

FAULT_SEEDS=40 runs that many seeds instead of the few of the suite."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.model import Outcome
from connector.platforms.http.limits import WallClock
from connector.state.base import RunState, Store
from tests.path import platforms
from tests.path.small import Small, small

SEEDS = range(1, int(os.environ.get("FAULT_SEEDS", "2")) + 1)
FAULTS = "error=0.02,error_after=0.015,unavailable=0.015,throttle=0.05,drop_before=0.01,drop_after=0.01,garble=0.01"
FASTER = 60  # a minute of waiting takes a second
PEOPLE = {f"p{number}": f"person{number}@example.com" for number in range(1, 801)}
SEGMENTS = """
  readers:
    when: {plan: paid}
    send_to: {mailchimp: {tag: Readers}, klaviyo: {list: Readers, tag: reader}, hubspot: {list: Readers, tag: Reader}}
  half:
    when: {id: {at_most: 600}}
    send_to: {mailchimp: {tag: Half}, klaviyo: {list: Half, tag: half}, hubspot: {list: Half, tag: Half}}
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as long as ever, on a clock that runs faster."""
    sleep = WallClock.sleep
    monkeypatch.setattr(WallClock, "now", lambda self: time.monotonic() * FASTER)
    monkeypatch.setattr(WallClock, "sleep", lambda self, seconds: sleep(self, seconds / FASTER))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        yield made


def wanted(names: range) -> set[str]:
    return {f"person{number}@example.com" for number in names}


def check(world: Small, readers: set[str], half: set[str]) -> None:
    world.running.settings(faults="")
    tags = platforms.mailchimp(world.running.url)
    lists, labels = platforms.klaviyo(world.running.url)
    static, options = platforms.hubspot(world.running.url)
    for found in (
        {"Readers": tags["Readers"], "Half": tags["Half"]},
        lists,
        {"Readers": labels["reader"], "Half": labels["half"]},
        static,
        {"Readers": options["Reader"], "Half": options["Half"]},
    ):
        assert found == {"Readers": readers, "Half": half}


def told(store: Store, run: str) -> Counter[str]:
    """What became of the changes of a run, and why."""
    names = ("destination", "op", "target", "outcome", "code")
    rows = zip(*(store.run_changes(run).column(name).to_pylist() for name in names), strict=True)
    return Counter(" ".join(map(str, row)) for row in rows)


def push(world: Small, **options: object) -> bool:
    """`sync push`, and `sync resume` once if it asks for it; whether it did."""
    with world.open(**options) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        result = pushing.push(workspace, store, plan)
        if result.state is RunState.DONE:
            assert not result.total(Outcome.FAILED) and not result.total(Outcome.REJECTED), told(store, result.run_id)
            return False
        first = told(store, result.run_id)
        again = pushing.resume(workspace, store)
        assert again is not None and again.state is RunState.DONE, (again, again and again.errors)
        assert not again.total(Outcome.FAILED) and not again.total(Outcome.REJECTED), (first, told(store, again.run_id))
    return True


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("quick")
@pytest.mark.sweep(keep=1)
def test_what_the_platforms_hold_is_right_after_at_most_one_resume(world: Small, seed: int) -> None:
    world.write(PEOPLE, SEGMENTS)
    world.running.settings(faults=FAULTS, fault_seed=seed)
    push(world)
    check(world, wanted(range(1, 801)), wanted(range(1, 601)))
    world.write(PEOPLE, SEGMENTS.replace("600", "200"))  # and the same for taking away
    world.running.settings(faults=FAULTS, fault_seed=seed + 1000)
    push(world, allow=("removes",), reason="test")
    check(world, wanted(range(1, 801)), wanted(range(1, 201)))
    before = world.running.writes()
    assert not world.plan().changes.num_rows
    assert world.running.writes() == before
