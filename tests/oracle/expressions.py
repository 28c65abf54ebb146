"""Expressions for `sql:` and what they mean: a small set, each said a second time in Python.

A meaning gets the person's values by name and answers True, False or None (unknown, which is false for a rule).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

Value = Callable[[str], Any]


def _known(meaning: Callable[..., bool], *names: str) -> Callable[[Value], bool | None]:
    """Unknown when one of the values is missing."""

    def asked(value: Value) -> bool | None:
        values = [value(name) for name in names]
        return None if any(one is None for one in values) else meaning(*values)

    return asked


def _not(meaning: Callable[[Value], bool | None]) -> Callable[[Value], bool | None]:
    def asked(value: Value) -> bool | None:
        found = meaning(value)
        return None if found is None else not found

    return asked


def _ratio(spent: Decimal, visits: int) -> bool | None:
    return None if visits == 0 else Fraction(spent) / visits > 1


def _either(value: Value) -> bool | None:
    """OR of three values: a missing city is enough, an unknown opt-in is unknown."""
    return True if value("city") is None else value("opted")


_MANY = _known(lambda visits: visits > 2, "visits")
EXPRESSIONS: Mapping[str, Callable[[Value], bool | None]] = {
    "visits > 2": _MANY,
    "not (visits > 2)": _not(_MANY),
    "visits is null": lambda value: value("visits") is None,
    "spent / nullif(visits, 0) > 1": _known(_ratio, "spent", "visits"),
    "city = 'Shoes'": _known(lambda city: city == "Shoes", "city"),
    "lower(nick) like 'a%'": _known(lambda nick: nick[:1] in ("a", "A"), "nick"),
    "length(nick) >= 2": _known(lambda nick: len(nick) >= 2, "nick"),
    "city is null or opted": _either,
    "coalesce(visits, 0) = 0": lambda value: not value("visits"),
    "born < date '2024-02-29'": _known(lambda born: born < date(2024, 2, 29), "born"),
    "extract(month from born) = 3": _known(lambda born: born.month == 3, "born"),
    "len(tags) = 0": _known(lambda tags: not tags, "tags"),
    "list_contains(tags, 'fish')": _known(lambda tags: "fish" in tags, "tags"),
    "pieces_sum >= 5 and spent < 1.5": lambda value: _both(value),
    "case when opted then visits > 0 else visits < 0 end": lambda value: _case(value),
}


def _case(value: Value) -> bool | None:
    """An unknown WHEN takes the ELSE."""
    visits = value("visits")
    return None if visits is None else visits > 0 if value("opted") else visits < 0


def _both(value: Value) -> bool | None:
    """AND of three values: one that is false decides."""
    parts = [
        None if value("pieces_sum") is None else value("pieces_sum") >= 5,
        None if value("spent") is None else value("spent") < Decimal("1.5"),
    ]
    return False if False in parts else None if None in parts else True
