"""prune: how far back the journal is needed, and deleting what is older.

Owns: the day. Must not: know a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace
from connector.config.language.durations import calendar
from connector.config.language.rules import Duration
from connector.config.sections.codes import BadValue
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    from connector.state.base import Store


@dataclass(frozen=True, slots=True)
class Pruned:
    """`changes` of runs before the moment `before` were deleted, `flows` (entries and exits of segments) of before
    `flows_before`."""

    changes: int
    before: datetime
    flows: int
    flows_before: datetime


def prune(workspace: Workspace, store: Store, age: Duration, history: int) -> Pruned:
    """Delete the changes of runs that are over and older than `age`, but none that a `hold` of the file still asks
    for; and who came and went in segments longer than `history` days ago. Raises PlanError while a run is
    unfinished."""
    store.require_finished()
    before = cutoff(workspace, age)
    oldest = workspace.now() - timedelta(days=history)
    with store.lease("prune"):
        flows = store.upkeep.prune_history(oldest)
        return Pruned(store.upkeep.prune(before), before, flows, oldest)


def policy(text: str) -> Duration:
    """`--older-than`: a text like "13 months". Raises ConfigError."""
    try:
        return calendar(text)
    except BadValue as bad:
        raise ConfigError([Problem(Place("--older-than"), bad.code, bad.message)]) from None


def cutoff(workspace: Workspace, age: Duration) -> datetime:
    """In the calendar of the file's time zone.

    `hold` asks who came and went since; a day more, for exports that are evaluated as of an earlier moment."""
    from connector.segments.compile.windows import ago

    holds = [segment.hold for segment in workspace.config.segments.values() if segment.hold is not None]
    then = ago(workspace.now(), age, workspace.config.zone)
    return min([then, *(workspace.ago(hold) - timedelta(days=1) for hold in holds)])
