"""Typical values of each segment beside those of everybody else: country, spend, days since the last order, days known.

Owns: Profile and its numbers. Must not: say whether a difference matters (measure does), or show a single person's row.

Each measure is sorted once. The quartiles of fifty segments and of everybody else are then found by position, without
a second copy of the values.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.sql import identifier, scratch
from connector.segments.evaluate import Evaluation

DAY = 86_400
COUNTRIES = 3
TIMES = ("last", "tenure")  # told as days before `as_of`
NUMBERS = ("spend", "orders")


@dataclass(frozen=True, slots=True)
class Typical:
    """The quartiles of those who have a value; None when nobody has."""

    known: int
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Place:
    """A country with the share of a segment's members who live there, and of everybody else."""

    country: str
    members: int
    share: float
    others: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Role -> (members, everybody else); the commonest countries of the members."""

    segment: str
    values: Mapping[str, tuple[Typical, Typical]]
    countries: tuple[Place, ...] = field(default=())


def profiles(
    evaluation: Evaluation, names: Sequence[str], columns: Mapping[str, str], as_of: datetime
) -> tuple[Profile, ...]:
    """`columns`: role -> column of Evaluation.table. A column whose type does not fit its role is passed over."""
    inside = {name: pc.fill_null(evaluation.table[f"in:{name}"].combine_chunks(), False) for name in names}
    values: dict[str, dict[str, tuple[Typical, Typical]]] = {name: {} for name in names}
    for role, column in columns.items():
        numbers = measured(evaluation.table[column], role, as_of)
        if numbers is not None:
            for name, found in _quartiles(numbers, inside).items():
                values[name][role] = found
    places = _countries(evaluation, names, columns.get("country"))
    return tuple(Profile(name, values[name], places.get(name, ())) for name in names)


def measured(column: pa.ChunkedArray, role: str, as_of: datetime) -> pa.Array | None:
    """The values as numbers, times as days before `as_of`; None for a type that does not fit."""
    kind = column.type
    if role in TIMES and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        moment = column.cast(pa.timestamp("us", tz=getattr(kind, "tz", None)))
        seconds = pc.divide(moment.cast(pa.int64()), 1_000_000)
        days = pc.divide(pc.subtract(int(as_of.astimezone(UTC).timestamp()), seconds), DAY)
        return days.cast(pa.float64()).combine_chunks()
    fits = pa.types.is_decimal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return column.cast(pa.float64()).combine_chunks() if role in NUMBERS and fits else None


def _quartiles(numbers: pa.Array, inside: Mapping[str, pa.Array]) -> dict[str, tuple[Typical, Typical]]:
    order = pc.sort_indices(numbers).slice(0, len(numbers) - numbers.null_count)
    ordered = numbers.take(order)
    found = {}
    for name, members in inside.items():
        positions = pc.indices_nonzero(members.take(order))
        found[name] = (
            _typical(ordered, len(positions), partial(_among, positions)),
            _typical(ordered, len(ordered) - len(positions), partial(_beside, positions)),
        )
    return found


def _among(positions: pa.Array, place: int) -> int:
    """Where the one at `place` of those at `positions` stands."""
    return int(positions[place].as_py())


def _beside(positions: pa.Array, place: int) -> int:
    """Where the one at `place` of those who are not at `positions` stands: behind all of these that have no more of the
    others before them."""
    return place + bisect_right(range(len(positions)), place, key=lambda each: positions[each].as_py() - each)


def _typical(ordered: pa.Array, known: int, position: Callable[[int], int]) -> Typical:
    """`position`: where in `ordered` the first, second … of those who are `known` stands."""
    if not known:
        return Typical(0, None, None, None)
    low, median, high = (_at(ordered, known, position, share) for share in (0.25, 0.5, 0.75))
    return Typical(known, low, median, high)


def _at(ordered: pa.Array, known: int, position: Callable[[int], int], share: float) -> float:
    """The quantile, between two neighbours where it falls between them."""
    place = (known - 1) * share
    before = int(place)
    after = min(before + 1, known - 1)
    one, other = (float(ordered[position(each)].as_py()) for each in (before, after))
    return round(one + (other - one) * (place - before), 2)


def _countries(evaluation: Evaluation, names: Sequence[str], column: str | None) -> dict[str, tuple[Place, ...]]:
    if column is None or not names or not pa.types.is_string(evaluation.table[column].type):
        return {}
    counts = ", ".join(f"count(*) filter ({identifier(f'in:{name}')}) as {identifier(name)}" for name in names)
    with scratch() as connection:
        connection.register("people", evaluation.table.select([column, *(f"in:{name}" for name in names)]))
        query = f"select {identifier(column)} as country, count(*) as people, {counts} from people"
        rows = connection.sql(f"{query} where {identifier(column)} is not null group by 1 order by 1").to_arrow_table()
    listed: list[dict[str, Any]] = rows.to_pylist()
    return {name: _places(listed, name) for name in names}


def _places(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[Place, ...]:
    members = sum(row[name] for row in rows)
    others = sum(row["people"] for row in rows) - members
    most = sorted((row for row in rows if row[name]), key=lambda row: (-row[name], row["country"]))[:COUNTRIES]
    return tuple(
        Place(
            row["country"],
            row[name],
            round(row[name] / members, 4),
            round((row["people"] - row[name]) / others, 4) if others else 0.0,
        )
        for row in most
    )
