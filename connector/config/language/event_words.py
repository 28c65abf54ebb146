"""The table of what is asked of a person's events: one row per word.

Owns: their JSON Schema, help, examples, and what stands with each of them.
Must not: read a condition (event_rules.py does), know what a word means in an engine (segments/compile/measures.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from connector.config.language.schema_shapes import TEXT, WHOLE, WINDOW, Shape, ref


@dataclass(frozen=True, slots=True)
class EventWord:
    """`column`: it takes one, and number tests are beside it. `window`: it holds one itself, so `within` may not
    be beside it."""

    shape: Shape
    help: str
    example: str
    column: bool = False
    window: bool = False


def _of(column: str, example: str) -> EventWord:
    return EventWord(TEXT, f"The {column} of this column; number tests go beside it.", example, column=True)


_COUNT: Shape = {"anyOf": [WHOLE, ref("numberTests")]}

EVENTS: dict[str, EventWord] = {
    "exists": EventWord(
        {"type": "boolean"}, "true: at least one event; false: none.", "orders: {exists: true, within: 1 year}"
    ),
    "never": EventWord({"const": True}, "No such event.", "orders: {never: true, within: 1 year}"),
    "count": EventWord(_COUNT, "How many events.", "orders: {count: {at_least: 3}, within: 180 days}"),
    "first_within": EventWord(
        WINDOW, "The first event is at most so long ago.", "orders: {first_within: 30 days}", window=True
    ),
    "last_within": EventWord(
        WINDOW, "The last event is at most so long ago.", "orders: {last_within: 90 days}", window=True
    ),
    "sum": _of("sum", "orders: {sum: amount, at_least: 500}"),
    "average": _of("average", "orders: {average: amount, less_than: 20}"),
    "min": _of("least", "orders: {min: amount, more_than: 0}"),
    "max": _of("greatest", "orders: {max: amount, at_least: 100}"),
    "count_distinct": EventWord(
        TEXT,
        "How many different values of this column, also on the lines of one event; number tests go beside it.",
        "orders: {count_distinct: sku, at_least: 3}",
        column=True,
    ),
}
BESIDE = ("within", "during", "where")
