"""The runs so far for people and programs: `sync runs` ("connector.runs/1") and `sync runs show`.

Owns: their words. Must not: read the store, show an address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.core.counts import count_of
from connector.report.table import table
from connector.state.attempts import SERVED, Attempt
from connector.state.base import RunInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """One run with the attempts that worked on it, or one attempt that opened none; `done` as in Attempts.done."""

    id: str
    started_at: datetime
    run: RunInfo | None
    attempts: Sequence[Attempt]
    done: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    failing: Mapping[str, int] = field(default_factory=dict)  # as RunResult has it, unless a later run tried them

    @property
    def last(self) -> Attempt | None:
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True, slots=True)
class Beat:
    """When a destination was last served (None: never), and whether that is longer ago than --max-age allows."""

    destination: str
    last: datetime | None
    too_old: bool


def when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def runs_json(entries: Sequence[Entry]) -> dict[str, Any]:
    return {"schema": "connector.runs/1", "runs": [_entry(entry) for entry in entries]}


def show_json(entry: Entry) -> dict[str, Any]:
    attempts = [_attempt(one) | {"id": one.id, "facts": dict(one.facts)} for one in entry.attempts]
    done = {name: [dict(row) for row in rows] for name, rows in entry.done.items()}
    return {"schema": "connector.run-shown/1", **_entry(entry), "done": done, "attempts": attempts}


def run_json(run: RunInfo) -> dict[str, Any]:
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


def _entry(entry: Entry) -> dict[str, Any]:
    last = entry.last
    if entry.run is not None:
        told = run_json(entry.run)
    else:
        assert last is not None
        told = {
            "id": entry.id,
            "plan": None,
            "state": last.ended,
            "as_of": None,
            "started_at": last.started_at.isoformat(),
            "finished_at": last.finished_at.isoformat(),
            "contacts": last.facts.get("contacts"),
            "summary": {},
            "allowed": {},
            "left_out": 0,
            "abandoned": None,
        }
    nobody: dict[str, Any] = {"command": None, "ended": None, "exit_code": None, "code": None, "why": None}
    return told | ({**nobody, "destinations": []} if last is None else _attempt(last))


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "command": one.command,
        "ended": one.ended,
        "exit_code": one.exit_code,
        "code": one.code or None,
        "why": one.why or None,
        "destinations": [
            {"name": name, "ended": side.ended, "code": side.code or None, "why": side.why or None}
            for name, side in one.sides.items()
        ],
    }


def runs_text(entries: Sequence[Entry]) -> str:
    if not entries:
        return "Nothing was pushed yet."
    rows = [(entry.id, when(entry.started_at), *_ended(entry), _what(entry)) for entry in entries]
    return table(("run", "started (UTC)", "command", "state", "exit", "outcomes"), rows, right=(4,))


def _ended(entry: Entry) -> tuple[str, str, str]:
    """Command, state, exit code."""
    last = entry.last
    state = str(entry.run.state) if entry.run is not None else last.ended if last is not None else ""
    if last is None:
        return "", state, ""
    return last.command.split(" ")[0], state, f"{last.exit_code}"


def _what(entry: Entry) -> str:
    """What was done, what was overridden, and what went wrong where."""
    parts = []
    if entry.run is not None:
        outcomes = _outcomes(entry.run)
        outcomes["left out (forgotten)"] = entry.run.left_out
        done = ", ".join(f"{count:,} {name}" for name, count in sorted(outcomes.items()) if count) or "no changes"
        told = [f"{guard} overridden: {reason}" for guard, reason in entry.run.allowed.items()]
        told += [f"abandoned: {entry.run.abandoned}"] if entry.run.abandoned else []
        parts.append(done + (f" ({'; '.join(told)})" if told else ""))
    last = entry.last
    if last is not None:
        parts += [f"{name} {side.ended} ({side.code})" for name, side in last.sides.items() if side.ended != SERVED]
        if last.code and not any(side.ended != SERVED for side in last.sides.values()):
            parts.append(f"{last.code}: {_short(last.why)}")
    return "; ".join(parts) or "no changes"


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def show_text(entry: Entry) -> str:
    """One run: its attempts, each destination, each target."""
    lines = [f"Run {entry.id}, started {when(entry.started_at)} UTC"]
    if entry.run is not None:
        run = entry.run
        lines.append(f"  plan {run.plan_id}, {count_of(run.contacts, 'contact')} in the export, state {run.state}")
        lines += [f"  guard {guard} overridden: {reason}" for guard, reason in run.allowed.items()]
        lines += [f"  abandoned: {run.abandoned}"] if run.abandoned else []
    for one in entry.attempts:
        lines.append(f"  sync {one.command}: {one.ended}, exit code {one.exit_code}, at {when(one.finished_at)} UTC")
        lines += [f"    {one.why}"] if one.why else []
        lines += [f"    {name}: {side.ended}{_because(side.why)}" for name, side in one.sides.items()]
    lines += [f"  {name}: {needs(count)}" for name, count in entry.failing.items()]
    rows = list(_targets(entry))
    if rows:
        lines.append(table(("  destination", "target", "operation", "changes", "outcome"), rows, right=(3,)))
    return "\n".join(lines)


def needs(count: int) -> str:
    changes = count_of(count, "of these changes fails", "of these changes fail")
    return f"needs a person: {changes} again and again: see sync rejects, and the notes of sync plan"


def _because(why: str) -> str:
    return f". {why}" if why else ""


def _targets(entry: Entry) -> Iterator[tuple[str, ...]]:
    for name, done in sorted(entry.done.items()):
        for row in done:
            target = f"{row['kind']} “{row['target']}”" if row["kind"] else "contacts"
            yield f"  {name}", target, f"{row['op']}", f"{row['count']:,}", f"{row['outcome']}"


def _outcomes(run: RunInfo) -> Counter[str]:
    total: Counter[str] = Counter()
    for ops in run.summary.values():
        for counts in ops.values():
            total.update(counts)
    return total
