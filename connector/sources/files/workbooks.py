"""Workbooks (XLSX, XLS, XLSB, ODS) through calamine.

Owns: the sheet, its header row, and each cell's text form. Must not: interpret values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from connector.core.problem import Place, did_you_mean
from connector.sources.files import book_size
from connector.sources.files.batches import RawRow, append
from connector.sources.files.csv import Tally
from connector.sources.trouble import fail

if TYPE_CHECKING:
    import duckdb

Cell = object


def header(file: Path, sheet: str | None, skip_rows: int, place: Place) -> tuple[str, int, tuple[str, ...]]:
    """(sheet, row of the header counted from 1, headers). The first sheet counts unless one is named."""
    from python_calamine import load_workbook

    book_size.check(file)
    with load_workbook(str(file)) as book:
        names = book.sheet_names
        if not names or (sheet is not None and sheet not in names):
            fail(place, "no-sheet", f'{file.name} has no sheet "{sheet}".{did_you_mean(sheet or "", names)}')
        chosen = sheet or names[0]
        for number, row in _rows(book.get_sheet_by_name(chosen)):
            cells = [text(cell) for cell in row]
            if number > skip_rows and any(cells):
                while cells and not cells[-1]:
                    cells.pop()
                return chosen, number, tuple(cell or "" for cell in cells)
    return chosen, 1, ()


def read(
    con: duckdb.DuckDBPyConnection,
    file: Path,
    sheet: str | None,
    first_row: int,
    wanted: Sequence[int | None],
    into: str,
    wants_address: bool,
) -> Tally:
    """Append the rows below the header; blank ones are left out, a lone cell without an address is a footer."""
    from python_calamine import load_workbook

    tally = Tally()
    width = 1 + max((position for position in wanted if position is not None), default=0)
    with load_workbook(str(file)) as book:
        rows = _rows(book.get_sheet_by_name(sheet or book.sheet_names[0]))
        append(con, into, _raw(rows, first_row, width, wants_address, tally), wanted)
    return tally


def text(cell: Cell) -> str | None:
    """The cell as an export in text would write it: 5.0 is 5, dates are ISO, yes/no is true/false."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else _fraction(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ") if cell.time() != time(0) else cell.date().isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)


def _fraction(cell: float) -> str:
    """With another digit where three would look like thousands beside texts with a decimal comma: 120.1250."""
    plain = format(Decimal(repr(cell)), "f")
    return f"{plain}0" if len(plain.partition(".")[2]) == 3 else plain


def _rows(sheet: object) -> Iterator[tuple[int, list[Cell]]]:
    """Every row with its number from 1; empty rows above the used area are left out but counted."""
    start = getattr(sheet, "start", None)
    first = (start[0] if start else 0) + 1
    rows = sheet.to_python(skip_empty_area=True)  # type: ignore[attr-defined]
    yield from enumerate(rows, start=first)


def _raw(
    rows: Iterator[tuple[int, list[Cell]]], first_row: int, width: int, wants_address: bool, tally: Tally
) -> Iterator[RawRow]:
    for number, row in rows:
        if number <= first_row:
            continue
        cells = [text(cell) for cell in row]
        filled = [cell for cell in cells if cell is not None]
        if not filled:
            continue
        if wants_address and len(filled) == 1 and len(cells) > 1 and "@" not in filled[0]:
            tally.count("footers", number)
            continue
        yield None, number, cells + [None] * (width - len(cells))
