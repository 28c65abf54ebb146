"""What a rule's value is, given the type of the column it is compared with.

Owns: the readers that make it. Must not: know words of the language, tables or an engine.

Values come typed as the column: text as str, numbers as Decimal, days as date, times as naive UTC datetimes inside
a Span, yes/no as bool. A value that cannot be one raises WrongType with what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from connector.config.language import values
from connector.config.language.rules import Duration, Period, Scalar
from connector.config.language.values import kind, parse_moment, shown
from connector.core.model import ColumnType
from connector.segments.compile.windows import Clock, Span, one_day
from connector.sources.columns import normalise

Reader = Callable[[Any, ColumnType, Clock], Any]


class WrongType(ValueError):
    """A test or value that does not fit the column's type; the text says what does."""


def text(value: Scalar, type_: ColumnType, clock: Clock) -> str:
    if isinstance(value, bool):
        said = f"The column is {article(type_)}, and {str(value).lower()} is no text"
        raise WrongType(
            f"{said}: compare with a word of the column, or declare `type: boolean` for it under `columns`."
        )
    return value if isinstance(value, str) else format(value, "f") if isinstance(value, Decimal) else str(value)


def number(value: Scalar, type_: ColumnType, clock: Clock) -> Decimal:
    """A number in quotes is one, too: whether a column is text or number is the export's choice."""
    if not isinstance(value, bool):
        try:
            found = Decimal(value.strip() if isinstance(value, str) else value)
            if found.is_finite():
                return found
        except InvalidOperation:
            pass
    raise WrongType(f"The column holds numbers, and {_said(value)} is none.")


def boolean(value: Scalar, type_: ColumnType, clock: Clock) -> bool:
    found = value if isinstance(value, bool) else normalise.boolean(str(value))
    if found is None:
        raise WrongType(f"The column holds yes/no: write true or false, not {_said(value)}.")
    return found


def whole_text(value: Scalar, type_: ColumnType, clock: Clock) -> str:
    """A text that a cell is compared with as a whole: in the one spelling that countries and phones have."""
    written = text(value, type_, clock)
    if type_ == "country":
        return normalise.country(written) or written
    return normalise.phone(written) or written if type_ == "phone" else written


def moment(value: Scalar, type_: ColumnType, clock: Clock) -> Span[Any]:
    """A written day or time as a span: of days on a date column, of instants on one with time."""
    if not isinstance(value, str):
        raise WrongType(f"The column holds dates: write 2026-01-31, not {_said(value)}.")
    try:
        found = parse_moment(value.strip())
    except ValueError as error:
        raise WrongType(str(error)) from None
    if isinstance(found, datetime):
        if type_ == "date":
            raise WrongType("The column holds days without time: write a date without time of day.")
        return clock.tick(found)
    return clock.day(found) if type_ == "timestamp" else one_day(found)


def day_of_year(value: Scalar, type_: ColumnType, clock: Clock) -> str:
    found = values.day_of_year(value) if isinstance(value, str) else None
    if found is None:
        raise WrongType(f"The column holds days without a year: write 11-23, not {_said(value)}.")
    return f"{found[0]:02}/{found[1]:02}"


def before(value: Scalar, type_: ColumnType, clock: Clock) -> Span[Any]:
    return Span(None, moment(value, type_, clock).low)


def after(value: Scalar, type_: ColumnType, clock: Clock) -> Span[Any]:
    return Span(moment(value, type_, clock).high, None)


def between_moments(value: tuple[Scalar, Scalar], type_: ColumnType, clock: Clock) -> Span[Any]:
    return Span(moment(value[0], type_, clock).low, moment(value[1], type_, clock).high)


def window(name: Literal["within", "more_than_ago", "within_next"]) -> Reader:
    def read_window(value: Duration, type_: ColumnType, clock: Clock) -> Span[Any]:
        if type_ == "timestamp":
            return clock.instants(name, value)
        if value.unit == "hour":
            raise WrongType("The column holds days without time, so hours cannot be counted: write days.")
        return clock.days(name, value)

    return read_window


def during(value: Period, type_: ColumnType, clock: Clock) -> Span[Any]:
    return clock.period_instants(value) if type_ == "timestamp" else clock.period_days(value)


def anniversaries(value: Duration, type_: ColumnType, clock: Clock) -> Span[date]:
    if value.unit == "hour":
        raise WrongType("An anniversary is a day, so hours cannot be counted: write days.")
    return clock.days("within_next", value)


def several(reader: Reader) -> Reader:
    def read_several(value: tuple[Any, ...], type_: ColumnType, clock: Clock) -> tuple[Any, ...]:
        return tuple(reader(item, type_, clock) for item in value)

    return read_several


def position(names: tuple[str, ...], first: int) -> Reader:
    """The numbers of months (January is 1) or weekdays (Monday is 0)."""

    def read_position(value: tuple[str, ...], type_: ColumnType, clock: Clock) -> tuple[int, ...]:
        return tuple(names.index(name) + first for name in value)

    return read_position


def as_written(value: Any, type_: ColumnType, clock: Clock) -> Any:
    return value


def article(type_: ColumnType) -> str:
    return f"{'an' if type_ == 'integer' else 'a'} {type_} column"


def _said(value: object) -> str:
    return shown(value) if isinstance(value, str | int | Decimal) else kind(value)
