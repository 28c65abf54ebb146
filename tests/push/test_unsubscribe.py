"""Unsubscribing: the recheck before it, a lost answer, and a resume days later. Nobody who opted out is ever sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import Unanswered
from connector.core.model import BLOCKED, Op, Status
from connector.core.schemas import CONTACT_SCHEMA, ENGAGEMENT_SCHEMA, LEDGER_CONTACTS
from connector.platforms.base import Batch, RecordOutcome
from connector.push.recheck_query import fresh, seen, spared
from connector.state.base import RunState, Store

from .conftest import Pusher
from .fake import SPEC, FakePlatform, capabilities, change, people

PEOPLE = people(15)  # two batches
DAY = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Platform(FakePlatform):
    """Tells everybody's status at each look."""

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        rows = [
            {"email": email, "remote_id": contact["id"], "status": contact.get("status", "subscribed")}
            for email, contact in self.contacts.items()
        ]
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    def say(self, status: str, *emails: str) -> None:
        for email in emails:
            self.contacts[email]["status"] = status

    def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
        found = super()._take(batch, index, row)
        if batch.op is Op.UNSUBSCRIBE:
            self.say("unsubscribed", row["email"])
        return found

    def named(self) -> list[list[str]]:
        """The addresses of each request."""
        return [batch.records["email"].to_pylist() for batch in self.sent]


@pytest.fixture
def platform(store: Store) -> Platform:
    able = capabilities(concurrency=1)
    made = Platform(replace(able, operations={**able.operations, (Op.UNSUBSCRIBE, None): SPEC}))
    made.hold(*PEOPLE)
    for table in made.statuses(None):
        store.observe("d", table)
    return made


def statuses(store: Store) -> dict[str, str]:
    return {row["email"]: row["status"] for row in store.ledger("d").contacts.to_pylist()}


def test_the_ledger_says_so(push: Pusher, store: Store, platform: Platform) -> None:
    result = push(platform, change(Op.UNSUBSCRIBE, PEOPLE))
    assert result.counts["d"] == {"unsubscribe": {"applied": 15}}
    assert statuses(store) == dict.fromkeys(PEOPLE, "unsubscribed")


@pytest.mark.parametrize("status", sorted(BLOCKED))
def test_who_opted_out_since_the_plan_is_left_out(push: Pusher, platform: Platform, status: str) -> None:
    platform.say(status, PEOPLE[0])
    result = push(platform, change(Op.UNSUBSCRIBE, PEOPLE[:3]))
    assert result.counts["d"] == {"unsubscribe": {"applied": 2, "skipped": 1}}
    assert platform.named() == [PEOPLE[1:3]]


def test_who_is_unknown_to_the_ledger_is_left_out(push: Pusher, platform: Platform) -> None:
    result = push(platform, change(Op.UNSUBSCRIBE, [PEOPLE[0], "stranger@example.com"]))
    assert result.counts["d"] == {"unsubscribe": {"applied": 1, "skipped": 1}}
    assert platform.named() == [[PEOPLE[0]]]


def test_a_lost_answer_is_asked_for_again_and_ours(push: Pusher, store: Store, platform: Platform) -> None:
    platform.lost = lambda call, batch: Unanswered("lost") if call == 1 else None
    result = push(platform, change(Op.UNSUBSCRIBE, PEOPLE))
    assert result.counts["d"] == {"unsubscribe": {"applied": 15}}
    assert platform.named() == [PEOPLE[:10], PEOPLE[10:], PEOPLE[:10]]


def test_resume_days_later(push: Pusher, store: Store, platform: Platform) -> None:
    """The first batch left without an answer, the second never did; people opted out meanwhile."""

    class Cut(BaseException):
        pass

    platform.lost = lambda call, batch: Cut()
    with pytest.raises(Cut):
        push(platform, change(Op.UNSUBSCRIBE, PEOPLE))
    assert len(platform.sent) == 1
    platform.lost = lambda call, batch: None
    platform.say("bounced", PEOPLE[0], PEOPLE[10])
    platform.say("unsubscribed", PEOPLE[11])
    result = push.resume(platform)
    assert result.state is RunState.DONE
    assert platform.named()[1:] == [PEOPLE[1:10], PEOPLE[12:]]
    assert result.counts["d"] == {"unsubscribe": {"applied": 12, "skipped": 3}}
    expected = dict.fromkeys(PEOPLE, "unsubscribed") | dict.fromkeys((PEOPLE[0], PEOPLE[10]), "bounced")
    assert statuses(store) == expected


def test_totals_of_old_opens_spare_nobody() -> None:
    """HubSpot tells the last click of all times with every contact that something happened to."""

    def table(*rows: tuple[str, datetime | None]) -> pa.Table:
        found = [{"email": email, "last_click_at": at} for email, at in rows]
        return pa.Table.from_pylist(found, schema=ENGAGEMENT_SCHEMA)

    known = table((PEOPLE[0], DAY), (PEOPLE[1], DAY))
    read = table((PEOPLE[0], DAY), (PEOPLE[1], DAY.replace(hour=1)), (PEOPLE[2], DAY), (PEOPLE[3], None))
    assert fresh(read, known)["email"].to_pylist() == [PEOPLE[1], PEOPLE[2]]


@pytest.mark.parametrize(("retired", "expected"), [(None, [0, 1, 2]), ("unsubscribed", [])])
def test_a_first_try_spares_every_no_that_was_known(retired: str | None, expected: list[int]) -> None:
    emails, known = PEOPLE[:4], [Status.UNSUBSCRIBED, Status.BOUNCED, Status.ABSENT, Status.SUBSCRIBED]
    rows = [{"email": email, "status": str(status)} for email, status in zip(emails, known, strict=True)]
    contacts, nothing = pa.Table.from_pylist(rows, schema=LEDGER_CONTACTS), ENGAGEMENT_SCHEMA.empty_table()
    noted = dict(zip(*seen(contacts, nothing).to_pydict().values(), strict=True))
    records = pa.table({"seq": [0, 1, 2, 3], "email": emails, "seen": [noted[email] for email in emails]})
    found = spared(records, contacts, nothing, nothing, retired)
    assert sorted(found["seq"].to_pylist()) == expected
