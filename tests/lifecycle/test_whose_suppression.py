"""A suppression of Klaviyo is lifted only while it is provably the one that we made: not one by a person, later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import pushing, upkeep
from connector.app.workspace import open_state
from connector.core.model import Outcome
from tests.conformance.kits import KITS
from tests.lifecycle.test_path import SILENT, begun
from tests.lifecycle.world import World
from tests.path.platforms import KLAVIYO
from tests.path.small import Small

ANN = SILENT[0]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Klaviyo, where a cleanup has just suppressed the silent four."""
    with begun(tmp_path, "klaviyo", late=True) as made:
        made.cleanup()
        yield made


def by_hand(world: World, lift: bool) -> None:
    """What somebody does in the account."""
    kit, way = KITS["klaviyo"](world.running), "delete" if lift else "create"
    kit._job(f"profile-suppression-bulk-{way}-job", [ANN])  # type: ignore[attr-defined]


def again_by_a_person(world: World) -> None:
    by_hand(world, lift=True)
    by_hand(world, lift=False)


def suppressed(world: World) -> set[str]:
    return KITS["klaviyo"](world.running).said_no()


def test_an_undo_lifts_ours_and_leaves_a_persons(world: World) -> None:
    assert set(SILENT) <= suppressed(world)
    again_by_a_person(world)
    world.write()
    with world.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        result = pushing.push(workspace, store, plan)
    assert result.counts == {"klaviyo": {"restore": {"applied": 3}}}
    assert any("klaviyo: 1 retired contact stays retired" in note for note in plan.notes)
    assert suppressed(world) & set(SILENT) == {ANN}


def test_one_that_comes_between_plan_and_push_stays(world: World) -> None:
    world.write()
    with world.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        again_by_a_person(world)
        result = pushing.push(workspace, store, plan)
        rows = store.run_changes(result.run_id).to_pylist()
    assert [(row["email"], row["code"]) for row in rows if row["outcome"] == Outcome.SKIPPED] == [(ANN, "not_ours")]
    assert suppressed(world) & set(SILENT) == {ANN}


def test_a_later_click_lifts_ours_and_leaves_a_persons(world: World) -> None:
    world.day = 20
    world.push()
    again_by_a_person(world)
    world.people[ANN].click = world.people[SILENT[1]].click = 19.5
    found, result = world.cleanup()
    assert result is not None and result.counts == {"klaviyo": {"restore": {"applied": 1}}}
    (side,) = found.sides
    told = dict(zip(side.found["email"].to_pylist(), side.found["action"].to_pylist(), strict=True))
    assert (told[ANN], told[SILENT[1]]) == ("report", "restore")
    assert ANN in suppressed(world) and SILENT[1] not in suppressed(world)


def test_who_was_suppressed_by_a_person_before_is_never_ours(tmp_path: Path) -> None:
    """It is there when our cleanup comes."""
    with begun(tmp_path, "klaviyo", late=True) as world:
        by_hand(world, lift=False)
        world.cleanup()
        world.write()
        with world.open() as workspace, open_state(workspace) as store:
            pushing.push(workspace, store, upkeep.undo(workspace, store, "last"))
        assert suppressed(world) & set(SILENT) == {ANN}


NEW = "silent.new@example.com"


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[World]:
    """One of the silent four has a new address, under which the cleanup has just suppressed them."""
    with begun(tmp_path, "klaviyo", late=True) as made:
        made.people = {NEW if email == ANN else email: row for email, row in made.people.items()}
        made.push()
        made.cleanup()
        assert NEW in suppressed(made) and ANN not in suppressed(made)
        yield made


def opt_out_under_the_former_address(world: World) -> None:
    """The address that they had signs up again, and unsubscribes."""
    small = Small(world.folder, world.running, ("klaviyo",))
    profile = {"type": "profile", "attributes": {"email": ANN}}
    small._send("POST", "/api/profiles", KLAVIYO, {"data": profile})
    world.say_no("klaviyo", ANN)


@pytest.mark.parametrize("late", [False, True], ids=["before the plan", "between plan and push"])
def test_an_undo_lifts_nothing_of_who_opted_out_under_another_address(moved: World, late: bool) -> None:
    moved.write()
    if not late:
        opt_out_under_the_former_address(moved)
    with moved.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        if late:
            opt_out_under_the_former_address(moved)
        result = pushing.push(workspace, store, plan)
    blocked = {(row["op"], row["email"], row["reason"]) for row in plan.blocked.to_pylist()}
    assert blocked == (set() if late else {("restore", NEW, "opted_out_elsewhere")})
    assert result.counts["klaviyo"]["restore"] == {"applied": 3} | ({"skipped": 1} if late else {})
    assert suppressed(moved) & {*SILENT, NEW} == {ANN, NEW}


def test_a_click_lifts_nothing_of_who_opted_out_under_another_address(moved: World) -> None:
    moved.day = 20
    moved.push()
    opt_out_under_the_former_address(moved)
    moved.people[NEW].click = moved.people[SILENT[1]].click = 19.5
    for restored in ({"klaviyo": {"restore": {"applied": 1}}}, None):
        found, result = moved.cleanup()
        assert (result and result.counts) == restored
        (side,) = found.sides
        told = dict(zip(side.found["email"].to_pylist(), side.found["action"].to_pylist(), strict=True))
        assert told[NEW] == "report"
    assert NEW in suppressed(moved) and SILENT[1] not in suppressed(moved)
