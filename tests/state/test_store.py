"""The ledger, what is observed, runs, rejects and counts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connector.core.errors import PlanError, Stale, StateError
from connector.core.model import Kind
from connector.core.plan import Export
from connector.core.schemas import ANSWERS, CHANGE_SCHEMA, LEDGER_CONTACTS, LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS
from connector.state.accounts import Known
from connector.state.base import RunState
from connector.state.open import open_store
from connector.state.store import SqlStore

from .conftest import Now, changes, columns, contacts, open_run

LONG_AGO = datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def answers(*rows: tuple[int, str, str]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"seq": seq, "outcome": outcome, "code": code, "detail": "why"} for seq, outcome, code in rows], schema=ANSWERS
    )


def test_an_unknown_destination_is_empty(store: SqlStore) -> None:
    ledger = store.ledger("nobody")
    assert (ledger.revision, ledger.cursor) == (0, None)
    assert ledger.contacts.schema == LEDGER_CONTACTS
    assert ledger.memberships.schema == LEDGER_MEMBERSHIPS
    assert ledger.targets.schema == LEDGER_TARGETS
    assert ledger.rejects.schema == REJECTS
    assert [table.num_rows for table in (ledger.contacts, ledger.memberships, ledger.targets, ledger.rejects)] == [
        0
    ] * 4


def test_what_is_observed_comes_back(store: SqlStore) -> None:
    table = contacts(
        {"email": "A@Example.com", "remote_id": "1", "status": "subscribed", "status_at": LONG_AGO, "tags": ["x", "y"]},
        {"email": "b@example.com"},
        {"email": None, "remote_id": "2"},
        {"email": "", "remote_id": "3"},
    )
    store.observe("d", table, cursor=LONG_AGO)
    ledger = store.ledger("d")
    assert columns(ledger.contacts, "email", "remote_id", "status", "status_at", "tags", "fields") == [
        ("a@example.com", "1", "subscribed", LONG_AGO, ["x", "y"], None),
        ("b@example.com", None, None, None, None, None),
    ]
    assert (ledger.cursor, ledger.revision) == (LONG_AGO, 0)


def test_nobody_observed_still_moves_the_cursor(store: SqlStore) -> None:
    store.observe("d", contacts(), cursor=LONG_AGO)
    assert store.ledger("d").cursor == LONG_AGO


def test_thousands_of_missing_values_before_the_first(store: SqlStore) -> None:
    """The driver takes a column's type from its first rows."""
    rows = [{"email": f"{number:06}@example.com"} for number in range(70_000)]
    rows[-1] |= {"remote_id": "last", "status": "subscribed", "status_at": LONG_AGO, "tags": ["t"]}
    store.observe("d", contacts(*rows))
    last = store.ledger("d").contacts.to_pylist()[-1]
    assert (last["remote_id"], last["status_at"], last["tags"]) == ("last", LONG_AGO, ["t"])


def test_later_rows_win_and_nulls_keep_what_was_known(store: SqlStore) -> None:
    first = {"email": "a@example.com", "remote_id": "1", "status": "subscribed", "status_at": LONG_AGO}
    store.observe("d", contacts(first, {**first, "status": "unsubscribed"}))
    store.observe("d", contacts({"email": "a@example.com"}))
    store.observe("other", contacts({"email": "a@example.com", "status": "bounced"}))
    assert columns(store.ledger("d").contacts, "remote_id", "status", "status_at") == [("1", "unsubscribed", LONG_AGO)]


def test_absent_keeps_the_id_under_which_the_contact_may_live_on(store: SqlStore) -> None:
    store.observe("d", contacts({"email": "a@example.com", "remote_id": "1", "status": "subscribed", "tags": ["x"]}))
    store.observe("d", contacts({"email": "a@example.com", "status": "absent"}))
    assert columns(store.ledger("d").contacts, "remote_id", "status", "tags") == [("1", "absent", None)]
    assert columns(store.ledger("d").contacts, "held_before") == [(1,)]
    assert store.counts("d").contacts == 0


def test_a_status_belongs_to_the_id_whatever_the_address(store: SqlStore) -> None:
    """The contact changed its address on the platform and then unsubscribed."""
    store.observe("d", contacts({"email": "old@example.com", "remote_id": "1", "status": "subscribed"}))
    gone = {"email": "new@example.com", "remote_id": "1", "status": "unsubscribed", "status_at": LONG_AGO}
    store.observe("d", contacts(gone))
    found = {row["email"]: (row["status"], row["status_at"]) for row in store.ledger("d").contacts.to_pylist()}
    assert found["old@example.com"] == ("unsubscribed", LONG_AGO)
    store.observe("d", contacts({**gone, "status": "subscribed"}, {"email": "x@example.com", "status": "subscribed"}))
    assert columns(store.ledger("d").contacts, "status") == [("subscribed",)] * 3


