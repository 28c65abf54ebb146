"""What the rehearsal platforms share: the state file, the clock, the settings, requests and answers.

Owns: World, Settings, Request, Response, Route, Refusal and the shape of a platform module. Must not: know a vendor,
open a socket, import anything of the connector outside this package but the public facts in connector/vendors.

A platform is a module with

    NAME = "acme"                          # as in its facts; key of counters, settings.keys, settings.tiers
    TITLE = "Acme"
    PREFIXES = ("/v1",)                    # first path segments that are served by it, and by no other platform
    def install(world) -> None             # create its tables (with a prefix of its own) if missing; seed if empty
    def routes() -> list[Route]
    def guard(world, request) -> Response | None   # auth, version headers, limits; runs on arrival, before latency
    def error(status, detail="") -> Response       # the vendor's error shape
    def fault(kind) -> Response            # kinds: error (500), unavailable (503), throttle (429), blocked (what the
                                           # vendor's edge answers under load)
    def engage(world, events) -> None      # mails that were sent, opened, clicked, or came back
    def load(world, rows, file) -> int     # optional: rows of the vendor's own export (exports.Row) -> taken
    def overview(world) -> Overview        # for the page
    def members(world, key, limit, offset) -> Members | None   # of the target with this key, for the page

Handlers run one at a time in the server's thread, each in its own transaction: the server commits when a handler
returns, and rolls back when it raises (also Refusal). They must be quick and must not sleep.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from connector.rehearsal.core.faults import Fault
from connector.rehearsal.core.limits import Meter
from connector.vendors import VENDORS

STATE_VERSION = 1  # counts up when a table of any platform changes
REHEARSED = {name: vendor.rehearsal for name, vendor in VENDORS.items() if vendor.rehearsal}
KEYS = {name: VENDORS[name].sample_key for name in REHEARSED}
ACCOUNTS = {name: rehearsal.account for name, rehearsal in REHEARSED.items()}


@dataclass
class Settings:
    """How the rehearsal behaves; each field can be changed while it runs (POST /_rehearsal/settings)."""

    latency_ms: float = 0.0  # added to every request, while it counts as in flight
    slow_ms: float = 1500.0  # what the fault `slow` adds
    faults: tuple[Fault, ...] = ()
    fault_seed: int = 1  # the same seed and the same requests in the same order give the same faults
    limits: bool = True  # rate limits and connection caps; size caps of a request always hold
    limit_scale: float = 1.0  # 0.5 allows half of what the vendor documents, 100 is as good as off
    declines: str = ""  # a writing request that holds this text gets the vendor's 400, which names no record
    forgets: str = ""  # a job or batch leaves out the records that hold this text, and answers that it is done
    polls: int = 2  # a job is done when it is polled for the nth time; 0: at once
    patience_s: float = 5.0  # a job is over after so many seconds, however seldom it is polled
    samples: bool = True  # install() also seeds a few invented people
    clock_ahead_s: float = 0.0  # the platforms' clock minus the machine's
    keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))  # the one accepted key per platform
    accounts: dict[str, str] = field(default_factory=lambda: dict(ACCOUNTS))  # whose key it is; "": it may not tell
    lacks: dict[str, str] = field(default_factory=dict)  # per platform, rights that the key lacks: "a:read, b"
    tiers: dict[str, str] = field(default_factory=dict)  # per platform, a tier name that its limits depend on
    contacts_allowed: dict[str, int | None] = field(
        default_factory=dict
    )  # per platform, that the plan holds; None: all
    erased_return: bool = False  # an API creates erased addresses again; of vendors that say both
    lag_s: float = 0.0  # searches and lists know a contact only when it is so old; of vendors whose index lags


@dataclass
class World:
    """Everything that outlives a request. `in_flight` counts requests being served now, this one included."""

    db: sqlite3.Connection
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    meter: Meter = field(default_factory=Meter)
    in_flight: dict[str, int] = field(default_factory=dict)

    def now(self) -> datetime:
        """The platforms' present instant, UTC."""
        return self.clock() + timedelta(seconds=self.settings.clock_ahead_s)


