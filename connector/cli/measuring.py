"""snapshot, history, measure: segments over time. No platform is called.

Owns: their options and what they print. Must not: compute a figure.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.common import TABLE, Common, Format, command, data, data_json


def register(app: typer.Typer) -> None:
    command(app, "snapshot", "  sync snapshot\n  sync snapshot --as-of 2026-11-20", without=("only", "to"))(snapshot)
    examples = "  sync history\n  sync history vip -v\n  sync history 'vip*' --format csv"
    command(app, "history", examples, formats=TABLE, without=("as_of", "to"))(history)
    examples = "  sync measure\n  sync measure vip --period 'last month'\n  sync measure --experiment subject_line"
    command(app, "measure", examples)(measure)


def snapshot(common: Common) -> int:
    """Keep the present sizes of all segments, and who entered and left, without a push: for `sync history`."""
    from connector.app import measuring as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.core.errors import PlanError
    from connector.report.sizes import snapshot_json, snapshot_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        done = verbs.snapshot(workspace, store)
    if not done.kept:
        raise PlanError("The history knows a later moment already; it is kept in the order of time. See: sync history.")
    data_json(snapshot_json(done.moment, done.kept)) if common.json else data(snapshot_text(done.moment))
    return 0


def history(
    common: Common,
    segments: Annotated[list[str] | None, typer.Argument(metavar="[SEGMENT]", help="Segments, or globs.")] = None,
) -> int:
    """Sizes over time, who entered and left, and when a definition changed, as pushes and snapshots kept it. With -v
    every moment and the text of each definition."""
    from connector.app import measuring as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.sizes import history_csv, history_json, history_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        found = verbs.history(workspace, store, [*(segments or ()), *common.only])
        zone = workspace.config.zone
    if common.json:
        data_json(history_json(found))
    elif common.format is Format.CSV:
        data(history_csv(found), exact=True)
    else:
        data(history_text(found, zone, common.verbose))
    return 0


def measure(
    common: Common,
    segments: Annotated[list[str] | None, typer.Argument(metavar="[SEGMENT]", help="Segments, or globs.")] = None,
    period: Annotated[
        str,
        typer.Option(metavar="PERIOD", help="30 days, 'last month', 2026-10, or 2026-10-01..2026-11-01."),
    ] = "30 days",
    experiment: Annotated[
        str | None, typer.Option("--experiment", metavar="NAME", help="The result of this experiment instead.")
    ] = None,
) -> int:
    """How members behaved in a period, beside everybody else: mail, conversions, revenue, each with its interval; or
    the result of an experiment."""
    from connector.app import measuring as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.measured import measure_json, measure_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        if experiment is not None:
            found = verbs.experiment(workspace, store, experiment)
        else:
            found = verbs.measure(workspace, store, [*(segments or ()), *common.only], period)
        zone = workspace.config.zone
    parts = (found.performances, found.results, found.hints)
    data_json(measure_json(*parts)) if common.json else data(measure_text(*parts, zone))
    return 0
