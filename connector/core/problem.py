"""One finding about the user's files, with the place it stands at.

Owns: Place, Problem and how they are written for a person, for JSON and for a CI annotation.
Must not: decide what is a problem, read files, print.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from connector.core.quote import Lines


class Severity(StrEnum):
    """ERROR ends with exit 2. WARNING does with --strict. ADVICE is a hint and follows WARNING's rule."""

    ERROR = "error"
    WARNING = "warning"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A position in a file; lines and columns count from 1, 0 means the file as a whole. `lines` quotes the file."""

    file: str
    line: int = 0
    column: int = 0
    lines: Lines | None = field(default=None, compare=False, repr=False)

    def excerpt(self) -> tuple[str, str] | None:
        """The line and the carets below it, where the file may be quoted."""
        return self.lines.excerpt(self.line, self.column) if self.lines is not None else None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong or surprising, where, and what to do. `message` is one sentence or two."""

    place: Place
    code: str
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        """An error with its line and a mark under what is wrong; advice is about more than its line."""
        said = f"{self.place}: {self.severity}[{self.code}]: {self.message}"
        quoted = self.place.excerpt() if self.severity is Severity.ERROR else None
        if quoted is None:
            return said
        number = f"{self.place.line:>4}"
        return f"{said}\n{number} | {quoted[0]}\n{' ' * len(number)} | {quoted[1]}"

    def as_json(self) -> dict[str, object]:
        quoted = self.place.excerpt()
        return {
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "severity": str(self.severity),
            "code": self.code,
            "message": self.message,
            "excerpt": list(quoted) if quoted else [],
        }


def meant(word: str, known: Iterable[str]) -> str:
    """The known word that is near, or nothing."""
    folded = {name.casefold(): name for name in sorted(set(known))}
    near = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean "x"?' when a known word is near, else a list of at most eight, else nothing."""
    names = sorted(set(known))
    near = meant(word, names)
    if near:
        return f' Did you mean "{near}"?'
    if not names:
        return ""
    shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
    return f" Known here: {shown}."


def one_of(word: object, valid: Iterable[object]) -> str:
    """The hint for a word of a closed list: the near one, and always the whole list."""
    names = [str(name) for name in valid]
    near = did_you_mean(str(word)[:40], names) if isinstance(word, str) else ""
    near = near if near.startswith(" Did you mean") else ""
    return f"{near} Valid: {', '.join(names)}."
