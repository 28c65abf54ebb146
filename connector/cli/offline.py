"""init, check, segments, members: what a marketer does at the desk. No platform is called.

Owns: their options and what they print. Must not: evaluate or judge anything itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import PLAIN, TABLE, Common, Format, command, data, data_json, talk

if TYPE_CHECKING:
    from connector.segments.evaluate import Evaluation


def register(app: typer.Typer) -> None:
    command(
        app,
        "init",
        "  sync init\n  sync init --from exports/contacts.csv --from exports/orders.csv",
        formats=(),
        without=("state", "state_must_exist", "as_of", "only", "to", "rehearse", "verbose"),
    )(init)
    command(
        app,
        "check",
        "  sync check\n  sync check --strict --format github\n  sync check --as-of 2026-11-20",
        formats=(*PLAIN, Format.GITHUB),
        without=("only", "to", "rehearse"),
    )(check)
    command(app, "segments", "  sync segments\n  sync segments --only 'vip*' --format json", without=("to", "verbose"))(
        segments
    )
    command(
        app,
        "members",
        "  sync members vip\n  sync members vip --format csv > vip.csv",
        formats=TABLE,
        without=("only", "to", "verbose"),
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
    common: Common, strict: Annotated[bool, typer.Option("--strict", help="End with 2 when there is advice.")] = False
) -> int:
    """Read segments.yaml and the exports, and tell every error and all advice with its place."""
    from connector.app import advice as verbs
    from connector.app.workspace import open_workspace
    from connector.core.errors import ConfigError, SourceError
    from connector.report import advice as report

    try:
        with open_workspace(common.options()) as workspace:
            found = verbs.check(workspace)
    except (ConfigError, SourceError) as error:
        if common.json:
            data_json(report.errors_json(error.problems))
        elif common.format is Format.GITHUB:
            data(report.github_lines(error.problems), exact=True)
        else:
            raise
        return error.exit_code
    told = (found.segments, found.contacts, found.loaded, found.advice)
    if common.json:
        data_json(report.check_json(*told, found.quality))
    elif common.format is Format.GITHUB:
        data(report.github_lines([item.problem for item in found.advice]), exact=True)
    else:
        data(report.check_text(*told, common.verbose))
    return 2 if strict and found.advice else 0


def segments(common: Common) -> int:
    """Sizes, shares of the export, and how much each two segments overlap."""
    from connector.app import offline as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.report.segments import segments_json, segments_text

    with open_workspace(common.options()) as workspace:
        evaluation = verbs.evaluate(workspace)
        names = matching(common.only, workspace.config.segments, "--only", "segment")
        titles = {name: workspace.config.segments[name].title or name for name in names}
    _tell(evaluation)
    if common.json:
        data_json(segments_json(evaluation, titles))
    else:
        data(segments_text(evaluation, titles))
    return 0


def members(common: Common, segment: Annotated[str, typer.Argument(help="The segment's name.")]) -> int:
    """The addresses of one segment, sorted; priorities count, consent does not."""
    from connector.app import offline as verbs
    from connector.app.workspace import matching, open_workspace

    with open_workspace(common.options()) as workspace:
        matching([segment], workspace.config.segments, "SEGMENT", "segment")
        evaluation = verbs.evaluate(workspace)
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
