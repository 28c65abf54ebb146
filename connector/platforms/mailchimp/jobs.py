"""What goes through Mailchimp's /batches: archiving a member, another address, unsubscribing.

Owns: the operations of a batch, one request of one member each, and what a finished batch says of an unsubscribe.
Must not: send, keep state.

Unsubscribing goes this way, and not through POST /lists/{list_id}, whose rows create those it does not hold:
PATCH answers 404 for them (mailchimp.com/developer/marketing/api/list-members/update-list-member, read 2026-11-21).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connector.core.model import Op, Outcome
from connector.platforms.base import Batch, RecordOutcome
from connector.platforms.mailchimp import wire

OPERATIONS = (Op.RETIRE, Op.MOVE, Op.UNSUBSCRIBE)


def operations(batch: Batch, members: str) -> list[dict[str, Any]]:
    """`members` is the path of the audience's members. None but an unsubscribe carries a status."""
    found: list[dict[str, Any]] = []
    rows = batch.records.select(["email", "remote_id"]).to_pylist()
    for index, row in enumerate(rows):
        body: dict[str, str] | None = None
        if batch.op is Op.MOVE:
            body = {"email_address": row["email"]}
        elif batch.op is Op.UNSUBSCRIBE:
            body = {"status": "unsubscribed"}
        # By the member's own id: an address may have gone to somebody else.
        key = row["remote_id"]
        if not key and batch.op is not Op.MOVE:
            key = wire.subscriber_hash(row["email"])
        one = {"method": "PATCH" if body else "DELETE", "path": f"{members}/{key}", "operation_id": str(index)}
        # A merge field that somebody made required must not keep anybody subscribed, or at an old address.
        found.append(one | ({"params": {"skip_merge_validation": "true"}, "body": json.dumps(body)} if body else {}))
    return found


def all_done(batch: Batch) -> tuple[RecordOutcome, ...]:
    """Of a batch in which nothing went wrong."""
    return tuple(RecordOutcome(index, Outcome.APPLIED) for index in range(batch.records.num_rows))


def unsubscribed(archive: bytes, emails: Sequence[str], destination: str) -> tuple[RecordOutcome, ...]:
    """What became of an UNSUBSCRIBE, from the batch's result file. Who is not in the audience stays unknown to it:
    they are no record of ours that could be unsubscribed."""

    def outcome(result: dict[str, Any]) -> tuple[Outcome, str]:
        status = result.get("status_code") or 0
        if status == 400:
            return wire.refusal(str(result.get("response") or ""))
        known = {200: (Outcome.APPLIED, ""), 404: (Outcome.SKIPPED, "not_held")}
        return known.get(status, (Outcome.FAILED, str(status)))

    return wire.operation_outcomes(archive, emails, destination, outcome)
