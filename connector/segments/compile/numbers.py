"""Tests of numbers, exact: the rule's number is brought to the column's decimals, never the column to the rule's.

Owns: the meaning of is, in, at_least, at_most, more_than, less_than and between on numbers.
Must not: compute with binary fractions.

A column of two decimals is at least 0.305 when it is at least 0.31; so every comparison is between values of one
type, which is exact and as fast as the engine can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

import ibis
import ibis.expr.datatypes as dt

from connector.config.language.rules import TestName
from connector.segments.compile.frame import Column, Frame

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


COMPARISONS: Mapping[TestName, Comparison] = {
    "is": equals,
    "in": is_in,
    "at_least": at_least,
    "at_most": at_most,
    "more_than": more_than,
    "less_than": less_than,
    "between": between,
}


def build(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """The test as a boolean expression, unknown where the number is missing."""
    return COMPARISONS[test](column.value, value, column.dtype)
