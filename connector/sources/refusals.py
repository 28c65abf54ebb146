"""Which columns `consent` asks, and the value of each with which its test keeps consent from holding.

Owns: refusals(). Must not: look at data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from connector.config.language.rules import All, AnyOf, Compare, InSegment, Near, Not, Pick, Rank, Sql
from connector.config.sections.models import Config
from connector.sources.columns.model import SourceInfo
from connector.sources.columns.normalise import boolean

MISSING: Final = ()  # no value at all: a test that must hold never holds on it
Refusal = bool | str | tuple[()] | None  # None: the column has no such value, or several
_NAME = re.compile(r'"([^"]+)"|(\w+)')


def refusals(config: Config, info: SourceInfo) -> dict[str, Refusal]:
    """Column of contacts that `consent` uses, also through segments and traits -> its refusing value."""
    found: dict[str, Refusal] = {}
    for written, refusing in _tests(config, config.consent.when, True) if config.consent else ():
        column = info.resolve(written)
        if column is not None:
            found[column] = refusing if found.get(column, refusing) == refusing else None
    return found


def _tests(config: Config, rule: object, holds: bool) -> Iterator[tuple[str, Refusal]]:
    """Every tested column, with the value that makes its test what keeps consent from holding."""
    match rule:
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _tests(config, part, holds)
        case Not(part=part):
            yield from _tests(config, part, not holds)
        case InSegment(names=names):  # cycles are errors of the file
            for segment in names:
                yield from _tests(config, config.segments[segment].when, holds)
        case Compare(column=column) if column in config.traits:
            trait = config.traits[column]
            yield from ((one, None) for one in (trait.columns if isinstance(trait, Pick) else ()))
        case Compare(column=column) if column:
            yield column, _refusing(rule, holds)
        case Rank(column=column) | Near(column=column):
            yield column, None
        case Sql(text=text):
            yield from ((quoted or word, None) for quoted, word in _NAME.findall(text))


def _refusing(test: Compare, holds: bool) -> Refusal:
    if test.test == "is" and isinstance(test.value, bool):
        return test.value is not holds
    if holds:
        return MISSING
    values = test.value if test.test == "in" else (test.value,) if test.test == "is" else ()
    one_meaning = len(values) == 1 or len({boolean(str(value)) for value in values} - {None}) == 1
    return str(values[0]) if values and one_meaning and all(isinstance(one, str | int) for one in values) else None
