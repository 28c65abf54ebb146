"""The events of one related source -> one row per person, with everything that is asked of them.

Owns: the group by, and the compiler of conditions over events. Must not: read a source twice: every trait and every
test over its events is a column of the same aggregate.
"""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
from ibis import _

from connector.core.model import ColumnType
from connector.segments.compile import dates
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import MEASURES, TIME, Ask, result_type
from connector.segments.compile.rules import Compiler
from connector.segments.compile.windows import Clock
from connector.segments.names import Names
from connector.sources.model import Loaded

PERSON = "_email"


def compiler(source: str, names: Names, loaded: Loaded, clock: Clock) -> Compiler:
    """For conditions over the source's own columns."""
    types: dict[str, ColumnType] = {**loaded.types[source], TIME: "timestamp"}
    empty = loaded.empty.get(source, frozenset())
    frame = Frame(loaded.connection, loaded.related[source], types, PERSON, clock.zone, empty)
    return Compiler(frame, names, source, clock)


class Related:
    """One related source: its events, and what is asked of them."""

    def __init__(self, source: str, names: Names, loaded: Loaded, clock: Clock) -> None:
        self.compiler = compiler(source, names, loaded, clock)
        self.frame = self.compiler.frame

    def join(self, contacts: Frame, wanted: list[Ask]) -> None:
        columns = [self._column(found) for found in wanted]
        totals = {
            f"t{number}": MEASURES[found.measure].compute(_value(found, column), self._condition(found))
            for number, (found, column) in enumerate(zip(wanted, columns, strict=True))
        }
        kept = {column.field: column.value for column in (*columns, self.frame.columns[PERSON])}
        table = self.frame.build(kept).group_by(_key=_[self.frame.columns[PERSON].field]).aggregate(**totals)
        contacts.join(
            table,
            {
                found: _result(found, column, f"t{number}")
                for number, (found, column) in enumerate(zip(wanted, columns, strict=True))
            },
        )

    def _column(self, found: Ask) -> Column:
        if found.column in (None, TIME):
            return self.frame.columns[found.column or PERSON]
        return self.compiler.column(str(found.column))

    def _condition(self, found: Ask) -> Any:
        where = None if found.where is None else self.compiler.rule(found.where)
        if found.within is None:
            return where
        span = self.compiler.clock.instants("within", found.within)
        window = self.frame.test((TIME, span), dates.inside(self.frame.columns[TIME].value, span))
        return window if where is None else window & where


def _value(found: Ask, column: Column) -> Any:
    """The column, or missing values of a type that the measure takes."""
    if column.empty and found.measure in ("sum", "average"):
        return column.value.cast("string").cast("int64")  # by way of text, which every type can become
    return column.value


def _result(found: Ask, column: Column, field: str) -> tuple[Column, Any]:
    measure = MEASURES[found.measure]
    empty = column.empty and measure.empty is None
    dtype = measure.dtype(dt.int64 if column.empty and not empty else column.dtype)
    value = _[field] if empty else _[field].cast(dtype)
    type_ = result_type(found.measure, None if column.empty else column.type) or "text"
    made = Column(field, type_, dtype, extent=column.extent, empty=empty)
    return made, value if measure.empty is None else value.fill_null(measure.empty)
