"""One person at one destination, in words: what we hold, and what the next push would do.

Owns: these lines of `sync why`. Must not: find out anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connector.core.model import Op
from connector.core.scrub import mask
from connector.plan import gate
from connector.report.values import printable, shown
from connector.state.failures import CODE

if TYPE_CHECKING:
    from connector.lifecycle.position import Position
    from connector.plan.person import Standing

_OPS = {
    Op.CREATE: "create the contact",
    Op.UPDATE: "send",
    Op.ADD: "add to",
    Op.REMOVE: "take out of",
    Op.RETIRE: "retire the contact",
    Op.UNSUBSCRIBE: "unsubscribe the contact",
    Op.RESTORE: "take the contact back",
    Op.ADOPT: "record as there already",
    Op.DISOWN: "leave to others",
}


def standing_lines(item: Standing, in_export: bool, zone: ZoneInfo, position: Position | None = None) -> Iterator[str]:
    """Indented lines of one destination."""
    yield f"  {item.destination}: {_status(item, zone)}"
    held = [f"{kind} “{printable(name)}”" for kind, name in item.targets]
    yield f"    we hold them in: {', '.join(held) or 'nothing'}"
    if item.siblings:
        others = ", ".join(mask(email) for email in item.siblings)
        yield f"    one contact here with another row of the export, {others}: sent once, for both"
    if item.way:
        yield f"    lifecycle: {' → '.join(_stay(row, zone) for row in item.way)}"
    if position is not None:
        yield f"    {_position(position, zone)}"
    if item.fields:
        yield f"    fields sent: {_fields(item.fields, zone)}"
    for row in item.rejects:
        word = "needs a person" if row["code"] == CODE else "refused"
        yield f"    {word}: {row['op']} {_target(row)}{row['code']}: {printable(row['detail'] or '')}"
    yield from _next(item, in_export, zone, position)


def _status(item: Standing, zone: ZoneInfo) -> str:
    if not item.known:
        return "not known yet: the next plan looks the address up first"
    since = f" since {shown(item.status_at, zone)}" if item.status_at else ""
    return f"{item.status}{since}"


def _stay(row: dict[str, Any], zone: ZoneInfo) -> str:
    """A stay in a stage, and how it ended when it has."""
    part = f" ({row['part']})" if row["part"] else ""
    ended = f", {row['how']} {shown(row['left_at'], zone)[:10]}" if row["left_at"] and row["how"] != "moved" else ""
    return f"{row['stage']}{part} since {shown(row['entered_at'], zone)[:10]}{ended}"


def _position(item: Position, zone: ZoneInfo) -> str:
    """Last activity with its source, mails since, protection, and what is due when."""
    source = f" ({printable(item.source)})" if item.source else ""
    parts = [f"last activity {shown(item.activity, zone) if item.activity else 'unknown'}{source}"]
    needed = f" of {item.least:,}" if item.least is not None else ""
    parts += ["mails since: " + ("unknown" if item.sends is None else f"{item.sends:,}") + needed]
    parts += ["protected"] if item.protected else []
    parts += [] if item.taking_part else ["takes no part here"]
    if item.uncounted:
        parts.append("held back, since only mails count here and how many they got is not known")
    elif not item.measurable:
        parts.append("cannot be measured")
    if item.outside:
        parts.append("under no policy of the file here")
    elif item.of > 1:
        parts.append(f"policy {item.policy} of the file")
    parts += ["the stage is another policy's, and is kept until theirs moves them"] if item.changed else []
    parts += ["waits (ramp)"] if item.waits else []
    if item.due is not None:
        parts.append(f"{item.due_for} not before {shown(item.due, zone)[:10]}")
    return f"stage {item.stage or 'none'}; {'; '.join(parts)}"


def _next(item: Standing, in_export: bool, zone: ZoneInfo, position: Position | None) -> Iterator[str]:
    changes = [change for row in item.changes if (change := _change(row, zone))]
    if position is not None and position.how:
        way = f"{position.stage or 'active'} → {position.following or 'active'}"
        changes.insert(0, f"stage {way} ({position.how})")
    condition = "" if item.known or not in_export else ", unless the platform holds or blocks the address already"
    yield f"    next push: {'; '.join(changes) or 'nothing to do'}{condition if changes else ''}"
    for row in item.blocked:
        since = f" on {shown(row['since'], zone)[:10]}" if row["since"] else ""
        yield f"    blocked: {row['op']} {_target(row)}{gate.words(row['reason'], item.platform)}{since}"


def _change(row: dict[str, Any], zone: ZoneInfo) -> str:
    """One change in words; empty for an update that only carries tags of its own lines."""
    op = Op(row["op"])
    fields = _fields(json.loads(row["fields"]), zone) if row["fields"] else ""
    if op is Op.UPDATE:
        return f"send {fields}" if fields else ""
    if op is Op.CREATE:
        return f"create the contact as {row['new_status']}" + (f" with {fields}" if fields else "")
    if op is Op.MOVE:
        return "give the contact the person's new address in the export"
    if row["kind"] is None:
        return _OPS.get(op, str(op))
    return f"{_OPS.get(op, str(op))} {row['kind']} “{printable(row['target'])}”"


def _target(row: dict[str, Any]) -> str:
    return f"{row['kind']} “{printable(row['target'])}”: " if row["kind"] else ""


def _fields(fields: dict[str, Any], zone: ZoneInfo) -> str:
    return ", ".join(f"{name}: {shown(value, zone)}" for name, value in fields.items())
