"""Nobody is archived by a detail: an address, a mail that never left, a date, an hour, a return by oneself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import pushing, upkeep
from connector.app.workspace import open_state
from tests.lifecycle.test_path import SILENT, begun, tags
from tests.lifecycle.world import POLICY, Person, World, again, world
from tests.path.small import PLATFORMS
from tests.sweeps import some

ANN, BEN = SILENT[:2]
NEW = "ann.new@example.com"
ARCHIVING = ("mailchimp", "klaviyo")
ENDLESS = POLICY.replace(", action: default", "")  # where no platform archives


@pytest.fixture
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    on = mine(request, PLATFORMS)
    with begun(tmp_path, *on, policy=POLICY if set(on) & set(ARCHIVING) else ENDLESS) as found:
        yield found


@pytest.fixture
def archiving(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """Where the last stage ends in something."""
    with begun(tmp_path, *mine(request, ARCHIVING)) as found:
        yield found


@pytest.fixture
def late(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    with begun(tmp_path, *mine(request, ARCHIVING), late=True) as found:
        yield found


def mine(request: pytest.FixtureRequest, platforms: tuple[str, ...]) -> tuple[str, ...]:
    """The platforms of a test: all, or in a reduced run one, which is that of its case if it has one."""
    case = getattr(getattr(request.node, "callspec", None), "params", {}).get("platform")
    return some(platforms, platforms.index(case) if case else request.function.__name__)


def moved(world: World, **options: str) -> dict[str, dict[str, str]]:
    """Destination -> address -> how somebody changed stage in a push."""
    plan, _ = world.push(**options)
    found: dict[str, dict[str, str]] = {name: {} for name in world.to}
    for row in plan.stages.to_pylist():
        found[row["destination"]][row["email"]] = row["how"]
    return found


def renamed(world: World, old: str, new: str) -> None:
    world.people = {new if email == old else email: one for email, one in world.people.items()}


# -- an address changes ---------------------------------------------------------------------------------------------


@pytest.mark.long
def test_the_stage_tag_stays_when_the_address_changes(made: World) -> None:
    """On no platform is it off for a moment: flows would begin again."""
    made.day = 4
    renamed(made, ANN, NEW)
    plan, _ = made.push()
    assert {row["op"] for row in plan.changes.to_pylist() if row["email"] in (ANN, NEW)} <= {"move", "update"}
    for found in tags(made):
        assert found["win-back"] == {NEW, *SILENT[1:]}
    assert all(made.stages(name)[NEW] == "win_back" for name in made.to)
    for made.day in (10, 15):
        made.push()
    assert all(made.stages(name)[NEW] == "sunset" for name in made.to)


@pytest.mark.long
def test_a_new_address_on_the_day_of_the_next_stage_waits_a_run(made: World) -> None:
    made.day = 10
    renamed(made, ANN, NEW)
    assert all(set(rows) == set(SILENT[1:]) for rows in moved(made).values())
    assert all(found["win-back"] == {NEW} for found in tags(made))
    made.day = 11
    assert all(rows == {NEW: "moved"} for rows in moved(made).values())


@pytest.mark.long
def test_a_click_under_the_new_address_counts_for_the_old_one(late: World) -> None:
    renamed(late, ANN, NEW)
    late.people[NEW].click = late.day - 0.1
    found, _ = late.cleanup()
    assert not [row for row in found.plan.changes.to_pylist() if row["email"] in (ANN, NEW)]


# -- mails ------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_who_was_never_mailed_is_not_inactive(tmp_path: Path) -> None:
    on = some(ARCHIVING, "never mailed")
    with world(tmp_path, on, POLICY.replace("{after: 30 days}", "{after: 30 days, sends: 1}")) as made:
        made.people = {email: Person(click=-100) for email in SILENT}
        made.people["busy@example.com"] = Person(click=-1, order=-80)
        made.day = -1
        made.push()
        mailed = [{"email": ANN, "did": "send", "at": "2026-12-31T14:00:00+00:00"}]
        made.running.engage(**dict.fromkeys(on, mailed))
        made.day = 0
        assert moved(made) == {name: {ANN: "entered"} for name in on}
        for made.day in (10, 15, 16):
            made.push()
        found, _ = made.cleanup()
        assert {row["email"] for row in found.plan.changes.to_pylist()} == {ANN}


# -- subscribing again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_who_subscribes_again_by_themselves_is_alive(made: World, platform: str) -> None:
    made.day = 3
    made.say_no(platform, ANN)
    assert moved(made)[platform] == {ANN: "left"}
    made.day = 4
    made.push()  # what the push before wrote there is read: at Klaviyo it moved `updated`, too
    made.day = 5
    again(made, platform, ANN)
    assert ANN not in moved(made)[platform]
    made.day = 30
    assert ANN not in moved(made)[platform]
    made.day = 37
    assert moved(made)[platform][ANN] == "entered"


@pytest.mark.parametrize("platform", ARCHIVING)
@pytest.mark.sweep(keep=1)
def test_who_subscribes_again_after_having_been_archived_is_returned_for_its_time(late: World, platform: str) -> None:
    late.cleanup()
    late.day = 20
    late.push()
    late.day = 21
    again(late, platform, ANN)
    assert moved(late)[platform] == {ANN: "returned"}
    for late.day in (22, 27):
        assert moved(late)[platform] == {}
        assert tags(late)[late.to.index(platform)]["won-back"] == {ANN}
    late.day = 28
    assert moved(late)[platform] == {ANN: "over"}
    late.day = 50
    assert ANN not in moved(late)[platform]
    late.day = 53
    assert moved(late)[platform][ANN] == "entered"


@pytest.mark.long
def test_who_was_taken_back_by_an_undo_does_not_go_straight_into_the_first_stage(tmp_path: Path) -> None:
    with begun(tmp_path, "klaviyo", late=True) as late:
        late.cleanup()
        late.write()
        with late.open() as workspace, open_state(workspace) as store:
            pushing.push(workspace, store, upkeep.undo(workspace, store, "last"))
        late.day = 17
        assert moved(late)["klaviyo"] == {}
        late.day = 46
        assert not set(moved(late)["klaviyo"]) & set(SILENT)
        late.day = 48
        assert set(SILENT) <= set(moved(late)["klaviyo"])


# -- moments ----------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_archiving_waits_a_full_day_after_the_last_stage(archiving: World) -> None:
    for archiving.day in (10, 15, 15.9):
        archiving.push()
    assert not archiving.cleanup()[0].plan.changes.num_rows
    archiving.day = 16
    assert {row["email"] for row in archiving.cleanup()[0].plan.changes.to_pylist()} == set(SILENT)


@pytest.mark.long
def test_a_date_in_the_future_is_no_activity_and_is_told(made: World) -> None:
    made.people["later@example.com"] = Person(click=2000)
    made.people[ANN].click = 3.5
    made.day = 2
    made.push()
    made.day = 2.1
    plan, _ = made.push()
    assert {row["email"]: row["how"] for row in plan.stages.to_pylist()} == {"later@example.com": "entered"}
    assert any("2 people have a time in “last_click_at” that lies in the future" in note for note in plan.notes)
    made.day = 4
    assert moved(made) == {name: {ANN: "returned"} for name in made.to}


@pytest.mark.long
def test_an_earlier_moment_than_the_last_run_moves_nobody(made: World) -> None:
    """Also when that run moved nobody."""
    made.day = 4
    made.people["new@example.com"] = Person(click=3)
    assert made.push()[0].changes.num_rows
    made.people["vip@example.com"].vip = False
    plan, _ = made.push(as_of=made.at(3.5).replace(" ", "T") + "+00:00")
    assert not plan.stages.num_rows
    assert any("Nobody changes stage" in note for note in plan.notes)
