"""People with a new address under the same CRM id: what the plan makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from connector.core.model import Op, Status
from connector.core.plan import Plan
from connector.plan.diff import moves
from connector.platforms.base import Capabilities, OpSpec
from connector.report import plan as report
from tests.plan.world import blocked, capabilities, changes, desired, ledger, plan, routing

OLD, NEW = "old@example.com", "new@example.com"
VIP = ("vip", "tag", "VIP")
IN = {"in": ["vip"]}
HELD = {"status": "subscribed", "remote_id": "1", "person": "42"}
ABSENT = {"status": "absent", "person": "42"}
THEN = datetime(2026, 10, 2, tzinfo=UTC)


def can(move: bool = True) -> Capabilities:
    known = capabilities()
    spec = OpSpec(100, None, "id", False, False, False, True, "test")
    return replace(known, operations={**known.operations, (Op.MOVE, None): spec}) if move else known


def made(
    people: Mapping[str, Mapping[str, Any]],
    contacts: Mapping[str, Mapping[str, Any]],
    *,
    persons: Mapping[str, str | None] | None = None,
    offered: bool = True,
    rejects: Any = (),
    **settings: Any,
) -> Plan:
    table = desired(people, ["vip"])
    ids = {NEW: "42"} | dict(persons or {})
    table = table.append_column("person", pa.array([ids.get(email) for email in people], pa.string()))
    members = {("tag", "VIP"): [email for email in contacts if email != NEW]}
    policy = {"new_contacts": "transactional"} | settings
    return plan(table, routing(VIP, **policy), ledger(contacts, members, rejects), can=can(offered))


def test_the_contact_moves_and_keeps_what_it_has() -> None:
    result = made({NEW: IN}, {OLD: HELD, NEW: ABSENT})
    assert changes(result) == {("move", None, NEW)}
    assert result.changes["old_email"].to_pylist() == [OLD]
    assert result.requests == {"dest": 1}
    assert report.totals(result)["moves"] == 1
    assert "→1 with a new address" in report.text(result, ZoneInfo("Europe/Berlin"))


def test_what_else_changes_goes_to_the_new_address() -> None:
    people = {NEW: {"in": ["vip"], "first": "Ann"}}
    result = made(people, {OLD: {**HELD, "fields": '{"FNAME": "Anna"}'}, NEW: ABSENT}, fields={"FNAME": "first"})
    assert changes(result) == {("move", None, NEW), ("update", None, NEW)}


def test_where_the_platform_cannot_the_old_goes_and_the_new_comes_by_the_policy() -> None:
    result = made({NEW: IN}, {OLD: HELD, NEW: ABSENT}, offered=False)
    assert changes(result) == {("remove", "VIP", OLD), ("create", None, NEW), ("add", "VIP", NEW)}
    assert changes(made({NEW: IN}, {OLD: HELD, NEW: ABSENT}, offered=False, new_contacts="skip")) == {
        ("remove", "VIP", OLD)
    }


@pytest.mark.parametrize("offered", [True, False])
@pytest.mark.parametrize("status", ["unsubscribed", "complained", "suppressed", "archived", "forgotten"])
def test_an_opt_out_under_the_old_address_holds_for_the_new_one(status: str, offered: bool) -> None:
    contacts = {OLD: {**HELD, "status": status, "status_at": THEN}, NEW: ABSENT}
    result = made({NEW: IN}, contacts, offered=offered)
    later = status == "archived"  # nothing reaches them meanwhile
    assert changes(result) == (set() if later else {("remove", "VIP", OLD)})
    assert blocked(result) == {("VIP", NEW, status)} | ({("VIP", OLD, "archived_later")} if later else set())
    assert set(result.blocked["since"].to_pylist()) == {THEN}


def test_an_opt_out_holds_too_when_others_created_the_new_address_but_not_when_the_person_subscribed_it() -> None:
    said_no = {**HELD, "status": "unsubscribed", "status_at": THEN}
    made_by_others = made({NEW: IN}, {OLD: said_no, NEW: {"status": "never_subscribed", "remote_id": "2"}})
    assert blocked(made_by_others) == {("VIP", NEW, "unsubscribed")}
    by_themselves = made({NEW: IN}, {OLD: said_no, NEW: {"status": "subscribed", "remote_id": "2"}})
    assert changes(by_themselves) == {("remove", "VIP", OLD), ("add", "VIP", NEW)}


def test_a_bounce_was_about_the_address() -> None:
    result = made({NEW: IN}, {OLD: {**HELD, "status": "bounced"}, NEW: ABSENT})
    assert changes(result) == {("remove", "VIP", OLD), ("create", None, NEW), ("add", "VIP", NEW)}


def test_the_opt_outs_of_two_former_addresses_are_both_heard() -> None:
    contacts = {OLD: HELD, "older@example.com": {**HELD, "status": "unsubscribed", "remote_id": "0"}, NEW: ABSENT}
    result = made({NEW: IN}, contacts)
    assert blocked(result) == {("VIP", NEW, "unsubscribed")}
    assert "move" not in {op for op, _, _ in changes(result)}


def test_two_addresses_of_one_contact_are_one_move_and_nobody_is_taken_out() -> None:
    """HubSpot: the new address is a second one of the same contact."""
    result = made({NEW: IN}, {OLD: HELD, NEW: {**HELD, "status": "subscribed"}})
    assert changes(result) == {("move", None, NEW)}


@pytest.mark.parametrize(
    ("people", "contacts", "persons"),
    [
        ({NEW: IN, OLD: IN}, {OLD: HELD, NEW: ABSENT}, {OLD: "42"}),  # the old address is still in the export
        ({NEW: IN}, {OLD: {**HELD, "person": None}, NEW: ABSENT}, {}),  # nobody knows who the old one was
        ({NEW: IN}, {OLD: HELD, NEW: ABSENT}, {NEW: None}),  # nor the new one
        ({NEW: IN, "b@example.com": IN}, {OLD: HELD, NEW: ABSENT}, {"b@example.com": "42"}),  # which of the two?
        ({NEW: {**IN, "consent": False}}, {OLD: HELD, NEW: ABSENT}, {}),
        ({NEW: {}}, {OLD: HELD, NEW: ABSENT}, {}),  # in no segment of this destination
        ({NEW: IN}, {OLD: HELD, NEW: {**HELD, "remote_id": "2"}}, {}),  # the platform holds both
        ({NEW: IN}, {OLD: {**HELD, "status": "absent"}, NEW: ABSENT}, {}),
    ],
)
def test_who_does_not_move(people: Any, contacts: Any, persons: Any) -> None:
    assert "move" not in {op for op, _, _ in changes(made(people, contacts, persons=persons))}


def test_a_refused_move_is_not_tried_again() -> None:
    rejects = [{"email": NEW, "op": "move", "code": "invalid_email"}]
    result = made({NEW: IN}, {OLD: HELD, NEW: ABSENT}, rejects=rejects)
    assert changes(result) == {("remove", "VIP", OLD), ("create", None, NEW), ("add", "VIP", NEW)}


def test_many_moves_at_once_are_refused_by_a_guard() -> None:
    """As when another CRM reassigns the ids."""
    people = {f"new{number}@example.com": IN for number in range(100)}
    contacts = {
        f"old{number}@example.com": {**HELD, "person": f"{number}", "remote_id": f"{number}"} for number in range(100)
    }
    contacts |= {email: {"status": "absent"} for email in people}
    table = desired(people, ["vip"]).append_column("person", pa.array([str(n) for n in range(100)]))
    result = plan(table, routing(VIP), ledger(contacts), can=can())
    assert [hit.name for hit in result.guards] == ["moves"]


def test_limit_keeps_a_move_with_what_follows_from_it() -> None:
    people = {f"new{n}@example.com": {"in": ["vip"], "first": "Ann"} for n in range(4)}
    contacts = {
        f"old{n}@example.com": {**HELD, "person": f"{n}", "remote_id": f"{n}", "fields": "{}"} for n in range(4)
    }
    contacts |= {email: {"status": "absent"} for email in people}
    table = desired(people, ["vip"]).append_column("person", pa.array([str(n) for n in range(4)]))
    result = plan(table, routing(VIP, fields={"FNAME": "first"}), ledger(contacts), can=can(), limit=2)
    moved = {email for op, _, email in changes(result) if op == "move"}
    assert len(moved) == 2
    assert {email for _, _, email in changes(result)} == moved


def test_who_is_who_is_remembered_where_it_is_new() -> None:
    table = desired({OLD: IN, NEW: IN}, ["vip"]).append_column("person", pa.array(["42", "43"]))
    known = ledger({OLD: HELD, NEW: {"status": "absent", "person": "7"}, "x@example.com": HELD})
    assert moves.people(table, known).to_pylist() == [{"email": NEW, "person": "43"}]
    assert Status.BOUNCED not in moves.NO_OF_PERSON
