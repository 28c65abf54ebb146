"""From a --state URL to a store.

Owns: the schemes. Must not: know tables.
"""

from __future__ import annotations

from pathlib import Path

from connector.errors import StateError
from connector.state.base import Store
from connector.state.sqlite import SqliteStore

_SQLITE = "sqlite:///"


def exists(url: str) -> bool:
    """Whether there is a state already: a command that only looks makes none."""
    path = url.removeprefix(_SQLITE)
    return "://" in path or Path(path).exists()


def open_store(url: str) -> Store:
    """A path, or sqlite:///PATH (sqlite:////PATH when absolute). Made with its folder, readable only by its owner.

    Raises StateError for another scheme or an unusable file, TooNew for one of a newer version."""
    if url.startswith(_SQLITE):
        url = url.removeprefix(_SQLITE)
    elif "://" in url:
        scheme = url.split("://", 1)[0]
        raise StateError(f"--state cannot be a {scheme}:// URL. Give a path or sqlite:///PATH.")
    if not url.strip():
        raise StateError("--state is empty. Give a path or sqlite:///PATH.")
    return SqliteStore(Path(url))
