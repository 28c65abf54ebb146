"""Runs `sync` and the rehearsal platforms as processes of their own that need not import their libraries first: these
are imported once per test run (tests/forks.py), and each process is a fork of that one. Everything else is as at a
shell: arguments, folder, environment, signals, exit code.

A command with another search path than the tests' own starts from nothing, as it does for users. Some tests of
starting, ending, signals and terminals (tests/terminal, tests/path/test_process.py) call the installed program.

Owns: what the tests call; where the forks come from. Must not: import the product's libraries.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Self

from connector.rehearsal.core import process as rehearsal
from tests import clock

SYNC = Path(sys.executable).parent / "sync"
VARIABLE = "TESTS_FORKS"  # names the socket of the process that forks, for all processes of a run
OF_THE_INTERPRETER = ("PYTHON", "LD_", "PATH")  # beginnings of names that are read only once
FAST_ENOUGH = 60.0  # seconds in which a fork begins
_REHEARSAL = [sys.executable, "-m", "connector.rehearsal"]


def sync(
    folder: Path, *words: str, env: Mapping[str, str] | None = None, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """What `sync WORDS` did in `folder`, with nothing on its standard input."""
    environment = dict(os.environ if env is None else env)
    if not forkable(environment):
        return subprocess.run(
            [SYNC, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        streams = [nothing.fileno(), out.fileno(), err.fileno()]
        with Fork(["sync", *words], folder, environment, streams) as child:
            code = child.wait(timeout)
        told = [_read(file) for file in (out, err)]
    return subprocess.CompletedProcess(["sync", *words], code, *told)


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8")


def forkable(environment: Mapping[str, str]) -> bool:
    """Whether a fork can be what a process of this environment is."""
    return _fixed(environment) == _FIXED


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a fork cannot change any more. A clock that is moved is no reason: it moves in a running process, too."""
    moved = clock.ahead(0)["PYTHONPATH"] if clock.AHEAD in environment else None
    found = {name: value for name, value in environment.items() if name.startswith(OF_THE_INTERPRETER)}
    if found.get("PYTHONPATH") == moved:
        found |= {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    if not found.get("PYTHONPATH"):
        found.pop("PYTHONPATH", None)
    return found


_FIXED: dict[str, str] = {}  # of this process and of the one that forks


class Fork:
    """A fork that is `words` (["sync", …], or another program of tests/forks.py), with three open files as its standard
    streams. As a context manager it is ended at the end of the block. `session`: "" (the caller's), "new", or
    "terminal": a new one whose terminal the streams are."""

    def __init__(
        self, words: Sequence[str], folder: Path, env: Mapping[str, str], streams: Sequence[int], session: str = ""
    ) -> None:
        self.args = list(words)
        self.returncode: int | None = None
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.settimeout(FAST_ENOUGH)
        self._line.connect(forks())
        socket.send_fds(self._line, [b"+"], streams)
        order = {"words": self.args, "folder": str(folder), "env": dict(env), "session": session}
        self._line.sendall(json.dumps(order).encode() + b"\n")
        self.pid = int(self._said())

    def _said(self) -> str:
        """One line of the process that forks."""
        told = b""
        while not told.endswith(b"\n"):
            more = self._line.recv(1)
            if not more:
                raise RuntimeError("the process that forks has ended")
            told += more
        return told.decode()

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                self.returncode = int(self._said())
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(9)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.wait()
        self._line.close()


class _Rehearsal(Fork):
    """What subprocess.Popen is to connector/rehearsal/core/process.py."""

    def __init__(self, words: Sequence[str]) -> None:
        ours, self.stdin = _pipe(writing=True)
        theirs, self.stdout = _pipe(writing=False)
        try:
            super().__init__(["rehearsal", *words], Path.cwd(), os.environ, [ours, theirs, 2], "new")
        finally:
            os.close(ours)
            os.close(theirs)

    def __exit__(self, *_: object) -> None:
        self.stdin.close()
        self.stdout.close()
        self.wait()
        self._line.close()


def _pipe(*, writing: bool) -> tuple[int, IO[str]]:
    """Their end of a pipe, and ours."""
    there, here = os.pipe() if writing else os.pipe()[::-1]
    return there, os.fdopen(here, "w" if writing else "r", encoding="utf-8")


def _popen(command: Sequence[str], **options: Any) -> Any:
    if list(command[:3]) == _REHEARSAL and forkable(os.environ):
        return _Rehearsal(command[3:])
    return subprocess.Popen(command, **options)


def begin() -> None:
    """From now on the rehearsal platforms that this process starts are forks."""
    _FIXED.update(_fixed(os.environ))
    rehearsal.subprocess = SimpleNamespace(  # type: ignore[attr-defined]
        Popen=_popen, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
    )


def forks() -> str:
    """The socket of the process that forks; it is started when there is none, and ends with this process."""
    if VARIABLE not in os.environ and not _started:
        _started.append(next(place := _start()))
        atexit.register(place.close)
    return os.environ.get(VARIABLE) or _started[0]


_started: list[str] = []


def _start() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        path = f"{folder}/s"
        command = [sys.executable, "-m", "tests.forks", path]
        root = Path(__file__).parent.parent
        with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin and child.stdout
            assert child.stdout.readline() == "ready\n"
            try:
                yield path
            finally:
                child.stdin.close()
