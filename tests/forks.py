"""`python -m tests.forks SOCKET`: the process that imports the product's libraries once and is forked for each `sync`
and each rehearsal of a test run (tests/launcher.py), until its standard input closes.

Owns: the imports, the forks, what becomes of each. Must not: start a thread, which no fork would have.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import termios
import threading
import time
import traceback
from types import ModuleType
from typing import Any, NoReturn

from tests import clock, launcher

NO_SERVER = ("connector.rehearsal.__main__",)
PROGRAMS = {
    "sync": "connector.cli.main",
    "rehearsal": "connector.rehearsal.__main__",
    "crash": "tests.crash.launch",  # `sync` that dies at a chosen moment
}


class Forks:
    """The socket, and the children whose end somebody waits for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._waiting: dict[int, socket.socket] = {}
        self._bell, bell = os.pipe()
        os.set_blocking(bell, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
        self._fds = (self._bell, bell)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(64)

    def serve(self) -> None:
        print("ready", flush=True)  # noqa: T201
        while True:
            ready, _, _ = select.select([0, self._listener, self._bell], [], [])
            if 0 in ready:
                return
            if self._bell in ready:
                os.read(self._bell, 4096)
                self._reap()
            if self._listener in ready:
                self._fork()

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self._tell(found[0], os.waitstatus_to_exitcode(found[1]))

    def _tell(self, child: int, code: int) -> None:
        with self._waiting.pop(child) as line, contextlib.suppress(OSError):  # the one that asked may be gone
            line.sendall(b"%d\n" % code)

    def _fork(self) -> None:
        line, _ = self._listener.accept()
        _, streams, _, _ = socket.recv_fds(line, 1, 3)
        with line.makefile("rb") as file:
            order = json.loads(file.readline())
        load()
        child = os.fork()
        if not child:
            self._leave(line)
            become(order, streams)
        for stream in streams:
            os.close(stream)
        self._waiting[child] = line
        with contextlib.suppress(OSError):
            line.sendall(b"%d\n" % child)

    def _leave(self, line: socket.socket) -> None:
        """In the child: nothing of this is its own."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._listener, line, *self._waiting.values()):
            each.close()
        for number in self._fds:
            os.close(number)


def load() -> None:
    """All modules of the product that can be imported here, and what they import."""
    if "ibis.backends.duckdb" in sys.modules:
        return
    import ibis.backends.duckdb

    import connector

    del ibis
    for found in pkgutil.walk_packages(connector.__path__, "connector."):
        if found.name not in NO_SERVER:
            with contextlib.suppress(ImportError):  # of an optional library
                importlib.import_module(found.name)
    from connector.sources.columns import times

    for zone in ("Europe/Berlin", "UTC"):
        times.changes(zone)  # 0.1 s, and the same in every fork
    from connector.cli.main import command
    from connector.cli.process import COLLECT_AFTER
    from connector.sources import emails

    command()
    emails.normalise("käthe@bücher.example")  # the tables of letters
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)  # as connector/cli/process.py does in each process


def become(order: dict[str, Any], streams: list[int]) -> NoReturn:
    """In the child: the program, from its first line to its exit code."""
    code = 70
    try:
        _settle(order, streams)
        code = _run(order["words"])
    except BaseException:  # noqa: BLE001  (as Python ends a process)
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(order: dict[str, Any], streams: list[int]) -> None:
    if order["session"]:
        os.setsid()
    if order["session"] == "terminal":
        fcntl.ioctl(streams[0], termios.TIOCSCTTY, 0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    environment = order["env"]
    if environment.get(clock.AHEAD) != os.environ.get(clock.AHEAD):
        clock.move(float(environment.get(clock.AHEAD, 0)))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None  # may be another one here
    os.chdir(order["folder"])
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1)


def _run(words: list[str]) -> int:
    main = _program(words[0])
    sys.argv = [str(launcher.SYNC), *words[1:]]
    try:
        main.main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    return 0


def _program(name: str) -> ModuleType:
    return importlib.import_module(PROGRAMS[name])


if __name__ == "__main__":
    launcher._started.append(sys.argv[1])
    launcher.begin()
    with contextlib.suppress(KeyboardInterrupt):
        Forks(sys.argv[1]).serve()
    os._exit(0)  # there is nothing to take apart
