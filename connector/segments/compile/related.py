"""The events of one related source -> one row per person, with everything that is asked of them.

An event may stand on several lines (EVENT says which): each measure takes one value of it.

Owns: the group by, and the compiler of conditions over events. Must not: read a source twice: every trait and every
test over its events is a column of the same aggregate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis.expr.datatypes as dt
from ibis import _

from connector.core.model import ColumnType
from connector.segments.compile import dates
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import LINES, MEASURES, TIME, Ask, result_type
from connector.segments.compile.rules import Compiler
from connector.segments.compile.windows import Clock
from connector.segments.names import Names
from connector.sources.model import EVENT, LINE, Loaded

PERSON = "_email"


def compiler(source: str, names: Names, loaded: Loaded, clock: Clock) -> Compiler:
    """For conditions over the source's own columns."""
    types: dict[str, ColumnType] = {**loaded.types[source], TIME: "timestamp", EVENT: "integer", LINE: "integer"}
    empty = loaded.empty.get(source, frozenset())
    frame = Frame(loaded.connection, loaded.related[source], types, PERSON, clock.zone, empty)
    return Compiler(frame, names, source, clock)


class Related:
    """One related source: its events, and what is asked of them."""

    def __init__(self, source: str, names: Names, loaded: Loaded, clock: Clock) -> None:
        self.compiler = compiler(source, names, loaded, clock)
        self.frame = self.compiler.frame

    def join(self, contacts: Frame, wanted: list[Ask]) -> None:
        """Per person over the events; over their lines what asks for values of lines. Without lines they are one."""
        if EVENT not in self.frame.columns:
            self._join(contacts, wanted, self._totals)
            return
        for asked, totals in (
            ([found for found in wanted if found.measure == LINES], self._totals),
            ([found for found in wanted if found.measure != LINES], self._totals_of_events),
        ):
            if asked:
                self._join(contacts, asked, totals)

    def _join(self, contacts: Frame, wanted: list[Ask], totals: Callable[[list[tuple[Ask, Any, Any]]], Any]) -> None:
        columns = [self._column(found) for found in wanted]
        values = [_value(self.frame, found, column) for found, column in zip(wanted, columns, strict=True)]
        conditions = [self._condition(found) for found in wanted]
        table = totals(list(zip(wanted, values, conditions, strict=True)))
        contacts.join(
            table,
            {
                found: _result(found, column, f"t{number}")
                for number, (found, column) in enumerate(zip(wanted, columns, strict=True))
            },
        )

    def _totals(self, wanted: list[tuple[Ask, Any, Any]]) -> Any:
        """One row per person."""
        table, person = self._rows(wanted)
        totals = {
            f"t{number}": MEASURES[found.measure].compute(_[f"v{number}"], where)
            for number, (found, _value, where) in enumerate(wanted)
        }
        return table.group_by(_key=person).aggregate(**totals)

    def _totals_of_events(self, wanted: list[tuple[Ask, Any, Any]]) -> Any:
        """One row per person; first one per event, with the first value of its lines that is not missing. An event
        counts where one of its lines fulfils the condition."""
        table, person = self._rows(wanted)
        lines: dict[str, Any] = {}
        for number, (_found, _value, where) in enumerate(wanted):
            value = _[f"v{number}"]
            given = value.notnull() if where is None else value.notnull() & where
            lines |= {f"n{number}": _.count(where=where), f"f{number}": value.argmin(_[LINE], where=given)}
        events = table.group_by(_key=person, _of=_[EVENT]).aggregate(**lines)
        totals = {
            f"t{number}": (_[f"n{number}"] > 0).sum()
            if found.measure == "count" and found.column is None
            else MEASURES[found.measure].compute(_[f"f{number}"], None)
            for number, (found, _value, _where) in enumerate(wanted)
        }
        return events.group_by(_key=_["_key"]).aggregate(**totals)

    def _rows(self, wanted: list[tuple[Ask, Any, Any]]) -> tuple[Any, Any]:
        """The rows of the source with the value of each measure, and the person they belong to."""
        kept = {f"v{number}": value for number, (_found, value, _where) in enumerate(wanted)}
        for name in (EVENT, LINE):
            if name in self.frame.columns:
                kept[name] = self.frame.columns[name].value
        return self.frame.build({**kept, "_who": self.frame.person}), _["_who"]

    def _column(self, found: Ask) -> Column:
        if found.column in (None, TIME):
            return self.frame.columns[found.column or PERSON]
        return self.compiler.column(str(found.column))

    def _condition(self, found: Ask) -> Any:
        where = None if found.where is None else self.compiler.rule(found.where)
        if found.within is None:
            return where
        span = self.compiler.clock.window(found.within)
        window = self.frame.test((TIME, span), dates.inside(self.frame.columns[TIME].value, span))
        return window if where is None else window & where


def _value(frame: Frame, found: Ask, column: Column) -> Any:
    """The column, or missing values of a type that the measure takes."""
    if column.empty and found.measure in ("sum", "average"):
        return column.value.cast("string").cast("int64")  # by way of text, which every type can become
    if found.measure == LINES and column.type == "text":
        return frame.form(column, "fold")
    return column.value


def _result(found: Ask, column: Column, field: str) -> tuple[Column, Any]:
    measure = MEASURES[found.measure]
    empty = column.empty and measure.empty is None
    dtype = measure.dtype(dt.int64 if column.empty and not empty else column.dtype)
    value = _[field] if empty else _[field].cast(dtype)
    type_ = result_type(found.measure, None if column.empty else column.type) or "text"
    made = Column(field, type_, dtype, extent=column.extent, empty=empty)
    return made, value if measure.empty is None else value.fill_null(measure.empty)
