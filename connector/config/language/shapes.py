"""Shapes that several parts of the language share: a mapping with known keys, a name of a segment, parts that all hold.

Owns: these checks. Must not: know a word of the language.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from connector.config.language import values
from connector.config.language.rules import All, Loc, Rule
from connector.config.language.scope import Scope
from connector.core.problem import did_you_mean


def keys_of(value: Any, known: Collection[str], required: Collection[str], loc: Loc, scope: Scope) -> bool:
    """Is `value` a mapping with these keys; else problems."""
    if not isinstance(value, dict):
        example = ", ".join(f"{key}: …" for key in sorted(required or known))
        scope.problems.add(loc, "wrong-type", f"A mapping is needed here: {{{example}}}.")
        return False
    for key in value.keys() - set(known):
        scope.problems.add_unknown((*loc, key), known)
    for key in sorted(set(required) - value.keys()):
        scope.problems.add_missing(loc, key, f"`{key}` is missing here.")
    return set(required) <= value.keys() <= set(known)


def known_segment(name: Any, loc: Loc, scope: Scope) -> bool:
    """Is it the name of a segment of this file; else a problem."""
    if isinstance(name, bool | list | dict):
        scope.problems.add(loc, "wrong-type", f"The name of a segment is needed here, not {values.kind(name)}.")
    elif str(name) not in scope.segments:
        hint = did_you_mean(str(name), scope.segments)
        scope.problems.add(loc, "unknown-segment", f"There is no segment {values.shown(name)}.{hint}")
    else:
        return True
    return False


def together(parts: list[Rule | None], loc: Loc) -> Rule | None:
    """All parts must hold; one part is itself."""
    good = [part for part in parts if part is not None]
    if not good:
        return None
    return good[0] if len(good) == 1 else All(tuple(good), loc)
