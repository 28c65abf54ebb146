"""A workspace: one segments.yaml, the moment, and everything that belongs to them.

Owns: the clock, where ledger and rehearsal lie, reading secrets late. Must not: print, parse arguments, or hold logic
that a room could hold.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connector.config.load import load as load_config
from connector.config.sections.models import Config, Destination
from connector.config.sections.secrets import resolve
from connector.core.errors import ConfigError, Interrupted
from connector.core.events import Event, Listener, silent
from connector.core.problem import Place, Problem, did_you_mean
from connector.vendors import title

if TYPE_CHECKING:
    from connector.config.language.rules import Duration
    from connector.platforms.base import Adapter, Capabilities
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
    state_must_exist: bool = False
    require_all: bool = False  # trouble of one destination stops all
    command: str = "push"  # with its arguments, as a person types it


@dataclass(frozen=True, slots=True)
class Workspace:
    """One segments.yaml with everything that belongs to it. `stop` is set when the user asks to stop."""

    config: Config
    options: Options
    as_of: datetime
    stop: threading.Event
    addresses: Mapping[str, str]  # destination -> base URL, when it is not the vendor's
    secrets: Mapping[str, str]  # variable -> value
    adapters: dict[str, Adapter] = field(
        default_factory=dict
    )  # made when first asked for; they remember what they read
    stores: list[Store] = field(default_factory=list)  # those that are open

    @property
    def state_url(self) -> str:
        """Rehearsals keep a ledger of their own: what they confirm never happened on the real platforms."""
        folder = self.config.folder / ".connector"
        if self.options.state is not None:
            from connector.state.address import check
            from connector.state.open import rehearsal_url

            check(self.options.state)
            return rehearsal_url(self.options.state) if self.options.rehearse else self.options.state
        return str(folder / ("rehearsal/state.db" if self.options.rehearse else "state.db"))

    def go_on(self) -> None:
        """Raises Interrupted when the user asked to stop before anything was sent."""
        if self.stop.is_set():
            raise Interrupted("Interrupted. Nothing was sent.")

    def permit(self) -> None:
        """Before every request that changes something on a platform. Raises StateError unless an open state's lease is
        provably ours right now."""
        for store in self.stores:
            store.require_lease()

    def reading(self, event: Event) -> None:
        """The listener while platforms are read: between two pages, a wish to stop ends the reading."""
        self.go_on()
        self.options.listener(event)

    def now(self) -> datetime:
        """The machine's time, for what is recorded here. A platform is asked by its own (Adapter.now), and rules know
        `as_of` only."""
        return datetime.now(UTC)

    def ago(self, duration: Duration) -> datetime:
        """The moment so long before `as_of`, in the file's time zone."""
        from connector.segments.compile.windows import ago

        return ago(self.as_of, duration, self.config.zone)

    def destinations(self) -> list[Destination]:
        """The destinations chosen by --to; all without it. Raises ConfigError when a glob finds none."""
        chosen = matching(self.options.to, self.config.destinations, "--to", "destination")
        return [self.config.destinations[name] for name in chosen]


@contextmanager
def open_workspace(
    options: Options, stop: threading.Event | None = None, *, offline: bool = False
) -> Iterator[Workspace]:
    """Read segments.yaml and the moment; with --rehearse, have the rehearsal platforms running meanwhile.

    `offline`: no platform will be called, so none is started."""
    _check_allow(options)
    config = load_config(options.file)
    matching(options.only, config.segments, "--only", "segment")
    as_of = moment(options.as_of, config.zone)
    stop = stop or threading.Event()
    with closing(config.session):
        yield from _opened(config, options, as_of, stop, offline)


def _opened(
    config: Config, options: Options, as_of: datetime, stop: threading.Event, offline: bool
) -> Iterator[Workspace]:
    if offline or not options.rehearse:
        yield _ready(Workspace(config, options, as_of, stop, {}, os.environ))
        return
    from connector import rehearse

    with rehearse.running(config.folder) as url:
        addresses = {
            name: rehearse.address(url, item.platform)
            for name, item in config.destinations.items()
            if rehearse.rehearsed(item.platform)
        }
        secrets = {item.secret.variable: rehearse.key(item.platform) for item in config.destinations.values()}
        yield _ready(Workspace(config, options, as_of, stop, addresses, secrets))


def _ready(workspace: Workspace) -> Workspace:
    """Fetching exports asks it whether to go on."""
    workspace.config.session.go_on = workspace.go_on
    return workspace


