"""Tests of days and times: a column lies in a span that was computed before the query.

Owns: the meaning of date tests in the engine. Must not: compute windows (windows.py) or zones (zones.py).
"""

from __future__ import annotations

import operator
from typing import Any

import ibis

from connector.config.rules import TestName
from connector.segments.frame import Column, Frame
from connector.segments.rewrite import joined
from connector.segments.windows import Span


def inside(value: Any, span: Span[Any]) -> Any:
    """`value` lies in the span; unknown where it is missing."""
    if span.low is None and span.high is None:
        return value.notnull()
    if span.high is None:
        return value >= edge(span.low)
    if span.low is None:
        return value < edge(span.high)
    return (value >= edge(span.low)) & (value < edge(span.high))


def edge(moment: Any) -> Any:
    return ibis.literal(moment, type="timestamp(6)" if hasattr(moment, "hour") else "date")


def build(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """The test as a boolean expression, unknown where the date is missing."""
    spans = value if test == "in" else (value,)
    return joined(operator.or_, [inside(column.value, span) for span in spans])
