"""The ways to a platform. Each is a generator: what precedes the first request, a `yield` at the last moment before it,
then the rest. Afterwards the segment “extra” has been asked for, for everybody of the export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from connector.app import cleaning, planning, pushing, upkeep
from connector.app.workspace import Workspace, open_state
from connector.core.errors import DestinationError
from connector.core.events import Event, Progress
from connector.plan.saved import load, save
from connector.state.base import JournalBatch, RunState, Store
from connector.state.journal import SqlJournal
from tests.matrix.events import EVENTS
from tests.matrix.world import ALLOWED, Everywhere

SILENT = "silent@example.com"  # nothing happens to them meanwhile
OTHERS = {"ann": "ann@example.com", "cleo": "cleo@example.com", "silent": SILENT}
BEFORE = OTHERS | {event.name: event.held for event in EVENTS.values() if not event.is_new}
# The export gives everybody of the events another name, and keeps their numbers; newcomers are in it too.
AFTER = OTHERS | {f"renamed {event.name}": event.email for event in EVENTS.values()}
NUMBERS = {f"renamed {event.name}": event.name for event in EVENTS.values()}


class CutOff(Exception):
    """In place of the end of the process."""


Entry = Callable[[Everywhere], Iterator[None]]
ENTRIES: dict[str, Entry] = {}
CLEANUPS = {"cleanup", "cleanup_unsubscribes"}
LESS = CLEANUPS | {"adopt"}  # those that do less than a push: the next one brings what was asked for
# Those that hold a plan when the events happen.
HOLDING = CLEANUPS | {"prompt_answered_late", "saved_plan", "saved_plan_after_another_plan", "refresh", "undo", "adopt"}
# Those whose plan is held in the same way as another's.
SAME_PLAN = {"saved_plan_after_another_plan": "saved_plan", "cleanup_unsubscribes": "cleanup"}


def entry(function: Entry) -> Entry:
    ENTRIES[function.__name__] = function
    return function


def begin(world: Everywhere) -> None:
    """Everybody of BEFORE is in the segment “readers” everywhere."""
    world.ask(BEFORE)
    world.push()


def want_extra(world: Everywhere) -> None:
    """Two things more are asked for: other names, and everybody of the export in “extra”."""
    world.ask(AFTER, extra="paid", numbers=NUMBERS)


@contextmanager
def opened(world: Everywhere, **options: Any) -> Iterator[tuple[Workspace, Store]]:
    with world.open(allow=ALLOWED, reason="test", **options) as workspace, open_state(workspace) as store:
        yield workspace, store


@entry
def fresh_push(world: Everywhere) -> Iterator[None]:
    want_extra(world)
    yield
    world.push()


@entry
def prompt_answered_late(world: Everywhere) -> Iterator[None]:
    want_extra(world)
    with opened(world) as (workspace, store):
        plan = planning.plan(workspace, store)
        yield
        pushing.push(workspace, store, plan)


@entry
def saved_plan(world: Everywhere) -> Iterator[None]:
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
def saved_plan_after_another_plan(world: Everywhere) -> Iterator[None]:
    """Another command has read the platforms since: nothing may be taken for known because of that."""
    saving = saved_plan(world)
    next(saving)
    yield
    world.plan()
    next(saving, None)


@entry
def resume(world: Everywhere) -> Iterator[None]:
    """No destination could be read, so the run ended before its first request."""
    want_extra(world)

    def listen(event: Event) -> None:  # the run is open by then, and nothing was sent
        if isinstance(event, Progress) and event.step == "checking for opt-outs":
            raise DestinationError("out of order", destination=event.destination)

    with world.open(listener=listen) as workspace, open_state(workspace) as store:
        assert pushing.push(workspace, store, planning.plan(workspace, store)).state is RunState.FAILED
    yield
    with opened(world) as (workspace, store):
        pushing.resume(workspace, store)


@entry
def push_after_abandon(world: Everywhere) -> Iterator[None]:
    """A run ended with its first request to each platform: whether that one had left is not known. It is given up."""
    want_extra(world)
    sent = SqlJournal.sent

    def last(self: SqlJournal, batch: JournalBatch) -> None:
        sent(self, batch)
        raise CutOff

    with opened(world) as (workspace, store):
        plan = planning.plan(workspace, store)
        with patch.object(SqlJournal, "sent", last), suppress(CutOff):
            pushing.push(workspace, store, plan)
        run = pushing.abandon(workspace, store, store.runs()[0].id, "cannot be resumed")
        assert run.state is RunState.ABANDONED
        assert any(counts.get("unknown") for ops in run.summary.values() for counts in ops.values())
    yield
    world.push()


@entry
def refresh(world: Everywhere) -> Iterator[None]:
    want_extra(world)
    with opened(world) as (workspace, store):
        plan = planning.refreshed(workspace, store)
        yield
        pushing.push(workspace, store, plan)


@entry
def undo(world: Everywhere) -> Iterator[None]:
    """Everybody was in “extra”, left it, and the leaving is taken back."""
    for plan in ("paid", "free"):
        world.ask(BEFORE, extra=plan)
        world.push(allow=ALLOWED, reason="test")
    with opened(world) as (workspace, store):
        plan_back = upkeep.undo(workspace, store, "last")
        yield
        pushing.push(workspace, store, plan_back)


@entry
def adopt(world: Everywhere) -> Iterator[None]:
    """The state was lost: everybody is in “readers” already, and nothing is known of it."""
    want_extra(world)
    world.forget_all()
    with opened(world) as (workspace, store):
        plan = upkeep.adopt(workspace, store)
        yield
        pushing.push(workspace, store, plan)


def _clean(world: Everywhere, action: str) -> Iterator[None]:
    """All but ann, cleo and newcomers are inactive: in the last stage at the plan, and to be archived, suppressed or
    unsubscribed."""
    stage = {"name": "sunset", "tag": "sunset", "action": action}
    policy = {"signals": ["last_click_at"], "inactive": {"after": "30 days"}, "stages": [stage]}
    more: dict[str, Any] = {"lifecycle": policy}
    active = {OTHERS["ann"], OTHERS["cleo"], *(event.email for event in EVENTS.values() if event.is_new)}
    clicks = dict.fromkeys(active, f"{world.today}T00:00:00Z")
    world.ask(BEFORE, more=more, clicks=clicks)
    world.push(allow=ALLOWED, reason="test")
    world.ask(AFTER, extra="paid", numbers=NUMBERS, more=more, clicks=clicks)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()  # a full day after the last stage was entered
    with opened(world, as_of=tomorrow) as (workspace, store):
        found = cleaning.cleanup(workspace, store)
        yield
        cleaning.apply(workspace, store, found)


@entry
def cleanup(world: Everywhere) -> Iterator[None]:
    return _clean(world, "default")


@entry
def cleanup_unsubscribes(world: Everywhere) -> Iterator[None]:
    return _clean(world, "unsubscribe")
