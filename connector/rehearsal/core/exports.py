"""Rows of an export that a platform wrote itself, as its rehearsal takes them in.

Owns: finding a cell by the names that a column may have. Must not: know a platform, or write.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping

Row = Mapping[str, str]  # header -> cell, as in the file

_YES = frozenset(("true", "yes", "1", "y", "ja", "oui", "sí", "si"))


def folded(header: str) -> str:
    """A header without case, blanks and signs."""
    return re.sub(r"[\W_]+", "", header).casefold()


def cell(row: Row, *names: str) -> str:
    """The first of these columns that has something in it; "" without one."""
    known = {folded(header): text for header, text in row.items() if header and isinstance(text, str)}
    return next((known[folded(name)].strip() for name in names if known.get(folded(name), "").strip()), "")


def flag(text: str) -> bool:
    return text.casefold() in _YES


def several(text: str) -> list[str]:
    """The parts of a list, with commas or semicolons; parts may stand in quotes."""
    parts: Iterable[str] = next(csv.reader([text], skipinitialspace=True, delimiter=";" if ";" in text else ","), [])
    return list(dict.fromkeys(part.strip() for part in parts if part.strip()))
