"""The top and bottom of a column, over all contacts that have a value, before any other condition.

Owns: Rank. Must not: see other conditions.

Ties go by address, so exactly as many come out as asked for; a percentage rounds up. Who has no value, or none
in the column of `by`, is in no rank.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import ibis
import ibis.expr.datatypes as dt

from connector.config.language.rules import Rank
from connector.config.language.words import FAMILY
from connector.segments.compile.frame import Column, Frame


def build(frame: Frame, column: Column, by: Column | None, node: Rank) -> Any:
    """The rank as a boolean expression."""
    if column.empty or (by is not None and by.empty):
        return frame.test("never", ibis.literal(False))
    key = (column.field, node.side, None if by is None else by.field)
    has = column.value.notnull() if by is None else column.value.notnull() & by.value.notnull()
    order = column.value.desc() if node.side == "top" else column.value.asc()
    groups = [has] if by is None else [has, _group(frame, by)]
    place = _once(frame, ("place", *key), ibis.row_number().over(group_by=groups, order_by=[order, frame.person]))
    if node.count is not None:
        return frame.test(("rank", *key, node.count), has & (place < node.count))
    assert node.percent is not None
    size = _once(frame, ("size", *key[::2]), column.value.count().over(group_by=groups))
    share = Fraction(node.percent) / 100
    return frame.test(("rank", *key, share), has & (place * share.denominator < size * share.numerator))


def _group(frame: Frame, by: Column) -> Any:
    return frame.form(by, "fold") if FAMILY[by.type] == "text" else by.value


def _once(frame: Frame, name: tuple[Any, ...], value: Any) -> Any:
    column = frame.columns.get(name)
    return (column or frame.derive(name, "integer", dt.int64, value)).value
