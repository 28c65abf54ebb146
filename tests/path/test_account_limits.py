"""What is nobody's fault: the account's plan is full, and HubSpot's index does not show yet what was created just now.
Nobody is parked, all else is done, and the next push goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connector.app.workspace import open_state
from connector.push.run import RunResult
from tests.path.small import PLATFORMS, small
from tests.path.test_brevo import World
from tests.path.test_brevo import world as _brevo
from tests.path.test_gone import edit, held, tagged

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo", "dan")}
NEW = {name: f"{name}@example.com" for name in ("eve", "fay")}
EVERYBODY, COMERS = {*PEOPLE.values(), *NEW.values()}, {*NEW.values()}
BOB = PEOPLE["bob"]

brevo = _brevo  # the fixture


def change(folder: Path) -> None:
    """Ann gets another name, and Bob leaves the segment."""
    path = folder / "people.csv"
    path.write_text(path.read_text().replace("Ann,paid", "Anna,paid").replace("Bob,paid", "Bob,free"))


def nobody_is_parked(opened: Callable[[], Any], platform: str) -> None:
    with opened() as workspace, open_state(workspace) as store:
        assert store.ledger(platform).rejects.num_rows == store.failing(platform).num_rows == 0


def is_full(result: RunResult, platform: str) -> None:
    assert result.exit_code == 4
    said = str(result.errors[platform])
    assert "the account's plan lets nobody else in; the next push goes on by itself" in said
    assert "You have reached the contact limit of your plan" in said and "@" not in said
    assert set(result.counts[platform]["create"]) == {"failed"}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_full_plan_stops_nobody_who_is_there(tmp_path: Path, platform: str) -> None:
    with small(tmp_path, to=(platform,)) as world:
        world.write(PEOPLE)
        assert world.push()[1].exit_code == 0
        world.running.settings(contacts_allowed={platform: len(PEOPLE) + 1})
        world.write(PEOPLE | NEW)
        change(world.folder)
        _, result = world.push()
        is_full(result, platform)
        assert result.counts[platform]["update"].keys() == result.counts[platform]["remove"].keys() == {"applied"}
        assert held(world, platform) == set(PEOPLE.values())
        assert tagged(world, platform, "Readers") == set(PEOPLE.values()) - {BOB}
        plan, result = world.push()
        is_full(result, platform)
        assert set(plan.changes["email"].to_pylist()) == COMERS  # nothing of the others is left
        nobody_is_parked(world.open, platform)
        world.running.settings(contacts_allowed={platform: len(EVERYBODY)})
        assert world.push()[1].exit_code == 0
        assert held(world, platform) == EVERYBODY
        assert tagged(world, platform, "Readers") == EVERYBODY - {BOB}
        assert not world.push()[0].changes.num_rows


@pytest.mark.long
def test_a_full_plan_of_brevo(brevo: World) -> None:
    brevo.write(PEOPLE)
    assert brevo.push()[1].exit_code == 0
    brevo.running.settings(contacts_allowed={"brevo": len(PEOPLE) + 1})
    brevo.write(PEOPLE | NEW)
    change(brevo.folder)
    _, result = brevo.push()
    is_full(result, "brevo")
    assert result.counts["brevo"]["update"].keys() == result.counts["brevo"]["remove"].keys() == {"applied"}
    assert (
        set(brevo.people()) == set(PEOPLE.values())
        and brevo.people()[PEOPLE["ann"]]["attributes"]["FIRSTNAME"] == "Anna"
    )
    assert brevo.members("Readers") == brevo.tagged("reader") == set(PEOPLE.values()) - {BOB}
    plan, result = brevo.push()
    is_full(result, "brevo")
    assert set(plan.changes["email"].to_pylist()) == COMERS
    nobody_is_parked(brevo.opened, "brevo")
    brevo.running.settings(contacts_allowed={"brevo": None})
    assert brevo.push()[1].exit_code == 0
    assert set(brevo.people()) == EVERYBODY and brevo.members("Readers") == EVERYBODY - {BOB}
    assert not brevo.push()[0].changes.num_rows


@pytest.mark.parametrize("pushes", [0, 2], ids=["after the lag", "and meanwhile"])
@pytest.mark.parametrize("new", ["transactional", "skip"])
@pytest.mark.parametrize("targets", ["{list: Readers, tag: Reader}", "{list: Readers}"], ids=["list and tag", "list"])
@pytest.mark.sweep(keep=2)
def test_a_lagging_index_loses_nobody(tmp_path: Path, targets: str, new: str, pushes: int) -> None:
    """Also for pushes that come before the index shows what an earlier one has created: these are not gone."""
    people = set(PEOPLE.values())
    with small(tmp_path, to=("hubspot",)) as world:
        world.running.settings(lag_s=300)
        world.write(PEOPLE, f"\n  readers: {{when: {{plan: paid}}, send_to: {{hubspot: {targets}}}}}")
        _, result = world.push()
        assert result.exit_code == 0 and result.counts["hubspot"]["create"] == {"applied": len(people)}
        if new == "skip":
            edit(world, "new_contacts: transactional", "new_contacts: skip")
        for seconds in range(60, 60 * (pushes + 1), 60):
            world.running.settings(clock_ahead_s=seconds)
            plan, result = world.push()
            assert set(plan.changes["op"].to_pylist()) == {"add"}
            assert (result.exit_code, result.counts) == (0, {"hubspot": {"add": {"skipped": len(people)}}})
        assert tagged(world, "hubspot", "Readers") == set()
        nobody_is_parked(world.open, "hubspot")
        world.running.settings(clock_ahead_s=600)
        plan, result = world.push()
        assert (result.exit_code, result.counts) == (0, {"hubspot": {"add": {"applied": len(people)}}})
        assert tagged(world, "hubspot", "Readers") == held(world, "hubspot") == people
        writes = world.running.writes()["hubspot"]
        assert not world.push()[0].changes.num_rows and world.running.writes()["hubspot"] == writes
        nobody_is_parked(world.open, "hubspot")
