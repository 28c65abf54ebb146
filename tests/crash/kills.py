"""One kill after another, each at a random event of a real push, and what must hold afterwards.

Owns: choosing the instant, converging, the tally. `python -m tests.crash` runs many, test_kills.py a few.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.world import PUSH, CrashWorld, crash_world, created_twice

KILLED = -9
# Where a CREATE is not sent again: who is found there may be of others, so the next push writes their fields once more.
FOUND_AGAIN = {"mailchimp", "hubspot"}
DELAYS = (0.0, 0.0, 0.0, 0.002, 0.01, 0.03)  # seconds between the event and death


@dataclass
class Tally:
    kills: int = 0
    instants: Counter[str] = field(default_factory=Counter)
    recovered: Counter[str] = field(default_factory=Counter)  # by which command
    writes_again: int = 0  # requests that had been answered and were sent once more; each without a second effect

    def __iadd__(self, other: Tally) -> Tally:
        self.kills += other.kills
        self.instants += other.instants
        self.recovered += other.recovered
        self.writes_again += other.writes_again
        return self


def kill_many(folder: Path, seed: int, kills: int, size: int = 120, state: tuple[str, ...] = ()) -> Tally:
    """A world in which `kills` processes die. Raises AssertionError, with how to do it again."""
    tally = Tally()
    with crash_world(folder, seed, size, state) as world:
        events = 190
        while tally.kills < kills:
            at = world.dice.randrange(1, events + 1)
            try:
                events = _one(world, at, events, tally)
            except AssertionError as error:
                again = f"seed {seed}, kill {tally.kills}, event {at} of {events}"
                raise AssertionError(f"{again}: {error}\n{world.out.read_text()[-2000:]}") from error
            world.change()
    return tally


def _one(world: CrashWorld, at: int, events: int, tally: Tally) -> int:
    """Push and die, converge, compare; returns how many events a whole push has here."""
    code = world.sync(*PUSH, at=at, delay=world.dice.choice(DELAYS))
    seen = world.events()
    assert code in (0, KILLED), code
    if code == KILLED:
        _count(tally, seen)
        seen += _converge(world, tally)
    assert not (twice := created_twice(seen)), f"{len(twice)} people were created twice"
    tally.writes_again += _again(seen)
    world.check()
    return events if code == KILLED else max(50, sum("event" in line for line in seen))


def _converge(world: CrashWorld, tally: Tally) -> list[dict[str, Any]]:
    """`sync resume`, which may die as well, or the next push; then nothing is left to do."""
    seen, killed = [], True
    while killed and world.dice.random() < 0.25:
        killed = world.sync("resume", "--rehearse", "-v", at=world.dice.randrange(1, 120)) == KILLED
        seen += world.events()
        if killed:
            _count(tally, world.events())
    code = world.sync("resume", "--rehearse", "-v")
    seen += world.events()
    assert code == 0, code
    resumed = "Nothing to resume" not in world.out.read_text()
    tally.recovered["resume" if resumed else "next push"] += 1
    if resumed:
        world.check()
        if world.dice.random() < 0.7:
            return seen
    before = world.running.writes()
    code = world.sync(*PUSH)
    assert code == 0, code
    seen += world.events()
    if resumed:
        sent = {name for name, count in world.running.writes().items() if count != before[name]}
        assert sent <= FOUND_AGAIN, f"a push after resume sent something to {sent}"
    if resumed and sent:
        before = world.running.writes()
        code = world.sync(*PUSH)
        assert code == 0 and world.running.writes() == before, "the second push after resume sent something"
        seen += world.events()
    return seen


def _count(tally: Tally, seen: list[dict[str, Any]]) -> None:
    tally.kills += 1
    last = next(line for line in reversed(seen) if "event" in line and line["dies"])
    tally.instants[last["event"]] += 1


def _again(seen: list[dict[str, Any]]) -> int:
    answered: set[str] = set()
    again = 0
    for line in seen:
        if "sent" in line and not line["sent"].startswith("GET") and line["body"]:
            again += json.dumps([line["sent"], line["body"]]) in answered
        elif "answered" in line and line["status"] < 300:
            answered.add(json.dumps([line["answered"], line["body"]]))
    return again
