"""Tests over the events of a person, and sequences of them -> rules.

Owns: `orders: {count: …, within: …, where: …}`, `sequence: […]` and their grammar.
Must not: know the sources' columns, evaluate. `read` is conditions.condition, handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connector.config.language import values
from connector.config.language.columns import counted, number_tests
from connector.config.language.durations import duration
from connector.config.language.event_words import BESIDE, EVENTS
from connector.config.language.operands import yes
from connector.config.language.rules import Compare, Duration, Events, Loc, Rule, Sequence, Step, Window
from connector.config.language.scope import Scope
from connector.config.language.windows import window
from connector.config.language.words import number_words
from connector.config.sections.codes import BadValue
from connector.core.problem import did_you_mean

Read = Callable[[Any, Loc, Scope], Rule | None]


def events(source: str, value: Any, loc: Loc, scope: Scope, read: Read) -> Rule | None:
    """One test over the rows of `source` that belong to a person; {} asks for at least one."""
    if not isinstance(value, dict):
        example = "{count: {at_least: 3}, within: 180 days}"
        scope.problems.add(loc, "wrong-type", f"`{source}` is a source of events; ask like {example}.")
        return None
    known = (*EVENTS, *BESIDE, *number_words())
    for word in value:
        if word not in known:
            hint = did_you_mean(word, known)
            scope.problems.add_key((*loc, word), "unknown-test", f"“{word}” asks nothing about events.{hint}")
    measure = _measure(value, loc, scope)
    if measure is None:
        return None
    found = _OfMeasure(source, measure, value, loc, scope)
    return Events(source, found.name, found.column(), found.tests(), found.window(), _where(found, read), loc)


def _measure(value: Mapping[str, Any], loc: Loc, scope: Scope) -> str | None:
    """The one measure that is asked for."""
    given = [word for word in value if word in EVENTS]
    if len(given) > 1:
        text = f"Ask one thing at a time: `{given[0]}` or `{given[1]}`; join two tests with `all:`."
        scope.problems.add_key((*loc, given[1]), "contradiction", text)
        return None
    measure = given[0] if given else "exists"
    if measure in ("exists", "never"):
        flag = scope.problems.take((*loc, measure), yes, value.get(measure, True))
        if flag is False and measure == "exists":
            return "never"
        if flag is False:
            scope.problems.add((*loc, measure), "unknown-value", "`never` takes true; for the contrary write {}.")
    return measure


class _OfMeasure:
    """The parts of one event test."""

    def __init__(self, source: str, name: str, value: Mapping[str, Any], loc: Loc, scope: Scope) -> None:
        self.source, self.name, self.value, self.loc, self.scope = source, name, value, loc, scope

    def column(self) -> str | None:
        if not EVENTS[self.name].column:
            return None
        return self.scope.problems.take((*self.loc, self.name), _column, self.value[self.name])

    def tests(self) -> tuple[Compare, ...]:
        known = number_words()
        beside = {word: item for word, item in self.value.items() if word in known}
        if self.name == "count":
            self._misplaced(beside, "Number tests of `count` go inside it: {count: {at_least: 3}}.")
            return counted(self.value["count"], (*self.loc, "count"), self.scope)
        if not EVENTS[self.name].column:
            self._misplaced(beside, "Say of what: {count: {at_least: 3}} or {sum: amount, at_least: 500}.")
            return ()
        if not beside:
            text = f"Say how much: {{{self.name}: …, at_least: 500}}."
            self.scope.problems.add_key((*self.loc, self.name), "missing-key", text)
        return number_tests(beside, self.loc, self.scope)

    def window(self) -> Window | None:
        """`within` or `during`, or the window that the word holds itself."""
        own = self.name if EVENTS[self.name].window else None
        return window(self.value, self.source, self.loc, self.scope, own)

    def _misplaced(self, beside: Mapping[str, Any], message: str) -> None:
        for word in beside:
            self.scope.problems.add_key((*self.loc, word), "misplaced-word", message)


def _where(found: _OfMeasure, read: Read) -> Rule | None:
    if "where" not in found.value:
        return None
    return read(found.value["where"], (*found.loc, "where"), found.scope.within_source(found.source))


def _column(value: Any) -> str:
    if isinstance(value, dict | list):
        raise BadValue("wrong-type", "Name one column: {sum: amount, at_least: 500}.")
    return values.text(value)


def sequence(value: Any, loc: Loc, scope: Scope, read: Read) -> Rule | None:
    """A list of two or more steps, the first one positive."""
    if not isinstance(value, list) or len(value) < 2:
        example = "[{email_events: {type: clicked}}, {orders: {}, within: 7 days}]"
        scope.problems.add(loc, "wrong-type", f"A sequence is a list of two steps or more: {example}.")
        return None
    found = [_step(item, (*loc, index), scope, read) for index, item in enumerate(value)]
    steps = tuple(step for step in found if step is not None)
    return Sequence(steps, loc) if steps else None


def _step(value: Any, loc: Loc, scope: Scope, read: Read) -> Step | None:
    """{SOURCE: condition, within: 7 days} or {not: {SOURCE: condition}, within: 7 days}."""
    if not isinstance(value, dict):
        scope.problems.add(loc, "wrong-type", "A step names a source: {orders: {}, within: 7 days}.")
        return None
    within = _step_window(value, loc, scope)
    negated = "not" in value
    what = {key: item for key, item in value.items() if key != "within"}
    inner, place = (what["not"], (*loc, "not")) if negated else (what, loc)
    if (negated and len(what) > 1) or not isinstance(inner, dict) or len(inner) != 1:
        scope.problems.add(place, "wrong-type", "A step names one source, and may add `within`.")
        return None
    name, rows = next(iter(inner.items()))
    source = scope.source(name, (*place, name))
    if source is None:
        return None
    _check_step(source, negated, within, loc, scope)
    where = None if rows == {} else read(rows, (*place, name), scope.within_source(source))
    return Step(source, where, within, negated, loc)


def _step_window(value: Mapping[str, Any], loc: Loc, scope: Scope) -> Duration | None:
    if "within" not in value:
        return None
    if loc[-1] == 0:
        text = "The first step has no step before it that a window could begin at; delete `within`."
        scope.problems.add_key((*loc, "within"), "misplaced-word", text)
    return scope.problems.take((*loc, "within"), duration, value["within"])


def _check_step(source: str, negated: bool, within: Duration | None, loc: Loc, scope: Scope) -> None:
    if scope.sources.get(source) is None:
        text = f"“{source}” has no `at: COLUMN`, so its events have no order; add it there."
        scope.problems.add(loc, "missing-time", text)
    if negated and loc[-1] == 0:
        scope.problems.add(loc, "misplaced-word", "The first step is something that happened; it cannot be `not`.")
    elif negated and within is None:
        scope.problems.add(loc, "missing-key", "A `not` step needs `within`: until when it must not have happened.")
