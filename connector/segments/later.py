"""The part of the language that is read but cannot be evaluated yet. It fails at its line, never silently.

Owns: the list. A later version takes an entry out when it adds the means. Must not: evaluate anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from connector.config.models import Config
from connector.config.rules import Loc
from connector.problem import Problem

ENGINES = ("duckdb",)


def problems(config: Config) -> list[Problem]:
    """One error per part of the file that has to wait."""
    return [_problem(config, loc, words) for loc, words in _waiting(config)]


def _waiting(config: Config) -> Iterator[tuple[Loc, str]]:
    if config.engine not in ENGINES:
        yield ("engine",), f"engine: {config.engine}"


def _problem(config: Config, loc: Loc, words: str) -> Problem:
    message = (
        f"“{words}” is not available yet in this version. Take it out; everything else of the file stays as it is."
    )
    return Problem(config.place(loc), "not-available-yet", message)
