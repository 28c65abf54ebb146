"""How Mailchimp speaks: request bodies out of records, answers into tables and outcomes.

Owns: the shapes and words of the Marketing API 3.0. Must not: send, keep state, know segments or plans.

"Observed" below means: asserted by the tests of the open-source hull-mailchimp connector, which ran against the live
service (its e2e client test, read 2026-11-21). The vendor's reference does not say these things.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import ContractError, NotSent, Refused, Retryable
from connector.core.model import NewContacts, Outcome, Status
from connector.core.problem import did_you_mean
from connector.core.schemas import CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.core.scrub import scrub
from connector.platforms import answered
from connector.platforms.base import Choices, RecordOutcome
from connector.platforms.http import bounded

# Reading: only these four fields of a member are asked for. `id` is the MD5 of the address and changes with it;
# `contact_id` stays (mailchimp.com/developer/marketing/api/list-members, read 2026-11-28).
MEMBER_FIELDS = ("contact_id", "email_address", "status", "last_changed")
_READ = pa.schema([(name, pa.string()) for name in MEMBER_FIELDS])

STATUSES = {
    "subscribed": Status.SUBSCRIBED,
    "pending": Status.PENDING,
    "transactional": Status.NEVER_SUBSCRIBED,
    "unsubscribed": Status.UNSUBSCRIBED,
    "cleaned": Status.BOUNCED,
    "archived": Status.ARCHIVED,
}

# Rows of a batch that Mailchimp refused. It has one code for all of them (ERROR_GENERIC), so here, and only here and
# in _TAG_TEXTS, its wording decides. An unknown wording is "refused": reported and parked, never sent again unchanged.
# Wordings: observed, and the issues of other clients (ibericode/mailchimp-for-wordpress#798 and #771).
_ROW_TEXTS = (
    ("compliance state", Outcome.REJECTED, "compliance"),
    ("permanently deleted", Outcome.REJECTED, "forgotten"),
    ("forgotten email", Outcome.REJECTED, "forgotten"),
    ("looks fake or invalid", Outcome.REJECTED, "looks_fake"),
    ("valid email address", Outcome.REJECTED, "invalid_email"),
    ("signed up to a lot of lists", Outcome.FAILED, "too_many_signups"),  # lifted after some hours
    ("merge fields were invalid", Outcome.REJECTED, "invalid_field"),
    ("already a list member", Outcome.FAILED, "exists"),
)

# Addresses of a tag request in `errors` (which has no codes at all); observed. Both say that nothing was left to do.
_TAG_TEXTS = ("already exist in the static segment", "do not exist in the static segment")

_DATE = re.compile(r"^\d{4}-\d\d-\d\d")
_DATE_VALUE = re.compile(r':\s*"\d{4}-\d\d-\d\d')  # in JSON


# ---------------------------------------------------------------- requests


def new_member(record: Mapping[str, Any], types: Mapping[str, str], destination: str) -> dict[str, Any]:
    """One item of a CREATE. Raises NotSent for a subscription without dated proof: the gate let it through."""
    status = record["new_status"]
    if status not in (NewContacts.TRANSACTIONAL, NewContacts.PENDING, NewContacts.SUBSCRIBED):
        raise NotSent(f"{destination}: a contact cannot be created as {status!r}.", destination=destination)
    item = {"status": str(status), **known_member(record, types)}
    if status == NewContacts.SUBSCRIBED:
        if record["consent_at"] is None:
            raise NotSent(f"{destination}: a subscription without a date of consent.", destination=destination)
        at = record["consent_at"].isoformat(timespec="seconds")
        item |= {"timestamp_signup": at, "timestamp_opt": at}
    return item


def known_member(record: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    """One item of an UPDATE, sent with update_existing. It has no status on purpose: without one Mailchimp leaves a
    member's subscription alone, and answers an address that it does not hold, or has erased, with a row error instead
    of creating it (observed; VingtCinq/python-mailchimp#68 says the same of status_if_new). The vendor's page,
    api/lists/batch-subscribe-or-unsubscribe, is unclear. So the request itself proves that the contact is held, for 500
    at once; should it ever create somebody, the outcome says so."""
    fields = json.loads(record["fields"] or "{}")
    return {
        "email_address": record["email"],
        "merge_fields": {tag: _value(value, types.get(tag, "")) for tag, value in fields.items()},
    }


def has_dates(records: Iterable[Mapping[str, Any]]) -> bool:
    """Is there a value whose spelling depends on the type of its merge field?"""
    return any(_DATE_VALUE.search(record["fields"] or "") for record in records)


def choices(known: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> dict[str, Choices]:
    """What those of the merge fields take that are a dropdown or radio buttons."""
    chosen = {name: (known.get(name) or {}) for name in names}
    found = {name: (field.get("options") or {}).get("choices") for name, field in chosen.items()
             if field.get("type") in ("dropdown", "radio")}  # fmt: skip
    return {name: Choices(frozenset(map(str, values))) for name, values in found.items() if values}


def _value(value: object, kind: str) -> object:
    """A merge field's value: "" clears, dates are YYYY-MM-DD and birthdays MM/DD, lists are joined
    (mailchimp.com/developer/marketing/docs/merge-fields, read 2026-11-21)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str) and _DATE.match(value):
        if kind == "birthday":
            return f"{value[5:7]}/{value[8:10]}"
        if kind == "date":
            return value[:10]
    return value


