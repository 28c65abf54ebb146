"""A plan told to people and to programs.

Owns: the words of `sync plan`, and the JSON document "connector.plan/1" (docs/plan-json.md). Must not: compute
changes, or show an address in full.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from connector.core.counts import count_of
from connector.core.model import Op
from connector.core.plan import GuardHit, Plan
from connector.core.scrub import mask
from connector.plan import gate
from connector.plan.guards.rules import again
from connector.report.values import noted
from connector.state.frozen import counted

SCHEMA = "connector.plan/1"
FINDINGS = 5  # of the exports, in a text
TOTALS = {
    Op.CREATE: "creates",
    Op.UPDATE: "updates",
    Op.MOVE: "moves",
    Op.ADD: "adds",
    Op.REMOVE: "removes",
    Op.RETIRE: "retires",
    Op.UNSUBSCRIBE: "retires",
}


# Why somebody moves between stages of the lifecycle (lifecycle/machine.py).
MOVED = {
    "entered": "become inactive",
    "moved": "move to the next stage",
    "returned": "come back",
    "protected": "protected now",
    "policy": "by another policy",
    "left": "gone from the export, without consent, or opted out",
    "over": "whose returned tag is over",
    "retired": "archived or suppressed",
    "undone": "taken back",
    "restored": "back after having been archived or suppressed",
}


def totals(plan: Plan) -> dict[str, int]:
    """creates, updates, moves, adds, removes, retires, blocked, requests, irreversible over all destinations."""
    result = dict.fromkeys(TOTALS.values(), 0)
    for row in _counts(plan):
        name = TOTALS.get(Op(row["op"]))
        if name is not None:
            result[name] += row["fields_count"] if row["op"] == Op.UPDATE else row["email_count"]
    irreversible = sum(sum(counts.values()) for counts in plan.irreversible.values())
    sent = sum(plan.requests.values())
    return result | {"blocked": plan.blocked.num_rows, "requests": sent, "irreversible": irreversible}


def is_empty(plan: Plan) -> bool:
    """Nothing to send and nothing to record."""
    return not (plan.changes.num_rows or plan.stages.num_rows or plan.frozen.num_rows or plan.released)


def as_json(plan: Plan, allowed: Sequence[str] = ()) -> dict[str, Any]:
    """The document connector.plan/1: no addresses, only counts. `allowed` are the guards that are overridden."""
    return {
        "schema": SCHEMA,
        "id": plan.id,
        "as_of": plan.as_of.isoformat(),
        "contacts": plan.export.contacts,
        "summary": totals(plan),
        "destinations": [_destination(plan, name) for name in plan.revisions],
        "guards": [
            {
                "name": hit.name,
                "destination": hit.destination,
                "target": hit.target,
                "message": hit.message,
                "overridden": hit.name in allowed,
            }
            for hit in plan.guards
        ],
        "notes": list(plan.notes),
        "findings": list(plan.findings),
        "frozen": dict(counted(plan.frozen)),
        "released": list(plan.released),
        "limit": plan.limit,
        "unread": dict(plan.unread),
        "held_back": dict(plan.held_back),
        "skipped": dict(plan.skipped),
    }


def text(plan: Plan, zone: ZoneInfo, verbose: bool = False, allowed: Sequence[str] = ()) -> str:
    """The plan for a terminal of 80 columns or a file."""
    moment = plan.as_of.astimezone(zone)
    lines = [
        f"Plan {plan.id}: {count_of(plan.export.contacts, 'contact')} as of {moment:%Y-%m-%d %H:%M} {zone.key}",
        "",
    ]
    for name in plan.revisions:
        lines += _destination_lines(_destination(plan, name), zone)
    lines += [f"NOT PLANNED: {why}" for why in plan.unread.values()]
    lines += noted(plan.notes)
    lines += found(plan.findings, verbose)
    lines += _staying_lines(plan, zone, verbose)
    if verbose:
        lines += _blocked_lines(plan, zone)
    if plan.guards:
        lines += ["", *(guard_line(hit, hit.name in allowed) for hit in plan.guards)]
    sums = totals(plan)
    if is_empty(plan):
        lines.append(f"No changes. {_looked_at(plan, sums['blocked'])}")
    else:
        lines.append(
            f"Total: {sums['creates']:,} to create, {sums['updates']:,} to update, {sums['adds']:,} to add, "
            f"{sums['removes']:,} to remove,"
        )
        lines.append(
            f"       {sums['moves']:,} to move, {sums['retires']:,} to retire, {sums['blocked']:,} blocked, "
            f"{requests(sums['requests'])}."
        )
        lines.append(f"       irreversible: {sums['irreversible']:,}{_irreversible(plan)}")
    return "\n".join(lines)


def guard_line(hit: GuardHit, overridden: bool) -> str:
    if overridden:
        return f"GUARD {hit.name}, overridden by --allow: {hit.message.removesuffix(again(hit.name))}"
    return f"GUARD {hit.name}: {hit.message}"


def found(findings: Sequence[str], verbose: bool = False) -> list[str]:
    """What was found in the exports: what concerns most people, and all of it with `verbose`."""
    shown = findings if verbose else findings[:FINDINGS]
    lines = [f"export: {finding}" for finding in shown]
    if len(findings) > len(shown):
        lines.append(f"export: … and {len(findings) - len(shown):,} more: sync check")
    return lines


def _looked_at(plan: Plan, blocked: int) -> str:
    """What an empty plan says: what was compared, and what was not."""
    if not plan.revisions:
        return "segments.yaml has no destination, so no platform was looked at."
    new = [name for name, revision in plan.revisions.items() if revision == 0]
    if new:
        return f"The state is new, so nothing is known of what was pushed to {', '.join(new)} before."
    without = f" Left out, with their members as they were: {', '.join(plan.skipped)}." if plan.skipped else ""
    held = f"; {count_of(blocked, 'membership is', 'memberships are')} blocked, as above" if blocked else ""
    return (
        f"All that segments.yaml asks for and that is allowed was confirmed by {', '.join(plan.revisions)}{held}."
        f"{without} What others changed in members is not looked at here: `sync drift`."
    )


def requests(count: int) -> str:
    return count_of(count, "request")


def _irreversible(plan: Plan) -> str:
    """What `sync undo` could not take back, by operation."""
    words = {
        Op.CREATE: "new contacts stay",
        Op.UPDATE: "fields of unknown former value",
        Op.MOVE: "new addresses stay",
        Op.RETIRE: "retired for good",
        Op.UNSUBSCRIBE: "unsubscribed for good",
    }
    total: Counter[str] = Counter()
    for counts in plan.irreversible.values():
        total.update(counts)
    parts = [f"{count:,} {words.get(Op(op), op)}" for op, count in total.items() if count]
    return f" ({', '.join(parts)})" if parts else ""


def _counts(plan: Plan) -> list[dict[str, Any]]:
    groups = plan.changes.group_by(["destination", "op", "kind", "target"], use_threads=False)
    rows: list[dict[str, Any]] = groups.aggregate([("email", "count"), ("fields", "count")]).to_pylist()
    return rows


def _destination(plan: Plan, name: str) -> dict[str, Any]:
    contacts = {"creates": 0, "updates": 0, "moves": 0}
    targets: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for row in _counts(plan):
        if row["destination"] != name:
            continue
        if row["kind"]:
            targets[row["kind"], row["target"]][row["op"]] += row["email_count"]
        elif row["op"] == Op.CREATE:
            contacts["creates"] += row["email_count"]
        elif row["op"] == Op.MOVE:
            contacts["moves"] += row["email_count"]
        else:
            contacts["updates"] += row["fields_count"]
    blocked: Counter[str] = Counter()
    latest: dict[str, datetime | None] = {}
    for row in _blocked_counts(plan):
        if row["destination"] == name:
            reason, since = row["reason"], row["since_max"]
            blocked[reason] += row["email_count"]
            latest[reason] = max(filter(None, (latest.get(reason), since)), default=None)
            if row["kind"]:
                targets[row["kind"], row["target"]]["blocked"] += row["email_count"]
    return {
        "name": name,
        "platform": plan.platforms.get(name, ""),
        "contacts": contacts,
        "targets": [
            {
                "kind": kind,
                "name": target,
                "adds": counts[Op.ADD],
                "removes": counts[Op.REMOVE],
                "adopted": counts[Op.ADOPT],
                "disowned": counts[Op.DISOWN],
                "blocked": counts["blocked"],
            }
            for (kind, target), counts in sorted(targets.items())
        ],
        "stages": _stages(plan, name),
        "blocked": dict(sorted(blocked.items())),
        "blocked_latest": {reason: at.isoformat() if (at := latest[reason]) else None for reason in sorted(blocked)},
        "irreversible": dict(plan.irreversible.get(name, {})),
        "requests": plan.requests[name],
        "seconds": round(plan.seconds[name], 1),
    }


def _stages(plan: Plan, name: str) -> list[dict[str, Any]]:
    """Who moves between stages of the lifecycle: `to` None is out of it."""
    groups = plan.stages.group_by(["destination", "how", "stage"], use_threads=False)
    rows = groups.aggregate([("email", "count")]).to_pylist()
    found = [
        {"how": row["how"], "to": row["stage"], "contacts": row["email_count"]}
        for row in rows
        if row["destination"] == name
    ]
    return sorted(found, key=lambda row: (row["how"], row["to"] or ""))


def _blocked_counts(plan: Plan) -> list[dict[str, Any]]:
    groups = plan.blocked.group_by(["destination", "kind", "target", "reason"], use_threads=False)
    rows: list[dict[str, Any]] = groups.aggregate([("email", "count"), ("since", "max")]).to_pylist()
    return rows


def _destination_lines(side: dict[str, Any], zone: ZoneInfo) -> list[str]:
    lines = [side["name"]]
    contacts = side["contacts"]
    if any(contacts.values()):
        parts = [f"+{contacts['creates']:,} new"] if contacts["creates"] else []
        parts += [f"~{contacts['updates']:,} fields"] if contacts["updates"] else []
        parts += [f"→{contacts['moves']:,} with a new address"] if contacts["moves"] else []
        lines.append(f"  {'contacts':<34} {'  '.join(parts)}")
    for target in side["targets"]:
        parts = [
            f"{sign}{target[key]:,}{word}"
            for key, sign, word in (
                ("adds", "+", ""),
                ("removes", "−", ""),
                ("adopted", "=", " already there"),
                ("disowned", "≠", " no longer ours"),
            )
            if target[key]
        ]
        if parts:
            title = f"{target['kind']} “{target['name']}”"
            lines.append(f"  {title:<34} {'  '.join(parts)}")
    for row in side["stages"]:
        title = f"stage “{row['to']}”" if row["to"] else "out of the lifecycle"
        lines.append(f"  {title:<34} {row['contacts']:,} {MOVED[row['how']]}")
    for code, count in side["blocked"].items():
        at = side["blocked_latest"][code]
        latest = f", the latest on {_day(datetime.fromisoformat(at), zone)}" if at else ""
        lines.append(f"  blocked {count:>8,}  {gate.words(code, side['platform'])}{latest}")
    if side["requests"]:
        lines.append(f"  {requests(side['requests'])}, about {_span(side['seconds'])} at the platform's limits")
    elif len(lines) == 1:
        lines.append("  no changes")
    return [*lines, ""]


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d}"


def _staying_lines(plan: Plan, zone: ZoneInfo, verbose: bool) -> list[str]:
    """Those that an undo or a restore does not take back, masked, one by one; the first ones, or with `verbose` all."""
    rows = plan.blocked.filter(pc.equal(plan.blocked["op"], str(Op.RESTORE)))
    shown = rows.num_rows if verbose else 20
    lines = []
    for row in rows.slice(0, shown).to_pylist():
        reason = gate.words(row["reason"], plan.platforms.get(row["destination"], ""))
        lines.append(f"  {row['destination']}: {mask(row['email'])} stays as they are: {reason}")
    if rows.num_rows > shown:
        lines.append(f"  … and {rows.num_rows - shown:,} more (-v shows all)")
    return lines


def _blocked_lines(plan: Plan, zone: ZoneInfo) -> list[str]:
    """The first blocked ones, masked, with the day they opted out."""
    shown = 20
    lines = []
    blocked = plan.blocked.filter(pc.not_equal(plan.blocked["op"], str(Op.RESTORE)))
    for row in blocked.slice(0, shown).to_pylist():
        since = f" on {_day(row['since'], zone)}" if row["since"] else ""
        reason = gate.words(row["reason"], plan.platforms.get(row["destination"], ""))
        lines.append(
            f"  {row['destination']} {row['kind']} “{row['target']}”: {mask(row['email'])} blocked: {reason}{since}"
        )
    if blocked.num_rows > shown:
        lines.append(f"  … and {blocked.num_rows - shown:,} more")
    return lines
