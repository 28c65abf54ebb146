"""The verbs that the command line calls: load, evaluate, plan, push, resume.

Owns: the clock, the order of the steps, and which files a workspace uses. Must not: print, parse arguments, or hold
logic that a room could hold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.config.load import load as load_config
from connector.config.models import Config, Destination
from connector.config.secrets import resolve
from connector.errors import ConfigError, PlanError, Stale, Unsafe
from connector.events import Listener, silent
from connector.problem import Place, Problem, did_you_mean

if TYPE_CHECKING:
    from connector.plan.model import Plan
    from connector.platforms.base import Adapter
    from connector.push.run import RunResult
    from connector.segments.evaluate import Evaluation
    from connector.sources.model import Loaded, SourceInfo
    from connector.state.base import Store


@dataclass(frozen=True, slots=True)
class Options:
    """What the common options of every command say."""

    file: Path = Path("segments.yaml")
    state: str | None = None
    as_of: str | None = None
    only: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    rehearse: bool = False
    allow: tuple[str, ...] = ()
    reason: str | None = None
    listener: Listener = silent


@dataclass(frozen=True, slots=True)
class Workspace:
    """One segments.yaml with everything that belongs to it. `stop` is set when the user asks to stop."""

    config: Config
    options: Options
    as_of: datetime
    stop: threading.Event
    addresses: Mapping[str, str]  # destination -> base URL, when it is not the vendor's
    secrets: Mapping[str, str]  # variable -> value

    @property
    def state_url(self) -> str:
        """Rehearsals keep a ledger of their own: what they confirm never happened on the real platforms."""
        folder = self.config.folder / ".connector"
        if self.options.state:
            return self.options.state + (".rehearsal" if self.options.rehearse else "")
        return str(folder / ("rehearsal/state.db" if self.options.rehearse else "state.db"))

    def destinations(self) -> list[Destination]:
        """The destinations chosen by --to; all without it. Raises ConfigError when a glob finds none."""
        chosen = matching(self.options.to, self.config.destinations, "--to", "destination")
        return [self.config.destinations[name] for name in chosen]


@contextmanager
def open_workspace(options: Options, stop: threading.Event | None = None) -> Iterator[Workspace]:
    """Read segments.yaml and the moment; with --rehearse, have the rehearsal platforms running meanwhile."""
    config = load_config(options.file)
    matching(options.only, config.segments, "--only", "segment")
    as_of = moment(options.as_of, config.zone)
    stop = stop or threading.Event()
    if not options.rehearse:
        yield Workspace(config, options, as_of, stop, {}, os.environ)
        return
    from connector import rehearse

    with rehearse.running(config.folder) as url:
        addresses = {name: rehearse.address(url, item.platform) for name, item in config.destinations.items()}
        secrets = {item.secret.variable: rehearse.KEYS[item.platform] for item in config.destinations.values()}
        yield Workspace(config, options, as_of, stop, addresses, secrets)


def matching(patterns: Sequence[str], names: Mapping[str, object], option: str, what: str) -> list[str]:
    """The names that any of the globs finds; all without globs. Each glob must find something."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, names)
            raise ConfigError([Problem(Place(option), f"unknown-{what}", f'No {what} is called "{pattern}".{hint}')])
    return [name for name in names if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)]


def moment(text: str | None, zone: ZoneInfo) -> datetime:
    """`--as-of` as an instant in UTC: a timestamp with or without zone, a date (its end), or now."""
    if text is None:
        return datetime.now(UTC)
    try:
        if len(text) == len("2026-11-20"):
            following = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(following, time(), zone).astimezone(UTC) - timedelta(microseconds=1)
        read = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        message = f'"{text}" is not a moment. Write 2026-11-20, 2026-11-20T18:00 or 2026-11-20T18:00+01:00.'
        raise ConfigError([Problem(Place("--as-of"), "bad-moment", message)]) from None
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)


def load(workspace: Workspace) -> tuple[Mapping[str, SourceInfo], Loaded]:
    """Find and read the exports: only the columns that the file's rules and fields use."""
    from connector.segments.names import needed
    from connector.sources.discover import catalog
    from connector.sources.load import load as load_sources

    config = workspace.config
    if "stale" in workspace.options.allow:
        sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
        config = config.model_copy(update={"sources": sources})
    found = catalog(config, workspace.as_of)
    return found, load_sources(config, found, workspace.as_of, needed(config, found))


def evaluate(workspace: Workspace) -> Evaluation:
    """Every segment's members, with the values that destinations' fields need."""
    from connector.segments.evaluate import evaluate as evaluate_segments

    found, loaded = load(workspace)
    return evaluate_segments(workspace.config, loaded, workspace.as_of, catalog=found)


