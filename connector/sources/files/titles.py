"""Where the headers are when they are not in the first row: below the lines of a title, or on another sheet.

Owns: hint(). Must not: decide where the headers are; a person writes `skip_rows` or `sheet`.

It looks only after a header was missed, and quotes nothing of the file but the name of a sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from connector.config.sections.models import Source
from connector.core.errors import SourceError
from connector.core.problem import Place
from connector.sources.files.formats import Export, inspect

DEEPEST = 20  # rows above the headers
Wanted = Callable[[Iterable[str]], bool]


def hint(source: Source, exports: Iterable[Export], wanted: Wanted) -> str:
    """What to add to the source so that its headers fulfil `wanted`, or nothing."""
    for export in exports:
        for settings, words in _ways(source, export):
            if wanted(_headers(export.file, source, settings)):
                return f" Its headers seem to be elsewhere: add {words} to the source."
    return ""


def _ways(source: Source, export: Export) -> Iterator[tuple[dict[str, object], str]]:
    if export.kind not in ("csv", "xlsx"):
        return
    for skip in range(1, DEEPEST + 1):
        yield {"skip_rows": skip}, f"`skip_rows: {skip}`"
    for sheet in _sheets(export.file) if export.kind == "xlsx" and source.sheet is None else ():
        for skip in range(DEEPEST + 1):
            more = f"`skip_rows: {skip}`"
            yield {"sheet": sheet, "skip_rows": skip}, f"`sheet: {sheet}`" + (f" and {more}" if skip else "")


def _sheets(file: Path) -> list[str]:
    """Every sheet but the first, which was looked at."""
    from python_calamine import load_workbook

    with load_workbook(str(file)) as book:
        return list(book.sheet_names[1:])


def _headers(file: Path, source: Source, settings: dict[str, object]) -> tuple[str, ...]:
    try:
        return inspect(file, source.model_copy(update=settings), Place(file.name)).headers
    except SourceError:
        return ()
