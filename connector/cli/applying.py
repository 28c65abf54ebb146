"""The one way in which a command shows a plan, asks, pushes it and ends: push, undo, adopt, cleanup --restore.

Owns: the order of these steps at a terminal, and their output. Must not: make a plan, or know a command's options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import Common, Format, confirm, data, data_json, talk
from connector.cli.interrupt import Stop, interruptible
from connector.cli.terminal import listening

if TYPE_CHECKING:
    from connector.app.attempts import Attempting
    from connector.app.workspace import Workspace
    from connector.core.events import Listener
    from connector.core.plan import Plan
    from connector.push.run import RunResult
    from connector.state.base import Store

Allow = Annotated[
    list[str] | None,
    typer.Option(
        help="Override a guard for this run: adds, removes, moves, empty, shrunken, stale, tier, stages, retires, …"
    ),
]
Reason = Annotated[str | None, typer.Option(help="Why the guard is overridden; kept with the run.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
RequireAll = Annotated[
    bool,
    typer.Option("--require-all", help="Do nothing anywhere when one destination cannot be served."),
]
Metrics = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write an OpenMetrics text file when this is done, however it ended."),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of an applying command say. `command` is it as a person types it, without common options."""

    command: str
    question: str
    yes: bool = False
    allow: list[str] | None = None
    reason: str | None = None
    require_all: bool = False
    metrics: Path | None = None


@contextmanager
def working(common: Common, asked: Asked) -> Iterator[tuple[Workspace, Store, Attempting, Stop]]:
    """The workspace and the state for a command that changes something; however it ends is recorded."""
    from connector.app.recording import attempting, close, state_of
    from connector.app.workspace import open_workspace
    from connector.core.errors import Interrupted
    from connector.notify.tally import Tally

    with interruptible(left(common)) as stop, told(common) as listener:
        tally = Tally(listener)
        options = common.options(tally, asked.allow, asked.reason, asked.command, asked.require_all)
        with (
            open_workspace(options, stop) as workspace,
            state_of(workspace, asked.command) as store,
            attempting(workspace, store, asked.command, tally, asked.metrics) as one,
        ):
            error = Interrupted("Interrupted. Nothing was sent.")

            def leaving() -> None:
                close(one, error)
                show_error(common, error)

            stop.leaving = leaving
            yield workspace, store, one, stop


def left(common: Common) -> Callable[[], None]:
    """The document of a command that is left in the middle of a reading."""
    from connector.core.errors import Interrupted

    return lambda: show_error(common, Interrupted("Interrupted. Nothing was sent."))


def show_error(common: Common, error: BaseException) -> None:
    """The document of an error, where the result is JSON."""
    from connector.core.errors import ConnectorError
    from connector.report.error import error_json

    if common.json and isinstance(error, ConnectorError):
        data_json(error_json(error))


def carry_out(common: Common, asked: Asked, make: Callable[[Workspace, Store], Plan]) -> int:
    """Show the plan, ask, push it; the exit code."""
    from connector.app import pushing as verbs
    from connector.app.attempts import code_of
    from connector.report.plan import is_empty

    with working(common, asked) as (workspace, store, one, stop):
        one.whole = one.plan = made = make(workspace, store)
        if not common.json:
            show(common, workspace, made)
        one.plan = made = verbs.permitted(workspace, made)
        tell_held_back(common, made)
        if is_empty(made):
            verbs.unchanged(workspace, store, made)
            show_result(common, made, None)
            return code_of(made)
        if not confirm(asked.question, asked.yes):
            one.declined = True
            talk("Nothing was sent.")
            show_result(common, made, None)
            return code_of(made)
        stop.sending.set()
        one.result = result = verbs.push(workspace, store, made)
        one.run_id = result.run_id
        show_result(common, made, result)
        return result.exit_code


def tell_held_back(common: Common, made: Plan) -> None:
    """Which destinations a guard keeps out, before anybody is asked."""
    if made.held_back and made.revisions:
        talk(f"Held back by a guard: {', '.join(made.held_back)}. The others go on: {', '.join(made.revisions)}.")


def show(common: Common, workspace: Workspace, made: Plan, people: bool = False) -> None:
    """`people`: JSON with every change."""
    from connector.app.pushing import rules
    from connector.report.changes import changes_csv, changes_json, markdown
    from connector.report.plan import as_json, text

    allowed = workspace.options.allow
    if common.json:
        data_json(as_json(made, allowed) | (changes_json(made, rules(workspace)) if people else {}))
    elif common.format is Format.CSV:
        data(changes_csv(made, rules(workspace)), exact=True)
    elif common.format is Format.MARKDOWN:
        data(markdown(made, rules(workspace), workspace.config.zone, allowed), exact=True)
    else:
        data(text(made, workspace.config.zone, common.verbose, allowed))


def show_result(common: Common, made: Plan | None, result: RunResult | None) -> None:
    from connector.report.plan import as_json
    from connector.report.run import result_json, result_text

    if common.json:
        data_json({"plan": as_json(made) if made else None, "run": result_json(result) if result else None})
    elif result is not None:
        data(result_text(result))


@contextmanager
def told(common: Common) -> Iterator[Listener]:
    """Who hears of the events of this command."""
    with listening(quiet=common.json, verbose=common.verbose) as listener:
        yield listener
