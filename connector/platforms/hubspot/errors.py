"""HubSpot's refusals: which error of ours an answer is, and what happened to each record of a batch.

Owns: the meaning of HubSpot's statuses, categories and codes. Must not: send anything, keep state, repeat a vendor's
message (it may hold an address). Facts are of 2026-11-21, from developers.hubspot.com/docs (error handling).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from connector.core.errors import (
    AccountLimit,
    Auth,
    BadRecords,
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
from connector.core.model import Outcome
from connector.platforms import answered
from connector.platforms.base import ACCOUNT_LIMIT, NOT_VISIBLE, RecordOutcome
from connector.platforms.http.client import Reply
from connector.platforms.hubspot.wire import addresses

PATIENCE = 900  # seconds; a longer wait that HubSpot asks for ends the run instead
NOT_TAKEN = (503, 521, 523)  # never reached the work behind; after any other 5xx it may have been done

# The vendor's error codes (errors[].code, or `error` in the JSON list that a property error carries in its message)
# and categories -> what they are for one record.
_MEANING: Mapping[str, tuple[Outcome, str, str]] = {
    "CONFLICT": (Outcome.FAILED, "exists", "HubSpot holds this contact already; it is looked up again next time"),
    "OBJECT_ALREADY_EXISTS": (Outcome.FAILED, "exists", "HubSpot holds this contact already"),
    "OBJECT_NOT_FOUND": (Outcome.REJECTED, "not_held", "HubSpot does not hold this contact any more"),
    "INVALID_EMAIL": (Outcome.REJECTED, "invalid_email", "HubSpot does not take this address"),
    "INVALID_OPTION": (Outcome.REJECTED, "invalid_option", "a value is not among the options of its property"),
    "MISSING_CONDITIONAL_REQUIRED_PROPERTY": (
        Outcome.REJECTED,
        "missing_required_field",
        "the portal's validation rules require another property",
    ),
    "REQUIRED_FIELD": (Outcome.REJECTED, "missing_required_field", "a required property is missing"),
    "PROPERTY_DOESNT_EXIST": (Outcome.FAILED, "unknown_field", "a property does not exist; run `sync doctor`"),
    "READ_ONLY_VALUE": (Outcome.FAILED, "read_only_field", "a property is read-only; run `sync doctor`"),
    "RATE_LIMITS": (Outcome.FAILED, "rate_limit", "HubSpot was too busy for this record"),
    "VALIDATION_ERROR": (Outcome.REJECTED, "invalid_value", "HubSpot does not take a value of this contact"),
}
# Faults of the configuration, not of a person: nobody may be parked for them.
FIELD_FAULTS = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})


class Declined(Refused):
    """A 400 or 409. `faults` are its codes: a caller that knows the records can name the culprits."""

    def __init__(self, message: str, found: Sequence[Fault], destination: str) -> None:
        self.faults = found
        super().__init__(message, destination=destination, code=meaning(found)[1])


class Refusals:
    """Makes the errors of one destination."""

    def __init__(self, destination: str) -> None:
        self._name = destination

    def classify(self, reply: Reply) -> DestinationError | None:
        """By status and code; None for an answer to use, or for one that nobody knows."""
        if 200 <= reply.status < 300:
            return None
        body = reply.body if isinstance(reply.body, dict) else {}
        if reply.status in (401, 403):
            return self._auth(reply.status, body)
        if reply.status == 402:
            return self._limit(f"the portal's plan does not allow this.{_said(body)}", ACCOUNT_LIMIT)
        if reply.status in (423, 429, 477) or reply.status >= 500:
            return self._transient(reply, str(body.get("policyName") or ""))
        if reply.status in (400, 409):
            found = faults(body)
            codes = ", ".join(dict.fromkeys(fault.code for fault in found)) or "no code"
            return Declined(f"{self._name}: HubSpot refused the request ({codes}).", found, self._name)
        if reply.status == 404:
            text = f"{self._name}: HubSpot does not know what was asked for; was it deleted there?"
            return Gone(text, destination=self._name, code="not_found")
        if reply.status == 413:
            return TooLarge(f"{self._name}: the request is too large.", destination=self._name, code="too_large")
        return None

    def refused(self, advice: str, code: str) -> Refused:
        return Refused(f"{self._name}: {advice}", destination=self._name, code=code)

    def bug(self, what: str) -> ContractError:
        return ContractError(f"{self._name}: {what}; please report this.", destination=self._name, code="contract")

    def not_sent(self, what: str) -> NotSent:
        return NotSent(f"{self._name}: {what}; please report this.", destination=self._name, code="contract")

    def of_batch(self, error: Declined, inputs: Sequence[Mapping[str, Any]], sent: Sequence[int]) -> Refused:
        """What a refused batch is: a fault of the configuration, or of some records. `sent` are the records' indexes
        in the order of `inputs`."""
        if any(fault.code in FIELD_FAULTS for fault in error.faults):
            return self.of_fields(error.faults)
        found = culprits(error.faults, inputs)
        blamed = {sent[position]: reason for position, reason in found.items()}
        named = {sent[position]: names(error.faults, inputs[position]["properties"]) for position in found}
        return BadRecords(str(error), blamed, destination=self._name, code=error.code, fields=named)

    def of_fields(self, found: Sequence[Fault]) -> Refused:
        names = ", ".join(sorted({fault.name for fault in found if fault.name})) or "one of `fields`"
        return self.refused(
            f"contact property {names} does not exist or is read-only. Create it in HubSpot or correct `fields`; "
            "`sync doctor` lists what is wrong.",
            meaning(found)[1],
        )

    def _auth(self, status: int, body: Mapping[str, Any]) -> Auth:
        if status == 401:
            advice = "HubSpot does not accept the access token. Is it complete, and has it been rotated?"
            return Auth(f"{self._name}: {advice}", destination=self._name, code="token")
        scopes = ", ".join(_scopes(body)) or "see the app's scopes in HubSpot"
        advice = f"the access token may not do this. Add to the app: {scopes}.{_said(body)}"
        return MissingScope(f"{self._name}: {advice}", destination=self._name, code="missing_scopes")

    def _limit(self, advice: str, code: str) -> AccountLimit:
        return AccountLimit(f"{self._name}: {advice}", destination=self._name, code=code)

    def _transient(self, reply: Reply, policy: str) -> DestinationError:
        if reply.status == 429 and policy == "DAILY":
            advice = "the portal's daily number of requests is used up. It starts again at midnight in its time zone."
            return self._limit(advice, "daily_limit")
        wait = _wait(reply, policy)
        if wait is not None and wait > PATIENCE:
            return self.refused(
                f"HubSpot asks to come back in {wait / 3600:.1f} hours; use `sync resume` then.", "later"
            )
        code = {423: "locked", 429: "rate_limit", 477: "migrating"}.get(reply.status, str(reply.status))
        kind = Unanswered if reply.status >= 500 and reply.status not in NOT_TAKEN else Retryable
        message = f"{self._name}: HubSpot answered {reply.status}; try again later."
        return kind(message, destination=self._name, code=code, retry_after=wait)


def _said(body: Mapping[str, Any]) -> str:
    """HubSpot's own sentence."""
    return f" It says: {body['message']}" if body.get("message") else ""


