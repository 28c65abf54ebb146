"""How a run ended, told to people and to programs ("connector.run/1").

Owns: the words. Must not: show an address, decide the exit code.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from connector.core.counts import count_of
from connector.core.model import Outcome
from connector.push.run import UNSENT, RunResult
from connector.report.runs import needs

WORDS = {
    Outcome.APPLIED: "applied",
    Outcome.UNCHANGED: "were so already",
    Outcome.SKIPPED: "skipped (opted out, changed or gone since the plan, archived, or not created)",
    Outcome.REJECTED: "refused by the platform: see sync rejects",
    Outcome.FAILED: "failed for now: the next push tries again",
    Outcome.UNKNOWN: "unknown outcome: sync resume asks the platform",
    UNSENT: "not sent: sync resume goes on",
}


def result_json(result: RunResult) -> dict[str, Any]:
    return {
        "schema": "connector.run/1",
        "id": result.run_id,
        "state": str(result.state),
        "exit_code": result.exit_code,
        "counts": {name: {op: dict(counts) for op, counts in ops.items()} for name, ops in result.counts.items()},
        "left_out": result.left_out,
        "needs_person": dict(result.failing),
        "errors": {**result.unread, **{name: f"{error}" for name, error in result.errors.items()}},
        "held_back": dict(result.held_back),
        "skipped": dict(result.skipped),
    }


def result_text(result: RunResult) -> str:
    lines = [f"Run {result.run_id}: {result.state}"]
    for name, ops in result.counts.items():
        total: Counter[str] = Counter()
        for counts in ops.values():
            total.update(counts)
        shown = [f"{total[outcome]:,} {words}" for outcome, words in WORDS.items() if total[outcome]]
        lines.append(f"  {name}: {'; '.join(shown) or 'nothing to send'}")
        if name in result.failing:
            lines.append(f"  {name}: {needs(result.failing[name])}")
    if result.left_out:
        people = count_of(result.left_out, "person", "people")
        lines.append(f"  {people} left out: forgotten here by `sync forget` since this was planned")
    lines += [f"  {name}: not planned. {why}" for name, why in result.unread.items()]
    lines += [f"  {name}: held back by a guard. {why}" for name, why in result.held_back.items()]
    lines += [f"  segment {name} left out: {why}." for name, why in result.skipped.items()]
    lines += [f"  {name}: {error}" for name, error in result.errors.items()]
    return "\n".join(lines)
