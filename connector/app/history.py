"""What was attempted and what came of it, of the state alone; and whether the last success is recent enough.

Owns: joining attempts with the runs that they opened. Must not: print, call a platform.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.core.errors import ConfigError, StateError
from connector.core.problem import Place, Problem
from connector.report.runs import Beat, Entry

if TYPE_CHECKING:
    from connector.state.base import Store

_AGE = re.compile(r"(\d{1,6})\s*(m|min|minutes?|h|hours?|d|days?|w|weeks?)", re.IGNORECASE)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def shown(action: str | None, run: str | None) -> str | None:
    """The run of `runs show RUN`. Raises ConfigError for another word."""
    if action is None:
        return None
    if action != "show" or not run:
        text = f'No "{action}" here; there is: show RUN.' if action != "show" else "Which run? sync runs show RUN."
        raise ConfigError([Problem(Place("runs"), "unknown-action", text)])
    return run


def entries(store: Store, limit: int) -> list[Entry]:
    """Newest first."""
    runs = {run.id: run for run in store.runs(limit)}
    attempts = store.attempts.last(limit + 200)
    found = [
        Entry(run.id, run.started_at, run, [one for one in reversed(attempts) if one.run_id == run.id])
        for run in runs.values()
    ]
    found += [Entry(one.id, one.started_at, None, [one]) for one in attempts if not one.run_id]
    return sorted(found, key=lambda entry: (entry.started_at, entry.id), reverse=True)[:limit]


def one(store: Store, name: str) -> Entry:
    """By the id of a run or an attempt, or "last". Raises StateError when there is none."""
    from connector.push.run import failing

    if name == "last":
        newest = entries(store, 1)
        if not newest:
            raise StateError("Nothing was pushed yet.")
        name = newest[0].id
    attempts = store.attempts.of(name)
    run_id = next((attempt.run_id for attempt in attempts if attempt.run_id), name)
    if attempts and not any(attempt.run_id for attempt in attempts):
        return Entry(name, attempts[0].started_at, None, attempts)
    run = store.run(run_id)
    done = next((attempt.facts["changes"] for attempt in reversed(attempts) if attempt.facts.get("changes")), None)
    done = done or store.attempts.done(run.id)
    return Entry(run.id, run.started_at, run, attempts, done, failing(store, run.id, done))


def age(written: str | None) -> timedelta | None:
    """26h, 90m, 2d, 1w. Raises ConfigError for anything else."""
    if written is None:
        return None
    match = _AGE.fullmatch(written.strip())
    if match is None or int(match[1]) == 0:
        text = f'"{written}" is no age. Write 26h, 90m or 2d.'
        raise ConfigError([Problem(Place("--max-age"), "bad-duration", text)])
    return int(match[1]) * _UNITS[match[2][0].lower()]


def heartbeat(workspace: Workspace, store: Store, limit: timedelta | None) -> list[Beat]:
    """Of the chosen destinations."""
    from connector.state.base import RunState

    served, now = store.attempts.served(), workspace.now()
    beats = []
    for item in workspace.destinations():
        last = served.get(item.name)
        run = store.counts(item.name).last_run
        if last is None and run is not None and run.state is RunState.DONE:  # of before attempts were recorded
            last = run.finished_at
        too_old = limit is not None and (last is None or now - last > limit)
        beats.append(Beat(item.name, last, too_old))
    return beats


def write_metrics(workspace: Workspace, store: Store, path: Path) -> None:
    """Of the last attempt. Raises ConfigError without prometheus-client."""
    from connector.app.alerting import write

    last = store.attempts.last(1)
    write(workspace, store, last[0] if last else None, path)
