"""A folder with the demo in it: what is written, what may be replaced, and whether a segments.yaml is the demo's.

Owns: write(), is_demo(). Must not: replace a segments.yaml, or a file that holds anybody else than the invented people.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.core import files
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem
from connector.demo.exports import ZONE, contacts_file, exports

FILE, EXPORTS = "segments.yaml", "exports"
TEXT = (Path(__file__).parent / FILE).read_text(encoding="utf-8")
_READS = re.findall(r"file: (exports/\S+)", TEXT)
_DATED = re.compile(r"contacts-\d{4}-\d\d-\d\d\.csv")
_DOMAIN = re.compile(rb"@([\w.-]*)")


@dataclass(frozen=True, slots=True)
class Written:
    """Names within the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def write(folder: Path, day: date) -> Written:
    """Bring segments.yaml and the exports of `day` into the folder, made if missing; what is there of that day stays as
    it is, the exports of other days go.

    Raises ConfigError when segments.yaml is another one, or when an export would have to be replaced that is not the
    demo's; nothing is written then."""
    new = not (folder / FILE).exists()
    if not new and not is_demo(folder / FILE):
        what = "This is not the demo's and is left as it is. Write the demo elsewhere: sync demo FOLDER."
        raise ConfigError([Problem(Place(str(folder / FILE)), "demo-elsewhere", what)])
    missing = _missing(folder / EXPORTS, day)
    old = _replaceable(folder / EXPORTS) if missing else []
    (folder / EXPORTS).mkdir(parents=True, exist_ok=True)
    morning = datetime.combine(day, time(), ZoneInfo(ZONE)).timestamp()
    for name, content in missing.items():
        _put(folder / EXPORTS / name, content, morning)
    removed = [path for path in old if _DATED.fullmatch(path.name) and path.name != contacts_file(day)]
    for path in removed:
        path.unlink()
    if new:
        _put(folder / FILE, TEXT.encode())
    names = [*([FILE] if new else []), *(f"{EXPORTS}/{name}" for name in missing)]
    return Written(tuple(names), tuple(f"{EXPORTS}/{path.name}" for path in removed))


def is_demo(file: Path) -> bool:
    """Whether this segments.yaml reads the demo's exports: then it is the demo's, edited or not."""
    with suppress(OSError, UnicodeDecodeError):
        text = file.read_text(encoding="utf-8")
        return all(f"file: {path}" in text for path in _READS)
    return False


def explained(problem: Problem, file: Path) -> Problem:
    """The problem of an export that is missing or too old; for the demo's segments.yaml with the way out."""
    if problem.code not in ("file-missing", "stale") or not is_demo(file):
        return problem
    words = " ".join(["sync demo", *([] if file.parent == Path() else [str(file.parent)])])
    return replace(problem, message=f"{problem.message} This is the demo: its exports of today are made by `{words}`.")


def _missing(place: Path, day: date) -> Mapping[str, bytes]:
    """What is to be written, the contacts last: they tell that all of their day is there."""
    names = (contacts_file(day), "orders.csv", "email_events.csv.gz")
    there = {name for name in names if (place / name).exists()}
    if len(there) == len(names):
        return {}
    made = dict(exports(day))
    contacts = made.pop(names[0])
    if names[0] in there:
        return {name: content for name, content in made.items() if name not in there}
    return {**made, names[0]: contacts}


def _replaceable(place: Path) -> list[Path]:
    """The exports that are there, all of them the demo's. Raises ConfigError."""
    there = [*sorted(place.glob("contacts-*.csv")), place / "orders.csv", place / "email_events.csv.gz"]
    there = [path for path in there if path.exists()]
    for path in there:
        if not _is_invented(path):
            what = "This file is not the demo's and is left as it is. Move it away, or write the demo elsewhere: "
            raise ConfigError([Problem(Place(str(path)), "demo-elsewhere", f"{what}sync demo FOLDER.")])
    return there


def _is_invented(path: Path) -> bool:
    """Whether there are addresses in the file, and all of them are under example.com."""
    found = False
    with suppress(OSError, EOFError):
        for line in _lines(path):
            for domain in _DOMAIN.findall(line):
                if domain.lower() != b"example.com":
                    return False
                found = True
    return found


def _lines(path: Path) -> Iterator[bytes]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from file


def _put(path: Path, content: bytes, made_at: float | None = None) -> None:
    """At once: a reader meanwhile finds the old file or the new one. Its time is `made_at`, else now."""
    with files.replacing(path, mode=0o666, changed_at=made_at) as file:
        file.write(content)
