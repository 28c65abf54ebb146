"""why: one person, explained. No platform is called.

Owns: its options and what it prints. Must not: evaluate or judge anything itself.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.common import Common, command, data, data_json

_SET = "Suppose another value for this person: column=value or trait=value, empty for missing (may be repeated)."


def register(app: typer.Typer) -> None:
    examples = (
        "  sync why ada@example.com\n  sync why ada@example.com --set last_order_at=2026-10-01\n"
        "  sync why ada@example.com --only vip --format json"
    )
    command(app, "why", examples)(why)


def why(
    common: Common,
    email: Annotated[str, typer.Argument(help="The person's address.")],
    supposed: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help=_SET)] = None,
) -> int:
    """Which rows are this person, every trait, every segment's conditions, consent, and what the next push would do."""
    from connector.app import why as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.report.why import why_json, why_text

    with open_workspace(common.options(), offline=True) as workspace:
        segments = matching(common.only, workspace.config.segments, "--only", "segment")
        found = verbs.why(workspace, email, _pairs(supposed or []), everything=common.verbose)
        zone = workspace.config.zone
    data_json(why_json(found, segments)) if common.json else data(why_text(found, segments, zone))
    return 0


def _pairs(written: list[str]) -> list[tuple[str, str]]:
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem

    for text in written:
        if "=" not in text:
            message = "--set takes NAME=VALUE, like --set last_order_at=2026-10-01."
            raise ConfigError([Problem(Place("--set"), "bad-assignment", message)])
    return [(name.strip(), value) for name, _, value in (text.partition("=") for text in written)]
