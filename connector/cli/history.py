"""status, runs: what the ledger and the journal tell. No export is read, no platform called.

Owns: their options and what they print. Must not: change the state, but for `runs prune`,
which is upkeep.py's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli import upkeep
from connector.cli.applying import Yes
from connector.cli.common import Common, command, data, data_json

TOO_OLD = 1


def register(app: typer.Typer) -> None:
    examples = "  sync status\n  sync status --format json\n  sync status --max-age 26h"
    command(app, "status", examples, without=("as_of", "only"))(status)
    examples = "  sync runs\n  sync runs --limit 50\n  sync runs show 20261120-080000-1a2b"
    examples += "\n  sync runs prune --older-than '13 months' --yes"
    command(app, "runs", examples, without=("as_of", "only", "to"))(runs)


MaxAge = Annotated[
    str | None,
    typer.Option(metavar="AGE", help="End with 1 when a destination's last success is older: 26h, 90m, 2d."),
]


def status(
    common: Common,
    max_age: MaxAge = None,
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write an OpenMetrics text file of what is recorded.")
    ] = None,
) -> int:
    """What we hold on each destination, the last run, and whether one was cut off."""
    from connector.app import history as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import LeaseHeld
    from connector.report.history import status_json, status_text

    limit = verbs.age(max_age)
    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        names = [item.name for item in workspace.destinations()]
        held = {name: store.counts(name) for name in names}
        open_run, last = store.unfinished(), store.runs(1)
        beats = verbs.heartbeat(workspace, store, limit)
        at_work = ""
        try:
            if open_run:
                store.require_free()
        except LeaseHeld as error:
            at_work = str(error)
        if metrics is not None:
            verbs.write_metrics(workspace, store, metrics)
    parts = (held, open_run, last, at_work, beats)
    data_json(status_json(*parts)) if common.json else data(status_text(*parts))
    return TOO_OLD if limit is not None and any(beat.too_old for beat in beats) else 0


def runs(
    common: Common,
    action: Annotated[
        str | None,
        typer.Argument(metavar="[show RUN|prune]", help="One of them, with all that is known; or as `sync prune`."),
    ] = None,
    run: Annotated[str | None, typer.Argument(hidden=True)] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
    older_than: Annotated[str | None, typer.Option(metavar="AGE", help="Of prune: 13 months, 2 years.")] = None,
    yes: Yes = False,
) -> int:
    """The runs so far, also those that ended before anything was sent: when, how, why, and which guards were
    overridden for which reason."""
    from connector.app import history as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem
    from connector.report import runs as report

    if action == "prune" and run is None:
        return upkeep.prune(common, older_than=older_than, yes=yes)
    if older_than is not None or yes:
        message = "--older-than and --yes are for `sync runs prune`."
        raise ConfigError([Problem(Place("runs"), "unknown-action", message)])
    wanted = verbs.shown(action, run)
    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        if wanted is not None:
            found = verbs.one(store, wanted)
            data_json(report.show_json(found)) if common.json else data(report.show_text(found))
            return 0
        entries = verbs.entries(store, limit)
    data_json(report.runs_json(entries)) if common.json else data(report.runs_text(entries))
    return 0
