"""A platform refuses a whole request and names no record: the one is found by halving, and everybody else is served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import upkeep
from connector.app.workspace import open_state
from tests.path.small import Small, small
from tests.path.test_gone import BOTH, TAGS, tagged

NAMES = [f"p{number}" for number in range(1, 31)]
PEOPLE = {name: f"{name}@example.com" for name in NAMES}
ODD = "p17@example.com"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        yield made


def write(world: Small, platform: str) -> None:
    world.write(PEOPLE, (TAGS if platform == "mailchimp" else BOTH).replace("PLATFORM", platform))


def retry(world: Small, platform: str) -> int:
    """`sync rejects retry`; of how many people."""
    with world.open() as workspace, open_state(workspace) as store:
        people = {row["email"] for row in store.rejects(platform).to_pylist()}
        upkeep.retry(workspace, store)
    return len(people)


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_one_record_is_found_and_everybody_else_is_served(world: Small, platform: str) -> None:
    write(world, platform)
    world.running.settings(declines=ODD)
    _, result = world.push(to=(platform,))
    assert (result.exit_code, result.errors) == (1, {})
    assert tagged(world, platform, "Readers") == set(PEOPLE.values()) - {ODD}
    with world.open() as workspace, open_state(workspace) as store:
        assert {row["email"] for row in store.rejects(platform).to_pylist()} == {ODD}
    plan, _ = world.push(to=(platform,))
    assert not plan.changes.num_rows
    world.running.settings(declines="")
    retry(world, platform)
    assert world.push(to=(platform,))[1].exit_code == 0
    assert tagged(world, platform, "Readers") == set(PEOPLE.values())


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_when_all_are_refused_it_is_not_the_people(world: Small, platform: str) -> None:
    """The destination stops after a few, and next time everybody is served."""
    write(world, platform)
    world.running.settings(declines="@example.com")
    before = world.running.writes()[platform]
    _, result = world.push(to=(platform,))
    assert result.exit_code == 4 and set(result.errors) == {platform}
    assert world.running.writes()[platform] - before < 30
    world.running.settings(declines="")
    assert retry(world, platform) <= 5
    assert world.push(to=(platform,))[1].exit_code == 0
    assert tagged(world, platform, "Readers") == set(PEOPLE.values())
