"""Forgotten people and the state: whatever is put into it, by whichever way, leaves them out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from connector.core.errors import StateError
from connector.core.schemas import ENGAGEMENT_SCHEMA, FROZEN, PEOPLE, STAGE_MOVES
from connector.state import schema
from connector.state.store import SqlStore
from connector.state.tombstones import WITH_EMAIL

from .conftest import changes, columns, contacts, open_run

ANN, NINA, BOB = "ann@example.com", "nina@example.com", "bob@example.com"
IN_VIP = {"kind": "tag", "target": "VIP"}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def forgetful(store: SqlStore) -> SqlStore:
    """Ann, number 7 of the CRM, is forgotten."""
    store.observe("d", contacts({"email": ANN, "status": "subscribed"}, {"email": BOB, "status": "subscribed"}))
    store.remember_people("d", pa.table({"email": [ANN, BOB], "person": ["7", "8"]}, schema=PEOPLE))
    with store.lease("forget"):
        store.upkeep.forget(ANN)
    return store


def traces(store: SqlStore, email: str) -> list[str]:
    """Tables in which an address stands."""
    return [name for name in WITH_EMAIL if store._db.rows(f"SELECT email FROM {name} WHERE email = ?", [email])]


def test_what_is_observed_of_a_forgotten_person_is_not_kept(forgetful: SqlStore) -> None:
    forgetful.observe("d", contacts({"email": "Ann@example.com", "status": "unsubscribed"}, {"email": BOB}))
    opened = {"email": [ANN, BOB], "last_open_at": [NOW, NOW], "last_click_at": [None, None]}
    more = {"last_send_at": [None, None], "sends": [1, 1], "bounces": [0, 0]}
    forgetful.engage("d", pa.table({**opened, **more}, schema=ENGAGEMENT_SCHEMA), until=NOW)
    assert traces(forgetful, ANN) == []
    assert forgetful.ledger("d").contacts["email"].to_pylist() == [BOB]
    assert forgetful.engagement("d")[0]["email"].to_pylist() == [BOB]


@pytest.mark.parametrize("op", ["create", "update", "add", "remove", "retire", "unsubscribe", "restore", "adopt"])
def test_no_run_holds_a_change_of_a_forgotten_person(forgetful: SqlStore, op: str) -> None:
    target = IN_VIP if op in ("add", "remove", "adopt") else {}
    with forgetful.lease("push"):
        run = open_run(forgetful, changes(*({"op": op, "email": email, **target} for email in (ANN, BOB))))
    assert forgetful.run_changes(run)["email"].to_pylist() == [BOB]
    assert traces(forgetful, ANN) == [] and forgetful.run(run).left_out == 1


def test_neither_a_move_from_or_to_an_address_nor_a_stage_nor_a_frozen_member(forgetful: SqlStore) -> None:
    moves = [
        {"destination": "d", "email": email, "stage": "win_back", "how": "entered", "policy": "p", "began_at": NOW}
        | {"entered_at": NOW}
        for email in (ANN, BOB)
    ]
    kept = pa.table({"segment": ["s", "s"], "email": [ANN, BOB], "person": ["7", "8"]}, schema=FROZEN)
    table = changes(
        {"op": "move", "email": NINA, "old_email": ANN},
        {"op": "move", "email": ANN, "old_email": BOB},
        {"op": "adopt", "email": BOB, **IN_VIP},
    )
    with forgetful.lease("push"):
        stages = pa.Table.from_pylist(moves, schema=STAGE_MOVES)
        run = open_run(forgetful, table, stages=stages, frozen=kept)
        forgetful.journal.finish(run, "done", {})  # type: ignore[arg-type]
    assert columns(forgetful.run_changes(run), "op", "email") == [("adopt", BOB)]
    assert forgetful.frozen.members("s")["email"].to_pylist() == [BOB]
    assert forgetful.stages("d")["email"].to_pylist() == [BOB]
    assert forgetful.run(run).left_out == 1 and traces(forgetful, ANN) == []


def test_nobody_is_left_out_where_nobody_was_forgotten(store: SqlStore) -> None:
    with store.lease("push"):
        run = open_run(store, changes({"op": "update", "email": ANN}))
    assert store.run(run).left_out == 0 and store.run_changes(run).num_rows == 1


def test_all_addresses_of_one_person_are_forgotten(store: SqlStore) -> None:
    """By the CRM's id, by a move that a run made, and where the platform says that it is one contact."""
    old, second = "old@example.com", "second@example.com"
    store.observe("d", contacts({"email": ANN, "remote_id": "1"}, {"email": second, "remote_id": "1"}, {"email": BOB}))
    store.observe("e", contacts({"email": NINA}))
    store.remember_people("d", pa.table({"email": [ANN], "person": ["7"]}, schema=PEOPLE))
    store.remember_people("e", pa.table({"email": [NINA], "person": ["7"]}, schema=PEOPLE))
    with store.lease("push"):
        run = open_run(
            store, changes({"op": "move", "email": ANN, "old_email": old}, {"op": "add", "email": old, **IN_VIP})
        )
        store.journal.finish(run, "done", {})  # type: ignore[arg-type]
        assert set(store.upkeep.addresses(NINA)) == {ANN, NINA, old, second}
        store.upkeep.forget(NINA)
    for email in (ANN, NINA, old, second):
        assert traces(store, email) == [], email
    store.observe("d", contacts(*({"email": email} for email in (ANN, NINA, old, second, BOB))))
    assert store.ledger("d").contacts["email"].to_pylist() == [BOB]


