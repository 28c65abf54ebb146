"""Writing a file whole or not at all, readable by its owner alone.

Owns: the one way in which this package replaces a file. Must not: know what is written, or choose where.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
_RESERVED = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


def portable(name: str) -> str:
    """A name that every file system takes: no sign that Windows keeps for itself, no device, no point or blank at the
    end, at most 200 bytes with its ending kept."""
    plain = _RESERVED.sub("_", name).rstrip(". ")
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    while len(plain.encode()) > 200:
        plain = plain[1:]
    return plain


@contextmanager
def replacing(
    path: Path,
    *,
    mode: int = PRIVATE,
    like_old: bool = False,
    changed_at: float | None = None,
    beside: Path | None = None,
) -> Iterator[BinaryIO]:
    """A file to write to, which takes the place of `path` when the block ends without an error: at once, and once its
    content is on the disk. A reader meanwhile finds the old file or the new one, and after an error the old one.

    The new file has `mode` from the start (less the umask), or with `like_old` that of the file it replaces.
    `changed_at` is its time in seconds since 1970, else now. `beside` is where it is written first, a name in the same
    folder that nobody has: removing that file stops the replacement. Raises OSError."""
    new = beside or path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE if like_old else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if like_old:
                with suppress(FileNotFoundError):
                    shutil.copymode(path, new)  # before there is anything in it to be read by others
            yield file
            file.flush()
            os.fsync(file.fileno())
        if changed_at is not None:
            os.utime(new, (changed_at, changed_at))
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
