"""Starting the rehearsal as a child process, and talking to its control.

Owns: start() and Running. Must not: import the server (that would load it into the caller).
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Running:
    """A rehearsal that listens at `url`, "http://127.0.0.1:PORT"."""

    url: str
    pid: int

    def state(self) -> dict[str, Any]:
        """{"counts": {platform: {"reads", "writes"}}, "settings": …, "platforms": {platform: overview}}."""
        return cast(dict[str, Any], self._call("GET", "state"))

    def writes(self) -> dict[str, int]:
        """Writing requests seen so far, per platform."""
        return {name: count["writes"] for name, count in self.state()["counts"].items()}

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings (fields of world.Settings; faults in their text form)."""
        return cast(dict[str, Any], self._call("POST", "settings", changes))

    def engage(self, **happened: list[dict[str, Any]]) -> None:
        """Mails that were sent, opened, clicked or came back, per platform: see App.engage."""
        self._call("POST", "engagement", happened)

    def load(self, platform: str, file: str, rows: list[dict[str, str]]) -> int:
        """Rows of the vendor's own export; how many were taken."""
        body = {"platform": platform, "file": file, "rows": rows}
        return int(self._call("POST", "load", body)["loaded"])

    def reset(self, **changes: Any) -> dict[str, Any]:
        """Forget everything and seed again, with changed settings if given."""
        return cast(dict[str, Any], self._call("POST", "reset", changes))

    def requests(self, limit: int = 1000) -> list[dict[str, Any]]:
        """The last requests, newest first."""
        return cast(list[dict[str, Any]], self._call("GET", f"requests?limit={limit}"))

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_rehearsal/{path}", data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback needs no proxy
        with opener.open(request, timeout=300) as answer:
            return json.load(answer) if answer.status != 204 else None


@contextmanager
def start(state: Path | str = ":memory:", *options: str, port: int = 0) -> Iterator[Running]:
    """A rehearsal process for as long as the block runs; `options` as for `python -m connector.rehearsal`.

    It ends with this process, however that ends. Raises RuntimeError when it cannot start: a taken port, a
    state file that is none."""
    command = [sys.executable, "-m", "connector.rehearsal", "--state", str(state), "--port", str(port), *options]
    with subprocess.Popen(
        [*command, "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the caller, whose requests in flight still need an answer
    ) as child:
        assert child.stdin and child.stdout
        try:
            first = child.stdout.readline().strip()
            if not first.startswith("listening on "):
                why = first.removeprefix("cannot start: ") or "the process ended at once"
                raise RuntimeError(f"The rehearsal platforms did not start: {why}.")
            yield Running(first.removeprefix("listening on "), child.pid)
        finally:
            child.stdin.close()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
