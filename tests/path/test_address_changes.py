"""A person's address changes in the CRM: on each platform the contact moves with its memberships, nobody is there
twice, and no consent changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.core.errors import DestinationError
from connector.core.events import Event, Progress
from connector.core.model import Op, Outcome
from connector.push.run import RunResult
from connector.state.base import RunState
from tests.path import platforms
from tests.path.small import PLATFORMS, Small, small

OLD, NEW = "ann@example.com", "ann.married@example.com"
PEOPLE = {"ann": OLD, "bob": "bob@example.com", "cleo": "cleo@example.com"}
MOVED = PEOPLE | {"ann": NEW}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        made.write(PEOPLE)
        made.push()
        yield made


def held(world: Small) -> dict[str, dict[str, set[str]]]:
    klaviyo, labels = platforms.klaviyo(world.running.url)
    hubspot, options = platforms.hubspot(world.running.url)
    return {
        "mailchimp": platforms.mailchimp(world.running.url),
        "klaviyo": klaviyo | labels,
        "hubspot": hubspot | options,
    }


def everybody(world: Small) -> dict[str, set[str]]:
    """Every address that a platform knows, whatever its status."""
    with world.open() as workspace:
        from connector.app.workspace import adapter

        return {
            name: {
                email
                for table in adapter(workspace, item).statuses(None)
                for email in table.column("email").to_pylist()
            }
            for name, item in workspace.config.destinations.items()
        }


def done(result: RunResult, op: Op) -> dict[str, int]:
    return {name: ops.get(op, {}).get(Outcome.APPLIED, 0) for name, ops in result.counts.items()}


def test_the_contact_moves_with_its_memberships_on_every_platform(world: Small) -> None:
    world.write(MOVED)
    plan, result = world.push()
    assert done(result, Op.MOVE) == dict.fromkeys(PLATFORMS, 1)
    assert {row["op"] for row in plan.changes.to_pylist()} == {"move"}
    for targets in held(world).values():
        assert set(map(frozenset, targets.values())) == {frozenset(MOVED.values())}
    assert everybody(world) == {name: set(MOVED.values()) for name in PLATFORMS}
    assert world.mailchimp_member(NEW)["status"] == "subscribed"
    before = world.running.writes()
    assert not world.push()[0].changes.num_rows
    assert world.running.writes() == before
    world.write({name: email for name, email in MOVED.items() if name != "ann"})  # the ledger knows the new address
    world.push()
    for targets in held(world).values():
        assert all(NEW not in members and len(members) == 2 for members in targets.values())


@pytest.mark.long
def test_fields_and_other_changes_reach_the_new_address(world: Small) -> None:
    world.write(MOVED)
    text = (world.folder / "people.csv").read_text().replace(",Ann,", ",Anna,")
    (world.folder / "people.csv").write_text(text)
    _, result = world.push()
    assert done(result, Op.UPDATE) == dict.fromkeys(PLATFORMS, 1)
    assert world.mailchimp_member(NEW)["merge_fields"]["FNAME"] == "Anna"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_somebody_who_unsubscribed_stays_so_under_the_new_address(world: Small, platform: str) -> None:
    world.unsubscribe(platform, OLD)
    world.write(MOVED)
    plan, _ = world.push(to=(platform,))
    assert {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()} == {(NEW, "unsubscribed")}
    assert not any(NEW in members for members in held(world)[platform].values())
    assert NEW not in everybody(world)[platform]
    again = world.plan(to=(platform,))
    assert not again.changes.num_rows and again.blocked.num_rows


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_an_opt_out_under_a_former_address_counts_later_too(world: Small, platform: str) -> None:
    """The former address signs up again there and opts out, and the contact that has the new one is deleted."""
    world.write(MOVED)
    world.push(to=(platform,))
    sign_up(world, platform, OLD)
    world.unsubscribe(platform, OLD)
    delete(world, platform, NEW)
    export = world.folder / "people.csv"  # a change, so that the deletion is noticed
    export.write_text(export.read_text().replace(",Ann,", ",Anna,"))
    for _ in range(3):
        world.push(to=(platform,))
    assert NEW not in everybody(world)[platform]
    assert not any({OLD, NEW} & members for members in held(world)[platform].values())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_contact_is_moved_to_an_address_that_opted_out_after_the_plan(world: Small, platform: str) -> None:
    """Somebody signs up with the new address there, and opts out."""
    from connector.app import planning, pushing
    from connector.app.workspace import open_state

    world.write(MOVED)
    with world.open(to=(platform,)) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        assert [row["op"] for row in plan.changes.to_pylist()] == ["move"]
        sign_up(world, platform, NEW)
        world.unsubscribe(platform, NEW)
        result = pushing.push(workspace, store, plan)
        assert (result.exit_code, result.counts[platform][Op.MOVE]) == (0, {Outcome.SKIPPED: 1})
    again, result = world.push(to=(platform,))
    assert result.exit_code == 0
    assert {(row["email"], row["reason"]) for row in again.blocked.to_pylist()} == {(NEW, "unsubscribed")}
    assert not any({OLD, NEW} & members for members in held(world)[platform].values())
    assert not world.plan(to=(platform,)).changes.num_rows


@pytest.mark.parametrize("where", ["under the former address", "under one that left the export"])
@pytest.mark.parametrize("how", ["late answer", "resume"])
def test_an_opt_out_under_another_address_between_plan_and_push(world: Small, where: str, how: str) -> None:
    """The contact of the present address is about to be created when the person opts out under another one. On
    HubSpot; elsewhere nobody is created again who was held before."""
    from connector.app import planning, pushing
    from connector.app.workspace import open_state

    platform, export = "hubspot", world.folder / "people.csv"
    moved = where == "under the former address"
    if moved:
        world.write(MOVED)
        world.push(to=(platform,))
    delete(world, platform, NEW if moved else OLD)
    export.write_text(export.read_text().replace(",Ann,", ",Anna,"))  # a change, so that the deletion is noticed
    world.push(to=(platform,))
    world.write(MOVED)
    ends = how == "resume"

    def listen(event: Event) -> None:  # the run is open by then, and nothing was sent
        if ends and isinstance(event, Progress) and event.step == "checking for opt-outs":
            raise DestinationError("out of order", destination=event.destination)

    with world.open(to=(platform,), listener=listen) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        assert (NEW, "create") in {(row["email"], row["op"]) for row in plan.changes.to_pylist()}
        if ends:
            assert pushing.push(workspace, store, plan).state is RunState.FAILED
        ends = False
        sign_up(world, platform, OLD)
        world.unsubscribe(platform, OLD)
        result = pushing.resume(workspace, store) if how == "resume" else pushing.push(workspace, store, plan)
    assert result and result.exit_code == 0, result
    assert NEW not in everybody(world)[platform]
    assert not any({OLD, NEW} & members for members in held(world)[platform].values())


def sign_up(world: Small, platform: str, email: str) -> None:
    if platform == "mailchimp":
        body = {"email_address": email, "status": "subscribed"}
        world._send("POST", f"{world.audience()}/members", platforms.MAILCHIMP, body)
    elif platform == "klaviyo":
        profile = {"type": "profile", "attributes": {"email": email}}
        world._send("POST", "/api/profiles", platforms.KLAVIYO, {"data": profile})
    else:
        world._send("POST", "/crm/v3/objects/contacts", platforms.HUBSPOT, {"properties": {"email": email}})


def delete(world: Small, platform: str, email: str) -> None:
    if platform == "mailchimp":
        member = world.mailchimp_member(email)["id"]
        world._send("POST", f"{world.audience()}/members/{member}/actions/delete-permanent", platforms.MAILCHIMP)
    elif platform == "klaviyo":
        profile = {"data": {"type": "profile", "attributes": {"email": email}}}
        body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}}
        world._send("POST", "/api/data-privacy-deletion-jobs", platforms.KLAVIYO, body)
    else:
        asked = {"inputs": [{"id": email}], "idProperty": "email", "properties": ["email"]}
        found = world._send("POST", "/crm/v3/objects/contacts/batch/read", platforms.HUBSPOT, asked)
        world._send("DELETE", f"/crm/v3/objects/contacts/{found['results'][0]['id']}", platforms.HUBSPOT)


def test_an_address_that_is_taken_meanwhile_is_not_moved_to_and_nobody_is_lost(world: Small) -> None:
    """Between the plan and the push somebody signs up with the new address."""
    from connector.app import planning, pushing
    from connector.app.workspace import open_state

    world.write(MOVED)
    with world.open() as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        body = {"email_address": NEW, "status": "subscribed"}
        world._send("POST", f"{world.audience()}/members", platforms.MAILCHIMP, body)
        profile = {"type": "profile", "attributes": {"email": NEW}}
        world._send("POST", "/api/profiles", platforms.KLAVIYO, {"data": profile})
        world._send("POST", "/crm/v3/objects/contacts", platforms.HUBSPOT, {"properties": {"email": NEW}})
        result = pushing.push(workspace, store, plan)
    assert sum(done(result, Op.MOVE).values()) == 0
    world.push()
    for targets in held(world).values():
        assert set(map(frozenset, targets.values())) == {frozenset(MOVED.values())}


def test_the_answer_is_lost_and_the_move_is_not_done_twice(world: Small) -> None:
    world.write(MOVED)
    world.running.settings(faults="drop_after@w1")
    _, result = world.push()
    assert sum(done(result, Op.MOVE).values()) >= 2
    world.running.settings(faults="")
    world.push()
    for targets in held(world).values():
        assert set(map(frozenset, targets.values())) == {frozenset(MOVED.values())}
    assert everybody(world) == {name: set(MOVED.values()) for name in PLATFORMS}
