"""report: one page about all segments, as HTML, text or JSON. No platform is called.

Owns: its options, and where the page is written. Must not: compute or render.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connector.cli.common import Common, Format, command, data, data_json, require_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

_EXAMPLES = (
    "  sync report\n  sync report --since 2026-11-01 --output november.html\n  sync report --format text\n"
    "  sync report --format json > report.json"
)
_OUTPUT = "Where to write it. Default: report.html for the page, standard output (-) for text and JSON."
_SINCE = "Count who entered and left since then: 2026-11-01 (its beginning), or a moment. Default: 30 days ago."
_PEOPLE = "Name some members and blocked contacts by their address. Without it there is no address in the report."
_CAMPAIGNS = (
    "Ask platforms for their reports of campaigns to the segments' tags and lists, to show them beside our count."
)


def register(app: typer.Typer) -> None:
    command(app, "report", _EXAMPLES, formats=(Format.HTML, Format.TEXT, Format.JSON))(report)


def report(
    common: Common,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help=_OUTPUT)] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="DATE", help=_SINCE)] = None,
    people: Annotated[bool, typer.Option("--people", help=_PEOPLE)] = False,
    campaigns: Annotated[bool, typer.Option("--campaigns", help=_CAMPAIGNS)] = False,
) -> int:
    """One HTML page of all segments: sizes, entries and exits, overlaps, profiles, lifecycle, quality, destinations.

    It has no script and no link to elsewhere. No platform is called, but with
    --campaigns: what destinations hold is as last read."""
    from connector.app import reporting as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.report.page.document import document

    if common.format is Format.HTML:
        from connector.report.page.drawing import require

        require()
    if output is None and common.format is Format.HTML:
        output = Path("report.html")
    if str(output) == "-":
        output = None
    require_folder(output)
    with open_workspace(common.options(), offline=not campaigns) as workspace:
        told = verbs.gather(workspace, people=people, since=since, campaigns=campaigns)
        found = document(told)
        chosen = matching(common.only, workspace.config.segments, "--only", "segment")
    if output is None:
        _print(common, found)
    else:
        write_file(output, _rendered(common, found))
    return 1 if len(told.names) < len(chosen) else 0


def _print(common: Common, found: Mapping[str, Any]) -> None:
    if common.json:
        data_json(found)
    else:
        data(_rendered(common, found), exact=common.format is Format.HTML)


def _rendered(common: Common, found: Mapping[str, Any]) -> str:
    if common.json:
        import json

        return json.dumps(found, indent=2, ensure_ascii=False)
    if common.format is Format.HTML:
        from connector.report.page.html import html

        return html(found)
    from connector.report.page.text import text

    return text(found)
