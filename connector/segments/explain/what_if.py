"""What if: values to suppose for one person, `last_order_at=2026-10-01`.

Owns: reading them by the column's type, and putting them in the place of the real ones before rules look.
Must not: change what a rule means, or touch anybody else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.datatypes as dt

from connector.config.language import values
from connector.config.language.rules import Compare
from connector.config.sections.models import Config
from connector.core.errors import ConfigError
from connector.core.model import ColumnType
from connector.core.problem import Place, Problem, did_you_mean
from connector.segments.checks import types_of
from connector.segments.compile.frame import Frame
from connector.segments.compile.literals import WrongType, boolean, day_of_year, number, whole_text
from connector.segments.compile.numbers import scale
from connector.segments.compile.traits import Made, untouched
from connector.segments.compile.windows import Clock
from connector.segments.names import CONTACTS, EMAIL, Names
from connector.sources.model import Loaded

PLACE = Place("--set")


@dataclass(frozen=True, slots=True)
class Assumption:
    """One supposed value. `name` is the column's or trait's own name; `value` None is missing."""

    name: str
    trait: bool
    type: ColumnType
    value: Any


def column_of(names: Names, written: str) -> str:
    """The export's column or the trait that `--set NAME=…` means.

    Raises ConfigError when there is none, or its value is not for the export to say."""
    name = names.contact(written.strip())
    if name is None:
        hint = did_you_mean(written, [known for known in names.known(CONTACTS) if known != EMAIL])
        _fail("unknown-column", f"“{written}” is no column of contacts and no trait.{hint}")
    if name == EMAIL:
        _fail("not-settable", "The address says who is asked about: sync why OTHER.")
    if name in names.platforms.values():
        _fail("not-settable", f"“{name}” is what a platform says; suppose columns of the export and traits.")
    return name


def read(config: Config, loaded: Loaded, as_of: datetime, assignments: Sequence[tuple[str, str]]) -> list[Assumption]:
    """(name, written value) pairs as typed values; an empty value is a missing one. Raises ConfigError."""
    names = Names.of(config, loaded)
    clock = Clock.at(as_of, config.zone)
    given = []
    for written, text in assignments:
        name = column_of(names, written)
        type_ = _type(config, loaded, as_of, names, name) or _guessed(text)
        given.append(Assumption(name, name in names.traits, type_, _read(name, type_, text.strip(), clock)))
    return given


def value(name: str, type_: ColumnType, text: str, as_of: datetime, zone: ZoneInfo) -> Any:
    """A written value of a column whose type is known. Raises ConfigError."""
    return _read(name, type_, text.strip(), Clock.at(as_of, zone))


def instead(loaded: Loaded, email: str, given: Sequence[Assumption]) -> tuple[Loaded, Made]:
    """The tables with the supposed values of columns, and what puts in those of traits."""
    columns = [item for item in given if not item.trait]
    traits = {item.name: item for item in given if item.trait}
    if columns:
        loaded = _with_columns(loaded, email, columns)

    def made(frame: Frame, name: str) -> None:
        if name in traits:
            _with_trait(frame, email, traits[name])

    return loaded, made if traits else untouched


def _with_columns(loaded: Loaded, email: str, given: Sequence[Assumption]) -> Loaded:
    table = loaded.contacts
    changed: dict[str, Any] = {}
    types = dict(loaded.types[CONTACTS])
    for item in given:
        empty = item.name in loaded.empty.get(CONTACTS, ())
        value, dtype = _literal(item, None if empty else table[item.name].type())
        others = ibis.null(dtype) if empty else table[item.name].cast(dtype)
        changed[item.name] = ibis.ifelse(table["email"] == email, value, others)
        types[item.name] = item.type
    filled = {item.name for item in given if item.value is not None}
    empties = {**loaded.empty, CONTACTS: frozenset(loaded.empty.get(CONTACTS, frozenset()) - filled)}
    return replace(loaded, contacts=table.mutate(**changed), types={**loaded.types, CONTACTS: types}, empty=empties)


def _with_trait(frame: Frame, email: str, item: Assumption) -> None:
    column = frame.columns[item.name]
    if column.empty and item.value is None:
        return
    value, dtype = _literal(item, None if column.empty else column.dtype)
    others = ibis.null(dtype) if column.empty else column.value.cast(dtype)
    frame.derive(item.name, item.type, dtype, ibis.ifelse(frame.person == email, value, others))


def _literal(item: Assumption, held: dt.DataType | None) -> tuple[Any, dt.DataType]:
    """The value as an expression, and a type that holds it beside the column's own values."""
    dtype = _PHYSICAL[item.type]
    if isinstance(dtype, dt.Decimal):
        written = -int(item.value.as_tuple().exponent) if item.value is not None else 0
        dtype = dt.Decimal(38, max(written, 0 if held is None else scale(held)))
    elif held is not None and item.type != "integer":
        dtype = held
    return (ibis.null(dtype) if item.value is None else ibis.literal(item.value, type=dtype)), dtype


