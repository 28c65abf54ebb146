"""One HTTP session to one account: auth, limits, retry, and answers turned into errors.

Owns: requests and the session, the Reply, turning a missing or unreadable answer into an error. Must not: know an
endpoint or a record, log bodies, queries or headers (they hold addresses and keys).
"""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3.exceptions

from connector import __version__
from connector.config.sections.urls import loopback
from connector.core.errors import ContractError, DestinationError, MissingScope, Refused, Retryable, Unanswered
from connector.core.events import Listener, RequestSent, Waiting
from connector.platforms.http import bounded
from connector.platforms.http.limits import Clock, Limiter, permit_of
from connector.platforms.http.retry import RetryPolicy, Tries
from connector.platforms.http.secrecy import Secrecy
from connector.platforms.http.served import ServerTime
from connector.platforms.http.session import Session

TIMEOUT = (10, 120)  # seconds to connect, and between two pieces of an answer
USER_AGENT = f"segment-connector/{__version__}"
PATIENT = RetryPolicy()
_SHORTEST_WAIT = 0.001  # a rounding error must not become a busy loop
_T = TypeVar("_T")
_E = TypeVar("_E", bound=DestinationError)

# No connection was made, so no request left.
_NEVER_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.NameResolutionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    requests.ConnectTimeout,
    requests.exceptions.ProxyError,
    ConnectionRefusedError,
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A platform's answer. `body` is the parsed JSON, or None when there was none or it was not JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any
    is_json: bool


# Looks at a Reply and says which error it is, or None when it is an answer to use.
Classify = Callable[[Reply], DestinationError | None]


@dataclass(frozen=True, slots=True)
class _Report:
    """What a RequestSent event says about a try before its answer is known."""

    method: str
    path: str
    writes: bool
    attempt: int


