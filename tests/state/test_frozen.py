"""What a store keeps of frozen segments."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from connector.core.errors import Stale
from connector.core.model import Op
from connector.core.schemas import ANSWERS, FROZEN
from connector.state.base import RunState
from connector.state.frozen import counted
from connector.state.store import SqlStore

from .conftest import changes, columns, contacts, open_run

A, B = "a@example.com", "b@example.com"
NOTHING = changes()


def members(*rows: tuple[str, str, str | None]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(FROZEN.names, row, strict=True)) for row in rows], FROZEN)


def freeze(store: SqlStore, *rows: tuple[str, str, str | None]) -> str:
    with store.lease("push"):
        run = open_run(store, NOTHING, frozen=members(*rows))
        store.journal.finish(run, RunState.DONE, {})
    return run


def test_members_are_kept_with_the_run_that_froze_them(store: SqlStore) -> None:
    run = freeze(store, ("s", A, "7"), ("s", B, None), ("t", A, None))
    assert sorted(columns(store.frozen.members("s"), "email", "person")) == [(A, "7"), (B, None)]
    assert store.frozen.since() == dict.fromkeys(("s", "t"), datetime(2026, 11, 21, tzinfo=UTC))
    assert store.frozen.by_run(run) == ["s", "t"] and store.frozen.by_run("other") == []
    assert store.frozen.members("u").num_rows == 0
    assert counted(store.frozen.members("s")) == {"s": 2}


def test_nothing_is_frozen_over_and_the_run_is_not_opened(store: SqlStore) -> None:
    freeze(store, ("s", A, None))
    with store.lease("push"), pytest.raises(Stale, match="segment s was frozen"):
        open_run(store, NOTHING, frozen=members(("s", B, None)))
    assert len(store.runs()) == 1 and columns(store.frozen.members("s"), "email") == [(A,)]


def test_what_is_released_may_be_frozen_again_in_the_same_run(store: SqlStore) -> None:
    freeze(store, ("s", A, None), ("t", A, None))
    with store.lease("push"):
        open_run(store, NOTHING, frozen=members(("s", B, None)), released=("s", "t"))
    assert columns(store.frozen.members("s"), "email") == [(B,)] and list(store.frozen.since()) == ["s"]


def test_forget_takes_one_person_out(store: SqlStore) -> None:
    freeze(store, ("s", A, "7"), ("s", B, None))
    with store.lease("forget"):
        store.upkeep.forget(A)
    assert columns(store.frozen.members("s"), "email") == [(B,)]


@pytest.mark.parametrize("both", [False, True])
def test_a_move_gives_a_member_the_new_address(store: SqlStore, both: bool) -> None:
    """Whether or not the new address is a member by itself."""
    freeze(store, ("s", A, "7"), *([("s", B, None)] if both else []))
    store.observe("d", contacts({"email": A, "remote_id": "1", "status": "subscribed"}))
    with store.lease("push"):
        run = open_run(store, changes({"op": Op.MOVE, "email": B, "old_email": A}))
        (step,) = store.journal.steps(run, "d")
        (batch,) = store.journal.cut(step, 10)
        store.journal.sent(batch)
        seq = store.journal.records(batch)["seq"][0].as_py()
        answer = pa.Table.from_pylist([{"seq": seq, "outcome": "applied", "remote_id": "1"}], ANSWERS)
        store.journal.settle(step, answer, batch=batch)
    emails = [email for (email,) in columns(store.frozen.members("s"), "email")]
    assert sorted(emails) == ([A, B] if both else [B])
