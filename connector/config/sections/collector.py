"""All problems of one file, gathered while it is read, each at its place.

Owns: Collector. Must not: decide what is a problem.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from connector.config.language.rules import Loc
from connector.config.sections.codes import BadValue, Code
from connector.config.yaml.nodes import Document
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

T = TypeVar("T")
V = TypeVar("V")


class Collector:
    """Problems are added by `loc`; those inside a part that is damaged already are dropped."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._found: dict[tuple[Place, str], Problem] = {}
        for problem in document.problems:
            self._found[problem.place, problem.code] = problem

    def add(self, loc: Loc, code: Code, message: str) -> None:
        """At the value of `loc`."""
        self._add(loc, code, message, self._near(loc, self.document.values))

    def add_key(self, loc: Loc, code: Code, message: str) -> None:
        """At the key of `loc`."""
        self._add(loc, code, message, self._near(loc, self.document.keys))

    def take(self, loc: Loc, parse: Callable[[V], T], value: V) -> T | None:
        """parse(value), or None and a problem."""
        try:
            return parse(value)
        except BadValue as bad:
            self.add(loc, bad.code, bad.message)
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

    def _near(self, loc: Loc, places: dict[Loc, Place]) -> Place:
        while loc and loc not in places:
            loc = loc[:-1]
        return places.get(loc, Place(self.document.file, 1, 1))
