"""Plain tables for a terminal of 80 columns or a file.

Owns: aligning columns. Must not: know what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[int] = ()) -> str:
    """Columns two blanks apart; those whose number is in `right` are flush right. Control signs are shown as ·."""
    cells = [[_clean(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = (
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )
    return "\n".join(line.rstrip() for line in lines)


def _clean(cell: object) -> str:
    """A hostile name must not steer the terminal."""
    return "".join(sign if sign.isprintable() else "·" for sign in str(cell))
