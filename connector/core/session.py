"""What one command keeps while it works on one segments.yaml, and gives back when it ends.

Owns: the private folder of copies, its removal in every end of a command, and the question whether to go on.
Must not: fetch anything.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.core.private import Folder

_open: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """`copies`: an address -> the copies of its files; `untimed`: those of an unknown age; `engines`: an address -> its
    open connection; `views`: an address -> its name there; `go_on` raises Interrupted once the user asked to stop."""

    def __init__(self) -> None:
        self.copies: dict[str, tuple[Path, ...]] = {}
        self.untimed: set[Path] = set()
        self.go_on: Callable[[], None] = _go_on
        self.views: dict[str, str] = {}
        self.engines: dict[str, Any] = {}
        self._last: list[Callable[[], object]] = []
        self._folder: Folder | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Session)  # two readings of one file are equal, whatever was fetched for them

    __hash__ = object.__hash__

    def new_folder(self) -> Path:
        """A new empty folder that its owner alone can read. Raises OSError."""
        import tempfile

        from connector.core.private import Folder

        if self._folder is None:
            self._folder = Folder("copies")
            _open.add(self)
        return Path(tempfile.mkdtemp(dir=self._folder.path))

    def at_end(self, done: Callable[[], object]) -> None:
        """`done` is called when the command ends."""
        self._last.append(done)

    def close(self) -> None:
        """Remove the copies, leave the engines; a later question fetches and connects again."""
        for done in self._last:
            done()
        self._last.clear()
        self.engines.clear()
        self.views.clear()
        if self._folder is not None:
            self._folder.remove()
        self.copies.clear()
        self.untimed.clear()
        self._folder = None
        _open.discard(self)


def close_all() -> None:
    """For an end that runs no exit handlers."""
    for session in list(_open):
        session.close()


def _go_on() -> None:
    pass
