"""Traits and measures of events -> columns of the contacts' frame.

Owns: which measures a file asks for, and greatest and least. Must not: group events (related.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import ibis
import ibis.expr.datatypes as dt

from connector.config.language.rules import Aggregate, Events, Pick, Predict, Rfm
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.segments.compile import rfm, zones
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.literals import WrongType
from connector.segments.compile.measures import Ask, ask
from connector.segments.compile.numbers import scale
from connector.segments.compile.related import Related
from connector.segments.compile.windows import Clock
from connector.segments.names import CONTACTS, RFM_PARTS, Names, nodes, roots
from connector.sources.model import Loaded

Made = Callable[[Frame, str], None]


def untouched(frame: Frame, name: str) -> None:
    """Leaves a trait as it was made."""


def add(frame: Frame, config: Config, names: Names, loaded: Loaded, clock: Clock, made: Made = untouched) -> None:
    """Give the contacts' frame a column for every trait, and one per Ask for the tests over events.

    `made` is told each computed column's name, before other traits are made of it."""
    asks: dict[str, dict[Ask, None]] = {}
    for found in _asks(config):
        asks.setdefault(found.source, {})[found] = None
    for source, wanted in asks.items():
        Related(source, names, loaded, clock).join(frame, list(wanted))
    for name, trait in config.traits.items():
        if isinstance(trait, Aggregate):
            frame.columns[name] = frame.columns[ask(trait)]
            made(frame, name)
        elif isinstance(trait, Rfm):
            rfm.add(frame, name, trait)
            for part in RFM_PARTS:
                made(frame, f"{name}.{part}")
    if predicted := [name for name, trait in config.traits.items() if isinstance(trait, Predict)]:
        from connector.segments.predict import scores

        scores.add(frame, config, names, loaded, clock)
        for name in predicted:
            made(frame, name)
    for name, pick in picks(config):
        _pick(frame, names, clock, name, pick)
        made(frame, name)


def _asks(config: Config) -> Iterator[Ask]:
    for root in roots(config):
        for node, source in nodes(root):
            if isinstance(node, Aggregate | Events) and (source == CONTACTS):
                yield ask(node)
            elif isinstance(node, Rfm):
                yield from rfm.asks(node)


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