def _wait(reply: Reply, policy: str) -> float | None:
    """Seconds that HubSpot asks for. A 429 has no Retry-After; its window's length stands in a header."""
    told = reply.headers.get("Retry-After", "")
    if told.isdigit():
        return float(told)
    if reply.status == 423:
        return 2.0
    if reply.status != 429:
        return None
    if policy == "SECONDLY":
        return 1.0
    interval = reply.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    return float(interval) / 1000 if interval.isdigit() else 10.0


def _scopes(body: Mapping[str, Any]) -> list[str]:
    contexts = [place["context"] for place in (body, *_dicts(body.get("errors"))) if _dicts([place.get("context")])]
    named = (context.get("missingScopes") or context.get("requiredGranularScopes") for context in contexts)
    return sorted({str(scope) for scopes in named if isinstance(scopes, list) for scope in scopes})


class Fault(NamedTuple):
    """One code of an error, with the property and the refused value when HubSpot names them."""

    code: str
    name: str = ""
    value: str | None = None


def faults(error: Mapping[str, Any]) -> list[Fault]:
    """The codes of an error envelope or of one entry of `errors`, the most exact first, the category last."""
    found = [
        Fault(str(part["code"]), _named(part.get("context")))
        for part in _dicts(error.get("errors"))
        if part.get("code")
    ]
    found += [
        Fault(str(part["error"]), str(part.get("name") or ""), _text(part.get("propertyValue")))
        for part in _listed(str(error.get("message") or ""))
        if part.get("error")
    ]
    sub = error.get("subCategory")
    found += [Fault(code) for code in (sub, error.get("category")) if isinstance(code, str) and code]
    return found


def _listed(message: str) -> Iterator[Mapping[str, Any]]:
    """Property errors carry their codes as a JSON list at the end of `message` and nowhere else."""
    start = message.find("[{")
    if start >= 0:
        try:
            yield from _dicts(json.loads(message[start:]))
        except ValueError:
            return


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _named(context: object) -> str:
    names = context.get("propertyName") if isinstance(context, dict) else None
    return str(names[0] if isinstance(names, list) and names else names or "")


