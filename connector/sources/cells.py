"""One cell of an export as a message shows it: file, row, and its text where that tells nobody's address or number.

Owns: place(), cell(), quoted(). Must not: decide which cell is to blame.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from connector.sources import emails, engine
from connector.sources.columns.layout import Layout
from connector.sources.rows import Span, locate
from connector.sources.text import fold, plain

if TYPE_CHECKING:
    import duckdb

_LONGEST = 40
_PHONE = re.compile(r"[+0(][\d\s()./-]{7,}")
Where = tuple[str, int]


def place(con: duckdb.DuckDBPyConnection, raw: str, spans: Iterable[Span], row: int | None) -> Where:
    """(file, row) of the raw row `row`; of None nowhere."""
    if row is None:
        return "", 0
    (line,) = engine.row(con, f"SELECT _line FROM {raw} WHERE rowid = {row}")
    return locate(spans, {row: line})[row]


def cell(
    con: duckdb.DuckDBPyConnection, raw: str, spans: Iterable[Span], layout: Layout, column: str, row: int
) -> tuple[Where, tuple[str, ...]]:
    """((file, row), (its text,)) of the raw row `row`; the text is left out where the column is of phones."""
    info = layout.column(column)
    texts = ", ".join(layout.text(info, layout.slots[fold(header)]) for header in info.headers)
    line, text = engine.row(con, f"SELECT r._line, concat_ws(' / ', {texts}) FROM {raw} r WHERE r.rowid = {row}")
    where = locate(spans, {row: line})[row]
    return where, () if info.type == "phone" or not text else (quoted(text),)


def quoted(text: str) -> str:
    """A cell in a message: short, on one line, without an address or a number of a phone."""
    text = plain(text, _LONGEST)
    return emails.masked(text) or "" if "@" in text or _PHONE.fullmatch(text) else text
