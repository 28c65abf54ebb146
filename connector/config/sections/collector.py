"""All problems of one file, gathered while it is read, each at its place.

Owns: Collector. Must not: decide what is a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from connector.config.language.rules import Loc
from connector.config.language.values import shown
from connector.config.sections.belongs import misplaced
from connector.config.sections.codes import BadValue, Code
from connector.config.sections.quotable import quotable
from connector.config.yaml.nodes import Document
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem, did_you_mean, meant

T = TypeVar("T")
V = TypeVar("V")


class Collector:
    """Problems are added by `loc`; those inside a part that is damaged already are dropped."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._found: dict[tuple[Place, str], Problem] = {}
        self._meant: dict[Loc, list[str]] = {}  # mapping -> keys that a misspelled one there means
        for problem in document.problems:
            self._found[problem.place, problem.code] = problem

    def add(self, loc: Loc, code: Code, message: str) -> None:
        """At the value of `loc`. The message begins with the word that was found, unless it says it itself."""
        self._add(loc, code, self._with_word(loc, message), self._near(loc, self.document.values))

    def add_key(self, loc: Loc, code: Code, message: str) -> None:
        """At the key of `loc`."""
        self._add(loc, code, message, self._near(loc, self.document.keys))

    def add_unknown(self, loc: Loc, known: Iterable[str]) -> None:
        """A key that does not exist in its mapping: the one that was meant, or the place it belongs to."""
        key, names = str(loc[-1]), list(known)
        near = meant(key, names)
        elsewhere = misplaced(key)
        if near:
            self._meant.setdefault(loc[:-1], []).append(near)
        if elsewhere:
            hint = f" {elsewhere}{self._above(loc)}{did_you_mean(key, names) if len(names) < 9 else ''}"
        else:
            hint = did_you_mean(key, names)
        self.add_key(loc, "unknown-key", f"There is no key “{key}” here.{hint}")

    def add_missing(self, loc: Loc, key: str, message: str) -> None:
        """A key that its mapping needs; not said when it is there, misspelled."""
        if key not in self._meant.get(loc, ()):
            self.add_key(loc, "missing-key", message)

    def take(self, loc: Loc, parse: Callable[[V], T], value: V) -> T | None:
        """parse(value), or None and a problem."""
        try:
            return parse(value)
        except BadValue as bad:
            self.add((*loc, *bad.inside), bad.code, bad.message)
            return None

    def line(self, loc: Loc) -> int:
        """The line of a key, to name it in another place's message."""
        return self._near(loc, self.document.keys).line

    def damaged(self, loc: Loc) -> bool:
        return any(loc[:length] in self.document.damaged for length in range(len(loc) + 1))

    def finish(self) -> None:
        """Raise ConfigError with everything found, in the file's order."""
        if self._found:
            raise ConfigError(sorted(self._found.values(), key=lambda problem: (problem.place, problem.code)))

    def _add(self, loc: Loc, code: Code, message: str, place: Place) -> None:
        if not self.damaged(loc):
            self._found.setdefault((place, code), Problem(place, code, message))

    def _with_word(self, loc: Loc, message: str) -> str:
        if loc not in self.document.values:
            return message
        value: Any = self.document.data
        for part in loc:
            if isinstance(value, dict) and part not in value:  # an empty section counts as left out
                return message
            value = value[part]
        if value is None or isinstance(value, dict | list) or not quotable(loc, value):
            return message
        word = str(value).lower() if isinstance(value, bool) else str(value)
        told = not word.strip() or any(f"{quote}{word[:40]}" in message for quote in "“`")
        return message if told else f"{shown(word)}: {message}"

    def _above(self, loc: Loc) -> str:
        """For a key that is indented wrongly: the part above it."""
        line = self._near(loc, self.document.keys).line
        parts = [part for part, place in self.document.keys.items() if len(part) == 2 and place.line < line]
        above = max(parts, key=lambda part: self.document.keys[part].line, default=None)
        return f" Check its indentation: “{above[1]}” is above it." if above and len(loc) < 3 else ""

    def _near(self, loc: Loc, places: dict[Loc, Place]) -> Place:
        while loc and loc not in places:
            loc = loc[:-1]
        return places.get(loc, Place(self.document.file, 1, 1, self.document.lines))
