"""Whose an address was when Mailchimp wrote to it. Tags and fields are written by address, and an address may have gone
to another member since it was read.

Owns: who is named by an answer and not meant: another member than the one that we know, or one that opted out.
Must not: send.

The members that an answer names come with `contact_id` and `status` (api/list-segments, api/lists, read 2026-11-29).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.core.model import BLOCKED, Outcome
from connector.platforms.base import Batch, RecordOutcome
from connector.platforms.mailchimp.wire import STATUSES

OPTED_OUT = (Outcome.SKIPPED, "opted_out", "opted out right before the request")
OTHERS = (Outcome.FAILED, "other_address", "the address belongs to another member by now")


def not_meant(batch: Batch, named: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Outcome, str, str]]:
    """Address (lower case) -> why, of those of `named` that the batch did not mean."""
    rows = batch.records.select(["email", "remote_id"]).to_pylist()
    ours = {row["email"].lower(): row["remote_id"] for row in rows}
    found = {}
    for member in named:
        email, contact = str(member.get("email_address")).strip().lower(), member.get("contact_id")
        if STATUSES.get(str(member.get("status"))) in BLOCKED:
            found[email] = OPTED_OUT
        elif ours.get(email) and isinstance(contact, str) and contact != ours[email]:
            found[email] = OTHERS
    return found


def judged(
    outcomes: Sequence[RecordOutcome], batch: Batch, found: Mapping[str, tuple[Outcome, str, str]]
) -> tuple[RecordOutcome, ...]:
    """The outcomes with those of `found` as they are."""
    emails = [email.lower() for email in batch.records["email"].to_pylist()]
    whose = ((each, found.get(emails[each.index])) for each in outcomes)
    return tuple(each if why is None else RecordOutcome(each.index, *why) for each, why in whose)
