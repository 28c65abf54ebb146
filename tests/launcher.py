"""Runs `sync` as a process of its own that need not import its libraries first: they are imported once per worker, and
each command is a fork of that process. Everything else is as at a shell: arguments, folder, environment, exit code.

A command with another search path than the tests' own starts from nothing, as it does for users. The tests of
starting, ending, signals and terminals (tests/terminal, tests/path/test_process.py) call the installed program.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tests import clock

SYNC = Path(sys.executable).parent / "sync"
OF_THE_INTERPRETER = ("PYTHON", "LD_", "PATH")  # beginnings of names that are read only once
_LOCK = threading.Lock()
_server: subprocess.Popen[str] | None = None


def sync(
    folder: Path, *words: str, env: Mapping[str, str] | None = None, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """What `sync WORDS` did in `folder`, with nothing on its standard input."""
    environment = dict(os.environ if env is None else env)
    if _fixed(environment) != _fixed(os.environ):
        return subprocess.run(
            [SYNC, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
    with tempfile.TemporaryDirectory() as place:
        streams = [str(Path(place, name)) for name in ("out", "err")]
        order = {"folder": str(folder), "words": words, "env": environment, "streams": streams, "timeout": timeout}
        code = _ask(order)
        out, err = (Path(stream).read_text(encoding="utf-8") for stream in streams)
    return subprocess.CompletedProcess(["sync", *words], code, out, err)


def _fixed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a fork cannot change any more. A clock that is moved is no reason: it moves in a running process, too."""
    moved = clock.ahead(0)["PYTHONPATH"] if clock.AHEAD in environment else None
    found = {name: value for name, value in environment.items() if name.startswith(OF_THE_INTERPRETER)}
    if found.get("PYTHONPATH") == moved:
        found.pop("PYTHONPATH", None)
    return found


def _ask(order: Mapping[str, object]) -> int:
    global _server
    with _LOCK:  # one after the other
        if _server is None or _server.poll() is not None:
            command = [sys.executable, "-m", "tests.launcher"]
            root = Path(__file__).parent.parent
            _server = subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            atexit.register(_server.kill)
        assert _server.stdin and _server.stdout
        _server.stdin.write(json.dumps(order) + "\n")
        _server.stdin.flush()
        answer = _server.stdout.readline()
    if not answer:
        raise RuntimeError("the launcher ended")
    found = json.loads(answer)
    if found["code"] is None:
        raise subprocess.TimeoutExpired(["sync", *order["words"]], found["timeout"])  # type: ignore[misc]
    return int(found["code"])


def _serve() -> None:
    import ibis.backends.duckdb

    import connector.cli.main
    import connector.plan.assemble
    import connector.plan.desired
    import connector.platforms.registry
    import connector.push.run
    import connector.report.plan
    import connector.segments.evaluate
    import connector.sources.load
    import connector.state.store

    del ibis, connector
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if not child:
            _become(order)
        code = _wait(child, order["timeout"])
        sys.stdout.write(json.dumps({"code": code, "timeout": order["timeout"]}) + "\n")
        sys.stdout.flush()


def _wait(child: int, timeout: float) -> int | None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


def _become(order: dict[str, object]) -> None:
    """In the forked process: `sync`, from its first line to its exit code."""
    code = 70
    try:
        folder, words, streams = str(order["folder"]), order["words"], order["streams"]
        assert isinstance(words, list) and isinstance(streams, list)
        os.chdir(folder)
        environment = order["env"]
        assert isinstance(environment, dict)
        if environment.get(clock.AHEAD) != os.environ.get(clock.AHEAD):
            clock.move(float(environment.get(clock.AHEAD, 0)))
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, stream in enumerate(streams, 1):
            os.dup2(os.open(stream, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), number)
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        sys.argv = [str(SYNC), *words]
        from connector.cli.main import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
