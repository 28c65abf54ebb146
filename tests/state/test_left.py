"""Who has left a list is left out of it under every address of the person, without an index of persons."""

from __future__ import annotations

import pyarrow as pa
import pytest

from connector.core.model import Kind
from connector.core.schemas import PEOPLE
from connector.state.base import RunState
from connector.state.store import SqlStore

from .conftest import changes, columns, contacts, open_run

ANN, SECOND, BOB, NOBODY = (f"{name}@example.com" for name in ("ann", "ann.second", "bob", "nobody"))


@pytest.fixture
def left(store: SqlStore) -> SqlStore:
    """Ann, who has two addresses, has left Readers; at another destination nobody has."""
    everybody = (ANN, SECOND, BOB, NOBODY)
    for destination in ("d", "other"):
        held = [{"email": email, "remote_id": f"id of {email}", "status": "subscribed"} for email in everybody]
        store.observe(destination, contacts(*held))
        people = {"email": everybody, "person": ["1", "1", "2", None]}
        store.remember_people(destination, pa.table(people, schema=PEOPLE))
        store.saw_targets(destination, {(Kind.LIST, "Readers"): "L1", (Kind.LIST, "More"): "L2"})
    store.observe("d", contacts({"email": ANN, "remote_id": f"id of {ANN}", "status": "subscribed", "left": ["L1"]}))
    return store


def test_every_address_of_the_person_is_known(left: SqlStore) -> None:
    assert set(columns(left.left_lists("d"), "target", "email")) == {("Readers", ANN), ("Readers", SECOND)}
    assert left.left_lists("other").num_rows == 0


def test_additions_are_left_out_at_this_list_and_destination_only(left: SqlStore) -> None:
    everybody = (ANN, SECOND, BOB, NOBODY)
    rows = [
        {"destination": destination, "op": "add", "kind": "list", "target": target, "email": email}
        for destination in ("d", "other")
        for target in ("More", "Readers")
        for email in everybody
    ]
    with left.lease("test"):
        run = open_run(left, changes(*rows))
        for destination in ("d", "other"):
            left.journal.skip_refusing(run, destination)
        found = left.run_changes(run)
        left.journal.finish(run, RunState.FAILED, {})
    skipped = {
        (row["destination"], row["target"], row["email"]) for row in found.to_pylist() if row["code"] == "left_list"
    }
    assert skipped == {("d", "Readers", ANN), ("d", "Readers", SECOND)}


def test_a_move_of_who_left_is_left_out_under_the_new_address(left: SqlStore) -> None:
    new = "ann.new@example.com"
    rows = [
        {"op": "move", "email": new, "old_email": SECOND},
        {"op": "add", "kind": "list", "target": "Readers", "email": new},
    ]
    with left.lease("test"):
        run = open_run(left, changes(*rows))
        left.journal.skip_refusing(run, "d")
        found = {row["op"]: row["code"] for row in left.run_changes(run).to_pylist()}
        left.journal.finish(run, RunState.FAILED, {})
    assert found == {"move": None, "add": "left_list"}
