"""The part of the language that is read but cannot be evaluated yet. It fails at its line, never silently.

Owns: the list. A later version takes a line out of LATER when it adds the handler.
Must not: evaluate anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.config.models import Config, Segment
from connector.config.rules import Loc, Sql, walk
from connector.problem import Problem

LATER: Mapping[type, str] = {Sql: "sql"}
ENGINES = ("duckdb",)


def problems(config: Config) -> list[Problem]:
    """One error per part of the file that has to wait."""
    found: list[tuple[Loc, str]] = []
    if config.engine not in ENGINES:
        found.append((("engine",), f"engine: {config.engine}"))
    for trait in config.traits.values():
        found.extend(_in(trait))
    if config.consent is not None:
        found.extend(_in(config.consent.when))
    for segment in config.segments.values():
        found.extend(_in_segment(segment))
    return [_problem(config, loc, words) for loc, words in found]


def _in_segment(segment: Segment) -> Iterator[tuple[Loc, str]]:
    if segment.frozen:
        yield ("segments", segment.name, "frozen"), "frozen"
    if segment.members_from is not None:
        yield ("segments", segment.name, "members_from"), "members_from"
    if segment.when is not None:
        yield from _in(segment.when)


def _in(root: object) -> Iterator[tuple[Loc, str]]:
    for node in walk(root):
        if type(node) in LATER:
            yield node.loc, LATER[type(node)]


def _problem(config: Config, loc: Loc, words: str) -> Problem:
    message = (
        f"“{words}” is not available yet in this version. Take it out; everything else of the file stays as it is."
    )
    return Problem(config.place(loc), "not-available-yet", message)
