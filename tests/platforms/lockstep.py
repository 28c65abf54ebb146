"""The rehearsal platforms in this process, under a clock of their own that several threads share.

Time stands still while any thread works, and jumps to the next one's waking when all of them wait. So minutes of a
platform's limits take as long as the work itself, and the same run happens the same way each time."""

from __future__ import annotations

import heapq
import io
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import urllib3
from requests.adapters import BaseAdapter

from connector.rehearsal.core.limits import Meter
from connector.rehearsal.core.routing import Router
from connector.rehearsal.core.world import Platform, Refusal, Request, Response, Settings, World, open_state

BEGIN = datetime(2026, 11, 21, tzinfo=UTC)


class SharedClock:
    """`platforms.limits.Clock` for `threads` threads; each must `leave` when it is done."""

    def __init__(self, threads: int = 1) -> None:
        self.time = 0.0
        self._running = threads
        self._order = 0
        self._waiting: list[tuple[float, int, threading.Event]] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        woken = threading.Event()
        with self._lock:
            self._order += 1
            heapq.heappush(self._waiting, (self.time + max(0.0, seconds), self._order, woken))
            self._pause()
        assert woken.wait(60), "a thread neither worked nor waited"

    def join(self, threads: int) -> None:
        with self._lock:
            self._running += threads

    def leave(self) -> None:
        with self._lock:
            self._pause()

    def _pause(self) -> None:
        self._running -= 1
        if self._running == 0 and self._waiting:
            self.time, _, woken = heapq.heappop(self._waiting)
            self._running = 1
            woken.set()


class Simulated(BaseAdapter):
    """Answers requests as the rehearsal server would: limits on arrival, then `latency` seconds, then the handler."""

    def __init__(self, platform: Platform, clock: SharedClock, latency: float) -> None:
        super().__init__()
        self.platform, self.clock, self.latency = platform, clock, latency
        settings = Settings(samples=False, polls=1)
        self.world = World(
            open_state(":memory:"), settings, lambda: BEGIN + timedelta(seconds=clock.time), Meter(clock.now)
        )
        platform.install(self.world)
        self.router = Router(platform.routes())
        self._lock = threading.Lock()
        self.seen: list[tuple[float, str, int]] = []  # (arrival, method and template, status)
        self.flying: list[tuple[float, float]] = []  # (arrival, end)

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        asked = self._read(request)
        name, flying = self.platform.NAME, self.world.in_flight
        with self._lock:
            flying[name] = flying.get(name, 0) + 1
        arrived = self.clock.time
        with self._lock:
            denial = self.platform.guard(self.world, asked)
            self.world.db.commit()
        self.clock.sleep(self.latency if denial is None else self.latency / 5)
        with self._lock:
            answer = denial or self._handle(asked)
            flying[name] -= 1
        self.seen.append((arrived, f"{asked.method} {asked.template}", answer.status))
        self.flying.append((arrived, self.clock.time))
        answer.headers = {"date": format_datetime(self.world.now(), usegmt=True)} | answer.headers
        return _packed(answer, asked, request)

    def close(self) -> None:
        pass

    def _read(self, request: requests.PreparedRequest) -> Request:
        parts = urlsplit(str(request.url))
        body = request.body or b""
        asked = Request(
            str(request.method),
            parts.path,
            parse_qs(parts.query, keep_blank_values=True),
            {name.lower(): value for name, value in request.headers.items()},
            body.encode() if isinstance(body, str) else body,
            base_url="https://platform.test",
        )
        match = self.router.match(asked.method, parts.path)
        assert match.route, f"{asked.method} {parts.path}"
        asked.params, asked.template = match.params, match.route.path
        asked.writes = asked.method != "GET" if match.route.writes is None else match.route.writes
        return asked

    def _handle(self, asked: Request) -> Response:
        match = self.router.match(asked.method, asked.path)
        assert match.route
        try:
            answer = match.route.handler(self.world, asked)
        except Refusal as refusal:
            self.world.db.rollback()
            return refusal.response
        self.world.db.commit()
        return answer


def _packed(answer: Response, asked: Request, request: requests.PreparedRequest) -> requests.Response:
    packed = requests.Response()
    packed.status_code = answer.status
    packed.headers.update(asked.reply_headers | answer.headers)
    body = answer.body
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    packed.raw = urllib3.HTTPResponse(io.BytesIO(content), preload_content=False)
    packed.request, packed.url = request, str(request.url)
    return packed


def together(clock: SharedClock, threads: int, work: Sequence[Callable[[], None]]) -> None:
    """Do all of `work` in `threads` threads, in its order. Raises what any of them raised."""
    todo = iter(work)
    lock = threading.Lock()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            while not failed:
                with lock:
                    task = next(todo, None)
                if task is None:
                    return
                task()
        except BaseException as error:  # noqa: BLE001
            failed.append(error)
        finally:
            clock.leave()

    clock.join(threads)
    crowd = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for one in crowd:
        one.start()
    clock.leave()  # this thread only waits
    for one in crowd:
        one.join(240)
    clock.join(1)
    if failed:
        raise failed[0]
