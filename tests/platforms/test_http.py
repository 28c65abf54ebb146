"""One session: retry, pauses, places in flight, and what a missing or unreadable answer means.

The broken answers come from a real socket: what requests makes of a reset or a truncated body is part of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import responses

from connector.core.errors import (
    ContractError,
    DestinationError,
    Interrupted,
    LeaseLost,
    Refused,
    Retryable,
    Unanswered,
)
from connector.core.events import Event, RequestSent, Waiting
from connector.core.scrub import scrub
from connector.platforms.base import Window
from connector.platforms.http.client import Http, Reply
from connector.platforms.http.limits import Limiter
from connector.platforms.http.retry import RetryPolicy, retry_after
from tests.platforms.clock import TurnedClock

BASE = "https://crm.example.com/v1"
PERSON = "ann@example.com"
SECRET = "key-that-must-not-show"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"a": 11}'


def classify(reply: Reply) -> DestinationError | None:
    if reply.status == 429:
        return Retryable("slow down", code="throttled", retry_after=retry_after(reply.headers))
    if reply.status == 503:
        return Retryable("away", code="503", retry_after=retry_after(reply.headers))
    if reply.status >= 500:
        return Unanswered("failed", code=str(reply.status))
    if 400 <= reply.status < 500:
        return Refused("no", code=str(reply.status))
    return None


class Bench:
    """An Http with everything it touches at hand."""

    def __init__(
        self, base: str = BASE, concurrency: int = 4, windows: tuple[Window, ...] = (), permit: Any = None
    ) -> None:
        self.clock = TurnedClock()
        if permit:
            self.clock.permit = permit  # type: ignore[attr-defined]
        self.events: list[Event] = []
        self.limiter = Limiter({"": windows}, self.clock)
        headers = {"Authorization": f"Bearer {SECRET}"}
        self.http = Http(
            "crm", base, headers, classify, self.limiter, concurrency, self.clock, self.events.append, hint="See below."
        )

    def sent(self) -> list[RequestSent]:
        return [event for event in self.events if isinstance(event, RequestSent)]

    def waits(self) -> list[Waiting]:
        return [event for event in self.events if isinstance(event, Waiting)]


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@contextmanager
def server(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each connection its next answer and hangs up; None hangs up without a word."""
    heard: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def work() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with closing(connection):
                    heard.append(connection.recv(65536))
                    if answer:
                        connection.sendall(answer)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heard
        thread.join(5)


def closed_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return int(listening.getsockname()[1])


# ---------------------------------------------------------------- answers


