"""Traits and measures of events -> columns of the contacts' frame: one aggregate per related source.

Owns: the group by, and greatest and least. Must not: read a source twice: every trait and every test over a
source's events is a column of the same aggregate.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import ibis
import ibis.expr.datatypes as dt
from ibis import _

from connector.config.models import ColumnType, Config
from connector.config.rules import Aggregate, Events, Pick
from connector.segments import dates, zones
from connector.segments.compile import Compiler
from connector.segments.frame import Column, Frame
from connector.segments.literals import WrongType
from connector.segments.measures import MEASURES, TIME, Ask, ask, result_type
from connector.segments.names import CONTACTS, Names, nodes, roots
from connector.segments.numbers import scale
from connector.segments.windows import Clock
from connector.sources.model import Loaded

PERSON = "_email"


def add(frame: Frame, config: Config, names: Names, loaded: Loaded, clock: Clock) -> None:
    """Give the contacts' frame a column for every trait, and one per Ask for the tests over events."""
    asks: dict[str, dict[Ask, None]] = {}
    for found in _asks(config):
        asks.setdefault(found.source, {})[found] = None
    for source, wanted in asks.items():
        _Related(source, names, loaded, clock).join(frame, list(wanted))
    for name, trait in config.traits.items():
        if isinstance(trait, Aggregate):
            frame.columns[name] = frame.columns[ask(trait)]
    for name, pick in picks(config):
        _pick(frame, names, clock, name, pick)


def _asks(config: Config) -> Iterator[Ask]:
    for root in roots(config):
        for node, source in nodes(root):
            if isinstance(node, Aggregate | Events) and (source == CONTACTS):
                yield ask(node)


class _Related:
    """One related source: its events, and what is asked of them."""

    def __init__(self, source: str, names: Names, loaded: Loaded, clock: Clock) -> None:
        types: dict[str, ColumnType] = {**loaded.types[source], TIME: "timestamp"}
        self.frame = Frame(
            loaded.connection, loaded.related[source], types, PERSON, loaded.empty.get(source, frozenset())
        )
        self.compiler = Compiler(self.frame, names, source, clock)

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
    return column.value.cast("int64") if column.empty and found.measure in ("sum", "average") else column.value


def _result(found: Ask, column: Column, field: str) -> tuple[Column, Any]:
    measure = MEASURES[found.measure]
    empty = column.empty and measure.empty is None
    dtype = measure.dtype(dt.int64 if column.empty and not empty else column.dtype)
    value = _[field] if empty else _[field].cast(dtype)
    made = Column(
        field, result_type(found.measure, None if column.empty else column.type) or "text", dtype, empty=empty
    )
    return made, value if measure.empty is None else value.fill_null(measure.empty)


def picks(config: Config) -> Iterator[tuple[str, Pick]]:
    """greatest and least, each after the traits it is made of."""
    waiting = {name: trait for name, trait in config.traits.items() if isinstance(trait, Pick)}
    while waiting:
        ready = [name for name, pick in waiting.items() if not waiting.keys() & set(pick.columns)]
        assert ready, "config refuses cycles"
        for name in ready:
            yield name, waiting.pop(name)


def picked_type(types: Collection[ColumnType | None]) -> ColumnType | None:
    """The type of the greatest of columns of these types; None are columns without any value.

    Raises WrongType when they cannot be compared."""
    found = {type_ for type_ in types if type_ is not None}
    for family in ("integer", "number"), ("date", "timestamp"):
        if found and found <= set(family):
            return family[0] if found == {family[0]} else family[1]
    if found:
        raise WrongType(f"It takes numbers only or dates only; these columns are {', '.join(sorted(found))}.")
    return None


def _pick(frame: Frame, names: Names, clock: Clock, name: str, pick: Pick) -> None:
    columns = [frame.columns[names.contact(written) or written] for written in pick.columns]
    filled = [column for column in columns if not column.empty]
    type_ = picked_type([column.type for column in filled])
    if type_ is None:
        frame.columns[name] = columns[0]
        return
    dtype = _picked_dtype(type_, filled)
    frame.derive(name, type_, dtype, _extreme(pick, [_as(frame, column, type_, dtype, clock) for column in filled]))


def _picked_dtype(type_: ColumnType, columns: list[Column]) -> dt.DataType:
    if type_ in ("integer", "number"):
        return dt.Decimal(38, max(scale(column.dtype) for column in columns))
    return dt.date if type_ == "date" else dt.Timestamp(scale=6)


def _as(frame: Frame, column: Column, type_: ColumnType, dtype: dt.DataType, clock: Clock) -> Any:
    """Days among times stand for the moment they begin."""
    if type_ == "timestamp" and column.type == "date":
        return zones.start_of_day(column.value, clock.zone, frame.extent(column))
    return column.value.cast(dtype) if column.dtype != dtype else column.value


def _extreme(pick: Pick, values: list[Any]) -> Any:
    """Missing ones are skipped on every engine: each value stands in for the missing ones beside it."""
    choose = ibis.greatest if pick.side == "greatest" else ibis.least
    if len(values) == 1:
        return values[0]
    filled = [ibis.coalesce(value, *(other for other in values if other is not value)) for value in values]
    return choose(*filled)
