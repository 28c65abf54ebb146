"""Desired minus ledger: who is added, removed, created, changed, adopted and blocked."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from connector.core.model import Kind, NewContacts, SyncMode
from connector.plan.routes import route
from connector.platforms.base import TagStyle
from tests.config.helpers import load
from tests.plan.world import blocked, capabilities, changes, desired, ledger, plan, routing

YES = {"status": "subscribed"}
VIP = ("vip", "tag", "VIP")


def test_adds_what_is_missing_and_removes_what_we_added_and_nothing_else() -> None:
    people = {"new@example.com": {"in": ["vip"]}, "stays@example.com": {"in": ["vip"]}, "out@example.com": {}}
    held = ledger(
        dict.fromkeys([*people, "others@example.com"], YES), {("tag", "VIP"): ["stays@example.com", "out@example.com"]}
    )
    made = plan(desired(people, ["vip"]), routing(VIP), held)
    assert changes(made) == {("add", "VIP", "new@example.com"), ("remove", "VIP", "out@example.com")}


def test_a_person_who_left_the_export_leaves_the_target() -> None:
    held = ledger({"gone@example.com": YES}, {("tag", "VIP"): ["gone@example.com"]})
    assert changes(plan(desired({}, ["vip"]), routing(VIP), held)) == {("remove", "VIP", "gone@example.com")}


def test_no_change_when_ledger_and_desired_agree() -> None:
    held = ledger({"a@example.com": YES}, {("tag", "VIP"): ["a@example.com"]})
    made = plan(desired({"a@example.com": {"in": ["vip"]}}, ["vip"]), routing(VIP), held)
    assert made.changes.num_rows == 0 and made.requests == {"dest": 0}


def test_additive_never_removes() -> None:
    held = ledger({"out@example.com": YES}, {("tag", "VIP"): ["out@example.com"]})
    made = plan(desired({"out@example.com": {}}, ["vip"]), routing(VIP, mode=SyncMode.ADDITIVE), held)
    assert made.changes.num_rows == 0


@pytest.mark.parametrize("status", ["unsubscribed", "bounced", "complained", "suppressed", "archived", "forgotten"])
@pytest.mark.parametrize("policy", list(NewContacts))
def test_who_opted_out_is_blocked_whatever_the_export_and_the_policy_say(status: str, policy: NewContacts) -> None:
    said_no = datetime(2026, 10, 2, tzinfo=UTC)
    held = ledger({"no@example.com": {"status": status, "status_at": said_no}})
    table = desired({"no@example.com": {"in": ["vip"], "at": said_no, "first": "N"}}, ["vip"])
    made = plan(table, routing(VIP, new_contacts=policy, fields={"FNAME": "first"}), held)
    assert made.changes.num_rows == 0
    assert blocked(made) == {("VIP", "no@example.com", status)}
    assert made.blocked["since"].to_pylist() == [said_no]


def test_withdrawn_consent_blocks_and_takes_people_out() -> None:
    people = {"in@example.com": {"in": ["vip"], "consent": False}, "new@example.com": {"in": ["vip"], "consent": False}}
    held = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): ["in@example.com"]})
    made = plan(desired(people, ["vip"]), routing(VIP), held)
    assert changes(made) == {("remove", "VIP", "in@example.com")}
    assert blocked(made) == {("VIP", "new@example.com", "no_consent")}


def test_removal_is_never_blocked() -> None:
    held = ledger({"no@example.com": {"status": "unsubscribed"}}, {("tag", "VIP"): ["no@example.com"]})
    made = plan(desired({"no@example.com": {}}, ["vip"]), routing(VIP), held)
    assert changes(made) == {("remove", "VIP", "no@example.com")}


def test_unknown_contacts_are_skipped_unless_the_policy_creates_them() -> None:
    table = desired({"new@example.com": {"in": ["vip"], "at": datetime(2026, 1, 1, tzinfo=UTC)}}, ["vip"])
    held = ledger({"new@example.com": {"status": "absent"}})
    assert blocked(plan(table, routing(VIP), held)) == {("VIP", "new@example.com", "not_held")}
    made = plan(table, routing(VIP, new_contacts="subscribed"), held)
    assert changes(made) == {("create", None, "new@example.com"), ("add", "VIP", "new@example.com")}
    row = made.changes.to_pylist()[1]
    assert (row["new_status"], row["consent_source"]) == ("subscribed", "form")


def test_nobody_is_created_as_subscribed_without_dated_proof() -> None:
    table = desired({"new@example.com": {"in": ["vip"]}}, ["vip"])
    made = plan(table, routing(VIP, new_contacts="subscribed"), ledger())
    assert blocked(made) == {("VIP", "new@example.com", "no_proof")} and made.changes.num_rows == 0


def test_fields_go_out_only_where_they_differ_and_only_for_people_sent_there() -> None:
    people = {
        "same@example.com": {"in": ["vip"], "first": "A", "ltv": 12.5},
        "other@example.com": {"in": ["vip"], "first": "B", "ltv": 1.0},
        "cleared@example.com": {"in": ["vip"], "first": None, "ltv": None},
        "outside@example.com": {"first": "C", "ltv": 9.0},
    }
    sent = '{"FNAME": "A", "LTV": 12.50}'
    contacts = {email: {**YES, "fields": sent} for email in people if email != "outside@example.com"}
    held = ledger(contacts | {"outside@example.com": YES}, {("tag", "VIP"): list(contacts)})
    made = plan(desired(people, ["vip"]), routing(VIP, fields={"FNAME": "first", "LTV": "ltv"}), held)
    found = {row["email"]: json.loads(row["fields"]) for row in made.changes.to_pylist()}
    assert found == {
        "other@example.com": {"FNAME": "B", "LTV": 1.0},
        "cleared@example.com": {"FNAME": None, "LTV": None},
    }


@pytest.mark.parametrize(("was", "now", "count"), [("120.0", 120, 0), ("120", 120.0, 0), ("120.5", 121, 1)])
def test_a_column_that_loses_its_decimals_changes_nobody_but_those(was: str, now: float, count: int) -> None:
    people = {"a@example.com": {"in": ["vip"], "ltv": now}}
    held = ledger({"a@example.com": {**YES, "fields": f'{{"LTV": {was}}}'}}, {("tag", "VIP"): ["a@example.com"]})
    made = plan(desired(people, ["vip"]), routing(VIP, fields={"LTV": "ltv"}), held)
    assert made.changes.num_rows == count


def test_enrich_sends_fields_and_never_creates_or_touches_memberships() -> None:
    people = {"held@example.com": {"in": ["vip"], "first": "A"}, "new@example.com": {"in": ["vip"], "first": "B"}}
    held = ledger({"held@example.com": YES, "new@example.com": {"status": "absent"}})
    route = routing(enriched=["vip"], new_contacts="transactional", fields={"FNAME": "first"})
    assert changes(plan(desired(people, ["vip"]), route, held)) == {("update", None, "held@example.com")}


def test_people_found_in_a_new_target_are_adopted_not_added_again() -> None:
    people = {"there@example.com": {"in": ["vip"]}, "new@example.com": {"in": ["vip"]}}
    held = ledger(dict.fromkeys(people, YES))
    made = plan(
        desired(people, ["vip"]), routing(VIP), held, observed=[(0, "there@example.com"), (0, "others@example.com")]
    )
    assert changes(made) == {("adopt", "VIP", "there@example.com"), ("add", "VIP", "new@example.com")}
    assert made.requests == {"dest": 1}


def test_property_tags_travel_in_one_update_per_contact() -> None:
    people = {"a@example.com": {"in": ["vip", "old"]}, "b@example.com": {}}
    held = ledger(dict.fromkeys(people, YES), {("tag", "vip"): ["b@example.com"], ("tag", "old"): []})
    route = routing(("vip", "tag", "vip"), ("old", "tag", "old"))
    made = plan(desired(people, ["vip", "old"]), route, held, can=capabilities(TagStyle.PROPERTY))
    assert changes(made) == {
        ("add", "vip", "a@example.com"),
        ("add", "old", "a@example.com"),
        ("remove", "vip", "b@example.com"),
        ("update", None, "a@example.com"),
        ("update", None, "b@example.com"),
    }
    assert made.requests == {"dest": 1}


def test_requests_are_the_sum_of_full_batches_per_target_and_operation() -> None:
    people = {f"p{n}@example.com": {"in": ["vip", "all"]} for n in range(11)}
    held = ledger(
        dict.fromkeys([*people, "x@example.com"], YES), {("tag", "VIP"): ["x@example.com"], ("list", "All"): []}
    )
    route = routing(VIP, ("all", "list", "All"))
    made = plan(
        desired(people, ["vip", "all"]), route, held, can=capabilities(batch=5), new_targets={(Kind.LIST, "All")}
    )
    assert made.requests == {"dest": 3 + 3 + 1 + 1}


def test_a_new_target_that_nobody_joins_is_not_made_and_not_counted() -> None:
    people = {"a@example.com": {"in": ["vip"]}}
    route = routing(VIP, ("all", "list", "All"), ("none", "tag", "None"))
    new = {(Kind.TAG, "VIP"), (Kind.TAG, "None"), (Kind.LIST, "All")}
    for style, requests in ((TagStyle.MEMBERSHIP, 1 + 1), (TagStyle.PROPERTY, 1 + 1)):  # the tag; adding, or an update
        held = ledger(dict.fromkeys(people, YES))
        made = plan(desired(people, ["vip", "all", "none"]), route, held, can=capabilities(style), new_targets=new)
        assert made.requests == {"dest": requests}


def test_more_targets_than_bits_of_one_integer() -> None:
    names = [f"s{n}" for n in range(130)]
    people = {"a@example.com": {"in": names[::2]}, "b@example.com": {"in": names[125:]}}
    held = ledger(dict.fromkeys(people, YES), {("tag", name): ["b@example.com"] for name in names})
    made = plan(desired(people, names), routing(*((name, "tag", name) for name in names)), held)
    adds = {("add", name, "a@example.com") for name in names[::2]}
    removes = {("remove", name, "b@example.com") for name in names[:125]}
    assert changes(made) == adds | removes


def test_limit_keeps_the_first_people_with_all_of_their_changes() -> None:
    people = {f"p{n}@example.com": {"in": ["vip", "all"]} for n in range(9)}
    held = ledger(dict.fromkeys([f"p{n}@example.com" for n in range(2)], YES))
    route = routing(VIP, ("all", "list", "All"), new_contacts="transactional")
    made = plan(desired(people, ["vip", "all"]), route, held, limit=3)
    found = changes(made)
    assert {email for op, _, email in found if op == "create"} == {"p2@example.com"}
    for name in ("VIP", "All"):
        assert {email for op, target, email in found if target == name} == {f"p{n}@example.com" for n in range(3)}
    assert made.irreversible == {"dest": {"create": 1}}
    assert any("--limit 3" in note for note in made.notes)


def test_limit_is_cut_after_the_guards_have_looked_at_the_whole_plan() -> None:
    """A limited push of a segment that lost everybody would drain its list, a few people at a time."""
    people = [f"p{n}@example.com" for n in range(200)]
    held = ledger(dict.fromkeys(people, YES), {("tag", "VIP"): people})
    made = plan(desired({email: {} for email in people}, ["vip"]), routing(VIP), held, limit=5)
    assert [hit.name for hit in made.guards] == ["empty"]
    assert made.changes.num_rows == 5 and made.requests == {"dest": 1}


def test_a_parked_person_is_not_tried_again_and_is_shown() -> None:
    contacts = {"bad@example.com": {"status": "absent"}, "half@example.com": YES}
    people = {"bad@example.com": {"in": ["vip"]}, "half@example.com": {"in": ["vip", "all"]}}
    route = routing(VIP, ("all", "list", "All"), new_contacts="transactional", fields={"FNAME": "first"})
    first = plan(desired(_named(people, "A"), ["vip", "all"]), route, ledger(contacts))
    hashes = {row["email"]: row["row_hash"] for row in first.changes.to_pylist()}
    rejects = [
        {"email": "bad@example.com", "op": "create", "code": "invalid_email"},
        {"email": "half@example.com", "op": "add", "kind": "tag", "target": "VIP", "code": "refused"},
    ]
    rejects = [{**row, "row_hash": hashes[row["email"]]} for row in rejects]
    held = ledger(contacts, rejects=rejects)
    made = plan(desired(_named(people, "A"), ["vip", "all"]), route, held)
    assert changes(made) == {("add", "All", "half@example.com"), ("update", None, "half@example.com")}
    assert blocked(made) == {("VIP", "bad@example.com", "rejected"), ("VIP", "half@example.com", "rejected")}

    changed_row = plan(desired(_named(people, "B"), ["vip", "all"]), route, held)
    assert changes(changed_row) == changes(first)
    once_more = plan(
        desired(_named(people, "A"), ["vip", "all"]),
        route,
        ledger(contacts, rejects=[{**row, "row_hash": None} for row in rejects]),
    )
    assert changes(once_more) == changes(first)


def _named(people: dict[str, dict[str, list[str]]], first: str) -> dict[str, dict[str, object]]:
    return {email: {**person, "first": first} for email, person in people.items()}


def test_an_absent_contact_is_created_and_added_again() -> None:
    held = ledger({"lost@example.com": {"status": "absent"}}, {("tag", "VIP"): ["lost@example.com"]})
    made = plan(
        desired({"lost@example.com": {"in": ["vip"]}}, ["vip"]), routing(VIP, new_contacts="transactional"), held
    )
    assert changes(made) == {("create", None, "lost@example.com"), ("add", "VIP", "lost@example.com")}


def test_orphans_are_left_alone_and_named() -> None:
    held = ledger({"a@example.com": YES}, {("tag", "Old"): ["a@example.com"]})
    made = plan(desired({"a@example.com": {}}, ["vip"]), routing(VIP), held)
    assert made.changes.num_rows == 0 and "Old" in made.notes[0]


def test_a_removal_waits_while_a_contact_is_archived() -> None:
    held = ledger(
        {"a@x.test": {"status": "archived"}, "b@x.test": {"status": "unsubscribed"}},
        {("tag", "VIP"): ["a@x.test", "b@x.test"]},
    )
    made = plan(desired({"a@x.test": {}, "b@x.test": {}}, ["vip"]), routing(("vip", "tag", "VIP")), held, limit=None)
    assert changes(made) == {("remove", "VIP", "b@x.test")}
    assert blocked(made) == {("VIP", "a@x.test", "archived_later")}


def test_a_target_of_a_segment_that_is_paused_or_left_out_is_no_orphan() -> None:
    text = """
version: 1
sources: {contacts: {file: contacts.csv, email: email}}
destinations: {dest: {platform: mailchimp, api_key: "${KEY}", audience: A}}
segments:
  vip: {when: {email: {exists: true}}, send_to: {dest: {tag: VIP}}}
  idle: {paused: true, when: {email: {exists: true}}, send_to: {dest: {tag: Idle}}}
"""
    config = load(text)
    members = {("tag", "VIP"): [], ("tag", "Idle"): [], ("tag", "Old"): []}
    for only in ((), ("nothing",)):
        made = plan(desired({}, ["vip"]), route(config, config.destinations["dest"], only), ledger({}, members))
        assert [note for note in made.notes if "no segment in the file" in note] == [
            "dest: tag “Old” has no segment in the file any more and is left as it is."
        ]
