"""Rejects to be tried again, people to be forgotten, moves, and archiving."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connector.core.errors import StateError
from connector.core.model import Kind
from connector.plan.rows import forgotten
from connector.state.base import Store
from connector.state.store import SqlStore
from connector.state.tombstones import WITH_EMAIL

from .conftest import changes, columns, contacts, open_run
from .test_store import answers

ANN, BOB = "ann@example.com", "bob@example.com"
IN_VIP = {"kind": "tag", "target": "VIP"}


def push(store: Store, *rows: dict[str, str], outcome: str = "applied", **more: object) -> str:
    """A run whose changes all have one outcome."""
    run = open_run(store, changes(*rows), **more)  # type: ignore[arg-type]
    for step in store.journal.steps(run, "d"):
        found = store.journal.open_changes(step)["seq"].to_pylist()
        store.journal.settle(step, answers(*((seq, outcome, "code") for seq in found)))
    store.journal.finish(run, "done", {})  # type: ignore[arg-type]
    return run


def members(store: Store) -> set[str]:
    ledger = store.ledger("d")
    ids = dict(columns(ledger.contacts, "id", "email"))
    return {ids[number] for number in ledger.memberships["contact"].to_pylist()}


def test_forget_knows_every_table_with_an_address(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "state.db")
    tables = [name for (name,) in store._db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {
        table: {name for (name,) in store._db.rows(f"SELECT name FROM pragma_table_info('{table}')")}
        for table in tables
    }
    store.close()
    assert {table for table, names in found.items() if any("email" in name for name in names)} == set(WITH_EMAIL)
    assert {name for names in found.values() for name in names if "email" in name} <= {"email", "old_email"}


def test_a_reject_keeps_the_hash_of_the_refused_row_until_it_is_tried_again(store: SqlStore) -> None:
    with store.lease("test"):
        push(store, {"op": "add", "email": ANN, "row_hash": "abc", **IN_VIP}, outcome="rejected")
        assert store.rejects("d")["row_hash"].to_pylist() == ["abc"]
        store.upkeep.retry(store.rejects("d").slice(0, 0))
        assert store.rejects("d")["row_hash"].to_pylist() == ["abc"]
        store.upkeep.retry(store.rejects("d"))
    assert store.rejects("d")["row_hash"].to_pylist() == [None]


def test_forgetting_removes_every_row_of_one_person(store: SqlStore) -> None:
    with store.lease("test"):
        store.observe("d", contacts({"email": ANN, "status": "subscribed"}, {"email": BOB, "status": "subscribed"}))
        push(store, *({"op": "add", "email": email, **IN_VIP} for email in (ANN, BOB)))
        push(store, {"op": "update", "email": ANN}, outcome="rejected")
        revision = store.ledger("d").revision
        assert store.upkeep.forget(ANN) == {"d": "subscribed"}
        assert members(store) == {BOB} and store.ledger("d").revision > revision
        for table in WITH_EMAIL:
            assert store._db.rows(f"SELECT count(*) FROM {table} WHERE email = ?", [ANN])[0][0] == 0, table
        salt, hashes = store.upkeep.tombstones()
        assert forgotten(pa.array([BOB, ANN]), salt, hashes).to_pylist() == [ANN]
        assert store.upkeep.forget(ANN) == {}
        assert store.upkeep.tombstones() == (salt, hashes)
    assert len(salt) == 64 and ANN not in str(hashes)


def test_upkeep_needs_the_lease(store: SqlStore) -> None:
    with pytest.raises(StateError, match="lease"):
        store.upkeep.forget(ANN)


def test_releasing_leaves_the_contact(store: SqlStore) -> None:
    with store.lease("test"):
        push(store, *({"op": "adopt", "email": email, **IN_VIP} for email in (ANN, BOB)))
        run = push(store, {"op": "disown", "email": ANN, **IN_VIP})
    assert members(store) == {BOB} and store.ledger("d").contacts.num_rows == 2
    assert columns(store.run_changes(run), "op", "outcome") == [("disown", "applied")]


def test_moves_are_the_last_of_each_kind_since_a_moment(store: SqlStore) -> None:
    def day(number: int) -> datetime:
        return datetime(2026, 11, number, tzinfo=UTC)

    with store.lease("test"):
        for number, op in ((1, "add"), (2, "remove"), (3, "add")):
            push(store, {"op": op, "email": ANN, **IN_VIP}, as_of=day(number))
        push(store, {"op": "add", "email": BOB, **IN_VIP}, as_of=day(4), outcome="failed")
        push(store, {"op": "add", "email": BOB, "kind": "list", "target": "VIP"}, as_of=day(4))
    found = store.upkeep.moves("d", Kind.TAG, "VIP", day(1))
    assert set(columns(found, "email", "op", "at")) == {(ANN, "remove", day(2)), (ANN, "add", day(3))}