def test_an_answer_is_parsed_and_told(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/things", json={"id": 1}, headers={"X-Left": "9"})
    bench = Bench()
    reply = bench.http.send("POST", "/things", query={"q": "1"}, body={"n": 1}, writes=True)
    assert (reply.status, reply.body, reply.is_json, reply.headers["x-left"]) == (200, {"id": 1}, True, "9")
    assert web.calls[0].request.url == f"{BASE}/things?q=1"
    assert bench.sent() == [RequestSent("crm", "POST", "/things", 200, 0.0, True, 1)]


def test_an_empty_answer_has_no_body(web: responses.RequestsMock) -> None:
    web.delete(f"{BASE}/things", status=204)
    assert Bench().http.send("DELETE", "/things").body is None


def test_an_answer_nobody_knows_is_a_contract_error_and_not_tried_again(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=302, headers={"Location": "https://login.example.com/?token=1"})
    bench = Bench()
    with pytest.raises(ContractError) as caught:
        bench.http.send("GET", "/things")
    assert caught.value.code == "302"
    assert len(web.calls) == 1


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"half": ', b"\xff\xfe"])
def test_a_body_that_is_not_json_may_have_been_applied(body: bytes, web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/things", body=body, status=200)
    bench = Bench()
    with pytest.raises(Unanswered) as caught:
        bench.http.send("POST", "/things", replayable=False)
    assert caught.value.code == "garbled"
    assert len(web.calls) == 1


def test_a_garbled_answer_to_a_replayable_request_is_asked_for_again(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", body=b'{"half": ')
    web.get(f"{BASE}/things", json={"whole": 1})
    assert Bench().http.send("GET", "/things").body == {"whole": 1}


def test_a_refusal_is_not_tried_again(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=400, json={})
    with pytest.raises(Refused):
        Bench().http.send("GET", "/things")
    assert len(web.calls) == 1


# ---------------------------------------------------------------- retry


def test_retries_grow_with_jitter_and_end_with_the_last_error(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=500)
    bench = Bench()
    with pytest.raises(Unanswered):
        bench.http.send("GET", "/things")
    assert len(web.calls) == 6
    assert [event.attempt for event in bench.sent()] == [1, 2, 3, 4, 5, 6]
    for slept, least in zip(bench.clock.slept, [1, 2, 4, 8, 16], strict=True):
        assert least <= slept <= least + 0.5
    assert [wait.why for wait in bench.waits()] == ["500"] * 5


def test_no_wait_of_our_own_is_over_the_ceiling(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=500)
    bench = Bench()
    bench.http._policy = RetryPolicy(attempts=9, first=4.0, ceiling=10.0)
    with pytest.raises(Unanswered):
        bench.http.send("GET", "/things")
    assert max(bench.clock.slept) == 10.0


def test_the_jitter_differs() -> None:
    waits = set()
    for _ in range(4):
        with responses.RequestsMock() as web:
            web.get(f"{BASE}/things", status=500)
            web.get(f"{BASE}/things", json={})
            bench = Bench()
            bench.http.send("GET", "/things")
            waits |= set(bench.clock.slept)
    assert len(waits) > 1


def test_a_stated_wait_is_kept(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=503, headers={"Retry-After": "42"})
    web.get(f"{BASE}/things", json={})
    bench = Bench()
    bench.http.send("GET", "/things")
    assert 42 <= sum(bench.clock.slept) <= 43


def test_a_throttle_is_no_failure_and_is_tried_until_patience_ends(web: responses.RequestsMock) -> None:
    for _ in range(12):
        web.get(f"{BASE}/things", status=429, headers={"Retry-After": "10"})
    web.get(f"{BASE}/things", json={"through": 1})
    assert Bench().http.send("GET", "/things").body == {"through": 1}


def test_patience_ends(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=429, headers={"Retry-After": "100"})
    bench = Bench()
    with pytest.raises(Retryable):
        bench.http.send("GET", "/things")
    assert 600 <= sum(bench.clock.slept) < 800


def test_a_wait_beyond_patience_is_not_waited_for(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=429, headers={"Retry-After": "86400"})
    bench = Bench()
    with pytest.raises(Retryable) as caught:
        bench.http.send("GET", "/things")
    assert caught.value.retry_after == 86400
    assert bench.clock.slept == []


def test_throttles_do_not_use_up_the_tries_of_a_real_failure(web: responses.RequestsMock) -> None:
    for _ in range(6):
        web.get(f"{BASE}/things", status=429, headers={"Retry-After": "1"})
    web.get(f"{BASE}/things", status=500)
    web.get(f"{BASE}/things", json={})
    Bench().http.send("GET", "/things")


def test_a_throttle_without_a_stated_wait_backs_off(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=429)
    web.get(f"{BASE}/things", status=429)
    web.get(f"{BASE}/things", json={})
    bench = Bench()
    bench.http.send("GET", "/things")
    assert bench.clock.now() - 1000.0 >= 3


def test_what_may_have_been_applied_is_not_sent_twice(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/things", status=500)
    with pytest.raises(Unanswered):
        Bench().http.send("POST", "/things", replayable=False)
    assert len(web.calls) == 1


def test_what_was_not_taken_is_sent_again_even_if_not_replayable(web: responses.RequestsMock) -> None:
    web.post(f"{BASE}/things", status=429, headers={"Retry-After": "1"})
    web.post(f"{BASE}/things", status=503)
    web.post(f"{BASE}/things", json={})
    assert Bench().http.send("POST", "/things", replayable=False).status == 200


def test_a_stop_while_waiting_ends_the_request(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/things", status=500)
    bench = Bench()

    def stop(seconds: float) -> None:
        raise Interrupted("stopped")

    bench.clock.sleep = stop  # type: ignore[method-assign]
    with pytest.raises(Interrupted):
        bench.http.send("GET", "/things")
    assert len(web.calls) == 1


# ---------------------------------------------------------------- places and pauses


def test_a_throttle_pauses_everybody_of_its_bucket(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/a", status=429, headers={"Retry-After": "30"})
    web.get(f"{BASE}/a", json={})
    bench = Bench()
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(bench.limiter.ask("search"))  # what another thread of the bucket would hear meanwhile
        waits.append(bench.limiter.ask("other"))
        bench.clock.turn(seconds)

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    bench.http.send("GET", "/a", bucket="search")
    assert waits[0] >= 30
    assert waits[1] == 0


def test_who_waits_for_a_turn_leaves_his_place_to_others(web: responses.RequestsMock) -> None:
    """With one place in flight, a long pause of one bucket must not keep the others from working."""
    web.get(f"{BASE}/b", json={})
    bench = Bench(concurrency=1)
    bench.limiter.pause("slow", 100.0)
    worked: list[int] = []

    def sleep(seconds: float) -> None:
        if not worked:
            worked.append(bench.http.send("GET", "/b", bucket="quick").status)
        bench.clock.turn(seconds)

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    web.get(f"{BASE}/a", json={})
    done = threading.Thread(target=bench.http.send, args=("GET", "/a"), kwargs={"bucket": "slow"}, daemon=True)
    done.start()
    done.join(5)
    assert not done.is_alive()
    assert worked == [200]
    assert [event.path for event in bench.sent()] == ["/b", "/a"]


def test_no_more_in_flight_than_allowed() -> None:
    bench = Bench(concurrency=3)
    lock = threading.Lock()
    now_in, most = 0, 0
    gate = threading.Event()

    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        nonlocal now_in, most
        with lock:
            now_in += 1
            most = max(most, now_in)
            if now_in == 3:
                gate.set()
        gate.wait(60)
        with lock:
            now_in -= 1
        return 200, {}, "{}"

    with responses.RequestsMock() as web:
        web.add_callback(responses.GET, f"{BASE}/a", callback=answer)
        threads = [threading.Thread(target=bench.http.send, args=("GET", "/a")) for _ in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 3


def test_turns_are_told_when_they_wait(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/a", json={})
    bench = Bench(windows=(Window(1, 5.0),))
    bench.http.send("GET", "/a")
    bench.http.send("GET", "/a")
    assert bench.waits() == [Waiting("crm", 5.0, "rate limit")]


# ---------------------------------------------------------------- no answer


def outcome(send: Callable[[], object]) -> DestinationError:
    with pytest.raises(DestinationError) as caught:
        send()
    text = "".join(traceback.format_exception(caught.value))
    assert SECRET not in text
    assert PERSON not in text
    assert PERSON.replace("@", "%40") not in text
    return caught.value


def once(base: str, **kwargs: Any) -> DestinationError:
    bench = Bench(base)
    bench.http._policy = RetryPolicy(attempts=1)
    query, body = {"email": PERSON}, {"email": PERSON}
    return outcome(lambda: bench.http.send("POST", "/people", query=query, body=body, **kwargs))


def test_a_refused_connection_was_never_taken() -> None:
    error = once(f"http://127.0.0.1:{closed_port()}")
    assert type(error) is Retryable
    assert error.code == "unreachable"
    assert str(error).endswith("See below.")


def test_an_unknown_host_was_never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert once("http://nowhere.example.com").code == "unreachable"


def test_a_connection_that_breaks_before_the_answer_is_unanswered() -> None:
    with server(None) as (base, heard):
        error = once(base, replayable=False)
    assert isinstance(error, Unanswered)
    assert error.code == "no_answer"
    assert len(heard) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"no http at all\r\n\r\n",
    ],
    ids=["short body", "broken chunks", "broken gzip", "no http"],
)
def test_an_answer_that_ends_early_is_unanswered(answer: bytes) -> None:
    with server(answer) as (base, _):
        assert isinstance(once(base, replayable=False), Unanswered)


def test_a_broken_connection_is_tried_again_if_replayable() -> None:
    with server(None, ANSWER) as (base, heard):
        assert Bench(base).http.send("GET", "/x").body == {"a": 11}
    assert len(heard) == 2


def test_a_connection_never_made_is_tried_again_even_if_not_replayable() -> None:
    port = closed_port()
    bench = Bench(f"http://127.0.0.1:{port}")
    opened: list[socket.socket] = []

    def sleep(seconds: float) -> None:
        if not opened:
            opened.append(socket.create_server(("127.0.0.1", port)))
            threading.Thread(target=reply_once, args=(opened[0],), daemon=True).start()

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    assert bench.http.send("POST", "/x", replayable=False).status == 200
    opened[0].close()


def reply_once(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with closing(connection):
        connection.recv(65536)
        connection.sendall(ANSWER)


def test_an_older_failure_does_not_colour_a_later_one() -> None:
    """Sent while a refused connection was being handled, a broken one is still a broken one."""
    with server(None) as (base, _):
        try:
            raise ConnectionRefusedError
        except ConnectionRefusedError:
            error = once(base, replayable=False)
    assert isinstance(error, Unanswered)


def test_an_address_that_is_none_is_no_transient_trouble() -> None:
    error = once("nonsense://")
    assert type(error) is ContractError


# ---------------------------------------------------------------- surroundings


def test_a_netrc_does_not_replace_our_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine crm.example.com login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with responses.RequestsMock() as web:
        web.get(f"{BASE}/a", json={})
        Bench().http.send("GET", "/a")
        assert web.calls[0].request.headers["Authorization"] == f"Bearer {SECRET}"


def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(ANSWER) as (proxy, heard):
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert Bench("http://crm.example.com").http.send("GET", "/a").body == {"a": 11}
    assert heard[0].startswith(b"GET http://crm.example.com/a ")


def test_this_machine_is_not_asked_for_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with server(ANSWER) as (base, _):
        assert Bench(base).http.send("GET", "/a").body == {"a": 11}


def test_a_download_carries_no_credentials(web: responses.RequestsMock) -> None:
    web.get("https://files.example.com/result", status=403)
    web.get("https://files.example.com/result", body=b"content")
    bench = Bench()
    assert bench.http.download("https://files.example.com/result?sig=1") == b"content"
    assert all("Authorization" not in call.request.headers for call in web.calls)
    assert {event.path for event in bench.sent()} == {"(download)"}


def test_a_download_does_not_travel_in_the_clear() -> None:
    bench = Bench()
    for url in ("http://files.example.com/result", "http://127.0.0.1.files.example.com/r", "ftp://files.example.com"):
        with pytest.raises(ContractError, match="not https"):
            bench.http.download(url)
    assert bench.sent() == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("0.5", 0.5), ("-3", 0), ("", None), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0)],
)
def test_retry_after_is_read_in_both_forms(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}) == seconds


def test_a_date_of_retry_after_counts_from_the_answers_own_date() -> None:
    told = {"retry-after": "Wed, 21 Oct 2015 07:28:07 GMT", "Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after(told) == 7


def test_no_retry_after() -> None:
    assert retry_after({}) is None


def test_addresses_are_blotted_out() -> None:
    text = scrub('"ann.lee+x@mail.example.com" and <bob@example.com>: no')
    assert text == '"(address)" and <(address)>: no'
    assert len(scrub("x" * 1000)) == 300


# ---------------------------------------------------------------- the permit


def _refuse() -> None:
    raise LeaseLost("taken over")


def test_without_the_permit_nothing_is_changed_and_all_is_read(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/a", json={})
    web.post(f"{BASE}/search", json={})
    bench = Bench(permit=_refuse)
    bench.http.send("GET", "/a")
    bench.http.send("POST", "/search", body={})
    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(LeaseLost):
            bench.http.send(verb, "/a", body={}, writes=True)
    assert len(web.calls) == 2


def test_a_second_try_asks_again(web: responses.RequestsMock) -> None:
    """A pause under a platform's limit may be longer than a lease."""
    web.post(f"{BASE}/a", status=429, headers={"Retry-After": "90"})
    asked = []

    def permit() -> None:
        asked.append(True)
        if bench.clock.slept:
            _refuse()

    bench = Bench(permit=permit)
    with pytest.raises(LeaseLost):
        bench.http.send("POST", "/a", body={}, writes=True)
    assert asked and len(web.calls) == 1


@pytest.mark.parametrize("allowed", [1, 2, 3, 4])
def test_a_process_that_is_stopped_while_it_sends_never_completes_the_request(allowed: int) -> None:
    """The permit is gone before the head, before the body, or in the middle of it."""
    asked = []

    def permit() -> None:
        asked.append(True)
        if len(asked) > allowed:
            _refuse()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        bench = Bench(f"http://127.0.0.1:{listening.getsockname()[1]}", permit=permit)
        with pytest.raises(LeaseLost):
            bench.http.send("POST", "/a", body={"text": "x" * 300_000}, writes=True)
        listening.settimeout(0.2)
        received = b""
        with contextlib.suppress(TimeoutError), closing(listening.accept()[0]) as connection:
            while piece := connection.recv(65536):
                received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert len(body) < 300_000 and (not head or b"Content-Length: 300012" in head)
