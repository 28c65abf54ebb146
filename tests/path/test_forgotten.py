"""`sync forget` holds on every way: push, saved plan, resume, undo, cleanup, refresh, drift, and the recheck."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from connector.app import cleaning, planning, pushing, upkeep
from connector.app import planning as refresh
from connector.app.workspace import open_state
from connector.core.errors import DestinationError
from connector.plan import saved
from connector.report.cleanup import cleanup_csv, cleanup_json
from connector.report.run import result_json, result_text
from tests.lifecycle.world import POLICY, Person, World
from tests.lifecycle.world import world as lifecycle_world
from tests.path import platforms
from tests.path.small import PLATFORMS, Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo")}
ANN = PEOPLE["ann"]
NEW = "ann.new@example.net"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        yield made


def forget(world: Small | World, email: str) -> upkeep.Forgotten:
    with world.open() as workspace, open_state(workspace) as store:
        return upkeep.forget(workspace, store, email)


def state_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (folder / ".connector/rehearsal").glob("state.db*"))


def holds(world: Small, email: str) -> bool:
    return email.encode() in state_bytes(world.folder)


def moved(new: str = NEW) -> dict[str, str]:
    """The export, in which Ann has another address under her id."""
    return {**PEOPLE, "ann": new}


# -- the same person under another address ----------------------------------------------------------------------------


@pytest.mark.parametrize("known", ["pushed", "only in the export"])
@pytest.mark.sweep(keep=1)
def test_a_new_address_under_the_same_id_does_not_bring_the_person_back(world: Small, known: str) -> None:
    world.write(PEOPLE)
    if known == "pushed":
        world.push()
    forget(world, ANN)
    world.write(moved())
    plan, _ = world.push()
    assert NEW not in plan.changes["email"].to_pylist()
    assert {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()} == {(NEW, "forgotten_here")}
    assert NEW not in platforms.mailchimp_statuses(world.running.url)
    assert not holds(world, NEW) and not holds(world, ANN)
    world.write(PEOPLE)
    assert ANN not in world.push()[0].changes["email"].to_pylist()


@pytest.mark.long
def test_somebody_else_is_not_taken_for_the_forgotten_person(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    forget(world, ANN)
    world.write({"bob": PEOPLE["bob"], "cleo": PEOPLE["cleo"], "ned": NEW})
    plan, _ = world.push()
    assert NEW in plan.changes["email"].to_pylist() and not plan.blocked.num_rows


@pytest.mark.long
def test_forgetting_the_new_address_reaches_the_old_one(world: Small) -> None:
    """Moved in HubSpot, beside each other elsewhere; an old export names the old address."""
    world.write(PEOPLE)
    world.push()
    world.write(moved())
    world.push()
    found = forget(world, NEW)
    assert found.addresses == 2
    assert not holds(world, NEW) and not holds(world, ANN)
    world.write(PEOPLE)
    plan, _ = world.push()
    assert ANN not in plan.changes["email"].to_pylist() and not holds(world, ANN)


# -- the other ways ---------------------------------------------------------------------------------------------------


def test_a_saved_plan_names_nobody_who_was_forgotten(world: Small) -> None:
    world.write(PEOPLE)
    forget(world, ANN)  # before anything was pushed
    with world.open() as workspace, open_state(workspace) as store:
        saved.save(planning.plan(workspace, store), world.folder / "a.plan")
    plan = saved.load(world.folder / "a.plan")
    assert ANN not in plan.blocked["email"].to_pylist()
    assert "forgotten_here" in plan.blocked["reason"].to_pylist()


def test_what_was_planned_before_somebody_was_forgotten_leaves_them_out_and_says_so(world: Small) -> None:
    """A late answer to the prompt, or a saved plan, of somebody that the state did not know."""
    world.write(PEOPLE)
    with world.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
    text_of = made
    with world.open() as workspace, open_state(workspace) as store, store.lease("forget"):
        store._db.run("DELETE FROM contact WHERE email = ?", [ANN])  # type: ignore[attr-defined]
        store.upkeep.forget(ANN)
    with world.open() as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, text_of)
    assert ANN not in platforms.mailchimp_statuses(world.running.url)
    assert result.left_out == 1 and result_json(result)["left_out"] == 1
    assert "1 person left out" in result_text(result) and not holds(world, ANN)


def test_resume_does_not_go_on_with_somebody_who_was_forgotten_meanwhile(world: Small) -> None:
    world.write(PEOPLE)
    with patch.object(pushing, "adapter", side_effect=_broken("klaviyo")):
        _, result = world.push()
    assert result.exit_code == 4
    forget(world, ANN)
    with world.open() as workspace, open_state(workspace) as store:
        again = pushing.resume(workspace, store)
    assert again is not None and again.exit_code == 0
    assert ANN not in platforms.klaviyo(world.running.url)[0]["Readers"]
    assert not holds(world, ANN)


def _broken(name: str) -> Any:
    real = pushing.adapter

    def adapter(workspace: Any, destination: Any) -> Any:
        found = real(workspace, destination)
        if destination.name == name:
            found.ensure_targets = _refuse
        return found

    return adapter


def _refuse(*_: Any) -> None:
    raise DestinationError("klaviyo: out of order", destination="klaviyo")


def test_undo_brings_nobody_back_into_state_or_target(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    world.write({name: PEOPLE[name] for name in ("bob", "cleo")})
    with world.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
        pushing.push(workspace, store, made)  # removes ann
    forget(world, ANN)
    world.write(PEOPLE)
    with world.open() as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        pushing.push(workspace, store, plan)
    assert ANN not in plan.changes["email"].to_pylist() and not holds(world, ANN)
    assert ANN not in platforms.mailchimp(world.running.url)["Readers"]


def test_neither_refresh_nor_a_lookup_nor_adopt_takes_the_person_in_again(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    forget(world, ANN)
    with world.open() as workspace, open_state(workspace) as store:
        refresh.refresh(workspace, store)
    assert not holds(world, ANN)
    with world.open() as workspace, open_state(workspace) as store:
        plan = upkeep.adopt(workspace, store)
        pushing.push(workspace, store, plan)
    assert ANN not in plan.changes["email"].to_pylist() and not holds(world, ANN)


def test_drift_does_not_name_the_person(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    forget(world, ANN)
    with world.open() as workspace, open_state(workspace) as store:
        found = upkeep.drift(workspace, store)
    assert found and not [item for item in found if ANN in item.added]


# -- cleanup ----------------------------------------------------------------------------------------------------------

SILENT = [f"silent{number}@example.com" for number in range(4)]


@pytest.fixture
def sunset(tmp_path: Path) -> Iterator[World]:
    """Four silent people in the last stage; the first was forgotten."""
    with lifecycle_world(tmp_path, ("mailchimp", "klaviyo")) as made:
        made.people = {email: Person(click=-100) for email in SILENT}
        made.people |= {"busy@example.com": Person(order=-2), "vip@example.com": Person(order=-99, vip=True)}
        for made.day in (-1, 0, 10, 15, 16):
            made.push()
        forget(made, SILENT[0])
        yield made


def test_cleanup_leaves_the_person_alone_and_writes_them_nowhere(sunset: World) -> None:
    found, result = sunset.cleanup()
    assert result is not None
    assert result.counts == {name: {"retire": {"applied": 3}} for name in ("mailchimp", "klaviyo")}
    assert SILENT[0] in platforms.mailchimp_statuses(sunset.running.url), "still there, to be erased by hand"
    assert SILENT[0] not in cleanup_csv(found.sides)
    told = cleanup_json(found.plan, found.sides, found.orphans, found.twice, found.invalid)
    assert SILENT[0] not in str(told)
    for path in (sunset.folder / ".connector" / "rehearsal").glob("retired-*.csv"):
        with path.open() as file:
            assert {row["email"] for row in csv.DictReader(file)} == set(SILENT[1:])
    assert SILENT[0].encode() not in state_bytes(sunset.folder)


def test_nor_when_others_brought_the_person_to_the_platform_again(tmp_path: Path) -> None:
    """Bounced and unsubscribed people, whose tags cleanup takes off, and who are not in the state any more."""
    more = "cleanup:\n  bounced: {soft: 2, action: default}\n  unsubscribed: {action: remove_tags}\n"
    with lifecycle_world(tmp_path, PLATFORMS, POLICY + more) as made:
        made.people = {email: Person(click=-1) for email in SILENT}
        made.push()
        for email in SILENT[:2]:
            forget(made, email)
        for name in PLATFORMS:
            made.say_no(name, SILENT[0])
            bounce = {"email": SILENT[1], "did": "bounce", "at": made.now.isoformat()}
            made.running.engage(**{name: [bounce] * 3})
        made.day = 1
        found, result = made.cleanup()
        assert result is None, found.plan.changes.to_pylist()
        assert not [row for side in found.sides for row in side.found.to_pylist() if row["email"] in SILENT[:2]]
        for email in SILENT[:2]:
            assert email.encode() not in state_bytes(made.folder)


def test_a_cleanup_that_was_planned_before_lets_the_person_be(sunset: World) -> None:
    """Those that the state learned to forget between the plan and the answer to its question."""
    sunset.write()
    with sunset.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        store.upkeep.forget_also([SILENT[1]])
        result = pushing.push(workspace, store, found.plan)
    assert result.counts == {name: {"retire": {"applied": 2}} for name in ("mailchimp", "klaviyo")}
    assert result.left_out == 1
    assert SILENT[1] in platforms.mailchimp_statuses(sunset.running.url)
    assert SILENT[1].encode() not in state_bytes(sunset.folder)
