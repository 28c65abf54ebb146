"""What the ledger tells, for people and programs: status; and what `abandon` leaves.

Owns: their words. Must not: read the store itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.core.counts import count_of
from connector.core.model import Outcome
from connector.report.runs import Beat, run_json, when
from connector.report.table import table
from connector.state.base import Counts, RunInfo

UNKNOWN, UNSENT = str(Outcome.UNKNOWN), "unsent"


def status_json(
    held: Mapping[str, Counts],
    open_run: RunInfo | None,
    last: Sequence[RunInfo],
    at_work: str = "",
    beats: Sequence[Beat] = (),
) -> dict[str, Any]:
    """`at_work` tells who works on the state right now; its run is not unfinished then."""
    beat_of = {beat.destination: beat for beat in beats}
    return {
        "schema": "connector.status/1",
        "destinations": [
            {
                "name": name,
                "contacts": counts.contacts,
                "targets": [
                    {"kind": str(kind), "name": target, "members": size}
                    for (kind, target), size in counts.members.items()
                ],
                "rejects": counts.rejects,
                "needs_person": counts.failing,
                "last_success": _moment(beat_of.get(name)),
                "too_old": name in beat_of and beat_of[name].too_old,
            }
            for name, counts in held.items()
        ],
        "unfinished_run": open_run.id if open_run and not at_work else None,
        "in_use": at_work or None,
        "last_run": run_json(last[0]) if last else None,
    }


def _needs(failing: int) -> str:
    return (
        f"; {failing:,} {'change keeps' if failing == 1 else 'changes keep'} failing: needs a person" if failing else ""
    )


def status_text(
    held: Mapping[str, Counts],
    open_run: RunInfo | None,
    last: Sequence[RunInfo],
    at_work: str = "",
    beats: Sequence[Beat] = (),
) -> str:
    lines, beat_of = [], {beat.destination: beat for beat in beats}
    for name, counts in held.items():
        known, rejects = count_of(counts.contacts, "contact"), count_of(counts.rejects, "reject")
        lines.append(f"{name}: {known} known, {rejects}{_needs(counts.failing)}")
        rows = [(f"  {kind} “{target}”", f"{size:,}") for (kind, target), size in counts.members.items()]
        if rows:
            lines.append(table(("  target", "members"), rows, right=(1,)))
        if name in beat_of:
            lines.append(f"  last success: {_beat(beat_of[name])}")
        lines.append("")
    if last:
        lines.append(f"Last run {last[0].id}: {last[0].state}, {when(last[0].finished_at or last[0].started_at)}")
    else:
        lines.append("Nothing was pushed yet.")
    if at_work:
        lines.append(at_work)
    elif open_run:
        lines.append(f"Run {open_run.id} was cut off ({open_run.state}). Go on with: sync resume")
        lines.append(f"If that cannot work any more, give it up: sync abandon {open_run.id} --reason “…”")
    return "\n".join(lines)


def _moment(beat: Beat | None) -> str | None:
    return beat.last.isoformat() if beat is not None and beat.last is not None else None


def _beat(beat: Beat) -> str:
    last = "never" if beat.last is None else f"{when(beat.last)} UTC"
    return f"{last}: TOO OLD for --max-age" if beat.too_old else last


def abandoned_text(run: RunInfo) -> str:
    """Per destination: what is unknown, by operation, and what was not sent."""
    lines = [f"Run {run.id} is abandoned: {run.abandoned}"]
    for name, ops in run.summary.items():
        unknown = {op: counts[UNKNOWN] for op, counts in ops.items() if counts.get(UNKNOWN)}
        unsent = sum(counts.get(UNSENT, 0) for counts in ops.values())
        of_each = ", ".join(f"{count:,} {op}" for op, count in unknown.items())
        told = f"{sum(unknown.values()):,} unknown ({of_each})" if unknown else "nothing unknown"
        lines.append(f"  {name}: {told}; {unsent:,} not sent")
    lines.append("Unknown: sent, and the answer is not known. The next push sends it again, or takes back what is not")
    lines.append("wanted any more. Not sent: dropped; the next push plans it again. Go on with: sync push")
    return "\n".join(lines)
