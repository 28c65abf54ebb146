"""The inverse of a run: what takes back what, and what is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from connector.core.model import Kind, Op, Target
from connector.core.plan import Export, Plan
from connector.core.schemas import RUN_CHANGES
from connector.plan.assemble import assemble
from connector.plan.undo import Undone, part
from connector.platforms.base import RetireSpec, TagStyle
from connector.state.base import Ledger
from tests.plan.world import NOON, blocked, capabilities, changes, desired, ledger, routing

YES = {"status": "subscribed"}
VIP = {"kind": "tag", "target": "VIP"}
A, B, C = "a@example.com", "b@example.com", "c@example.com"


def undo(done: Sequence[Mapping[str, Any]], held: Ledger, people: Mapping[str, Any] | None = None, **more: Any) -> Plan:
    rows = [{"destination": "dest", "outcome": "applied", **row} for row in done]
    table = desired(people if people is not None else {email: {} for email in (A, B, C)}, ["vip"])
    route = routing(("vip", "tag", "VIP"), fields={"FNAME": "first"}, **more.pop("settings", {}))
    side = Undone(route, held, more.pop("can", capabilities()), more.pop("only", None))
    asked = part(pa.Table.from_pylist(rows, RUN_CHANGES), table, side, NOON)
    return assemble([asked], as_of=NOON, made_at=NOON, export=Export(table.num_rows))


def test_what_was_not_applied_is_not_taken_back() -> None:
    done = [{"op": "add", "email": A, **VIP, "outcome": outcome} for outcome in ("failed", "rejected", "skipped", None)]
    made = undo(done, ledger({A: YES}, {("tag", "VIP"): [A]}))
    assert not changes(made)


def test_those_who_were_there_before_stay() -> None:
    made = undo([{"op": "add", "email": A, **VIP, "outcome": "unchanged"}], ledger({A: YES}, {("tag", "VIP"): [A]}))
    assert not changes(made) and any("1 membership was there before the run and stays" in note for note in made.notes)


def test_each_operation_has_its_inverse() -> None:
    done = [
        {"op": "add", "email": A, **VIP},
        {"op": "remove", "email": B, **VIP},
        {"op": "adopt", "email": C, **VIP},
        {"op": "disown", "email": B, "kind": "list", "target": "L"},
    ]
    made = undo(done, ledger(dict.fromkeys((A, B, C), YES), {("tag", "VIP"): [A, C]}))
    assert changes(made) == {("remove", "VIP", A), ("add", "VIP", B), ("disown", "VIP", C), ("adopt", "L", B)}
    assert made.requests == {"dest": 2} and made.revisions == {"dest": 7}


@pytest.mark.parametrize("outcome", ["applied", "unchanged"])
@pytest.mark.parametrize("removed", [A, C])
def test_who_was_disowned_is_added_again_where_another_row_of_the_contact_was_removed(
    outcome: str, removed: str
) -> None:
    """The ledger claimed what is not there. A and B are one contact."""
    done = [{"op": "remove", "email": removed, **VIP, "outcome": outcome}, {"op": "disown", "email": B, **VIP}]
    held = ledger({A: {**YES, "remote_id": "1"}, B: {**YES, "remote_id": "1"}, C: {**YES, "remote_id": "2"}})
    made = undo(done, held)
    back = {("add", "VIP", C)} if removed == C and outcome == "applied" else set()
    assert changes(made) == {*back, ("add" if removed == A else "adopt", "VIP", B)}


def test_tags_that_are_a_property_get_their_carrier() -> None:
    held = ledger({A: YES}, {("tag", "VIP"): [A]})
    made = undo([{"op": "add", "email": A, **VIP}], held, can=capabilities(TagStyle.PROPERTY))
    assert changes(made) == {("update", None, A), ("remove", "VIP", A)}


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "suppressed", "archived", "absent"])
def test_who_came_out_passes_the_gate_to_come_back(status: str) -> None:
    made = undo([{"op": "remove", "email": A, **VIP}], ledger({A: {"status": status}}))
    assert not changes(made)
    assert blocked(made) == {("VIP", A, "not_held" if status == "absent" else status)}


def test_who_is_not_in_the_export_has_no_consent() -> None:
    made = undo([{"op": "remove", "email": A, **VIP}], ledger({A: YES}), people={})
    assert not changes(made) and blocked(made) == {("VIP", A, "no_consent")}


def test_fields_get_the_value_that_was_confirmed_before_unless_it_is_unknown_or_has_changed() -> None:
    sent, before = {"NAME": "New", "LTV": 12.5, "a'\"b": 1}, {"NAME": "Old", "a'\"b": 2}
    done = [
        {"op": "update", "email": email, "fields": json.dumps(sent), "previous": json.dumps(before)} for email in (A, B)
    ]
    later = sent | {"NAME": "Later"}
    held = ledger({A: {**YES, "fields": json.dumps(sent)}, B: {**YES, "fields": json.dumps(later)}})
    made = undo(done, held)
    found = {row["email"]: json.loads(row["fields"]) for row in made.changes.to_pylist()}
    assert found == {A: {"NAME": "Old", "a'\"b": 2}, B: {"a'\"b": 2}}
    assert "dest: 2 fields keep what the run wrote, since nobody knows what stood there before" in made.notes
    assert "dest: 1 was changed again since that run and is left alone" in made.notes


def test_a_lost_contact_is_not_touched() -> None:
    lost = {A: {"status": "absent", "fields": '{"N": 1}'}}
    done = [
        {"op": "add", "email": A, **VIP},
        {"op": "update", "email": A, "fields": '{"N": 1}', "previous": '{"N": 0}'},
    ]
    assert not changes(undo(done, ledger(lost, {("tag", "VIP"): [A]})))


def test_retired_contacts_are_named_with_the_way_back() -> None:
    can = replace(capabilities(), retire=RetireSpec("archive", True, "look there", "test"))
    made = undo([{"op": "retire", "email": A}], ledger({A: {"status": "archived"}}), can=can)
    assert "dest: 1 retired contact stays retired. By hand: look there." in made.notes


def test_nobody_who_was_unsubscribed_is_subscribed_again() -> None:
    can = capabilities()
    can = replace(can, operations={**can.operations, (Op.RESTORE, None): can.operations[Op.UPDATE, None]})
    made = undo([{"op": "unsubscribe", "email": A}], ledger({A: {"status": "unsubscribed"}}), can=can)
    assert not changes(made)
    assert "dest: 1 unsubscribed contact stays so: only the person can subscribe again" in made.notes


def test_the_same_guards_refuse() -> None:
    many = [f"p{n}@example.com" for n in range(200)]
    held = ledger(dict.fromkeys(many, YES), {("tag", "VIP"): many})
    half = undo([{"op": "add", "email": email, **VIP} for email in many[:100]], held)
    assert [hit.name for hit in half.guards] == ["removes"]
    everybody = undo([{"op": "add", "email": email, **VIP} for email in many], held)
    assert [hit.name for hit in everybody.guards] == ["empty"]


def test_only_some_targets_and_then_no_fields() -> None:
    done = [
        {"op": "add", "email": A, **VIP},
        {"op": "add", "email": A, "kind": "list", "target": "L"},
        {"op": "update", "email": A, "fields": '{"N": 1}', "previous": '{"N": 0}'},
    ]
    held = ledger({A: {**YES, "fields": '{"N": 1}'}}, {("tag", "VIP"): [A], ("list", "L"): [A]})
    made = undo(done, held, only=frozenset({Target("dest", Kind.LIST, "L")}))
    assert changes(made) == {("remove", "L", A)}
