"""snapshot, history, measure: segments over time. No platform is called, but for campaign reports.

Owns: their options and what they print. Must not: compute a figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import terminal
from connector.cli.common import TABLE, Common, Format, command, data, data_json

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from connector.app.measuring import Measured

_OFFLINE = "Call no platform: without its reports of campaigns."


def register(app: typer.Typer) -> None:
    command(app, "snapshot", "  sync snapshot\n  sync snapshot --as-of 2026-11-20", without=("only", "to"))(snapshot)
    examples = "  sync history\n  sync history vip -v\n  sync history 'vip*' --format csv"
    command(app, "history", examples, formats=TABLE, without=("as_of", "to"))(history)
    examples = "  sync measure\n  sync measure vip --period 'last month'\n  sync measure --experiment subject_line"
    command(app, "measure", examples, formats=TABLE)(measure)


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
    if common.json:
        data_json(snapshot_json(done.moment, done.skipped))
    else:
        data(snapshot_text(done.moment, done.skipped))
    return 1 if done.skipped else 0


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
    offline: Annotated[bool, typer.Option("--offline", help=_OFFLINE)] = False,
) -> int:
    """How members behaved in a period, beside everybody else: mail, conversions, revenue, each with its interval; or
    the result of an experiment.

    Platforms are asked for their reports of campaigns to the segments' tags and lists, which are shown with our own
    count; what cannot be read is told."""
    from connector.app import measuring as verbs
    from connector.app.workspace import open_state, open_workspace

    offline = offline or experiment is not None
    with (
        terminal.listening(quiet=common.format is not Format.TEXT, verbose=common.verbose) as listener,
        open_workspace(common.options(listener), offline=offline) as workspace,
        open_state(workspace) as store,
    ):
        if experiment is not None:
            found = verbs.experiment(workspace, store, experiment)
        else:
            found = verbs.measure(workspace, store, [*(segments or ()), *common.only], period, ask=not offline)
        zone = workspace.config.zone
    _print(common, found, zone)
    return 0


def _print(common: Common, found: Measured, zone: ZoneInfo) -> None:
    from connector.report.measured.experiments import results_csv
    from connector.report.measured.text import measure_text
    from connector.report.measured.values import measure_csv, measure_json

    parts = (found.performances, found.results, found.hints)
    if common.json:
        data_json(measure_json(*parts))
    elif common.format is Format.CSV:
        data(results_csv(found.results) if found.results else measure_csv(found.performances), exact=True)
    else:
        data(measure_text(*parts, zone, terminal.width()))
