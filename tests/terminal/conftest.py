"""The commands as a person sees them: run in a pseudo-terminal, and looked at on an emulated screen."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shlex
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest

from connector.state.base import RunState
from tests import launcher
from tests.launcher import SYNC
from tests.path.small import Small, small

BAR = "━"
PATIENCE = 60.0
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass
class Terminal:
    """One command at a terminal of `columns` x `rows`; everything it wrote so far stands on `screen` and in `raw`."""

    child: Any
    columns: int
    rows: int
    raw: bytes = b""
    screen: pyte.Screen = field(init=False)
    stream: pyte.ByteStream = field(init=False)

    def __post_init__(self) -> None:
        self.screen = pyte.Screen(self.columns, self.rows)
        self.stream = pyte.ByteStream(self.screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines).rstrip()

    @property
    def written(self) -> str:
        return self.raw.decode()

    def read(self) -> bool:
        """Take in what was written; whether there may be more."""
        try:
            chunk = self.child.read_nonblocking(65536, timeout=0.2)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += chunk
        self.stream.feed(chunk)
        return True

    def see(self, *texts: str) -> None:
        """Wait until the screen shows all of the texts."""
        until = time.monotonic() + PATIENCE
        more = True
        while missing := [text for text in texts if text not in self.text]:
            assert more, f"ended without {missing}:\n{self.text}"
            assert time.monotonic() < until, f"{missing} cannot be seen:\n{self.text}"
            more = self.read()

    def type(self, line: str) -> None:
        self.child.sendline(line)

    def interrupt(self) -> None:
        self.child.sendintr()

    def end(self) -> int:
        """Wait for the end; the exit code."""
        until = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < until, self.text
        self.child.close()
        assert not self.screen.cursor.hidden, "the cursor is gone"
        assert self.child.exitstatus is not None, f"ended by signal {self.child.signalstatus}"
        return int(self.child.exitstatus)


class Forked:
    """What pexpect.spawn is, for a fork of tests/launcher.py whose terminal it holds."""

    def __init__(self, words: list[str], folder: Path, env: dict[str, str], rows: int, columns: int) -> None:
        self.child_fd, slave = pty.openpty()
        termios.tcsetwinsize(slave, (rows, columns))
        self._fork = launcher.Fork(words, folder, env, [slave] * 3, "terminal")
        os.close(slave)
        self.exitstatus: int | None = None
        self.signalstatus: int | None = None

    def read_nonblocking(self, size: int, timeout: float) -> bytes:
        if not select.select([self.child_fd], [], [], timeout)[0]:
            raise pexpect.TIMEOUT("nothing was written")
        with contextlib.suppress(OSError):  # nobody has the terminal open any more
            if found := os.read(self.child_fd, size):
                return found
        raise pexpect.EOF("the end")

    def sendline(self, line: str) -> None:
        os.write(self.child_fd, f"{line}\n".encode())

    def sendintr(self) -> None:
        os.write(self.child_fd, b"\x03")

    def sendeof(self) -> None:
        os.write(self.child_fd, b"\x04")

    def close(self, force: bool = False) -> None:
        if self.child_fd < 0:
            return
        if force:
            self._fork.kill()
        with self._fork:
            code = self._fork.wait(PATIENCE)
        self.exitstatus, self.signalstatus = (code, None) if code >= 0 else (None, -code)
        os.close(self.child_fd)
        self.child_fd = -1


@dataclass
class Room:
    """Rehearsal platforms that are as slow as the test wants, and terminals beside them."""

    world: Small

    @contextmanager
    def run(
        self, command: str, *, columns: int = 80, rows: int = 40, installed: bool = False, **env: str
    ) -> Iterator[Terminal]:
        """`command` is a line for the shell; `sync` in it is the installed command: started as users start it when
        asked for, and where the shell has something to do, else a fork."""
        clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        environment = clean | {"TERM": "xterm-256color"} | env
        start = self._shell if installed or ">" in command or not launcher.forkable(environment) else self._fork
        child = start(command, environment, rows, columns)
        try:
            yield Terminal(child, columns, rows)
        finally:
            child.close(force=True)

    def _fork(self, command: str, env: dict[str, str], rows: int, columns: int) -> Forked:
        return Forked(shlex.split(command), self.world.folder, env, rows, columns)

    def _shell(self, command: str, env: dict[str, str], rows: int, columns: int) -> Any:
        return pexpect.spawn(
            "/bin/sh",
            ["-c", f"exec {command}".replace("sync ", f"{SYNC} ", 1)],
            cwd=str(self.world.folder),
            env=env,
            dimensions=(rows, columns),
            timeout=PATIENCE,
        )

    def slow(self, milliseconds: float) -> None:
        self.world.running.settings(latency_ms=milliseconds)

    def writes(self) -> int:
        return sum(self.world.running.writes().values())

    def people(self, count: int, **more: Any) -> None:
        self.world.write({f"p{number}": f"p{number}@example.com" for number in range(1, count + 1)}, **more)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with small(tmp_path, "--no-limits") as world:
        yield Room(world)


@pytest.fixture
def pushed(room: Room) -> Callable[..., Room]:
    """A room whose people were pushed before."""

    def push(count: int, **more: Any) -> Room:
        room.people(count, **more)
        _, result = room.world.push()
        assert result.state is RunState.DONE
        return room

    return push
