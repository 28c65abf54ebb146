"""Advice where the cut of `top` or `bottom` falls among people with the same value: addresses decide who is in.

Owns: this finding. Must not: change the cut (compile/ranks.py), name a person.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from connector.config.language.rules import Rank, walk
from connector.segments.advice.model import Advice, Evidence
from connector.segments.evaluate import Look, evaluate
from connector.sources.text import fold


def advice(given: Evidence) -> Iterator[Advice]:
    ranks = {
        name: [node for node in walk(segment.when) if isinstance(node, Rank)]
        for name, segment in given.config.segments.items()
        if segment.when is not None
    }
    written = dict.fromkeys(
        column for nodes in ranks.values() for node in nodes for column in (node.column, node.by) if column is not None
    )
    if not written:
        return
    values = _values(given, list(written))
    for name, nodes in ranks.items():
        for node in nodes:
            tied, taken = _tied(values[node.column], values[node.by] if node.by is not None else None, node)
            if tied:
                text = (
                    f"The cut of `{node.side}` falls among {tied:,} people with the same {node.column}: {taken:,} of"
                    f" them are in “{name}”, by their address. Take another number, or a column that tells them apart."
                )
                yield Advice("tied-cut", given.config.place(node.loc), text, (name,))


def _values(given: Evidence, written: Sequence[str]) -> dict[str, list[Any]]:
    """The values of columns and traits, everybody's in the same order."""
    config = given.config.model_copy(update={"segments": {}, "priorities": (), "consent": None, "lifecycle": ()})
    table = evaluate(config, given.loaded, given.as_of, look=Look(also=written)).table
    return {column: table.column(f"also:{number}").to_pylist() for number, column in enumerate(written)}


def _tied(values: Sequence[Any], by: Sequence[Any] | None, node: Rank) -> tuple[int, int]:
    """(people at a value that is cut, how many of them are in), over all groups."""
    groups: dict[Any, list[Any]] = defaultdict(list)
    for value, group in zip(values, by if by is not None else [True] * len(values), strict=True):
        if value is not None and group is not None:
            groups[fold(group) if isinstance(group, str) else group].append(value)
    tied = taken = 0
    for some in groups.values():
        some.sort(reverse=node.side == "top")
        cut = node.count if node.count is not None else -int(-len(some) * Fraction(node.percent or 0) // 100)
        if 0 < cut < len(some) and some[cut - 1] == some[cut]:
            alike = some.count(some[cut])
            tied, taken = tied + alike, taken + alike - sum(value == some[cut] for value in some[cut:])
    return tied, taken
