"""Klaviyo's wire: batches to request bodies, answers to tables and outcomes, error answers to our errors.

Owns: the mapping, as plain functions without state. Must not: send, decide which request is needed, or put a value
of an answer (it may be an address) into a text.

Facts: developers.klaviyo.com reference 2026-07-15 and guides, read 2026-11-21.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

from pydantic import BaseModel, ValidationError

from connector.core.counts import count_of
from connector.core.errors import (
    AccountLimit,
    Auth,
    BadRecords,
    ContractError,
    DestinationError,
    Gone,
    MissingScope,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.platforms.base import ACCOUNT_LIMIT
from connector.platforms.http.client import Reply
from connector.platforms.http.retry import retry_after
from connector.platforms.klaviyo.facts import MAX_BODY, MAX_PROFILE

# Attributes of a profile; every other field name is a custom property. Locations are written location.city and so on.
TEXTS = frozenset({"first_name", "last_name", "organization", "title"})
IDENTITY = frozenset({"phone_number", "external_id", "locale", "image"})
LOCATION = frozenset(
    {"address1", "address2", "city", "country", "latitude", "longitude", "region", "zip", "timezone", "ip"}
)

LONGEST_WAIT = 600.0  # a longer Retry-After is a used-up daily allowance, not a throttle


class Resource(BaseModel):
    """One JSON:API object; what we do not know is ignored."""

    id: str
    attributes: dict[str, Any] = {}


class Links(BaseModel):
    next: str | None = None


class One(BaseModel):
    data: Resource


class Page(BaseModel):
    data: list[Resource]
    links: Links = Links()

    @property
    def cursor(self) -> str | None:
        return cursor_of(self.links)


def cursor_of(links: Links) -> str | None:
    """What page[cursor] wants: a part of links.next, which is a whole address."""
    values = parse_qs(urlsplit(links.next or "").query).get("page[cursor]", [])
    return values[0] if values else None


Document = TypeVar("Document", bound=BaseModel)


def read(document: type[Document], reply: Reply, destination: str) -> Document:
    """The answer as a document. Raises ContractError when it is not of that shape."""
    try:
        return document.model_validate(reply.body)
    except ValidationError as error:
        where = ", ".join(".".join(str(part) for part in each["loc"]) or "body" for each in error.errors()[:3])
        raise ContractError(
            f"{destination}: Klaviyo's answer is not of the documented shape (at {where}). "
            "Check `revision:` of the destination; if it is right, report this as a bug.",
            destination=destination,
            code="shape",
        ) from None


# ---------------------------------------------------------------- reading


def text(value: str) -> str:
    """A value in a filter: quoted, with quotes and backslashes escaped (guide "Filtering")."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def account_name(account: Resource) -> str:
    about = account.attributes.get("contact_information") or {}
    return str(about.get("organization_name") or account.id)


def any_of(field: str, values: Iterable[str]) -> str:
    return f"any({field},[{','.join(text(value) for value in values)}])"


def portions(values: Sequence[str], most: int, characters: int = 6000) -> Iterator[list[str]]:
    """`values` in portions that fit one filter: at most `most`, and not too long for an address line."""
    portion: list[str] = []
    length = 0
    for value in values:
        size = len(quote(text(value) + ",", safe=""))
        if portion and (len(portion) == most or length + size > characters):
            yield portion
            portion, length = [], 0
        portion.append(value)
        length += size
    if portion:
        yield portion


