"""Temporary folders with people's data: gone after a command that was killed, and never those of another process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from connector.core import private

HOLDS = """
import sys
from connector.core.private import Folder
folder = Folder("copies")
(folder.path / "contacts.csv").write_text("Email")
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_what_a_killed_process_left_is_removed_and_nothing_of_a_living_one(temporary: Path) -> None:
    mine = private.Folder("read")
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        theirs = Path(process.stdout.readline().decode().strip())
        (temporary / "connector-being-made").mkdir()
        private.sweep()
        assert (theirs / "contacts.csv").exists() and mine.path.exists()
        process.kill()
        process.wait()
        assert (theirs / "contacts.csv").exists()
        private.sweep()
        assert not theirs.exists() and mine.path.exists() and (temporary / "connector-being-made").exists()
    mine.remove()
    assert not mine.path.exists()


def test_without_locks_nothing_of_others_is_touched(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = private.Folder("copies")
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    bare = private.Folder("state")
    private.sweep()
    assert kept.path.exists() and bare.path.exists()
    bare.remove()
    assert list(temporary.iterdir()) == [kept.path]
