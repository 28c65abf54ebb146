"""lifecycle, cleanup: who is inactive, and archiving those who stay inactive.

Owns: their options and what they print. Must not: hold logic of a policy, a plan or a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.applying import (
    Allow,
    Asked,
    Metrics,
    Reason,
    RequireAll,
    Yes,
    show,
    show_result,
    tell_held_back,
    working,
)
from connector.cli.common import SAMPLE, TABLE, Common, Format, command, confirm, data, data_json, talk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from connector.app.cleaning import Cleaning
    from connector.push.run import RunResult


def register(app: typer.Typer) -> None:
    command(
        app,
        "lifecycle",
        f"  sync lifecycle\n  sync lifecycle -v --to {SAMPLE}\n  sync lifecycle --format json",
        without=("only",),
    )(lifecycle)
    examples = f"  sync cleanup\n  sync cleanup --format csv > found.csv\n  sync cleanup --to {SAMPLE} --yes"
    command(app, "cleanup", examples, formats=TABLE, without=("only",))(cleanup)


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
        "--restore", metavar="FILE", help="Take back the people in this list of a cleanup, as far as possible."
    ),
]


def cleanup(
    common: Common,
    restore: Restore = None,
    yes: Yes = False,
    allow: Allow = None,
    reason: Reason = None,
    require_all: RequireAll = False,
    metrics: Metrics = None,
) -> int:
    """Show who would be archived, and who is bounced, unsubscribed but tagged, orphaned or invalid; do it with --yes.

    Nobody is deleted. Everybody who is archived is written to a file first, and looked at once more just before."""
    words = "cleanup" if restore is None else f"cleanup --restore {restore}"
    asked = Asked(words, "Do this?", yes, allow, reason, require_all, metrics)
    if restore is not None:
        return _restored(common, asked, restore)
    from connector.app import cleaning as verbs
    from connector.app import pushing
    from connector.app.attempts import code_of
    from connector.report.plan import is_empty

    with working(common, asked) as (workspace, store, one, stop):
        found, zone = verbs.cleanup(workspace, store), workspace.config.zone
        one.whole = one.plan = found.plan
        code = code_of(found.plan)
        if common.format is Format.CSV or (common.json and not yes):
            one.looked = True
            _show(common, found, zone, workspace.options.allow)
            return code
        if not common.json:
            _show(common, found, zone, workspace.options.allow)
        empty = is_empty(found.plan)
        if not empty and not yes and not _at_a_terminal():
            one.looked = True
            talk("Nothing was done. Do it with: sync cleanup --yes")
            return code
        pushing.guard(workspace, found.plan)
        if empty and yes:
            verbs.tell(store, found)
        if empty or not confirm(asked.question, yes):
            one.declined = not empty
            _end(common, found, None)
            return code
        stop.sending.set()
        one.result, path = verbs.apply(workspace, store, found)
        one.run_id = one.result.run_id
        _end(common, found, one.result)
        if path is not None:
            talk(f"What became of everybody is listed in {path}.")
        return one.result.exit_code


def _restored(common: Common, asked: Asked, path: Path) -> int:
    from connector.app import pushing
    from connector.app.attempts import code_of
    from connector.app.restoring import restore
    from connector.report.plan import is_empty

    with working(common, asked) as (workspace, store, one, stop):
        one.whole = one.plan = made = restore(workspace, store, path)
        if not common.json or not asked.yes:
            show(common, workspace, made)
        if not is_empty(made) and not asked.yes and (common.json or not _at_a_terminal()):
            one.looked = True
            talk(f"Nothing was done. Do it with: sync cleanup --restore {path} --yes")
            return code_of(made)
        one.plan = made = pushing.permitted(workspace, made)
        tell_held_back(common, made)
        if is_empty(made) or not confirm(asked.question, asked.yes):
            one.declined = not is_empty(made)
            if common.json and asked.yes:
                show_result(common, made, None)
            return code_of(made)
        stop.sending.set()
        one.result = pushing.push(workspace, store, made)
        one.run_id = one.result.run_id
        show_result(common, made, one.result)
        return one.result.exit_code


def _at_a_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def _show(common: Common, found: Cleaning, zone: tzinfo, allowed: Sequence[str] = ()) -> None:
    from connector.report import cleanup as report

    told_of = (found.plan, found.sides, found.orphans, found.twice, found.invalid)
    if common.json:
        data_json(report.cleanup_json(*told_of))
    elif common.format is Format.CSV:
        data(report.cleanup_csv(found.sides), exact=True)
    else:
        data(report.cleanup_text(*told_of, common.verbose, zone, allowed))


def _end(common: Common, found: Cleaning, result: RunResult | None) -> None:
    from connector.report import cleanup as report
    from connector.report.run import result_json, result_text

    if common.json:
        told_of = (found.plan, found.sides, found.orphans, found.twice, found.invalid)
        data_json({**report.cleanup_json(*told_of), "run": result_json(result) if result else None})
    elif result is not None:
        data(result_text(result))