def test_an_address_that_is_gone_takes_over_opt_outs_of_its_id_and_nothing_else(store: SqlStore) -> None:
    store.observe("d", contacts({"email": "old@example.com", "remote_id": "1", "status": "subscribed"}))
    store.observe("d", contacts({"email": "old@example.com", "status": "absent"}))
    new = {"email": "new@example.com", "remote_id": "1", "status": "subscribed"}
    store.observe("d", contacts(new))
    assert max(columns(store.ledger("d").contacts, "email", "status")) == ("old@example.com", "absent")
    store.observe("d", contacts({**new, "status": "complained"}))
    store.observe("d", contacts({"email": "old@example.com", "status": "absent"}))
    assert max(columns(store.ledger("d").contacts, "email", "status")) == ("old@example.com", "complained")


def test_observing_never_touches_fields_or_memberships(store: SqlStore) -> None:
    with store.lease("test"):
        run = open_run(
            store,
            changes(
                {"op": "create", "email": "a@example.com", "fields": '{"N":1}'},
                {"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "t"},
            ),
        )
        create = next(step for step in store.journal.steps(run, "d") if step.op == "create")
        store.journal.settle(create, answers((create.first_seq, "applied", "")))
    before = store.ledger("d")
    store.observe("d", contacts({"email": "a@example.com", "remote_id": "9", "status": "unsubscribed"}))
    after = store.ledger("d")
    assert after.contacts["fields"].to_pylist() == ['{"N":1}']
    assert after.contacts["status"].to_pylist() == ["unsubscribed"]
    assert (after.memberships, after.revision) == (before.memberships, before.revision)


def test_adopting_sends_nothing_and_enters_the_ledger(store: SqlStore) -> None:
    rows = [{"op": "adopt", "email": f"{who}@example.com", "kind": "tag", "target": "t"} for who in "abc"]
    with store.lease("test"):
        run = open_run(store, changes(*rows))
    ledger = store.ledger("d")
    assert (ledger.memberships.num_rows, ledger.revision) == (3, 1)
    assert columns(ledger.targets, "kind", "name", "remote_id") == [("tag", "t", None)]
    assert set(store.run_changes(run)["outcome"].to_pylist()) == {"applied"}


def test_a_plan_whose_ledger_moved_is_stale(store: SqlStore) -> None:
    with store.lease("test"):
        run = open_run(store, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "t"}))
        store.journal.finish(run, RunState.DONE, {})
        with pytest.raises(Stale, match=r"^The ledger of d has changed"):
            open_run(store, changes(), revisions={"d": 0, "e": 0})
        open_run(store, changes(), revisions={"d": 1, "e": 0})


def test_an_unfinished_run_comes_first(store: SqlStore) -> None:
    with store.lease("test"):
        run = open_run(store, changes({"op": "update", "email": "a@example.com"}))
        with pytest.raises(PlanError, match=rf"{run} was cut off.*sync resume"):
            open_run(store, changes())
        assert store.unfinished() == store.run(run)
        store.journal.finish(run, RunState.FAILED, {})
        store.require_finished()  # nothing of it is unknown: a new plan holds what it left undone
        assert store.unfinished() == store.run(run)
        open_run(store, changes())
        assert store.run(run).state is RunState.ABANDONED


def test_a_refused_run_leaves_nothing_behind(store: SqlStore) -> None:
    with store.lease("test"), pytest.raises(Stale):
        open_run(store, changes({"op": "update", "email": "a@example.com"}), revisions={"d": 7})
    assert (store.runs(), store.unfinished(), store.last_export()) == ([], None, None)


def test_runs_are_listed_latest_first(store: SqlStore, now: Now) -> None:
    ids = []
    with store.lease("test"):
        for number in range(3):
            ids.append(open_run(store, changes(), export=Export(number, 1), allowed={"adds": "first push"}))
            store.journal.finish(ids[-1], RunState.DONE, {"d": {"add": {"applied": number}}})
            now.advance(1)
    assert [run.id for run in store.runs()] == ids[::-1] == sorted(ids, reverse=True)
    assert len(store.runs(limit=2)) == 2
    last = store.run(ids[-1])
    assert (last.contacts, last.allowed, last.summary) == (2, {"adds": "first push"}, {"d": {"add": {"applied": 2}}})
    assert (last.state, last.started_at.tzinfo, store.last_export()) == (RunState.DONE, UTC, Export(2, 1))
    with pytest.raises(StateError, match="sync runs"):
        store.run("20200101-000000-ffff")


