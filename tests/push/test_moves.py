"""A new address whose answer was lost: it is looked up who has it now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from connector.errors import Unanswered
from connector.model import Op
from connector.platforms.base import CONTACT_SCHEMA
from connector.state.base import Store

from .conftest import Pusher
from .fake import FakePlatform, capabilities, change

OLD, NEW = "old@example.com", "new@example.com"


@pytest.mark.parametrize(
    ("found", "outcome", "address"), [("7", "applied", NEW), ("8", "failed", OLD)], ids=["moved", "made by others"]
)
def test_a_move_in_doubt(push: Pusher, store: Store, found: str, outcome: str, address: str) -> None:
    made = capabilities(concurrency=1)
    move = replace(made.operations[Op.UPDATE, None], addressed_by="id")
    platform = FakePlatform(replace(made, operations={**made.operations, (Op.MOVE, None): move}))
    platform.trouble = lambda call, batch: Unanswered("lost", code="no_answer")
    held = [{"email": OLD, "remote_id": "7", "status": "subscribed"}]
    store.observe("d", pa.Table.from_pylist(held, schema=CONTACT_SCHEMA))

    def lookup(emails: Any) -> Iterator[pa.Table]:
        rows = [{"email": NEW, "remote_id": found, "status": "subscribed"}] if found == "8" or NEW in emails else []
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    platform.lookup = lookup  # type: ignore[method-assign]
    result = push(platform, change(Op.MOVE, [NEW], old_email=OLD))
    assert result.counts["d"] == {"move": {outcome: 1}}
    ids = dict(zip(*(store.ledger("d").contacts[name].to_pylist() for name in ("remote_id", "email")), strict=True))
    assert ids["7"] == address
