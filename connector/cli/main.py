"""The program `sync` (also `connector`): its groups of commands, and how every failure ends.

Owns: the Typer application, error texts on standard error, exit codes. Must not: hold the logic of a command, or let a
traceback reach a user.
"""

from __future__ import annotations

import gc
import sys

import typer

from connector.cli import desk, diff, history, hygiene, lifecycle, platforms, pushing, schema, upkeep, why

app = typer.Typer(
    name="sync",
    help="Keep Mailchimp, Klaviyo and HubSpot in step with segments declared in segments.yaml.",
    epilog="Exit codes: 0 done, 1 finished with record failures, 2 wrong configuration or export, "
    "3 refused by a guard, 4 cannot work, 10 plan --exit-code found changes, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for group in (desk, schema, diff, why, hygiene, pushing, lifecycle, history, upkeep, platforms):
    group.register(app)


# What is imported lives as long as the process. At Python's own threshold, a tenth of a push's start is spent looking
# through it for garbage, again and again.
COLLECT_AFTER = 50_000  # new containers


def main() -> None:
    """Run the command line and exit with its code."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        typer.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a user gets one message
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    from connector.errors import ConnectorError

    if isinstance(error, ConnectorError):
        typer.echo(f"{error}" if error.exit_code == 2 else f"error: {error}", err=True)
        return error.exit_code
    if "-v" in sys.argv or "--verbose" in sys.argv:
        import traceback

        traceback.print_exception(error)
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename.rpartition('connector/')[2]}:{frame.tb_lineno}" if frame else "?"
    typer.echo(
        f"error: a bug in the connector ({type(error).__name__} at {where}). Nothing is lost: `sync status` tells "
        "what is recorded. Please report it, with the command run again with -v.",
        err=True,
    )
    return 4
