"""How often a change failed, and what follows: parked, tried all the same, or counted from one again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.state.failures import AGE, CODE, TIMES
from connector.state.store import SqlStore

from .conftest import Now
from .test_doubt import IN_LIST, WHO, settle

ADD = {"op": "add", **IN_LIST, "row_hash": "h1"}


def parked(store: SqlStore) -> list[str]:
    """The operations that wait for a person's row to change."""
    return [row["op"] for row in store.rejects("d").to_pylist() if row["code"] == CODE and row["row_hash"]]


def fail(store: SqlStore, row: dict[str, object], times: int, code: str = "exists") -> None:
    for _ in range(times):
        settle(store, row, "failed", code)


def test_enough_runs_or_enough_time(store: SqlStore, now: Now) -> None:
    fail(store, ADD, TIMES - 1)
    assert parked(store) == []
    fail(store, ADD, 1)
    assert parked(store) == ["add"] and f"failed on {TIMES} runs since" in store.rejects("d")["detail"][0].as_py()
    settle(store, ADD, "applied")
    assert parked(store) == [] and not store.failing("d").num_rows
    fail(store, ADD, 1)
    now.moment += AGE + timedelta(hours=1)
    fail(store, ADD, 1)
    assert parked(store) == ["add"]


def test_trouble_of_the_platform_needs_both(store: SqlStore, now: Now) -> None:
    fail(store, ADD, TIMES - 1, "no_answer")
    fail(store, ADD, 1, "507")
    assert parked(store) == []
    now.moment += AGE + timedelta(hours=1)
    fail(store, ADD, 1, "507")
    assert parked(store) == ["add"]


@pytest.mark.parametrize("code", ["account_limit", "target_gone", "daily_limit", "unknown_field"])
def test_what_is_not_the_changes_fault_is_not_counted(store: SqlStore, code: str) -> None:
    fail(store, ADD, TIMES + 1, code)
    assert parked(store) == [] and not store.failing("d").num_rows


def test_another_row_is_counted_from_one(store: SqlStore) -> None:
    fail(store, ADD, TIMES)
    fail(store, {**ADD, "row_hash": "h2"}, 1)
    assert parked(store) == [] and not store.failing("d").num_rows


@pytest.mark.parametrize("op", ["remove", "unsubscribe", "retire"])
def test_who_is_to_be_taken_out_is_tried_for_ever_and_told(store: SqlStore, op: str) -> None:
    row = {"op": op, **IN_LIST} if op == "remove" else {"op": op, "email": WHO}
    fail(store, row, TIMES + 1)
    assert parked(store) == []
    (told,) = store.rejects("d").to_pylist()
    assert (told["op"], told["code"], told["row_hash"]) == (op, CODE, None)
    assert store.ledger("d").failing["times"].to_pylist() == [TIMES + 1] and store.counts("d").failing == 1


def test_a_forgotten_person_is_forgotten_here_as_well(store: SqlStore) -> None:
    fail(store, ADD, TIMES)
    with store.lease("test"):
        store.upkeep.forget(WHO)
    assert not store.failing("d").num_rows
