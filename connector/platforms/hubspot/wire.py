"""HubSpot's paths and bodies: values, tags, options, contacts.

Owns: how a field, a tag and a status are written on HubSpot's wire. Must not: send anything, keep state.
Facts are of 2026-11-21 and from developers.hubspot.com/docs/api-reference/latest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from connector.core.model import Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import Choices

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


@dataclass(frozen=True, slots=True)
class Paths:
    """Where the APIs live: dated versions follow the area, v3 before it."""

    contacts: str
    lists: str
    properties: str
    account: str
    opt_out: str
    emails: str

    @property
    def opted_out(self) -> str:
        return f"{self.opt_out}/read"


def paths(version: str) -> Paths:
    """`version` is "2026-03", "2026-09" or "v3". Opting out in batches came with v4 of its API."""
    opt_out = "/communication-preferences/{}/statuses/batch/unsubscribe-all"
    if re.fullmatch(r"v\d+", version):
        crm = f"/crm/{version}"
        return Paths(
            f"{crm}/objects/contacts",
            f"{crm}/lists",
            f"{crm}/properties/contacts",
            f"/account-info/{version}/details",
            opt_out.format("v4"),
            f"/marketing/{version}/emails",
        )
    return Paths(
        f"/crm/objects/{version}/contacts",
        f"/crm/lists/{version}",
        f"/crm/properties/{version}/contacts",
        f"/account-info/{version}/details",
        opt_out.format(version),
        f"/marketing/emails/{version}",
    )


def option_value(tag: str) -> str:
    """The internal value of a tag's option. ';' separates values, so it is escaped; tag_name undoes it."""
    return tag.replace("%", "%25").replace(";", "%3B")


def tag_name(value: str) -> str:
    """The tag that option_value wrote."""
    return value.replace("%3B", ";").replace("%25", "%")


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


def tag_property(name: str, options: list[dict[str, Any]]) -> dict[str, Any]:
    """The body that creates the property."""
    place = {"type": "enumeration", "fieldType": "checkbox", "groupName": "contactinformation"}
    return {"name": name, "label": "Segment tags", **place, "options": options}


def choices(definitions: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> dict[str, Choices]:
    """What those of the properties take that are choices. One without options has them elsewhere (owners)."""
    found = {}
    for name in names:
        definition = definitions.get(name) or {}
        options = [option for option in definition.get("options") or () if option.get("value")]
        if definition.get("type") not in ("enumeration", "bool") or not options:
            continue
        values = frozenset(str(option["value"]) for option in options)
        labels = {str(option.get("label")): str(option["value"]) for option in options}
        found[name] = Choices(values, definition.get("fieldType") == "checkbox", labels)
    return found


def holds_tags(definition: Mapping[str, Any]) -> bool:
    """A multi-checkbox property whose options may be changed."""
    read_only = (definition.get("modificationMetadata") or {}).get("readOnlyOptions")
    return definition.get("fieldType") == "checkbox" and not read_only


DATED = re.compile(r"\d{4}-\d\d-\d\d")  # inside a record's fields: only then the properties' types matter


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
    """A record's `fields` as properties, without `email`: through a secondary address it would rename the contact."""
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
    results: Iterable[Mapping[str, Any]], tag_property: str, names: Callable[[], Callable[[str], str]]
) -> pa.Table:
    """CONTACT_SCHEMA, one row per address. `names` (which tag an option is) is asked only when somebody has a tag."""
    columns: dict[str, list[Any]] = {name: [] for name in CONTACT_SCHEMA.names}
    for result in results:
        properties = result.get("properties") or {}
        held = values(result, tag_property)
        tags = list(map(names(), held)) if held else []
        for address in addresses(properties):
            row = (address, str(result["id"]), str(status_of(properties)), None, tags, None)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
    return pa.table(columns, schema=CONTACT_SCHEMA)


def modified_ms(result: Mapping[str, Any]) -> int:
    """When a contact changed, in milliseconds since 1970; 0 when HubSpot does not say."""
    written = (result.get("properties") or {}).get("lastmodifieddate") or result.get("updatedAt")
    try:
        return int(datetime.fromisoformat(str(written)).timestamp() * 1000)
    except ValueError:
        return 0


def after(body: Mapping[str, Any]) -> str | None:
    """The cursor of the next page."""
    cursor = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if cursor is None else str(cursor)


def is_static(item: Mapping[str, Any]) -> bool:
    """A list of contacts whose members are put in by hand or through the API."""
    return item.get("processingType") in ("MANUAL", "SNAPSHOT") and item.get("objectTypeId") == CONTACT_TYPE


def values(contact: Mapping[str, Any], name: str) -> list[str]:
    """The options that are set in a contact's multi-checkbox property."""
    return [value for value in ((contact.get("properties") or {}).get(name) or "").split(";") if value]
