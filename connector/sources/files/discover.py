"""Which files a source means, how old they are, and what they contain as one hash.

Owns: globs, `pick: newest`, dates in file names, `max_age`, fingerprint(). Must not: look inside the files' format.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NoReturn
from zoneinfo import ZoneInfo

from connector.config.language.rules import Duration
from connector.config.sections import remote
from connector.config.sections.models import Config, Source
from connector.core.problem import Place, did_you_mean
from connector.sources.text import plain
from connector.sources.trouble import fail

_DATE_IN_NAME = re.compile(
    r"(?<!\d)(20\d\d)([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:[T_ -]?([01]\d|2[0-3])[-_.:h]?([0-5]\d)(?:[-_.:]?([0-5]\d))?(?!\d)|(?!\d))"
)


def files_of(config: Config, source: Source) -> tuple[Path, ...]:
    """The existing files that `file:` means, in the order of their names; one with `pick: newest`."""
    place = config.place(("sources", source.name, "file"))
    written = source.file or ""
    if remote.scheme_of(written) is not None:
        return _elsewhere(config, source, written, place)
    path = config.folder / written
    found = [path] if path.is_file() else sorted(_glob(config.folder, written))
    if not source.allow_outside and not _inside(config.folder, [*found, _base(path)]):
        _outside(place, source)
    if not found:
        _missing(place, source, path)
    if source.pick == "newest":
        found = [newest(tuple(found), config.zone)[0]]
    return tuple(found)


def _elsewhere(config: Config, source: Source, address: str, place: Place) -> tuple[Path, ...]:
    """Copies of the files at an address; they lie outside of every folder, as the address says."""
    from connector.sources.remote import copies

    found = copies.files(config, address, place)
    if not found:
        what = "no file matches" if remote.has_joker(address) else "there is no file"
        fail(place, "file-missing", f"{what} {plain(source.origin)}. Export it there, or correct `file:`.")
    if (source.max_age is not None or source.pick == "newest") and not all(_date_in(file) for file in found):
        copies.require_times(config, address, place)
    return (newest(found, config.zone)[0],) if source.pick == "newest" else found


def check_age(config: Config, source: Source, files: tuple[Path, ...], as_of: datetime) -> None:
    """SourceError "stale" when the newest file is older than `max_age` allows."""
    if source.max_age is None:
        return
    zone = ZoneInfo(source.timezone or config.timezone)
    file, made = newest(files, zone)
    if made < _oldest_allowed(as_of, source.max_age, zone):
        fail(
            config.place(("sources", source.name, "max_age")),
            "stale",
            f"{file.name} is from {made.astimezone(zone):%Y-%m-%d %H:%M}, older than max_age allows "
            f"({source.max_age} before {as_of.astimezone(zone):%Y-%m-%d %H:%M}). Export again, or raise max_age.",
        )


def made_of(config: Config, source: Source, zone: ZoneInfo) -> datetime | None:
    """When the newest file was made, for who only tells it: nothing is fetched for this. None where nobody knows."""
    session, address = config.session, source.file or ""
    elsewhere = remote.scheme_of(address) is not None
    files = session.copies.get(address, ()) if elsewhere else files_of(config, source)
    if not files or not (session.untimed.isdisjoint(files) or all(map(_date_in, files))):
        return None
    return newest(files, zone)[1]


def newest(files: tuple[Path, ...], zone: ZoneInfo) -> tuple[Path, datetime]:
    """The latest file, and when it was made: by the dates in the names if every name has one, else by file time."""
    dated = all(_date_in(file) for file in files)
    file = max(files, key=lambda file: (_made_at(file, zone, dated), file.name))
    return file, _made_at(file, zone, dated)


def fingerprint(files: Iterable[Path]) -> str:
    """A hash of names and contents, in order: the same files give the same hash."""
    total = hashlib.blake2b(digest_size=16)
    for file in files:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).digest()
        total.update(file.name.encode("utf-8", "surrogateescape") + b"\0" + content)
    return total.hexdigest()


def _glob(folder: Path, pattern: str) -> list[Path]:
    if not re.search(r"[*?\[]", pattern):
        return []
    base, rest = (Path(pattern).anchor, Path(pattern).relative_to(Path(pattern).anchor))
    try:
        found = Path(base or folder).glob(str(rest))
        return [file for file in found if file.is_file() and not _hidden(file, pattern)]
    except (ValueError, NotImplementedError):
        return []


def _hidden(file: Path, pattern: str) -> bool:
    """A file that begins with a point is only found by a pattern that does, as in a shell."""
    return file.name.startswith(".") and not Path(pattern).name.startswith(".")


def _base(path: Path) -> Path:
    """The part of a pattern before its first joker: where it looks."""
    parts = itertools.takewhile(lambda part: not re.search(r"[*?\[]", part), path.parts)
    return Path(*parts)


def _inside(folder: Path, files: Iterable[Path]) -> bool:
    """Whether all of them lie in the folder, links and `..` undone; whether they exist is not asked."""
    home = folder.resolve()
    try:
        return all(file.resolve().is_relative_to(home) for file in files)
    except (OSError, RuntimeError):  # a circle of links
        return False


def _outside(place: Place, source: Source) -> NoReturn:
    message = (
        f"{plain(source.origin)} lies outside the folder of segments.yaml. Put the export there, or write "
        "`allow_outside: true` beside it."
    )
    fail(place, "outside", message)


def _missing(place: Place, source: Source, path: Path) -> None:
    origin = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in source.origin)
    if re.search(r"[*?\[]", origin):
        fail(place, "file-missing", f"no file matches {origin}. Export it there, or correct `file:`.")
    if path.is_dir():
        fail(place, "file-missing", f"{origin} is a folder. Name a file in it, or write {origin}/*.csv.")
    try:
        near = did_you_mean(path.name, (other.name for other in path.parent.iterdir() if other.is_file()))
    except OSError:
        near = ""
    fail(place, "file-missing", f"there is no file {origin}.{near} Export it there, or correct `file:`.")


def _date_in(file: Path) -> re.Match[str] | None:
    for match in _DATE_IN_NAME.finditer(file.name):
        try:
            date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            continue
        return match
    return None


def _made_at(file: Path, zone: ZoneInfo, dated: bool) -> datetime:
    """When an export was made: by the date in its name (without a time: the end of that day), else by file time."""
    match = _date_in(file) if dated else None
    if match is None:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    day = date(int(match[1]), int(match[3]), int(match[4]))
    at = time(int(match[5]), int(match[6]), int(match[7] or 0)) if match[5] else time(23, 59, 59)
    return datetime.combine(day, at, zone)


def _oldest_allowed(as_of: datetime, age: Duration, zone: ZoneInfo) -> datetime:
    """`as_of` less so many hours, or the start of the local day so many calendar units ago."""
    if age.number > 100_000:  # beyond the calendar: nothing is too old
        return datetime.min.replace(tzinfo=UTC)
    if age.unit == "hour":
        return as_of - timedelta(hours=age.number)
    today = as_of.astimezone(zone).date()
    days = {"day": age.number, "week": 7 * age.number}.get(age.unit)
    if days is not None:
        day = today - timedelta(days=days)
    else:
        months = today.year * 12 + today.month - 1 - age.number * (12 if age.unit == "year" else 1)
        day = _clamped(max(months // 12, 1), months % 12 + 1, today.day)
    return datetime.combine(day, time(0), zone)


def _clamped(year: int, month: int, day: int) -> date:
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1
