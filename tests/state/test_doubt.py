"""What was sent and never answered: the ledger neither claims nor denies it."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core.model import Kind
from connector.state.base import BatchState, Ledger, RunState
from connector.state.store import SqlStore

from .conftest import changes, columns, contacts, open_run
from .test_store import answers

WHO = "a@example.com"
IN_LIST: dict[str, Any] = {"email": WHO, "kind": "list", "target": "in"}


def settle(store: SqlStore, row: dict[str, Any], outcome: str, code: str = "") -> Ledger:
    """The ledger after a run of one change."""
    with store.lease("test"):
        run = open_run(store, changes(row))
        for step in store.journal.steps(run, "d"):
            store.journal.settle(step, answers((step.first_seq, outcome, code)))
        store.journal.finish(run, RunState.DONE, {})
    return store.ledger("d")


def held(ledger: Ledger) -> tuple[int, int]:
    """Memberships that are certain, and unknown ones."""
    return ledger.memberships.num_rows, ledger.doubtful.num_rows


@pytest.fixture
def held_store(store: SqlStore) -> SqlStore:
    store.observe("d", contacts({"email": WHO, "remote_id": "1", "status": "subscribed"}))
    return store


@pytest.mark.parametrize("op", ["add", "remove"])
@pytest.mark.parametrize(("answer", "then"), [("add", (1, 0)), ("remove", (0, 0))])
def test_a_membership_is_unknown_until_the_next_answer(
    held_store: SqlStore, op: str, answer: str, then: tuple[int, int]
) -> None:
    settle(held_store, {"op": "add", **IN_LIST}, "applied")
    assert held(settle(held_store, {"op": op, **IN_LIST}, "failed", "no_answer")) == (0, 1)
    assert held(settle(held_store, {"op": answer, **IN_LIST}, "unchanged")) == then


def test_a_target_that_is_gone_leaves_no_doubt(held_store: SqlStore) -> None:
    assert held(settle(held_store, {"op": "add", **IN_LIST}, "failed", "target_gone")) == (0, 0)


def test_fields_are_unknown_until_all_of_them_are_confirmed(held_store: SqlStore) -> None:
    def update(fields: str, outcome: str) -> list[Any]:
        row = {"op": "update", "email": WHO, "fields": fields}
        return settle(held_store, row, outcome).doubtful_fields["fields"].to_pylist()

    assert update('{"NAME":"Ann","CITY":null}', "failed") == ['{"NAME":"Ann","CITY":null}']
    assert update('{"NAME":"Bo"}', "applied") == ['{"NAME":"Ann","CITY":null}']
    assert update('{"NAME":"Bo","CITY":null}', "applied") == []


@pytest.mark.parametrize(("status", "then"), [("subscribed", "absent"), ("unsubscribed", "unsubscribed")])
def test_doubts_about_a_lost_contact_wait_until_the_platform_holds_it_again(
    held_store: SqlStore, status: str, then: str
) -> None:
    settle(held_store, {"op": "add", **IN_LIST}, "applied")
    held_store.observe("d", contacts({"email": WHO, "remote_id": "1", "status": status}))
    ledger = settle(held_store, {"op": "update", "email": WHO, "fields": '{"NAME":"Ann"}'}, "skipped", "not_held")
    assert held(ledger) == (0, 0)
    assert columns(ledger.contacts, "status", "fields") == [(then, None)]
    for told in ({"status": "absent"}, {"status": "unsubscribed"}):  # an opt-out of an address without contact
        held_store.observe("d", contacts({"email": WHO, **told}))
        assert held(held_store.ledger("d")) == (0, 0)
    held_store.observe("d", contacts({"email": WHO, "remote_id": "2", "status": status}))
    assert held(held_store.ledger("d")) == (0, 1)


def test_a_lost_contact_that_is_created_starts_without_doubts(held_store: SqlStore) -> None:
    settle(held_store, {"op": "add", **IN_LIST}, "applied")
    settle(held_store, {"op": "update", "email": WHO, "fields": '{"NAME":"Ann"}'}, "skipped", "not_held")
    created = settle(held_store, {"op": "create", "email": WHO, "new_status": "pending"}, "applied")
    assert held(created) == (0, 0)
    assert held(settle(held_store, {"op": "add", **IN_LIST}, "failed")) == (0, 1)


def test_forgetting_a_person_or_a_target_forgets_the_doubt(held_store: SqlStore) -> None:
    for forget in (
        lambda: held_store.upkeep.forget(WHO),
        lambda: held_store.forget_target("d", Kind.LIST, "in"),
    ):
        settle(held_store, {"op": "add", **IN_LIST}, "failed")
        settle(held_store, {"op": "update", "email": WHO, "fields": '{"NAME":"Ann"}'}, "failed")
        with held_store.lease("test"):
            forget()
        assert held(held_store.ledger("d")) == (0, 0)
        held_store.observe("d", contacts({"email": WHO, "remote_id": "1", "status": "subscribed"}))


@pytest.mark.parametrize(("sent", "doubtful"), [(True, 1), (False, 0)])
def test_who_opted_out_since_may_have_been_added_by_what_was_sent(
    held_store: SqlStore, sent: bool, doubtful: int
) -> None:
    with held_store.lease("test"):
        run = open_run(held_store, changes({"op": "add", **IN_LIST}))
        held_store.remember_targets("d", {(Kind.LIST, "in"): "7"})
        (step,) = held_store.journal.steps(run, "d")
        (batch,) = held_store.journal.cut(step, 10)
        if sent:
            held_store.journal.sent(batch)
        held_store.observe("d", contacts({"email": WHO, "status": "unsubscribed"}))
        held_store.journal.skip_refusing(run, "d")
        assert held_store.journal.counts(run) == {"d": {"add": {"skipped": 1}}}
    assert batch.state is BatchState.PLANNED
    assert held(held_store.ledger("d")) == (0, doubtful)
