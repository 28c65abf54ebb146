"""The connections of one destination, and the last check before a request that changes something is handed to the
network.

Owns: sessions, pools, connections. Must not: know an endpoint, a retry, or what permits a request.

A process can be stopped for minutes between any two instructions. So the permit is asked for here, piece by piece, and
not where a request is put together: what is refused in the middle of a body never arrives whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connector.config.sections.urls import loopback

_PIECE = 1 << 16  # bytes that are sent without another look
Permit = Callable[[], None]  # raises when nothing may be changed now


class Session(requests.Session):
    """To one host. Inside `changing` every piece of a request of this thread asks `permit` before it leaves."""

    def __init__(self, base_url: str, concurrency: int, agent: str, permit: Permit) -> None:
        super().__init__()
        self._thread = threading.local()
        self._permit = permit
        self.headers["User-Agent"] = agent
        self.auth = lambda request: request  # with an auth of its own, requests leaves a stray .netrc alone
        self.trust_env = not loopback(urlsplit(base_url).hostname)  # no proxy stands before this machine
        adapter = _Adapter(self._ask, concurrency)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    @contextmanager
    def changing(self) -> Iterator[None]:
        self._thread.changing = True
        try:
            yield
        finally:
            self._thread.changing = False

    def _ask(self) -> None:
        if getattr(self._thread, "changing", False):
            self._permit()


class _Adapter(HTTPAdapter):
    def __init__(self, ask: Permit, concurrency: int) -> None:
        self._pools = {
            "http": _pool(HTTPConnectionPool, HTTPConnection, ask),
            "https": _pool(HTTPSConnectionPool, HTTPSConnection, ask),
        }
        super().__init__(pool_connections=concurrency, pool_maxsize=concurrency)

    def init_poolmanager(self, *words: Any, **more: Any) -> None:
        super().init_poolmanager(*words, **more)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *words: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(*words, **more)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pool(pool: type, connection: type, ask: Permit) -> type:
    def send(self: Any, data: Any) -> None:
        for piece in _pieces(data):
            ask()
            connection.send(self, piece)  # type: ignore[attr-defined]

    return type(pool.__name__, (pool,), {"ConnectionCls": type(connection.__name__, (connection,), {"send": send})})


def _pieces(data: Any) -> Iterator[Any]:
    if not isinstance(data, bytes) or len(data) <= _PIECE:
        yield data
        return
    view = memoryview(data)
    for start in range(0, len(data), _PIECE):
        yield view[start : start + _PIECE]
