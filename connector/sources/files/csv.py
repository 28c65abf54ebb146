"""CSV and TSV: the dialect, the header, and the rows as text.

Owns: delimiter and header detection, the engine's quick read of a regular file, the careful read of a ragged one.
Must not: interpret cells.

A file is regular when every row has as many cells as the header and quotes are where RFC 4180 wants them: then DuckDB
reads the needed columns in parallel. At the first irregularity the file is read again by Python's csv module, row by
row, so that nothing is lost silently: too few cells are missing cells, too many send the row to the quarantine, a row
that breaks the quoting is taken by itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from connector.sources.files import encoding as enc
from connector.sources.files.batches import append
from connector.sources.text import literal

if TYPE_CHECKING:
    import duckdb

DELIMITERS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'^"?sep=(.)"?\r?\n?$', re.IGNORECASE)
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file is written. `skip` physical lines stand before the header."""

    encoding: str
    delimiter: str
    skip: int
    headers: tuple[str, ...]


class Row(NamedTuple):
    """One row of a careful read. `line` counts from 1; `reason` is set when the row cannot be used."""

    reason: str | None
    line: int
    cells: list[str]


@dataclass(slots=True)
class Tally:
    """What a careful read met."""

    short: int = 0
    footers: int = 0
    quotes: int = 0
    undecoded: int = 0
    encoding: str = ""  # when it is another than UTF-8
    first: dict[str, int] = field(default_factory=dict)  # what -> line of the first case

    def count(self, what: str, line: int) -> None:
        setattr(self, what, getattr(self, what) + 1)
        self.first.setdefault(what, line)


def dialect(file: Path, encoding: str | None, delimiter: str | None, skip_rows: int) -> Dialect:
    """Found from the first bytes, where the settings do not say it. Raises LookupError for an unknown encoding,
    ValueError for a file without a header."""
    head = enc.sample(file)
    encoding = encoding or enc.guess(head)
    text = _decoded(head, encoding)
    lines = list(io.StringIO(text, newline=""))
    skip = skip_rows
    if skip < len(lines) and (told := _SEPARATOR_LINE.match(lines[skip])):
        delimiter, skip = delimiter or told[1], skip + 1
    while skip < len(lines) and not lines[skip].strip("\r\n\ufeff \t"):
        skip += 1
    if skip >= len(lines):
        raise ValueError("no header")
    rows = lines[skip:]
    if len(head) == enc.SAMPLE and len(rows) > 1:
        rows = rows[:-1]  # the last line of a sample may be cut
    delimiter = delimiter or _delimiter(rows)
    headers = next(csv.reader(iter(rows), delimiter=delimiter), [])
    return Dialect(encoding, delimiter, skip, tuple(headers))


def careful(file: Path, how: Dialect, wants_address: bool, tally: Tally, encoding: str = "utf-8-sig") -> Iterator[Row]:
    """Every row after the header, as wide as the header.

    `wants_address`: rows with fewer cells than the header and no @ in them are a report's footer and are dropped."""
    width = len(how.headers)
    records = _records(file, encoding, how, tally)
    next(records, None)  # the header
    for line, cells in records:
        if len(cells) == width:
            yield Row(None, line, cells)
        elif len(cells) > width:
            spare = any(cell.strip() for cell in cells[width:])
            yield Row("cells" if spare else None, line, cells[:width])
        elif cells and wants_address and not any("@" in cell for cell in cells):
            tally.count("footers", line)
        elif cells:
            tally.count("short", line)
            yield Row(None, line, cells + [""] * (width - len(cells)))


def _records(file: Path, encoding: str, how: Dialect, tally: Tally) -> Iterator[tuple[int, list[str]]]:
    """(line of the start, cells) of every record from the header on.

    From the first record that breaks the quoting the file is read with one line of looking back, which is slower."""
    done = how.skip
    with _lines(file, encoding, done) as stream:
        reader = csv.reader(stream, delimiter=how.delimiter, strict=True)
        try:
            for cells in reader:
                yield done + 1, cells
                done = how.skip + reader.line_num
            return
        except csv.Error:
            pass
    with _lines(file, encoding, done) as stream:
        yield from _mended(enumerate(stream, start=done + 1), how, tally)