def _check_allow(options: Options) -> None:
    """Raises ConfigError for a guard that does not exist, and for overriding one without a reason."""
    if not options.allow:
        return
    from connector.plan.guards.rules import NAMES

    for name in options.allow:
        if name not in NAMES:
            hint = did_you_mean(name, NAMES)
            raise ConfigError([Problem(Place("--allow"), "unknown-guard", f'No guard is called "{name}".{hint}')])
    if not (options.reason or "").strip():
        raise ConfigError([Problem(Place("--allow"), "no-reason", "--allow needs --reason “why this is right”.")])


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


@contextmanager
def open_state(workspace: Workspace) -> Iterator[Store]:
    """The ledger and journal of this workspace. Raises StateError for a new one where there must be one."""
    from connector.core.errors import StateError
    from connector.state.open import exists, open_store

    url, must = workspace.state_url, workspace.options.state_must_exist
    new = StateError(
        "The state is new: nothing was ever pushed with it, and --state-must-exist refuses that. Give the "
        "right one with --state, or bring it back. If this is the first push, leave the option out once."
    )
    if must and not exists(url):
        raise new
    if not workspace.options.state:
        private = workspace.config.folder / ".connector"  # people's addresses: for its owner alone
        with suppress(OSError):  # the store says what is wrong with the place
            private.mkdir(mode=0o700, exist_ok=True)
            private.chmod(0o700)
    store = open_store(url)
    try:
        if must and not store.runs(1):
            raise new
        store.project.require(workspace.config.project, workspace.config.path.name)
        _refuse_strangers(workspace, store)
        workspace.stores.append(store)
        yield store
    finally:
        if store in workspace.stores:
            workspace.stores.remove(store)
        store.close()


def _refuse_strangers(workspace: Workspace, store: Store) -> None:
    """A shared state that pushed to other destinations only, or has members in other targets only, is most likely
    another file's. A file with `project`, which the first push binds, may say otherwise. Raises StateError."""
    from connector.core.errors import StateError
    from connector.state.project import OWN

    config, pushed = workspace.config, store.project.pushed_to()
    if config.project or "://" not in store.place or not pushed or not config.destinations:
        return
    if not set(pushed) & set(config.destinations):
        raise StateError(
            f"The state {store.place} is of {', '.join(pushed)}, and {config.path.name} has no destination of these: "
            f"it seems to be another file's. {OWN}"
        )
    held, sent = store.project.held(config.destinations), _sent_to(config)
    if held and sent and not sent & set(held):
        some = ", ".join(f"“{name}”" for name in held[:3])
        raise StateError(
            f"The state {store.place} has members in {some}{' and others' if held[3:] else ''}, and {config.path.name} "
            f"is sent to none of the targets of the state: it seems to be another file's. {OWN}"
        )


def _sent_to(config: Config) -> set[str]:
    """The names of all tags and lists of the file, whatever their destination."""
    found = {name for one in config.segments.values() for send in one.send_to for _, name in send.targets}
    return found | {name for policy in config.lifecycle for _, _, name in policy.targets()}


def adapter(workspace: Workspace, destination: Destination) -> Adapter:
    """The destination's adapter, with its secret read now and its address as the workspace says. Raises ConfigError for
    --rehearse where there is no rehearsal: nothing of a rehearsal may reach a real platform."""
    from connector.platforms.http.limits import WallClock
    from connector.platforms.registry import create

    if workspace.options.rehearse and destination.name not in workspace.addresses:
        place = workspace.config.value_place(("destinations", destination.name, "platform"))
        text = f"{title(destination.platform)} has no rehearsal platform. Choose other destinations: --to NAME."
        raise ConfigError([Problem(place, "not-rehearsed", text)])
    if destination.name not in workspace.adapters:
        address = workspace.addresses.get(destination.name, destination.base_url)
        clock = WallClock(workspace.stop)
        clock.permit = workspace.permit
        workspace.adapters[destination.name] = create(
            destination.model_copy(update={"base_url": address}),
            _key(workspace, destination),
            clock=clock,
            listener=workspace.options.listener,
        )
    return workspace.adapters[destination.name]


def require_keys(workspace: Workspace) -> None:
    """Before any platform is called. Raises ConfigError that names every chosen destination's key that is missing."""
    problems: list[Problem] = []
    for item in workspace.destinations():
        try:
            _key(workspace, item)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def _key(workspace: Workspace, destination: Destination) -> str:
    from connector.vendors import VENDORS

    place = workspace.config.value_place(("destinations", destination.name, VENDORS[destination.platform].secret))
    return resolve(destination.secret, workspace.secrets, place)


def capabilities(destination: Destination) -> Capabilities:
    """What the platform can do. An adapter knows it without its key, so it is made with a stand-in and never used."""
    from connector.platforms.http.limits import WallClock
    from connector.platforms.registry import create
    from connector.vendors import VENDORS

    made = create(destination, VENDORS[destination.platform].sample_key, clock=WallClock(), listener=silent)
    return made.capabilities