def instant(value: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if value else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else None


# ---------------------------------------------------------------- writing


def field_problem(name: str, tag_property: str) -> str | None:
    """What is wrong with a field name of segments.yaml, as a sentence; None when nothing is."""
    known = TEXTS | IDENTITY | {f"location.{part}" for part in LOCATION}
    if name in ("email", "id", "properties", "location", tag_property, f"properties.{tag_property}"):
        return f'Field "{name}" is written by the connector itself; take it out of fields.'
    if name.startswith("location.") and name not in known:
        return f'Field "{name}" does not exist; a location has {", ".join(sorted(LOCATION))}.'
    bare = {re.sub(r"[^a-z]", "", each): each for each in known}
    meant = bare.get(re.sub(r"[^a-z]", "", name.lower()))
    if meant and meant != name:
        return f'Field "{name}" would become a custom property; did you mean "{meant}"?'
    return None


def profile(record: Mapping[str, Any], tag_property: str, whole_tags: Sequence[str] | None) -> dict[str, Any]:
    """One row of an import, of a new profile by its address: one with an id is held, and keeps the address that it has.
    `whole_tags` replaces the tag property; None leaves it as it is.

    The import ignores null (guide "Bulk Import Profiles API", box "Clearing fields with null values"): a custom
    property is cleared with meta.patch_properties.unset, a text attribute with "". Identifiers, locale and image
    cannot be cleared in bulk and are left as they are (see `kept`)."""
    known = record["remote_id"]
    attributes: dict[str, Any] = {} if known else {"email": record["email"]}
    properties: dict[str, Any] = {}
    unset: list[str] = []
    for name, value in json.loads(record["fields"] or "{}").items():
        if name in TEXTS:
            attributes[name] = _plain(value)
        elif name in IDENTITY:
            attributes |= {} if value is None else {name: _plain(value)}
        elif name.startswith("location."):
            attributes.setdefault("location", {})[name.removeprefix("location.")] = _plain(value)
        elif value is None:
            unset.append(name.removeprefix("properties."))
        else:
            properties[name.removeprefix("properties.")] = value
    if whole_tags is not None:
        properties[tag_property] = list(whole_tags)
    row: dict[str, Any] = {"type": "profile", "attributes": attributes} | ({"id": known} if known else {})
    if properties:
        attributes["properties"] = properties
    if unset:
        row["meta"] = {"patch_properties": {"unset": unset}}
    return row


def _plain(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def kept(record: Mapping[str, Any]) -> bool:
    """Whether the record asks to clear a field that an import cannot clear."""
    text = record["fields"] or ""
    return "null" in text and any(value is None and name in IDENTITY for name, value in json.loads(text).items())


def import_body(rows: Sequence[Mapping[str, Any]], lists: Sequence[str] = ()) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": list(rows)}}}
    if lists:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": each} for each in lists]}}
    return {"data": data}


def check_size(rows: Sequence[Mapping[str, Any]], destination: str) -> None:
    """Raises BadRecords for rows over the cap of a profile, TooLarge when together they are over that of a body."""
    sizes = [len(json.dumps(row)) for row in rows]
    big = {index: ("too_large", "over 100 KB") for index, size in enumerate(sizes) if size > MAX_PROFILE}
    if big:
        raise BadRecords(
            f"{destination}: {count_of(len(big), 'profile is', 'profiles are')} over Klaviyo's 100 KB. Send fewer or "
            "shorter fields.",
            big,
            destination=destination,
            code="too_large",
        )
    if sum(sizes) + 500 > MAX_BODY:
        raise _too_large(destination)


def suppression_body(emails: Sequence[str], job: str) -> dict[str, Any]:
    """`job` is the type: profile-suppression-bulk-create-job, or …-delete-job, which lifts."""
    rows = [{"type": "profile", "attributes": {"email": email}} for email in emails]
    return {"data": {"type": job, "attributes": {"profiles": {"data": rows}}}}


# ---------------------------------------------------------------- errors

_ROW = re.compile(r"/data/attributes/profiles/data/(\d+)(?:/attributes/([\w./]+))?")


def code_of(error: Mapping[str, Any]) -> str:
    """A stable code: invalid_email, invalid_phone_number, duplicate …"""
    code = str(error.get("code") or "refused")
    found = _ROW.match(str((error.get("source") or {}).get("pointer") or ""))
    field = found[2].rsplit("/", 1)[-1] if found and found[2] else ""
    if code.startswith("duplicate"):
        return "duplicate"
    return f"invalid_{field}" if field and code.startswith("invalid") else code


def fields_of(error: Mapping[str, Any]) -> tuple[str, ...]:
    """The field that an error points to, under each name that it may have in segments.yaml."""
    found = _ROW.match(str((error.get("source") or {}).get("pointer") or ""))
    name = (found[2] or "").replace("/", ".") if found else ""
    return tuple(dict.fromkeys(filter(None, (name, name.removeprefix("properties.")))))


def sentence(error: Mapping[str, Any]) -> str:
    """Klaviyo's own words."""
    return str(error.get("detail") or error.get("title") or "refused by Klaviyo")


def index_of(error: Mapping[str, Any]) -> int | None:
    """The row that an error points to."""
    found = _ROW.match(str((error.get("source") or {}).get("pointer") or ""))
    return int(found[1]) if found else None


def named(error: Mapping[str, Any]) -> str | None:
    """The id or address in an import error's original_payload, whose depth the specification leaves open."""
    payload = error.get("original_payload")
    for _ in range(3):
        if not isinstance(payload, Mapping):
            return None
        if payload.get("id"):
            return str(payload["id"])
        if payload.get("email"):
            return str(payload["email"]).strip().lower()
        payload = payload.get("attributes") or payload.get("data")
    return None


def trouble(destination: str, reply: Reply) -> DestinationError | None:
    """Which error an answer is, by status and code; None for one to use."""
    status = reply.status
    if status < 400:
        return None
    errors = _errors(reply)
    code = str(errors[0].get("code") or status) if errors else str(status)
    if status == 401 or (status == 403 and reply.is_json):
        kind = Auth if status == 401 else MissingScope
        said = (
            f" It says: {sentence(errors[0])}" if errors and (errors[0].get("detail") or errors[0].get("title")) else ""
        )
        return kind(_AUTH[status].format(destination) + said, destination=destination, code=code)
    if status == 403:  # the edge's HTML page (klaviyo-api-python issue 84), not about the key
        return Retryable(f"{destination}: blocked at Klaviyo's edge.", destination=destination, code="blocked")
    if status == 402:
        said = sentence(errors[0]) if errors else "no reason told"
        text = f"{destination}: the account's plan does not allow this (402). It says: {said}"
        return AccountLimit(text, destination=destination, code=ACCOUNT_LIMIT)
    if status == 429:
        return _throttled(destination, reply)
    if status == 503:
        return Retryable(f"{destination}: Klaviyo is unavailable (503).", destination=destination, code="503")
    if status >= 500:
        return Unanswered(f"{destination}: Klaviyo failed ({status}).", destination=destination, code=str(status))
    if status == 413:
        return _too_large(destination)
    return _refused(destination, status, code, errors)


_AUTH = {
    401: "{}: Klaviyo does not accept the key (401). Check api_key: a private key that begins with pk_.",
    403: "{}: the key may not do this (403). Make a private key with the scopes that `sync doctor` names.",
}


def _errors(reply: Reply) -> list[Mapping[str, Any]]:
    body = reply.body if isinstance(reply.body, Mapping) else {}
    errors = body.get("errors")
    return [each for each in errors if isinstance(each, Mapping)] if isinstance(errors, list) else []


def _throttled(destination: str, reply: Reply) -> DestinationError:
    seconds = retry_after(reply.headers)
    if seconds is not None and seconds > LONGEST_WAIT:
        return AccountLimit(
            f"{destination}: Klaviyo's allowance of the day is used up. Run again in {seconds / 3600:.1f} hours.",
            destination=destination,
            code="daily_limit",
        )
    return Retryable(
        f"{destination}: too many requests (429).", destination=destination, code="throttled", retry_after=seconds
    )


def _too_large(destination: str) -> TooLarge:
    return TooLarge(f"{destination}: the request is over Klaviyo's 5 MB.", destination=destination, code="too_large")


def _refused(destination: str, status: int, code: str, errors: Sequence[Mapping[str, Any]]) -> Refused:
    rows = {index: (code_of(each), sentence(each)) for each in errors if (index := index_of(each)) is not None}
    if rows and all(index_of(each) is not None for each in errors):
        return BadRecords(
            f"{destination}: Klaviyo refused the batch because of {len(rows)} of its profiles ({status}).",
            rows,
            destination=destination,
            code=code,
            fields={index: fields_of(each) for each in errors if (index := index_of(each)) is not None},
        )
    pointers: set[str] = set()
    if status == 410:
        advice = "The revision is retired: set `revision:` of the destination to a newer date."
    else:
        pointers = {str(each["source"].get("pointer") or each["source"].get("parameter")) for each in errors
                    if isinstance(each.get("source"), Mapping)}  # fmt: skip
        advice = f"At {', '.join(sorted(pointers))}." if pointers else ""
    text = f"{destination}: Klaviyo refused the request ({status}, {code}). {advice}".rstrip()
    if status in (400, 409, 422) and pointers <= {"/data", "/data/"}:  # by which record, halving finds out
        return BadRecords(text, {}, destination=destination, code=code)
    if status == 404:
        return Gone(text, destination=destination, code="not_found")
    return Refused(text, destination=destination, code=code)
