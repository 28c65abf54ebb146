"""Which columns a source has, before it is read.

Owns: ColumnInfo, SourceInfo. Must not: open files, import an engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from connector.core.model import ColumnType

if TYPE_CHECKING:
    from connector.sources.files.formats import Export

Origin = Literal["declared", "preset", "header"]


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column of a source. `headers` are the headers as written (two for a place); type None: inferred by load.

    The rest says how its cells are written: as declared in `columns:`, else as the preset knows. `yes` and `no` are
    words of the preset beside true/false, yes/no …; `apostrophe`: a leading ' is the spreadsheet's, not the value's.
    """

    name: str
    headers: tuple[str, ...]
    type: ColumnType | None
    origin: Origin
    separator: str | None = None
    format: str | None = None
    decimal: str | None = None
    missing: tuple[str, ...] | None = None
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    apostrophe: bool = False
    also: tuple[str, ...] = ()  # further headers of the same column: their cells where the first is empty


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source before it is read. `aliases`: any spelling a rule may use -> column name (see resolve)."""

    name: str
    files: tuple[Path, ...]
    columns: Mapping[str, ColumnInfo]
    aliases: Mapping[str, str]
    exports: tuple[Export, ...] = ()  # the files as inspected, for load
    hidden: frozenset[str] = frozenset()  # columns whose names no message quotes (quotable.py)

    def known(self) -> list[str]:
        """The columns that a message may offer."""
        return [name for name in self.columns if name not in self.hidden]

    def resolve(self, written: str) -> str | None:
        """The column a rule means by `written`: its name, or its header in any case and with outer blanks."""
        if written in self.columns:
            return written
        return self.aliases.get(written.strip().casefold())
