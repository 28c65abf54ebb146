"""Nothing needs POSIX: plan, push and undo without its modules, calls, signals, /proc, modes and UTF-8 output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from connector.core.files import portable
from tests.path import small
from tests.path.conftest import ROOT

# What Windows has not; for the commands and for the rehearsal platforms that they start.
AWAY = """
import builtins, os, pathlib, signal, sys
for module in ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "readline"):
    sys.modules[module] = None
for name in ("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "setsid", "killpg", "getpgid",
             "chown", "lchown", "fchown", "fchmod", "mkfifo", "sysconf", "statvfs", "getloadavg", "sched_getaffinity",
             "nice", "setuid", "O_CLOEXEC", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK", "posix_fallocate", "pread"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("pause", "alarm", "setitimer", "pthread_sigmask", "sigwait", "SIGKILL", "SIGHUP", "SIGQUIT", "SIGALRM",
             "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGWINCH", "SIGTSTP", "SIGCONT", "SIGSTOP"):
    if hasattr(signal, name):
        delattr(signal, name)
_chmod, _mkdir, _open, _link = os.chmod, os.mkdir, os.open, os.link
os.chmod = lambda path, mode, **more: None  # it keeps no modes
os.link = lambda *words, **more: (_ for _ in ()).throw(OSError(1, "no links"))
_kill = os.kill
def kill(pid, number):
    assert number != 0, "on Windows this ends the process instead of asking after it"
    _kill(pid, number)
os.kill = kill
def opened(path, flags, *words, **more):
    assert not str(path).startswith(("/proc", "/dev/tty")), path
    return _open(path, flags, *words, **more)
os.open = opened
_io = builtins.open
def io_open(path, *words, **more):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(2, "no /proc", str(path))
    return _io(path, *words, **more)
builtins.open = io_open
import io
io.open = io_open
for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(encoding="cp1252")
"""
COMMANDS = """
import sys
sys.argv[0] = "sync"
from connector.cli.main import app
from connector.cli.process import speak
from connector.state import lease
speak()
lease.os = type("Windows", (), {"name": "nt", "getpid": staticmethod(lease.os.getpid)})
for words in (["push", "--yes"], ["undo", "last", "--yes", "--allow", "removes", "--allow", "empty",
              "--reason", "test"], ["runs"], ["docs"], ["docs", "language"]):
    options = [] if words[0] == "docs" else ["--rehearse"]
    code = app([*words, *options], standalone_mode=False, prog_name="sync")
    assert not code, (words, code)
"""


@pytest.mark.long
def test_plan_push_and_undo_without_posix(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "sitecustomize.py").write_text(AWAY, "utf-8")
    work = tmp_path / "work folder"
    work.mkdir()
    (work / "people.csv").write_text(
        "Id,Email,Name,Plan,Opt in,Opted in at\n1,ann@example.com,Ann,paid,yes,2026-01-05\n"
    )
    (work / "segments.yaml").write_text(small.document())
    search = os.pathsep.join([str(tmp_path / "away"), str(ROOT)])
    env = {**os.environ, "PYTHONPATH": search}
    env.pop("PYTHONIOENCODING", None)
    command = [sys.executable, "-c", COMMANDS]
    done = subprocess.run(command, cwd=work, env=env, capture_output=True, timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    assert done.stdout.decode("utf-8").count("applied") >= 2
    written = [path.name for path in work.rglob("*")]
    assert "state.db" in written
    assert [name for name in written if portable(name) != name] == []


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("contacts-2026-11-29.csv", "contacts-2026-11-29.csv"),
        ('a:b?c*"<d>|.csv', "a_b_c___d__.csv"),
        ("..\\up/x.csv", ".._up_x.csv"),
        ("aux.csv", "_aux.csv"),
        ("COM1", "_COM1"),
        ("trailing. ", "trailing"),
        ("é" * 300 + ".csv", "é" * 98 + ".csv"),
    ],
)
def test_names_that_every_file_system_takes(name: str, kept: str) -> None:
    assert portable(name) == kept
