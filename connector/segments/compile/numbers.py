"""Tests of numbers, exact: the rule's number is brought to the column's decimals, never the column to the rule's.

Owns: the meaning of the words for numbers.
Must not: compute with binary fractions.

A column of two decimals is at least 0.305 when it is at least 0.31; so every comparison is between values of one
type, which is exact and as fast as the engine can.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt

from connector.segments.compile.compiled import EXISTS, Compiled
from connector.segments.compile.literals import Reader, number, several

Comparison = Callable[[Any, Any, dt.DataType], Any]
INT64 = dt.int64
DECIMALS = 6  # of an average
_EXACT = Context(prec=100)


def scale(dtype: dt.DataType) -> int:
    return int(dtype.scale or 0) if dtype.is_decimal() else 0


def _limit(dtype: dt.DataType) -> Decimal:
    """Every value of the type is smaller than this and larger than its negative."""
    return Decimal(10) ** (int(dtype.precision or 38) - scale(dtype)) if dtype.is_decimal() else Decimal(2) ** 63


def _rounded(wanted: Decimal, dtype: dt.DataType, rounding: str) -> Decimal:
    """The nearest value of the type at that side, at most its limit."""
    limit = _limit(dtype)
    if abs(wanted) >= limit:
        return limit.copy_sign(wanted)
    return wanted.quantize(Decimal(1).scaleb(-scale(dtype)), rounding, _EXACT)


def _constant(wanted: Decimal, dtype: dt.DataType) -> Any:
    return ibis.literal(wanted if dtype.is_decimal() else int(wanted), type=dtype)


def _never(value: Any) -> Any:
    return value.isnull() & value.notnull()


def at_least(value: Any, wanted: Decimal, dtype: dt.DataType) -> Any:
    edge = _rounded(wanted, dtype, ROUND_CEILING)
    if edge >= _limit(dtype):
        return _never(value)
    return value >= _constant(edge, dtype) if edge > -_limit(dtype) else value.notnull()


def at_most(value: Any, wanted: Decimal, dtype: dt.DataType) -> Any:
    edge = _rounded(wanted, dtype, ROUND_FLOOR)
    if edge <= -_limit(dtype):
        return _never(value)
    return value <= _constant(edge, dtype) if edge < _limit(dtype) else value.notnull()


def more_than(value: Any, wanted: Decimal, dtype: dt.DataType) -> Any:
    edge = _rounded(wanted, dtype, ROUND_FLOOR)
    if edge >= _limit(dtype):
        return _never(value)
    return value > _constant(edge, dtype) if edge > -_limit(dtype) else value.notnull()


def less_than(value: Any, wanted: Decimal, dtype: dt.DataType) -> Any:
    edge = _rounded(wanted, dtype, ROUND_CEILING)
    if edge <= -_limit(dtype):
        return _never(value)
    return value < _constant(edge, dtype) if edge < _limit(dtype) else value.notnull()


def between(value: Any, wanted: tuple[Decimal, Decimal], dtype: dt.DataType) -> Any:
    return at_least(value, wanted[0], dtype) & at_most(value, wanted[1], dtype)


def is_in(value: Any, wanted: tuple[Decimal, ...], dtype: dt.DataType) -> Any:
    possible = [
        _constant(item, dtype)
        for item in wanted
        if abs(item) < _limit(dtype) and item == _rounded(item, dtype, ROUND_FLOOR)
    ]
    return value.isin(possible) if possible else _never(value)


def equals(value: Any, wanted: Decimal, dtype: dt.DataType) -> Any:
    return is_in(value, (wanted,), dtype)


@dataclass(frozen=True, slots=True)
class Compared(Compiled):
    """`check` compares any number, also one that is no column (the size of a list)."""

    check: Comparison


def _form(check: Comparison, read: Reader = number) -> Compared:
    return Compared(read, lambda frame, column, value, exact: check(column.value, value, column.dtype), check)


FORMS: dict[str, Compared] = {
    "is": _form(equals),
    "in": _form(is_in, several(number)),
    "exists": _form(lambda value, wanted, dtype: value.notnull(), EXISTS.read),
    "at_least": _form(at_least),
    "at_most": _form(at_most),
    "more_than": _form(more_than),
    "less_than": _form(less_than),
    "between": _form(between, several(number)),
}
