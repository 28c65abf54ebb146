"""Can a rule hold at all, can it fail at all? Decided from the rule alone, without looking at anybody's data.

Owns: Puzzle and the values worth trying per column. Must not: guess: what it cannot decide counts as possible.

Every column (or measure of events) is a variable with few values worth trying: the numbers, days and words its tests
name, those right beside them, any other, and none. A rule is possible when some choice of values fulfils it. Tests
without such values (contains, sql, sample …) are free yes/no variables of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from connector.config.language.rules import All, AnyOf, Compare, Events, InSegment, Not
from connector.config.language.words import FAMILY
from connector.core.model import ColumnType
from connector.segments.compile.measures import Ask, ask, event_tests
from connector.segments.compile.rewrite import bare
from connector.segments.compile.windows import TICK, Clock, Span
from connector.segments.compile.words import read
from connector.sources.text import fold

OTHER = "\0other"  # a text that no test names
DAY = timedelta(days=1)
STEPS = 4_000  # beyond, a rule counts as possible
DEEPEST = 150

Test = tuple[str, Any]  # (name, typed value)


@dataclass(slots=True)
class Variable:
    """One column or measure: its family, whether it can be missing, whole, at least `low`; and the tests of it."""

    family: str
    missing: bool = True
    whole: bool = False
    low: int | None = None
    tests: dict[Test, None] = field(default_factory=dict)

    def masks(self) -> Mapping[Test, int]:
        """Per test, which of the values worth trying fulfil it, as bits."""
        values = [*self._values(), *([None] if self.missing else [])]
        return {
            test: sum(1 << bit for bit, value in enumerate(values) if _holds(test, value)) for test in self.tests
        } | {("any", None): (1 << len(values)) - 1}

    def _values(self) -> list[Any]:
        if self.family == "free":
            return [True]  # with None for "no"
        if self.family == "boolean":
            return [True, False]
        if self.family == "text":
            words = {word for name, value in self.tests if name != "exists" for word in _several(value)}
            return [*sorted(words), OTHER]
        edges = sorted({edge for test in self.tests for edge in _edges(test)})
        found = self._numbers(edges) if self.family == "number" else _days(edges)
        return found or [Decimal(0) if self.family == "number" else date(2000, 1, 1)]

    def _numbers(self, edges: list[Decimal]) -> list[Decimal]:
        if self.whole:
            near = {
                Decimal(round_(edge)) + step
                for edge in edges
                for round_ in (math.floor, math.ceil)
                for step in (-1, 0, 1)
            }
        else:
            near = {*edges, *((low + high) / 2 for low, high in pairwise(edges))}
            near |= {edges[0] - 1, edges[-1] + 1} if edges else set()
        if self.low is not None:
            near = {number for number in near if number >= self.low} | {Decimal(self.low)}
        return sorted(near)


def _several(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def _edges(test: Test) -> Iterable[Any]:
    name, value = test
    if name == "exists":
        return
    for part in _several(value):
        if isinstance(part, Span):
            yield from (edge for edge in (part.low, part.high) if edge is not None)
        else:
            yield part


def _days(edges: list[Any]) -> list[Any]:
    """Each edge and the moment before it: a span begins with its low edge and ends before its high one."""
    found = set()
    for edge in edges:
        found.add(edge)
        tick = TICK if isinstance(edge, datetime) else DAY
        if edge > type(edge).min + tick:
            found.add(edge - tick)
    return sorted(found)


def _holds(test: Test, value: Any) -> bool:
    """Missing never matches."""
    name, wanted = test
    if value is None:
        return False
    if name in ("exists", "any", "free"):
        return True
    if isinstance(wanted, Span):
        return (wanted.low is None or value >= wanted.low) and (wanted.high is None or value < wanted.high)
    if name == "in":
        return any(_holds(("is", part), value) for part in wanted)
    return _NUMBERS[name](value, wanted)


_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "is": lambda value, wanted: value == wanted,
    "at_least": lambda value, wanted: value >= wanted,
    "at_most": lambda value, wanted: value <= wanted,
    "more_than": lambda value, wanted: value > wanted,
    "less_than": lambda value, wanted: value < wanted,
    "between": lambda value, wanted: wanted[0] <= value <= wanted[1],
}
_WHOLE = frozenset({"exists", "is", "in"})
_DECIDED: Mapping[str, frozenset[str]] = {
    "number": _WHOLE | _NUMBERS.keys(),
    "text": _WHOLE,
    "boolean": _WHOLE,
    "date": _WHOLE | {"on", "before", "after", "between", "within", "more_than_ago", "within_next", "during"},
}


@dataclass(frozen=True, slots=True)
class Form:
    """A rule with `not` only at its tests: parts joined by and/or, or one test of one variable."""

    either: bool = False
    parts: tuple[Form, ...] = ()
    variable: Hashable = None
    test: Test | None = None
    positive: bool = True


class TooHard(Exception):
    """More choices than worth following."""


def _variable(name: Hashable, family: str, type_: ColumnType) -> Variable:
    """Counts and sums of nothing are 0, so they are never missing."""
    measure = name.measure if isinstance(name, Ask) else None
    low = 0 if measure == "count" else None
    return Variable(family, measure not in ("count", "sum"), type_ == "integer", low)


class Puzzle:
    """Asks about rules over contacts. `type_of`: the type of what a test looks at, None when nobody has a value;
    `name_of`: one name (or Ask) for every spelling of a column; `when`: the rules of segments asked for by name."""

    def __init__(
        self,
        type_of: Callable[[Compare | Events], ColumnType | None],
        name_of: Callable[[str], Hashable],
        when: Mapping[str, Any],
        clock: Clock,
    ) -> None:
        self.type_of, self.name_of, self.when, self.clock = type_of, name_of, when, clock
        self.variables: dict[Hashable, Variable] = {}
        self.steps = 0

    def possible(self, rule: Any, holds: bool = True) -> bool:
        """Could there be a person that the rule holds for (or, with holds=False, does not)?"""
        self.variables, self.steps = {}, 0
        try:
            form = self._form(rule, holds)
            masks = {name: variable.masks() for name, variable in self.variables.items()}
            return self._fits([form], {}, masks, 0)
        except TooHard:
            return True

    def _fits(self, todo: list[Form], chosen: Mapping[Hashable, int], masks: Mapping[Hashable, Any], deep: int) -> bool:
        self.steps += 1
        if self.steps > STEPS or deep > DEEPEST:
            raise TooHard
        choices: list[Form] = []
        state = dict(chosen)
        while todo:
            form = todo.pop()
            if form.test is not None:
                known = masks[form.variable]
                every = known["any", None]
                mask = known[form.test] if form.positive else every & ~known[form.test]
                state[form.variable] = state.get(form.variable, every) & mask
                if not state[form.variable]:
                    return False
            elif form.either:
                choices.append(form)
            else:
                todo.extend(form.parts)
        if not choices:
            return True
        first, *rest = choices
        return any(self._fits([*rest, part], state, masks, deep + 1) for part in first.parts)

    def _form(self, node: Any, positive: bool) -> Form:
        if isinstance(node, Not):
            return self._form(node.part, not positive)
        if isinstance(node, All | AnyOf):
            either = isinstance(node, AnyOf) == positive
            return Form(either, tuple(self._form(part, positive) for part in node.parts))
        if isinstance(node, InSegment):
            return Form(positive, tuple(self._segment(name, positive) for name in node.names))
        if isinstance(node, Compare):
            return self._compare(node, positive)
        if isinstance(node, Events):
            return self._events(node, positive)
        return self._free(bare(node), positive)

    def _segment(self, name: str, positive: bool) -> Form:
        rule = self.when.get(name)
        return self._free(("segment", name), positive) if rule is None else self._form(rule, positive)

    def _compare(self, node: Compare, positive: bool) -> Form:
        type_ = self.type_of(node)
        column = self.name_of(node.column)
        if type_ == "list" and node.test in ("has", "has_any", "has_all"):
            words = (node.value,) if node.test == "has" else node.value
            parts = tuple(self._free((column, "has", fold(str(word))), positive) for word in words)
            return Form((node.test != "has_all") == positive, parts)
        return self._test(column, node, type_, positive)

    def _events(self, node: Events, positive: bool) -> Form:
        parts = tuple(self._test(ask(node), test, self.type_of(node), positive) for test in event_tests(node))
        return Form(not positive, parts)

    def _test(self, name: Hashable, node: Compare, type_: ColumnType | None, positive: bool) -> Form:
        family = {"timestamp": "date", "day": "free"}.get(FAMILY[type_], FAMILY[type_]) if type_ else "free"
        if type_ is None or node.exact or node.test not in _DECIDED.get(family, ()):
            return self._free(replace(bare(node), column=str(name)), positive)
        value = read(node, type_, self.clock)
        if family == "text" and node.test != "exists":
            value = tuple(fold(word) for word in value) if node.test == "in" else fold(value)
        test: Test = (node.test, value)
        self.variables.setdefault(name, _variable(name, family, type_)).tests[test] = None
        return Form(variable=name, test=test, positive=positive)

    def _free(self, key: Hashable, positive: bool) -> Form:
        test: Test = ("free", None)
        self.variables.setdefault(("free", key), Variable("free")).tests[test] = None
        return Form(variable=("free", key), test=test, positive=positive)
