"""preview: one segment before it is sent. No platform is called.

Owns: its options, and where the page is written. Must not: evaluate or render anything itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.common import PLAIN, Common, Format, command, data, data_json, require_folder, write_file

_SAMPLE = "How many members to show, masked."
_OUTPUT = "Where the page of --format html is written; - for standard output. Default: preview-SEGMENT.html."


def register(app: typer.Typer) -> None:
    examples = "  sync preview vip\n  sync preview vip --format html\n  sync preview vip --sample 0 --format json"
    command(app, "preview", examples, formats=(*PLAIN, Format.HTML), without=("only",))(preview)


def preview(
    common: Common,
    segment: Annotated[str, typer.Argument(help="The segment's name.")],
    sample: Annotated[int, typer.Option("--sample", metavar="PEOPLE", min=0, max=100, help=_SAMPLE)] = 5,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help=_OUTPUT)] = None,
) -> int:
    """One segment before it is sent: how many, what each condition removes, some members masked, and what a push would
    change against the last one. No platform is asked."""
    from connector.app import preview as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.report.preview.document import document
    from connector.report.preview.text import text

    if common.format is Format.HTML:
        require_folder(output)
    with open_workspace(common.options(), offline=True) as workspace:
        matching([segment], workspace.config.segments, "SEGMENT", "segment")
        found = verbs.preview(workspace, segment, sample)
        told = document(workspace.config, found.preview, found.changes, found.pushed_at, workspace.as_of)
    if common.json:
        data_json(told)
    elif common.format is Format.HTML:
        from connector.report.preview.html import html

        if output == Path("-"):
            data(html(told), exact=True)
        else:
            write_file(output or Path(f"preview-{segment}.html"), html(told))
    else:
        data(text(told))
    return 0
