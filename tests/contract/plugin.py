"""Everything that is sent in a test run, by whichever test or process, is kept and judged at its end.

Requests to the rehearsal platforms, and their answers, are written down by the rehearsal processes (--record, by the
variable REHEARSAL_RECORD that every child inherits). Requests of an adapter that `responses` answers never leave their
process; they are taken from requests.Session.send. All of it lands in one folder, whichever process of the run wrote
it, and the run's first process judges at the end.

Owns: the pytest hooks, the collection, the summary. Must not: judge (judge.py).
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from connector.rehearsal.core.recording import VARIABLE
from tests.contract import corrections, documents
from tests.contract.judge import Exchange, answer_faults, request_faults

OURS = "segment-connector/"
HOSTS = {
    "mailchimp": re.compile(r"\w+\.api\.mailchimp\.com"),
    "klaviyo": re.compile(r"a\.klaviyo\.com"),
    "hubspot": re.compile(r"api\.hubapi\.com"),
}
MOCKED = "mocked-"  # begins the names of files with requests that a mock answered


@dataclass
class Verdict:
    """What was checked, and each distinct fault with how often it was seen."""

    requests: int = 0
    answers: int = 0
    operations: set[tuple[str, int]] = field(default_factory=set)
    unrouted: int = 0
    garbled: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"contract: {self.requests} requests of the connector and {self.answers} answers of the rehearsal "
            f"platforms ({len(self.operations)} pairs of operation and status) checked against the vendors' documents, "
            f"{sum(self.faults.values())} outside; {len(corrections.CORRECTIONS)} corrections of the documents"
        )


@dataclass
class Record:
    """What one test run sent. `judge` may be asked at any time, and reads only what is new."""

    folder: Path
    verdict: Verdict = field(default_factory=Verdict)
    _read: dict[Path, int] = field(default_factory=dict)

    def judge(self) -> Verdict:
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in self._lines(file):
                if file.name.startswith(MOCKED):
                    self._request(Exchange(**json.loads(line)))
                else:
                    self._line(line)
        return self.verdict

    def keep(self, made: Exchange) -> None:
        with (self.folder / f"{MOCKED}{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(made)) + "\n")

    def _lines(self, file: Path) -> Iterator[bytes]:
        """New whole lines: a process that was killed leaves half of one."""
        with file.open("rb") as lines:
            lines.seek(self._read.get(file, 0))
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._read[file] = self._read.get(file, 0) + len(line)
                yield line

    def _line(self, line: bytes) -> None:
        made = json.loads(line)
        if made["platform"] not in documents.BASES:  # a vendor without a document: its own client is the witness
            return
        exchange = Exchange(
            made["platform"],
            *(
                made[name]
                for name in ("method", "path", "query", "headers", "body", "status", "answer_headers", "answer")
            ),
        )
        if made["headers"].get("user-agent", "").startswith(OURS) and (made["status"] or made["fault"]):
            self._request(exchange)
        if not made["template"]:
            self.verdict.unrouted += 1
        elif made["fault"] == "garble":
            self.verdict.garbled += 1
        elif made["status"]:
            self._answer(exchange)

    def _request(self, made: Exchange) -> None:
        self.verdict.requests += 1
        self._note(made, "request", request_faults(made))

    def _answer(self, made: Exchange) -> None:
        self.verdict.answers += 1
        self.verdict.operations.add((str(made), made.status))
        self._note(made, "answer", answer_faults(made))

    def _note(self, made: Exchange, what: str, faults: list[str]) -> None:
        self.verdict.faults.update(f"{made}: {what}: {fault}" for fault in faults)


_RECORD = pytest.StashKey[Record]()


def record(config: pytest.Config) -> Record | None:
    """The record of this run; None when the documents are missing."""
    return config.stash.get(_RECORD, None)


def pytest_configure(config: pytest.Config) -> None:
    if documents.missing():
        return
    if not is_worker(config):
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="contract-")
    kept = config.stash[_RECORD] = Record(Path(os.environ[VARIABLE]))
    _listen(kept)
    if not is_worker(config):
        config.pluginmanager.register(_Meanwhile(kept))


@dataclass(eq=False)
class _Meanwhile:
    """Judges now and then, while workers run tests: all at the end would keep one processor idle."""

    kept: Record
    tests: int = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests += report.when == "call"
        if self.tests % 100 == 0:
            self.kept.judge()


def is_worker(config: pytest.Config) -> bool:
    """One of several processes of a run with -n; it inherits the folder."""
    return hasattr(config, "workerinput")


def _listen(kept: Record) -> None:
    """Keep what an adapter sends to a vendor's own address, where only a mock answers."""
    send = requests.Session.send

    @functools.wraps(send)
    def noted(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        host = urlsplit(request.url or "").hostname or ""
        vendor = next((name for name, pattern in HOSTS.items() if pattern.fullmatch(host)), None)
        if vendor and str(request.headers.get("User-Agent", "")).startswith(OURS):
            kept.keep(prepared(vendor, request))
        return send(self, request, **options)

    requests.Session.send = noted  # type: ignore[method-assign]


def prepared(vendor: str, request: requests.PreparedRequest) -> Exchange:
    parts = urlsplit(request.url or "")
    body = request.body.decode() if isinstance(request.body, bytes) else str(request.body or "")
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Exchange(vendor, request.method or "", parts.path, parts.query, headers, body)


def pytest_sessionfinish(session: pytest.Session) -> None:
    kept = record(session.config)
    if kept and not is_worker(session.config) and kept.judge().faults and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    kept = record(config)
    if kept is None:
        terminalreporter.write_line(f"contract: nothing checked: {documents.missing()}")
        return
    verdict = kept.judge()
    if verdict.requests or verdict.answers:
        terminalreporter.write_line(str(verdict))
    for fault, times in verdict.faults.most_common(100):
        terminalreporter.write_line(f"  {times} x {fault}")


def pytest_unconfigure(config: pytest.Config) -> None:
    kept = record(config)
    if kept and not is_worker(config):
        os.environ.pop(VARIABLE, None)
        shutil.rmtree(kept.folder, ignore_errors=True)
