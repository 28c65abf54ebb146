"""The machine's clock and the platforms' differ: no opt-out and no click is missed.

The platforms' clock is moved against ours, which is the same as ours moved against theirs; `Date` goes along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from connector.app import observing, planning, pushing
from connector.app.workspace import adapter, open_state
from connector.core.model import Outcome
from connector.core.schemas import CONTACT_SCHEMA
from tests.conformance.kits import KITS
from tests.path.small import Small, small

FOUR = ("mailchimp", "klaviyo", "hubspot", "brevo")
FILE = """
version: 1
sources:
  contacts: {{file: people.csv, email: Email, id: Id, columns: {{opt_in: {{type: boolean}}}}}}
consent:
  when: {{opt_in: true}}
  proof: {{at: opted_in_at}}
destinations:
  mailchimp: {{platform: mailchimp, api_key: "${{MC}}", audience: Newsletter, new_contacts: subscribed}}
  klaviyo: {{platform: klaviyo, api_key: "${{KL}}", new_contacts: transactional}}
  hubspot: {{platform: hubspot, access_token: "${{HS}}", new_contacts: transactional}}
  brevo: {{platform: brevo, api_key: "${{BV}}", new_contacts: subscribed}}
segments:
  {names}
"""
SEGMENT = (
    "{name}: {{when: {{plan: paid}}, send_to: "
    "{{mailchimp: {{tag: {name}}}, klaviyo: {{list: {name}}}, hubspot: {{list: {name}}}, brevo: {{list: {name}}}}}}}"
)
HOURS = timedelta(hours=1)
BOB = "bob@example.com"


class World(Small):
    """Two people in one segment after another on four platforms."""

    def segments(self, *names: str) -> None:
        rows = [f"{n},{name}@example.com,paid,yes,2026-01-05" for n, name in enumerate(("ann", "bob"), 1)]
        (self.folder / "people.csv").write_text("\n".join(["Id,Email,Plan,Opt in,Opted in at", *rows]) + "\n")
        text = FILE.format(names="\n  ".join(SEGMENT.format(name=name) for name in names))
        (self.folder / "segments.yaml").write_text(text)

    def theirs(self, ours_ahead: timedelta) -> None:
        """Our clock is so far ahead of the platforms'."""
        self.running.settings(clock_ahead_s=-ours_ahead.total_seconds())

    def opt_out(self) -> None:
        for platform in ("mailchimp", "klaviyo", "hubspot"):
            self.unsubscribe(platform, BOB)
        KITS["brevo"](self.running).make("unsubscribed", [BOB])

    def cursors(self) -> dict[str, datetime]:
        with self.open() as workspace, open_state(workspace) as store:
            return {name: at for name in FOUR if (at := store.reading(name)[0])}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small(tmp_path) as made:
        yield World(made.folder, made.running)


def test_the_rehearsal_tells_its_own_time(world: World) -> None:
    world.theirs(5 * HOURS)
    said = requests.get(f"{world.running.url}/3.0/", timeout=30).headers["Date"]
    assert abs(parsedate_to_datetime(said) - (datetime.now(UTC) - 5 * HOURS)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("first", "then"), [(1, 1), (7, 7), (-7, -7), (6, 0), (0, 6), (-6, 6)], ids=lambda hours: f"{hours:+d}h"
)
@pytest.mark.sweep(keep=2)
def test_no_opt_out_is_missed_whatever_our_clock_says(world: World, first: int, then: int) -> None:
    """`first` and `then`: how far ours is ahead at the two runs."""
    world.theirs(first * HOURS)
    world.segments("one")
    world.push()
    world.opt_out()
    world.theirs(then * HOURS)
    world.segments("one", "two")
    plan = world.plan()
    blocked = {(row["destination"], row["email"], row["reason"]) for row in plan.blocked.to_pylist()}
    assert blocked == {(platform, BOB, "unsubscribed") for platform in FOUR}
    present = datetime.now(UTC) - then * HOURS
    assert {name: timedelta(0) < present - at < timedelta(minutes=15) for name, at in world.cursors().items()} == (
        dict.fromkeys(FOUR, True)
    )


@pytest.mark.parametrize("ahead", [-3, 1, 8], ids=lambda hours: f"{hours:+d}h")
@pytest.mark.sweep(keep=1)
def test_what_happens_after_the_plan_is_seen_before_it_is_applied(world: World, ahead: int) -> None:
    world.theirs(ahead * HOURS)
    world.segments("one")
    world.push()
    world.segments("one", "two")
    with world.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
        world.opt_out()
        result = pushing.push(workspace, store, made)
        rows = store.run_changes(result.run_id).to_pylist()
    skipped = {(row["destination"], row["code"]) for row in rows if row["outcome"] == Outcome.SKIPPED}
    assert skipped == {(platform, "opted_out") for platform in FOUR}


@pytest.mark.long
def test_a_cursor_of_an_earlier_version_is_read_past_once(world: World) -> None:
    """It may lie in the platform's future, for as long as our clock was ahead."""
    world.segments("one")
    world.push()
    world.opt_out()
    with world.open() as workspace, open_state(workspace) as store:
        for name in FOUR:
            store.observe(name, CONTACT_SCHEMA.empty_table(), cursor=datetime.now(UTC) + 20 * HOURS)
    world.segments("one", "two")
    assert {row["destination"] for row in world.plan().blocked.to_pylist()} == set(FOUR)
    assert all(at < datetime.now(UTC) for at in world.cursors().values())


@pytest.mark.parametrize(("first", "back"), [(2, 0), (5, 5), (-5, 0), (0, 3)], ids=lambda hours: f"{hours:+d}h")
@pytest.mark.sweep(keep=1)
def test_no_click_is_missed_whatever_our_clock_says(world: World, first: int, back: int) -> None:
    """`first`: how far ours is ahead; then it is put back."""
    world.theirs(first * HOURS)
    world.segments("one")
    world.push()
    told = ("mailchimp", "klaviyo", "hubspot")
    _read(world)
    at = datetime.now(UTC) - first * HOURS
    did = [{"email": BOB, "did": what, "at": at.isoformat()} for what in ("send", "click")]
    world.running.engage(**dict.fromkeys(told, did))
    world.theirs((first - back) * HOURS - timedelta(minutes=30))
    _read(world)
    with world.open() as workspace, open_state(workspace) as store:
        clicked = {name: store.engagement(name)[0].to_pylist() for name in told}
    assert {name for name, rows in clicked.items() if any(row["last_click_at"] for row in rows)} == set(told)


def _read(world: World) -> None:
    with world.open() as workspace, open_state(workspace) as store:
        for item in workspace.destinations():
            observing.read(workspace, store, item.name, adapter(workspace, item), everything=True)
