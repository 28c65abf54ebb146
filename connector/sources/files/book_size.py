"""How large a workbook becomes once it is read, found out before a library reads it.

Owns: the limits, and where the last cell stands. Must not: interpret cells.

A sheet is held as a rectangle, so one stray cell at XFD1048576 is 17 billion cells; a sheet of blanks is small as a
file and gigabytes when unpacked. Neither is an export.
"""

from __future__ import annotations

import functools
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from connector.core.problem import Place
from connector.sources.trouble import fail

UNPACKED = 1 << 30  # bytes of all parts together
CELLS = 25_000_000  # a million rows of 25 columns
_CELL = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_PIECE = 1 << 20


def check(file: Path) -> None:
    """Raises SourceError for a workbook that would need more memory than an export may."""
    stat = file.stat()
    fault = _fault(file, stat.st_mtime_ns, stat.st_size)
    if fault:
        text = f"{file.name} {fault} Delete what lies around the table (whole rows and columns), or export it as CSV."
        fail(Place(file.name), "workbook-too-large", text)


@functools.lru_cache(maxsize=64)
def _fault(file: Path, changed: int, size: int) -> str:
    """What is too large, "" when nothing is; `changed` and `size` tell the file's versions apart. What cannot be
    unpacked is left to the library that reads it, as is the older binary format, which is bounded by itself."""
    try:
        return _of_parts(file) if zipfile.is_zipfile(file) else ""
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return ""


def _of_parts(file: Path) -> str:
    with zipfile.ZipFile(file) as book:
        parts = book.infolist()
        if sum(part.file_size for part in parts) > UNPACKED:
            return f"is over {UNPACKED >> 30} GiB when unpacked."
        for part in parts:
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                column, row = _last(book, part)
                if _number(column) * row > CELLS:
                    where = f"{column.decode()}{row}"
                    return (
                        f"has a cell as far away as {where}: more than {CELLS // 1_000_000} million cells up to there."
                    )
    return ""


def _last(book: zipfile.ZipFile, part: zipfile.ZipInfo) -> tuple[bytes, int]:
    """The last column and row of which any cell of the sheet has something to tell."""
    column, row = b"A", 1
    for piece in _pieces(book, part):
        found = set(_CELL.findall(piece))
        column = max((column, *(one for one, _ in found)), key=lambda name: (len(name), name))
        row = max((row, *(int(number) for _, number in found)))
    return column, row


def _pieces(book: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """The sheet as it is unpacked, never more than the limit whatever its header says; no reference is cut in two."""
    read, rest = 0, b""
    with book.open(part) as stream:
        while (piece := stream.read(_PIECE)) and read <= UNPACKED:
            read += len(piece)
            yield rest + piece
            rest = piece[-24:]


def _number(column: bytes) -> int:
    """A is 1, XFD is 16,384."""
    return functools.reduce(lambda number, letter: number * 26 + letter - 64, column, 0)
