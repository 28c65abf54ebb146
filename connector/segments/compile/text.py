"""Tests of text. Compared without regard to case, width and outer blanks; `case: exact` turns all of that off.

Owns: the meaning of the words for text. Must not: know how a form of a text is computed.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from connector.segments.compile.compiled import EXISTS, Compiled
from connector.segments.compile.frame import Column, Form, Frame
from connector.segments.compile.literals import number, several, text, whole_text
from connector.segments.compile.numbers import INT64, less_than, more_than
from connector.segments.compile.rewrite import joined
from connector.sources.text import fold

Check = Callable[[Any, Any], Any]  # (text, wanted) -> is it so


def _compared(form: Form, check: Check) -> Callable[[Frame, Column, Any, bool], Any]:
    """The check of a text in its form, against the same form of what is wanted."""

    def build(frame: Frame, column: Column, value: Any, exact: bool) -> Any:
        return check(column.value, value) if exact else check(frame.form(column, form), _folded(value))

    return build


def _folded(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(fold(item) for item in value)
    return fold(value) if isinstance(value, str) else value


def any_of(check: Check) -> Compiled:
    """One of the texts that are wanted, or more."""
    one_of = _compared("fold", lambda text, wanted: joined(operator.or_, [check(text, item) for item in wanted]))
    return Compiled(several(text), one_of)


def _matches(frame: Frame, column: Column, value: str, exact: bool) -> Any:
    pattern = value if exact else f"(?i){value}"
    found = frame.matching(column, None if exact else "wide", pattern)
    if found is not None:
        return found
    return (column.value if exact else frame.form(column, "wide")).re_search(pattern)


FORMS: dict[str, Compiled] = {
    "is": Compiled(whole_text, _compared("fold", operator.eq)),
    "in": Compiled(several(whole_text), _compared("fold", lambda text, wanted: text.isin(wanted))),
    "exists": EXISTS,
    "contains": any_of(lambda text, wanted: text.contains(wanted)),
    "starts_with": any_of(lambda text, wanted: text.startswith(wanted)),
    "ends_with": any_of(lambda text, wanted: text.endswith(wanted)),
    "matches": Compiled(text, _matches),
    "longer_than": Compiled(number, _compared("trim", lambda text, wanted: more_than(text.length(), wanted, INT64))),
    "shorter_than": Compiled(number, _compared("trim", lambda text, wanted: less_than(text.length(), wanted, INT64))),
}
