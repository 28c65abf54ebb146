"""The ways to a platform. Each is a generator: what precedes the first request, a `yield` at the last moment before it,
then the rest. Afterwards the segment “extra” has been asked for, for everybody of the export."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.app import planning, pushing, upkeep
from connector.app.workspace import Options, Workspace, open_state, open_workspace
from connector.core.events import Event, Progress
from connector.plan.saved import load, save
from connector.state.base import RunState, Store
from tests.matrix.events import EVENTS
from tests.path.small import SEGMENTS, Small

EXTRA = """
  extra: {when: {plan: %s}, send_to: {mailchimp: {tag: Extra}, klaviyo: {list: Extra, tag: extra}, \
hubspot: {list: Extra, tag: Extra}}}
"""
OTHERS = {"ann": "ann@example.com", "cleo": "cleo@example.com"}
BEFORE = OTHERS | {event.name: event.email for event in EVENTS.values() if not event.is_new}
# The export gives everybody of the events another name, and keeps their numbers; newcomers are in it too.
AFTER = OTHERS | {f"renamed {event.name}": event.email for event in EVENTS.values()}
NUMBERS = {f"renamed {event.name}": event.name for event in EVENTS.values()}

Entry = Callable[[Small], Iterator[None]]
ENTRIES: dict[str, Entry] = {}


def entry(function: Entry) -> Entry:
    ENTRIES[function.__name__] = function
    return function


def begin(world: Small) -> None:
    """Everybody of BEFORE is in the segment “readers” everywhere."""
    world.write(BEFORE)
    world.push()


def want_extra(world: Small) -> None:
    """Two things more are asked for: other names, and everybody of the export in “extra”."""
    world.write(AFTER, SEGMENTS + EXTRA % "paid", numbers=NUMBERS)


@contextmanager
def opened(world: Small) -> Iterator[tuple[Workspace, Store]]:
    with world.open() as workspace, open_state(workspace) as store:
        yield workspace, store


@entry
def fresh_push(world: Small) -> Iterator[None]:
    want_extra(world)
    yield
    world.push()


@entry
def prompt_answered_late(world: Small) -> Iterator[None]:
    want_extra(world)
    with opened(world) as (workspace, store):
        plan = planning.plan(workspace, store)
        yield
        pushing.push(workspace, store, plan)


@entry
def saved_plan(world: Small) -> Iterator[None]:
    want_extra(world)
    path = world.folder / "today.plan"
    with opened(world) as (workspace, store):
        save(pushing.bound(workspace, lambda: planning.plan(workspace, store)), path)
    yield
    with opened(world) as (workspace, store):
        plan = load(path)
        pushing.check_saved(workspace, plan)
        pushing.push(workspace, store, plan)


@entry
def saved_plan_after_another_plan(world: Small) -> Iterator[None]:
    """Another command has read the platforms since: nothing may be taken for known because of that."""
    saving = saved_plan(world)
    next(saving)
    yield
    world.plan()
    next(saving, None)


@entry
def resume(world: Small) -> Iterator[None]:
    want_extra(world)
    stop = threading.Event()

    def listen(event: Event) -> None:  # the run is open by then, and nothing was sent
        if isinstance(event, Progress) and event.step == "checking for opt-outs":
            stop.set()

    options = Options(file=world.folder / "segments.yaml", rehearse=True, listener=listen)
    with open_workspace(options, stop) as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, planning.plan(workspace, store))
        assert result.state is RunState.INTERRUPTED
    yield
    with opened(world) as (workspace, store):
        pushing.resume(workspace, store)


@entry
def refresh(world: Small) -> Iterator[None]:
    want_extra(world)
    with opened(world) as (workspace, store):
        plan = planning.refreshed(workspace, store)
        yield
        pushing.push(workspace, store, plan)


@entry
def undo(world: Small) -> Iterator[None]:
    """Everybody was in “extra”, left it, and the leaving is taken back."""
    world.write(BEFORE, SEGMENTS + EXTRA % "paid")
    world.push()
    world.write(BEFORE, SEGMENTS + EXTRA % "free")
    world.push(allow=("empty", "removes"), reason="test")
    with opened(world) as (workspace, store):
        plan = upkeep.undo(workspace, store, "last")
        yield
        pushing.push(workspace, store, plan)
