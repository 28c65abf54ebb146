"""No key stands anywhere in what a whole test run leaves behind: files, logs, outputs of tests and of commands.

Owns: the pytest hooks, the search. The keys are the rehearsal platforms', which every push of a test uses. Left out are
the rehearsal platforms' own files, which must know their keys.
"""

from __future__ import annotations

import functools
import mmap
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.rehearsal.core.recording import VARIABLE
from connector.rehearsal.core.world import KEYS
from tests.contract.plugin import is_worker

_KEYS = [key.encode() for key in KEYS.values()]
_SERVERS = ("platforms.db", "rehearsal.db")
_TEXTS = (str, bytes)


class Artefacts:
    """What was seen with a key in it; filled as the run goes on."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.searched = 0
        self.found: list[str] = []
        self._communicate = subprocess.Popen.communicate

    def look(self, what: str, text: str | bytes | None) -> None:
        if isinstance(text, _TEXTS) and text:
            self.searched += 1
            content = text.encode() if isinstance(text, str) else text
            if any(key in content for key in _KEYS):
                self.found.append(what)

    def listen(self) -> None:
        communicate = self._communicate

        @functools.wraps(communicate)
        def listened(process: Any, *words: Any, **more: Any) -> Any:
            answer = communicate(process, *words, **more)
            for text in answer:
                self.look(f"output of a command in {os.environ.get('PYTEST_CURRENT_TEST', '')}", text)
            return answer

        subprocess.Popen.communicate = listened  # type: ignore[method-assign]

    def pytest_unconfigure(self) -> None:
        subprocess.Popen.communicate = self._communicate  # type: ignore[method-assign]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and not is_worker(self.config):  # a failing test shows its own code
            for title, text in report.sections:
                self.look(f"{title} of {report.nodeid}", text)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if is_worker(self.config):  # of a run with -n: its first process searches and judges
            self.config.workeroutput["keys"] = (self.searched, self.found)  # type: ignore[attr-defined]
            return
        for path in self._files():
            self.searched += 1
            if _holds_a_key(path):
                self.found.append(str(path))
        if self.found and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        searched, found = getattr(node, "workeroutput", {}).get("keys", (0, []))
        self.searched += searched
        self.found += found

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.searched:
            terminalreporter.write_line(
                f"keys: {self.searched} files and outputs searched, {len(self.found)} with a key in it"
            )
        for what in self.found[:20]:
            terminalreporter.write_line(f"  key in {what}")

    def _files(self) -> Iterator[Path]:
        factory = getattr(self.config, "_tmp_path_factory", None)
        places = [factory.getbasetemp()] if factory and factory._basetemp else []
        if os.environ.get(VARIABLE):
            places.append(Path(os.environ[VARIABLE]))
        for place in places:
            yield from (
                path
                for path in place.rglob("*")
                if path.is_file() and not path.is_symlink() and not path.name.startswith(_SERVERS)
            )


def _holds_a_key(path: Path) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(key) >= 0 for key in _KEYS)
    except (OSError, ValueError):  # gone meanwhile, or empty
        return False
