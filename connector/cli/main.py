"""The program `sync` (also `connector`): its groups of commands, and how every failure ends.

Owns: the Typer application, error texts on standard error, exit codes. Must not: hold the logic of a command, or let a
traceback reach a user.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from connector import __version__
from connector.cli import (
    common,
    demo,
    diff,
    docs,
    history,
    hygiene,
    lifecycle,
    offline,
    platforms,
    pushing,
    schema,
    upkeep,
    why,
)
from connector.vendors import OWN

*_MOST, _LAST = [vendor.title for vendor in OWN.values()]
_ALL = f"{', '.join(_MOST)} and {_LAST}"
app = typer.Typer(
    name="sync",
    help=f"Keep {_ALL} in step with segments declared in segments.yaml.",
    epilog="Exit codes: 0 done, 1 finished with record failures, 2 wrong configuration or export, "
    "3 refused by a guard, 4 cannot work, 10 plan --exit-code found changes, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (demo, offline, schema, diff, why, hygiene, pushing, lifecycle, history, upkeep, platforms, docs):
    group.register(app)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sync (segment-connector) {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        _say("Interrupted.")
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer ends with 1, which says something else here
            sys.exit(4)
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user gets one message
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    from connector.core.errors import ConnectorError, Interrupted

    if isinstance(error, ConnectorError):
        _say(f"{error}" if error.exit_code in (2, Interrupted.exit_code) else f"error: {error}")
        return error.exit_code
    if "-v" in sys.argv or "--verbose" in sys.argv:
        import traceback

        from connector.core import scrub

        _say(scrub.traceback("".join(traceback.format_exception(error))), exact=True)
    if isinstance(error, OSError) and error.strerror:  # a full disk, a closed output: trouble of the machine
        what = f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}, reading or writing"
        _say(f"error: {what}. Nothing is lost: `sync status` tells what is recorded.")
    else:
        _say(
            f"error: a bug in the connector ({type(error).__name__} at {_place(error)}). Nothing is lost: `sync "
            "status` tells what is recorded. Please report it, with the command run again with -v."
        )
    return 4


def _say(text: str, *, exact: bool = False) -> None:
    with contextlib.suppress(OSError):  # when standard error is full or closed, the exit code is left to tell
        common.talk(text, exact=exact)


def _place(error: Exception) -> str:
    """Where in the connector it was raised."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename.rpartition('connector/')[2]}:{frame.tb_lineno}" if frame else "?"
