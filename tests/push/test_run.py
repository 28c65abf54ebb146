"""A run from plan to ledger: order, batch counts, carriers, ids, progress."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import AccountLimit, BadRecords
from connector.core.events import Progress
from connector.core.model import Kind, Op, Outcome
from connector.platforms.base import Batch, RecordOutcome, TagStyle
from connector.state.base import RunState, Store

from .conftest import Pusher, ledger_members
from .fake import FakePlatform, capabilities, change, people

BY_ID = {"addressed_by": "id"}


def test_all_operations_reach_platform_and_ledger(push: Pusher, store: Store) -> None:
    held, new = people(15), people(12, 100)
    platform = FakePlatform()
    platform.hold(*held)
    for table in platform.lookup(held):
        store.observe("d", table)
    platform.groups[Kind.LIST, "old"] = set(held)
    store.remember_targets("d", {(Kind.LIST, "old"): "list:old"})
    result = push(
        platform,
        change(Op.ADD, held + new, Kind.TAG, "vip"),
        change(Op.REMOVE, held, Kind.LIST, "old"),
        change(Op.UPDATE, held),
        change(Op.CREATE, new),
        change(Op.RETIRE, held[:3]),
    )
    assert (result.state, result.exit_code, result.errors) == (RunState.DONE, 0, {})
    assert result.counts["d"]["add"] == {"applied": 27}
    assert platform.groups[Kind.TAG, "vip"] == set(held + new) == ledger_members(store, "tag", "vip")
    assert platform.groups[Kind.LIST, "old"] == set() == ledger_members(store, "list", "old")
    contacts = {row["email"]: row for row in store.ledger("d").contacts.to_pylist()}
    assert contacts[new[0]]["fields"] == contacts[held[5]]["fields"] == '{"NAME":"Ann"}'
    assert contacts[new[0]]["remote_id"] == f"id-{new[0]}"
    assert contacts[held[0]]["status"] == "archived"
    order = [batch.op for batch in platform.sent]
    assert order == sorted(order, key=[Op.CREATE, Op.UPDATE, Op.ADD, Op.REMOVE, Op.RETIRE].index) or {
        *order[order.index(Op.UPDATE) + 2 : -1]
    } == {Op.ADD, Op.REMOVE}


@pytest.mark.parametrize("size", [1, 9, 10, 11, 57])
def test_number_of_requests_is_the_least_possible(push: Pusher, size: int) -> None:
    platform = FakePlatform()
    platform.hold(*people(60))
    changes = [change(Op.ADD, people(size), Kind.TAG, name) for name in "ab"]
    changes += [change(Op.REMOVE, people(size, 1), Kind.LIST, "c"), change(Op.UPDATE, people(size))]
    platform.groups[Kind.LIST, "c"] = set(people(60))
    push(platform, pa.concat_tables(changes).take(list(range(0, 4 * size, 2)) + list(range(1, 4 * size, 2))))
    sent = Counter((batch.op, batch.target and batch.target.name) for batch in platform.sent)
    assert set(sent.values()) == {math.ceil(size / 10)}
    assert len(sent) == 4


def test_the_same_plan_again_is_stale_or_unchanged(push: Pusher, store: Store) -> None:
    platform = FakePlatform()
    platform.hold(*people(3))
    push(platform, change(Op.ADD, people(3), Kind.TAG, "vip"))
    before = store.revisions(["d"])
    push(platform, change(Op.ADD, [], Kind.TAG, "vip"))
    assert store.revisions(["d"]) == before
    assert len(platform.sent) == 1


def test_property_tags_ride_with_their_contact(push: Pusher, store: Store) -> None:
    held, new = people(4), people(3, 50)
    platform = FakePlatform(capabilities(TagStyle.PROPERTY), bad=frozenset({new[0]}))
    platform.hold(*held)
    platform.contacts[held[0]]["tags"] = {"old"}
    platform.groups[Kind.TAG, "old"] = set()
    result = push(
        platform,
        change(Op.UPDATE, held, fields=None),
        change(Op.CREATE, new),
        change(Op.ADD, held + new, Kind.TAG, "vip"),
        change(Op.ADD, held[:2], Kind.TAG, "plus"),
        change(Op.REMOVE, held[:1], Kind.TAG, "old"),
    )
    assert [batch.op for batch in platform.sent] == [Op.CREATE, Op.UPDATE]
    assert platform.contacts[held[0]]["tags"] == {"vip", "plus"}
    assert ledger_members(store, "tag", "vip") == {*held, *new[1:]} == platform.members_of(Kind.TAG, "vip")
    assert ledger_members(store, "tag", "plus") == set(held[:2])
    assert result.counts["d"]["add"] == {"applied": 8, "rejected": 1}
    assert result.exit_code == 1


def test_a_tag_without_carrier_waits_for_the_next_plan_and_stops_nobody(push: Pusher, store: Store) -> None:
    platform = FakePlatform(capabilities(TagStyle.PROPERTY))
    platform.hold(*people(3))
    result = push(platform, change(Op.UPDATE, people(2)), change(Op.ADD, people(3), Kind.TAG, "vip"))
    assert (result.exit_code, result.errors) == (0, {})
    assert result.counts["d"] == {"update": {"applied": 2}, "add": {"applied": 2, "skipped": 1}}
    assert ledger_members(store, "tag", "vip") == set(people(2)) == platform.members_of(Kind.TAG, "vip")


def test_ids_are_looked_up_once_in_bulk(push: Pusher, store: Store) -> None:
    slow = {"asynchronous": True}
    platform = FakePlatform(capabilities(specs={Op.CREATE: slow, Op.ADD: BY_ID, Op.REMOVE: BY_ID}), polls=3)
    known, unknown, new, gone = people(2), people(3, 10), people(4, 20), people(2, 30)
    platform.hold(*known, *unknown)
    platform.groups[Kind.LIST, "out"] = {known[0]}
    store.observe("d", next(platform.lookup(known)))
    platform.lookups.clear()
    result = push(
        platform,
        change(Op.CREATE, new),
        change(Op.ADD, known + unknown + new + gone, Kind.LIST, "in"),
        change(Op.ADD, new, Kind.LIST, "also"),
        change(Op.REMOVE, [*known, *gone], Kind.LIST, "out"),
    )
    assert platform.lookups == [sorted(unknown + new + gone)]
    assert platform.groups[Kind.LIST, "in"] == {*known, *unknown, *new} == ledger_members(store, "list", "in")
    assert result.counts["d"]["add"] == {"applied": 13, "skipped": 2}
    assert result.counts["d"]["remove"] == {"applied": 2, "unchanged": 2}
    contacts = {row["email"]: row["status"] for row in store.ledger("d").contacts.to_pylist()}
    assert contacts[gone[0]] == "absent"


def test_memberships_of_people_who_were_not_created_are_not_sent(push: Pusher, store: Store) -> None:
    new = people(5)
    platform = FakePlatform(bad=frozenset(new[:2]))
    result = push(platform, change(Op.CREATE, new), change(Op.ADD, new, Kind.TAG, "vip"))
    adds = [batch for batch in platform.sent if batch.op is Op.ADD]
    assert [batch.records.num_rows for batch in adds] == [3]
    assert result.counts["d"] == {"create": {"applied": 3, "rejected": 2}, "add": {"applied": 3, "skipped": 2}}
    codes = store.run_changes(result.run_id).filter(pa.compute.field("outcome") == "skipped")["code"].to_pylist()
    assert codes == ["not_created", "not_created"]


def test_known_targets_are_not_asked_for_and_lost_ones_settle_removals(push: Pusher, store: Store) -> None:
    platform = FakePlatform()
    platform.hold(*people(2))
    platform.groups[Kind.TAG, "known"] = set()
    store.remember_targets("d", {(Kind.TAG, "known"): "tag:known"})
    result = push(
        platform,
        change(Op.ADD, people(2), Kind.TAG, "known"),
        change(Op.ADD, people(2), Kind.TAG, "new"),
        change(Op.REMOVE, people(2), Kind.TAG, "vanished"),
    )
    assert [target.name for target in platform.ensured] == ["new"]
    assert result.counts["d"]["remove"] == {"unchanged": 2}
    assert store.target_ids("d") == {(Kind.TAG, "known"): "tag:known", (Kind.TAG, "new"): "tag:new"}


def test_destinations_are_independent(push: Pusher, store: Store) -> None:
    one, two = FakePlatform(), FakePlatform()
    one.hold(*people(3))
    two.hold(*people(3))
    changes = [change(Op.ADD, people(3), Kind.TAG, "vip", destination=name) for name in ("one", "two")]
    result = push({"one": one, "two": two}, *changes)
    assert result.counts == {"one": {"add": {"applied": 3}}, "two": {"add": {"applied": 3}}}
    assert ledger_members(store, "tag", "vip", "two") == set(people(3))
    assert store.revisions(["one", "two", "three"]) == {"one": 1, "two": 1, "three": 0}


def test_progress_tells_steps_without_addresses(push: Pusher) -> None:
    platform = FakePlatform()
    platform.hold(*people(25))
    push(platform, change(Op.ADD, people(25), Kind.TAG, "vip"))
    told = [event for event in push.events if isinstance(event, Progress) and "add" in event.step]
    assert sorted(event.done for event in told)[-1] == 25
    assert {(event.step, event.total) for event in told} == {("tag “vip” add", 25)}
    assert "@" not in repr(push.events)


def test_update_keeps_what_was_before(push: Pusher, store: Store) -> None:
    platform = FakePlatform()
    platform.hold(*people(1))
    push(platform, change(Op.UPDATE, people(1), fields='{"A":1,"B":2}'))
    result = push(platform, change(Op.UPDATE, people(1), fields='{"B":3,"A":null}'))
    row = store.run_changes(result.run_id).to_pylist()[0]
    assert (row["previous"], row["fields"]) == ('{"A":1,"B":2}', '{"B":3,"A":null}')
    assert store.ledger("d").contacts["fields"].to_pylist() == ['{"B":3}']


def test_somebody_created_just_now_that_the_index_does_not_show_yet_is_not_gone(push: Pusher, store: Store) -> None:
    slow = {"asynchronous": True}  # and tells no ids
    platform = FakePlatform(capabilities(specs={Op.CREATE: slow, Op.ADD: BY_ID}), polls=1)
    platform.hold(*people(1, 9))
    platform.lookup = lambda emails: iter([])  # type: ignore[method-assign,assignment]
    adds = change(Op.ADD, [*people(2), *people(1, 9)], Kind.LIST, "in")
    result = push(platform, change(Op.CREATE, people(2)), adds)
    assert result.counts["d"] == {"create": {"applied": 2}, "add": {"skipped": 3}}
    codes = {row["email"]: row["code"] for row in store.run_changes(result.run_id).to_pylist() if row["op"] == "add"}
    assert codes == {**dict.fromkeys(people(2), "not_visible"), **dict.fromkeys(people(1, 9), "not_held")}
    held = {row["email"]: row["status"] for row in store.ledger("d").contacts.to_pylist()}
    assert all(held[email] == "never_subscribed" for email in people(2))


def test_nor_is_one_whom_the_answer_calls_missing(push: Pusher, store: Store) -> None:
    """HubSpot's recordIdsMissing names contacts that were created seconds ago."""

    class Lagging(FakePlatform):
        def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
            if batch.op is Op.ADD:
                return RecordOutcome(index, Outcome.REJECTED, "not_held")
            return super()._take(batch, index, row)

    platform = Lagging()
    adds = change(Op.ADD, [*people(2), *people(1, 9)], Kind.LIST, "in")
    result = push(platform, change(Op.CREATE, people(2)), adds)
    codes = {row["email"]: row["code"] for row in store.run_changes(result.run_id).to_pylist() if row["op"] == "add"}
    assert codes == {**dict.fromkeys(people(2), "not_visible"), **dict.fromkeys(people(1, 9), "not_held")}
    assert all(row["status"] != "absent" for row in store.ledger("d").contacts.to_pylist() if row["email"] in people(2))


