"""Brevo's shapes and values: contacts, statuses, tags, attributes.

Owns: how a field, a tag and a status are written on Brevo's wire, and reading answers. Must not: send, keep state.

One contact is written with JSON values of the attribute's type; an import takes text for everything, because there a
JSON false is ignored (sendinblue/APIv3-python-library issue 95, read 2026-11-28). Values of another type, and
attributes that do not exist, are ignored without an error, so both are looked at before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import pyarrow as pa
from pydantic import BaseModel, Field, StrictBool, StrictInt, ValidationError

from connector.core.model import Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.brevo import errors
from connector.platforms.http.client import Reply

TYPES = ("text", "date", "float", "boolean")  # those that we write; what is held can be written back as it was read
_Shape = TypeVar("_Shape", bound=BaseModel)


class Contact(BaseModel):
    id: StrictInt
    email: str | None = None
    attributes: Mapping[str, Any] = Field(default_factory=dict)
    emailBlacklisted: Any
    listIds: list[StrictInt] = Field(default_factory=list)
    listUnsubscribed: list[StrictInt] | None = None

    @property
    def address(self) -> str:
        return (self.email or "").strip().lower()


class Contacts(BaseModel):
    contacts: list[Contact]
    count: StrictInt


class Named(BaseModel):
    id: StrictInt
    name: str


class Lists(BaseModel):
    lists: list[Named] | None = None  # left out when there are none
    count: StrictInt | None = None


class Folders(BaseModel):
    folders: list[Named] | None = None


class Made(BaseModel):
    id: StrictInt


class Attribute(BaseModel):
    name: str
    category: str
    type: str | None = None


class Attributes(BaseModel):
    attributes: list[Attribute]


class _Changed(BaseModel):
    success: list[StrictInt] | None = None
    failure: list[StrictInt] | None = None


class Changed(BaseModel):
    contacts: _Changed


class Started(BaseModel):
    processId: StrictInt


class _Info(BaseModel):
    import_: Mapping[str, Any] | None = Field(default=None, alias="import")


class Process(BaseModel):
    id: StrictInt
    status: str
    name: str = ""
    info: _Info | None = None


class Processes(BaseModel):
    processes: list[Process] | None = None
    count: StrictInt | None = None


class Account(BaseModel):
    companyName: str | None = None
    email: str | None = None
    organization_id: str | None = None
    enterprise: StrictBool | None = None


def read(shape: type[_Shape], reply: Reply, destination: str) -> _Shape:
    """The answer as `shape`. Raises ContractError, without a value of it in the text."""
    try:
        return shape.model_validate(reply.body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]["loc"]
        where = ".".join("*" if isinstance(part, int) else str(part) for part in first)
        raise errors.shape(destination, where or "the whole") from None


# ---------------------------------------------------------------- contacts


def status(contact: Contact) -> Status:
    """Every contact that is not blocklisted may be mailed. Why one is blocklisted is not told in bulk, so it reads as
    the strongest reason. Anything but true and false is an opt-out."""
    if contact.emailBlacklisted is False:
        return Status.SUBSCRIBED
    return Status.UNSUBSCRIBED if contact.emailBlacklisted is True else Status.SUPPRESSED


def contacts(found: Iterable[Contact], tag_attribute: str) -> pa.Table:
    """CONTACT_SCHEMA of those that have an address. When a blocklisting came is not told: modifiedAt is any change."""
    mine = [one for one in found if one.address]
    return pa.table(
        {
            "email": [one.address for one in mine],
            "remote_id": [str(one.id) for one in mine],
            "status": [str(status(one)) for one in mine],
            "status_at": [None] * len(mine),
            "tags": [tags(one, tag_attribute) for one in mine],
            "left": [[str(each) for each in one.listUnsubscribed or ()] for one in mine],
        },
        schema=CONTACT_SCHEMA,
    )


def tags(contact: Contact, attribute: str) -> list[str]:
    """The tags in `;a;b;`; whatever else a person wrote there is read the same way."""
    held = contact.attributes.get(attribute)
    parts = held.split(";") if isinstance(held, str) else []
    return list(dict.fromkeys(part.replace("%3B", ";").replace("%25", "%") for part in parts if part))


def tag_text(names: Sequence[str]) -> str:
    """`;a;b;`, so that a segment in Brevo finds one by “contains ;a;”. "" for none."""
    written = [name.replace("%", "%25").replace(";", "%3B") for name in dict.fromkeys(names)]
    return f";{';'.join(written)};" if written else ""


# ---------------------------------------------------------------- values


def field_problem(name: str, known: Mapping[str, Attribute], tag_attribute: str) -> str:
    """What is wrong with a field of segments.yaml, as a sentence; "" when nothing is."""
    if name in ("EMAIL", "email", tag_attribute):
        return f'Attribute "{name}" is written by the connector itself; take it out of fields.'
    if name not in known:
        upper = (
            f' Did you mean "{name.upper()}"?' if name.upper() in known else " Create it in Brevo, or correct fields."
        )
        return f'Attribute "{name}" does not exist at Brevo.{upper}'
    if known[name].category != "normal" or known[name].type not in TYPES:
        kind = known[name].type if known[name].category == "normal" else known[name].category
        return (
            f'Attribute "{name}" is of the type {kind}; only {", ".join(TYPES)} can be written. Take it out of fields.'
        )
    return ""


def plain(value: object, kind: str) -> str:
    """A value as an import takes it; "" for none. A `date` is a day."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, list):
        return ", ".join(plain(part, kind) for part in value)
    return str(value)[:10] if kind == "date" else str(value)


def typed(value: object, kind: str) -> str | float | bool:
    """A value as one contact takes it: of the attribute's type where it can be one."""
    text = plain(value, kind)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "float":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def fields(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record's fields; null clears."""
    found: dict[str, Any] = json.loads(record["fields"] or "{}")
    return found