class Http:
    """Sends requests of one destination. Thread-safe: at most `concurrency` are in flight at once, and none of them
    waits for a turn or a retry while it holds its place.

    A request that `writes` leaves only while the clock's `permit` raises nothing: the lease of the state is ours.
    `send` raises what `classify` names, Retryable when no connection was made, and Unanswered when the connection
    broke or a 2xx came with a body that is not JSON: the request may have been applied. `hint` is added to the text
    about a missing connection. Proxies and CA bundles come from the environment as usual, a .netrc is not read."""

    def __init__(
        self,
        destination: str,
        base_url: str,
        headers: Mapping[str, str],
        classify: Classify,
        limiter: Limiter,
        concurrency: int,
        clock: Clock,
        listener: Listener,
        policy: RetryPolicy = PATIENT,
        hint: str = "",
    ) -> None:
        self.destination = destination
        self._base = base_url.rstrip("/")
        self._classify = classify
        self._limiter = limiter
        self._concurrency = concurrency
        self._slots = threading.BoundedSemaphore(concurrency)
        self._clock = clock
        self._listener = listener
        self._policy = policy
        self._hint = hint
        self._permit = permit_of(clock)
        self._session = Session(base_url, concurrency, USER_AGENT, self._permit)
        self._session.headers.update(headers)
        self._secrecy = Secrecy(headers)
        self._served = ServerTime(clock.now)
        self._bare = Session(base_url, concurrency, USER_AGENT, self._permit)  # carries no credentials

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object | None = None,
        writes: bool = False,
        replayable: bool = True,
        bucket: str = "",
        told: str | None = None,
    ) -> Reply:
        """Send one request, again on transient trouble. `path` starts with /; if it holds an address, `told` is what
        reports name in its place.

        A request that is not `replayable` is tried again only when the platform said that it did not take it
        (a Retryable answer) or never heard of it (no connection), never after a broken one."""

        def once(tries: Tries, attempt: int) -> Reply:
            report = _Report(method, told or path, writes, attempt)
            url = self._base + path
            response, content = self._exchange(self._session, bucket, report, url, params=query, json=body)
            self._served.hear(response.headers)
            reply = _reply(response, self._secrecy.strip(content))
            trouble = self._trouble(reply, report, empty=not content)
            if trouble is not None:
                tries.throttled = isinstance(trouble, Retryable) and (
                    reply.status == 429 or trouble.retry_after is not None
                )
                raise trouble
            return reply

        return self._retrying(once, bucket, replayable)

    def now(self, ask: Callable[[], object]) -> datetime:
        """The platform's present moment. `ask` sends a cheap request, for when nothing has been answered yet. Raises
        ContractError when no answer tells the time: what changed since could not be asked for."""
        if self._served.now() is None:
            with contextlib.suppress(MissingScope):  # that answer tells the time as well
                ask()
        moment = self._served.now()
        if moment is None:
            text = "its answers carry no Date header that can be read. A proxy on the way may take it out."
            raise self._error(ContractError, "no_date", text)
        return moment

    def download(self, url: str) -> bytes:
        """The content of an address that the platform handed out, asked for without our credentials. It holds people's
        addresses, so it does not travel in the clear."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not loopback(parts.hostname):
            raise self._error(ContractError, "download", "the address of a result file is not https://.")

        def once(tries: Tries, attempt: int) -> bytes:
            report = _Report("GET", "(download)", False, attempt)
            response, content = self._exchange(self._bare, "(download)", report, url)
            if response.status_code != 200:
                raise self._error(Retryable, "download", f"a result file answered {response.status_code}.")
            return content

        return self._retrying(once, "(download)", replayable=True)

    def _retrying(self, once: Callable[[Tries, int], _T], bucket: str, replayable: bool) -> _T:
        tries = Tries(self._policy, bucket)

        def again(error: BaseException) -> bool:
            return isinstance(error, Retryable) and (replayable or not isinstance(error, Unanswered))

        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(again),
            stop=tries.over,
            wait=tries.wait,
            sleep=self._clock.sleep,
            before_sleep=lambda state: self._before_sleep(tries, state),
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                tries.throttled = False
                return once(tries, attempt.retry_state.attempt_number)
        raise AssertionError("tenacity returns or raises")

    def _exchange(
        self, session: Session, bucket: str, report: _Report, url: str, **parts: Any
    ) -> tuple[requests.Response, bytes]:
        """One try: wait for a turn and a place, send, read the answer, tell the listener. Every request of every
        adapter passes here, so here is asked whether it may change something now."""
        with self._turn(bucket), session.changing() if report.writes else contextlib.nullcontext():
            if report.writes:
                self._permit()
            started = self._clock.now()
            status = 0
            try:
                response = session.request(
                    report.method, url, timeout=TIMEOUT, allow_redirects=False, stream=True, **parts
                )
                status = response.status_code
                return response, self._content(response, report)
            except requests.RequestException as error:
                raise self._no_answer(error) from None
            finally:
                seconds = self._clock.now() - started
                self._listener(
                    RequestSent(
                        self.destination, report.method, report.path, status, seconds, report.writes, report.attempt
                    )
                )

    def _content(self, response: requests.Response, report: _Report) -> bytes:
        try:
            return bounded.read(response)
        except bounded.Excessive as error:
            if response.status_code >= 400:  # the status says enough
                return b""
            text = f"{report.method} {report.path} was answered without an end: {error}."
            raise self._error(Unanswered if report.writes else ContractError, "endless", text) from None

    @contextmanager
    def _turn(self, bucket: str) -> Iterator[None]:
        """A place among the requests in flight and a turn under the limits, both or none: one that has to wait leaves
        the place to requests of other buckets."""
        while True:
            self._slots.acquire()
            try:
                seconds = self._limiter.ask(bucket, self._concurrency)
                if seconds <= 0:
                    try:
                        yield
                    finally:
                        self._limiter.done(bucket)
                    return
            finally:
                self._slots.release()
            seconds = max(seconds, _SHORTEST_WAIT)
            self._listener(Waiting(self.destination, seconds, "rate limit"))
            self._clock.sleep(seconds)

    def _trouble(self, reply: Reply, report: _Report, *, empty: bool) -> DestinationError | None:
        what = f"{report.method} {report.path} answered {reply.status}"
        trouble = self._classify(reply)
        if trouble is not None:
            return trouble
        if not 200 <= reply.status < 300:
            return self._error(ContractError, str(reply.status), f"{what}, which the connector does not know.")
        if not empty and not reply.is_json:
            return self._error(Unanswered, "garbled", f"{what} with a body that is not JSON.")
        return None

    def _no_answer(self, error: requests.RequestException) -> DestinationError:
        """Which failure it is when no answer came. A request that never left may be sent again by anybody."""
        host = urlsplit(self._base).hostname or self._base
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return self._error(
                Refused,
                "tls",
                f"the certificate of {host} cannot be verified. Behind a company proxy, set REQUESTS_CA_BUNDLE to its "
                "certificates.",
            )
        if isinstance(error, ValueError):  # requests: InvalidURL, MissingSchema, InvalidHeader, InvalidJSONError …
            return self._error(ContractError, "bad_request", f"no valid request ({type(error).__name__}) to {host}.")
        if any(isinstance(cause, _NEVER_SENT) for cause in causes):
            text = f"no connection to {host}. Check the network, the proxy settings and the address. {self._hint}"
            return self._error(Retryable, "unreachable", text.rstrip())
        return self._error(Unanswered, "no_answer", "the connection broke before an answer came.")

    def _error(self, kind: type[_E], code: str, text: str) -> _E:
        return kind(f"{self.destination}: {text}", destination=self.destination, code=code)

    def _before_sleep(self, tries: Tries, state: tenacity.RetryCallState) -> None:
        seconds = float(state.upcoming_sleep)
        if tries.throttled:
            self._limiter.pause(tries.bucket, seconds)
        error = state.outcome.exception() if state.outcome else None
        why = getattr(error, "code", "") or type(error).__name__
        self._listener(Waiting(self.destination, seconds, str(why)))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps: requests and urllib3 nest them in `args`, `reason` and the cause. Not in the
    context: that may be an older failure, which the caller was handling when this request was sent."""
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        cause = todo.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            todo += [*cause.args, getattr(cause, "reason", None), cause.__cause__]


def _reply(response: requests.Response, content: bytes) -> Reply:
    body: Any = None
    is_json = False
    if content:
        try:
            body = json.loads(content)
            is_json = True
        except (ValueError, RecursionError):  # of a hostile depth
            pass
    return Reply(response.status_code, response.headers, body, is_json)
