"""`sync preview SEGMENT`: one segment over the exports, beside what the last push confirmed. No platform is called.

Owns: the order of these steps. Must not: print, or count anything itself.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from connector.app.offline import load, reduced
from connector.app.workspace import Workspace, open_state
from connector.core.errors import PredictionRefused

if TYPE_CHECKING:
    from connector.plan.against_ledger import Against
    from connector.segments.preview.look import Preview


@dataclass(frozen=True, slots=True)
class Previewed:
    """`pushed_at` is None before the first push; `changes` are then against nothing."""

    preview: Preview
    changes: tuple[Against, ...]
    pushed_at: datetime | None


def preview(workspace: Workspace, segment: str, people: int) -> Previewed:
    """Raises ConfigError or SourceError for a file or an export that cannot be used."""
    from connector.plan.against_ledger import against
    from connector.plan.person import nowhere
    from connector.plan.routes import route
    from connector.segments.preview.look import preview as look
    from connector.state.open import exists

    with ExitStack() as stack:
        store = stack.enter_context(open_state(workspace)) if exists(workspace.state_url) else None
        loaded = load(workspace, store)
        try:
            found = look(workspace.config, loaded, workspace.as_of, segment, people)
        except PredictionRefused as refusal:
            config, left_out = reduced(workspace, loaded, refusal)
            if segment in left_out:
                raise
            found = look(config, loaded, workspace.as_of, segment, people)
        changes: list[Against] = []
        for destination in workspace.destinations():
            ledger = store.ledger(destination.name) if store is not None else nowhere(destination.name)
            changes += against(found.table, segment, route(workspace.config, destination), ledger)
        runs = store.runs(1) if store is not None else []
    return Previewed(found, tuple(changes), runs[0].started_at if runs else None)
