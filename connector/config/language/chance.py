"""`sample` and `split` -> rules: a stable share of the people.

Owns: their grammar and that the shares of a split make 100. Must not: hash anybody (segments/ does).
"""

from __future__ import annotations

from typing import Any

from connector.config.language import values
from connector.config.language.rules import Loc, Rule, Sample, Split
from connector.config.language.scope import Scope
from connector.config.language.shapes import keys_of
from connector.core.problem import did_you_mean


def sample(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    """`10%`, or {percent: 10%, name: NAME} to share one sample between segments."""
    share, name, place = value, None, loc
    if isinstance(value, dict):
        if not keys_of(value, {"percent", "name"}, {"percent"}, loc, scope):
            return None
        share, place = value["percent"], (*loc, "percent")
        if "name" in value:
            name = scope.problems.take((*loc, "name"), values.text, value["name"])
    if name is None and not scope.named:
        scope.problems.add(loc, "missing-key", "Outside a segment a sample needs a name: {percent: 10%, name: test}.")
    percent = scope.problems.take(place, values.percent, share)
    return None if percent is None else Sample(percent, name, loc)


def split(value: Any, loc: Loc, scope: Scope) -> Rule | None:
    """{name, part, of: {a: 45, b: 45, holdout: 10}}: the people of one part."""
    keys = {"name", "part", "of"}
    if not keys_of(value, keys, keys, loc, scope):
        return None
    name = scope.problems.take((*loc, "name"), values.text, value["name"])
    part = scope.problems.take((*loc, "part"), values.text, value["part"])
    of = shares(value["of"], (*loc, "of"), scope)
    if name is None or part is None or of is None:
        return None
    if part not in dict(of):
        hint = did_you_mean(part, dict(of))
        scope.problems.add((*loc, "part"), "unknown-value", f"{values.shown(part)} is no part of this split.{hint}")
    _same_everywhere(name, of, loc, scope)
    return Split(name, part, of, loc)


def shares(value: Any, loc: Loc, scope: Scope) -> tuple[tuple[str, int], ...] | None:
    """{a: 45, b: 45, holdout: 10}: whole numbers that make 100."""
    if not isinstance(value, dict) or not value:
        scope.problems.add(loc, "wrong-type", "The parts and their shares are needed here: {a: 50, b: 50}.")
        return None
    found = [(part, scope.problems.take((*loc, part), values.whole, share)) for part, share in value.items()]
    good = tuple((part, share) for part, share in found if share is not None)
    if len(good) < len(found):
        return None
    total = sum(share for _, share in good)
    if total != 100:
        scope.problems.add(loc, "shares", f"The shares make {str(total)[:12]}; they must make 100.")
    return good


def _same_everywhere(name: str, of: tuple[tuple[str, int], ...], loc: Loc, scope: Scope) -> None:
    """Two splits of one name with different shares would put one person in two parts."""
    first, line = scope.splits.setdefault(name, (of, scope.problems.line(loc)))
    if first != of:
        scope.problems.add(
            (*loc, "of"), "split-differs", f"The split {values.shown(name)} has other shares in line {line}."
        )
