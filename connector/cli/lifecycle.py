"""lifecycle, cleanup: who is falling silent, and archiving those who stayed silent.

Owns: their options and what they print. Must not: hold logic of a policy, a plan or a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import SAMPLE, Common, Format, command, confirm, data, data_json, talk
from connector.cli.pushing import Allow, Reason, Yes, interruptible, show, show_result, told

if TYPE_CHECKING:
    from datetime import tzinfo

    from connector.app.cleaning import Cleaning
    from connector.push.run import RunResult


def register(app: typer.Typer) -> None:
    command(app, "lifecycle", f"  sync lifecycle\n  sync lifecycle -v --to {SAMPLE}\n  sync lifecycle --format json")(
        lifecycle
    )
    examples = f"  sync cleanup\n  sync cleanup --format csv > found.csv\n  sync cleanup --to {SAMPLE} --yes"
    command(app, "cleanup", examples)(cleanup)


def lifecycle(common: Common) -> int:
    """Who is in which stage, who moves at the next push, who came back, and what it saves; calls no platform."""
    from connector.app import lifecycle as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.lifecycle import lifecycle_json, lifecycle_text

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        found = verbs.report(workspace, store)
        as_of, zone = workspace.as_of, workspace.config.zone
    if common.json:
        data_json(lifecycle_json(found.sides, as_of, found.policy, found.notes))
    else:
        data(lifecycle_text(found.sides, as_of, zone, found.notes, common.verbose))
    return 0


Restore = Annotated[
    Path | None,
    typer.Option(
        "--restore", metavar="FILE", help="Take back the people of this list of a cleanup, as far as possible."
    ),
]


def cleanup(
    common: Common, yes: Yes = False, allow: Allow = None, reason: Reason = None, restore: Restore = None
) -> int:
    """Show who would be archived, and who is bounced, unsubscribed but tagged, orphaned or invalid; do it with --yes.

    Nobody is deleted. Everybody who is archived is written to a file first, and looked at once more just before."""
    if restore is not None:
        return _restored(common, yes, allow, reason, restore)
    from connector.app import cleaning as verbs
    from connector.app import pushing
    from connector.app.workspace import open_state, open_workspace
    from connector.report.plan import is_empty

    with interruptible() as stop, told(common) as listener:
        options = common.options(listener, allow, reason)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            found, zone = verbs.cleanup(workspace, store), workspace.config.zone
            if common.format is Format.CSV or (common.json and not yes):
                _show(common, found, zone)
                return 0
            if not common.json:
                _show(common, found, zone)
            empty = is_empty(found.plan)
            if not empty and not yes and not _at_a_terminal():
                talk("Nothing was done. Do it with: sync cleanup --yes")
                return 0
            pushing.guard(workspace, found.plan)
            if empty and yes:
                verbs.tell(store, found)
            if empty or not confirm("Do this?", yes):
                _end(common, found, None)
                return 0
            result, path = verbs.apply(workspace, store, found)
            _end(common, found, result)
            if path is not None:
                talk(f"What became of everybody is listed in {path}.")
            return result.exit_code


def _restored(common: Common, yes: bool, allow: Allow, reason: Reason, path: Path) -> int:
    from connector.app import pushing
    from connector.app.restoring import restore
    from connector.app.workspace import open_state, open_workspace
    from connector.report.plan import is_empty

    with interruptible() as stop, told(common) as listener:
        options = common.options(listener, allow, reason)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            made = restore(workspace, store, path)
            if not common.json or not yes:
                show(common, workspace, made)
            empty = is_empty(made)
            if not empty and not yes and (common.json or not _at_a_terminal()):
                talk(f"Nothing was done. Do it with: sync cleanup --restore {path} --yes")
                return 0
            pushing.guard(workspace, made)
            if empty or not confirm("Do this?", yes):
                if common.json and yes:
                    show_result(common, made, None)
                return 0
            result = pushing.push(workspace, store, made)
            show_result(common, made, result)
            return result.exit_code


def _at_a_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def _show(common: Common, found: Cleaning, zone: tzinfo) -> None:
    from connector.report import cleanup as report

    told_of = (found.plan, found.sides, found.orphans, found.twice, found.invalid)
    if common.json:
        data_json(report.cleanup_json(*told_of))
    elif common.format is Format.CSV:
        data(report.cleanup_csv(found.sides), exact=True)
    else:
        data(report.cleanup_text(*told_of, common.verbose, zone))


def _end(common: Common, found: Cleaning, result: RunResult | None) -> None:
    from connector.report import cleanup as report
    from connector.report.run import result_json, result_text

    if common.json:
        told_of = (found.plan, found.sides, found.orphans, found.twice, found.invalid)
        data_json({**report.cleanup_json(*told_of), "run": result_json(result) if result else None})
    elif result is not None:
        data(result_text(result))
