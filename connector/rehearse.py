"""`--rehearse`: points a workspace at the rehearsal platforms.

Owns: where the rehearsal's files lie, finding a running rehearsal or starting one for the length of a command.
Must not: know what the platforms do.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from connector.core.errors import StateError
from connector.rehearsal.core.process import Running, start
from connector.vendors import VENDORS


def files(folder: Path) -> Path:
    """The folder of the rehearsal's state, made if missing."""
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True, exist_ok=True)
    return place


def rehearsed(platform: str) -> bool:
    """Whether there is a rehearsal of it: a package of others may come without one."""
    return VENDORS[platform].rehearsal is not None


def address(url: str, platform: str) -> str:
    """The base URL of one platform inside the rehearsal at `url`."""
    rehearsal = VENDORS[platform].rehearsal
    assert rehearsal is not None, platform
    return url + rehearsal.path


def key(platform: str) -> str:
    """The one key that its rehearsal takes."""
    return VENDORS[platform].sample_key


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """The URL of the rehearsal that `sync rehearsal` started here, or of one started for this block."""
    place = files(folder)
    found = _found(place / "address")
    if found:
        yield found
        return
    try:
        with start(place / "platforms.db") as started:
            yield started.url
    except RuntimeError as error:
        raise StateError(f"{error} Remove {place} to start over, or see docs/rehearsal.md.") from None


def _found(note: Path) -> str | None:
    """The address in the note, if a rehearsal answers there."""
    try:
        url = note.read_text().strip()
        Running(url, 0).state()
    except (OSError, URLError, ValueError):
        return None
    return url


def serve(folder: Path, port: int) -> int:
    """Run the rehearsal platforms on `port` until Ctrl-C, and leave a note where others of this folder find them."""
    place = files(folder)
    note = place / "address"
    found = _found(note)
    if found:
        raise StateError(f"The rehearsal platforms of this folder run already, at {found}.")
    with start(place / "platforms.db", port=port) as running:
        note.write_text(running.url)
        print(f"The rehearsal platforms listen on {running.url} (Ctrl-C ends them).", flush=True)  # noqa: T201
        try:
            signal.pause()
        except KeyboardInterrupt:
            return 0
        finally:
            note.unlink(missing_ok=True)
    return 0
