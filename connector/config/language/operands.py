"""The operand of a test: how it is read, its JSON Schema, its name in the reference.

Owns: Operand, and the operands that words share. Must not: know the words, or columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.config.language import schema_shapes as shapes
from connector.config.language import values
from connector.config.language.durations import calendar, duration
from connector.config.language.periods import PERIODS, period
from connector.config.language.regex import pattern
from connector.config.language.rules import Scalar
from connector.config.sections.codes import BadValue, each


@dataclass(frozen=True, slots=True)
class Operand:
    """`parse` is None where columns.py reads it with what is in it or beside it. `several`: one value is short for
    a list of one. `whole`: a cell, or an element of a list, has such a value as a whole."""

    text: str
    shape: shapes.Shape
    parse: Callable[[Any], Any] | None = None
    several: bool = False
    whole: bool = False


def _scalars(value: Any) -> tuple[Scalar, ...]:
    if not isinstance(value, list):
        raise BadValue("wrong-type", "A list is needed here: [one, two].")
    if not value:
        raise BadValue("empty", "The list is empty, so nothing could ever match.")
    return each(values.scalar, value)


def _any_of(parse: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """One value or a list of them; always a tuple comes back."""

    def read(value: Any) -> tuple[Any, ...]:
        return each(parse, _scalars(value)) if isinstance(value, list) else (parse(value),)

    return read


def _one_item(value: Any) -> Scalar:
    if isinstance(value, list):
        raise BadValue("wrong-type", "has takes one value; for several write has_any or has_all.")
    return values.scalar(value)


def yes(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue("wrong-type", "exists takes true or false.")
    return value


_BETWEEN: shapes.Shape = {
    "type": "array", "items": {"anyOf": [shapes.NUMBER, shapes.MOMENT]}, "minItems": 2, "maxItems": 2
}  # fmt: skip
_PLACE: shapes.Shape = {"type": "string", "examples": ["52.52,13.40"]}
_NEAR = shapes.mapping({"of": _PLACE, "within": {"type": "string"}}, ["of", "within"])
_SIZE: shapes.Shape = {"anyOf": [shapes.WHOLE, shapes.ref("numberTests")]}
_RANK: shapes.Shape = {"anyOf": [{"type": "integer", "minimum": 1}, shapes.SHARE]}
_MONTHS = shapes.or_list(shapes.names(values.MONTHS))
_WEEKDAYS = shapes.or_list(shapes.names(values.WEEKDAYS))

VALUE = Operand("a value", shapes.SCALAR, values.scalar, whole=True)
VALUES = Operand("a list", shapes.items(shapes.SCALAR), _scalars, whole=True)
ITEM = Operand("a value", shapes.SCALAR, _one_item, whole=True)
YES = Operand("`true`, `false`", {"type": "boolean"}, yes)
TEXTS = Operand("a text, or a list", shapes.or_list(shapes.TEXT), _any_of(values.text), several=True)
PATTERN = Operand("a pattern", shapes.TEXT, pattern)
WHOLE = Operand("a whole number", shapes.WHOLE, values.whole)
NUMBER = Operand("a number", shapes.NUMBER, values.number)
PAIR = Operand("two in a list", _BETWEEN, values.pair)
WINDOW = Operand("a duration", shapes.WINDOW, duration)
PERIOD = Operand("`this`, `last`, `next` with a unit", shapes.phrases(PERIODS), period)
DAYS = Operand("a duration of days", shapes.WINDOW, calendar)
MOMENT = Operand("a date or time", shapes.MOMENT, values.moment)
DAY = Operand("a date or time, or a day without a year", shapes.MOMENT, values.moment_or_day)
MONTHS = Operand("a month, or a list", _MONTHS, _any_of(values.month), several=True)
WEEKDAYS = Operand("a weekday, or a list", _WEEKDAYS, _any_of(values.weekday), several=True)
SIZE = Operand("a number, or tests of one", _SIZE)
RANK = Operand("how many, or a share", _RANK)
NEAR = Operand("`of` and `within`", _NEAR)
COLUMN = Operand("a column", shapes.TEXT)
EXACT = Operand("`exact`", {"const": "exact"})
