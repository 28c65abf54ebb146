"""What platforms tell beyond a status: engagement, who a contact is, and what a new address takes along."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from connector.core.model import Op
from connector.core.schemas import ANSWERS, ENGAGEMENT_SCHEMA
from connector.state.base import RunState
from connector.state.store import SqlStore

from .conftest import Now, changes, columns, contacts, open_run


def test_engagement_adds_up_and_sends_restart_with_an_open_or_click(store: SqlStore) -> None:
    def at(day: int) -> datetime:
        return datetime(2026, 11, day, tzinfo=UTC)

    def rows(*found: dict[str, Any]) -> pa.Table:
        return pa.Table.from_pylist(list(found), ENGAGEMENT_SCHEMA)

    silent = {"email": "a@example.com", "last_send_at": at(3), "sends": 3, "bounces": 1}
    engaged = {"email": "b@example.com", "last_open_at": at(4), "last_send_at": at(3), "sends": 3, "bounces": 0}
    store.engage("d", rows(silent, engaged), until=at(5))
    silent |= {"last_send_at": at(6), "sends": 2}
    engaged |= {"last_open_at": at(2), "last_click_at": at(7), "last_send_at": at(6), "sends": 1}
    store.engage("d", rows(silent, engaged), until=at(8))
    known, until = store.engagement("d")
    assert until == at(8)
    names = ("email", "last_open_at", "last_click_at", "last_send_at", "sends", "bounces")
    assert sorted(columns(known, *names)) == [
        ("a@example.com", None, None, at(6), 5, 2),
        ("b@example.com", at(4), at(7), at(6), 1, 0),
    ]
    store.engage("d", rows({"email": "a@example.com", "sends": 9, "bounces": 9}), until=at(9), totals=True)
    known, until = store.engagement("d")
    assert until == at(9)
    assert ("a@example.com", at(6), 9, 9) in columns(known, "email", "last_send_at", "sends", "bounces")
    assert store.engagement("other") == (ENGAGEMENT_SCHEMA.empty_table(), None)


def test_people_and_a_whole_reading_are_remembered(store: SqlStore, now: Now) -> None:
    store.observe("d", contacts({"email": "a@example.com", "status": "subscribed"}), cursor=now(), whole=True)
    people = pa.table({"email": ["a@example.com", "stranger@example.com"], "person": ["42", "7"]})
    store.remember_people("d", people)
    store.observe("d", contacts({"email": "a@example.com", "status": "unsubscribed"}), cursor=now())
    ledger = store.ledger("d")
    assert ledger.whole and not store.ledger("other").whole
    assert columns(ledger.contacts, "email", "person") == [("a@example.com", "42")]


@pytest.mark.parametrize("known", [False, True])
def test_a_move_takes_memberships_and_engagement_along(store: SqlStore, known: bool) -> None:
    """Whether or not something was noted of the new address before."""
    old, new = "old@example.com", "new@example.com"
    held = [{"email": old, "remote_id": "1", "status": "subscribed"}]
    store.observe("d", contacts(*held, *([{"email": new, "status": "absent"}] if known else [])))
    store.engage("d", pa.Table.from_pylist([{"email": old, "sends": 4}], ENGAGEMENT_SCHEMA), until=datetime.now(UTC))
    with store.lease("test"):
        open_run(store, changes({"op": "adopt", "kind": "tag", "target": "VIP", "email": old}))
        store.journal.finish(store.runs()[0].id, RunState.DONE, {})
        run = open_run(store, changes({"op": "move", "email": new, "old_email": old}))
        (step,) = store.journal.steps(run, "d")
        assert store.journal.without_id(step).num_rows == 0
        (batch,) = store.journal.cut(step, 10)
        (record,) = store.journal.records(batch).to_pylist()
        assert (record["email"], record["remote_id"]) == (new, "1")
        answer = {"seq": record["seq"], "outcome": "applied", "code": "", "detail": "", "remote_id": "2"}
        store.journal.settle(step, pa.Table.from_pylist([answer], ANSWERS), batch=batch)
    ledger = store.ledger("d")
    assert columns(ledger.contacts, "email", "remote_id", "status") == [(new, "2", "subscribed")]
    assert ledger.memberships["contact"].to_pylist() == ledger.contacts["id"].to_pylist()
    assert columns(store.engagement("d")[0], "email", "sends") == [(new, 4)]


def test_former_addresses_stay_the_persons(store: SqlStore) -> None:
    first, second, third = (f"{name}@example.com" for name in ("first", "second", "third"))
    store.observe("d", contacts({"email": first, "remote_id": "1", "status": "subscribed"}))
    store.remember_people("d", pa.table({"email": [first], "person": ["42"]}))
    for old, new in ((first, second), (second, third)):
        with store.lease("test"):
            run = open_run(store, changes({"op": "move", "email": new, "old_email": old}))
            (step,) = store.journal.steps(run, "d")
            (seq,) = store.journal.open_changes(step)["seq"].to_pylist()
            answer = {"seq": seq, "outcome": "applied", "code": "", "detail": "", "remote_id": "1"}
            store.journal.settle(step, pa.Table.from_pylist([answer], ANSWERS))
            store.journal.finish(run, RunState.DONE, {})
    assert columns(store.ledger("d").contacts, "email", "person") == [(third, "42")]
    assert sorted(columns(store.ledger("d").former, "email", "person")) == [(first, "42"), (second, "42")]
    assert not store.ledger("other").former.num_rows
    with store.lease("prune"):
        store.upkeep.prune(datetime.now(UTC) + timedelta(days=1))
    assert store.ledger("d").former.num_rows == 2
    with store.lease("forget"):
        store.upkeep.forget(third)
    assert not store.ledger("d").former.num_rows


def test_what_follows_from_a_move_that_did_not_come_about_is_skipped(store: SqlStore) -> None:
    old, new = "old@example.com", "new@example.com"
    store.observe("d", contacts({"email": old, "remote_id": "1", "status": "subscribed"}))
    rows = [
        {"op": "move", "email": new, "old_email": old},
        {"op": "update", "email": new, "fields": '{"A": 1}'},
        {"op": "add", "kind": "tag", "target": "VIP", "email": new},
        {"op": "add", "kind": "list", "target": "All", "email": new},
    ]
    with store.lease("test"):
        run = open_run(store, changes(*rows))
        assert store.journal.carry(run, "d") == 0
        move = next(step for step in store.journal.steps(run, "d") if step.op is Op.MOVE)
        (seq,) = store.journal.open_changes(move)["seq"].to_pylist()
        answer = {"seq": seq, "outcome": "rejected", "code": "invalid_email", "detail": "", "remote_id": None}
        store.journal.settle(move, pa.Table.from_pylist([answer], ANSWERS))
        store.journal.skip_uncreated(run, "d")
        counts = store.journal.counts(run)["d"]
    assert counts == {"move": {"rejected": 1}, "update": {"skipped": 1}, "add": {"skipped": 2}}
