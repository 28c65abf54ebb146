"""Tests of text. Compared without regard to case, width and outer blanks; `case: exact` turns all of that off.

Owns: the meaning of is, in, contains, starts_with, ends_with, matches, longer_than and shorter_than.
Must not: know how a form of a text is computed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from connector.config.language.rules import TestName
from connector.segments.compile import numbers
from connector.segments.compile.frame import Column, Form, Frame
from connector.segments.compile.numbers import INT64
from connector.segments.compile.rewrite import joined
from connector.sources.text import fold

Check = Callable[[Any, Any], Any]  # (text, wanted) -> is it so


def _any(check: Check) -> Check:
    return lambda text, wanted: joined(operator.or_, [check(text, item) for item in wanted])


_CHECKS: Mapping[TestName, tuple[Form, Check]] = {
    "is": ("fold", lambda text, wanted: text == wanted),
    "in": ("fold", lambda text, wanted: text.isin(wanted)),
    "contains": ("fold", _any(lambda text, wanted: text.contains(wanted))),
    "starts_with": ("fold", _any(lambda text, wanted: text.startswith(wanted))),
    "ends_with": ("fold", _any(lambda text, wanted: text.endswith(wanted))),
    "matches": ("wide", lambda text, wanted: text.re_search(wanted)),
    "longer_than": ("trim", lambda text, wanted: numbers.more_than(text.length(), wanted, INT64)),
    "shorter_than": ("trim", lambda text, wanted: numbers.less_than(text.length(), wanted, INT64)),
}


def build(frame: Frame, column: Column, test: TestName, value: Any, exact: bool) -> Any:
    """The test as a boolean expression, unknown where the text is missing."""
    form, check = _CHECKS[test]
    if test == "matches":
        found = frame.matching(column, None if exact else form, value if exact else _prepared(test, value))
        if found is not None:
            return found
    if exact:
        return check(column.value, value)
    return check(frame.form(column, form), _prepared(test, value))


def _prepared(test: TestName, value: Any) -> Any:
    if test == "matches":
        return f"(?i){value}"
    if isinstance(value, tuple):
        return tuple(fold(item) for item in value)
    return fold(value) if isinstance(value, str) else value
