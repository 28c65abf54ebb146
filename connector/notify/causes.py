"""The causes of trouble in one attempt, and which ones are over.

Owns: the identity of a cause, so that it is told once, and its words. Must not: send, read a store.

A cause is named DESTINATION/KIND, or */KIND for what concerns all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config.sections.notify import Kind
from connector.core.model import Outcome
from connector.state.attempts import SERVED, Attempt

ALL = "*"
GUARD = "guard:"
REJECTED, FAILING, STALE, LEFT_OUT = "rejected:", "failed-records", "stale", "left-out:"
# Ends of an attempt that are no trouble.
QUIET = ("served", "nothing", "declined", "interrupted")
_REFUSALS = (GUARD, "plan", "stale-plan", "guard")


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that is wrong, and what is said of it."""

    kind: Kind
    said: str


def causes(attempt: Attempt, rejects: Mapping[str, Mapping[str, int]]) -> dict[str, Cause]:
    """What is wrong after this attempt. `rejects` are those that the state has: destination -> code -> people."""
    found = dict(_of_sides(attempt))
    if not found and attempt.ended not in QUIET and attempt.code:
        kind = _kind(attempt.code)
        found[f"{ALL}/{attempt.code}"] = Cause(kind, f"Nothing was pushed. {_first(attempt.why)}")
    for name, why in attempt.facts.get("skipped", {}).items():
        found[f"{ALL}/{LEFT_OUT}{name}"] = Cause("refused", f"Segment {name} is left out, its members stay: {why}.")
    for name, codes in rejects.items():
        for code, count in codes.items():
            text = f"{name}: {count:,} {_records(count)} refused ({code}). See: sync rejects"
            found[f"{name}/{REJECTED}{code}"] = Cause("rejected", text)
    return found


def _of_sides(attempt: Attempt) -> Iterator[tuple[str, Cause]]:
    for name, side in attempt.sides.items():
        if side.ended not in QUIET and side.code:
            yield f"{name}/{side.code}", Cause(_kind(side.code), _named(name, _first(side.why)))
        if count := failing(attempt, name):
            text = f"{name}: {count:,} {_records(count)} failed for now; the next push tries again."
            yield f"{name}/{FAILING}", Cause("failed", text)


def failing(attempt: Attempt, destination: str) -> int:
    """Changes that failed for now."""
    changes = attempt.facts.get("changes", {}).get(destination, ())
    return sum(one["count"] for one in changes if one["outcome"] == Outcome.FAILED)


def over(attempt: Attempt, now: Mapping[str, Cause], told: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Of the causes that were told: those that are over, and those that another cause has replaced."""
    ended, replaced = [], []
    for cause in told.keys() - now.keys():
        name, _, code = cause.partition("/")
        side = attempt.sides.get(name)
        if code.startswith(LEFT_OUT):
            if code.removeprefix(LEFT_OUT) not in attempt.facts.get("left_out", [code.removeprefix(LEFT_OUT)]):
                ended.append(cause)  # a command that does not look at segments, or not at this one, says nothing of it
        elif name == ALL:
            if "contacts" in attempt.facts:  # the export was read, and a plan was made
                ended.append(cause)
        elif side is not None and (side.ended == SERVED or code.startswith(REJECTED)):
            ended.append(cause)
        elif side is not None and side.ended not in QUIET and code != FAILING:
            replaced.append(cause)
    return sorted(ended), sorted(replaced)


def _named(destination: str, why: str) -> str:
    """Most errors begin with the destination."""
    return why if why.startswith((f"{destination}: ", f"{destination} ")) else f"{destination}: {why}"


def _kind(code: str) -> Kind:
    if code == STALE:
        return "stale"
    return "refused" if code.startswith(_REFUSALS) else "failed"


def _first(why: str) -> str:
    """Without the lines of a file that an error quotes."""
    return why.strip().split("\n")[0]


def _records(count: int) -> str:
    return "record was" if count == 1 else "records were"
