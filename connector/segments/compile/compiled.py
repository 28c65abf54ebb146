"""A test of a column in two steps: its operand is typed before the query, then it becomes a boolean expression.

Owns: Compiled, and EXISTS, which every family has. Must not: know the other tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.literals import Reader, as_written


@dataclass(frozen=True, slots=True)
class Compiled:
    """`build` takes (frame, column, typed value, `case: exact`); its result is unknown where a value is missing."""

    read: Reader
    build: Callable[[Frame, Column, Any, bool], Any]


EXISTS = Compiled(as_written, lambda frame, column, value, exact: column.value.notnull())
