"""One entry point with all events at its last moment: recorded once per test run, looked at by all cells.

A reduced run (tests/sweeps.py) has each entry on one platform, the next one on the next platform.

Owns: Story. Must not: judge what was recorded (test_cells.py).
"""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.core.errors import Stale
from connector.vendors import VENDORS
from tests.matrix.entries import CLEANUPS, ENTRIES, HOLDING, SAME_PLAN, SILENT, begin
from tests.matrix.events import EVENTS, Event, Promise
from tests.matrix.world import ALLOWED, PLATFORMS, Everywhere, Moment, everywhere
from tests.shared import once
from tests.sweeps import some


@dataclass(frozen=True)
class Story:
    """Platform -> what it held at the plan (of a cleanup), before the requests, after them, and after one push more.
    `left` is what one more would still do; `written` and `listed` are addresses in the state, and in the list of a
    cleanup. `refused`: nothing may be sent, a new plan is asked for."""

    planned: Mapping[str, Moment]
    before: Mapping[str, Moment]
    after: tuple[Mapping[str, Moment], ...]
    left: list[dict[str, object]]
    written: set[str]
    listed: set[str]
    refused: bool = False

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(self.before)


def platforms(entry: str) -> tuple[str, ...]:
    """Those of an entry: of a cleanup one at least that offers what it asks for."""
    turn = list(ENTRIES).index(entry)
    while not acting(entry).intersection(some(PLATFORMS, turn)):
        turn += 1
    return some(PLATFORMS, turn)


def acting(entry: str) -> set[str]:
    """The platforms that offer what the entry asks for, which can only be missing for a cleanup."""
    if entry not in CLEANUPS:
        return set(PLATFORMS)
    known = {name: VENDORS[name] for name in PLATFORMS}
    return {name for name, one in known.items() if (one.unsubscribes if "unsub" in entry else one.retire is not None)}


@cache
def story(entry: str) -> Story:
    """All events, but for those that a plan does not outlive."""
    return once(f"story-{entry}", lambda: _story(entry))


def _story(entry: str) -> Story:
    with world(platforms(entry)) as made:
        working = ENTRIES[entry](made)
        next(working)
        planned = made.look() if entry in CLEANUPS else None
        for event in EVENTS.values():
            if entry not in HOLDING or event.promise is not Promise.FORGOTTEN:
                event.happen(made, event.email, event.moved)
        before = made.look()
        next(working, None)
        after = made.look()
        made.push(allow=ALLOWED, reason="test")
        later = made.look()
        left = made.plan().changes.to_pylist()
        return Story(planned or before, before, (after, later), left, *_traces(made))


@cache
def forgetting(entry: str) -> Story:
    """`sync forget` makes a plan stale that was made before it, and a run goes on without the person."""
    if entry not in HOLDING:
        return story(entry)
    if entry in SAME_PLAN:
        return forgetting(SAME_PLAN[entry])
    return once(f"forgetting-{entry}", lambda: _forgetting(entry))


def _forgetting(entry: str) -> Story:
    with world(platforms(entry)) as made:
        working = ENTRIES[entry](made)
        next(working)
        for event in EVENTS.values():
            if event.promise is Promise.FORGOTTEN:
                event.happen(made, event.email, event.moved)
        before, refused = made.look(), False
        try:
            next(working, None)
        except Stale:
            refused = True
        return Story(before, before, (made.look(),), [], *_traces(made), refused)


def _traces(made: Everywhere) -> tuple[set[str], set[str]]:
    people = {SILENT, *(address for event in EVENTS.values() for address in event.addresses)}
    return made.written(people), made.written(people, "retired-*.csv")


def told(entry: str, event: Event) -> Story:
    return forgetting(entry) if event.promise is Promise.FORGOTTEN else story(entry)


@contextmanager
def world(platforms: tuple[str, ...]) -> Iterator[Everywhere]:
    """Everybody of entries.BEFORE is in the segment “readers” on each platform."""
    with TemporaryDirectory() as folder:
        shutil.copytree(_begun(platforms).name, folder, dirs_exist_ok=True)
        with everywhere(Path(folder), platforms) as made:
            yield made


@cache
def _begun(platforms: tuple[str, ...]) -> TemporaryDirectory[str]:
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    with everywhere(Path(folder.name), platforms) as made:
        begin(made)
    return folder