_PHYSICAL: Mapping[ColumnType, dt.DataType] = {
    "text": dt.string,
    "country": dt.string,
    "phone": dt.string,
    "day": dt.string,
    "integer": dt.int64,
    "number": dt.Decimal(38, 2),
    "date": dt.date,
    "timestamp": dt.Timestamp(scale=6),
    "boolean": dt.boolean,
    "list": dt.Array(dt.string),
    "place": dt.Struct({"latitude": dt.float64, "longitude": dt.float64}),
}


def _type(config: Config, loaded: Loaded, as_of: datetime, names: Names, name: str) -> ColumnType | None:
    """The column's or trait's type; None when nobody has a value and nothing declares one."""
    info = loaded.catalog[CONTACTS].columns.get(name) if CONTACTS in loaded.catalog else None
    declared = info.type if info is not None and name not in names.traits else None
    return declared or types_of(config, loaded, as_of)(Compare(name, "exists", True, False, ()), CONTACTS)


def _guessed(text: str) -> ColumnType:
    """The type that the value itself looks like."""
    for type_, pattern in (
        ("date", r"\d{4}-\d{2}-\d{2}"),
        ("timestamp", r"\d{4}-\d{2}-\d{2}[T ]\d.*"),
        ("number", r"-?\d+(\.\d+)?"),
        ("boolean", r"(?i:true|false|yes|no)"),
    ):
        if re.fullmatch(pattern, text.strip()):
            return type_  # type: ignore[return-value]
    return "text"


def _read(name: str, type_: ColumnType, text: str, clock: Clock) -> Any:
    if not text:
        return None
    try:
        return _READ[type_](text, type_, clock)
    except (WrongType, ValueError) as error:
        _fail("bad-value", f"{name}: {error}")


def _integer(text: str, type_: ColumnType, clock: Clock) -> int:
    found: Decimal = number(text, type_, clock)
    if found != found.to_integral_value():
        raise WrongType("The column holds whole numbers.")
    return int(found)


def _date(text: str, type_: ColumnType, clock: Clock) -> date:
    found = values.parse_moment(values.moment(text))
    if isinstance(found, datetime):
        raise WrongType("The column holds days without time: write a date without time of day.")
    return found


def _timestamp(text: str, type_: ColumnType, clock: Clock) -> datetime:
    """An instant; a date is the beginning of that day."""
    found = values.parse_moment(values.moment(text))
    instant = clock.instant(found) if isinstance(found, datetime) else clock.start(found)
    if instant is None:
        raise WrongType("The date is outside the calendar.")
    return instant


def _list(text: str, type_: ColumnType, clock: Clock) -> list[str]:
    sign = next((sign for sign in (";", "|") if sign in text), ",")
    return [item.strip() for item in text.split(sign) if item.strip()]


def _place(text: str, type_: ColumnType, clock: Clock) -> dict[str, float]:
    latitude, longitude = values.point(text)
    return {"latitude": latitude, "longitude": longitude}


_READ: Mapping[ColumnType, Callable[[str, ColumnType, Clock], Any]] = {
    "text": whole_text,
    "country": whole_text,
    "phone": whole_text,
    "day": day_of_year,
    "integer": _integer,
    "number": number,
    "date": _date,
    "timestamp": _timestamp,
    "boolean": boolean,
    "list": _list,
    "place": _place,
}


def _fail(code: str, message: str) -> NoReturn:
    raise ConfigError([Problem(PLACE, code, message)])
