"""Two rows are one contact: what was taken from it under one address is taken from it, whatever became of the other."""

from __future__ import annotations

import pytest

from connector.core.model import Kind
from connector.state.base import RunState
from connector.state.store import SqlStore

from .conftest import changes, contacts, open_run

ANN, SECOND, BOB = (f"{name}@example.com" for name in ("ann", "ann.second", "bob"))


@pytest.mark.parametrize("code", ["not_held", "no_carrier"])
@pytest.mark.parametrize(("outcome", "doubtful"), [("applied", {BOB}), ("unchanged", {BOB}), ("failed", {ANN, BOB})])
def test_a_removal_under_the_other_address_settles_the_doubt(
    store: SqlStore, code: str, outcome: str, doubtful: set[str]
) -> None:
    """`no_carrier`: tags that are a property travel in the one update of the contact, under the other address."""
    ids = {ANN: "1", SECOND: "1", BOB: "2"}
    store.observe("d", contacts(*({"email": email, "remote_id": key} for email, key in ids.items())))
    with store.lease("test"):
        rows = [{"op": "remove", "kind": "tag", "target": "vip", "email": email} for email in ids]
        run = open_run(store, changes(*rows))
        store._db.run("INSERT INTO target(destination, kind, name) VALUES ('d', ?, 'vip')", [str(Kind.TAG)])
        known = {row["email"]: row["id"] for row in store.ledger("d").contacts.to_pylist()}
        ((target,),) = store._db.rows("SELECT id FROM target WHERE destination = 'd' AND name = 'vip'")
        for email in (ANN, BOB):
            store._db.run("INSERT INTO membership_doubt(target_id, contact_id) VALUES (?, ?)", [target, known[email]])
        for email, (what, why) in {ANN: ("skipped", code), SECOND: (outcome, None), BOB: ("skipped", code)}.items():
            store._db.run("UPDATE change SET outcome = ?, code = ? WHERE email = ?", [what, why, email])
        store.journal.settle_shared(run, "d")
        store.journal.finish(run, RunState.DONE, {})
    left = {row["contact"] for row in store.ledger("d").doubtful.to_pylist()}
    assert left == {known[email] for email in doubtful}
