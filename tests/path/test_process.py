"""How the process ends: its code, its output, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from connector import __version__
from tests.launcher import SYNC
from tests.path.conftest import AS_OF, Desk

SEGMENTS = [SYNC, "segments", "--as-of", AS_OF]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")


def test_version(desk: Desk) -> None:
    done = desk.sync("--version", as_of=None)
    assert (done.returncode, done.stdout) == (0, f"sync (segment-connector) {__version__}\n")


@needs_full
@pytest.mark.long
def test_output_to_a_full_disk(desk: Desk) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(SEGMENTS, cwd=desk.folder, stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 4
        assert done.stderr.startswith("error: No space left on device, reading or writing.")
        mute = subprocess.run(SEGMENTS, cwd=desk.folder, stdout=full, stderr=full)
        assert mute.returncode == 4


def test_a_reader_who_has_left(desk: Desk) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(SEGMENTS, cwd=desk.folder, stdout=write, stderr=subprocess.PIPE, text=True)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (4, "")  # not 1: that would mean records that failed


def test_nothing_stays_in_the_temporary_folder(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("temporary")
    done = desk.sync("plan", "--rehearse", env=os.environ | {"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())
    assert desk.sync("plan", "--rehearse", "--exit-code", env=os.environ | {"TMPDIR": str(folder)}).returncode == 10
