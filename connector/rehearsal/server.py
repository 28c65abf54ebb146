"""The rehearsal process: one ASGI application, on loopback, that serves the platforms and their control.

Owns: reading requests, choosing the platform and the route, latency, faults, transactions, the request log and
counters, /_rehearsal/. Must not: know what a platform answers.
"""

from __future__ import annotations

import asyncio
import dataclasses
import importlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.types import Receive, Scope, Send

from connector.rehearsal.core import asgi, faults, log, page, visitors
from connector.rehearsal.core.recording import Recorder
from connector.rehearsal.core.routing import Match, Router, absent
from connector.rehearsal.core.world import (
    REHEARSED,
    BadJson,
    Did,
    Platform,
    Refusal,
    Request,
    Response,
    Settings,
    World,
    open_state,
)


def load_platforms() -> list[Platform]:
    """The modules that the platforms' facts name, also those of other packages."""
    return [cast(Platform, importlib.import_module(rehearsal.routes)) for rehearsal in REHEARSED.values()]


_DEFAULTS = Settings()


class App:
    """The ASGI application. Handlers run in the event loop's thread, one at a time."""

    def __init__(
        self,
        world: World,
        platforms: list[Platform],
        stop: Callable[[], None] = lambda: None,
        recorder: Recorder | None = None,
    ) -> None:
        self.world = world
        self.platforms = platforms
        self._stop = stop
        self._recorder = recorder
        self._routers = {platform.NAME: Router(platform.routes()) for platform in platforms}
        self.configure({})
        self.install()

    def install(self) -> None:
        """Make what is missing in the state file."""
        log.install(self.world.db)
        for platform in self.platforms:
            platform.install(self.world)
        self.world.db.commit()

    def configure(self, changes: dict[str, Any]) -> None:
        """Change settings while running; faults count from one again. Raises ValueError for what does not exist."""
        if not isinstance(changes, dict):
            raise ValueError("Settings are a JSON object.")
        settings = self.world.settings
        known = {field.name for field in dataclasses.fields(Settings)}
        if unknown := set(changes) - known:
            raise ValueError(f"No such setting: {', '.join(sorted(unknown))}. Known: {', '.join(sorted(known))}.")
        for name, value in changes.items():
            visitors.checked(name, value, getattr(_DEFAULTS, name))
        for name, value in changes.items():
            if name == "faults":
                value = faults.parse(value)
            elif isinstance(getattr(settings, name), dict):
                value = getattr(settings, name) | value
            setattr(settings, name, value)
        if not changes or {"faults", "fault_seed"} & changes.keys():
            self.dice = faults.Dice(settings.faults, settings.fault_seed)

    def reset(self) -> None:
        """Forget everything and seed again."""
        self.world.db.rollback()
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (name,) in self.world.db.execute(tables).fetchall():
            self.world.db.execute(f'DROP TABLE "{name}"')
        self.world.meter.clear()
        self.dice = faults.Dice(self.world.settings.faults, self.world.settings.fault_seed)
        self.install()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await asgi.lifespan(receive, send)
            return
        request = asgi.request(scope)
        if (refused := visitors.refused(request)) is not None:
            request.body = await asgi.body(receive)
            await asgi.answer(send, refused, self.world.now())
            return
        platform = next((one for one in self.platforms if _serves(one, request.path)), None)
        if platform is None:
            request.body = await asgi.body(receive)
            await asgi.answer(send, self._control(request), self.world.now())
            return
        await self._serve(platform, request, scope, receive, send)

    async def _serve(self, platform: Platform, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """One request to a platform. It stops counting as in flight before the answer leaves."""
        raw_path = scope["raw_path"].decode("latin-1")
        match = self._routers[platform.NAME].match(request.method, raw_path)
        route, request.params = match.route, match.params
        request.template = route.path if route else ""
        request.writes = request.method != "GET" if route is None or route.writes is None else route.writes
        started, in_flight = time.monotonic(), self.world.in_flight
        in_flight[platform.NAME] = in_flight.get(platform.NAME, 0) + 1
        response, fault = None, ""
        try:
            denial = self._guard(platform, request)
            fault = self.dice.roll(platform.NAME, request.writes) if denial is None else ""
            request.body = await asgi.body(receive)
            await self._delay(fault)
            response = denial or self._faulty(platform, request, match, fault)
        except asgi.ClientGone:
            pass
        finally:
            in_flight[platform.NAME] -= 1
            status = response.status if response else 0
            log.add(self.world.db, self.world.now(), platform.NAME, request, status, time.monotonic() - started)
            self.world.db.commit()
        if response is not None:
            response.headers = request.reply_headers | response.headers
        if self._recorder:
            self._recorder.add(platform.NAME, scope, request, response, fault)
        if response is None:
            await asgi.drop(scope)
            return
        await asgi.answer(send, response, self.world.now(), garble=fault == "garble")

    async def _delay(self, fault: str) -> None:
        settings = self.world.settings
        if milliseconds := settings.latency_ms + (settings.slow_ms if fault == "slow" else 0):
            await asyncio.sleep(milliseconds / 1000)

    def _faulty(self, platform: Platform, request: Request, match: Match, fault: str) -> Response | None:
        """The answer with the fault's effect on it; None: the connection is to be dropped."""
        if fault == "drop_before":
            return None
        if fault in ("error", "unavailable", "throttle", "blocked"):
            return platform.fault(fault)
        declined = self.world.settings.declines.encode()
        if declined and request.writes and declined in request.body:
            return platform.error(400, "The request could not be understood.")
        response = self._handle(platform, request, match)
        if fault == "drop_after":
            return None
        return platform.fault("error") if fault == "error_after" else response

    def _guard(self, platform: Platform, request: Request) -> Response | None:
        try:
            return platform.guard(self.world, request)
        except Refusal as refusal:
            return refusal.response

    def _handle(self, platform: Platform, request: Request, match: Match) -> Response:
        """Run the handler; what it wrote is kept only if it returns."""
        try:
            if match.route is None:
                return platform.error(*absent(request.method, request.path, match))
            return match.route.handler(self.world, request)
        except Refusal as refusal:
            answer = refusal.response
        except BadJson:
            answer = platform.error(400, "The body of the request is not valid JSON.")
        except Exception:
            logging.getLogger(__name__).exception("%s %s", request.method, request.template)
            answer = platform.error(500, "The rehearsal platform has a bug; its log says where.")
        self.world.db.rollback()
        return answer

    def _control(self, request: Request) -> Response:
        """The page at / and everything under /_rehearsal/."""
        try:
            match request.method, request.path.rstrip("/"):
                case "GET", "":
                    return page.home(self.world, self.platforms, request)
                case "GET", "/_rehearsal/target":
                    return page.target(self.world, self.platforms, request)
                case "GET", "/_rehearsal/state":
                    return Response(body=self.state())
                case "GET", "/_rehearsal/requests":
                    return Response(body=log.last(self.world.db, int(request.first("limit", "1000"))))
                case "POST", "/_rehearsal/settings":
                    self.configure(request.json())
                    return Response(body=self.state())
                case "POST", "/_rehearsal/reset":
                    self.configure(request.json())
                    self.reset()
                    return Response(body=self.state())
                case "POST", "/_rehearsal/engagement":
                    self.engage(request.json())
                    return Response(status=204)
                case "POST", "/_rehearsal/load":
                    return Response(body=self.load(request.json()))
                case "POST", "/_rehearsal/stop":
                    self._stop()
                    return Response(status=204)
        except ValueError as error:
            return Response(400, {"error": str(error)})
        if request.path.startswith("/_rehearsal"):
            return Response(404, {"error": "Nothing here. The page is at /, the control under /_rehearsal/."})
        status, text = absent(request.method, request.path, Match(None, {}))  # an older API of a platform, for instance
        return Response(status, {"error": text, "message": text})

    def engage(self, happened: dict[str, list[dict[str, Any]]]) -> None:
        """{platform: [{email, did: send | open | click | bounce, at: ISO 8601, proxy, to, campaign}]}. Raises
        ValueError."""
        for platform in self.platforms:
            try:
                events = [
                    Did(
                        str(one["email"]),
                        str(one["did"]),
                        datetime.fromisoformat(one["at"]),
                        bool(one.get("proxy")),
                        str(one.get("to") or ""),
                        str(one.get("campaign") or ""),
                    )
                    for one in happened.get(platform.NAME, [])
                ]
            except (KeyError, TypeError) as error:
                raise ValueError(f"Each event has email, did and at; {error} is missing.") from None
            if strange := {one.did for one in events} - {"send", "open", "click", "bounce"}:
                raise ValueError(f"What was done is send, open, click or bounce, not {', '.join(strange)}.")
            platform.engage(self.world, events)
        self.world.db.commit()

    def load(self, given: dict[str, Any]) -> dict[str, int]:
        """{platform, file, rows}: rows of the vendor's own export, as one object each. Raises ValueError."""
        found = next((one for one in self.platforms if given.get("platform") == one.NAME), None)
        take = getattr(found, "load", None)
        if take is None:
            raise ValueError(f"The rehearsal of {given.get('platform')} takes no export.")
        count = take(self.world, given.get("rows") or [], str(given.get("file") or ""))
        self.world.db.commit()
        return {"loaded": count}

    def state(self) -> dict[str, Any]:
        """Counters, settings and what each platform holds, for tests and the curious."""
        settings = dataclasses.asdict(self.world.settings)
        del settings["keys"]
        settings["faults"] = ",".join(map(str, self.world.settings.faults))
        return {
            "counts": log.counts(self.world.db, [platform.NAME for platform in self.platforms]),
            "settings": settings,
            "platforms": {one.NAME: dataclasses.asdict(one.overview(self.world)) for one in self.platforms},
        }


def _serves(platform: Platform, path: str) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in platform.PREFIXES)