@pytest.mark.parametrize("whole", [False, True], ids=["per record", "as a whole"])
def test_a_full_plan_of_the_account_parks_nobody(push: Pusher, store: Store, whole: bool) -> None:
    text = "You have reached the contact limit of your plan. Please upgrade."

    class Full(FakePlatform):
        def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
            if batch.op is Op.CREATE and len(self.contacts) >= 3:
                return RecordOutcome(index, Outcome.REJECTED, "refused", text)
            return super()._take(batch, index, row)

    platform = Full()
    if whole:
        platform.trouble = lambda call, batch: BadRecords(text, {}, code="refused") if batch.op is Op.CREATE else None
    result = push(platform, change(Op.CREATE, people(5)))
    assert not store.ledger("d").rejects.num_rows
    assert result.exit_code == 4 and "contact limit" in str(result.errors["d"])
    assert result.counts["d"]["create"] == ({"failed": 5} if whole else {"applied": 3, "failed": 2})


@pytest.mark.parametrize("code", ["account_limit", "daily_limit"])
def test_a_full_plan_stops_creations_alone_and_asks_once(push: Pusher, store: Store, code: str) -> None:
    """What an allowance of requests does not allow, everything has to wait for."""
    platform = FakePlatform(capabilities(concurrency=1))
    platform.hold(*people(3, 100))
    trouble = AccountLimit("d: refused. It says: no more room.", destination="d", code=code)
    platform.trouble = lambda call, batch: trouble if batch.op is Op.CREATE else None
    adds = change(Op.ADD, [*people(35), *people(2, 100)], Kind.LIST, "in")
    result = push(platform, change(Op.CREATE, people(35)), change(Op.UPDATE, people(3, 100)), adds)
    assert [batch.op for batch in platform.sent].count(Op.CREATE) == 1 and result.exit_code == 4
    assert not store.ledger("d").rejects.num_rows
    if code == "daily_limit":
        assert result.counts["d"] == {"create": {"unsent": 35}, "update": {"unsent": 3}, "add": {"unsent": 37}}
    else:
        done = {"create": {"failed": 35}, "update": {"applied": 3}, "add": {"skipped": 35, "applied": 2}}
        assert result.counts["d"] == done and str(result.errors["d"]).endswith("by itself. It says: no more room.")
