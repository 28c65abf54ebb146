"""doctor, rehearsal: the platforms themselves, real and rehearsed.

Owns: their options and what they print. Must not: know a platform.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.common import SAMPLE, Common, command, data, data_json


def register(app: typer.Typer) -> None:
    command(
        app,
        "doctor",
        f"  sync doctor\n  sync doctor --to {SAMPLE}\n  sync doctor --rehearse",
        without=("state", "state_must_exist", "as_of", "only"),
    )(doctor)
    command(
        app,
        "rehearsal",
        "  sync rehearsal\n  sync rehearsal --port 8025\n  sync rehearsal --load PLATFORM=audience.csv",
        formats=(),
        without=("state", "state_must_exist", "as_of", "only", "to", "rehearse"),
    )(rehearsal)


def doctor(common: Common) -> int:
    """Check connectivity and configuration: keys and their rights, accounts, audiences, fields. Changes nothing."""
    from connector.app import doctor as verbs
    from connector.app.workspace import open_workspace
    from connector.report.doctor import doctor_json, doctor_text

    with open_workspace(common.options()) as workspace:
        found = verbs.examine(workspace)
    data_json(doctor_json(found)) if common.json else data(doctor_text(found))
    codes = {item.code for item in found if item.problems}
    return min(codes, default=0)  # 2, a missing key, before 4: as a push ends


def rehearsal(
    common: Common,
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.")] = 8025,
    load: Annotated[
        list[str] | None,
        typer.Option(metavar="PLATFORM=FILE", help="Fill one with its own export (CSV); may be repeated."),
    ] = None,
) -> int:
    """Run the rehearsal platforms until Ctrl-C; the page at / shows what they hold."""
    from connector import rehearse

    folder = common.file.parent if common.file != Path("segments.yaml") else Path()
    return rehearse.serve(folder, port, load or ())
