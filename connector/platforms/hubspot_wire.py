"""HubSpot's request bodies and answers: values, tags, contacts, per-record errors.

Owns: how a field, a tag and a status are written on HubSpot's wire, and what its error codes mean to us.
Must not: send anything, keep state, repeat a vendor's message (it may hold an address).
Facts are of 2026-11-21 and from developers.hubspot.com/docs/api-reference/latest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

from connector.model import Outcome, Status
from connector.platforms.base import CONTACT_SCHEMA, RecordOutcome

CONTACT_TYPE = "0-1"  # objectTypeId of contacts
STATE_PROPERTIES = (
    "email",
    "hs_additional_emails",
    "hs_email_optout",
    "hs_email_bad_address",
    "hs_email_hard_bounce_reason_enum",
    "hs_email_quarantined",
    "lastmodifieddate",
)

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


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the APIs live: dated versions stand behind the area, v3 before it."""

    contacts: str
    lists: str
    properties: str
    account: str


def paths(version: str) -> Paths:
    """`version` is "2026-03", "2026-09" or "v3"."""
    if re.fullmatch(r"v\d+", version):
        crm = f"/crm/{version}"
        return Paths(
            f"{crm}/objects/contacts", f"{crm}/lists", f"{crm}/properties/contacts", f"/account-info/{version}/details"
        )
    return Paths(
        f"/crm/objects/{version}/contacts",
        f"/crm/lists/{version}",
        f"/crm/properties/{version}/contacts",
        f"/account-info/{version}/details",
    )


def option_value(tag: str) -> str:
    """The internal value of a tag's option. ';' separates values, so it is escaped; tag_name undoes it."""
    return tag.replace("%", "%25").replace(";", "%3B")


def tag_name(value: str) -> str:
    """The tag that option_value wrote."""
    return value.replace("%3B", ";").replace("%25", "%")


def labels(definition: Mapping[str, Any] | None) -> dict[str, str]:
    """Tag name -> internal value of every option, archived and renamed ones included."""
    return {str(option["label"]): str(option["value"]) for option in (definition or {}).get("options") or ()}


def merged_options(definition: Mapping[str, Any] | None, missing: Sequence[str]) -> list[dict[str, Any]]:
    """The whole list that a PATCH must carry: what is left out of it is removed at HubSpot."""
    kept = [
        {
            "label": option["label"],
            "value": option["value"],
            "hidden": bool(option.get("hidden")),
            "displayOrder": option.get("displayOrder", -1),
            "description": option.get("description") or "",
        }
        for option in (definition or {}).get("options") or ()
    ]
    return kept + [
        {"label": tag, "value": option_value(tag), "hidden": False, "displayOrder": -1, "description": ""}
        for tag in missing
    ]


def text(value: object, kind: str = "") -> str:
    """A field's value as HubSpot writes it; `kind` is the property's type. "" clears.

    A `date` is a day (an instant keeps the day it was written with), a `datetime` an instant with zone."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ";".join(text(part) for part in value)
    if isinstance(value, float):
        plain = format(Decimal(repr(value)), "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    written = str(value)
    if kind == "date" and re.match(r"\d{4}-\d\d-\d\d[T ]", written):
        return written[:10]
    if kind == "datetime" and re.match(r"\d{4}-\d\d-\d\d", written):
        return _instant(written)
    return written


def _instant(written: str) -> str:
    if len(written) == 10:
        return f"{written}T00:00:00Z"
    zoned = re.search(r"(Z|[+-]\d\d:?\d\d)$", written)
    return written.replace(" ", "T", 1) + ("" if zoned else "Z")


def field_values(fields: str | None, kinds: Mapping[str, str]) -> dict[str, str]:
    """A record's `fields` as properties. `email` is left out: through a secondary address it would rename the contact."""
    if not fields:
        return {}
    return {name: text(value, kinds.get(name, "")) for name, value in json.loads(fields).items() if name != "email"}


def rewritten(current: str, add: Sequence[str], remove: Sequence[str]) -> str:
    """The whole tag value after a change; the order of what was there is kept."""
    held = [value for value in current.split(";") if value and value not in remove]
    return ";".join([*held, *(value for value in add if value not in held)])


def status_of(properties: Mapping[str, Any]) -> Status:
    """What a contact's properties say. HubSpot keeps consent per subscription type, not on the contact, so somebody
    who said nothing is never_subscribed: the record does not prove that they may be mailed."""
    if properties.get("hs_email_optout") == "true":
        return Status.UNSUBSCRIBED
    if properties.get("hs_email_bad_address") == "true" or properties.get("hs_email_hard_bounce_reason_enum"):
        return Status.BOUNCED
    if properties.get("hs_email_quarantined") == "true":
        return Status.SUPPRESSED
    return Status.NEVER_SUBSCRIBED


def addresses(properties: Mapping[str, Any]) -> list[str]:
    """The primary address, then the secondary ones, lower case."""
    written = [properties.get("email") or "", *(properties.get("hs_additional_emails") or "").split(";")]
    return list(dict.fromkeys(address.strip().lower() for address in written if address.strip()))


def contacts_table(
    results: Iterable[Mapping[str, Any]], tag_property: str, labels: Callable[[], Mapping[str, str]]
) -> pa.Table:
    """CONTACT_SCHEMA, one row per address. `labels` (tag name -> option) is asked only when somebody has a tag."""
    columns: dict[str, list[Any]] = {name: [] for name in CONTACT_SCHEMA.names}
    names: dict[str, str] | None = None
    for result in results:
        properties = result.get("properties") or {}
        values = [value for value in (properties.get(tag_property) or "").split(";") if value]
        if values and names is None:
            names = {value: name for name, value in labels().items()}
        tags = [(names or {}).get(value, tag_name(value)) for value in values]
        for address in addresses(properties):
            row = (address, str(result["id"]), str(status_of(properties)), None, tags)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return pa.table(columns, schema=CONTACT_SCHEMA)


def modified_ms(result: Mapping[str, Any]) -> int:
    """When a contact changed, in milliseconds since 1970."""
    written = (result.get("properties") or {}).get("lastmodifieddate") or result["updatedAt"]
    return int(datetime.fromisoformat(str(written)).timestamp() * 1000)


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
        Fault(str(part["error"]), str(part.get("name") or ""), part.get("propertyValue"))
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


def outcomes(body: Mapping[str, Any], index_of: Mapping[str, int], applied: Iterable[int]) -> list[RecordOutcome]:
    """Outcomes of a batch answer (201, 207): `index_of` knows records by trace id, "id:…" and "email:…".

    A record that the answer does not mention is UNKNOWN."""
    waiting = set(applied)
    told: list[RecordOutcome] = []
    for result in _dicts(body.get("results")):
        index = _place(result, index_of)
        if index in waiting:
            waiting.remove(index)
            told.append(RecordOutcome(index, Outcome.APPLIED, remote_id=str(result["id"])))
    for error in _dicts(body.get("errors")):
        outcome, code, detail = meaning(faults(error))
        context = error.get("context") or {}
        existing = context.get("existingId") or [None]
        for index in sorted(waiting & _blamed(context, index_of)):
            waiting.remove(index)
            told.append(RecordOutcome(index, outcome, code, detail, existing[0]))
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
