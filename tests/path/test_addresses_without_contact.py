"""HubSpot keeps opt-outs of addresses that no contact has: nobody is created for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.model import Outcome
from tests.path import platforms
from tests.path.small import Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo")}
BOB, CLEO = PEOPLE["bob"], PEOPLE["cleo"]
HUBSPOT_ONLY = ("hubspot",)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, to=HUBSPOT_ONLY) as made:
        made.write(PEOPLE)
        yield made


def contacts(world: Small) -> set[str]:
    return set(platforms.hubspot_properties(world.running.url))


def test_an_address_that_opted_out_is_blocked_and_not_created(world: Small) -> None:
    world.unsubscribe("hubspot", BOB)
    plan, result = world.push(to=HUBSPOT_ONLY)
    assert {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()} == {(BOB, "unsubscribed")}
    assert contacts(world) == set(PEOPLE.values()) - {BOB}
    lists, tags = platforms.hubspot(world.running.url)
    assert lists["Readers"] == tags["Reader"] == set(PEOPLE.values()) - {BOB}
    assert result.exit_code == 0
    assert world.running.writes()["hubspot"] - 1 == plan.requests["hubspot"]  # 1: Bob's own


def test_it_is_asked_again_in_every_plan_and_after_everybody_was_read(world: Small) -> None:
    """The address was looked up before; then its owner opts out. `--refresh` reads everybody, and finds no contact."""
    world.plan(to=HUBSPOT_ONLY)
    world.unsubscribe("hubspot", BOB)
    assert {row["email"] for row in world.plan(to=HUBSPOT_ONLY).blocked.to_pylist()} == {BOB}
    with world.open(to=HUBSPOT_ONLY) as workspace, open_state(workspace) as store:
        world.unsubscribe("hubspot", CLEO)
        plan = planning.refreshed(workspace, store)
    assert {row["email"] for row in plan.blocked.to_pylist()} == {BOB, CLEO}


def test_an_opt_out_between_plan_and_push_is_seen_right_before_the_creation(world: Small) -> None:
    with world.open(to=HUBSPOT_ONLY) as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
        assert not made.blocked.num_rows
        world.unsubscribe("hubspot", BOB)
        result = pushing.push(workspace, store, made)
        rows = store.run_changes(result.run_id).to_pylist()
    assert {(row["op"], row["code"]) for row in rows if row["outcome"] == Outcome.SKIPPED} == {
        ("create", "opted_out"),
        ("add", "not_created"),  # to the list
        ("add", "opted_out"),  # of the tag, which rides in the creation
    }
    assert contacts(world) == set(PEOPLE.values()) - {BOB}
    again, _ = world.push(to=HUBSPOT_ONLY)
    assert not again.changes.num_rows and {row["reason"] for row in again.blocked.to_pylist()} == {"unsubscribed"}