def meaning(found: Sequence[Fault]) -> tuple[Outcome, str, str]:
    """Outcome, code and plain words for one record: the first code that is known, else the first of all."""
    for fault in found:
        if fault.code in _MEANING and fault.code != "VALIDATION_ERROR":
            return _MEANING[fault.code]
    first = next((fault.code for fault in found if fault.code not in _MEANING), "")
    if first and re.fullmatch(r"[A-Za-z0-9_.]{1,60}", first):
        return Outcome.REJECTED, first.lower(), "HubSpot refused this contact"
    return _MEANING["VALIDATION_ERROR"]


def names(found: Sequence[Fault], properties: Mapping[str, Any]) -> tuple[str, ...]:
    """Which of the properties were refused, as far as HubSpot says: by name, and by value where it names one."""
    blamed = [each for each in found if each.name in properties]
    exact = [each for each in blamed if each.value in (None, properties[each.name])]
    return tuple(dict.fromkeys(each.name for each in exact))


def outcomes(
    body: Mapping[str, Any], index_of: Mapping[str, int], sent: Mapping[int, Mapping[str, str]]
) -> list[RecordOutcome]:
    """Outcomes of a batch answer (201, 207): `index_of` knows records by trace id, "id:…" and "email:…", `sent` their
    properties.

    A record that the answer does not mention is UNKNOWN."""
    waiting = set(sent)
    told: list[RecordOutcome] = []
    for result in _dicts(body.get("results")):
        index = _place(result, index_of)
        if index in waiting:
            waiting.remove(index)
            told.append(answered.applied(index, sent[index], result.get("properties"), str(result["id"]), "HubSpot"))
    for error in _dicts(body.get("errors")):
        found = faults(error)
        outcome, code, detail = meaning(found)
        context = error.get("context") or {}
        existing = context.get("existingId") or [None]
        for index in sorted(waiting & _blamed(context, index_of)):
            waiting.remove(index)
            told.append(RecordOutcome(index, outcome, code, detail, existing[0], names(found, sent[index])))
    unclear = "HubSpot's answer does not mention this record"
    return told + [RecordOutcome(index, Outcome.UNKNOWN, "no_answer", unclear) for index in sorted(waiting)]


def _place(result: Mapping[str, Any], index_of: Mapping[str, int]) -> int | None:
    trace = result.get("objectWriteTraceId")
    if trace is not None and str(trace) in index_of:
        return index_of[str(trace)]
    if f"id:{result.get('id')}" in index_of:
        return index_of[f"id:{result.get('id')}"]
    named = addresses(result.get("properties") or {})
    return next((index_of[f"email:{address}"] for address in named if f"email:{address}" in index_of), None)


def _blamed(context: Mapping[str, Any], index_of: Mapping[str, int]) -> set[int]:
    keys = [str(trace) for trace in context.get("objectWriteTraceId") or ()]
    keys += [f"id:{record}" for record in context.get("ids") or ()]
    return {index_of[key] for key in keys if key in index_of}


def culprits(found: Sequence[Fault], inputs: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
    """Which inputs made HubSpot refuse the whole batch, as far as it says: those that carry a refused value, or the
    only one. Positions in `inputs` -> (code, detail)."""
    _, code, detail = meaning(found)
    if len(inputs) == 1:
        return {0: (code, detail)}
    refused = {(fault.name, fault.value) for fault in found if fault.name and fault.value is not None}
    return {
        position: (code, detail)
        for position, record in enumerate(inputs)
        if refused & set(record["properties"].items())
    }


def missing(body: Mapping[str, Any]) -> list[str]:
    """The record ids that an answer about memberships does not know."""
    return [str(one) for one in body.get("recordIdsMissing") or ()]


def membership_outcomes(
    body: Mapping[str, Any], verb: str, ids: Sequence[str], held: Collection[str] = ()
) -> Iterator[RecordOutcome]:
    """`verb` is "add" or "remove". Who was there already (or was not in the list) is in none of the answer's lists.
    `held` are those of the missing that HubSpot holds: its index lags behind, and they were created just now.

    "recordsIdsAdded" is HubSpot's spelling; live answers leave empty lists out."""
    keys = ("recordsIdsAdded", "recordIdsAdded") if verb == "add" else ("recordIdsRemoved",)
    changed = {str(one) for key in keys for one in body.get(key) or ()}
    absent = set(missing(body))
    gone = Outcome.REJECTED if verb == "add" else Outcome.UNCHANGED
    for index, one in enumerate(ids):
        if one in changed:
            yield RecordOutcome(index, Outcome.APPLIED)
        elif one in held:
            yield RecordOutcome(index, Outcome.SKIPPED, NOT_VISIBLE, "HubSpot's lists do not know this contact yet")
        elif one in absent:
            yield RecordOutcome(index, gone, "not_held", "HubSpot does not hold this contact any more")
        else:
            yield RecordOutcome(index, Outcome.UNCHANGED)