def test_journal_keeps_the_plans_order_within_a_step(store: SqlStore) -> None:
    rows = [
        {"op": op, "email": f"{who}@example.com", "kind": "tag", "target": target}
        for who in "cab"
        for target in ("x", "y")
        for op in ("add", "remove")
    ]
    with store.lease("test"):
        run = open_run(store, changes(*rows))
    kept = columns(store.run_changes(run), "op", "target", "email")
    assert [email[0] for op, target, email in kept if (op, target) == ("add", "y")] == ["c", "a", "b"]
    steps = store.journal.steps(run, "d")
    assert sorted(step.last_seq - step.first_seq + 1 for step in steps) == [3, 3, 3, 3]


def test_rejects_are_kept_per_change(store: SqlStore) -> None:
    rows = [{"op": "add", "email": "a@example.com", "kind": kind, "target": "t"} for kind in ("tag", "list")]
    with store.lease("test"):
        run = open_run(store, changes(*rows))
        for step in store.journal.steps(run, "d"):
            store.journal.settle(step, answers((step.first_seq, "rejected", f"no_{step.kind}")))
    assert columns(store.rejects("d"), "email", "kind", "target", "code", "detail", "run_id") == [
        ("a@example.com", "list", "t", "no_list", "why", run),
        ("a@example.com", "tag", "t", "no_tag", "why", run),
    ]
    assert store.rejects("e").num_rows == 0
    assert store.rejects().num_rows == store.counts("d").rejects == 2


@pytest.mark.parametrize(("status", "then"), [("subscribed", "absent"), ("unsubscribed", "unsubscribed")])
def test_a_contact_the_platform_lost_is_absent_but_an_opt_out_stays(store: SqlStore, status: str, then: str) -> None:
    store.observe("d", contacts({"email": "a@example.com", "remote_id": "1", "status": status}))
    with store.lease("test"):
        run = open_run(store, changes({"op": "update", "email": "a@example.com", "fields": "{}"}))
        (step,) = store.journal.steps(run, "d")
        store.journal.settle(step, answers((step.first_seq, "rejected", "not_held")))
    assert store.ledger("d").contacts["status"].to_pylist() == [then]


def test_a_contact_created_again_starts_without_memberships(store: SqlStore) -> None:
    with store.lease("test"):
        adopted = [{"op": "adopt", "email": f"{who}@example.com", "kind": "tag", "target": "t"} for who in "ab"]
        store.journal.finish(open_run(store, changes(*adopted)), RunState.DONE, {})
        store.observe("d", contacts({"email": "a@example.com", "status": "absent"}))
        run = open_run(store, changes({"op": "create", "email": "a@example.com", "new_status": "pending"}))
        (step,) = store.journal.steps(run, "d")
        store.journal.settle(step, answers((step.first_seq, "applied", "")))
    ledger = store.ledger("d")
    assert ledger.memberships.num_rows == 1
    assert columns(ledger.contacts, "email", "status") == [("a@example.com", "pending"), ("b@example.com", None)]


def test_counts_for_status(store: SqlStore) -> None:
    rows = [{"op": "adopt", "email": f"{who}@example.com", "kind": "list", "target": "in"} for who in "abc"]
    with store.lease("test"):
        run = open_run(store, changes(*rows))
    store.remember_targets("d", {(Kind.TAG, "empty"): "7"})
    counts = store.counts("d")
    assert (counts.contacts, counts.members) == (3, {(Kind.LIST, "in"): 3, (Kind.TAG, "empty"): 0})
    assert counts.last_run is not None
    assert counts.last_run.id == run


def test_state_survives_closing(tmp_path: Path) -> None:
    first = open_store(f"sqlite:///{tmp_path}/deep/state.db")
    first.observe("d", contacts({"email": "a@example.com", "status": "subscribed"}))
    first.close()
    second = open_store(str(tmp_path / "deep" / "state.db"))
    assert second.ledger("d").contacts["email"].to_pylist() == ["a@example.com"]
    second.close()


