"""Python loads this before a client whose host is fixed in its code: its requests go to the rehearsal.

Owns: the host of requests; and, where a check asks for it by a variable, the revision header and no pauses between
tries. Must not: change anything else of a request, or let one leave this machine.
"""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

HOSTS = ("a.klaviyo.com", "api.hubapi.com", "us1.api.mailchimp.com", "api.brevo.com")
THERE = urlsplit(os.environ["REHEARSAL_URL"])


def moved(url: str) -> str:
    parts = urlsplit(url)
    if parts.hostname in HOSTS:
        return urlunsplit(parts._replace(scheme=THERE.scheme, netloc=THERE.netloc))
    if parts.hostname == THERE.hostname:
        return url
    raise ConnectionError(f"A client asked for {parts.hostname}, which is not the rehearsal.")


def _requests() -> None:
    try:
        import requests
    except ImportError:
        return
    before = requests.PreparedRequest.prepare_url

    def prepare_url(self: Any, url: Any, params: Any) -> None:
        before(self, url, params)
        self.url = moved(str(self.url))

    requests.PreparedRequest.prepare_url = prepare_url  # type: ignore[method-assign]
    if revision := os.environ.get("REHEARSAL_REVISION"):
        _revised(requests, revision)


def _revised(requests: Any, revision: str) -> None:
    """For a client that asks for a revision of Klaviyo's API that is retired."""
    before = requests.PreparedRequest.prepare_headers

    def prepare_headers(self: Any, headers: Any) -> None:
        before(self, dict(headers or {}) | {"revision": revision})

    requests.PreparedRequest.prepare_headers = prepare_headers


def _httpx() -> None:
    try:
        import httpx
    except ImportError:
        return
    before = httpx.Request.__init__

    def init(self: Any, method: Any, url: Any, **more: Any) -> None:
        before(self, method, moved(str(url)), **more)

    httpx.Request.__init__ = init  # type: ignore[method-assign]


if os.environ.get("REHEARSAL_HURRY"):
    time.sleep = lambda seconds: None
_requests()
_httpx()
