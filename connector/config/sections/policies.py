"""The policies of `lifecycle:`, one mapping or a list of them, and whose each is.

Owns: reading the section, `for:`, and checks of stages. Must not: decide who is inactive (connector/lifecycle does).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connector.config.language.conditions import condition
from connector.config.language.rules import InSegment, Loc
from connector.config.language.scope import Scope
from connector.config.language.shapes import known_segment
from connector.config.language.values import kind as kind_of
from connector.config.language.values import shown
from connector.config.sections.codes import Code
from connector.config.sections.lifecycle import Lifecycle, Stage, Whose
from connector.config.sections.validate import validate
from connector.core.model import Kind
from connector.core.problem import did_you_mean

_RESERVED = ("active", "returned", "retired")
_FOR = "Write the name of a segment or of a destination, or {when: CONDITION, to: DESTINATION}."


@dataclass(frozen=True, slots=True)
class Written:
    """One policy as it stands at `loc`; `section` None when it could not be read."""

    loc: Loc
    data: Mapping[str, Any]
    whose: Whose | None
    section: Lifecycle | None

    def at(self, destination: str) -> bool:
        return self.whose is None or not self.whose.to or destination in self.whose.to

    def targets(self) -> Iterable[tuple[Loc, Kind, str]]:
        """The tags and lists of its stages, as far as they can be read."""
        stages = self.data.get("stages")
        parts: list[tuple[Loc, Any]] = [((*self.loc, "returned"), self.data.get("returned"))]
        for index, stage in enumerate(stages if isinstance(stages, list) else []):
            parts.append(((*self.loc, "stages", index), stage))
        for loc, part in parts:
            for kind in Kind:
                if isinstance(part, dict) and isinstance(part.get(str(kind)), str):
                    yield (*loc, str(kind)), kind, part[str(kind)]


def read(data: Mapping[str, Any], destinations: Mapping[str, Any] | None, scope: Scope) -> tuple[Written, ...]:
    """Every policy of the file. `destinations` as written; None when they could not be read."""
    section = data.get("lifecycle")
    if section is None:
        return ()
    if not isinstance(section, list):
        return tuple(_policy(section, ("lifecycle",), destinations, scope))
    if not section:
        scope.problems.add(("lifecycle",), "empty", "At least one policy is needed here.")
    found = [
        one for number, item in enumerate(section) for one in _policy(item, ("lifecycle", number), destinations, scope)
    ]
    _reached(found, scope)
    return tuple(found)


def _policy(item: Any, loc: Loc, destinations: Mapping[str, Any] | None, scope: Scope) -> Iterator[Written]:
    if not isinstance(item, Mapping):
        need = "A policy is a mapping: signals, inactive, stages, …"
        scope.problems.add(loc, "wrong-type", f"{need} (or a list of such), not {kind_of(item)}.")
        return
    whose = _whose(item["for"], (*loc, "for"), destinations, scope) if "for" in item else None
    section = validate(Lifecycle, item, loc, scope.problems, given={"for": whose}, elsewhere=("for",))
    if section is not None:
        _check(section, loc, scope)
    yield Written(loc, item, whose, section)


def _whose(value: Any, loc: Loc, destinations: Mapping[str, Any] | None, scope: Scope) -> Whose | None:
    written = json.dumps(value, sort_keys=True, default=str)
    if isinstance(value, Mapping) and value:
        other = {key: part for key, part in value.items() if key not in ("when", "to")}
        if "when" in value and other:
            text = "`for` takes a condition or `when: CONDITION`; put all of it below `when`."
            scope.problems.add_key((*loc, next(iter(other))), "contradiction", text)
            return None
        rule = condition(value["when"], (*loc, "when"), scope) if "when" in value else None
        rule = condition(other, loc, scope) if other else rule
        to = _destinations(value["to"], (*loc, "to"), destinations, scope) if "to" in value else ()
        return Whose(when=rule, to=to, written=written)
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) for name in names):
        scope.problems.add(loc, "wrong-type", _FOR)
        return None
    accounts = [name for name in names if name in (destinations or {})]
    if len(accounts) == len(names) and not any(name in scope.segments for name in names):
        return Whose(to=tuple(names), written=written)
    if accounts:
        both = accounts[0]
        text = f"{shown(both)} is a destination, and others here are segments. Write {{when: {{segment: …}}, to: …}}."
        if both in scope.segments:
            text = (
                f"{shown(both)} is a segment and a destination. Write {{when: {{segment: {both}}}}} or {{to: {both}}}."
            )
        scope.problems.add(loc, "contradiction", text)
        return None
    good = [known_segment(name, (*loc, at) if isinstance(value, list) else loc, scope) for at, name in enumerate(names)]
    return Whose(when=InSegment(tuple(names), loc), written=written) if all(good) else None


def _destinations(value: Any, loc: Loc, known: Mapping[str, Any] | None, scope: Scope) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) for name in names):
        scope.problems.add(loc, "wrong-type", "The name of a destination is needed here, or a list of them.")
        return ()
    for at, name in enumerate(names):
        if known is not None and name not in known:
            hint = did_you_mean(name, known) or " No destination is declared."
            place = (*loc, at) if isinstance(value, list) else loc
            scope.problems.add(place, "unknown-destination", f"There is no destination “{name}”.{hint}")
    return tuple(names)


def _reached(found: list[Written], scope: Scope) -> None:
    """The first that matches counts: what stands below one for everybody is never asked."""
    everybody: Loc | None = None
    seen: dict[str, Loc] = {}
    for one in found:
        if everybody is not None:
            text = (
                f"The policy in line {scope.problems.line(everybody)} has no `for`, so it is everybody's and the last."
            )
            scope.problems.add(one.loc, "contradiction", text)
            return
        if "for" not in one.data:
            everybody = one.loc
        elif one.whose is not None and seen.setdefault(one.whose.written, one.loc) != one.loc:
            line = scope.problems.line(seen[one.whose.written])
            text = f"The policy in line {line} is for the same people, and the first counts; delete one of the two."
            scope.problems.add((*one.loc, "for"), "twice", text)


def _check(section: Lifecycle, loc: Loc, scope: Scope) -> None:
    """The limits, the order of the stages, and that the protected segments exist."""
    for name, part in (("inactive", section.inactive), ("never_engaged", section.inactive.never_engaged)):
        where = (*loc, "inactive") if name == "inactive" else (*loc, "inactive", name)
        if part is not None and part.after is None and part.sends is None:
            scope.problems.add_missing(where, "after", f"`{name}` needs `after`, `sends`, or both.")
        elif part is not None and part.after is None and part.sends == 0:
            text = "0 mails and no `after` hold for everybody. Write how many mails, or `after`."
            scope.problems.add((*where, "sends"), "range", text)
    for index, name in enumerate(section.protect):
        known_segment(name, (*loc, "protect", index), scope)
    seen: set[str] = set()
    for index, stage in enumerate(section.stages):
        for key, code, text in _stage_problems(stage, index == 0, index == len(section.stages) - 1, seen):
            scope.problems.add_key((*loc, "stages", index, key), code, text)
        seen.add(stage.name)


def _stage_problems(stage: Stage, first: bool, last: bool, seen: set[str]) -> Iterable[tuple[str, Code, str]]:
    if stage.name in seen:
        yield "name", "twice", f"The stage “{stage.name}” stands twice; every stage needs a name of its own."
    if stage.name in _RESERVED:
        yield "name", "name-clash", f"“{stage.name}” is what the lifecycle calls people itself; take another name."
    if first and stage.after is not None:
        yield "after", "contradiction", "The first stage begins when somebody is inactive; delete its `after`."
    if not first and stage.after is None:
        yield "name", "missing-key", f"The stage “{stage.name}” needs `after`: how long the stage before lasts."
    if not last and stage.action is not None:
        yield "action", "contradiction", "A stage with an action is the last; no stage can follow it."
