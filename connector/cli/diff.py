"""diff-segments: who would enter and leave which segment if the new file were taken. Sends nothing.

Owns: its options and what it prints. Must not: compare.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.common import PLAIN, Common, Format, command, data, data_json

VERSION = "A file, a git revision (main, HEAD~1), or REV:path/segments.yaml."


def register(app: typer.Typer) -> None:
    examples = (
        "  sync diff-segments HEAD segments.yaml\n  sync diff-segments old.yaml new.yaml --format json\n"
        "  sync diff-segments origin/main HEAD --format markdown"
    )
    command(app, "diff-segments", examples, formats=(*PLAIN, Format.MARKDOWN), without=("only", "to"))(diff_segments)


def diff_segments(
    common: Common,
    old: Annotated[str, typer.Argument(help=VERSION)],
    new: Annotated[str, typer.Argument(help=VERSION)],
) -> int:
    """Compare two versions of segments.yaml over the exports: sizes, who entered, who left, by which condition."""
    from connector.app.diff import diff
    from connector.report import diff as report

    found = diff(common.options(), old, new)
    told = report.Told(*((one.label, one.config, one.data) for one in (found.old, found.new)))
    if common.json:
        data_json(report.diff_json(told, found.changes))
    elif common.format is Format.MARKDOWN:
        data(report.diff_markdown(told, found.changes), exact=True)
    else:
        data(report.diff_text(told, found.changes))
    return 0
