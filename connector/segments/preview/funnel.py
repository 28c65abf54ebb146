"""The funnel of a rule: how many people are left after each condition, and what each of them does by itself.

Owns: Step, probes() and funnel(). Must not: read exports, or word a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.language.rules import All, AnyOf, InSegment, Not, Rule
from connector.config.sections.models import Config
from connector.segments import probes as further
from connector.segments.explain.words import is_negated_test, words


@dataclass(frozen=True, slots=True)
class Step:
    """One condition. `group` is all, any, not, segment, segments or "" for a test. `before` reach it, `holds` of them
    fulfil it, `after` are left behind it: the same as `holds`, but in `any` and `segments` all who fulfil this
    alternative or one above it.

    `alone` fulfil it of all contacts. `only`: kept out by nothing but this; among alternatives, lets in. `parts` are
    those of `any`, `all` and `not`, and the conditions of the segments that are asked for."""

    text: str
    line: int
    group: str
    before: int
    holds: int
    after: int
    alone: int
    only: int
    parts: tuple[Step, ...] = ()


def probes(config: Config, name: str) -> dict[str, tuple[Rule, Rule]]:
    """Probe -> (the condition, and as it is asked), for every condition of the segment and of those it asks for."""
    found: dict[str, tuple[Rule, Rule]] = {}
    for owner, rule in _rules(config, name):
        for node in _nodes(rule):
            found[f"?{len(found)}"] = (node, further.of_segment(node, owner))
    return found


def _rules(config: Config, name: str) -> Iterator[tuple[str, Rule]]:
    """The segment's rule, and that of every segment it asks for, each once."""
    waiting, seen = [name], set()
    while waiting:
        owner = waiting.pop(0)
        rule = config.segments[owner].when
        if owner in seen or rule is None:
            continue
        seen.add(owner)
        yield owner, rule
        waiting += [asked for node in _nodes(rule) if isinstance(node, InSegment) for asked in node.names]


def _nodes(node: Rule) -> Iterator[Rule]:
    yield node
    if isinstance(node, All | AnyOf):
        for part in node.parts:
            yield from _nodes(part)
    elif isinstance(node, Not) and not is_negated_test(node):
        yield from _nodes(node.part)


def funnel(
    config: Config, rule: Rule, masks: Mapping[int, pa.ChunkedArray], members: Mapping[str, pa.ChunkedArray]
) -> tuple[Step, ...]:
    """The conditions that must all hold, in the order of the file. `masks` are by the id of a condition, `members` by
    segment: who matches its rule."""
    everybody = pa.chunked_array([pa.repeat(True, len(masks[id(rule)]))])
    return _Funnel(config, masks, members).all_of(rule, everybody)


class _Funnel:
    def __init__(
        self, config: Config, masks: Mapping[int, pa.ChunkedArray], members: Mapping[str, pa.ChunkedArray]
    ) -> None:
        self.config, self.masks, self.members = config, masks, members

    def all_of(self, rule: Rule, base: pa.ChunkedArray) -> tuple[Step, ...]:
        """One after another: each looks at those that the ones above have left."""
        parts = list(_conjuncts(rule))
        others = _others([self.masks[id(part)] for part in parts], pc.and_, base)
        steps, left = [], base
        for part, rest in zip(parts, others, strict=True):
            mask = self.masks[id(part)]
            after = pc.and_(left, mask)
            only = pc.and_not(rest, mask)
            steps.append(self._step(part, left, after, only))
            left = after
        return tuple(steps)

    def any_of(self, parts: Sequence[Rule], base: pa.ChunkedArray) -> tuple[Step, ...]:
        """Beside each other: each looks at all who reach the group."""
        nobody = pa.chunked_array([pa.repeat(False, len(base))])
        others = _others([self.masks[id(part)] for part in parts], pc.or_, nobody)
        steps, joined = [], nobody
        for part, rest in zip(parts, others, strict=True):
            mask = pc.and_(base, self.masks[id(part)])
            joined = pc.or_(joined, mask)
            steps.append(self._step(part, base, joined, pc.and_not(mask, rest) if len(parts) > 1 else nobody))
        return tuple(steps)

    def _step(self, node: Rule, before: Any, after: Any, only: Any) -> Step:
        mask = self.masks[id(node)]
        group, parts = self._inside(node, before)
        told = words(node) if not group or group in ("segment", "segments") else group
        counts = (count(before), count(pc.and_(before, mask)), count(after), count(mask), count(only))
        return Step(told, self.config.place(node.loc).line, group, *counts, parts)

    def _inside(self, node: Rule, base: Any) -> tuple[str, tuple[Step, ...]]:
        if isinstance(node, AnyOf):
            return "any", self.any_of(node.parts, base)
        if isinstance(node, All):
            return "all", self.all_of(node, base)
        if isinstance(node, Not) and not is_negated_test(node):
            grouped = isinstance(node.part, All | AnyOf | Not | InSegment)
            return ("not", self.any_of([node.part], base)) if grouped else ("", ())
        if isinstance(node, InSegment):
            asked = [self._asked(name, node, base) for name in node.names]
            return ("segment", asked[0].parts) if len(asked) == 1 else ("segments", tuple(asked))
        return "", ()

    def _asked(self, name: str, node: InSegment, base: Any) -> Step:
        """A segment that is asked for, with its own conditions among those who reach it."""
        rule, mask = self.config.segments[name].when, self.members[name]
        parts = self.all_of(rule, base) if rule is not None and id(rule) in self.masks else ()
        others = [self.members[other] for other in node.names if other != name]
        inside = pc.and_(base, mask)
        only = inside
        for other in others:
            only = pc.and_not(only, other)
        line = self.config.place(("segments", name)).line
        held = count(inside)
        return Step(f"segment: {name}", line, "segment", count(base), held, held, count(mask), count(only), parts)


def _conjuncts(rule: Rule) -> Iterator[Rule]:
    if isinstance(rule, All):
        for part in rule.parts:
            yield from _conjuncts(part)
    else:
        yield rule


def _others(masks: Sequence[Any], join: Callable[[Any, Any], Any], start: Any) -> list[Any]:
    """Per mask all the others joined, from both ends."""
    before, after = [start], [start]
    for mask in masks[:-1]:
        before.append(join(before[-1], mask))
    for mask in reversed(masks[1:]):
        after.append(join(after[-1], mask))
    return [join(one, other) for one, other in zip(before, reversed(after), strict=True)]


def count(mask: Any) -> int:
    return int(pc.sum(mask).as_py() or 0)
