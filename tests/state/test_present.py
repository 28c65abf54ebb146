"""Who is in which segment, packed in parts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from connector.state import present, schema
from connector.state.drivers.postgres import PostgresDatabase
from connector.state.drivers.sqlite import Database
from connector.state.present import PEOPLE_NOW
from connector.state.store import SqlStore


def address(number: int) -> str:
    return f"person{number:05}@example.com"


def people(rows: dict[str, int], chunk: int = 0) -> pa.Table:
    found = [{"email": email, "person": email[6:11], "chunk": chunk, "bits": bits} for email, bits in rows.items()]
    return pa.Table.from_pylist(found, PEOPLE_NOW)


def enter(store: SqlStore, rows: pa.Table, renamed: dict[str, str] | None = None) -> None:
    moved = pa.table(
        {"old_email": pa.array(renamed or {}, pa.string()), "email": pa.array((renamed or {}).values(), pa.string())}
    )
    with store.lease("test"), store._db.transaction():
        present.enter(store._db, rows, moved)


def held(store: SqlStore) -> dict[tuple[str, int], int]:
    found = present.read(store._db)
    assert found.schema == PEOPLE_NOW
    keys = zip(found["email"].to_pylist(), found["chunk"].to_pylist(), strict=True)
    told = dict(zip(keys, found["bits"].to_pylist(), strict=True))
    assert len(told) == found.num_rows, "somebody is there twice"
    return told


def parts(store: SqlStore) -> dict[int, str]:
    return dict(store._db.rows("SELECT part, packed FROM history_present"))


def test_more_people_are_more_parts_and_one_change_writes_one(store: SqlStore) -> None:
    few = {address(number): 1 for number in range(10)}
    enter(store, people(few))
    assert len(parts(store)) == 1
    many = {address(number): number % 4 for number in range(5 * present.PART)}
    enter(store, people(many))
    before = parts(store)
    assert len(before) == 8
    assert held(store) == {(email, 0): bits for email, bits in many.items()}
    enter(store, people({address(8): 5}))
    after = parts(store)
    assert sum(after[part] != before[part] for part in before) == 1
    assert held(store) == {(email, 0): bits for email, bits in many.items()} | {(address(8), 0): 5}
    assert sorted(present.members(store._db, 2)["email"].to_pylist()) == [address(8)]
    with store.lease("test"), store._db.transaction():
        present.leave(store._db, [0, 2])
    assert set(held(store)) == {(email, 0) for email, bits in many.items() if bits & 2}
    enter(store, people({email: 0 for email in many if email not in few}))
    with store.lease("test"), store._db.transaction():
        present.leave(store._db, [])
    assert set(held(store)) == {(email, 0) for email in few if many[email] & 2} and len(parts(store)) == 1


def test_somebody_is_forgotten_in_all_chunks_and_nobody_else(store: SqlStore) -> None:
    everybody = {address(number): 1 for number in range(3 * present.PART)}
    enter(store, people(everybody))
    enter(store, people({address(1): 1 << 59, address(2): 1}, chunk=7))
    with store.lease("test"), store._db.transaction():
        present.forget(store._db, address(1))
        present.forget(store._db, "nobody@example.com")
    assert set(held(store)) == {(email, 0) for email in everybody if email != address(1)} | {(address(2), 7)}
    assert present.members(store._db, 7 * 60 + 59).num_rows == 0
    assert present.members(store._db, 7 * 60)["email"].to_pylist() == [address(2)]


def test_a_new_address_takes_all_chunks_along_unless_it_is_somebody_elses(store: SqlStore) -> None:
    enter(store, people({address(1): 1, address(2): 1, address(3): 1}))
    enter(store, people({address(1): 1, address(2): 3}, chunk=1))
    enter(store, people({address(9): 2, address(3): 5}), renamed={address(1): address(9), address(2): address(3)})
    assert held(store) == {
        (address(9), 0): 2,
        (address(9), 1): 1,
        (address(2), 0): 1,
        (address(2), 1): 3,
        (address(3), 0): 5,
    }


def test_nobody_is_no_part(store: SqlStore) -> None:
    enter(store, people({}))
    assert held(store) == {} == parts(store)
    enter(store, people({address(1): 1}))
    with store.lease("test"), store._db.transaction():
        present.leave(store._db, [0])
    assert held(store) == {} == parts(store)


def test_an_older_state_keeps_its_people(
    url: str, make: Callable[[], SqlStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = next(number for number, each in enumerate(schema.MIGRATIONS) if present.create in each)
    rows = {address(number): 1 << number % 60 for number in range(3 * present.PART)}
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:place])
        db = PostgresDatabase(url) if "://" in url else Database(Path(url))
        schema.migrate(db, 0)
        table = people(rows).select(["email", "chunk", "bits", "person"])
        db.load("INSERT INTO history_person(email, chunk, bits, person) VALUES (?, ?, ?, ?)", table)
        db.close()
    store = make()
    assert held(store) == {(email, 0): bits for email, bits in rows.items()}
    assert set(present.read(store._db)["person"].to_pylist()) == {f"{number:05}" for number in range(3000)}
    assert "history_person" not in store._db.tables()


def test_ten_thousand_people_take_little_room(store: SqlStore) -> None:
    enter(store, people({address(number * 7919 % 99_991): number % 16 for number in range(10_000)}))
    assert sum(map(len, parts(store).values())) < 400_000
