"""An SQLite state that the user may only read: a copy of its own, so that a plan can be made.

Owns: whether a file may be written, and the copy. Must not: open the file as a database.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from connector.core.errors import StateError

_TRIES = 10


def writable(path: Path) -> bool:
    """SQLite also makes files beside it. One that is not there is to be made: whether that works is seen then."""
    return not path.exists() or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def copied(path: Path, folder: Path) -> Path:
    """A copy in `folder` of the file and of what was committed since it was last tidied up. Raises StateError while it
    changes all the time."""
    files = (path, path.with_name(path.name + "-wal"))
    for _ in range(_TRIES):
        before = [_seen(file) for file in files]
        for file in files:
            (folder / file.name).unlink(missing_ok=True)
            if file.exists():
                shutil.copyfile(file, folder / file.name)
        if [_seen(file) for file in files] == before:
            return folder / path.name
    raise StateError(f"The state {path} is being written all the time, and may only be read here. Try again later.")


def _seen(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
