"""demo: something to try everything on, without data or an account.

Owns: its options and what it prints. Must not: hold what the demo is made of.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import Common, command, data_json, talk

if TYPE_CHECKING:
    from connector.demo.folder import Written

NEXT = (
    ("sync check", "reads the file and the exports"),
    ("sync segments", "sizes and overlaps"),
    ("sync plan --rehearse", "what a push would do, on rehearsal platforms"),
    ("sync push --rehearse", "does it; no account is needed"),
)


def register(app: typer.Typer) -> None:
    command(
        app,
        "demo",
        "  sync demo\n  sync demo trial\n  sync demo trial --as-of 2026-11-20",
        without=("file", "state", "state_must_exist", "only", "to", "rehearse"),
    )(demo)


def demo(common: Common, folder: Annotated[Path, typer.Argument(help="Where; made if missing.")] = Path()) -> int:
    """Write a segments.yaml to try, with exports of today: invented people, for the rehearsal platforms.

    The demo's own segments.yaml may have been edited and is kept; no other one is touched. Exports of an earlier day
    are replaced by those of today, so run it again on another day."""
    from zoneinfo import ZoneInfo

    from connector.app.workspace import moment
    from connector.demo.exports import ZONE
    from connector.demo.folder import write

    zone = ZoneInfo(ZONE)
    day = moment(common.as_of, zone).astimezone(zone).date()
    made = write(folder, day)
    if common.json:
        data_json(
            {
                "schema": "connector.demo/1",
                "folder": str(folder),
                "day": str(day),
                "written": made.written,
                "removed": made.removed,
            }
        )
    else:
        talk(_text(folder, f"{day}", made))
    return 0


def _text(folder: Path, day: str, made: Written) -> str:
    if not made.written:
        return f"The demo of {day} is there already."
    lines = [f"Wrote {name}" for name in made.written]
    lines += [f"Removed {name}, of another day" for name in made.removed]
    lines += ["Next:", *([] if folder == Path() else [f"  cd {folder}"])]
    return "\n".join([*lines, *(f"  {words:<22} # {why}" for words, why in NEXT)])
