"""The program `sync` (also `connector`): its groups of commands, and how every failure ends.

Owns: the Typer application, error texts on standard error, exit codes. Must not: hold the logic of a command, or let a
traceback reach a user.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import sys
from typing import Annotated, Any

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
    measuring,
    offline,
    platforms,
    predicting,
    preview,
    pushing,
    report,
    schema,
    testing,
    upkeep,
    why,
)
from connector.vendors import OWN

*_MOST, _LAST = [vendor.title for vendor in OWN.values()]
_ALL = f"{', '.join(_MOST)} and {_LAST}"
app = typer.Typer(
    name="sync",
    help=f"Keep {_ALL} in sync with segments declared in segments.yaml.",
    epilog="Exit codes: 0 done, 1 finished with record failures, 2 wrong configuration or export, "
    "3 refused by a guard, 4 cannot work, 10 plan --exit-code found changes, 130 interrupted.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
_GROUPS = (
    *(demo, offline, preview, schema, testing, diff, why, report),
    *(predicting, hygiene, pushing, lifecycle, history, measuring, upkeep, platforms, docs),
)
for group in _GROUPS:
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


@functools.cache
def command() -> Any:
    """The commands as Click knows them: 20 ms of work, the same every time."""
    return typer.main.get_command(app)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        sys.exit(command()(standalone_mode=False) or 0)
    except KeyboardInterrupt:
        _say("Interrupted.")
        _document("interrupted", "Interrupted.", 130)
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer ends with 1, which says something else here
            sys.exit(4)
        raise
    except _USAGE as wrong:
        wrong.show()
        _document("usage", wrong.format_message(), wrong.exit_code)
        sys.exit(wrong.exit_code)
    except typer.Abort:
        _say("Interrupted.")
        _document("interrupted", "Interrupted.", 130)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user gets one message
        sys.exit(_explain(error))


# What Typer raises for a command line that it cannot read; its module has moved between versions.
_USAGE: Any = typer.BadParameter.__mro__[2]


def _explain(error: Exception) -> int:
    from connector.core.errors import ConnectorError, Interrupted

    if isinstance(error, ConnectorError):
        from connector.report.error import destinations, error_json

        told = [f"{error}"] if error.exit_code in (2, Interrupted.exit_code) else [f"error: {error}"]
        told += [f"error: {why}" for why in list(destinations(error).values())[1:]]
        _say("\n".join(told))
        if _wants_json():
            _print(error_json(error))
        return error.exit_code
    if "-v" in sys.argv or "--verbose" in sys.argv:
        import traceback

        from connector.core import scrub

        _say(scrub.traceback("".join(traceback.format_exception(error))), exact=True)
    if isinstance(error, OSError) and error.strerror:  # a full disk, a closed output: trouble of the machine
        what = f"{error.strerror}: {error.filename}" if error.filename else f"{error.strerror}, reading or writing"
        code, said = "machine", f"{what}. Nothing is lost: `sync status` tells what is recorded."
    else:
        code, said = (
            "bug",
            f"a bug in the connector ({type(error).__name__} at {_place(error)}). Nothing is lost: `sync "
            "status` tells what is recorded. Please report it, with the command run again with -v.",
        )
    _say(f"error: {said}")
    _document(code, said, 4)
    return 4


def _document(code: str, message: str, exit_code: int) -> None:
    """With --format json every end is one document on standard output."""
    if _wants_json():
        from connector.report.error import document

        _print(document(code, message, exit_code))


def _wants_json() -> bool:
    words = sys.argv[1:]
    return "--format=json" in words or ("--format", "json") in itertools.pairwise(words)


def _print(value: object) -> None:
    with contextlib.suppress(OSError):
        common.data_json(value)


def _say(text: str, *, exact: bool = False) -> None:
    with contextlib.suppress(OSError):  # when standard error is full or closed, the exit code is left to tell
        common.talk(text, exact=exact)


def _place(error: Exception) -> str:
    """Where in the connector it was raised."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename.rpartition('connector/')[2]}:{frame.tb_lineno}" if frame else "?"
