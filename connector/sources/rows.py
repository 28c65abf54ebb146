"""Where a row of the raw table stands in its file.

Owns: spans of the raw table per file, and the row numbers people see: 1 is the first line of a text file (a header is
row 1), the sheet's own row number, and the first record of a Parquet file. Must not: read a file unless asked.

A regular CSV is read in parallel without line numbers. They are worked out here, for the few rows that are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.sources.files import encoding as enc
from connector.sources.files.csv import Tally, careful
from connector.sources.files.formats import Export


@dataclass(frozen=True, slots=True)
class Span:
    """The raw rows [start, end) came from `export`."""

    export: Export
    start: int
    end: int


def locate(spans: Iterable[Span], rows: Mapping[int, int | None]) -> dict[int, tuple[str, int]]:
    """raw row -> (file name, row number). `rows` maps the raw rows asked for to their `_line`."""
    found: dict[int, tuple[str, int]] = {}
    for span in spans:
        mine = {row: line for row, line in rows.items() if span.start <= row < span.end}
        file = span.export.file.name
        unknown = sorted(row - span.start for row, line in mine.items() if line is None)
        lines = dict(zip(unknown, _lines(span, unknown), strict=True)) if unknown else {}
        for row, line in mine.items():
            found[row] = (file, line if line is not None else lines[row - span.start])
    return found


def _lines(span: Span, records: list[int]) -> list[int]:
    """The lines of the given records (0 is the first after the header) of a regular CSV."""
    how = span.export.dialect
    assert how is not None
    if how.encoding in enc.UTF8 and _newlines(span.export) == how.skip + 1 + span.end - span.start:
        return [how.skip + 2 + record for record in records]
    encoding = "utf-8-sig" if how.encoding in enc.UTF8 else how.encoding
    wanted, found = iter(records), []
    following = next(wanted, None)
    for number, row in enumerate(careful(span.export.file, how, False, Tally(), encoding)):
        if number == following:
            found.append(row.line)
            following = next(wanted, None)
            if following is None:
                break
    return found + [0] * (len(records) - len(found))


def _newlines(export: Export) -> int:
    """Lines of the file, a last one without a line end included."""
    total, last = 0, b"\n"
    with enc.open_bytes(export.file) as stream:
        while chunk := stream.read(1 << 20):
            total += chunk.count(b"\n")
            last = chunk[-1:]
    return total + (last != b"\n")
