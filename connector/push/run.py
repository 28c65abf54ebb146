"""Applies a run: every destination in a thread of its own, then one result.

Owns: apply, resume, RunResult. Must not: build plans, know a platform or an outcome's meaning.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from connector.core.errors import DestinationError, Interrupted, PlanError, Refused
from connector.core.events import Listener
from connector.core.model import Outcome
from connector.platforms.base import Adapter
from connector.platforms.http.limits import Clock, WallClock
from connector.push.delivery import Halt
from connector.push.destination import push
from connector.reconcile.account import verify
from connector.state.base import RunState, Store

UNSENT = "unsent"


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run ended. `counts` is {destination: {op: {outcome | "unsent": changes}}}; `errors` tells which
    destinations could not be worked with, and why; `unread` those that the plan had left out, `held_back` those that a
    guard kept out; `skipped` are segments that the plan left out, and why."""

    run_id: str
    state: RunState
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    errors: Mapping[str, DestinationError] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    held_back: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    planned: Sequence[str] = ()  # also those with nothing to send
    left_out: int = 0  # people in the plan who had been forgotten
    failing: Mapping[str, int] = field(default_factory=dict)  # changes that failed too often: they need a person

    def total(self, outcome: str) -> int:
        """Changes with this outcome (connector.core.model.Outcome, or UNSENT) in all destinations."""
        return sum(counts.get(outcome, 0) for ops in self.counts.values() for counts in ops.values())

    @property
    def destinations(self) -> list[str]:
        """Those that were worked with, or were to be."""
        return list(dict.fromkeys([*self.planned, *self.counts, *self.errors]))

    @property
    def exit_code(self) -> int:
        """0 done, 1 done but some records failed or a segment was left out, 3 a guard kept a destination out, 4 a
        destination could not be worked with, 130 interrupted."""
        if self.state is RunState.INTERRUPTED:
            return Interrupted.exit_code
        if self.state is RunState.FAILED or self.unread:
            return DestinationError.exit_code
        if self.held_back:
            return PlanError.exit_code
        return 1 if self.total(Outcome.REJECTED) or self.total(Outcome.FAILED) or self.skipped else 0


def apply(
    store: Store,
    run_id: str,
    adapters: Mapping[str, Adapter],
    listener: Listener,
    stop: threading.Event,
    clock: Clock | None = None,
) -> RunResult:
    """Send what is left of a run. Needs the lease. Thread-safe listeners only. `adapters` may be of more destinations
    than the run's: all are asked before somebody is archived.

    Trouble of a destination ends up in the result. Raises StateError, and whatever is a bug, once the other
    destinations are done; the run is then as if it had been cut off."""
    clock = clock or WallClock(stop)
    halts = {name: Halt(stop) for name in store.journal.destinations(run_id)}
    with ThreadPoolExecutor(max(1, len(halts)), thread_name_prefix="destination") as pool:
        for name, halt in halts.items():
            if name in adapters:
                pool.submit(_push, store, run_id, name, adapters, listener, clock, halt)
            else:
                halt.error = _missing(name, run_id)
    for halt in halts.values():
        if halt.bug is not None:
            raise halt.bug
    return _finish(store, run_id, halts, stop)


def resume(
    store: Store,
    adapters: Mapping[str, Adapter],
    listener: Listener,
    stop: threading.Event,
    clock: Clock | None = None,
) -> RunResult | None:
    """Go on with the run that was cut off: unknown outcomes first, then the rest. None when there is none."""
    run = store.unfinished()
    return None if run is None else apply(store, run.id, adapters, listener, stop, clock)


def _push(
    store: Store,
    run_id: str,
    name: str,
    adapters: Mapping[str, Adapter],
    listener: Listener,
    clock: Clock,
    halt: Halt,
) -> None:
    """Nothing is sent with a key that opens another account than the ledger's."""
    try:
        verify(store, name, adapters[name])
    except Interrupted:
        halt.stop.set()
    except DestinationError as error:
        halt.error = error
    except BaseException as error:  # noqa: BLE001  (raised again when the other destinations are done)
        halt.bug = error
    else:
        push(store, run_id, name, adapters[name], listener, clock, halt, adapters)


def _finish(store: Store, run_id: str, halts: Mapping[str, Halt], stop: threading.Event) -> RunResult:
    counts = store.journal.counts(run_id)
    errors = {name: halt.error for name, halt in halts.items() if halt.error is not None}
    result = RunResult(run_id, RunState.DONE, counts, errors, left_out=store.run(run_id).left_out)
    if result.total(UNSENT) or result.total(Outcome.UNKNOWN) or errors:
        state = RunState.INTERRUPTED if stop.is_set() else RunState.FAILED
        result = replace(result, state=state)
    store.journal.finish(run_id, result.state, counts)
    return replace(result, failing=failing(store, run_id, counts))


def failing(store: Store, run_id: str, destinations: Iterable[str]) -> dict[str, int]:
    """Destination -> how many changes failed in this run once too often, so that they need a person."""
    found = {name: store.failing(name)["run_id"].to_pylist().count(run_id) for name in destinations}
    return {name: count for name, count in found.items() if count}


def _missing(name: str, run_id: str) -> Refused:
    text = (
        f"{name}: this destination is in the run, but not in segments.yaml any more. Put it back, then `sync resume`; "
        f"or give the run up: sync abandon {run_id} --reason “…”."
    )
    return Refused(text, destination=name, code="no_destination")
