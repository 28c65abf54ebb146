"""What `sync cleanup` found, told to people and to programs ("connector.cleanup/1").

Owns: the words. Must not: find anything, show an address in full (but in the table that is asked for with csv).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import pyarrow as pa

from connector.core.counts import by_count, count_of
from connector.core.plan import Plan
from connector.core.scrub import mask
from connector.lifecycle.cleanup import FINAL, Findings
from connector.lifecycle.retiring import UNSUBSCRIBE, counts
from connector.report.hygiene import safe
from connector.report.plan import as_json, found, guard_line
from connector.report.values import noted
from connector.vendors import title

WORDS = {
    "sunset": "in the last stage, inactive throughout",
    "bounced": "bounced for good",
    "bounced_softly": "bounced again and again",
    "unsubscribed": "unsubscribed, with tags of ours",
    "back": "archived or suppressed before, and active again",
}
ACTIONS = {
    "report": "only reported",
    "remove_tags": "tags and lists off",
    "restore": "taken back",
    "unsubscribe": "unsubscribe, for good",
}
# Why somebody was left alone; other codes are those of refusals (report/upkeep.py).
SPARED = {
    "came_back": "clicked or opened since the plan",
    "changed": "changed on the platform since the plan",
    "opted_out": "opted out since the plan",
    "second_address": "this is not the address that the contact is mailed at",
    "not_ours": "suppressed by somebody else",
}
SHOWN = 10
Found = Mapping[str, Any]


def cleanup_json(
    plan: Plan, sides: Sequence[Findings], orphans: Found, twice: Found, invalid: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "schema": "connector.cleanup/1",
        "destinations": [
            {
                "name": side.ledger.destination,
                "found": [
                    {"finding": finding, "action": action, "contacts": count, "wait_for_a_later_run": waits}
                    for finding, action, count, waits in counts(side.found)
                ],
                "orphaned": list(orphans[side.ledger.destination]),
                "held_twice": twice[side.ledger.destination],
                **_way(side),
            }
            for side in sides
        ],
        "invalid": dict(invalid),
        "plan": as_json(plan),
    }


def _way(side: Findings) -> dict[str, Any]:
    """How people are archived or suppressed here, and whether that can be taken back."""
    if UNSUBSCRIBE in (*side.actions.sunset, side.actions.bounced):
        return {"action": UNSUBSCRIBE, "can_be_undone": False, "undo": FINAL}
    retire = side.capabilities.retire
    if retire is None:
        return {"action": None, "can_be_undone": False, "undo": None}
    return {"action": retire.action, "can_be_undone": retire.reversible, "undo": retire.how_to_undo}


def cleanup_text(
    plan: Plan,
    sides: Sequence[Findings],
    orphans: Found,
    twice: Found,
    invalid: Mapping[str, int],
    verbose: bool,
    zone: tzinfo = UTC,
    allowed: Sequence[str] = (),
) -> str:
    """Everybody is masked; of many the first are shown, and all of them with `verbose`."""
    lines = []
    for side in sides:
        name = side.ledger.destination
        lines.append(name)
        for finding, action, count, waits in counts(side.found):
            later = f", {waits:,} of them in later runs (ramp)" if waits else ""
            lines.append(f"  {count:>8,}  {WORDS[finding]}: {ACTIONS.get(action, action)}{later}")
            lines += _people(side.found, finding, action, zone, verbose)
        if side.told:
            lines.append(f"  {side.told:>8,}  {WORDS['sunset']}: reported before")
        if twice[name]:
            who = by_count(twice[name], "person", "people")
            lines.append(f"  {twice[name]:>8,}  {who} held under several addresses: only reported")
        lines += [f"  {'':>8}  {item}: no segment or stage in the file; left as it is" for item in orphans[name]]
        lines += [] if len(lines) and lines[-1] != name else ["  nothing to clean up"]
        lines.append("")
    if invalid:
        what = count_of(sum(invalid.values()), "row of the export is", "rows of the export are")
        lines.append(f"{what} sent nowhere: `sync hygiene` shows the places.")
    lines += [f"NOT PLANNED: {why}" for why in plan.unread.values()]
    lines += [*noted(plan.notes), *found(plan.findings)]
    lines += [guard_line(hit, hit.name in allowed) for hit in plan.guards]
    return "\n".join([*lines, _total(plan)])


def cleanup_csv(sides: Sequence[Findings]) -> str:
    """Everybody who was found, in full, where it is asked for."""
    lines = ["destination,email,finding,action,waits,why,last_activity,inactive_since,stage,stage_since"]
    for side in sides:
        for row in side.found.to_pylist():
            times = [row["life"], row["began_at"], row["entered_at"]]
            life, began, entered = ("" if at is None else at.astimezone(UTC).isoformat() for at in times)
            who = (
                side.ledger.destination,
                safe(row["email"]),
                row["finding"],
                row["action"],
                str(row["waits"]).lower(),
            )
            cells = (*who, f'"{WORDS[row["finding"]]}"', life, began, safe(row["stage"]), entered)
            lines.append(",".join(map(str, cells)))
    return "\n".join(lines)


def reason(code: str) -> str:
    """Why somebody was not archived, in words."""
    from connector.report.upkeep import REFUSED

    return SPARED.get(code) or REFUSED.get(code, (code, ""))[0]


def _people(found: pa.Table, finding: str, action: str, zone: tzinfo, verbose: bool) -> list[str]:
    chosen = [row for row in found.to_pylist() if (row["finding"], row["action"]) == (finding, action)]
    shown = chosen if verbose else chosen[:SHOWN]
    lines = [f"            {mask(row['email']):<28} {_when(row, zone)}" for row in shown]
    more = len(chosen) - len(shown)
    return [*lines, f"            … and {more:,} more: --format csv lists everybody"] if more else lines


def _when(row: Mapping[str, Any], zone: tzinfo) -> str:
    def day(at: datetime | None) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d}" if at else "unknown"

    stage = f"; in {row['stage']} since {day(row['entered_at'])}" if row["stage"] else ""
    return f"last activity {day(row['life'])}{stage}{', waits (ramp)' if row['waits'] else ''}"


def _total(plan: Plan) -> str:
    from connector.report.plan import is_empty, requests, totals

    sums = totals(plan)
    if is_empty(plan):
        return "Nothing to do."
    platforms = ", ".join(
        title(name) for name in dict.fromkeys(plan.platforms[side] for side, count in plan.requests.items() if count)
    )
    final = f" ({sums['irreversible']:,} of them for good)" if sums["irreversible"] else ""
    return (
        f"Total: {sums['retires']:,} to archive, suppress or unsubscribe{final}, "
        f"{count_of(sums['removes'], 'membership')} to remove, {requests(sums['requests'])} to {platforms}."
    )
