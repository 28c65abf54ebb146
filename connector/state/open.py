"""From a --state URL to a store.

Owns: which driver opens which form (address.py). Must not: know tables.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from connector.state.address import POSTGRES, SQLITE, form
from connector.state.base import Store
from connector.state.store import SqlStore

_SEARCH_PATH = "-csearch_path="


def exists(url: str) -> bool:
    """Whether there is a state already: a command that only looks makes none."""
    path = url.removeprefix(SQLITE)
    return "://" in path or Path(path).exists()


def rehearsal_url(url: str) -> str:
    """Beside `url`, for what only the rehearsal platforms confirmed: another file, or another schema."""
    if not url.startswith(POSTGRES):
        return url + ".rehearsal"
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    others = [word for word in query.get("options", "").split() if not word.startswith(_SEARCH_PATH)]
    found = [word.removeprefix(_SEARCH_PATH) for word in query.get("options", "").split() if word not in others]
    query["options"] = " ".join([*others, f"{_SEARCH_PATH}{found[0] if found else 'connector'}_rehearsal"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{urlencode(query, quote_via=quote)}"


def open_store(url: str) -> Store:
    """A path or sqlite:///PATH (sqlite:////PATH when absolute): a file, made with its folder, readable only by its
    owner. postgresql://USER@HOST/DATABASE: tables in the first schema of the search path
    (?options=-csearch_path%3DNAME), which is made if missing.
    s3://BUCKET/PATH and whatever else fsspec opens: a file that is fetched and put back.

    Raises StateAddress for another text, StateError for an unusable place, TooNew for one of a newer version."""
    kind = form(url)
    if kind == "postgresql":
        return _postgres(url)
    if kind == "remote":
        return _remote(url)
    return SqlStore(Path(url.removeprefix(SQLITE)))


def _remote(url: str) -> Store:
    from connector.state.drivers.bucket import RemoteStore

    return RemoteStore(url)


def _postgres(url: str) -> Store:
    from connector.state.drivers.postgres import PostgresDatabase

    return SqlStore(PostgresDatabase(url))
