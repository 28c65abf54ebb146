"""One entry point with all events at its last moment: recorded once per test run, looked at by all cells.

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
from tests.matrix.entries import CLEANUPS, ENTRIES, HOLDING, SAME_PLAN, SILENT, begin
from tests.matrix.events import EVENTS, Event, Promise
from tests.matrix.world import ALLOWED, Everywhere, Moment, everywhere
from tests.shared import once


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


@cache
def story(entry: str) -> Story:
    """All events, but for those that a plan does not outlive."""
    return once(f"story-{entry}", lambda: _story(entry))


def _story(entry: str) -> Story:
    with world() as made:
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
    with world() as made:
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
def world() -> Iterator[Everywhere]:
    """Everybody of entries.BEFORE is in the segment “readers” everywhere."""
    with TemporaryDirectory() as folder:
        shutil.copytree(_begun().name, folder, dirs_exist_ok=True)
        with everywhere(Path(folder)) as made:
            yield made


@cache
def _begun() -> TemporaryDirectory[str]:
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    with everywhere(Path(folder.name)) as made:
        begin(made)
    return folder
