"""What held, what did not, and what is not there, one line each.

Owns: the lines and their count. Must not: know a client.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

SHOWN = 400  # characters of a value that was not as expected


class Failed(Exception):
    """A client, or a step of one, ended with an error; the text is its reason."""


@dataclass
class Report:
    """One client's lines. An error in a step is a line like another, so that the steps behind it are still tried."""

    client: str
    held: int = 0
    wrong: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def same(self, what: str, seen: Callable[[], Any], expected: Any = True) -> None:
        """`seen()` is what the client saw or did, `expected` what the rehearsal holds."""
        try:
            found = seen()
        except (Failed, LookupError, TypeError, ValueError) as error:
            self.fails(what, f"{type(error).__name__}: {error}" if not isinstance(error, Failed) else str(error))
            return
        if found == expected:
            self.holds(what)
        else:
            self.fails(what, difference(found, expected))

    def holds(self, what: str) -> None:
        self.held += 1
        self._say(f"  held            {what}")

    def fails(self, what: str, why: str) -> None:
        self.wrong.append(what)
        self._say(f"  DOES NOT HOLD   {what}: {' '.join(why.split())[:SHOWN]}")

    def missing(self, what: str, why: str) -> None:
        """Out of scope, and told as that."""
        self.absent.append(what)
        self._say(f"  is not there    {what}: {why}")

    def _say(self, line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def difference(found: Any, expected: Any) -> str:
    """Short, even of thousands of people."""
    if isinstance(found, dict) and isinstance(expected, dict):
        found, expected = set(map(str, found.items())), set(map(str, expected.items()))
    if isinstance(found, set) and isinstance(expected, set):
        return f"{_some(expected - found)} missing, {_some(found - expected)} too many"
    return f"{str(found)[:SHOWN]} instead of {str(expected)[:SHOWN]}"


def _some(items: Collection[Any]) -> str:
    return f"{len(items)} ({', '.join(sorted(map(str, items))[:3])})" if items else "0"
