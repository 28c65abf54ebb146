"""What may have arrived without an answer is asked for again, or taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from connector.config.sections.models import Guards
from connector.core.model import SyncMode
from connector.core.schemas import LEDGER_FIELDS, LEDGER_MEMBERSHIPS
from connector.platforms.base import TagStyle
from connector.state.base import Ledger
from tests.push.fake import capabilities

from .world import changes, desired, ledger, plan, routing

TAG = ("vip", "tag", "VIP")
ANN = "ann@example.com"


def doubtful(*emails: str, status: str = "subscribed", fields: str = "") -> Ledger:
    """A ledger that knows these people and whether any of them has the tag does not."""
    known = ledger({email: {"status": status, "fields": '{"NAME":"Ann"}'} for email in emails}, {("tag", "VIP"): []})
    pairs = [{"target": 1, "contact": number} for number in range(1, len(emails) + 1)]
    unsure = [{"contact": number, "fields": fields} for number in range(1, len(emails) + 1) if fields]
    return replace(
        known,
        doubtful=pa.Table.from_pylist(pairs, LEDGER_MEMBERSHIPS),
        doubtful_fields=pa.Table.from_pylist(unsure, LEDGER_FIELDS),
    )


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ({"in": ["vip"]}, {("add", "VIP", ANN)}),
        ({"in": []}, {("remove", "VIP", ANN)}),
        ({"in": ["vip"], "consent": False}, {("remove", "VIP", ANN)}),
        (None, {("remove", "VIP", ANN)}),
    ],
    ids=["wanted", "not wanted", "without consent", "gone from the export"],
)
def test_a_doubtful_membership_is_settled_either_way(person: dict[str, Any] | None, expected: set[Any]) -> None:
    export = desired({ANN: person} if person else {}, ["vip"])
    assert changes(plan(export, routing(TAG), doubtful(ANN))) == expected


def test_the_removal_rides_in_an_update_where_tags_are_a_property() -> None:
    made = plan(desired({ANN: {"in": []}}, ["vip"]), routing(TAG), doubtful(ANN), can=capabilities(TagStyle.PROPERTY))
    assert changes(made) == {("remove", "VIP", ANN), ("update", None, ANN)}


@pytest.mark.parametrize(("mode", "status"), [(SyncMode.ADDITIVE, "subscribed"), (SyncMode.MIRROR, "absent")])
def test_nothing_is_taken_from_a_target_that_only_grows_or_from_nobody(mode: SyncMode, status: str) -> None:
    made = plan(desired({ANN: {"in": []}}, ["vip"]), routing(TAG, mode=mode), doubtful(ANN, status=status))
    assert changes(made) == set()


@pytest.mark.parametrize(
    ("name", "expected"), [("Ann", '{"NAME":"Ann"}'), (None, '{"NAME":null}'), ("Bo", '{"NAME":"Bo"}')]
)
def test_a_doubtful_field_is_sent_whatever_was_confirmed_before(name: str | None, expected: str) -> None:
    people = {ANN: {"in": ["vip"], "name": name}, "bo@example.com": {"in": ["vip"], "name": "Bo"}}
    held = doubtful(ANN, fields='{"NAME":"Eve"}')
    made = plan(desired(people, ["vip"]), routing(TAG, fields={"NAME": "name"}), held)
    assert {row["fields"] for row in made.changes.to_pylist() if row["op"] == "update"} == {expected}


def test_doubtful_members_neither_count_as_held_nor_hide_from_the_guard() -> None:
    people = [f"p{number}@example.com" for number in range(30)]
    guards = Guards(removes=20, floor=0)
    made = plan(desired({}, ["vip"]), routing(TAG, guards=guards), doubtful(*people))
    (hit,) = made.guards
    assert hit.name == "removes"
    assert "30 of 0 members" in hit.message


@pytest.mark.parametrize("certain", [False, True])
def test_of_a_contact_with_two_addresses_only_what_was_confirmed_becomes_the_other_ones(certain: bool) -> None:
    former, now = "former@example.com", ANN
    rows = {email: {"status": "subscribed", "remote_id": "1"} for email in (former, now)}
    held = ledger(rows, {("tag", "VIP"): [former] if certain else []})
    if not certain:
        held = replace(held, doubtful=pa.Table.from_pylist([{"target": 1, "contact": 1}], LEDGER_MEMBERSHIPS))
    found = changes(plan(desired({now: {"in": []}}, ["vip"]), routing(TAG), held))
    assert ("remove", "VIP", now) in found and (("adopt", "VIP", now) in found) is certain
