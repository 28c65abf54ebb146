"""schema: JSON Schema of segments.yaml for editors and other programs.

Owns: its options and what it prints. Must not: build the schema.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connector.cli.common import Common, command, data_json

FOR = "Also complete the real columns, traits, segments and destinations of this file."


def register(app: typer.Typer) -> None:
    examples = "  sync schema > segments.schema.json\n  sync schema --for segments.yaml > segments.schema.json"
    command(
        app,
        "schema",
        examples,
        formats=(),
        without=("file", "state", "state_must_exist", "only", "to", "rehearse"),
    )(schema)


def schema(common: Common, for_: Annotated[Path | None, typer.Option("--for", help=FOR)] = None) -> int:
    """Print the JSON Schema that lets an editor complete and check segments.yaml while it is written."""
    from connector.app import advice as verbs

    data_json(verbs.schema(for_, common.as_of))
    return 0
