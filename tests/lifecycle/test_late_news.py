"""What is known of somebody only after they were archived, though it happened before, and what happens elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import cleaning, pushing
from connector.app.workspace import open_state
from connector.core.model import Outcome
from connector.rehearsal.core.world import KEYS
from tests.lifecycle.test_path import SILENT, begun
from tests.lifecycle.world import World
from tests.path import platforms
from tests.path.small import PLATFORMS

ANN, BEN = SILENT[:2]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, *PLATFORMS, late=True) as found:
        yield found


def clicked(world: World, platform: str, email: str, day: float, did: str = "click") -> None:
    moment = world.at(day).replace(" ", "T") + "+00:00"
    world.running.engage(**{platform: [{"email": email, "did": each, "at": moment} for each in ("send", did)]})


def told(world: World) -> dict[str, set[str]]:
    """Destination -> who is found to be back."""
    found, _ = world.cleanup()
    return {
        side.ledger.destination: {row["email"] for row in side.found.to_pylist() if row["finding"] == "back"}
        for side in found.sides
    }


@pytest.mark.long
def test_a_click_of_before_the_archiving_that_the_export_tells_later(made: World) -> None:
    made.cleanup()
    made.people[ANN].click = made.day - 1.5
    made.day += 1
    assert told(made) == {"mailchimp": {ANN}, "klaviyo": {ANN}, "hubspot": set()}
    assert made.stages("klaviyo")[ANN] == "returned"


@pytest.mark.long
def test_a_click_of_before_the_way_began_counts_when_nobody_was_inactive_then(made: World) -> None:
    """Ben's is older than the window in which the way began: it would have changed nothing."""
    made.cleanup()
    made.people[ANN].click, made.people[BEN].click = -20, -60
    made.day += 30
    assert told(made) == {"mailchimp": {ANN}, "klaviyo": {ANN}, "hubspot": set()}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_click_of_before_that_another_platform_tells_later(made: World, platform: str) -> None:
    """Only the others are cleaned up; the click is there, and had not been read."""
    others = [name for name in PLATFORMS if name != platform]
    clicked(made, platform, ANN, made.day + 0.2)
    made.day += 0.5
    found, _ = made.cleanup(to=tuple(others))
    for side in found.sides:
        assert side.ledger.destination in others
        assert ANN not in [row["email"] for row in side.found.to_pylist()]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_the_recheck_asks_every_platform(made: World, platform: str) -> None:
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        pushing.guard(workspace, found.plan)
        clicked(made, platform, ANN, made.day + 0.001)
        made.running.settings(clock_ahead_s=made.ahead + 600)
        result, _ = cleaning.apply(workspace, store, found)
        rows = store.run_changes(result.run_id).to_pylist()
    left = [(row["destination"], row["email"], row["code"]) for row in rows if row["outcome"] == Outcome.SKIPPED]
    assert left == [(name, ANN, "came_back") for name in ("mailchimp", "klaviyo")]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_a_click_that_the_platform_delivers_days_late(made: World, platform: str) -> None:
    """It is dated before the last reading, which ended long after it."""
    before = sends(made, platform)
    clicked(made, platform, ANN, made.day - 3)
    made.day += 0.5
    found, _ = made.cleanup()
    archived = {side.ledger.destination: {row["email"] for row in side.found.to_pylist()} for side in found.sides}
    assert archived == {"mailchimp": set(SILENT[1:]), "klaviyo": set(SILENT[1:]), "hubspot": set(SILENT[1:])}
    assert {email: sends(made, platform)[email] for email in before} == before  # nothing counts twice


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_late_click_that_is_there_after_the_plan(made: World, platform: str) -> None:
    """Also when a later open is known already: opens are no activity here."""
    clicked(made, platform, ANN, made.day - 0.1, "open")
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        pushing.guard(workspace, found.plan)
        clicked(made, platform, ANN, made.day - 3)
        result, _ = cleaning.apply(workspace, store, found)
        rows = store.run_changes(result.run_id).to_pylist()
    left = [(row["destination"], row["email"], row["code"]) for row in rows if row["outcome"] == Outcome.SKIPPED]
    assert sorted(left) == [(name, ANN, "came_back") for name in ("klaviyo", "mailchimp")]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_late_click_counts_however_long_ago_the_last_cleanup_was(made: World, platform: str) -> None:
    """A push had read past it; the cleanup comes a month later."""
    clicked(made, platform, ANN, made.day - 3)
    made.day += 1
    made.push()
    made.day += 40
    found, _ = made.cleanup()
    assert not [row for side in found.sides for row in side.found.to_pylist() if row["email"] == ANN]


def sends(world: World, platform: str) -> dict[str, int]:
    """Address -> mails since the last open or click, of those that the platform tells of."""
    with world.open() as workspace, open_state(workspace) as store:
        return {row["email"]: row["sends"] for row in store.engagement(platform)[0].to_pylist()}


def test_when_another_platform_cannot_be_asked_nobody_is_archived(made: World) -> None:
    """HubSpot, which archives nobody itself, is not to be reached: who clicked there is unknown."""
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        pushing.guard(workspace, found.plan)
        made.running.settings(keys={**KEYS, "hubspot": "another"})
        result, path = cleaning.apply(workspace, store, found)
        rows = store.run_changes(result.run_id).to_pylist()
    assert result.exit_code == 4 and not [row for row in rows if row["outcome"] == Outcome.APPLIED]
    assert set(platforms.mailchimp_statuses(made.running.url).values()) == {"subscribed"}
    assert path is not None and "not sent" in path.read_text() and "archived" not in path.read_text()


@pytest.mark.long
def test_a_click_under_another_address_than_the_archived_one(made: World) -> None:
    """The CRM has a new address, the platforms hold the archived contact under the old one: it is told of."""
    made.cleanup()
    made.people = {("new@example.com" if email == ANN else email): one for email, one in made.people.items()}
    made.day += 1
    assert told(made) == {"mailchimp": set(), "klaviyo": set(), "hubspot": set()}
    made.people["new@example.com"].click = made.day - 0.5
    found, result = made.cleanup()
    assert result is None
    for name in ("mailchimp", "klaviyo"):
        (side,) = [side for side in found.sides if side.ledger.destination == name]
        assert [(row["email"], row["action"]) for row in side.found.to_pylist()] == [(ANN, "report")]
