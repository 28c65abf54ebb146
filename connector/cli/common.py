"""What every command shares: the common options, the output formats, asking a person, and how a command ends.

Owns: the decorator `command`, Common, echo helpers. Must not: import anything heavy at import time (`--help` is quick).
"""

from __future__ import annotations

import functools
import inspect
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from errno import ENOENT
from os import strerror
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from connector.cli import terminal
from connector.vendors import OWN

if TYPE_CHECKING:
    from connector.app.workspace import Options
    from connector.core.events import Listener


class LogFormat(StrEnum):
    """How everything but the result is written: lines for people, or one JSON object per line."""

    TEXT = "text"
    JSON = "json"


class Format(StrEnum):
    """text for people, json for programs, csv where a command prints a table, github for annotations of a pull
    request, markdown for its description, html for a page, junit for the results of `sync test` in CI."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True)
class Common:
    """The common options as given."""

    file: Path = Path("segments.yaml")
    state: str | None = None
    as_of: str | None = None
    only: list[str] = field(default_factory=list)
    to: list[str] = field(default_factory=list)
    rehearse: bool = False
    format: Format = Format.TEXT
    verbose: bool = False
    state_must_exist: bool = False
    log_format: LogFormat = LogFormat.TEXT

    def options(
        self,
        listener: Listener | None = None,
        allow: list[str] | None = None,
        reason: str | None = None,
        command: str = "push",
        require_all: bool = False,
    ) -> Options:
        from connector.app.workspace import Options
        from connector.core.events import silent

        return Options(
            file=self.file,
            state=self.state,
            as_of=self.as_of,
            only=tuple(self.only),
            to=tuple(self.to),
            rehearse=self.rehearse,
            allow=tuple(allow or ()),
            reason=reason,
            listener=listener or silent,
            state_must_exist=self.state_must_exist,
            require_all=require_all,
            command=command,
        )

    @property
    def json(self) -> bool:
        return self.format is Format.JSON


SAMPLE = next(iter(OWN))  # the destination of the examples: the sample has one that is called like its platform
_STATE = "Where ledger and journal are kept: a path, postgresql://… or s3://…; default .connector/state.db."
_MUST = "Refuse a state that nothing was pushed with yet: it was lost, or its name is wrong (exit code 4)."
_AS_OF = "The moment rules are evaluated for: 2026-11-20 (its end), 2026-11-20T18:00, or with zone. Default: now."
_LOG = "How everything but the result is written: lines, or one JSON object per line, without addresses."
_REHEARSE = "Use the rehearsal platforms instead of the real ones."
_COMMON = {
    "file": (Annotated[Path, typer.Option("--file", "-f", help="The segments file.")], Path("segments.yaml")),
    "state": (Annotated[str | None, typer.Option(help=_STATE)], None),
    "state_must_exist": (Annotated[bool, typer.Option("--state-must-exist", help=_MUST)], False),
    "as_of": (Annotated[str | None, typer.Option(help=_AS_OF)], None),
    "only": (Annotated[list[str] | None, typer.Option(help="Only these segments (globs; may be repeated).")], None),
    "to": (Annotated[list[str] | None, typer.Option(help="Only these destinations (globs; may be repeated).")], None),
    "rehearse": (Annotated[bool, typer.Option("--rehearse", help=_REHEARSE)], False),
    "format": (Annotated[Format, typer.Option(help="How to print the result.")], Format.TEXT),
    "log_format": (Annotated[LogFormat, typer.Option(help=_LOG)], LogFormat.TEXT),
    "verbose": (Annotated[bool, typer.Option("--verbose", "-v", help="Say more; of a fault, where it is.")], False),
}
_UNSEEN = Annotated[str | None, typer.Option("--as-of", hidden=True)]
TABLE = (Format.TEXT, Format.JSON, Format.CSV)
PLAIN = (Format.TEXT, Format.JSON)


class _Command(TyperCommand):
    """Its help shows what is the command's own first, and the common options in a group."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": [], "Common options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                argument = parameter.param_type_name == "argument"
                shared = parameter.name in _COMMON or parameter.name == "help"
                groups["Arguments" if argument else "Common options" if shared else "Options"].append(record)
        for title, records in groups.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def command(
    app: typer.Typer,
    name: str,
    examples: str,
    *,
    formats: tuple[Format, ...] = PLAIN,
    without: tuple[str, ...] = (),
) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Register a function (common: Common, own options …) -> exit code as a command with the common options, but those
    of `without`, which would change nothing. `formats` are those that it has, the
    first unless --format says another."""
    taken: dict[str, tuple[Any, Any]] = {
        key: value for key, value in _COMMON.items() if key not in without and (key != "format" or formats)
    }
    if len(formats) > 1:
        names = {each.name: each.value for each in formats}
        own_formats: Any = StrEnum("Format", names)  # type: ignore[misc]
        taken["format"] = (Annotated[own_formats, typer.Option(help="How to print the result.")], formats[0])
    else:
        taken.pop("format", None)
    if "as_of" in without:  # changes nothing there, and scripts say it to every command
        taken["as_of"] = (_UNSEEN, None)

    def register(function: Callable[..., int | None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        shared = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
            for key, (kind, default) in taken.items()
        ]

        @functools.wraps(function)
        def run(**given: Any) -> None:
            common = {key: given.pop(key) for key in taken}
            common |= {key: common.get(key) or [] for key in ("only", "to")}
            common |= {"format": Format(common.get("format", Format.TEXT))}
            terminal.log_as_json(common.get("log_format") is LogFormat.JSON)
            raise typer.Exit(function(Common(**common), **given) or 0)

        ordered = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own] + shared
        run.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
        summary = inspect.getdoc(function) or ""
        short = re.split(r"[:.;](?:\s|$)", summary, maxsplit=1)[0]
        app.command(name, cls=_Command, short_help=short, help=f"{summary}\n\n\b\nExamples:\n{examples}")(run)
        return run

    return register


def data(text: str, *, exact: bool = False) -> None:
    """Results go to standard output; `exact` ones are for programs, and are not fitted to a terminal."""
    terminal.write(text, exact=exact)


def data_json(value: object) -> None:
    data(json.dumps(value, indent=2, ensure_ascii=False, default=str), exact=True)


def talk(text: str, *, exact: bool = False) -> None:
    """Everything else goes to standard error."""
    terminal.write(text, err=True, exact=exact)


def require_folder(path: Path | None) -> None:
    """Before everything is computed for a file. Raises FileNotFoundError when there is no folder for it."""
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, strerror(ENOENT), str(path))


def write_file(path: Path, content: str) -> None:
    """Whole or not at all, and for its owner alone."""
    from connector.core.files import replacing

    with replacing(path) as file:
        file.write(f"{content.rstrip()}\n".encode())
    talk(f"Wrote {path}.")


def confirm(question: str, yes: bool) -> bool:
    """Ask a person at a terminal; refuse a pipe without --yes (PlanError). Raises Interrupted at Ctrl-C."""
    from connector.core.errors import PlanError

    if yes:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise PlanError("Not a terminal: nobody can confirm. Look at `sync plan`, then pass --yes.")
    return terminal.ask(question)
