"""Lines that are no wider than a terminal.

Owns: where a line is broken, and how far what follows is indented. Must not: know what a line says, or be used for what
goes to a file or a program.
"""

from __future__ import annotations

import re

_COLUMN = re.compile(r"(?<=\S) {2,}(?=\S)")  # between two columns
_WORD = re.compile(r" *[^ ]+")


def fit(text: str, width: int) -> str:
    """`text` with every line broken at blanks where it is wider than `width`. A word that is wider stays whole (the
    terminal breaks it itself): addresses, paths and names can be copied."""
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    if _cells(line) <= width:
        return line
    indent = " " * _hanging(line, width)
    found, now = [], ""
    for word in _WORD.findall(line):
        if now.strip() and _cells(now + word) > width:
            found.append(now.rstrip())
            now = indent + word.lstrip()
        else:
            now += word
    return "\n".join([*found, now])


def _hanging(line: str, width: int) -> int:
    """Under the last column that begins in the left half, else a little deeper than the line itself."""
    starts = [_cells(line[: match.end()]) for match in _COLUMN.finditer(line)]
    left = [start for start in starts if start <= width // 2]
    depth = len(line) - len(line.lstrip(" "))
    return left[-1] if left else min(depth + 4 if depth else 2, width // 2)


def _cells(text: str) -> int:
    """Columns on the screen: some signs take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
