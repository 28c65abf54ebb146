"""From a --state URL to a store.

Owns: the schemes. Must not: know tables.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from connector.core.errors import StateError
from connector.state.base import Store
from connector.state.store import SqlStore

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")
_SEARCH_PATH = "-csearch_path="
_ADVICE = "Give a path, sqlite:///PATH, postgresql://USER@HOST/DATABASE, or a bucket as s3://BUCKET/PATH."


def exists(url: str) -> bool:
    """Whether there is a state already: a command that only looks makes none."""
    path = url.removeprefix(_SQLITE)
    return "://" in path or Path(path).exists()


def rehearsal_url(url: str) -> str:
    """Beside `url`, for what only the rehearsal platforms confirmed: another file, or another schema."""
    if not url.startswith(_POSTGRES):
        return url + ".rehearsal"
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    others = [word for word in query.get("options", "").split() if not word.startswith(_SEARCH_PATH)]
    found = [word.removeprefix(_SEARCH_PATH) for word in query.get("options", "").split() if word not in others]
    query["options"] = " ".join([*others, f"{_SEARCH_PATH}{found[0] if found else 'connector'}_rehearsal"])
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def open_store(url: str) -> Store:
    """A path or sqlite:///PATH (sqlite:////PATH when absolute): a file, made with its folder, readable only by its
    owner. postgresql://USER@HOST/DATABASE: tables in the first schema of the search path
    (?options=-csearch_path%3DNAME), which is made if missing.
    s3://BUCKET/PATH and whatever else fsspec opens: a file that is fetched and put back.

    Raises StateError for another scheme or an unusable place, TooNew for one of a newer version."""
    if url.startswith(_POSTGRES):
        return _postgres(url)
    if url.startswith(_SQLITE):
        url = url.removeprefix(_SQLITE)
    elif "://" in url:
        return _remote(url)
    if not url.strip():
        raise StateError(f"--state is empty. {_ADVICE}")
    return SqlStore(Path(url))


def _remote(url: str) -> Store:
    from fsspec import available_protocols  # type: ignore[import-untyped]

    scheme = url.split("://", 1)[0]
    if scheme not in available_protocols():
        raise StateError(f"--state cannot be a {scheme}:// URL. {_ADVICE}")
    from connector.state.drivers.bucket import RemoteStore

    return RemoteStore(url)


def _postgres(url: str) -> Store:
    try:
        from connector.state.drivers.postgres import PostgresDatabase
    except ImportError:
        text = "--state postgresql:// needs the driver psycopg: pip install 'segment-connector[postgres]'."
        raise StateError(text) from None
    return SqlStore(PostgresDatabase(url))
