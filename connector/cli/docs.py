"""docs: the documentation, without a browser or a network.

Owns: its options and what it prints. Must not: know where pages lie.
"""

from __future__ import annotations

from typing import Annotated

import typer

from connector.cli.common import Common, command, data, data_json

_SCHEMA = "connector.docs/1"


_UNUSED = ("file", "state", "state_must_exist", "as_of", "only", "to", "rehearse", "log_format")


def register(app: typer.Typer) -> None:
    command(app, "docs", "  sync docs\n  sync docs language | less\n  sync docs errors | grep stale", without=_UNUSED)(
        docs
    )


def docs(
    common: Common,
    page: Annotated[str | None, typer.Argument(help="The page to print; without it all are listed.")] = None,
) -> int:
    """Print a page of the documentation, or list the pages: they come with the package."""
    from connector.app import manual

    if page is not None:
        found = manual.page(page)
        text = found.path.read_text(encoding="utf-8")
        told = {"page": found.name, "title": found.title, "text": text}
        data_json({"schema": _SCHEMA, "pages": [told]}) if common.json else data(text, exact=True)
        return 0
    every = manual.pages()
    if common.json:
        data_json({"schema": _SCHEMA, "pages": [{"page": one.name, "title": one.title} for one in every]})
    else:
        width = max((len(one.name) for one in every), default=0)
        data("\n".join(f"{one.name:<{width}}  {one.title}" for one in every) or "This package came without its pages.")
    return 0
