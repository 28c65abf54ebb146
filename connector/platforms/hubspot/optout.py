"""Opting contacts out of all email at HubSpot, and which addresses are.

Owns: who may be in such a request, by what HubSpot says of them right before it, and what its answer says of each; what
an answer about opt-outs says.
Must not: send, keep state, repeat a vendor's message.

HubSpot keeps opt-outs by address, and takes one for an address that no contact has, or that is a contact's second one,
which is not mailed. So the request names primary addresses of contacts only.
Facts: developers.hubspot.com/docs/api-reference/2026-03/communication-preferences (2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from connector.core.errors import BadRecords
from connector.core.model import BLOCKED, Outcome, Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import RecordOutcome
from connector.platforms.hubspot.errors import Declined, faults, meaning
from connector.platforms.hubspot.wire import addresses, status_of


def judge(emails: Sequence[str], contacts: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[RecordOutcome]]:
    """Indexes of those to opt out, and the outcomes of all others. `contacts` are results of a reading by email."""
    told: dict[str, RecordOutcome] = {}
    for contact in contacts:
        properties = contact.get("properties") or {}
        for place, address in enumerate(addresses(properties)):
            told[address] = _told(status_of(properties), primary=place == 0)
    send, left = [], []
    for index, email in enumerate(emails):
        one = told.get(
            email.lower(), RecordOutcome(0, Outcome.SKIPPED, "not_held", "HubSpot does not hold this contact")
        )
        if one.outcome is Outcome.UNKNOWN:
            send.append(index)
        else:
            left.append(RecordOutcome(index, one.outcome, one.code, one.detail))
    return send, left


def _told(status: Status, *, primary: bool) -> RecordOutcome:
    """UNKNOWN stands for: has to be sent."""
    if not primary:
        return RecordOutcome(0, Outcome.SKIPPED, "second_address", "HubSpot mails the contact under another address")
    if status is Status.UNSUBSCRIBED:
        return RecordOutcome(0, Outcome.UNCHANGED)
    if status in BLOCKED:
        return RecordOutcome(0, Outcome.SKIPPED, "said_no", "HubSpot does not mail this contact any more")
    return RecordOutcome(0, Outcome.UNKNOWN)


def out(body: Mapping[str, Any]) -> set[str]:
    """The addresses that an answer about opt-outs names as opted out: of the portal or of a business unit of it."""
    return {
        str(one["subscriberIdString"]).strip().lower()
        for one in body["results"]
        if any(each["status"] == "UNSUBSCRIBED" for each in one["wideStatuses"])
    }


def table(body: Mapping[str, Any]) -> pa.Table:
    """The same as CONTACT_SCHEMA: no contact has these addresses."""
    rows = [{"email": email, "status": str(Status.UNSUBSCRIBED)} for email in sorted(out(body))]
    return pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)


def outcomes(body: Mapping[str, Any], emails: Sequence[str], sent: Sequence[int]) -> list[RecordOutcome]:
    """Of an answer: 200, also when it holds `errors`; those it does not name are UNKNOWN. `sent` are indexes."""
    waiting = {emails[index].lower(): index for index in sent}
    found = []
    for result in body.get("results") or ():
        index = waiting.pop(str(result.get("subscriberIdString")).strip().lower(), None)
        if index is not None:
            found.append(RecordOutcome(index, Outcome.APPLIED))
    for error in body.get("errors") or ():
        outcome, code, detail = meaning(faults(error))
        for text in (text for texts in (error.get("context") or {}).values() for text in texts):
            index = waiting.pop(str(text).strip().lower(), None)
            if index is not None:
                found.append(RecordOutcome(index, outcome, code, detail))
    unclear = "HubSpot's answer does not mention this record"
    return found + [RecordOutcome(index, Outcome.UNKNOWN, "no_answer", unclear) for index in waiting.values()]


def refused(error: Declined, sent: Sequence[int], destination: str) -> BadRecords:
    """The request as a whole. It names nobody, so the culprit is known only when it is alone."""
    _, code, detail = meaning(error.faults)
    blamed = {sent[0]: (code, detail)} if len(sent) == 1 else {}
    return BadRecords(str(error), blamed, destination=destination, code=error.code)