@contextmanager
def open_state(workspace: Workspace) -> Iterator[Store]:
    """The ledger and journal of this workspace."""
    from connector.state.open import open_store

    store = open_store(workspace.state_url)
    try:
        yield store
    finally:
        store.close()


def adapter(workspace: Workspace, destination: Destination) -> Adapter:
    """The destination's adapter, with its secret read now and its address as the workspace says."""
    from connector.platforms.limits import WallClock
    from connector.platforms.registry import create

    address = workspace.addresses.get(destination.name, destination.base_url)
    return create(
        destination.model_copy(update={"base_url": address}),
        resolve(destination.secret, workspace.secrets),
        clock=WallClock(workspace.stop),
        listener=workspace.options.listener,
    )


def plan(workspace: Workspace, store: Store, limit: int | None = None) -> Plan:
    """What a push would do now. Reads the exports and the platforms; writes nothing to a platform.

    Raises PlanError when an unfinished run must be resumed first."""
    from connector.plan import build, observe
    from connector.plan.routes import route

    _refuse_unfinished(store)
    config, now = workspace.config, datetime.now(UTC)
    evaluation = evaluate(workspace)
    desired = evaluation.table.column("email").combine_chunks()
    sides = []
    for destination in workspace.destinations():
        routing = route(config, destination, workspace.options.only)
        connected = adapter(workspace, destination)
        people = desired.filter(observe.wanted(evaluation.table, routing))
        observe.contacts(store, connected, destination.name, people, now, workspace.options.listener)
        ledger = store.ledger(destination.name)
        seen, new_targets = observe.targets(store, connected, routing, ledger)
        sides.append(build.Side(routing, ledger, connected.capabilities, seen, new_targets))
    last = store.last_contacts()
    return build.build(evaluation.table, sides, as_of=workspace.as_of, made_at=now, contacts_before=last, limit=limit)


def bind(workspace: Workspace, plan: Plan) -> Plan:
    """The plan with the content hashes of the files it was made from, ready to be saved."""
    from connector.plan.saved import with_inputs

    return with_inputs(plan, _inputs(workspace))


def check_saved(workspace: Workspace, plan: Plan) -> None:
    """Raises Stale when segments.yaml or an export is not what the saved plan was made from."""
    now = _inputs(workspace)
    moved = sorted(name for name in {*now, *plan.inputs} if now.get(name) != plan.inputs.get(name))
    if moved:
        raise Stale(f"The saved plan no longer fits: {', '.join(moved)} changed since it was made. Plan again.")


def _inputs(workspace: Workspace) -> dict[str, str]:
    from connector.sources.discover import catalog
    from connector.sources.fingerprint import fingerprint

    config = workspace.config
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    found = catalog(config.model_copy(update={"sources": sources}), workspace.as_of)
    inputs = {f"source {name}": fingerprint(info.files) for name, info in found.items()}
    return inputs | {config.path.name: fingerprint([config.path])}


def guard(workspace: Workspace, plan: Plan) -> None:
    """Raises Unsafe for every guard that --allow does not lift; lifting needs a reason."""
    allowed = set(workspace.options.allow)
    if allowed and not workspace.options.reason:
        raise ConfigError([Problem(Place("--allow"), "no-reason", "--allow needs --reason “why this is right”.")])
    standing = [hit for hit in plan.guards if hit.name not in allowed]
    if standing:
        raise Unsafe("\n".join(hit.message for hit in standing), [hit.name for hit in standing])


def push(workspace: Workspace, store: Store, plan: Plan) -> RunResult:
    """Open a run for the plan and apply it. The guards must have been asked before (`guard`)."""
    from connector.push.run import apply

    lifted = dict.fromkeys(workspace.options.allow, workspace.options.reason or "")
    with store.lease("push"):
        run = store.open_run(
            plan_id=plan.id,
            as_of=plan.as_of,
            made_at=plan.made_at,
            changes=plan.changes,
            revisions=plan.revisions,
            contacts=plan.contacts,
            allowed=lifted,
        )
        adapters = {name: adapter(workspace, workspace.config.destinations[name]) for name in plan.revisions}
        return apply(store, run, adapters, workspace.options.listener, workspace.stop)


def resume(workspace: Workspace, store: Store) -> RunResult | None:
    """Finish the run that was cut off; None when there is none."""
    from connector.push.run import resume as resume_run

    open_run = store.unfinished()
    if open_run is None:
        return None
    adapters = {name: adapter(workspace, item) for name, item in workspace.config.destinations.items()}
    with store.lease("resume"):
        return resume_run(store, adapters, workspace.options.listener, workspace.stop)


def _refuse_unfinished(store: Store) -> None:
    run = store.unfinished()
    if run is not None:
        raise PlanError(f"Run {run.id} was cut off. Finish it first: sync resume.")


__all__ = ["Options", "Workspace", "replace"]
