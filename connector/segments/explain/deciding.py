"""Of everything that was looked at, the conditions that decided: what would have to change for the answer to change.

Owns: deciding(). Must not: evaluate, or word anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connector.segments.explain.person import Verdict


@dataclass(frozen=True, slots=True)
class Decided:
    """One test. `wanted` is what it would have to be for the answer to turn, `whole` whether one of several does."""

    test: Verdict
    wanted: bool
    one_of_several: bool = False


def deciding(rule: Verdict) -> tuple[Decided, ...]:
    """Why a rule that holds does so, and why one that fails does not hold, in the order of the file."""
    return tuple(_of(rule, not rule.holds, False))


def _of(item: Verdict, wanted: bool, several: bool) -> Iterator[Decided]:
    """The tests below `item` because of which it is not `wanted`."""
    if item.group == "not":
        yield from _of(item.parts[0], not wanted, several)
    elif item.group:
        conjunction = item.group != "any"
        wrong = [part for part in item.parts if part.holds != wanted]
        # all of an `all` that is to hold must be mended, one of an `any` is enough; and the other way round
        choice = len(wrong) > 1 and conjunction != wanted
        for part in wrong:
            yield from _of(part, wanted, several or choice)
    else:
        yield Decided(item, wanted, several)
