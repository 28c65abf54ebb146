"""hygiene: what is missing, doubled, doubtful or spelled in several ways in the exports.

Owns: its options and what it prints. Must not: judge anything itself.
"""

from __future__ import annotations

import typer

from connector.cli.common import TABLE, Common, Format, command, data, data_json


def register(app: typer.Typer) -> None:
    command(
        app,
        "hygiene",
        "  sync hygiene\n  sync hygiene --format csv > to-mend.csv",
        formats=TABLE,
        without=("only", "to"),
    )(hygiene)


def hygiene(common: Common) -> int:
    """The state of the exports: text for people, json, or csv with file and row of every finding. Changes nothing."""
    from connector.app import hygiene as verbs
    from connector.app.workspace import open_workspace
    from connector.report.hygiene import hygiene_csv, hygiene_json, hygiene_text
    from connector.sources.hygiene.report import listed

    with open_workspace(common.options(), offline=True) as workspace:
        found, loaded = verbs.hygiene(workspace)
        if common.format is Format.CSV:
            data(hygiene_csv(found, listed(loaded)), exact=True)
        elif common.json:
            data_json(hygiene_json(found, workspace.as_of))
        else:
            data(hygiene_text(found, common.verbose))
    return 0
