"""Rows of one contact, of which one is an address that the contact has no more."""

from __future__ import annotations

from typing import Any

import pytest

from .world import changes, desired, ledger, plan, routing

VIP, LIST = ("vip", "tag", "VIP"), ("vip", "list", "Readers")
OLD, NOW = "old@example.com", "now@example.com"


def held(**old: Any) -> Any:
    """`NOW` is in everything, under the id that `OLD` had as well."""
    rows = {OLD: {"status": "subscribed", "remote_id": "1"} | old, NOW: {"status": "subscribed", "remote_id": "1"}}
    return ledger(rows, {("tag", "VIP"): [NOW], ("list", "Readers"): [NOW]})


@pytest.mark.parametrize("wanted", [True, False])
def test_a_new_contact_under_a_former_address_is_another_one(wanted: bool) -> None:
    export = desired({OLD: {"in": ["vip"] if wanted else [], "at": None}}, ["vip"])
    found = changes(plan(export, routing(VIP, LIST, new_contacts="transactional"), held(status="absent")))
    left = {("remove", name, NOW) for name in ("VIP", "Readers")}
    new = {("create", None, OLD), ("add", "VIP", OLD), ("add", "Readers", OLD)}
    assert found == (left | new if wanted else left)


def test_somebody_else_who_has_the_former_address_now_gets_nothing_of_the_contacts() -> None:
    export = desired({OLD: {"in": []}, NOW: {"in": ["vip"]}}, ["vip"])
    others = changes(plan(export, routing(VIP, LIST, new_contacts="transactional"), held(status="absent")))
    assert not {op for op, _, who in others if who == OLD}
    export = desired({OLD: {"in": ["vip"], "consent": True}, NOW: {"in": [], "consent": False}}, ["vip"])
    found = changes(plan(export, routing(VIP, LIST, new_contacts="transactional"), held(status="absent")))
    assert found >= {("create", None, OLD), ("add", "VIP", OLD), ("remove", "VIP", NOW)}


def test_while_the_contact_answers_to_both_they_are_one() -> None:
    export = desired({OLD: {"in": ["vip"]}}, ["vip"])
    found = changes(plan(export, routing(VIP, LIST), held()))
    assert not {(op, who) for op, _, who in found} & {("add", OLD), ("remove", NOW), ("create", OLD)}
    assert ("adopt", "VIP", OLD) in found
