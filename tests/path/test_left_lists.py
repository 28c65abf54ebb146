"""Somebody unsubscribes from one list on the platform: no path brings them back, and all else goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from connector.app import planning, pushing, upkeep
from connector.app.workspace import Options, open_state, open_workspace
from connector.core.events import Event, RequestSent
from connector.core.model import Outcome
from connector.core.plan import Plan
from connector.state.base import RunState
from tests import launcher
from tests.path import platforms
from tests.path.platforms import KLAVIYO
from tests.path.small import SEGMENTS, Small, small
from tests.path.test_brevo import World as Brevo

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo")}
BOB = PEOPLE["bob"]
OTHERS = set(PEOPLE.values()) - {BOB}
MORE = "\n  more: {when: {plan: paid}, send_to: {klaviyo: {list: More, tag: more}}}"


class World(Small):
    def leave(self, email: str, name: str = "Readers") -> None:
        """As a person does who unsubscribes from this list."""
        lists = self._send("GET", "/api/lists", KLAVIYO)["data"]
        key = next(one["id"] for one in lists if one["attributes"]["name"] == name)
        kind = "profile-subscription-bulk-delete-job"
        data = {
            "type": kind,
            "attributes": {"profiles": {"data": [{"type": "profile", "attributes": {"email": email}}]}},
            "relationships": {"list": {"data": {"type": "list", "id": key}}},
        }
        self._send("POST", f"/api/{kind}s", KLAVIYO, {"data": data})

    def after_leaving(self) -> str:
        """Bob's moment right after he left the list, by Klaviyo's clock: that of this process may be behind."""
        asked = f'/api/profiles?filter=equals(email,"{BOB}")&additional-fields[profile]=subscriptions'
        (profile,) = self._send("GET", asked, KLAVIYO)["data"]
        (left,) = profile["attributes"]["subscriptions"]["email"]["marketing"]["list_suppressions"]
        return (datetime.fromisoformat(left["timestamp"]) + timedelta(microseconds=1)).isoformat()

    def lists(self) -> dict[str, set[str]]:
        return platforms.klaviyo(self.running.url)[0]

    def tags(self) -> dict[str, set[str]]:
        return platforms.klaviyo(self.running.url)[1]

    def do(self, verb: Callable[..., Plan], *more: Any, meanwhile: Callable[[], None] | None = None) -> Plan:
        """A plan made by `verb`, and pushed."""
        with self.open() as workspace, open_state(workspace) as store:
            made = verb(workspace, store, *more)
            if meanwhile:
                meanwhile()
            pushing.push(workspace, store, made)
            return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small(tmp_path) as made:
        world = World(made.folder, made.running, ("klaviyo",))
        world.write(PEOPLE)
        world.push()
        yield world


def left_out(plan: Plan) -> set[tuple[str, str, str, str]]:
    return {(row["destination"], row["target"], row["email"], row["reason"]) for row in plan.blocked.to_pylist()}


BLOCKED = {("klaviyo", "Readers", BOB, "left_list")}


def test_a_refresh_leaves_them_out_and_tags_and_other_lists_go_on(world: World) -> None:
    world.leave(BOB)
    world.write(PEOPLE, SEGMENTS + MORE)
    assert left_out(world.do(planning.refreshed)) == BLOCKED
    assert world.lists() == {"Readers": OTHERS, "More": set(PEOPLE.values())}
    assert world.tags() == {"reader": set(PEOPLE.values()), "more": set(PEOPLE.values())}
    again = world.plan()
    assert not again.changes.num_rows


def test_a_lost_state_leaves_them_out(world: World) -> None:
    world.leave(BOB)
    for file in (world.folder / ".connector" / "rehearsal").glob("state.db*"):
        file.unlink()
    plan, _ = world.push()
    assert left_out(plan) == BLOCKED
    assert world.lists()["Readers"] == OTHERS


def test_coming_back_into_the_segment_leaves_them_out(world: World) -> None:
    world.leave(BOB)
    world.write({name: email for name, email in PEOPLE.items() if name != "bob"})
    world.push()
    world.write(PEOPLE)
    plan, _ = world.push()
    assert left_out(plan) == BLOCKED
    assert world.lists()["Readers"] == OTHERS


def test_an_undo_leaves_them_out(world: World) -> None:
    world.leave(BOB)
    world.write(PEOPLE, refused=["bob"])
    world.push()
    world.write(PEOPLE)
    world.do(upkeep.undo, "last")
    assert world.lists()["Readers"] == OTHERS


def test_leaving_between_plan_and_push_is_seen(world: World) -> None:
    """Bob came back into the segment, and leaves the list by himself while the plan is read."""
    world.write(PEOPLE, SEGMENTS + MORE)
    world.push()
    without = {name: email for name, email in PEOPLE.items() if name != "bob"}
    world.write(without)
    with world.open() as workspace, open_state(workspace) as store:
        pushing.push(workspace, store, planning.plan(workspace, store))
    join(world, "Readers", BOB)
    world.write(PEOPLE)
    plan = world.do(planning.plan, meanwhile=lambda: world.leave(BOB))
    assert {row["op"] for row in plan.changes.to_pylist() if row["email"] == BOB and row["target"] == "Readers"} == {
        "add"
    }
    assert world.lists()["Readers"] == OTHERS


def join(world: World, name: str, email: str) -> None:
    """Somebody else puts a profile into a list."""
    lists = world._send("GET", "/api/lists", KLAVIYO)["data"]
    key = next(one["id"] for one in lists if one["attributes"]["name"] == name)
    (profile,) = world._send("GET", f'/api/profiles?filter=equals(email,"{email}")', KLAVIYO)["data"]
    body = {"data": [{"type": "profile", "id": profile["id"]}]}
    world._send("POST", f"/api/lists/{key}/relationships/profiles", KLAVIYO, body)


def test_a_list_that_was_left_before_it_was_ours(world: World) -> None:
    """Somebody else made it. Who left it is not read before it is in segments.yaml, and its time has passed then."""
    world._send("POST", "/api/lists", KLAVIYO, {"data": {"type": "list", "attributes": {"name": "More"}}})
    join(world, "More", BOB)
    world.leave(BOB, "More")
    for _ in range(2):
        world.push()
    world.write(PEOPLE, SEGMENTS + MORE)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3), tick=True):
        world.running.settings(clock_ahead_s=3 * 86400)
        world.push()
        assert world.lists()["More"] == OTHERS
        again = world.plan()
    assert not again.changes.num_rows
    assert left_out(again) == {("klaviyo", "More", BOB, "left_list")}


def test_a_resumed_creation_does_not_bring_them_back(world: World) -> None:
    """The import was taken and its answer lost; the new contact leaves the list before the run goes on."""
    world.write(PEOPLE | {"eve": "eve@example.com"})
    world.running.settings(faults="klaviyo:drop_after@w1", polls=0)
    stop = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, RequestSent) and event.destination == "klaviyo" and event.writes:
            stop.set()

    options = Options(file=world.folder / "segments.yaml", rehearse=True, to=("klaviyo",), listener=listen)
    with open_workspace(options, stop) as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, planning.plan(workspace, store))
        assert result.state is RunState.INTERRUPTED and result.total(Outcome.UNKNOWN)
    assert "eve@example.com" in world.lists()["Readers"]
    world.leave("eve@example.com")
    with world.open() as workspace, open_state(workspace) as store:
        assert pushing.resume(workspace, store) is not None
    assert world.lists()["Readers"] == set(PEOPLE.values())


def test_a_new_address_of_the_same_person_is_left_out_too(world: World) -> None:
    """The profile gets the new address in the same run that would add it to the list."""
    world.leave(BOB)
    world.do(planning.refreshed)
    world.write(PEOPLE | {"bob": "bob.new@example.com"})
    plan, _ = world.push()
    assert ("klaviyo", "move") in {(row["destination"], row["op"]) for row in plan.changes.to_pylist()}
    assert ("klaviyo", "Readers", "bob.new@example.com", "left_list") in left_out(plan)
    assert world.lists()["Readers"] == OTHERS
    assert world.push()[0].changes.num_rows == 0


@pytest.mark.parametrize("late", [False, True], ids=["before the plan", "between plan and push"])
def test_leaving_under_a_former_address_counts_for_the_present_one(world: World, late: bool) -> None:
    """The address that Bob had signs up again and leaves the list, while his contact is out of the segment."""
    new = PEOPLE | {"bob": "bob.new@example.com"}
    world.write(new)
    world.push()
    assert world.lists()["Readers"] == set(new.values())
    world.write({name: email for name, email in new.items() if name != "bob"})
    world.push()
    world.write(new)

    def leave() -> None:
        world._send("POST", "/api/profiles", KLAVIYO, {"data": {"type": "profile", "attributes": {"email": BOB}}})
        join(world, "Readers", BOB)
        world.leave(BOB)

    if not late:
        leave()
    plan = world.do(planning.plan, meanwhile=leave if late else None)
    assert left_out(plan) == (set() if late else {("klaviyo", "Readers", new["bob"], "left_list")})
    assert world.lists()["Readers"] == OTHERS
    assert new["bob"] in world.tags()["reader"]
    again = world.plan()
    assert left_out(again) == {("klaviyo", "Readers", new["bob"], "left_list")} and not again.changes.num_rows


def test_why_names_the_reason(world: World) -> None:
    world.leave(BOB)
    with world.open() as workspace, open_state(workspace) as store:
        planning.refresh(workspace, store)
    done = launcher.sync(world.folder, "why", BOB, "--rehearse")
    assert "blocked: add list “Readers”: unsubscribed from this list in Klaviyo" in done.stdout, done.stdout


def test_who_subscribes_to_the_list_again_by_themselves_is_not_left_out(world: World) -> None:
    world.leave(BOB)
    world.push()
    kind = "profile-subscription-bulk-create-job"
    lists = world._send("GET", "/api/lists", KLAVIYO)["data"]
    key = next(one["id"] for one in lists if one["attributes"]["name"] == "Readers")
    said = {"consent": "SUBSCRIBED", "consented_at": world.after_leaving()}
    marketing = {"email": {"marketing": said}}
    profile = {"type": "profile", "attributes": {"email": BOB, "subscriptions": marketing}}
    data = {
        "type": kind,
        "attributes": {"profiles": {"data": [profile]}, "historical_import": True},
        "relationships": {"list": {"data": {"type": "list", "id": key}}},
    }
    world._send("POST", f"/api/{kind}s", KLAVIYO, {"data": data})
    assert left_out(world.do(planning.refreshed)) == set()


def test_brevo_says_it_in_the_plan(tmp_path: Path) -> None:
    """The sample's bv.left@example.com has left “Newsletter”."""
    from connector.rehearsal.core.process import start

    place = tmp_path / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db") as running:
        (place / "address").write_text(running.url)
        running.settings(limits=False)
        world = Brevo(tmp_path, running)
        news = "news: {when: {plan: paid}, send_to: {brevo: {list: Newsletter}}}"
        world.write({"left": "bv.left@example.com", "ann": "ann@example.com"}, more=news)
        plan, result = world.push()
        assert left_out(plan) == {("brevo", "Newsletter", "bv.left@example.com", "left_list")}
        assert result.exit_code == 0
        assert "bv.left@example.com" not in world.members("Newsletter")
        assert "bv.left@example.com" in world.members("Readers")
        assert world.push()[0].changes.num_rows == 0
