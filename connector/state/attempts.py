"""Attempts: every command that was to change something, also one that ended before its first request; and which causes
of trouble were told.

Owns: the tables `attempt` and `alert`. Must not: hold an address or a key, decide what is told, touch a run.

An attempt is written when it ends, without the lease: it may have ended because another process has that. A process
that was killed leaves its run alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from connector.state.drivers.driver import Driver
from connector.state.times import instant, micros

TABLES = (
    """CREATE TABLE attempt(
        id TEXT PRIMARY KEY, command TEXT NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
        ended TEXT NOT NULL, exit_code INTEGER NOT NULL, code TEXT NOT NULL, why TEXT NOT NULL, run_id TEXT NOT NULL,
        facts TEXT NOT NULL)""",
    "CREATE INDEX attempt_of_run ON attempt(run_id)",
    "CREATE TABLE served(destination TEXT PRIMARY KEY, at INTEGER NOT NULL)",
    "CREATE TABLE alert(cause TEXT PRIMARY KEY, said TEXT NOT NULL, since INTEGER NOT NULL)",
)
_COLUMNS = "id, command, started_at, finished_at, ended, exit_code, code, why, run_id, facts"
SERVED = "served"
_DONE = """
    SELECT s.destination, s.op, coalesce(s.kind, ''), coalesce(s.target, ''), coalesce(c.outcome, 'open'), count(*)
    FROM step s JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq WHERE s.run_id = ?
    GROUP BY s.destination, s.op, s.kind, s.target, c.outcome ORDER BY 1, 2, 3, 4, 5"""
_KEPT = 2000  # attempts; older ones are dropped
_SERVE = "INSERT INTO served(destination, at) VALUES (?, ?) ON CONFLICT(destination) DO UPDATE SET at = excluded.at"
_DROP = "DELETE FROM attempt WHERE id IN (SELECT id FROM attempt ORDER BY started_at DESC LIMIT 1000 OFFSET ?)"


@dataclass(frozen=True, slots=True)
class Side:
    """How it ended at one destination: served, or refused, failed, interrupted or not planned, and why."""

    ended: str
    code: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One command that was to change something. `ended` is one word (docs/operations.md), `code` and `why` what stopped
    it, `run_id` the run that it opened or resumed, "" without one. `facts` are counts, for metrics."""

    id: str
    command: str
    started_at: datetime
    finished_at: datetime
    ended: str
    exit_code: int
    code: str = ""
    why: str = ""
    run_id: str = ""
    sides: Mapping[str, Side] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


class Attempts:
    """Part of a store. Needs no lease."""

    def __init__(self, db: Driver) -> None:
        self._db = db

    def add(self, attempt: Attempt) -> None:
        """Also notes which destinations were served."""
        facts = {"sides": {name: asdict(side) for name, side in attempt.sides.items()}, "facts": dict(attempt.facts)}
        at = micros(attempt.finished_at)
        values = [attempt.id, attempt.command, micros(attempt.started_at), at, attempt.ended, attempt.exit_code]
        values += [attempt.code, attempt.why, attempt.run_id, json.dumps(facts)]
        with self._db.transaction():
            self._db.run(f"INSERT INTO attempt({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
            for name, side in attempt.sides.items():
                if side.ended == SERVED:
                    self._db.run(_SERVE, [name, at])
            self._db.run(_DROP, [_KEPT])

    def last(self, limit: int) -> list[Attempt]:
        """Newest first."""
        return self._read("ORDER BY started_at DESC, id DESC LIMIT ?", limit)

    def of(self, attempt_or_run: str) -> list[Attempt]:
        """The attempt of this id, or those of a run, oldest first."""
        return self._read("WHERE id = ? OR run_id = ? ORDER BY started_at, id", attempt_or_run, attempt_or_run)

    def done(self, run_id: str) -> dict[str, list[dict[str, Any]]]:
        """Destination -> what became of the run's changes there, per operation, target and outcome."""
        found: dict[str, list[dict[str, Any]]] = {}
        for destination, op, kind, target, outcome, count in self._db.rows(_DONE, [run_id]):
            row = {"op": op, "kind": kind, "target": target, "outcome": outcome, "count": count}
            found.setdefault(destination, []).append(row)
        return found

    def counts(self) -> dict[tuple[str, str], int]:
        """(command, how it ended) -> attempts."""
        found: dict[tuple[str, str], int] = {}
        for command, ended, count in self._db.rows("SELECT command, ended, count(*) FROM attempt GROUP BY 1, 2"):
            key = f"{command}".split(" ")[0], f"{ended}"
            found[key] = found.get(key, 0) + count
        return found

    def served(self) -> dict[str, datetime]:
        """Destination -> when it was last served."""
        return {name: instant(at) for name, at in self._db.rows("SELECT destination, at FROM served")}

    def told(self) -> dict[str, str]:
        """Cause -> what was said, of the alerts that stand."""
        return {
            f"{cause}": said for cause, said in self._db.rows("SELECT cause, said FROM alert ORDER BY since, cause")
        }

    def claim(self, causes: Mapping[str, str], at: datetime) -> dict[str, str]:
        """Those that nobody has told yet; they are this process's to tell."""
        mine = {}
        with self._db.transaction():
            for cause, said in causes.items():
                if not self._db.rows("SELECT 1 FROM alert WHERE cause = ?", [cause]):
                    self._db.run("INSERT INTO alert(cause, said, since) VALUES (?, ?, ?)", [cause, said, micros(at)])
                    mine[cause] = said
        return mine

    def release(self, causes: Iterable[str]) -> dict[str, str]:
        """Those of the causes that stood until now, with what was said."""
        mine = {}
        with self._db.transaction():
            for cause in causes:
                for (said,) in self._db.rows("SELECT said FROM alert WHERE cause = ?", [cause]):
                    self._db.run("DELETE FROM alert WHERE cause = ?", [cause])
                    mine[cause] = said
        return mine

    def _read(self, rest: str, *values: object) -> list[Attempt]:
        return [_attempt(row) for row in self._db.rows(f"SELECT {_COLUMNS} FROM attempt {rest}", values)]


def _attempt(row: tuple[Any, ...]) -> Attempt:
    name, command, started, finished, ended, exit_code, code, why, run_id, told = row
    found = json.loads(told)
    sides = {destination: Side(**side) for destination, side in found["sides"].items()}
    facts = found["facts"]
    return Attempt(
        name, command, instant(started), instant(finished), ended, exit_code, code, why, run_id, sides, facts
    )
