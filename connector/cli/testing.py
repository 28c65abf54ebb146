"""test: tests of the rules, for a marketer and for CI. No export is read and no platform is called.

Owns: its options and what it prints. Must not: run or judge a test itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.common import PLAIN, Common, Format, command, data, data_json, require_folder, talk

if TYPE_CHECKING:
    from connector.core.errors import ConfigError
    from connector.segments.testing.starter import Starter

_SAMPLE = "Write starter tests of so many people of the exports, masked, to segments_test.yaml."
_OUTPUT = "Where --sample writes."
_NAME = "Only the test of this name (may be repeated)."


def register(app: typer.Typer) -> None:
    examples = "  sync test\n  sync test --only vip\n  sync test --sample 20\n  sync test --format junit > segments.xml"
    command(app, "test", examples, formats=(*PLAIN, Format.JUNIT), without=("to",))(test)


def test(
    common: Common,
    name: Annotated[list[str] | None, typer.Option("--name", metavar="TEST", help=_NAME)] = None,
    sample: Annotated[int | None, typer.Option("--sample", metavar="PEOPLE", min=1, max=1000, help=_SAMPLE)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help=_OUTPUT)] = None,
) -> int:
    """Run the tests of the rules: given people and a moment, who must be in and who out. They stand under `tests:` in
    segments.yaml, or in segments_test.yaml beside it. Exit code 1 when one fails, 2 when a file is wrong."""
    from connector.app import testing as verbs
    from connector.app.workspace import matching, open_workspace
    from connector.core.errors import ConfigError
    from connector.report import tests as report

    require_folder(output)
    try:
        with open_workspace(common.options(), offline=True) as workspace:
            if sample is not None:
                return _sample(*verbs.sample(workspace, sample, output))
            segments = matching(common.only, workspace.config.segments, "--only", "segment")
            found = verbs.test(workspace, segments, name or ())
            zone = workspace.config.zone
    except ConfigError as error:
        return _wrong(common, error)
    if common.json:
        data_json(report.tests_json(found.outcomes, found.untested))
    elif common.format is Format.JUNIT:
        data(report.tests_junit(found.outcomes, zone), exact=True)
    else:
        data(report.tests_text(found.outcomes, found.untested, zone))
    return 1 if found.failed else 0


def _wrong(common: Common, error: ConfigError) -> int:
    """A file that cannot be used: programs get a document all the same."""
    from connector.report import tests as report

    if common.json:
        data_json(report.errors_json(error.problems))
    elif common.format is Format.JUNIT:
        data(report.errors_junit(error.problems), exact=True)
    else:
        raise error
    return error.exit_code


def _sample(path: Path, found: Starter) -> int:
    talk(f"Wrote {path}: tests of {found.people} masked people. Look through them, then: sync test.")
    for what, number in found.left_out.items():
        name = what or "consent"
        talk(f"{name}: nothing is expected of {number} of them, because what decides is masked, or a rank among all.")
    return 0
