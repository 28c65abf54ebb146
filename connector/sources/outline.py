"""What the headers of exports tell before anybody has described them: which file holds people and which events, whose
product wrote it, and the columns of address, id and time.

Owns: outline(), Draft, and the words by which headers are recognised. Must not: read rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connector.core.errors import SourceError
from connector.core.problem import Place, Problem
from connector.sources.columns.presets import EVENTS, PRESETS
from connector.sources.sketch import EMAILS, headers_of, no_email, shown_of
from connector.sources.text import fold, snake

CONTACTS = "contacts"
_OF_PEOPLE = re.compile(
    r"first ?name|last ?name|full ?name|phone|lifecycle|create(d)? ?(date|time)|opt.?(in|out)|accepts|birth"
    r"|member.rating|record id|contact id|total (spent|spend|orders)|lead source"
    r"|job ?title|mailing|customer since|date registered"
)
_OF_EVENTS = re.compile(
    r"^orders?[ _-]?(id|no|number|date|status|total)|ordered|line ?item|^(sku|quantity|amount|total|subtotal|currency)$"
    r"|(paid|fulfilled|cancelled|occurred|clicked|opened|sent)[ _]at|^event|^campaign|transaction|invoice|^timestamp$"
)
_ORDERS = re.compile(r"order|amount|total|sku|invoice|payment")
_ADDRESSES = (*EMAILS, "customer_email", "email (billing)", "billing email", "billing email address", "billing_email")
_IDS = ("id", "contact id", "customer id", "record id", "user id", "contact_id", "customer_id", "user_id")
_UPDATED = ("last modified date", "updated at", "updated_at", "modified time", "last_changed", "last modified")
_TIMES = (
    "ordered_at", "order date", "order_date", "occurred_at", "created at", "created_at", "created (utc)",
    "created date (utc)", "paid at", "timestamp", "event time", "date", "time",
)  # fmt: skip
_EVENT_IDS = ("order_id", "order id", "order number", "order_number", "order no", "invoice number", "transaction id")


@dataclass(frozen=True, slots=True)
class Draft:
    """One source as `sync init` declares it; the values are headers as written. `join` is (header here, column of
    contacts)."""

    name: str
    file: Path
    headers: tuple[str, ...]
    preset: str | None = None
    email: str | None = None
    more: tuple[str, ...] = ()  # further columns of addresses: the first that is filled counts
    id: str | None = None
    updated_at: str | None = None
    at: str | None = None
    join: tuple[str, str] | None = None
    shown: tuple[str, ...] = ()  # the headers that a message or comment may quote
    declared: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # column -> (header, type)


def outline(files: Sequence[Path]) -> list[Draft]:
    """The contacts first, then the sources of events. Raises SourceError when no file holds contacts, or two do."""
    found = [(file, headers_of(file)) for file in files]
    scores = {file: _score(headers) for file, headers in found}
    people = [file for file, headers in found if scores[file] >= 0 and _address(headers)]
    if not people:
        raise _nobody(found, scores)
    chosen = max(people, key=lambda file: scores[file])
    others = [(file, headers) for file, headers in found if file != chosen]
    if len(people) > 1:
        _refuse_second(chosen, [file for file in people if file != chosen], scores)
    contacts = _contacts(chosen, dict(found)[chosen])
    drafts = [contacts]
    for file, headers in others:
        drafts.append(_events(file, headers, contacts, {draft.name for draft in drafts}))
    return drafts


def _address(headers: Sequence[str]) -> str | None:
    """The header of the address, in the words of the product or of anybody."""
    return _meaning(headers, _preset(headers, PRESETS), "email") or _first(headers, _ADDRESSES)


def _score(headers: Iterable[str]) -> int:
    folded = [fold(header) for header in headers]
    people = sum(bool(_OF_PEOPLE.search(header)) for header in folded)
    return people - sum(bool(_OF_EVENTS.search(header)) for header in folded)


def _nobody(found: Sequence[tuple[Path, tuple[str, ...]]], scores: Mapping[Path, int]) -> SourceError:
    for file, _ in found:
        if scores[file] < 0:
            message = f"{file.name} looks like an export of events (orders, payments, clicks). Name one of people, too."
            return SourceError([Problem(Place(file.name), "no-contacts", message)])
        return no_email(file)
    return SourceError([Problem(Place("--from"), "file-missing", "Name an export with --from FILE.")])


def _refuse_second(chosen: Path, others: Sequence[Path], scores: Mapping[Path, int]) -> None:
    for file in others:
        if scores[file] > 0 or scores[chosen] == scores[file]:
            message = f"{file.name} and {chosen.name} both look like exports of contacts. Name one, and the events."
            raise SourceError([Problem(Place(file.name), "two-contacts", message)])


def _contacts(file: Path, headers: tuple[str, ...]) -> Draft:
    preset = _preset(headers, PRESETS)
    return Draft(
        CONTACTS,
        file,
        headers,
        preset,
        shown=shown_of(file),
        email=_meaning(headers, preset, "email") or _first(headers, _ADDRESSES),
        more=tuple(header for header in headers if _means(header, preset).startswith("email_")) if preset else (),
        id=_meaning(headers, preset, "id") or _first(headers, _IDS),
        updated_at=_meaning(headers, preset, "updated_at") or _first(headers, _UPDATED),
    )


def _events(file: Path, headers: tuple[str, ...], contacts: Draft, taken: Iterable[str]) -> Draft:
    preset = _preset(headers, {name: PRESETS[name] for name in EVENTS})
    address = _meaning(headers, preset, "email") or _first(headers, _ADDRESSES)
    join = (address, "email") if address else None
    key = _first(headers, _IDS[1:])
    if join is None and key and contacts.id:
        join = (key, contacts.id)
    if join is None:
        message = f"{file.name} has no column of addresses or of the contacts' ids, so its rows belong to nobody."
        raise SourceError([Problem(Place(file.name), "no-email-column", message)])
    own = None if preset else _first(headers, _EVENT_IDS)
    return Draft(
        _name(file, headers, contacts, set(taken)), file, headers, preset, id=own, at=_first(headers, _TIMES), join=join
    )


def _name(file: Path, headers: Sequence[str], contacts: Draft, taken: set[str]) -> str:
    """orders, or what the file is called; never a column of the contacts."""
    orders = any(_ORDERS.search(fold(header)) for header in headers)
    stem = snake(re.sub(r"[-_. ]*\d{4}-?\d{2}-?\d{2}.*", "", file.name.partition(".")[0]))
    name = "orders" if orders and "orders" not in taken else stem or "events"
    taken = taken | {snake(header) for header in contacts.headers}
    while name in taken or not re.fullmatch(r"[a-z]\w{0,62}", name, re.ASCII):
        name = f"events_{name}" if re.fullmatch(r"\w{0,50}", name, re.ASCII) else "events"
    return name


def _preset(headers: Sequence[str], presets: Mapping[str, Mapping[str, object]]) -> str | None:
    """The product most of whose words these are."""
    folded = {fold(header) for header in headers}
    hits = {name: len(folded & known.keys()) for name, known in presets.items()}
    best = max(hits, key=lambda name: hits[name])
    second = max((count for name, count in hits.items() if name != best), default=0)
    return best if hits[best] >= 4 and hits[best] * 5 >= len(folded) * 2 and hits[best] > second else None


def _meaning(headers: Sequence[str], preset: str | None, column: str) -> str | None:
    """The header that the preset gives this column."""
    known = PRESETS[preset] if preset else {}
    return next((h for h in headers if fold(h) in known and known[fold(h)].column == column), None)


def _means(header: str, preset: str) -> str:
    """The column of a header in a preset of several addresses; labels of addresses and opt-ins are none."""
    known = PRESETS[preset].get(fold(header))
    return known.column if known and re.fullmatch(r"email_(\d|home|other|work)", known.column) else ""


def _first(headers: Sequence[str], names: Sequence[str]) -> str | None:
    folded = {fold(header): header for header in reversed(headers)}
    return next((folded[name] for name in names if name in folded), None)
