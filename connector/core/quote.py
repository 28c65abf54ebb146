"""The lines of a user's file as they may stand in a message, with a mark under the part that is meant.

Owns: Lines. Must not: decide what may be shown (who reads the file does, by `show`), read files.

Nothing is quoted unless somebody allowed it: a line may hold a key, also in a comment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

WIDEST = 68  # columns of a quoted line: with its number it fits a terminal of 80
HIDDEN = "…"
_STRUCTURE = frozenset(" \t{}[],:-?")


@dataclass(slots=True, eq=False)
class Lines:
    """`ends` are the known parts: (line, column) of the first character -> (line, column) behind the last, from 1."""

    lines: Sequence[str]
    ends: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None  # calls `show`; runs once, when something is quoted
    _shown: dict[int, list[range]] = field(default_factory=dict)

    def show(self, line: int, first: int, end: int | None = None) -> None:
        """These columns of a line may be quoted; without `end` those of the part that begins there."""
        if end is None:
            last_line, end = self.ends.get((line, first), (line, first))
            end = end if last_line == line else len(self.lines[line - 1]) + 1
        self._shown.setdefault(line, []).append(range(first, end))

    def excerpt(self, line: int, column: int) -> tuple[str, str] | None:
        """The line and the carets below it, or None when nothing of the line may be quoted."""
        if not 0 < line <= len(self.lines):
            return None
        if self.prepare is not None:
            prepare, self.prepare = self.prepare, None
            prepare()
        signs = list(self._signs(line))
        if not any(sign.strip() and sign not in _STRUCTURE and sign != HIDDEN for _, sign in signs):
            return None
        last_line, end = self.ends.get((line, column), (line, self._word_end(line, column)))
        end = end if last_line == line else len(self.lines[line - 1].rstrip()) + 1
        meant = [index for index, (at, _) in enumerate(signs) if column <= at < end]
        before = sum(at < column for at, _ in signs)
        first, count = (meant[0], len(meant)) if meant else (min(before, len(signs)), 1)
        return _cropped([sign for _, sign in signs], first, count)

    def find(self, word: str, line: int, column: int) -> tuple[int, int] | None:
        """Where `word` stands in the part that begins here, in any case; in its first line."""
        last_line, end = self.ends.get((line, column), (line, column))
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        part = text[column - 1 : end - 1 if last_line == line else None]
        at = part.casefold().find(word.casefold())
        return (line, column + at) if at >= 0 and len(part.casefold()) == len(part) else None

    def _word_end(self, line: int, column: int) -> int:
        text = self.lines[line - 1]
        found = re.compile(r"\w+").match(text, column - 1)
        return found.end() + 1 if found else column + 1

    def _signs(self, line: int) -> Iterator[tuple[int, str]]:
        """(column, sign) of what is shown; of every part that is not, one sign."""
        parts = self._shown.get(line, [])
        hidden = False
        for column, sign in enumerate(self.lines[line - 1].rstrip(), 1):
            if any(column in part for part in parts) or sign in _STRUCTURE:
                hidden = False
                yield column, sign if sign.isprintable() else " "
            elif not hidden:
                if sign == "#":  # a comment
                    return
                hidden = True
                yield column, HIDDEN


def _cropped(signs: list[str], first: int, count: int) -> tuple[str, str]:
    """The part of a long line around the mark."""
    start = 0
    if len(signs) > WIDEST:
        start = max(0, min(first - WIDEST // 2, len(signs) - WIDEST))
    end = min(len(signs), start + WIDEST)
    text = "".join(signs[start:end])
    text = (HIDDEN + text[1:] if start else text) + (HIDDEN if end < len(signs) else "")
    blank = " " * sum(_width(sign) for sign in signs[start:first])
    return text.rstrip(), blank + "^" * max(1, sum(_width(sign) for sign in signs[first : min(first + count, end)]))


def _width(sign: str) -> int:
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
