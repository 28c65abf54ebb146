"""`--rehearse`: points a workspace at the rehearsal platforms.

Owns: where the rehearsal's files lie, finding a running rehearsal or starting one for the length of a command.
Must not: know what the platforms do.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.error import HTTPError, URLError

from connector.core.counts import count_of
from connector.core.errors import ConfigError, SourceError, StateError
from connector.core.problem import Place, Problem
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


def exports(words: Sequence[str]) -> list[tuple[str, Path]]:
    """`--load PLATFORM=FILE`, checked: platform and file. Raises ConfigError."""
    found, problems = [], []
    for word in words:
        platform, _, name = word.partition("=")
        if not name or platform not in VENDORS:
            known = ", ".join(sorted(VENDORS))
            problems.append(f"“{word}” is not PLATFORM=FILE. Platforms: {known}.")
        elif not Path(name).is_file():
            problems.append(f"There is no file {name}.")
        else:
            found.append((platform, Path(name)))
    if problems:
        raise ConfigError([Problem(Place("--load"), "bad-load", text) for text in problems])
    return found


def fill(running: Running, platform: str, file: Path) -> tuple[int, int]:
    """Put a platform's own export into its rehearsal: how many were taken, of how many rows. Raises SourceError for a
    file that is none, and ConfigError for a platform whose rehearsal takes none."""
    taken = rows = 0
    try:
        for portion in _rows(file):
            rows += len(portion)
            taken += running.load(platform, file.name, portion)
    except HTTPError:
        text = f"The rehearsal of {VENDORS[platform].title} takes no export."
        raise ConfigError([Problem(Place("--load"), "bad-load", text)]) from None
    except (UnicodeDecodeError, csv.Error):
        text = f"{file.name} is no CSV in UTF-8. Export it again, or save it as such."
        raise SourceError([Problem(Place(file.name), "file-unreadable", text)]) from None
    if not taken:
        text = (
            f"{file.name} has no column of addresses that an export of {VENDORS[platform].title} has, or nobody in it."
        )
        raise SourceError([Problem(Place(file.name), "no-header", text)])
    return taken, rows


def _rows(file: Path) -> Iterator[list[dict[str, str]]]:
    """The rows of a CSV, header -> cell, a thousand at once."""
    with file.open(newline="", encoding="utf-8-sig") as stream:
        first = stream.readline()
        stream.seek(0)
        delimiter = max(",;\t", key=first.count)
        rows = ({key: cell for key, cell in row.items() if key and isinstance(cell, str)}
                for row in csv.DictReader(stream, delimiter=delimiter))  # fmt: skip
        while portion := list(islice(rows, 1000)):
            yield portion


def serve(folder: Path, port: int, load: Sequence[str] = ()) -> int:
    """Run the rehearsal platforms on `port` until Ctrl-C, and leave a note where others of this folder find them. With
    exports to `load`, a new rehearsal begins without the invented people."""
    chosen, place = exports(load), files(folder)
    note = place / "address"
    found = _found(note)
    if found:
        raise StateError(f"The rehearsal platforms of this folder run already, at {found}.")
    new = ("--no-samples",) if chosen and not (place / "platforms.db").exists() else ()
    with start(place / "platforms.db", *new, port=port) as running:
        for platform, file in chosen:
            taken, rows = fill(running, platform, file)
            print(f"{VENDORS[platform].title}: {taken:,} of {count_of(rows, 'row')} of {file.name}.", flush=True)  # noqa: T201
        note.write_text(running.url)
        print(f"The rehearsal platforms listen on {running.url} (Ctrl-C ends them).", flush=True)  # noqa: T201
        try:
            while True:
                time.sleep(1)
        except KeyboardInterrupt:
            return 0
        finally:
            note.unlink(missing_ok=True)
    return 0
