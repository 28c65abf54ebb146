"""Which headers a message may quote. A file that is named by mistake (.env, a key, /etc/passwd) is read like an export,
and its first line is then no header.

Owns: quotable(). Must not: read a file.

A workbook, a Parquet file, a table and the keys of JSON lines are what they seem. A text is a table when its name says
so. Of its headers those are quoted that look like names: not long, without signs that stand in settings and keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from connector.sources.files.formats import Export

_TABLES = {".csv", ".tsv", ".tab"}
_PACKED = {".gz"}
_NAME = re.compile(r"[^\W\d_][\w .()/#&%-]{0,39}")
_KEY = re.compile(r"(?=[^ ]*\d)[^ ]{12,}|[^ ]{25,}")  # a long word, or a shorter one with digits


def quotable(exports: Iterable[Export]) -> tuple[str, ...]:
    """The headers that a message may quote; none when a file of them may be no table."""
    exports = tuple(exports)
    if not all(_is_table(export) for export in exports):
        return ()
    return tuple(header for export in exports for header in export.headers if _is_name(header))


def _is_table(export: Export) -> bool:
    return export.kind != "csv" or _ending(export.file) in _TABLES


def _ending(file: Path) -> str:
    endings = [ending.lower() for ending in file.suffixes]
    while endings and endings[-1] in _PACKED:
        endings.pop()
    return endings[-1] if endings else ""


def _is_name(header: str) -> bool:
    return bool(_NAME.fullmatch(header)) and not any(_KEY.fullmatch(word) for word in header.split())
