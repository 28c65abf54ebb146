"""Destinations are independent: what goes wrong at one of them is kept, and the others go on.

Owns: which trouble concerns one destination alone, and when nothing is left to go on with. Must not: print, decide an
exit code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from connector.core.errors import DestinationError

_T = TypeVar("_T")


@dataclass(slots=True)
class Apart:
    """Gathers the trouble of single destinations; with `together` (--require-all) the first one is raised."""

    together: bool = False
    found: dict[str, DestinationError] = field(default_factory=dict)

    def tried(self, name: str, do: Callable[[], _T]) -> _T | None:
        """What `do` returns; None when the destination could not be worked with."""
        try:
            return do()
        except DestinationError as error:
            self.note(name, error)
            return None

    def note(self, name: str, error: DestinationError) -> None:
        if self.together:
            raise error
        self.found[name] = error

    def require(self, left: int) -> None:
        """Raises the first trouble when nothing is left."""
        if self.found and not left:
            first = next(iter(self.found.values()))
            first.also = {name: error for name, error in self.found.items() if error is not first}
            raise first

    @property
    def unread(self) -> dict[str, str]:
        """Destination -> why."""
        return {name: f"{error}" for name, error in self.found.items()}

    @property
    def kinds(self) -> dict[str, str]:
        """Destination -> DestinationError.kind."""
        return {name: error.kind for name, error in self.found.items()}
