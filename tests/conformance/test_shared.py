"""Two rows of the export are one contact on the platform: what one row asks for is never taken away for the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.app import planning, pushing, upkeep, why
from connector.app.workspace import Options, open_state, open_workspace
from connector.report.why import why_json, why_text
from tests.conformance.desk import AS_OF, Desk, Person
from tests.conformance.kits import KITS, Kit
from tests.conformance.kits.base import NO

ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))
MERGING = [name for name, kit in KITS.items() if kit.merges]


def pushed(desk: Desk, *people: Person) -> Any:
    desk.export(people)
    plan, result = desk.push()
    assert result is None or (not result.errors and result.exit_code == 0), result
    return plan


def merged_between(desk: Desk, kit: Kit, *people: Person) -> Any:
    """Push a plan that was made before Ann's and Bea's contacts were merged."""
    desk.export(people)
    plan, result = desk.push(between=lambda: kit.merge(ANN, BEA))
    assert result is None or (not result.errors and result.exit_code == 0), result
    return plan


def settled(desk: Desk) -> None:
    writes = desk.running.writes()
    plan, _ = desk.push()
    assert desk.running.writes() == writes, plan.changes.to_pylist()


def targets(kit: Kit, name: str) -> set[frozenset[str]]:
    return {frozenset(kit.members(kind, name)) for kind in kit.kinds}


@pytest.fixture
def readdressed(desk: Desk, kit: Kit) -> Kit:
    """Ann's contact is in gold and vip, and then has the address of another row of the export."""
    desk.setup([kit], {kit.name: kit.creates})
    cid = Person(CID)
    pushed(desk, Person(ANN, gold=True), cid)
    pushed(desk, Person(ANN, gold=True), cid)
    kit.move(ANN, BEA)
    return kit


