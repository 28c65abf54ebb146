"""What the ledger and the journal tell, for people and programs: status, runs, abandon.

Owns: their words. Must not: read the store itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.core.model import Outcome
from connector.report.table import table
from connector.state.base import Counts, RunInfo

UNKNOWN, UNSENT = str(Outcome.UNKNOWN), "unsent"


def status_json(
    held: Mapping[str, Counts], open_run: RunInfo | None, last: Sequence[RunInfo], at_work: str = ""
) -> dict[str, Any]:
    """`at_work` tells who works on the state right now; its run is not unfinished then."""
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
            }
            for name, counts in held.items()
        ],
        "unfinished_run": open_run.id if open_run and not at_work else None,
        "in_use": at_work or None,
        "last_run": _run(last[0]) if last else None,
    }


def status_text(
    held: Mapping[str, Counts], open_run: RunInfo | None, last: Sequence[RunInfo], at_work: str = ""
) -> str:
    lines = []
    for name, counts in held.items():
        lines.append(f"{name}: {counts.contacts:,} contacts known, {counts.rejects:,} rejects")
        rows = [(f"  {kind} “{target}”", f"{size:,}") for (kind, target), size in counts.members.items()]
        if rows:
            lines.append(table(("  target", "members"), rows, right=(1,)))
        lines.append("")
    if last:
        lines.append(f"Last run {last[0].id}: {last[0].state}, {_when(last[0].finished_at or last[0].started_at)}")
    else:
        lines.append("Nothing was pushed yet.")
    if at_work:
        lines.append(at_work)
    elif open_run:
        lines.append(f"Run {open_run.id} was cut off ({open_run.state}). Go on with: sync resume")
        lines.append(f"If that cannot work any more, give it up: sync abandon {open_run.id} --reason “…”")
    return "\n".join(lines)


def runs_json(runs: Sequence[RunInfo]) -> dict[str, Any]:
    return {"schema": "connector.runs/1", "runs": [_run(run) for run in runs]}


def runs_text(runs: Sequence[RunInfo]) -> str:
    if not runs:
        return "Nothing was pushed yet."
    rows = []
    for run in runs:
        outcomes = _outcomes(run)
        outcomes["left out (forgotten)"] = run.left_out
        what = ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items()) if count) or "no changes"
        told = [f"{guard} lifted: {reason}" for guard, reason in run.allowed.items()]
        told += [f"abandoned: {run.abandoned}"] if run.abandoned else []
        rows.append((run.id, _when(run.started_at), run.state, what + (f" ({'; '.join(told)})" if told else "")))
    return table(("run", "started (UTC)", "state", "outcomes"), rows)


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


def _run(run: RunInfo) -> dict[str, Any]:
    return {
        "id": run.id,
        "plan": run.plan_id,
        "state": str(run.state),
        "as_of": run.as_of.isoformat(),
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "contacts": run.contacts,
        "summary": {name: {op: dict(counts) for op, counts in ops.items()} for name, ops in run.summary.items()},
        "allowed": dict(run.allowed),
        "left_out": run.left_out,
        "abandoned": run.abandoned or None,
    }


def _outcomes(run: RunInfo) -> Counter[str]:
    total: Counter[str] = Counter()
    for ops in run.summary.values():
        for counts in ops.values():
            total.update(counts)
    return total


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
