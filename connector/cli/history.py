"""status, runs: what the ledger and the journal tell. No export is read, no platform called.

Owns: their options and what they print. Must not: change the state.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.common import Common, command, data, data_json


def register(app: typer.Typer) -> None:
    command(app, "status", "  sync status\n  sync status --format json")(status)
    command(app, "runs", "  sync runs\n  sync runs --limit 50")(runs)


def status(common: Common) -> int:
    """What we hold on each destination, the last run, and whether one was cut off."""
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import LeaseHeld
    from connector.report.history import status_json, status_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        names = [item.name for item in workspace.destinations()]
        held = {name: store.counts(name) for name in names}
        open_run, last = store.unfinished(), store.runs(1)
        at_work = ""
        try:
            if open_run:
                store.require_free()
        except LeaseHeld as error:
            at_work = str(error)
    parts = (held, open_run, last, at_work)
    data_json(status_json(*parts)) if common.json else data(status_text(*parts))
    return 0


def runs(common: Common, limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20) -> int:
    """The runs so far: when, what was done, and which guards were lifted for which reason."""
    from connector.app.workspace import open_state, open_workspace
    from connector.report.history import runs_json, runs_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        found = store.runs(limit)
    data_json(runs_json(found)) if common.json else data(runs_text(found))
    return 0
