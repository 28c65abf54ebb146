"""Entries into stages come about with the outcomes of their changes, in the same transaction, and not without."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from connector.core.plan import Export
from connector.core.schemas import STAGE_MOVES
from connector.state.base import RunState, Store

from .conftest import changes, contacts
from .test_store import answers

NOON = datetime(2027, 1, 1, 12, tzinfo=UTC)
ANN, BOB, CLEO, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cleo", "dan"))


def move(email: str, stage: str | None, how: str = "entered", **more: object) -> dict[str, object]:
    at = more.pop("at", NOON)
    times = {"began_at": NOON, "entered_at": at}
    return {"destination": "d", "email": email, "stage": stage, "how": how, "policy": "p", **times, **more}


def open_run(store: Store, rows: list[dict[str, str]], moves: list[dict[str, object]]) -> str:
    return store.open_run(
        plan_id="p",
        as_of=NOON,
        made_at=NOON,
        changes=changes(*rows),
        revisions={},
        export=Export(1),
        stages=pa.Table.from_pylist(moves, STAGE_MOVES),
    )


def settle(store: Store, run: str, outcomes: dict[str, str], **more: object) -> None:
    for step in store.journal.steps(run, "d"):
        found = store.journal.open_changes(step).to_pylist()
        rows = [(row["seq"], outcomes[row["email"]], "") for row in found if row["email"] in outcomes]
        store.journal.settle(step, answers(*rows), **more)  # type: ignore[arg-type]


def now(store: Store) -> dict[str, str]:
    return {row["email"]: row["stage"] for row in store.stages("d").to_pylist() if row["left_at"] is None}


TAG = {"op": "add", "kind": "tag", "target": "win-back"}
WITH_TAG = {"op": "add", "kind": "tag", "target": "win-back"}


def test_an_entry_needs_its_confirmed_change(store: Store) -> None:
    rows = [{**TAG, "email": email} for email in (ANN, BOB, CLEO)]
    moves = [move(email, "win_back", **WITH_TAG) for email in (ANN, BOB, CLEO)] + [move(DAN, "win_back")]
    with store.lease("test"):
        run = open_run(store, rows, moves)
        assert now(store) == {}
        settle(store, run, {ANN: "applied", BOB: "rejected"})
        assert now(store) == {ANN: "win_back"}
        store.journal.finish(run, RunState.FAILED, {})
        assert now(store) == {ANN: "win_back"}  # Dan's waits: something of the destination is still open
        settle(store, run, {CLEO: "unchanged"})
        store.journal.finish(run, RunState.DONE, {})
        assert now(store) == {ANN: "win_back", CLEO: "win_back", DAN: "win_back"}
        store.journal.finish(run, RunState.DONE, {})
        assert store.stages("d").num_rows == 3


def test_the_next_entry_ends_the_one_before(store: Store) -> None:
    later = NOON + timedelta(days=10)
    with store.lease("test"):
        store.journal.finish(open_run(store, [], [move(ANN, "win_back", part="mail")]), RunState.DONE, {})
        gone = {"op": "remove", "kind": "tag", "target": "win-back", "email": ANN}
        linked = {"op": "remove", "kind": "tag", "target": "win-back"}
        run = open_run(store, [gone], [move(ANN, None, "left", at=later, **linked)])
        settle(store, run, {ANN: "failed"})
        store.journal.finish(run, RunState.DONE, {})
        assert now(store) == {ANN: "win_back"}
        run = open_run(store, [gone], [move(ANN, None, "left", at=later, **linked)])
        settle(store, run, {ANN: "applied"})
        store.journal.finish(run, RunState.DONE, {})
    (row,) = store.stages("d").to_pylist()
    assert (row["stage"], row["part"], row["left_at"], row["how"]) == ("win_back", "mail", later, "left")


def test_who_is_in_the_tag_already_enters_when_that_is_recorded(store: Store) -> None:
    adopted = {"op": "adopt", "kind": "tag", "target": "win-back"}
    with store.lease("test"):
        run = open_run(store, [{**adopted, "email": ANN}], [move(ANN, "win_back", **adopted)])
        assert now(store) == {}
        store.journal.record(run, "d")
        assert now(store) == {ANN: "win_back"}
        store.journal.finish(run, RunState.DONE, {})


def test_archiving_remembers_what_the_contact_was(store: Store) -> None:
    store.observe("d", contacts({"email": ANN, "remote_id": "1", "status": "subscribed"}))
    with store.lease("test"):
        run = open_run(store, [{"op": "retire", "email": ANN}], [move(ANN, "retired", "retired", op="retire")])
        settle(store, run, {ANN: "applied"}, retired="suppressed")
        store.journal.finish(run, RunState.DONE, {})
        assert store.ledger("d").contacts["status"].to_pylist() == ["suppressed"]
        (row,) = store.stages("d").to_pylist()
        assert (row["stage"], row["status"]) == ("retired", "subscribed")
        run = open_run(store, [{"op": "restore", "email": ANN}], [move(ANN, "returned", "restored", op="restore")])
        settle(store, run, {ANN: "applied"})
        store.journal.finish(run, RunState.DONE, {})
        assert store.ledger("d").contacts["status"].to_pylist() == ["subscribed"]
    assert now(store) == {ANN: "returned"}


def test_an_entry_follows_its_person_and_is_forgotten_with_them(store: Store) -> None:
    store.observe("d", contacts({"email": ANN, "remote_id": "1", "status": "subscribed"}))
    with store.lease("test"):
        store.journal.finish(open_run(store, [], [move(ANN, "win_back")]), RunState.DONE, {})
        run = open_run(store, [{"op": "move", "email": BOB, "old_email": ANN}], [])
        settle(store, run, {BOB: "applied"})
        store.journal.finish(run, RunState.DONE, {})
        assert now(store) == {BOB: "win_back"}
        store.upkeep.forget(BOB)
    assert store.stages("d").num_rows == 0


def test_moves_of_a_run_that_was_given_up_never_come_about(store: Store) -> None:
    with store.lease("test"):
        run = open_run(store, [{**TAG, "email": ANN}], [move(ANN, "win_back", **WITH_TAG), move(BOB, "win_back")])
        store.journal.finish(run, RunState.FAILED, {})
        second = open_run(store, [], [])
        store.journal.finish(second, RunState.DONE, {})
    assert now(store) == {}
