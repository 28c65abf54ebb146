"""Mailchimp is written to by address. Somebody who opted out gets the address of one of ours between the last reading
and the request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.platforms.base import Batch
from connector.platforms.mailchimp.adapter import Mailchimp
from tests.path.platforms import MAILCHIMP
from tests.path.small import Small, small

ANN, BOB, OUT = "ann@example.com", "bob@example.com", "out@example.com"
PEOPLE = {"ann": ANN, "bob": BOB}
ONE = "\n  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}}}"
TWO = ONE + "\n  more: {when: {plan: paid}, send_to: {mailchimp: {tag: More}}}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as world:
        world.write(PEOPLE, ONE)
        world.push()
        body = {"email_address": OUT, "status": "subscribed"}
        world._send("POST", f"{world.audience()}/members", MAILCHIMP, body)
        yield world


def tagged(world: Small, tag: str) -> set[str]:
    """Everybody who has the tag, also those who unsubscribed."""
    path = f"{world.audience()}/segments"
    key = next(one["id"] for one in world._send("GET", path, MAILCHIMP)["segments"] if one["name"] == tag)
    held = world._send("GET", f"{path}/{key}/members?include_unsubscribed=true", MAILCHIMP)["members"]
    return {member["email_address"] for member in held}


def test_an_opted_out_owner_of_the_address_gains_no_membership(world: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does the ledger say that ours has it, and the next push gives it to the right one."""
    push = Mailchimp.push

    def meanwhile(self: Mailchimp, batch: Batch) -> Any:
        monkeypatch.setattr(Mailchimp, "push", push)
        for old, new in ((ANN, "ann.new@example.com"), (OUT, ANN)):
            world._send("PATCH", f"{world.audience()}/members/{old}", MAILCHIMP, {"email_address": new})
        world.unsubscribe_mailchimp(ANN)
        return push(self, batch)

    monkeypatch.setattr(Mailchimp, "push", meanwhile)
    world.write(PEOPLE, TWO)
    _, result = world.push()
    assert not result.errors
    assert world.mailchimp_member(ANN)["status"] == "unsubscribed"
    assert tagged(world, "More") == {BOB}
    for _ in range(2):
        plan, _ = world.push()
    assert not plan.changes.num_rows
    assert ANN not in tagged(world, "More")
