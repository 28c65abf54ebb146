"""Tests of lists and of yes/no.

Owns: the meaning of has, has_any, has_all and size, and of is and in on booleans. Must not: fold rows one by one:
the few spellings that stand in the data and mean the same are looked for instead.
"""

from __future__ import annotations

import operator
from typing import Any

from connector.config.language.rules import TestName
from connector.segments.compile import numbers
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.rewrite import joined
from connector.sources.text import fold


def build(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """The test as a boolean expression, unknown where the list is missing."""
    if test == "size":
        length = column.value.length()
        return joined(
            operator.and_, [numbers.COMPARISONS[name](length, wanted, numbers.INT64) for name, wanted in value]
        )
    wanted = (value,) if test == "has" else value
    holds = [_holds(frame, column, item, exact) for item in wanted]
    return joined(operator.and_ if test == "has_all" else operator.or_, holds)


def _holds(frame: Frame, column: Column, wanted: str, exact: bool) -> Any:
    spellings = [wanted] if exact else frame.elements(column).get(fold(wanted), [wanted])
    return joined(operator.or_, [column.value.contains(spelling) for spelling in spellings])


def build_boolean(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """Yes/no as a boolean expression, unknown where it is missing."""
    wanted = (value,) if test == "is" else value
    return joined(operator.or_, [column.value if item else ~column.value for item in wanted])