@pytest.mark.sweep(keep=1)
def test_a_row_that_leaves_takes_nothing_from_the_row_that_stays(desk: Desk, readdressed: Kit) -> None:
    """Whichever of the two asks, the one contact is in the target; it leaves when neither does."""
    kit, cid = readdressed, Person(CID)
    plan = pushed(desk, Person(ANN, vip=False, gold=True), Person(BEA, vip=True), cid)
    assert targets(kit, "vip") == {frozenset({BEA, CID})}
    assert targets(kit, "gold") == {frozenset({BEA})}
    assert any("one contact" in note and "b…@example.com" in note for note in plan.notes), plan.notes
    settled(desk)
    pushed(desk, Person(ANN, vip=True), Person(BEA, vip=False), cid)
    assert targets(kit, "vip") == {frozenset({BEA, CID})}
    assert targets(kit, "gold") == {frozenset()}
    settled(desk)
    pushed(desk, Person(ANN, vip=False), Person(BEA, vip=False), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    settled(desk)


@pytest.mark.sweep(keep=1)
def test_missing_consent_of_one_row_counts_for_both(desk: Desk, readdressed: Kit) -> None:
    kit, cid = readdressed, Person(CID)
    plan = pushed(desk, Person(ANN, consent="no"), Person(BEA, vip=True, name="Bea"), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    assert kit.values().get(BEA) == ""
    assert "add" not in plan.changes["op"].to_pylist()
    settled(desk)


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_the_fields_of_one_row_are_sent(desk: Desk, readdressed: Kit) -> None:
    kit, cid = readdressed, Person(CID)
    rows = [Person(ANN, name="Ann"), Person(BEA, name="Bea"), cid]
    pushed(desk, *rows)
    assert kit.values()[BEA] == "Bea"
    settled(desk)
    pushed(desk, replace(rows[0], name="Anna"), *rows[1:])
    assert kit.values()[BEA] == "Bea"
    settled(desk)


@pytest.mark.sweep(keep=1)
def test_a_row_that_is_gone_from_the_export_takes_nothing(desk: Desk, readdressed: Kit) -> None:
    kit, cid = readdressed, Person(CID)
    pushed(desk, Person(BEA, gold=True), cid)
    assert targets(kit, "vip") == {frozenset({BEA, CID})}
    assert targets(kit, "gold") == {frozenset({BEA})}
    settled(desk)


@pytest.mark.sweep(keep=1)
def test_who_opted_out_under_another_address_leaves_the_target_once(desk: Desk, readdressed: Kit) -> None:
    """The export knows only the old address, which belongs to nobody on the platform."""
    kit, cid = readdressed, Person(CID)
    kit.make(next(status for status in kit.statuses if kit.meanings[status] is NO), [BEA])
    for _ in range(2):
        pushed(desk, Person(ANN, vip=False), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    assert targets(kit, "gold") == {frozenset()}
    settled(desk)


@pytest.mark.parametrize("kit", MERGING, indirect=True)
@pytest.mark.parametrize("leaves", [ANN, BEA])
@pytest.mark.sweep(keep=1)
def test_two_contacts_are_merged(desk: Desk, kit: Kit, leaves: str) -> None:
    desk.setup([kit], {kit.name: kit.creates})
    cid = Person(CID)
    both = [Person(ANN, gold=True), Person(BEA, gold=True)]
    pushed(desk, *both, cid)
    pushed(desk, *both, cid)
    kit.merge(ANN, BEA)
    for _ in range(2):
        desk.export([*both, cid])
        desk.push()
    assert targets(kit, "vip") == {frozenset({ANN, CID})}
    held_by_both = kit.name in SECONDARY
    rows = [replace(one, vip=one.email != leaves) for one in both]
    pushed(desk, *rows, cid)
    stays = held_by_both or leaves != ANN
    assert targets(kit, "vip") == {frozenset({ANN, CID} if stays else {CID})}
    settled(desk)
    pushed(desk, *(replace(one, vip=False) for one in both), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    settled(desk)


@pytest.mark.parametrize("kit", MERGING, indirect=True)
@pytest.mark.parametrize("leaves", [ANN, BEA])
@pytest.mark.parametrize("renamed", ["", "Anna"], ids=["", "with fields"])
@pytest.mark.sweep(keep=1)
def test_two_contacts_are_merged_between_plan_and_push(desk: Desk, kit: Kit, leaves: str, renamed: str) -> None:
    """One of them leaves by the plan, the other stays: the contact stays in the target."""
    desk.setup([kit], {kit.name: kit.creates})
    cid = Person(CID)
    both = [Person(ANN), Person(BEA)]
    pushed(desk, *both, cid)
    pushed(desk, *both, cid)
    rows = [replace(one, vip=one.email != leaves, gold=one.email != leaves, name=renamed) for one in both]
    merged_between(desk, kit, *rows, cid)
    stays = kit.name in SECONDARY or leaves != ANN
    assert targets(kit, "vip") == {frozenset({ANN, CID} if stays else {CID})}
    for _ in range(2):
        pushed(desk, *rows, cid)
    assert targets(kit, "vip") == {frozenset({ANN, CID} if stays else {CID})}
    assert targets(kit, "gold") == {frozenset({ANN} if stays else set())}
    settled(desk)


@pytest.mark.parametrize("kit", MERGING, indirect=True)
@pytest.mark.sweep(keep=1)
def test_an_undo_brings_a_merged_contact_back(desk: Desk, kit: Kit) -> None:
    """Both rows leave the target, which takes one removal."""
    desk.setup([kit], {kit.name: kit.creates})
    cid = Person(CID)
    both = [Person(ANN), Person(BEA)]
    for _ in range(2):
        pushed(desk, *both, cid)
    kit.merge(ANN, BEA)
    for _ in range(2):
        desk.export([*both, cid])
        desk.push()
    pushed(desk, *(replace(one, vip=False) for one in both), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    options = Options(desk.folder / "segments.yaml", as_of=AS_OF, rehearse=True)
    with open_workspace(options) as workspace, open_state(workspace) as store:
        back = upkeep.undo(workspace, store, store.runs(1)[0].id)
        assert pushing.push(workspace, store, back).exit_code == 0
    assert targets(kit, "vip") == {frozenset({ANN, CID})}
    pushed(desk, *(replace(one, vip=False) for one in both), cid)
    assert targets(kit, "vip") == {frozenset({CID})}
    settled(desk)


SECONDARY = {"hubspot"}  # the merged contact answers to both addresses; elsewhere one of them belongs to nobody


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_why_tells_of_the_other_row_and_what_becomes_of_both(desk: Desk, readdressed: Kit) -> None:
    """Rows with other ids in the CRM: no column joins them, only the platform does."""
    desk.export([Person(ANN, vip=False, gold=True), Person(BEA, vip=True, name="Bea"), Person(CID)])
    options = Options(desk.folder / "segments.yaml", as_of=AS_OF, rehearse=True)
    with open_workspace(options) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        told = {email: why_json(why.why(workspace, email), ())["destinations"][0] for email in (ANN, BEA, CID)}
        words = why_text(why.why(workspace, ANN), (), workspace.config.zone)
    planned = {
        (row["op"], row["kind"], row["target"]) for row in plan.changes.to_pylist() if row["email"] in (ANN, BEA)
    }
    assert planned
    for email, other in ((ANN, BEA), (BEA, ANN)):
        assert {(row["op"], row["kind"], row["target"]) for row in told[email]["next_push"]} == planned
        assert told[email]["one_contact_with"] == [other]
    assert told[CID]["one_contact_with"] == []
    assert "one contact here with another row of the export, b…@example.com" in words