def _lines(file: Path, encoding: str, skip: int) -> io.TextIOWrapper:
    """The file's lines, line ends and all, after the first `skip`."""
    stream = io.TextIOWrapper(enc.open_bytes(file), encoding, errors="replace", newline="")
    for _ in islice(stream, skip):
        pass
    return stream


def _mended(numbered: Iterator[tuple[int, str]], how: Dialect, tally: Tally) -> Iterator[tuple[int, list[str]]]:
    """The same, where a record that breaks the quoting is read line by line."""
    waiting: list[tuple[int, str]] = []
    taken: list[tuple[int, str]] = []

    def lines() -> Iterator[str]:
        while True:
            item = waiting.pop() if waiting else next(numbered, None)
            if item is None:
                return
            taken.append(item)
            yield item[1]

    reader = csv.reader(lines(), delimiter=how.delimiter, strict=True)
    while True:
        taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            (line, text), rest = taken[0], taken[1:]
            waiting.extend(reversed(rest))
            tally.count("quotes", line)
            reader = csv.reader(lines(), delimiter=how.delimiter, strict=True)
            yield line, _leniently(text, how.delimiter)
            continue
        yield taken[0][0], cells


def _leniently(text: str, delimiter: str) -> list[str]:
    """One physical line by itself, quotes taken as they come."""
    try:
        return next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return text.rstrip("\r\n").split(delimiter)


def _delimiter(lines: Sequence[str]) -> str:
    """The candidate under which most of the first rows are as wide as the header; the wider header when equal."""
    return max(DELIMITERS, key=lambda candidate: _evenness(lines[:200], candidate))


def _evenness(lines: Sequence[str], delimiter: str) -> tuple[bool, float, int]:
    widths = [len(row) for row in _tolerant(lines, delimiter) if row]
    if not widths or widths[0] < 2:
        return (False, 0.0, 0)
    same = sum(1 for width in widths if width == widths[0]) / len(widths)
    return (True, round(same, 1), widths[0])


def _tolerant(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(iter(lines), delimiter=delimiter)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue


def _decoded(head: bytes, encoding: str) -> str:
    text = head.decode(encoding, "replace")
    return text.removeprefix("\ufeff")


def read(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    how: Dialect,
    wanted: Sequence[int | None],
    into: str,
    wants_address: bool,
    private: Path,
) -> Tally:
    """Append the rows to the raw table `into` (see formats.py); transcoded copies go to the folder `private`."""
    import duckdb as engine

    tally = Tally()
    path = file
    if how.encoding not in enc.UTF8:
        tally.encoding = how.encoding
        path = private / "utf8.csv"
        tally.undecoded = enc.utf8_copy(file, how.encoding, path)
    try:
        _quick(con, path, how, wanted, into)
        return tally
    except engine.Error:
        pass  # irregular somewhere: read it carefully
    if path is file and not enc.is_utf8(file):
        path = private / "utf8.csv"
        tally.encoding = enc.whole_guess(file)
        tally.undecoded = enc.utf8_copy(file, tally.encoding, path)
        with suppress(engine.Error):
            _quick(con, path, how, wanted, into)
            return tally
    append(con, into, careful(path, how, wants_address, tally), wanted)
    return tally


def _quick(con: duckdb.DuckDBPyConnection, file: Path, how: Dialect, wanted: Sequence[int | None], into: str) -> None:
    """The engine's parallel read. It checks the cells of every row, also of columns that are not wanted."""
    columns = ", ".join("NULL" if position is None else f"c{position}" for position in wanted)
    names = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(how.headers)))
    compression = "gzip" if enc.is_gzip(file) else "none"
    con.execute(
        f"INSERT INTO {into} SELECT NULL, NULL{', ' if columns else ''}{columns} FROM read_csv({literal(str(file))},"
        f" columns={{{names}}}, auto_detect=false, header=true, skip={how.skip}, delim={literal(how.delimiter)},"
        f""" quote='"', escape='"', compression='{compression}', hive_partitioning=false)"""
    )
