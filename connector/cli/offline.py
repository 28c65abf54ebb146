"""init, check, segments, members: what a marketer does at the desk. No platform is called.

Owns: their options and what they print. Must not: evaluate or judge anything itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import PLAIN, TABLE, Common, Format, command, data, data_json, talk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connector.segments.advice.model import Advice
    from connector.segments.evaluate import Evaluation


UNSET = "secret-not-set"


def register(app: typer.Typer) -> None:
    command(
        app,
        "init",
        "  sync init\n  sync init --from exports/contacts.csv --from exports/orders.csv",
        formats=(),
        without=("state", "state_must_exist", "as_of", "only", "to", "rehearse"),
    )(init)
    command(
        app,
        "check",
        "  sync check\n  sync check --strict --no-data --format github\n  sync check --as-of 2026-11-20",
        formats=(*PLAIN, Format.GITHUB),
        without=("only", "to", "rehearse"),
    )(check)
    command(app, "segments", "  sync segments\n  sync segments --only 'vip*' --format json", without=("to",))(segments)
    command(
        app,
        "members",
        "  sync members vip\n  sync members vip --format csv > vip.csv",
        formats=TABLE,
        without=("only", "to"),
    )(members)


def init(
    common: Common,
    source: Annotated[
        list[Path] | None,
        typer.Option("--from", help="An export to start from: contacts, orders, events. May be repeated."),
    ] = None,
) -> int:
    """Write a first segments.yaml for your exports, never over an existing file."""
    from connector.app.starting import start

    if common.file.exists():
        talk(f"error: {common.file} exists already and is left as it is. Write another with --file NAME.")
        return 2
    text = start(source or [Path("exports/contacts.csv")], common.file)
    common.file.write_text(text, encoding="utf-8")
    talk(f"Wrote {common.file}. Next: sync check, then sync segments.")
    return 0


def check(
    common: Common,
    strict: Annotated[bool, typer.Option("--strict", help="End with 2 when there is advice.")] = False,
    no_data: Annotated[
        bool, typer.Option("--no-data", help="Read segments.yaml alone, where the exports are not at hand.")
    ] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="End with 2 when a variable of a secret is not set; --strict does not.")
    ] = False,
) -> int:
    """Read segments.yaml and the exports, and report every error and all advice with its place."""
    from connector.app import advice as verbs
    from connector.app.workspace import open_workspace
    from connector.core.errors import ConfigError, SourceError
    from connector.report import advice as report

    try:
        with open_workspace(common.options()) as workspace:
            if no_data:
                advice = verbs.check_without_data(workspace)
                segments = len(workspace.config.segments)
            else:
                found = verbs.check(workspace)
                advice, segments = found.advice, found.segments
    except (ConfigError, SourceError) as error:
        if common.json:
            data_json(report.errors_json(error.problems))
        elif common.format is Format.GITHUB:
            data(report.github_lines(error.problems), exact=True)
        else:
            raise
        return error.exit_code
    if common.format is Format.GITHUB:
        data(report.github_lines([item.problem for item in advice]), exact=True)
    elif no_data and common.json:
        data_json(report.file_json(segments, advice))
    elif no_data:
        data(report.file_text(segments, advice, common.verbose))
    elif common.json:
        parts = (found.segments, found.contacts, found.loaded, advice)
        data_json(report.check_json(*parts, found.quality, found.not_looked_at))
    else:
        parts = (found.segments, found.contacts, found.loaded, advice)
        data(report.check_text(*parts, common.verbose, found.not_looked_at))
    return 2 if _fails(advice, strict, secrets) else 0


def _fails(advice: Sequence[Advice], strict: bool, secrets: bool) -> bool:
    """Where keys are not at hand, as in a pull request, that they are not set says nothing of the file."""
    unset = any(item.code == UNSET for item in advice)
    return (strict and any(item.code != UNSET for item in advice)) or (secrets and unset)


def segments(common: Common) -> int:
    """Sizes, shares of the export, and how much each two segments overlap."""
    from connector.app import offline as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.report.segments import segments_json, segments_text

    with open_workspace(common.options()) as workspace:
        evaluation = verbs.noted(verbs.evaluate(workspace, leave_out=True))
        names = matching(common.only, workspace.config.segments, "--only", "segment")
        known = [name for name in names if name not in evaluation.left_out]
        titles = {name: workspace.config.segments[name].title or name for name in known}
    _tell(evaluation)
    if common.json:
        data_json(segments_json(evaluation, titles))
    else:
        data(segments_text(evaluation, titles))
    return 1 if len(known) < len(names) else 0


def members(common: Common, segment: Annotated[str, typer.Argument(help="The segment's name.")]) -> int:
    """The addresses of one segment, sorted; priorities count, consent does not."""
    from connector.app import offline as verbs
    from connector.app.workspace import matching, open_workspace

    with open_workspace(common.options()) as workspace:
        matching([segment], workspace.config.segments, "SEGMENT", "segment")
        evaluation = verbs.noted(verbs.evaluate(workspace, leave_out=True))
        if segment in evaluation.left_out:
            verbs.evaluate(workspace)  # raises the error with its place
        emails = verbs.members(evaluation, segment)
    _tell(evaluation)
    if common.json:
        data_json({"segment": segment, "members": emails, "notes": list(evaluation.notes)})
    elif common.format is Format.CSV:
        from connector.report.hygiene import safe

        data("\n".join(["email", *(str(safe(email)) for email in emails)]), exact=True)
    elif emails:
        data("\n".join(emails))
    return 0


def _tell(evaluation: Evaluation) -> None:
    from connector.report.values import noted

    for line in noted(evaluation.notes):
        talk(line)
