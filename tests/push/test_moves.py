"""A new address whose answer was lost: it is looked up who has it now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import Auth, Unanswered
from connector.core.model import Kind, Op
from connector.core.schemas import CONTACT_SCHEMA
from connector.state.base import Store

from .conftest import Pusher
from .fake import FakePlatform, capabilities, change

OLD, NEW = "old@example.com", "new@example.com"


@pytest.mark.parametrize(
    ("found", "outcome", "address"), [("7", "applied", NEW), ("8", "failed", OLD)], ids=["moved", "made by others"]
)
def test_a_move_of_unknown_outcome(push: Pusher, store: Store, found: str, outcome: str, address: str) -> None:
    made = capabilities(concurrency=1)
    move = replace(made.operations[Op.UPDATE, None], addressed_by="id")
    platform = FakePlatform(replace(made, operations={**made.operations, (Op.MOVE, None): move}))
    platform.trouble = lambda call, batch: Unanswered("lost", code="no_answer")
    held = [{"email": OLD, "remote_id": "7", "status": "subscribed"}]
    store.observe("d", pa.Table.from_pylist(held, schema=CONTACT_SCHEMA))

    def lookup(emails: Any, there: int = 0) -> Iterator[pa.Table]:
        rows = [{"email": NEW, "remote_id": found, "status": "subscribed"}] if found == "8" or NEW in emails else []
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    platform.lookup = lookup  # type: ignore[method-assign]
    result = push(platform, change(Op.MOVE, [NEW], old_email=OLD))
    assert result.counts["d"] == {"move": {outcome: 1}}
    ids = dict(zip(*(store.ledger("d").contacts[name].to_pylist() for name in ("remote_id", "email")), strict=True))
    assert ids["7"] == address


@pytest.mark.parametrize(
    ("shown", "outcome"), [(OLD, "skipped"), (NEW, "applied")], ids=["said under the old", "it has the new already"]
)
def test_an_opt_out_before_a_move_is_resumed(push: Pusher, store: Store, shown: str, outcome: str) -> None:
    made = capabilities(concurrency=1)
    move = replace(made.operations[Op.UPDATE, None], addressed_by="id")
    platform = FakePlatform(replace(made, operations={**made.operations, (Op.MOVE, None): move}))
    platform.hold(shown)
    held = [{"email": OLD, "remote_id": "7", "status": "subscribed"}]
    store.observe("d", pa.Table.from_pylist(held, schema=CONTACT_SCHEMA))
    platform.trouble = lambda call, batch: Auth("key") if call == 1 else None
    push(platform, change(Op.MOVE, [NEW], old_email=OLD), change(Op.ADD, [NEW], Kind.LIST, "in"))

    def statuses(since: Any) -> Iterator[pa.Table]:
        rows = [{"email": shown, "remote_id": "7", "status": "unsubscribed"}]
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    platform.statuses = statuses  # type: ignore[method-assign]
    result = push.resume(platform)
    assert result.counts["d"] == {"move": {outcome: 1}, "add": {"skipped": 1}}
    contacts = store.ledger("d").contacts
    known = dict(zip(contacts["email"].to_pylist(), contacts["status"].to_pylist(), strict=True))
    assert known == {shown: "unsubscribed"}
