"""What several workers of a test run need, made by the first of them: the others read it.

Owns: the folder of the run, and who makes what. Must not: know what is made.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

VARIABLE = "TESTS_SHARED"  # names the folder, for all processes of a run
T = TypeVar("T")


def folder() -> Path:
    """The folder of this run. tests/conftest.py removes it at the end."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = tempfile.mkdtemp(prefix="shared-")
    return Path(os.environ[VARIABLE])


def once(name: str, make: Callable[[], T]) -> T:
    """What `make` returns, which is called once per run unless it fails; what is kept is a copy (pickle)."""
    kept = folder() / f"{name}.pickle"
    with (folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = pickle.dumps(make())
            kept.with_suffix(".new").write_bytes(made)
            kept.with_suffix(".new").rename(kept)
    found: T = pickle.loads(kept.read_bytes())
    return found