def test_an_id_beside_many_addresses_is_nobodys(store: SqlStore) -> None:
    """A column that is the same for everybody must not make the whole state one person."""
    many = [f"p{number}@example.com" for number in range(30)]
    store.observe("d", contacts(*({"email": email} for email in many)))
    store.remember_people("d", pa.table({"email": many, "person": ["1"] * 30}, schema=PEOPLE))
    with store.lease("forget"):
        assert store.upkeep.addresses(many[0]) == [many[0]]
        store.upkeep.forget(many[0])
    assert store.ledger("d").contacts.num_rows == 29
    assert len(store.upkeep.tombstones()[1]) == 1


def test_the_id_of_a_person_leaves_no_trace_either(forgetful: SqlStore) -> None:
    assert "7" not in forgetful.ledger("d").contacts["person"].to_pylist()
    hashes = forgetful.upkeep.tombstones()[1].to_pylist()
    assert len(hashes) == 2 and all(len(item) == 64 for item in hashes)


def test_an_older_state_that_took_somebody_in_again_is_cleaned(
    make: Callable[[], SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before this version a cleanup wrote forgotten people into contacts, journal and stages once more."""
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:6])
    old = make()
    salt = "00"
    digest = hashlib.sha256((salt + ANN).encode()).hexdigest()
    old._db.run("INSERT INTO setting(name, value) VALUES ('forget_salt', ?)", [salt])
    old._db.run("INSERT INTO tombstone(hash, at) VALUES (?, 0)", [digest])
    for number, email in enumerate((ANN, BOB)):
        old._db.run("INSERT INTO contact(destination, email) VALUES ('d', ?)", [email])
        old._db.run("INSERT INTO change(seq, step, email, old_email) VALUES (?, 1, ?, ?)", [number, email, email])
    old.close()
    monkeypatch.undo()
    new = make()
    assert traces(new, ANN) == [] and traces(new, BOB) == ["contact", "change"]


def test_adding_addresses_to_the_forgotten_needs_no_lease_and_removes_them(forgetful: SqlStore) -> None:
    forgetful.observe("d", contacts({"email": NINA}))
    forgetful.upkeep.forget_also([NINA])
    assert traces(forgetful, NINA) == []
    forgetful.observe("d", contacts({"email": NINA}))
    assert traces(forgetful, NINA) == []
    with pytest.raises(StateError, match="lease"):
        forgetful.upkeep.forget(BOB)
