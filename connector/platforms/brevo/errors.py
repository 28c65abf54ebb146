"""What an answer of Brevo means, by status and code.

Owns: the mapping to the connector's errors. Must not: send, or put an address or a key into a text.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.core.counts import count_of
from connector.core.errors import (
    AccountLimit,
    Auth,
    ContractError,
    DestinationError,
    Gone,
    MissingScope,
    NotSent,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.core.scrub import scrub
from connector.platforms.base import ACCOUNT_LIMIT
from connector.platforms.http.client import Reply

NOT_FOUND, DECLINED = "not_found", "declined"
_RESET = "x-sib-ratelimit-reset"
_PATIENCE = 600.0  # seconds; a longer wait is told to the user (retry.RetryPolicy.patience)


class Declined(Refused):
    """A 400: what was asked for cannot be done with these records."""


def trouble(destination: str, reply: Reply) -> DestinationError | None:
    """Which error an answer is; None for one to use."""
    status = reply.status
    if status < 400:
        return None
    code, text = _said(reply)
    if status == 403 and not reply.is_json:  # the page of the edge, not about the key
        return Retryable(f"{destination}: blocked at Brevo's edge.", destination=destination, code="blocked")
    if status in (401, 403):
        kind = Auth if status == 401 else MissingScope
        said = f" It says: {text}" if text else ""
        return kind(_AUTH[status].format(destination) + said, destination=destination, code=code)
    if status == 429:
        return _throttled(destination, reply.headers)
    if status == 503:
        return Retryable(f"{destination}: Brevo is unavailable (503).", destination=destination, code="503")
    if status >= 500:
        return Unanswered(f"{destination}: Brevo failed ({status}).", destination=destination, code=str(status))
    if status == 413:
        return TooLarge(f"{destination}: the request is over Brevo's 10 MB.", destination=destination, code="too_large")
    told = f"{destination}: Brevo refused the request ({status}, {code}): {text}".rstrip(": ")
    if status == 404:
        return Gone(told, destination=destination, code=NOT_FOUND)
    if status == 402 or code == "not_enough_credits":  # guide “Error codes” of the reference
        return AccountLimit(told, destination=destination, code=ACCOUNT_LIMIT)
    refused = Declined if status == 400 else Refused
    return refused(told, destination=destination, code=code)


_AUTH = {
    401: "{}: Brevo does not accept the key, or not from this address (401). Check api_key: an API key (v3) that "
    "begins with xkeysib-; and the authorised IPs under Security in Brevo.",
    403: "{}: Brevo does not let this key do this (403). The account may be under validation, or its plan lacks this.",
}


def _said(reply: Reply) -> tuple[str, str]:
    body = reply.body if isinstance(reply.body, Mapping) else {}
    return str(body.get("code") or reply.status), scrub(str(body.get("message") or ""))


def _throttled(destination: str, headers: Mapping[str, str]) -> Retryable:
    """There is no Retry-After; the reset counts seconds (guide “Rate limit headers”)."""
    told = next((value for name, value in headers.items() if name.lower() == _RESET), "")
    seconds = float(told) if told.isdigit() else None
    text = f"{destination}: too many requests (429)."
    if seconds is not None and seconds > _PATIENCE:
        wait = count_of(round(seconds / 60), "minute")
        text = f"{destination}: Brevo's allowance of the hour is used up. Run again in {wait}."
    return Retryable(text, destination=destination, code="throttled", retry_after=seconds)


def bug(destination: str, what: str) -> NotSent:
    return NotSent(f"{destination}: the Brevo adapter {what}.", destination=destination, code="bug")


def shape(destination: str, where: str) -> ContractError:
    text = f"{destination}: an answer of Brevo is not of the documented shape ({where}). Look for a newer version."
    return ContractError(text, destination=destination, code="shape")