class _Server(uvicorn.Server):
    """Says where it listens, first thing on stdout, once it does."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for one in sockets or ():
            sys.stdout.write(f"listening on http://127.0.0.1:{one.getsockname()[1]}\n")
            sys.stdout.flush()


def serve(
    state: Path | str,
    port: int,
    settings: Settings,
    *,
    until_stdin_closes: bool = False,
    record: Path | None = None,
) -> None:
    """Serve on loopback until stopped (signal, POST /_rehearsal/stop, or, if asked, the end of stdin).

    `port` 0 takes a free one; `record` is a folder for whole requests and answers. Raises OSError when the port is
    taken."""
    world = World(open_state(state), settings)
    recorder = Recorder(record) if record else None
    app = App(world, load_platforms(), lambda: setattr(server, "should_exit", True), recorder)
    config = uvicorn.Config(
        app,
        http=asgi.Protocol,
        ws="none",
        log_level="error",
        timeout_graceful_shutdown=2,
        date_header=False,  # of the machine; the answers carry the platforms' own
    )
    server = _Server(config)
    with _listener(port) as listener:
        if until_stdin_closes:
            threading.Thread(target=_wait_for_stdin, args=(server,), daemon=True).start()
        server.run(sockets=[listener])
    world.db.close()


def _listener(port: int) -> socket.socket:
    """Said to be TCP in so many words: only then does asyncio send small answers at once (no 40 ms of Nagle)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _wait_for_stdin(server: uvicorn.Server) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True
