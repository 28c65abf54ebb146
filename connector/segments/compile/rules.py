"""Rules -> boolean expressions over one frame. Each kind of rule has one handler in HANDLERS.

Owns: the dispatch, all, any, not, segment and tests of columns. Must not: know what a test means, run queries.

Every test is false where it is unknown (Frame.test), so all, any and not are plain two-valued logic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import ibis

from connector.config.language.rules import (
    All,
    AnyOf,
    Compare,
    Events,
    InSegment,
    Near,
    Not,
    Rank,
    Sample,
    Sequence,
    Split,
    Sql,
)
from connector.config.language.words import FAMILY
from connector.segments.compile import chance, places, ranks, sql
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import ask, event_tests
from connector.segments.compile.rewrite import bare, joined
from connector.segments.compile.windows import Clock
from connector.segments.compile.words import FORMS, read
from connector.segments.names import Names


class Compiler:
    """Compiles rules over `frame`, whose columns are those of `source`. `member` gives the column of a
    segment, `owner` is the segment whose rule it is."""

    def __init__(
        self,
        frame: Frame,
        names: Names,
        source: str,
        clock: Clock,
        member: Callable[[str], Any] | None = None,
        owner: str = "",
    ) -> None:
        self.frame = frame
        self.names = names
        self.source = source
        self.clock = clock
        self.member = member
        self.owner = owner

    def rule(self, node: Any) -> Any:
        """The rule as a boolean expression, never unknown."""
        return HANDLERS[type(node)](self, node)

    def column(self, written: str) -> Column:
        name = self.names.find(self.source, written)
        assert name is not None, "names.needed() comes first"
        return self.frame.columns[name]

    def compare(self, column: Column, node: Compare) -> Any:
        """One test of a column that was found already."""
        if column.empty:
            return self.frame.test("never", ibis.literal(False))
        value = read(node, column.type, self.clock)
        form = FORMS[FAMILY[column.type]][node.test]
        key = (column.field, node.test, node.exact, value)
        return self.frame.test(key, form.build(self.frame, column, value, node.exact))


def _all(compiler: Compiler, node: All) -> Any:
    return joined(operator.and_, [compiler.rule(part) for part in node.parts])


def _any(compiler: Compiler, node: AnyOf) -> Any:
    return joined(operator.or_, [compiler.rule(part) for part in node.parts])


def _not(compiler: Compiler, node: Not) -> Any:
    return ~compiler.rule(node.part)


def _segment(compiler: Compiler, node: InSegment) -> Any:
    assert compiler.member is not None, "checks.py refuses it inside where"
    return joined(operator.or_, [compiler.member(name) for name in node.names])


def _compare(compiler: Compiler, node: Compare) -> Any:
    return compiler.compare(compiler.column(node.column), node)


def _events(compiler: Compiler, node: Events) -> Any:
    """The measure of this person's events is a column already (traits.py); what is left is to test it."""
    column = compiler.frame.columns[ask(node)]
    tests = event_tests(node)
    return joined(operator.and_, [compiler.compare(column, test) for test in tests])


def _rank(compiler: Compiler, node: Rank) -> Any:
    by = None if node.by is None else compiler.column(node.by)
    return ranks.build(compiler.frame, compiler.column(node.column), by, node)


def _near(compiler: Compiler, node: Near) -> Any:
    return places.build(compiler.frame, compiler.column(node.column), node)


def _sample(compiler: Compiler, node: Sample) -> Any:
    return chance.sample(compiler.frame, node, compiler.owner)


def _split(compiler: Compiler, node: Split) -> Any:
    return chance.split(compiler.frame, node)


def _sequence(compiler: Compiler, node: Sequence) -> Any:
    """Found already (sequences.py)."""
    column = compiler.frame.columns[bare(node)]
    return compiler.frame.test(column.field, column.value)


def _sql(compiler: Compiler, node: Sql) -> Any:
    return sql.build(compiler.frame, node, compiler.column)


HANDLERS: dict[type, Callable[[Compiler, Any], Any]] = {
    All: _all,
    AnyOf: _any,
    Not: _not,
    InSegment: _segment,
    Compare: _compare,
    Events: _events,
    Rank: _rank,
    Near: _near,
    Sample: _sample,
    Split: _split,
    Sequence: _sequence,
    Sql: _sql,
}
