"""One client at work: its rehearsal, its folders, and what its process wrote.

Owns: starting a client's process and reading the lines that it writes. Must not: know a client or a platform.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connector.rehearsal.core.process import Running
from tests.clients import install
from tests.clients.report import Failed, Report

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
PATIENCE = 600  # seconds for one process of a client


@dataclass
class Seen:
    """Step -> what a client saw in it, as its script wrote it; a step that failed raises when it is asked for."""

    steps: dict[str, dict[str, Any]]

    def __getitem__(self, step: str) -> Any:
        found = self.steps.get(step, {"error": "the script ended before this step"})
        if "error" in found:
            raise Failed(f"{found.get('status') or ''} {found['error']}".strip())
        return found["value"]

    def refused(self, step: str) -> tuple[int, str]:
        """Status and text of the error that a step ended with. Raises Failed when it ended well."""
        found = self.steps[step]
        if "error" not in found:
            raise Failed(f"it was accepted: {str(found['value'])[:200]}")
        return int(found.get("status") or 0), str(found.get("body") or found["error"])

    def absent(self, report: Report, step: str, what: str) -> None:
        """Not in the rehearsal: it must say so, and with 501."""
        try:
            status, text = self.refused(step)
        except (Failed, KeyError) as error:
            report.fails(what, f"not in the rehearsal, and not told as that: {error}")
            return
        if status == 501 and "rehearsal does not have" in text:
            report.missing(what, "answered 501, and the client says so")
        else:
            report.fails(what, f"not in the rehearsal, and not told as that: {status} {text[:200]}")


@dataclass(frozen=True)
class Client:
    """A package of `index` (npm or pip), in the version that was tried. `run` takes a Desk."""

    name: str
    index: str
    package: str
    version: str
    run: Callable[[Desk], None]


@dataclass
class Desk:
    """`folder` keeps the installed packages, `work` is thrown away."""

    folder: Path
    work: Path
    running: Running
    report: Report
    client: Client

    def node(self, script: str, **env: str) -> Seen:
        modules = install.npm(self.folder, self.client.package, self.client.version)
        return self._seen(self.run(["node", str(SCRIPTS / script)], NODE_PATH=str(modules), **env))

    def programs(self, *more: str) -> Path:
        """The bin folder of the client's environment."""
        wanted = f"{self.client.package}=={self.client.version}"
        return install.venv(self.folder, self.client.name, wanted, *more)

    def python(self, script: str, *options: str, **env: str) -> Seen:
        return self._seen(self.run([str(self.programs() / "python"), str(SCRIPTS / script), *options], **env))

    def run(self, command: list[str], **env: str) -> str:
        """What a client's process writes. It gets no settings but these, and no home of anybody. Raises Failed."""
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
            "TZ": "UTC",
            "REHEARSAL_URL": self.running.url,
        } | env
        try:
            ended = subprocess.run(
                command, env=given, cwd=self.work, capture_output=True, text=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failed(str(error)) from None
        if ended.returncode:
            said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-3:]
            raise Failed(f"exit code {ended.returncode}: {' / '.join(said)}")
        return ended.stdout

    def redirected(self, command: list[str], **env: str) -> str:
        """The same for a Python program whose host is fixed in its code: see redirect/sitecustomize.py."""
        return self.run(command, PYTHONPATH=str(HERE / "redirect"), PYTHONDONTWRITEBYTECODE="1", **env)

    @staticmethod
    def _seen(text: str) -> Seen:
        lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"step"')]
        return Seen({line["step"]: line for line in lines})