def test_no_change_loses_a_column(store: SqlStore) -> None:
    row = {
        "op": "create",
        "email": "a@example.com",
        "fields": '{"N":"x"}',
        "new_status": "subscribed",
        "consent_at": LONG_AGO,
        "consent_source": "form",
    }
    with store.lease("test"):
        run = open_run(store, changes(row))
        (step,) = store.journal.steps(run, "d")
        (batch,) = store.journal.cut(step, 10)
        (sent,) = store.journal.records(batch).to_pylist()
    assert set(CHANGE_SCHEMA.names) - {"destination", "op", "kind", "target", "row_hash", "old_email"} <= set(sent)
    assert {name: sent[name] for name in row if name != "op"} == {name: row[name] for name in row if name != "op"}


def test_forgetting_a_target(store: SqlStore) -> None:
    rows = [{"op": "adopt", "email": "a@example.com", "kind": "tag", "target": name} for name in "xy"]
    with store.lease("test"):
        open_run(store, changes(*rows))
    store.remember_targets("d", {(Kind.TAG, "x"): "1", (Kind.TAG, "y"): "2"})
    before = store.revisions(["d"])["d"]
    store.forget_target("d", Kind.TAG, "x")
    assert store.target_ids("d") == {(Kind.TAG, "y"): "2"}
    assert store.counts("d").members == {(Kind.TAG, "x"): 0, (Kind.TAG, "y"): 1}
    assert store.revisions(["d"])["d"] == before + 1


def test_a_destination_is_bound_to_its_first_account(store: SqlStore) -> None:
    assert store.accounts.known() == {}
    assert store.accounts.bind("d", Known("1", "One")) == Known("1", "One")
    assert store.accounts.bind("d", Known("1", "Uno")) == Known("1", "Uno")
    assert store.accounts.bind("d", Known("2", "Two")) == Known("1", "Uno")
    assert store.accounts.known() == {"d": Known("1", "Uno")} and store.revisions(["d"]) == {"d": 0}


def test_who_opted_out_since_the_plan_is_not_adopted(store: SqlStore) -> None:
    """As a push does it: the run is opened, statuses are read, what they forbid is skipped, the rest is recorded."""
    rows = [{"op": "adopt", "email": f"{who}@example.com", "kind": "tag", "target": "t"} for who in "ab"]
    parts = {"plan_id": "plan", "as_of": LONG_AGO, "made_at": LONG_AGO, "revisions": {"d": 0}, "export": Export(2)}
    with store.lease("test"):
        run = store.open_run(changes=changes(*rows), **parts)
        assert store.journal.destinations(run) == ["d"] and not store.ledger("d").memberships.num_rows
        store.observe("d", contacts({"email": "a@example.com", "remote_id": "1", "status": "unsubscribed"}))
        store.journal.skip_refusing(run, "d")
        store.journal.record(run, "d")
        store.journal.record(run, "d")
    done = store.run_changes(run)
    assert columns(done, "email", "outcome") == [("a@example.com", "skipped"), ("b@example.com", "applied")]
    assert (store.ledger("d").memberships.num_rows, store.ledger("d").revision) == (1, 1)


def test_a_run_that_is_given_up(store: SqlStore) -> None:
    """What left is neither claimed nor denied, what did not is dropped, and the ledger has moved."""
    sent = [{"op": "create", "email": f"{who}@example.com", "fields": '{"a":1}'} for who in "ab"]
    kept = [{"op": "add", "email": f"{who}@example.com", "kind": "list", "target": "t"} for who in "ab"]
    with store.lease("test"):
        run = open_run(store, changes(*sent, *kept))
        step = store.journal.steps(run, "d")[0]
        (batch,) = store.journal.cut(step, 10)
        store.journal.sent(batch)
        assert not store.journal.jobs_abandoned("d")
        store.journal.abandon(run, "why")
        assert store.journal.jobs_abandoned("d") and not store.journal.in_doubt(run, "d")
        found = store.run(run)
        assert (found.state, found.abandoned) == (RunState.ABANDONED, "why")
        assert found.summary == {"d": {"create": {"unknown": 2}, "add": {"unsent": 2}}}
        assert store.revisions(["d"]) == {"d": 1} and store.unfinished() is None
        assert store.run_changes(run)["code"].to_pylist() == ["abandoned", "abandoned", None, None]
        with pytest.raises(PlanError, match="is over"):
            store.journal.abandon(run, "again")
        store.journal.jobs_over("d")
        assert not store.journal.jobs_abandoned("d")
        open_run(store, changes(), revisions={"d": 1})
