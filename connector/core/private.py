"""Temporary folders with people's data in them: readable by their owner alone, removed when a command ends, and after
one that was killed by the next that makes one.

Owns: making and removing them, and telling whose process is alive. Must not: know what is in them.

A process holds a lock of the operating system on the mark in its folder, which ends with it, however that ends. Who
gets the lock of another one's mark has found a folder that nobody works in. Where a file system or Python has no locks,
nothing is marked, and nobody else's folder is touched.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_PREFIX, _MARK = "connector-", ".in-use"
_swept = False


class Folder:
    """A new folder at `path`, with nothing but its mark, until `remove` or its own end. Raises OSError."""

    def __init__(self, what: str) -> None:
        _sweep_once()
        self.path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{what}-"))
        self._end = weakref.finalize(self, _remove, self.path, _marked(self.path))

    def remove(self) -> None:
        self._end()

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *trouble: object) -> None:
        self.remove()


def sweep() -> None:
    """Remove the folders of processes that are dead."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            mark = folder / _MARK
            if folder.is_symlink() or not mark.stat().st_size:  # being made
                continue
            with mark.open("r+b", buffering=0) as file:
                dead = _lock(file)
            if dead:
                shutil.rmtree(folder, ignore_errors=True)


def _sweep_once() -> None:
    global _swept
    if not _swept:
        _swept = True
        sweep()


def _marked(folder: Path) -> BinaryIO | None:
    """The mark, which is not empty once it is locked."""
    with suppress(OSError):
        file: BinaryIO = (folder / _MARK).open("x+b", buffering=0)
        if _lock(file):
            file.write(b"1")
            return file
        file.close()
    return None


def _lock(file: BinaryIO) -> bool:
    """Whether nobody had it. It ends when the file is closed."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock_on_windows(file: BinaryIO) -> bool:
    try:
        import msvcrt
    except ImportError:
        return False
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
    except OSError:
        return False
    return True


def _remove(folder: Path, mark: BinaryIO | None) -> None:
    if mark is not None:
        mark.close()
    shutil.rmtree(folder, ignore_errors=True)