def subscriber_hash(email: str) -> str:
    """Mailchimp's id of a member in a path: the MD5 of the lower-case address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


# ---------------------------------------------------------------- answers


def audience(audiences: Sequence[Mapping[str, Any]], wanted: str | None, destination: str) -> dict[str, Any]:
    """The one that is wanted, by name or id; without either, the only one there is. Raises Refused."""
    if not all(isinstance(one.get("id"), str) and one["id"] for one in audiences):
        text = f"{destination}: an audience in the answer has no id. Mailchimp changed, or this is not its address."
        raise ContractError(text, destination=destination, code="shape")
    found = [one for one in audiences if wanted is None or wanted in (one.get("name"), one.get("id"))]
    exact = [one for one in found if one.get("id") == wanted]
    if len(exact or found) == 1:
        return dict((exact or found)[0])
    if not found:
        what = (
            f"there is no audience “{wanted}”.{did_you_mean(wanted or '', [str(one.get('name')) for one in audiences])}"
        )
    else:
        ids = ", ".join(f"{one.get('name')} ({one.get('id')})" for one in found[:8])
        what = f"which audience? Write one of these ids as `audience:` in segments.yaml: {ids}."
    raise Refused(f"{destination}: {what}", destination=destination, code="unknown_audience")


def open_batches(rows: Iterable[Mapping[str, Any]]) -> dict[str, datetime | None]:
    """Those of /batches that are not finished: id -> when Mailchimp took them."""
    return {str(row.get("id")): _instant(row.get("submitted_at")) for row in rows if row.get("status") != "finished"}


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo else None


def rows(body: object, key: str, destination: str) -> list[dict[str, Any]]:
    """body[key], a list of objects. Raises ContractError when it is not one."""
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        text = f"{destination}: the answer has no list “{key}”. Mailchimp changed, or this is not its address."
        raise ContractError(text, destination=destination, code="shape")
    return found


def contacts(members: Sequence[Mapping[str, Any]], destination: str) -> pa.Table:
    """Members as CONTACT_SCHEMA. Those without an address (SMS contacts) are left out; an unknown status is read as
    suppressed, so that nobody is mailed by mistake."""
    read = _read(members, destination)
    known = pa.array([str(status) for status in STATUSES.values()])
    place = pc.index_in(read["status"], value_set=pa.array(list(STATUSES)))
    try:
        changed = pc.if_else(pc.equal(read["last_changed"], ""), None, read["last_changed"])
        status_at = pc.cast(changed, pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        text = f"{destination}: a time in the answer is not in ISO 8601 format."
        raise ContractError(text, destination=destination, code="shape") from None
    return pa.table(
        [
            pc.utf8_lower(read["email_address"]),
            read["contact_id"],
            pc.fill_null(known.take(place.combine_chunks()), str(Status.SUPPRESSED)),
            status_at,
            *(pa.nulls(len(read), CONTACT_SCHEMA.field(name).type) for name in ("tags", "left")),
        ],
        schema=CONTACT_SCHEMA,
    )


def tagged(members: Sequence[Mapping[str, Any]], destination: str) -> pa.Table:
    """Members of a tag as MEMBER_SCHEMA."""
    read = _read(members, destination)
    return pa.table([pc.utf8_lower(read["email_address"]), read["contact_id"]], schema=MEMBER_SCHEMA)


def _read(members: Sequence[Mapping[str, Any]], destination: str) -> pa.Table:
    try:
        table = pa.Table.from_pylist(list(members), schema=_READ)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        text = f"{destination}: a member in the answer is not of the documented shape."
        raise ContractError(text, destination=destination, code="shape") from None
    return table.filter(pc.greater(pc.utf8_length(table["email_address"]), 0))


# ---------------------------------------------------------------- outcomes


def member_outcomes(
    items: Sequence[Mapping[str, Any]], body: object, creating: bool, destination: str
) -> tuple[RecordOutcome, ...]:
    """What became of the items of a CREATE or UPDATE. One that the answer does not name is UNKNOWN."""
    tally = _Tally([item["email_address"] for item in items], destination, [item["merge_fields"] for item in items])
    for row in rows(body, "new_members", destination):
        if creating:
            tally.taken(row)
        else:  # would contradict what was observed; the next run meets a contact that exists
            tally.add(row.get("email_address"), Outcome.FAILED, "created", "Mailchimp created a contact on an update.")
    for row in rows(body, "updated_members", destination):
        if creating:
            tally.add(row.get("email_address"), Outcome.FAILED, "exists")
        else:
            tally.taken(row)
    for row in rows(body, "errors", destination):
        outcome, code = _row_error(row, creating)
        tally.add(row.get("email_address"), outcome, code, _detail(row), field=row.get("field"))
    return tally.all(Outcome.UNKNOWN, "no_outcome")


def _row_error(row: Mapping[str, Any], creating: bool) -> tuple[Outcome, str]:
    if row.get("error_code") == "ERROR_CONTACT_EXISTS":
        return Outcome.FAILED, "exists"
    text = str(row.get("error") or "").casefold()
    for words, outcome, code in _ROW_TEXTS:
        if words in text:
            return outcome, code
    field = str(row.get("field") or "").lower()
    if not creating and (field in ("status", "status_if_new") or (not field and "could not be validated" in text)):
        return (
            Outcome.REJECTED,
            "not_held",
        )  # only a new member needs the status that an update does not send (observed)
    if field:
        return Outcome.REJECTED, "invalid_email" if field in ("email", "email_address") else "invalid_field"
    return Outcome.REJECTED, "refused"


def _detail(row: Mapping[str, Any]) -> str:
    parts = (row.get("field"), row.get("field_message") or row.get("error"))
    return ": ".join(scrub(str(part)) for part in parts if part)


def tag_outcomes(emails: Sequence[str], body: object, adding: bool, destination: str) -> tuple[RecordOutcome, ...]:
    """What became of an ADD or REMOVE. Addresses that the audience does not hold are ignored without a word
    (mailchimp.com/developer/marketing/api/list-segments, read 2026-11-21): they cannot get the tag, and have none to
    lose."""
    tally = _Tally(emails, destination)
    for row in rows(body, "members_added" if adding else "members_removed", destination):
        tally.add(row.get("email_address"), Outcome.APPLIED)
    for row in rows(body, "errors", destination):
        text = str(row.get("error") or "")
        done = any(words in text.casefold() for words in _TAG_TEXTS)
        for email in row.get("email_addresses") or ():
            if done:
                tally.add(email, Outcome.UNCHANGED)
            else:
                tally.add(email, Outcome.REJECTED, "refused", scrub(text))
    return tally.all(Outcome.REJECTED if adding else Outcome.UNCHANGED, "not_held")


def archive_outcomes(archive: bytes, emails: Sequence[str], destination: str) -> tuple[RecordOutcome, ...]:
    """What became of a RETIRE, from the batch's result file: a tar.gz of JSON lists of {status_code, operation_id}.
    405 means bounced, pending or archived already (amro/gibbon#320); the caller tells the last apart."""
    by_status = {
        204: (Outcome.APPLIED, ""),
        404: (Outcome.UNCHANGED, "not_held"),
        405: (Outcome.REJECTED, "not_archivable"),
    }

    def outcome(result: Mapping[str, Any]) -> tuple[Outcome, str]:
        status = result.get("status_code")
        return by_status.get(status or 0, (Outcome.FAILED, str(status)))

    return operation_outcomes(archive, emails, destination, outcome)


def operation_outcomes(
    archive: bytes,
    emails: Sequence[str],
    destination: str,
    outcome: Callable[[dict[str, Any]], tuple[Outcome, str]],
) -> tuple[RecordOutcome, ...]:
    """One per record from a batch's result file, as `outcome` reads a result."""
    tally = _Tally(emails, destination)
    for result in _results(archive, destination):
        index = str(result.get("operation_id"))
        if not index.isdigit() or int(index) >= len(emails):
            continue  # not an operation of ours; its record becomes UNKNOWN
        tally.add(emails[int(index)], *outcome(result))
    return tally.all(Outcome.UNKNOWN, "no_outcome")


def move_outcomes(archive: bytes, emails: Sequence[str], destination: str) -> tuple[RecordOutcome, ...]:
    """What became of a MOVE to `emails`, from the batch's result file. 400 says in its text why not."""
    tally = _Tally(emails, destination)
    for result in _results(archive, destination):
        status, index = result.get("status_code") or 0, str(result.get("operation_id"))
        if not index.isdigit() or int(index) >= len(emails):
            continue  # not an operation of ours; its record becomes UNKNOWN
        email = emails[int(index)]
        if status == 200:
            tally.add(email, Outcome.APPLIED)
        elif status == 404:
            tally.add(email, Outcome.REJECTED, "not_held")
        elif status == 400:
            tally.add(email, *refusal(str(result.get("response") or "")))
        else:
            tally.add(email, Outcome.FAILED, str(status))
    return tally.all(Outcome.UNKNOWN, "no_outcome")


def refusal(text: str) -> tuple[Outcome, str]:
    """A problem document of one operation, by its words (see _ROW_TEXTS)."""
    found = ((outcome, code) for words, outcome, code in _ROW_TEXTS if words in text.casefold())
    return next(found, (Outcome.REJECTED, "refused"))


def _results(archive: bytes, destination: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(bounded.unzip(archive))) as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.name.endswith(".json") else None
                found += json.load(file) if file else []
    except (OSError, EOFError, zlib.error, tarfile.TarError, ValueError, TypeError, RecursionError, bounded.Excessive):
        text = f"{destination}: the result file of a batch cannot be read."
        raise Retryable(text, destination=destination, code="garbled") from None
    return [result for result in found if isinstance(result, dict)]


class _Tally:
    """One outcome per record, found by address. Answers repeat addresses in the spelling that Mailchimp stored."""

    def __init__(self, emails: Sequence[str], destination: str, fields: Sequence[Mapping[str, Any]] = ()) -> None:
        self._fields = fields
        self._index = {email.lower(): index for index, email in enumerate(emails)}
        self._found: dict[int, RecordOutcome] = {}
        self._size = len(emails)
        self._destination = destination

    def add(self, email: object, outcome: Outcome, code: str = "", detail: str = "", *, field: object = None) -> None:
        """`field`: the merge field that was refused, as the answer writes it."""
        index = self._place(email)
        wanted = str(field or "").removeprefix("merge_fields.").casefold()
        named = tuple(name for name in (self._fields[index] if self._fields else ()) if name.casefold() == wanted)
        self._found[index] = RecordOutcome(index, outcome, code, detail, fields=named)

    def taken(self, row: Mapping[str, Any]) -> None:
        """APPLIED, as the member in the answer shows."""
        index, contact = self._place(row.get("email_address")), row.get("contact_id")
        remote = contact if isinstance(contact, str) else None
        told = row.get("merge_fields")
        self._found[index] = answered.applied(index, self._fields[index], told, remote, "Mailchimp")

    def _place(self, email: object) -> int:
        index = self._index.get(str(email).strip().lower())
        if index is None:
            text = f"{self._destination}: the answer names a contact that was not in the request."
            raise ContractError(text, destination=self._destination, code="stranger")
        return index

    def all(self, otherwise: Outcome, code: str) -> tuple[RecordOutcome, ...]:
        return tuple(self._found.get(index) or RecordOutcome(index, otherwise, code) for index in range(self._size))
