"""https:// (and http:// on this machine): one file per address.

Owns: the requests, and where a redirect may lead. Must not: word an error with an address.

An address of segments.yaml must not make this machine fetch what only this machine can reach: a redirect leads to
https:// alone, from a public host never to a private one, and nothing is asked of link-local addresses, where clouds
answer with credentials. User and password are sent to the host of the address; ~/.netrc is looked at for each host.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from connector.config.sections.urls import loopback
from connector.sources.remote.model import CutOff, Denied, Item, Refused

_CONNECT, _READ = 15, 60  # seconds
_HOPS = 5
_PIECE = 1 << 20
_AGAIN = Retry(
    total=3,
    redirect=0,
    backoff_factor=0.2,
    status_forcelist=(429, 500, 502, 503, 504),
    raise_on_status=False,
    respect_retry_after_header=False,  # it may ask for an hour
)
_CLOUDS = frozenset(map(ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))

Address = IPv4Address | IPv6Address


class Web:
    """connector.sources.remote.model.Way over HTTP."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
        self._session = requests.Session()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_AGAIN))
        self._name = unquote(parts.path).rstrip("/").rpartition("/")[2]
        self._last = Item(self._url, self._name)

    def find(self) -> Sequence[Item]:
        """One file: what there is to know of it comes with its content."""
        return [self._last]

    def read(self, item: Item) -> Iterator[bytes]:
        with self._get() as answer:
            self._last = self._told(answer)
            yield from self._pieces(answer)

    def told(self, item: Item) -> Item:
        return self._last

    def again(self, item: Item) -> Item | None:
        if item.tag is None and item.modified is None:
            return item  # made for each request: there is nothing to compare
        with self._get() as answer:
            return self._told(answer)

    def log_above(self, item: Item) -> str | None:
        return None

    def _told(self, answer: requests.Response) -> Item:
        length = answer.headers.get("Content-Length")
        encoded = "Content-Encoding" in answer.headers
        size = int(length) if length and length.isdigit() and not encoded else None
        return Item(self._url, self._name, size, _time(answer.headers.get("Last-Modified")), answer.headers.get("ETag"))

    def _pieces(self, answer: requests.Response) -> Iterator[bytes]:
        whole = "Content-Length" in answer.headers or answer.headers.get("Transfer-Encoding", "").lower() == "chunked"
        if not whole:
            raise Refused("the server does not tell how long the file is, so that nobody sees whether all of it came")
        kept = self._name.lower().endswith(".gz")  # what some servers call an encoding is the file itself
        try:
            yield from answer.raw.stream(_PIECE, decode_content=not kept)
        except HTTPError as error:
            raise CutOff from error

    def _get(self) -> requests.Response:
        """The answer with status 200, after redirects that are allowed."""
        url, auth = self._url, self._auth
        public = _check(urlsplit(url), first=True, public=False)
        for _ in range(_HOPS):
            answer = self._session.get(
                url,
                auth=auth,
                stream=True,
                allow_redirects=False,
                timeout=(_CONNECT, _READ),
                headers={"Accept-Encoding": "identity"},
            )
            if not answer.is_redirect:
                return _good(answer)
            answer.close()
            url = urljoin(url, answer.headers["Location"])
            if urlsplit(url).hostname != urlsplit(self._url).hostname:
                auth = None
            public = _check(urlsplit(url), first=False, public=public, here=loopback(urlsplit(self._url).hostname))
        raise Refused(f"the server redirects more than {_HOPS} times")


def _good(answer: requests.Response) -> requests.Response:
    if answer.status_code == 200:
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            answer.close()
            raise Denied("the server answers with a web page, most often one to log in. Is the address still valid?")
        return answer
    answer.close()
    if answer.status_code in (404, 410):
        raise FileNotFoundError
    if answer.status_code in (401, 403, 407):
        raise Denied(f"the server answers {answer.status_code}. User and password come from ~/.netrc or ${{NAME}}.")
    raise ConnectionError(f"the server answers {answer.status_code}")


def _check(parts: SplitResult, *, first: bool, public: bool, here: bool = False) -> bool:
    """Whether the host is public. Raises Refused for where a request may not go."""
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(host) and (first or here)):
        raise Refused(f"the server redirects to {parts.scheme or 'nothing'}://, and only https:// is followed")
    found = _addresses(host, parts.port or 443)
    if any(_of_a_cloud(one) for one in found):
        raise Refused("its host has an address at which clouds answer with credentials")
    private = any(one.is_private or one.is_loopback for one in found)
    if private and public:
        raise Refused("the server redirects to an address of a private network")
    return not private


def _of_a_cloud(address: Address) -> bool:
    plain = address.ipv4_mapped if isinstance(address, IPv6Address) and address.ipv4_mapped else address
    return plain in _CLOUDS or plain.is_link_local or plain.is_multicast or plain.is_unspecified


def _addresses(host: str, port: int) -> list[Address]:
    """None where no name can be looked up here, as behind a proxy, which asks itself."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [ip_address(str(one[4][0]).partition("%")[0]) for one in found]


def _time(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
