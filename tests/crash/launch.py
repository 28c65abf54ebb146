"""Runs the real command line in a process that dies by SIGKILL at a chosen event.

Events are counted over every commit of the state and every HTTP request: before it, and after it. The process can also
die some milliseconds after the event, which hits a request in flight. Nothing in the product knows of this.

As a program of tests/forks.py, whose only word is the order as JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

FASTER = 60  # a minute of waiting takes a second


@dataclass(frozen=True)
class Order:
    """One run of `sync` in `folder`. `at`: the number of the event it dies at, None to live. `wire`: a file that gets
    a line for every event and every writing request."""

    folder: str
    words: tuple[str, ...]
    wire: str
    at: int | None = None
    answered: str = ""  # dies when the first request of this form ("POST .*/x") has been answered
    delay: float = 0.0  # seconds between the event and death
    file_size: int | None = None  # no file may grow beyond this many bytes: like a full disk
    read_only: bool = False  # the state's database takes no writes
    clock: float = 0.0  # seconds by which the clock of the state is wrong
    lease: float | None = None  # seconds that a lease lasts
    trouble: str = "die"  # what comes at the event; "stop": SIGSTOP; "note": only a line in `wire`
    applying: bool = False  # events count once the run is open
    environment: dict[str, str] = field(default_factory=dict)


class Doom:
    """Counts events and dies at the chosen one."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._seen = 0
        self._lock = threading.Lock()
        self.counting = not order.applying
        self._wire = os.open(order.wire, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)

    def event(self, what: str) -> None:
        if not self.counting:
            return
        with self._lock:
            self._seen += 1
            now = self._seen == self.order.at
        self.note(event=what, number=self._seen, dies=now)
        if not now:
            return
        if self.order.delay:
            threading.Timer(self.order.delay, self._strike).start()
        else:
            self._strike()

    def _strike(self) -> None:
        self.note(trouble=self.order.trouble, pid=os.getpid(), **_clock())
        if self.order.trouble == "die":
            _die()
        elif self.order.trouble == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)

    def note(self, **what: Any) -> None:
        with contextlib.suppress(OSError):  # a full disk
            os.write(self._wire, (json.dumps(what) + "\n").encode())


def _clock() -> dict[str, float]:
    """One clock for all processes of this machine."""
    return {"at": time.monotonic()}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(order: Order) -> None:
    """In a process of its own; never returns."""
    os.chdir(order.folder)
    os.environ.update(order.environment)
    if order.file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.file_size, resource.RLIM_INFINITY))
    sys.argv = ["sync", *order.words]
    doom = Doom(order)
    _watch_commits(doom)
    _watch_requests(doom)
    _hurry()
    _do_not_wait_for_the_disk()
    _turn_clock(order.clock)
    _shorten_leases(order.lease)
    _watch_apply(doom)
    if order.read_only:
        _take_no_writes()
    from connector.cli.process import run as start

    start()


def _watch_commits(doom: Doom) -> None:
    from connector.state.drivers.postgres import PostgresDatabase
    from connector.state.drivers.sqlite import Database

    for driver in (Database, PostgresDatabase):
        driver._commit = _watched(doom, driver._commit)  # type: ignore[method-assign]


def _watched(doom: Doom, commit: Callable[[Any], None]) -> Callable[[Any], None]:
    def watched(self: Any) -> None:
        doom.event("commit before")
        commit(self)
        doom.event("commit after")

    return watched


def _watch_requests(doom: Doom) -> None:
    from requests.adapters import HTTPAdapter

    send = HTTPAdapter.send

    def watched(self: Any, request: Any, *rest: Any, **more: Any) -> Any:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        doom.event("request before")
        begun = _clock()
        doom.note(sent=f"{request.method} {request.url}", body=body, **begun)
        answer = send(self, request, *rest, **more)
        doom.note(answered=f"{request.method} {request.url}", body=body, status=answer.status_code, **begun)
        if doom.order.answered and re.fullmatch(doom.order.answered, f"{request.method} {request.url}"):
            _die()
        doom.event("request after")
        return answer

    HTTPAdapter.send = watched  # type: ignore[method-assign]


def _hurry() -> None:
    from connector.platforms.http.limits import WallClock

    sleep: Callable[..., None] = WallClock.sleep
    WallClock.now = lambda self: time.monotonic() * FASTER  # type: ignore[method-assign]
    WallClock.sleep = lambda self, seconds: sleep(self, seconds / FASTER)  # type: ignore[method-assign]


def _do_not_wait_for_the_disk() -> None:
    """A process dies here, not the power."""
    from connector.state.drivers import sqlite

    sqlite.SYNCHRONOUS = "OFF"


def _take_no_writes() -> None:
    """As on a file system without the right to write; root has that right everywhere. SQLite's error is the same."""
    from connector.state.drivers.sqlite import Database

    begin = Database.__init__

    def made(self: Database, *words: Any) -> None:
        begin(self, *words)
        self.rows("PRAGMA query_only = ON")

    Database.__init__ = made  # type: ignore[method-assign]


def _turn_clock(seconds: float) -> None:
    from connector.app import workspace
    from connector.state.drivers import chain, sqlite

    class Turned(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(seconds=seconds)

    for module in (sqlite, chain, workspace):
        module.datetime = Turned  # type: ignore[attr-defined]


def _shorten_leases(seconds: float | None) -> None:
    from connector.state import lease
    from connector.state.drivers import postgres

    if seconds is not None:
        postgres.STALLED_SECONDS = seconds  # type: ignore[assignment]
        lease.SECONDS, lease.RENEW_SECONDS = seconds, seconds / 4  # type: ignore[misc,assignment]


def _watch_apply(doom: Doom) -> None:
    from connector.push import run

    apply = run.apply

    def watched(*words: Any, **more: Any) -> Any:
        doom.counting = True
        return apply(*words, **more)

    run.apply = watched


def main() -> None:
    """In a fork that has nothing else to do; never returns."""
    given = json.loads(sys.argv[1])
    run(Order(**{**given, "words": tuple(given["words"])}))


def as_word(order: Order) -> str:
    return json.dumps(asdict(order))
