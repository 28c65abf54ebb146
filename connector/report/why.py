"""One person, explained: the words of `sync why` and the JSON document "connector.why/1".

Owns: Why (what app/why.py found out) and its two forms. Must not: find out anything. It shows one person's data to
those who ask for that person by address; it is for the terminal, not for logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connector.report.values import as_json, noted, printable, shown, wrapped

if TYPE_CHECKING:
    from connector.lifecycle.position import Position
    from connector.plan.person import Standing
    from connector.segments.explain.identity import Identity
    from connector.segments.explain.person import Consent, Explanation, InOne, Verdict


@dataclass(frozen=True, slots=True)
class Why:
    """`identity` and `explanation` are None for somebody who is not in the export. `before` is the explanation without
    the supposed values, when there are any. `quarantine` are (file, row, reason) of rows that hold the address."""

    email: str
    as_of: datetime
    identity: Identity | None
    explanation: Explanation | None
    before: Explanation | None
    given: tuple[tuple[str, Any], ...]
    standings: tuple[Standing, ...]
    quarantine: tuple[tuple[str, int, str], ...]
    positions: Mapping[str, Position] = field(default_factory=dict)  # destination -> in its lifecycle


def why_json(found: Why, segments: Sequence[str]) -> dict[str, Any]:
    """`segments` are the names to tell of."""
    told = found.explanation
    return {
        "schema": "connector.why/1",
        "email": found.email,
        "as_of": found.as_of.isoformat(),
        "in_export": told is not None,
        "supposed": {name: as_json(value) for name, value in found.given},
        "quarantine": [{"file": file, "row": row, "reason": reason} for file, row, reason in found.quarantine],
        "rows": [
            {"file": row.file, "row": row.row, "updated_at": as_json(row.updated_at)}
            for row in (found.identity.rows if found.identity else ())
        ],
        "columns": [_column_json(found.identity, number) for number in range(_columns(found.identity))],
        "traits": {name: as_json(value) for name, value in (told.traits if told else ())},
        "segments": [_segment_json(item) for item in (told.segments if told else ()) if item.name in segments],
        "changes": _moved(found),
        "consent": _consent_json(told.consent) if told else None,
        "destinations": [_standing_json(item, found.positions.get(item.destination)) for item in found.standings],
        "notes": list(told.notes) if told else [],
    }


def _columns(identity: Identity | None) -> int:
    return len(identity.columns) if identity else 0


def _column_json(identity: Identity | None, number: int) -> dict[str, Any]:
    assert identity is not None
    won = identity.columns[number]
    lost = [{"row": identity.rows[row].row, "value": as_json(value)} for row, value in won.lost]
    row = None if won.row is None else identity.rows[won.row].row
    return {"name": won.column, "value": as_json(won.value), "row": row, "lost": lost}


def _segment_json(item: InOne) -> dict[str, Any]:
    return {
        "name": item.name,
        "title": item.title,
        "matches": item.matches,
        "member": item.member,
        "taken_by": item.taken_by,
        "paused": item.paused,
        "decided": item.decided,
        "rule": item.rule and _verdict_json(item.rule),
    }


def _verdict_json(item: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {"condition": item.text, "holds": item.holds, "line": item.line}
    if item.group:
        return found | {"parts": [_verdict_json(part) for part in item.parts]}
    return found | {"values": {what: as_json(value) for what, value in item.values}}


def _consent_json(consent: Consent) -> dict[str, Any]:
    return {
        "given": consent.given,
        "unclear": consent.unclear,
        "at": as_json(consent.at),
        "source": consent.source,
        "rule": consent.rule and _verdict_json(consent.rule),
    }


def _standing_json(item: Standing, position: Position | None) -> dict[str, Any]:
    return {
        "name": item.destination,
        "platform": item.platform,
        "known": item.known,
        "status": item.status,
        "status_at": as_json(item.status_at),
        "targets": [{"kind": kind, "name": name} for kind, name in item.targets],
        "one_contact_with": list(item.siblings),
        "fields": item.fields,
        "stage": _stage_json(item),
        "lifecycle": _position_json(position) if position else None,
        "rejects": [{key: as_json(row[key]) for key in ("op", "kind", "target", "code", "detail", "at")}
                    for row in item.rejects],
        "next_push": [{key: row[key] for key in ("op", "kind", "target", "fields", "new_status")}
                      for row in item.changes],
        "blocked": [{key: as_json(row[key]) for key in ("op", "kind", "target", "reason", "since")}
                    for row in item.blocked],
    }  # fmt: skip


def _position_json(position: Position) -> dict[str, Any]:
    move = {"how": position.how, "to": position.following} if position.how else None
    return {
        "stage": position.stage,
        "since": as_json(position.since),
        "last_activity": as_json(position.activity),
        "source": position.source,
        "sends": position.sends,
        "due": as_json(position.due),
        "due_for": position.due_for,
        "taking_part": position.taking_part,
        "protected": position.protected,
        "measurable": position.measurable,
        "policy": None if position.outside else position.policy,
        "stage_of_another_policy": position.changed,
        "mails_needed": position.least,
        "held_back": "unknown_mails" if position.uncounted else None,
        "next_push": move,
    }


def _stage_json(item: Standing) -> dict[str, Any]:
    """The stage now, null when in none, and the way there."""
    keys = ("stage", "part", "entered_at", "left_at", "how")
    now = item.way[-1]["stage"] if item.way and item.way[-1]["left_at"] is None else None
    return {"now": now, "way": [{key: as_json(row[key]) for key in keys} for row in item.way]}


def _moved(found: Why) -> dict[str, list[str]]:
    """The segments that the supposed values lead into and out of."""
    if found.before is None or found.explanation is None:
        return {"enters": [], "leaves": []}
    before = {item.name for item in found.before.segments if item.member}
    now = {item.name for item in found.explanation.segments if item.member}
    names = [item.name for item in found.explanation.segments]
    return {
        "enters": [name for name in names if name in now - before],
        "leaves": [name for name in names if name in before - now],
    }


def why_text(found: Why, segments: Sequence[str], zone: ZoneInfo) -> str:
    """For a terminal of 80 columns."""
    from connector.report.person_status import standing_lines

    lines = [f"{printable(found.email)} as of {found.as_of.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}"]
    if found.given:
        lines += ["", *_supposed(found, zone)]
    lines += ["", *_where(found), *_identity(found.identity, zone)]
    if found.explanation is not None:
        lines += _explanation(found, found.explanation, segments, zone)
    if found.explanation is not None or any(item.known or item.targets for item in found.standings):
        lines += ["", "Destinations, as last known (no platform was asked now)"]
        for item in found.standings:
            lines += standing_lines(item, found.explanation is not None, zone, found.positions.get(item.destination))
    if found.explanation is not None:
        lines += noted(found.explanation.notes)
    return "\n".join(line for text in lines for line in wrapped(text))


def _supposed(found: Why, zone: ZoneInfo) -> Iterator[str]:
    for name, value in found.given:
        yield f"Suppose {name} is {shown(value, zone)}"
    moved = _moved(found)
    yield f"  enters: {', '.join(moved['enters']) or 'no segment'}"
    yield f"  leaves: {', '.join(moved['leaves']) or 'no segment'}"


def _where(found: Why) -> Iterator[str]:
    """Where the address stands when it is no contact, in sentences."""
    for file, row, reason in found.quarantine:
        yield f"Row {row} of {file} holds this address and is in the quarantine: {QUARANTINE.get(reason, reason)}."
    if found.explanation is None:
        known = [item.destination for item in found.standings if item.known or item.targets]
        where = f" It is known at {', '.join(known)} from earlier." if known else " No destination knows it either."
        yield "This address is no contact of the export, so it is in no segment." + where


QUARANTINE = {
    "empty": "it has no address",
    "invalid": "the cell is no address",
    "several": "the cell holds more than one address",
    "cells": "the row has more cells than the header",
    "unreadable": "the row cannot be read",
    "role": "it is the address of a role, and cleanup says quarantine",
    "disposable": "it is a throw-away address, and cleanup says quarantine",
    "typo": "its domain is misspelled, and cleanup says quarantine",
}


def _identity(identity: Identity | None, zone: ZoneInfo) -> Iterator[str]:
    if identity is None:
        return
    count = len(identity.rows)
    yield "Identity: 1 row" if count == 1 else f"Identity: {count} rows are this person, the newest first"
    for row in identity.rows:
        since = "" if row.updated_at is None else f", updated {shown(row.updated_at, zone)}"
        yield f"  {row.file}, row {row.row}{since}"
    for won in identity.columns:
        source = f"  (row {identity.rows[won.row].row})" if won.row is not None and count > 1 else ""
        yield f"  {won.column}: {shown(won.value, zone)}{source}"
        for row_number, value in won.lost:
            yield f"    not {shown(value, zone)} of row {identity.rows[row_number].row}"


def _explanation(found: Why, told: Explanation, segments: Sequence[str], zone: ZoneInfo) -> Iterator[str]:
    supposed = dict(found.given)
    if told.traits:
        yield from ("", "Traits")
        for name, value in told.traits:
            yield f"  {name}: {shown(value, zone)}{' (supposed)' if name in supposed else ''}"
    yield from ("", "Segments")
    for item in told.segments:
        if item.name in segments:
            yield f"  {item.name}: {_membership(item)}"
            if item.rule is not None:
                yield from _verdict(item.rule, 2, zone)
    yield from ("", f"Consent: {_consent(told.consent, zone)}")
    if told.consent.rule is not None:
        yield from _verdict(told.consent.rule, 1, zone)


def _membership(item: InOne) -> str:
    paused = ", but paused: nothing is sent" if item.paused else ""
    if item.taken_by is not None:
        return f"no: the rule holds, and {item.taken_by} comes first in its priorities"
    decided = f", {item.decided}" if item.decided is not None else ""
    return f"{'yes' if item.member else 'no'}{decided}{paused}"


def _consent(consent: Consent, zone: ZoneInfo) -> str:
    if not consent.given:
        return "no: the export's values are not understood or contradict each other" if consent.unclear else "no"
    if consent.rule is None:
        return "not asked for in the file, so yes"
    proof = [shown(consent.at, zone)] if consent.at else ["without a dated proof"]
    return f"yes, {', '.join([*proof, *([printable(consent.source)] if consent.source else [])])}"


def _verdict(item: Verdict, depth: int, zone: ZoneInfo) -> Iterator[str]:
    indent, holds = "  " * depth, str(item.holds).lower()
    if item.group == "and" and depth < 3:  # several keys of a segment's `when` read as written
        for part in item.parts:
            yield from _verdict(part, depth, zone)
    elif item.group:
        word = "all" if item.group == "and" else item.group
        yield f"{indent}{word}: → {holds}"
        for part in item.parts:
            yield from _verdict(part, depth + 1, zone)
    else:
        reasons = ", ".join(_reason(what, value, item.holds, zone) for what, value in item.values)
        yield f"{indent}{printable(item.text)} → {holds}" + (f" ({reasons})" if reasons else "")


def _reason(what: str, value: Any, holds: bool, zone: ZoneInfo) -> str:
    if value is None:
        return f"{what} is missing" + (", which a negated test lets in" if holds else "")
    if what.startswith("in ") and isinstance(value, bool):
        return what if value else f"not {what}"
    return f"{what} is {shown(value, zone)}"
