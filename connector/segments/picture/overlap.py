"""Who is in several segments: every pair, and the commonest combinations.

Owns: Pair, Combination, overlaps(). Must not: judge how much is too much (the report marks it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connector.core.sql import identifier, scratch
from connector.segments.evaluate import Evaluation, overlap

WORD = 60  # segments per integer
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Pair:
    """`both` contacts are in the two; `share` is of the smaller one."""

    one: str
    other: str
    both: int
    share: float


@dataclass(frozen=True, slots=True)
class Combination:
    """Contacts who are in all of `segments` and in no other; none: who is in no segment."""

    segments: tuple[str, ...]
    contacts: int


@dataclass(frozen=True, slots=True)
class Overlaps:
    """`combinations` are the commonest of several segments or one, without those in none; `rest` are the contacts of
    all others, `kinds` of combinations."""

    pairs: tuple[Pair, ...]  # in the order of the file
    combinations: tuple[Combination, ...]
    rest: int
    kinds: int
    nowhere: int


def overlaps(evaluation: Evaluation, names: Sequence[str]) -> Overlaps:
    """Of the segments `names`."""
    found = [
        Pair(one, other, both, round(both / smaller, 4) if (smaller := _smaller(evaluation, one, other)) else 0.0)
        for (one, other), both in overlap(evaluation, names).items()
    ]
    combined, rest, kinds, nowhere = _combined(evaluation, names)
    return Overlaps(tuple(found), tuple(combined), rest, kinds, nowhere)


def _smaller(evaluation: Evaluation, one: str, other: str) -> int:
    return min(evaluation.sizes[one], evaluation.sizes[other])


def _combined(evaluation: Evaluation, names: Sequence[str]) -> tuple[list[Combination], int, int, int]:
    if not names:
        return [], 0, 0, evaluation.contacts
    words = [names[start : start + WORD] for start in range(0, len(names), WORD)]
    table = evaluation.table.select([f"in:{name}" for name in names])
    with scratch() as connection:
        connection.register("people", table)
        bits = ", ".join(f"{_bits(word)} as w{number}" for number, word in enumerate(words))
        connection.execute(f"create temp table mix as select {bits}, count(*) as contacts from people group by all")
        order = ", ".join(f"w{number}" for number in range(len(words)))
        rows = connection.execute(f"select * from mix order by contacts desc, {order} limit {SHOWN + 1}").fetchall()
        kinds, total = connection.execute("select count(*), coalesce(sum(contacts), 0)::bigint from mix").fetchall()[0]
        none = " and ".join(f"w{number} = 0" for number in range(len(words)))
        nowhere = connection.execute(f"select coalesce(sum(contacts), 0)::bigint from mix where {none}").fetchall()[0][
            0
        ]
    found = [Combination(_named(words, row[:-1]), row[-1]) for row in rows]
    shown = [one for one in found if one.segments][:SHOWN]
    return (
        shown,
        total - nowhere - sum(one.contacts for one in shown),
        kinds - len(shown) - (nowhere > 0),
        nowhere,
    )


def _bits(names: Sequence[str]) -> str:
    columns = (f"(coalesce({identifier(f'in:{name}')}, false)::bigint << {bit})" for bit, name in enumerate(names))
    return " | ".join(columns)


def _named(words: Sequence[Sequence[str]], values: Sequence[int]) -> tuple[str, ...]:
    return tuple(
        name for word, value in zip(words, values, strict=True) for bit, name in enumerate(word) if value >> bit & 1
    )
