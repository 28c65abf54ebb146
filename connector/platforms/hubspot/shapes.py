"""What an answer of HubSpot must hold for us to read it; whatever else it holds is not looked at.

Owns: the shapes. Must not: change an answer, or put a value of one into a text.
Facts are of 2026-11-21, from HubSpot's OpenAPI documents of 2026-03.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError


class Answer(BaseModel):
    """Some object."""


class _Next(BaseModel):
    after: str


class _Paging(BaseModel):
    next: _Next | None = None


class _Contact(BaseModel):
    id: str
    properties: Mapping[str, str | None] | None = None


class Contacts(Answer):
    results: list[_Contact]
    paging: _Paging | None = None
    total: int = 0


class _Trouble(BaseModel):
    context: Mapping[str, list[str]] | None = None  # names records by `ids` or `objectWriteTraceId`


class Read(Contacts):
    """A batch that was read. `errors` name those not found."""

    errors: list[_Trouble] | None = None


class Written(Answer):
    """A batch that was written, or was not in parts."""

    results: list[_Contact] | None = None
    errors: list[_Trouble] | None = None


class _Subscriber(BaseModel):
    subscriberIdString: str


class OptedOut(Answer):
    results: list[_Subscriber]
    errors: list[_Trouble] | None = None


class _Wide(BaseModel):
    status: str


class _OfAddress(BaseModel):
    subscriberIdString: str
    wideStatuses: list[_Wide]


class WideStatuses(Answer):
    results: list[_OfAddress]
    errors: list[_Trouble] | None = None


class _List(BaseModel):
    listId: str
    name: str
    processingType: str


class _Email(BaseModel):
    id: str
    stats: Mapping[str, Any] | None = None
    to: Mapping[str, Any] | None = None


class Emails(Answer):
    results: list[_Email]
    paging: _Paging | None = None


class OneList(Answer):
    list: _List


class Lists(Answer):
    lists: list[_List]


class _Membership(BaseModel):
    recordId: str


class Memberships(Answer):
    results: list[_Membership]
    paging: _Paging | None = None


class Changed(Answer):
    """Members added or removed. Live answers leave empty lists out; `recordsIdsAdded` is HubSpot's spelling."""

    recordsIdsAdded: list[str | int] | None = None
    recordIdsAdded: list[str | int] | None = None
    recordIdsRemoved: list[str | int] | None = None
    recordIdsMissing: list[str | int] | None = None


class _Option(BaseModel):
    label: str
    value: str


class Property(Answer):
    name: str
    options: list[_Option] | None = None
    modificationMetadata: Mapping[str, Any] | None = None


class Properties(Answer):
    results: list[Property]


def fault(shape: type[Answer], body: object) -> str:
    """Where `body` is not of this shape, "" when it is."""
    try:
        shape.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        return ".".join("*" if isinstance(part, int) else part for part in first["loc"]) or "the whole"
    return ""
