"""prune: how far back the journal is needed, and deleting what is older.

Owns: the day. Must not: know a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace

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


def prune(workspace: Workspace, store: Store, days: int, history: int) -> Pruned:
    """Delete the changes of runs that are over and older than `days`, but none that a `hold` of the file still asks
    for; and who came and went in segments longer than `history` days ago. Raises PlanError while a run is
    unfinished."""
    store.require_finished()
    before = cutoff(workspace, days)
    oldest = workspace.now() - timedelta(days=history)
    with store.lease("prune"):
        flows = store.upkeep.prune_history(oldest)
        return Pruned(store.upkeep.prune(before), before, flows, oldest)


def cutoff(workspace: Workspace, days: int) -> datetime:
    """`hold` asks who came and went since; a day more, for exports that are evaluated as of an earlier moment."""
    holds = [segment.hold for segment in workspace.config.segments.values() if segment.hold is not None]
    return min([workspace.now() - timedelta(days=days), *(workspace.ago(hold) - timedelta(days=1) for hold in holds)])