def lacked(world: World, platform: str) -> set[str]:
    """The rights that the key of a platform lacks now, by the vendor's names."""
    return set(world.settings.lacks.get(platform, "").replace(",", " ").split())


def forgotten(world: World, record: object) -> bool:
    """Whether a job leaves this record out (Settings.forgets)."""
    text = world.settings.forgets
    return bool(text) and text in json.dumps(record)


def open_state(state: Path | str) -> sqlite3.Connection:
    """The state file (":memory:" for none). Writes begin a transaction by themselves; nothing commits by itself.

    Raises sqlite3.Error when the file is none of ours or of another version."""
    db = sqlite3.connect(state, timeout=30, check_same_thread=False)
    for pragma in ("journal_mode=WAL", "synchronous=OFF", "temp_store=MEMORY", "cache_size=-64000"):
        db.execute(f"PRAGMA {pragma}")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and version != STATE_VERSION:
        db.close()
        raise sqlite3.DatabaseError("it was not written by this version of the rehearsal platforms; remove it")
    db.execute(f"PRAGMA user_version = {STATE_VERSION}")
    return db


class BadJson(ValueError):
    """The body is not JSON. The server answers with the platform's error 400."""


class Refusal(Exception):
    """Raised in a handler to answer with `response` and undo what the handler wrote."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(str(response.status))


@dataclass
class Request:
    """One request. Header names are lower case; path params are percent-decoded."""

    method: str
    path: str
    query: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    params: dict[str, str] = field(default_factory=dict)
    template: str = ""  # of the matched route, "" when none matched
    writes: bool = False
    base_url: str = ""  # "http://127.0.0.1:PORT", for links in answers
    reply_headers: dict[str, str] = field(default_factory=dict)  # a guard's headers for whatever the answer will be

    def json(self) -> Any:
        """The parsed body, {} when there is none. Raises BadJson."""
        if not self.body:
            return {}
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise BadJson(str(error)) from None

    def first(self, name: str, default: str = "") -> str:
        """The first value of a query parameter."""
        return self.query.get(name, [default])[0]


@dataclass
class Response:
    """One answer. `body` is JSON-able, or bytes sent as they are, or None for no body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Did:
    """Something that happened to a mail, put in through POST /_rehearsal/engagement. `did` is send, open, click or
    bounce; `proxy`: an open that a privacy proxy made. `to`: the tag or list that the mail was sent to, by its name;
    `campaign`: what the campaign is called."""

    email: str
    did: str
    at: datetime
    proxy: bool = False
    to: str = ""
    campaign: str = ""


Handler = Callable[[World, Request], Response]


class Route(NamedTuple):
    """`path` may hold {params}; of several matching routes the one with fewest params wins. `writes` says whether it
    counts as a writing request; None: everything but GET does."""

    method: str
    path: str
    handler: Handler
    writes: bool | None = None


@dataclass
class TargetRow:
    """One tag or list on the page. `key` is what members() takes; it goes into a link."""

    kind: str
    name: str
    members: int
    key: str


@dataclass
class Overview:
    """What a platform holds now. `contacts` counts people by the vendor's own status words."""

    account: str
    contacts: dict[str, int]
    targets: list[TargetRow]


@dataclass
class Members:
    """One page of a target's members: (address, status) each."""

    name: str
    total: int
    rows: list[tuple[str, str]]


class Platform(Protocol):
    """A platform module as the server sees it."""

    NAME: str
    TITLE: str
    PREFIXES: Sequence[str]

    def install(self, world: World, /) -> None: ...
    def routes(self) -> list[Route]: ...
    def guard(self, world: World, request: Request, /) -> Response | None: ...
    def error(self, status: int, detail: str = "") -> Response: ...
    def fault(self, kind: str, /) -> Response: ...
    def engage(self, world: World, events: Sequence[Did], /) -> None: ...
    def overview(self, world: World, /) -> Overview: ...
    def members(self, world: World, key: str, limit: int, offset: int, /) -> Members | None: ...
