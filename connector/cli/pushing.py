"""plan, push, resume, abandon.

Owns: their options and what they print. Must not: hold logic of a plan or a run.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import SAMPLE, Common, command, confirm, data, data_json, talk
from connector.cli.terminal import last_words, listening, say_soon

if TYPE_CHECKING:
    from connector.app.workspace import Workspace
    from connector.core.events import Listener
    from connector.core.plan import Plan
    from connector.push.run import RunResult

Allow = Annotated[
    list[str] | None,
    typer.Option(help="Lift a guard for once: adds, removes, moves, empty, shrunken, stale, tier, stages, retires."),
]
Reason = Annotated[str | None, typer.Option(help="Why the guard is lifted; kept with the run.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N people per destination: a careful first try.")]
Refresh = Annotated[
    bool,
    typer.Option("--refresh", help="First compare the ledger with everything the platforms hold; also for a lost one."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    command(app, "plan", f"  sync plan\n  sync plan --to {SAMPLE} --only 'vip*'\n  sync plan --out today.plan")(plan)
    command(app, "push", f"  sync push --yes\n  sync push --plan today.plan\n  sync push --limit 10 --to {SAMPLE}")(
        push
    )
    command(app, "resume", "  sync resume")(resume)
    example = "  sync abandon 20261120-080000-1a2b --reason 'the account was closed'"
    command(app, "abandon", example)(abandon)


def plan(
    common: Common,
    out: Annotated[Path | None, typer.Option(help="Save the plan for `sync push --plan`.")] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 10 when there are changes.")] = False,
    limit: Limit = None,
    refresh: Refresh = False,
    allow: Allow = None,
    reason: Reason = None,
) -> int:
    """Show what a push would do: per target who is added, removed, changed or blocked. Sends nothing."""
    from connector.app import planning, pushing
    from connector.app.workspace import open_state, open_workspace
    from connector.plan.saved import save
    from connector.report.plan import is_empty

    with interruptible() as stop, told(common) as listener:
        options = common.options(listener, allow, reason)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            planned = planning.refreshed if refresh else planning.plan
            make = partial(planned, workspace, store, limit, learn=out is not None)
            made = make() if out is None else pushing.bound(workspace, make)
            workspace.go_on()
            if out is not None:
                save(made, out)
            show(common, workspace, made)
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
) -> int:
    """Bring every destination in step: plan, ask, send, record each outcome."""
    from connector.app import planning
    from connector.app import pushing as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.plan import is_empty

    if plan is not None:
        _whole({"--to": common.to, "--only": common.only, "--limit": limit, "--refresh": refresh})
    with interruptible() as stop, told(common) as listener:
        options = common.options(listener, allow, reason)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            planned = planning.refreshed if refresh else planning.plan
            made = _saved(workspace, plan) if plan else planned(workspace, store, limit)
            if not common.json:
                show(common, workspace, made)
            verbs.guard(workspace, made)
            if is_empty(made):
                verbs.unchanged(workspace, store, made)
                if common.json:
                    show_result(common, made, None)
                return code_of(made)
            if not confirm("Push these changes?", yes):
                talk("Nothing was sent.")
                return code_of(made)
            result = verbs.push(workspace, store, made)
            show_result(common, made, result)
            return result.exit_code


def resume(common: Common) -> int:
    """Finish a run that was cut off: ask the platforms what arrived, then send the rest."""
    from connector.app import pushing as verbs
    from connector.app.workspace import open_state, open_workspace

    with interruptible() as stop, told(common) as listener:
        options = common.options(listener)
        with open_workspace(options, stop) as workspace, open_state(workspace) as store:
            result = verbs.resume(workspace, store)
            if result is None:
                data_json({"run": None}) if common.json else data("Nothing to resume.")
                return 0
            show_result(common, None, result)
            return result.exit_code


def abandon(
    common: Common,
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run that cannot be resumed; `sync status` names it.")],
    reason: Annotated[str, typer.Option(help="Why it is given up; kept with the run.")],
) -> int:
    """Give up a run that cannot be resumed. Asks no platform: what was sent without an answer stays unknown until the
    next push sends it again or takes it back; what was not sent is planned again."""
    from connector.app import pushing as verbs
    from connector.app.workspace import open_state, open_workspace
    from connector.report.history import abandoned_text, runs_json

    with open_workspace(common.options(), offline=True) as workspace, open_state(workspace) as store:
        given_up = verbs.abandon(workspace, store, run, reason)
    data_json(runs_json([given_up])) if common.json else data(abandoned_text(given_up))
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


def code_of(made: Plan) -> int:
    """The exit code of a plan that is not pushed: 4 when a destination could not be planned."""
    from connector.core.errors import DestinationError

    return DestinationError.exit_code if made.unread else 0


def show(common: Common, workspace: Workspace, made: Plan) -> None:
    from connector.report.plan import as_json, text

    if common.json:
        data_json(as_json(made))
    else:
        data(text(made, workspace.config.zone, common.verbose))


def show_result(common: Common, made: Plan | None, result: RunResult | None) -> None:
    from connector.report.plan import as_json
    from connector.report.run import result_json, result_text

    if common.json:
        data_json({"plan": as_json(made) if made else None, "run": result_json(result) if result else None})
    elif result is not None:
        data(result_text(result))


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """The first Ctrl-C asks to stop after what is in flight; the second ends at once, as if the process was killed:
    threads that wait for an answer would hold up any other end, and `sync resume` knows what to do."""
    stop = threading.Event()

    def ask(signum: int, frame: object) -> None:
        if stop.is_set():
            last_words("Ended. What was in flight is in doubt: sync resume asks the platforms.")
            os._exit(130)
        stop.set()
        say_soon("Stopping: what is in flight is finished and recorded. Once more to end at once.")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def told(common: Common) -> Iterator[Listener]:
    """Who hears of the events of this command."""
    with listening(quiet=common.json, verbose=common.verbose) as listener:
        yield listener
