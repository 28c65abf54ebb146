"""plan, push, resume, abandon.

Owns: their options and what they print. Must not: hold logic of a plan or a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
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
    carry_out,
    left,
    show,
    show_result,
    told,
    working,
)
from connector.cli.common import SAMPLE, Common, Format, command, data, data_json, require_folder, talk
from connector.cli.interrupt import interruptible

if TYPE_CHECKING:
    from connector.app.workspace import Workspace
    from connector.core.plan import Plan
    from connector.state.base import Store

Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N people per destination: a careful first try.")]
Refresh = Annotated[
    bool,
    typer.Option("--refresh", help="First compare the ledger with everything the platforms hold; also for a lost one."),
]


def register(app: typer.Typer) -> None:
    examples = (
        f"  sync plan\n  sync plan --to {SAMPLE} --only 'vip*'\n  sync plan --out today.plan\n"
        "  sync plan --format csv > changes.csv"
    )
    command(app, "plan", examples, formats=(Format.TEXT, Format.JSON, Format.CSV, Format.MARKDOWN))(plan)
    command(app, "push", f"  sync push --yes\n  sync push --plan today.plan\n  sync push --limit 10 --to {SAMPLE}")(
        push
    )
    command(app, "resume", "  sync resume", without=("as_of", "only", "to"))(resume)
    example = "  sync abandon 20261120-080000-1a2b --reason 'the account was closed'"
    command(app, "abandon", example, without=("as_of", "only", "to"))(abandon)


def plan(
    common: Common,
    out: Annotated[Path | None, typer.Option(help="Save the plan for `sync push --plan`.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 10 when there are changes.")] = False,
    people: Annotated[
        bool, typer.Option("--people", help="With --format json: also every change, with the person's address.")
    ] = False,
    limit: Limit = None,
    refresh: Refresh = False,
    allow: Allow = None,
    reason: Reason = None,
    require_all: RequireAll = False,
) -> int:
    """Show what a push would do: per target who is added, removed, changed or blocked. Sends nothing."""
    from connector.app import planning, pushing
    from connector.app.attempts import code_of
    from connector.app.workspace import open_state, open_workspace
    from connector.plan.saved import save
    from connector.report.plan import is_empty

    _only_with_json(people, common)
    require_folder(out)
    with interruptible(left(common)) as stop, told(common) as listener:
        options = common.options(listener, allow, reason, "plan", require_all)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            planned = planning.refreshed if refresh else planning.plan
            make = partial(planned, workspace, store, limit, learn=out is not None)
            made = make() if out is None else pushing.bound(workspace, make)
            workspace.go_on()
            if out is not None:
                save(made, out)
            show(common, workspace, made, people)
    if out is not None:
        talk(f"Saved to {out}. Apply exactly this with: sync push --plan {out}")
    return code_of(made) or (10 if exit_code and not is_empty(made) else 0)


def push(
    common: Common,
    plan: Annotated[Path | None, typer.Option("--plan", help="Apply this saved plan, or refuse.")] = None,
    limit: Limit = None,
    refresh: Refresh = False,
    yes: Yes = False,
    allow: Allow = None,
    reason: Reason = None,
    require_all: RequireAll = False,
    metrics: Metrics = None,
) -> int:
    """Sync all destinations: plan, ask, send, record each outcome."""
    from connector.app import planning

    if plan is not None:
        _whole({"--to": common.to, "--only": common.only, "--limit": limit, "--refresh": refresh})

    def make(workspace: Workspace, store: Store) -> Plan:
        if plan is not None:
            return _saved(workspace, plan)
        planned = planning.refreshed if refresh else planning.plan
        return planned(workspace, store, limit)

    words = "push" if plan is None else f"push --plan {plan}"
    asked = Asked(words, "Push these changes?", yes, allow, reason, require_all, metrics)
    return carry_out(common, asked, make)


def resume(common: Common, metrics: Metrics = None) -> int:
    """Finish a run that was cut off: ask the platforms what arrived, then send the rest."""
    from connector.app import pushing as verbs

    with working(common, Asked("resume", "", metrics=metrics)) as (workspace, store, one, stop):
        open_run = store.unfinished()
        one.run_id = open_run.id if open_run is not None else ""
        stop.sending.set()
        one.result = result = verbs.resume(workspace, store)
        if result is None:
            one.looked = True
            data_json({"run": None}) if common.json else data("Nothing to resume.")
            return 0
        show_result(common, None, result)
        return result.exit_code


def _only_with_json(people: bool, common: Common) -> None:
    """Raises ConfigError for --people where it would change nothing."""
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem

    if people and not common.json:
        text = "--people goes with --format json; --format csv names everybody anyway."
        raise ConfigError([Problem(Place("--people"), "no-people", text)])


def abandon(
    common: Common,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run that cannot be resumed; `sync status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it is given up; kept with the run.")],
) -> int:
    """Give up a run that cannot be resumed. Asks no platform: what was sent without an answer stays unknown until the
    next push sends it again or takes it back; what was not sent is planned again."""
    from connector.app import pushing as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.history import abandoned_text
    from connector.report.runs import Entry, runs_json

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        given_up = verbs.abandon(workspace, store, run, reason)
    data_json(runs_json([Entry(given_up.id, given_up.started_at, given_up, [])])) if common.json else data(
        abandoned_text(given_up)
    )
    return 0


def _whole(options: Mapping[str, object]) -> None:
    """Raises ConfigError for options that would choose a part of a saved plan: it was reviewed as a whole."""
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem

    given = [name for name, value in options.items() if value]
    if given:
        text = f"A saved plan is applied exactly as it is, so {' and '.join(given)} cannot choose a part of it."
        text += f" Make the plan with {'these options' if len(given) > 1 else 'this option'}: sync plan --out FILE."
        raise ConfigError([Problem(Place("--plan"), "part-of-a-plan", text)])


def _saved(workspace: Workspace, path: Path) -> Plan:
    from connector.app import pushing as verbs
    from connector.plan.saved import load

    made = load(path)
    verbs.check_saved(workspace, made)
    return made
