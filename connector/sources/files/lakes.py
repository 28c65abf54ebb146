"""Folders of files that are more than their files: tables with a log, and partitions whose folders hold values.

Owns: the refusal of Delta, Iceberg and Hudi tables, partitions(). Must not: read a log.

The log of such a table says which of its files count and which rows are deleted. Read as plain files, deleted rows
would be there again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from connector.core.problem import Place
from connector.sources.text import plain
from connector.sources.trouble import fail

_LOGS = (("Delta", "_delta_log"), ("Hudi", ".hoodie"), ("Iceberg", "metadata"))
_PARTITION = re.compile(r"([A-Za-z_]\w*)=(.*)")
_NONE = "__HIVE_DEFAULT_PARTITION__"
_HIGHEST = 6  # folders above a file that are looked at


def refuse(files: Iterable[Path], place: Place) -> None:
    """Raises SourceError if one of the files belongs to a table with a log."""
    for folder in dict.fromkeys(parent for file in files for parent in _above(file)):
        for kind, log in _LOGS:
            if (folder / log).is_dir() and (kind != "Iceberg" or any((folder / log).glob("*.metadata.json"))):
                article = "an" if kind == "Iceberg" else "a"
                message = (
                    f"{plain(folder.name)} is {article} {kind} table: its log ({log}) says which files and rows count,"
                    " and deleted rows are still in the files. Export it to files of its own."
                )
                fail(place, "table-log", message)


def _above(file: Path) -> Iterator[Path]:
    yield from list(file.parents)[:_HIGHEST]


def partitions(file: Path) -> dict[str, str | None]:
    """Columns that stand in the names of the folders right above the file: `year=2026/month=11/part-0.parquet`."""
    found: list[tuple[str, str | None]] = []
    for parent in file.parents:
        match = _PARTITION.fullmatch(parent.name)
        if match is None:
            break
        found.append((match[1], None if match[2] == _NONE else unquote(match[2])))
    return dict(reversed(found))
