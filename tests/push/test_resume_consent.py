"""Between a crash and its resume people opt out: they are left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import Auth
from connector.core.model import Kind, Op
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import TagStyle
from connector.state.base import RunState, Store

from .conftest import Pusher
from .fake import FakePlatform, capabilities, change, people


def said_no(*emails: str) -> Any:
    def statuses(since: datetime | None) -> Iterator[pa.Table]:
        rows = [{"email": email, "remote_id": "1", "status": "unsubscribed"} for email in emails]
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    return statuses


@pytest.fixture
def platform() -> FakePlatform:
    made = FakePlatform(capabilities(concurrency=1))
    made.trouble = lambda call, batch: Auth("key") if call == 1 else None
    return made


def test_who_opted_out_meanwhile_is_not_created_nor_added(push: Pusher, store: Store, platform: FakePlatform) -> None:
    failed = push(platform, change(Op.CREATE, people(4)), change(Op.ADD, people(4), Kind.LIST, "in"))
    assert failed.state is RunState.FAILED
    platform.statuses = said_no(*people(2))  # type: ignore[method-assign]
    result = push.resume(platform)
    assert result.counts["d"] == {"create": {"applied": 2, "skipped": 2}, "add": {"applied": 2, "skipped": 2}}
    assert set(platform.contacts) == set(people(2, 2)) == platform.members_of(Kind.LIST, "in")


def test_a_platform_that_cannot_be_read_is_not_written_to(push: Pusher, platform: FakePlatform) -> None:
    push(platform, change(Op.CREATE, people(4)))

    def refusing(since: datetime | None) -> Iterator[pa.Table]:
        raise Auth("key")

    platform.statuses = refusing  # type: ignore[method-assign]
    result = push.resume(platform)
    assert (result.state, result.exit_code) == (RunState.FAILED, 4)
    assert str(result.errors["d"]) == "key"
    assert platform.contacts == {}


def test_no_tag_and_no_field_reaches_a_contact_that_opted_out_and_removals_do(
    push: Pusher, platform: FakePlatform
) -> None:
    platform.capabilities = capabilities(TagStyle.PROPERTY, concurrency=1)
    platform.hold(*people(4))
    platform.contacts[people(1)[0]]["tags"] = {"old"}
    push(
        platform,
        change(Op.UPDATE, people(4)),
        change(Op.ADD, people(4), Kind.TAG, "vip"),
        change(Op.REMOVE, people(1), Kind.TAG, "old"),
    )
    platform.statuses = said_no(*people(2))  # type: ignore[method-assign]
    result = push.resume(platform)
    assert result.counts["d"] == {
        "update": {"applied": 3, "skipped": 1},
        "add": {"applied": 2, "skipped": 2},
        "remove": {"applied": 1},
    }
    assert platform.members_of(Kind.TAG, "vip") == set(people(2, 2))
    assert platform.members_of(Kind.TAG, "old") == set()
    assert [platform.contacts[email]["fields"] != "" for email in people(4)] == [False, False, True, True]
