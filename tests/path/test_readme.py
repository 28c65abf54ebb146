"""The README's commands, run as written (the set-up itself is what started these tests)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.path.conftest import ROOT

BIN = Path(sys.executable).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks() -> list[list[str]]:
    """The lines of each shell block, without comments."""
    found = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    return [[line.partition("#")[0].strip() for line in block.splitlines() if line.strip()] for block in found]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What a fresh clone holds: the files of the project, and nothing that a run left."""
    for name in ("Makefile", "segments.yaml", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def test_make_rehearsal_pushes_and_the_second_time_sends_nothing(clone: Path) -> None:
    assert ["make rehearsal", "make test"] in blocks()
    make = ["make", "rehearsal", f"BIN={BIN}", "--old-file", ".venv/.installed"]
    first, second = (
        subprocess.run(make, cwd=clone, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
        for _ in range(2)
    )
    assert first.returncode == 0, first.stderr
    assert "applied" in first.stdout
    assert second.returncode == 0 and "No changes." in second.stdout


def test_make_test_runs_every_check() -> None:
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0
    for step in ("ruff check", "ruff format --check", "mypy", "-m pytest"):
        assert step in done.stdout
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


CALLS = [call[1] for block in blocks() for line in block if (call := re.search(r"(?:^|/| )sync (.*)", line))]


@pytest.mark.parametrize("call", CALLS)
def test_every_sync_command_of_the_readme_is_one_that_exists(call: str) -> None:
    words = call.split()
    done = subprocess.run([BIN / "sync", words[0], "--help"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, call
    for option in (word for word in words if word.startswith("--")):
        assert option in done.stdout, call
