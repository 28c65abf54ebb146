"""A folder that pushes to three platforms by HTTP with keys of its own, and a web hook that hears its alerts."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connector import rehearse
from connector.cli import main
from connector.platforms.http.limits import WallClock
from tests.path.small import PLATFORMS, SEGMENTS, Small, small

FASTER = 2000  # half an hour of waiting takes a second
PEOPLE = {f"p{number}": f"person{number}@example.com" for number in range(1, 7)}
VARIABLES = {"mailchimp": "MC", "klaviyo": "KL", "hubspot": "HS"}


@dataclass
class Hook:
    """A server on this machine. `heard` are the bodies; with `code` it refuses, with `slow` it answers after that."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    code: int = 200
    slow: float = 0.0
    port: int = 0

    @property
    def texts(self) -> list[str]:
        return [f"{one['title']}\n{one['message']}" for one in self.heard]

    def take(self) -> list[str]:
        """What was heard since."""
        found, self.heard = self.texts, []
        return found


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(made.slow)
            if made.code == 200:
                made.heard.append(json.loads(body))
            self.send_response(made.code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


@dataclass
class Night:
    """The folder, and the command line in this process."""

    world: Small
    call: Callable[..., tuple[int, str, str]]

    def write(self, people: Mapping[str, str] = PEOPLE, more: str = "", **options: Any) -> None:
        self.world.write(people, more=more, **options)
        path = self.world.folder / "segments.yaml"
        text = path.read_text()
        for platform, variable in VARIABLES.items():
            address = rehearse.address(self.world.running.url, platform)
            text = text.replace(f'"${{{variable}}}"', f'"${{{variable}}}", base_url: "{address}"')
        path.write_text(text)

    def push(self, *words: str) -> int:
        return self.call("push", "--yes", *words)[0]

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call(*words, "--format", "json")[1])
        return found


@pytest.fixture
def night(
    tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Night]:
    sleep = WallClock.sleep
    monkeypatch.setattr(WallClock, "now", lambda self: time.monotonic() * FASTER)
    monkeypatch.setattr(WallClock, "sleep", lambda self, seconds: sleep(self, seconds / FASTER))
    monkeypatch.chdir(tmp_path)
    for platform in PLATFORMS:
        monkeypatch.setenv(VARIABLES[platform], rehearse.key(platform))
    monkeypatch.setenv("HOOK", f"json://127.0.0.1:{hook.port}/alerts")

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sync", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(str(ended.value.code or 0)), told.out, told.err

    with small(tmp_path, "--no-limits", "--polls", "0") as made:
        yield Night(made, call)


__all__ = ["PEOPLE", "SEGMENTS", "Hook", "Night"]


@pytest.fixture
def quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command line in a folder with a file whose keys are set, and no platform."""
    made = Small(tmp_path, None)  # type: ignore[arg-type]
    made.write(PEOPLE)
    path = tmp_path / "segments.yaml"
    path.write_text(path.read_text().split("destinations:")[0] + "segments:\n  paid: {when: {plan: paid}}\n")
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sync", *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        told = capsys.readouterr()
        return int(str(ended.value.code or 0)), told.out, told.err

    return call


@pytest.fixture
def mail_server() -> Iterator[tuple[int, list[Any]]]:
    """An SMTP server on this machine, and the messages that it took."""
    from aiosmtpd.controller import Controller

    mails: list[Any] = []

    class Keep:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
            mails.append(envelope.content.decode())
            return "250 OK"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(Keep(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield port, mails
    finally:
        controller.stop()
