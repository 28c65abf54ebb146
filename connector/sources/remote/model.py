"""What the ways to a remote file have in common.

Owns: Item, same(), Way, and the errors that a way may raise. Must not: open anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Item:
    """A file as its place tells of it. `path` is for its way alone; `tag` is whatever changes with the content."""

    path: str
    name: str
    size: int | None = None
    modified: datetime | None = None
    tag: str | None = None


def same(one: Item | None, other: Item | None) -> bool:
    """Whether nothing changed between two looks at a file. A list may write tag and time otherwise than a single answer
    does: in quotes or not, to the millisecond or the second."""
    if one is None or other is None or one.path != other.path or one.size != other.size:
        return False
    if one.tag and other.tag:
        return _bare(one.tag) == _bare(other.tag)
    return _second(one.modified) == _second(other.modified)


def _bare(tag: str) -> str:
    return tag.removeprefix("W/").strip('"')


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


class Way(Protocol):
    """One kind of place. Every method may raise whatever its library does; copies.py words it."""

    def find(self) -> Sequence[Item]:
        """The files that the address means, in the order of their paths; none where there are none."""
        ...

    def read(self, item: Item) -> Iterator[bytes]:
        """The content, piece by piece. Raises CutOff when the place ends it too early."""
        ...

    def told(self, item: Item) -> Item:
        """What the place said of the file when its reading began."""
        ...

    def again(self, item: Item) -> Item | None:
        """The same file as it is told of now; None when it is gone."""
        ...

    def log_above(self, item: Item) -> str | None:
        """The kind of table (Delta, Hudi, Iceberg) that the file is a part of."""
        ...


class Refused(Exception):
    """A sentence of ours about what may not be done."""


class Denied(Exception):
    """The place does not let us in. The text is ours."""


class CutOff(Exception):
    """The content ended too early."""
