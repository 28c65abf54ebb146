"""Tests of lists and of yes/no.

Owns: the meaning of the words for lists and for yes/no. Must not: fold rows one by one:
the few spellings that stand in the data and mean the same are looked for instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from connector.config.language.rules import Compare
from connector.core.model import ColumnType
from connector.segments.compile import numbers
from connector.segments.compile.compiled import EXISTS, Compiled
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.literals import boolean, several, text
from connector.segments.compile.rewrite import joined
from connector.segments.compile.windows import Clock
from connector.sources.text import fold


def _sizes(value: tuple[Compare, ...], type_: ColumnType, clock: Clock) -> tuple[tuple[str, Any], ...]:
    return tuple((node.test, numbers.FORMS[node.test].read(node.value, "integer", clock)) for node in value)


def _size(frame: Frame, column: Column, value: tuple[tuple[str, Any], ...], exact: bool) -> Any:
    length = column.value.length()
    checks = [numbers.FORMS[name].check(length, wanted, numbers.INT64) for name, wanted in value]
    return joined(operator.and_, checks)


def _each(join: Callable[[Any, Any], Any]) -> Compiled:
    def build(frame: Frame, column: Column, value: tuple[str, ...], exact: bool) -> Any:
        return joined(join, [_holds(frame, column, item, exact) for item in value])

    return Compiled(several(text), build)


def _holds(frame: Frame, column: Column, wanted: str, exact: bool) -> Any:
    spellings = [wanted] if exact else frame.elements(column).get(fold(wanted), [wanted])
    return joined(operator.or_, [column.value.contains(spelling) for spelling in spellings])


def _yes_no(column: Column, wanted: tuple[bool, ...]) -> Any:
    return joined(operator.or_, [column.value if item else ~column.value for item in wanted])


FORMS: dict[str, Compiled] = {
    "has": Compiled(text, _holds),
    "has_any": _each(operator.or_),
    "has_all": _each(operator.and_),
    "size": Compiled(_sizes, _size),
    "exists": EXISTS,
}
YES_NO: dict[str, Compiled] = {
    "is": Compiled(boolean, lambda frame, column, value, exact: _yes_no(column, (value,))),
    "in": Compiled(several(boolean), lambda frame, column, value, exact: _yes_no(column, value)),
    "exists": EXISTS,
}
