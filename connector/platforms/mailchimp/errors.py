"""Which error an answer of Mailchimp is.

Owns: the meaning of its status codes and problem documents. Must not: send, decide about single records of a 200.
"""

from __future__ import annotations

import re
from typing import Any

from connector.core.errors import (
    AccountLimit,
    Auth,
    BadRecords,
    DestinationError,
    Gone,
    MissingScope,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.core.scrub import scrub
from connector.platforms.base import ACCOUNT_LIMIT
from connector.platforms.http.client import Reply
from connector.platforms.http.retry import retry_after

_ITEM = re.compile(r"^(?:members|members_to_add|members_to_remove)\.item:(\d+)(?:\.(\w+))?")


def trouble(destination: str, secret_name: str, reply: Reply) -> DestinationError | None:
    """Which error an answer is, by status, by whether it is JSON, and by the fields it names."""
    if reply.status < 400:
        return None
    said = _said(reply)

    def error(kind: type[DestinationError], code: str, text: str) -> DestinationError:
        return kind(f"{destination}: {text}{said}", destination=destination, code=code)

    if reply.status == 429 or reply.status == 503 or (reply.status == 403 and not reply.is_json):
        # A 403 or 503 of HTML comes from the gateway at high volume and is about neither key nor request.
        text = f"{destination}: Mailchimp asks to slow down ({reply.status}).{said}"
        wait = retry_after(reply.headers)
        return Retryable(text, destination=destination, code="throttled", retry_after=wait)
    if reply.status >= 500:  # a gateway gives up after 120 s while the request may still be applied
        return error(Unanswered, str(reply.status), f"Mailchimp failed ({reply.status}).")
    if reply.status in (401, 403):
        text = (
            f"the key in {secret_name} is not accepted ({reply.status}). Check that it is not revoked, belongs to this "
            "account, and that its user may change the audience."
        )
        return error(Auth, "auth", text) if reply.status == 401 else error(MissingScope, "forbidden", text)
    if reply.status == 402:
        return error(AccountLimit, ACCOUNT_LIMIT, "the account's plan does not allow this (402).")
    if reply.status == 404:
        text = "not found (404): the audience or tag was deleted there. Run again to look it up afresh."
        return error(Gone, "not_found", text)
    if reply.status in (413, 414):
        return error(TooLarge, str(reply.status), "the request is too large.")
    named, text = _bad_request(destination, reply), f"{destination}: refused ({reply.status}).{said}"
    if named is None and reply.status in (400, 422) and not _errors(reply):  # by which record, halving finds out
        return BadRecords(text, {}, destination=destination, code="refused")
    return named or Refused(text, destination=destination, code=str(reply.status))


def _bad_request(destination: str, reply: Reply) -> DestinationError | None:
    """A 400 that names the culprits, by its field paths."""
    fields = [str(row.get("field") or "") for row in _errors(reply)]
    if fields and set(fields) <= {"members_to_add", "members_to_remove"}:
        # The list as a whole: none of the addresses is held (observed). Its size is checked before sending.
        return Refused(f"{destination}: none of the contacts is held.", destination=destination, code="none_held")
    places = [_ITEM.match(field) for field in fields]
    if not fields or not all(places):
        return None
    culprits: dict[int, tuple[str, str]] = {}
    for place, row in zip(places, _errors(reply), strict=True):
        if place is not None:
            code = "invalid_email" if place[2] in (None, "email_address") else "invalid_field"
            culprits[int(place[1])] = (code, str(row.get("message") or ""))
    return BadRecords(f"{destination}: records were refused.", culprits, destination=destination, code="bad_records")


def _errors(reply: Reply) -> list[dict[str, Any]]:
    found = reply.body.get("errors") if isinstance(reply.body, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _said(reply: Reply) -> str:
    """Mailchimp's own words, without addresses."""
    if not isinstance(reply.body, dict):
        return ""
    parts = [reply.body.get("title"), reply.body.get("detail")]
    parts += [f"{row.get('field')}: {row.get('message')}" for row in _errors(reply)[:3]]
    words = "; ".join(scrub(str(part)) for part in parts if part)
    return f" It says: {words}" if words else ""
