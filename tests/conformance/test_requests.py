"""Which requests an adapter makes: how many, how fast, how often again, and that none has an address in its path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests

from connector.core.errors import DestinationError, Unanswered
from connector.core.events import Event, RequestSent
from connector.core.model import Kind, Op
from connector.platforms.base import Adapter, Batch, Job
from tests.conformance.bench import MOMENT, PEOPLE, batch, connect, everything, finish, operations, prepared, targets
from tests.conformance.kits import Kit
from tests.platforms.clock import TurnedClock

VERBS: Mapping[str, Callable[[Adapter], object]] = {
    "check": lambda adapter: adapter.check({}),
    "targets": lambda adapter: adapter.targets(frozenset(Kind)),
    "statuses": lambda adapter: list(adapter.statuses(MOMENT)),
    "unfinished": lambda adapter: adapter.unfinished(),
}
FAILURES = (500, 502, 504, 520)  # none of which says that the request was not applied


@dataclass
class Traffic:
    """The requests of the adapters: when each left by `clock`, and where to. `change` may change answers."""

    clock: TurnedClock = field(default_factory=TurnedClock)
    sent: list[tuple[float, str, str]] = field(default_factory=list)  # instant, method, path
    inner: list[str] = field(default_factory=list)  # paths of requests that a body asks for
    change: Callable[[requests.Response], None] | None = None

    def instants(self, path: str) -> list[float]:
        return [at for at, _, one in self.sent if re.fullmatch(path, one)]


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    kept, send = Traffic(), requests.Session.send

    def noted(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if "python-requests" not in str(request.headers.get("User-Agent")):  # a kit's
            kept.sent.append((kept.clock.now(), str(request.method), urlsplit(str(request.url)).path))
            kept.inner += re.findall(r'"path": *"([^"]*)"', (request.body or b"").decode())
        answer = send(self, request, **options)
        if kept.change:
            kept.change(answer)
        return answer

    monkeypatch.setattr(requests.Session, "send", noted)
    yield kept


def asked(kit: Kit) -> dict[str, int]:
    """Requests that the platform has seen: reads, writes."""
    found: dict[str, int] = kit.running.state()["counts"][kit.name]
    return found


# -- how fast -----------------------------------------------------------------------------------------------------


def test_requests_keep_the_pace_that_the_vendor_allows(kit: Kit, traffic: Traffic) -> None:
    """By the clock that the adapter waits with: nothing here depends on how fast the machine is."""
    for pace in kit.paces:
        traffic.sent.clear()
        adapter = connect(kit, clock=traffic.clock)
        while len(instants := traffic.instants(pace.path)) <= pace.requests:
            VERBS[pace.verb](adapter)
            assert traffic.instants(pace.path)[len(instants) :], f"{pace.verb} sends nothing again: {pace}"
        stretches = zip(instants, instants[pace.requests :], strict=False)
        assert all(later - earlier >= pace.seconds for earlier, later in stretches), pace


def test_a_throttle_holds_every_request(kit: Kit, traffic: Traffic) -> None:
    """While one request waits because the platform said so, no other one of its kind leaves."""

    class Meanwhile(TurnedClock):
        """During the first wait another request is made."""

        def sleep(self, seconds: float) -> None:
            first, until, before = not self.slept, self.time + seconds, len(traffic.sent)
            self.slept.append(seconds)
            if first:
                VERBS["targets"](adapter)
                early = [at for at, *_ in traffic.sent[before:] if at < until]
                assert seconds > 0 and early == []
            self.time = max(self.time, until)

    traffic.clock = Meanwhile()
    adapter = connect(kit, clock=traffic.clock)
    kit.running.settings(faults=f"{kit.name}:throttle@1")
    VERBS["targets"](adapter)
    assert traffic.clock.slept


# -- how many -----------------------------------------------------------------------------------------------------


def test_a_batch_is_one_writing_request(adapter: Adapter, kit: Kit) -> None:
    """And what is read for it, or to look its contacts up, is not read one by one."""
    many = 40
    emails = [f"b{number}@example.com" for number in range(many)]
    prepared(adapter, kit)  # what is made once is made now
    adapter.ensure_targets(targets(kit))
    finish(adapter, batch(adapter, Op.CREATE, None, emails))
    for op, target in operations(adapter, kit):
        spec = adapter.capabilities.operations[op, target.kind if target else None]
        size = min(many, spec.max_batch)
        names = [f"new.{email}" for email in emails] if op is Op.CREATE else emails
        made, before = batch(adapter, op, target, names[:size], tags=op is Op.UPDATE), asked(kit)
        finish(adapter, made)
        after = asked(kit)
        assert after["writes"] - before["writes"] == 1, op
        assert after["reads"] - before["reads"] < max(size / 4, 5), op
    for names in (emails, [f"nobody.{email}" for email in emails]):
        before = asked(kit)
        assert list(connect(kit).lookup(names))
        assert asked(kit)["reads"] - before["reads"] < many / 4


# -- broken answers -----------------------------------------------------------------------------------------------


def one_way(adapter: Adapter, kit: Kit) -> Iterator[tuple[Op, Callable[[str], Batch]]]:
    """What must not be sent again by the adapter: jobs, and what is not replayable. Each as a batch of new people."""

    def maker(op: Op, target: Any) -> Callable[[str], Batch]:
        def make(name: str) -> Batch:
            emails = [f"{op}.{name}.{number}@example.com" for number in range(2)]
            if op is not Op.CREATE:
                finish(adapter, batch(adapter, Op.CREATE, None, emails))
            return batch(adapter, op, target, emails)

        return make

    for op, target in operations(adapter, kit):
        spec = adapter.capabilities.operations[op, target.kind if target else None]
        make = maker(op, target)
        if spec.max_batch < 2:
            continue
        if not spec.replayable or isinstance(answer := adapter.push(make("first")), Job):
            if spec.replayable:
                adapter.poll(answer.id, make("first"))
            yield op, make


@pytest.mark.parametrize("fault", ["drop_after", "garble", "error_after"])
def test_what_may_not_be_repeated_is_sent_once(adapter: Adapter, kit: Kit, fault: str) -> None:
    """The platform took it and the answer broke: the outcome is unknown, and the core decides what follows."""
    ops = list(one_way(adapter, kit))
    assert ops
    for op, make in ops:
        made = make("second")
        before = asked(kit)["writes"]
        kit.running.settings(faults=f"{kit.name}:{fault}@w1")
        with pytest.raises(Unanswered):
            adapter.push(made)
        kit.running.settings(faults="")
        assert asked(kit)["writes"] - before == 1, op


@pytest.mark.parametrize("status", FAILURES)
def test_after_a_5xx_the_outcome_is_unknown(adapter: Adapter, kit: Kit, traffic: Traffic, status: int) -> None:
    """Every request is applied and then answered so: it is not reported as refused, failed or never sent."""
    finish(adapter, batch(adapter, Op.CREATE, None, PEOPLE))
    made = [batch(adapter, op, to, PEOPLE) for op, to in operations(adapter, kit) if op is not Op.CREATE]
    made.append(batch(adapter, Op.CREATE, None, ["new@example.com", "newer@example.com"]))
    adapter.ensure_targets(targets(kit))

    def change(answer: requests.Response) -> None:
        if answer.status_code == 500:
            answer.status_code = status

    traffic.change = change
    kit.running.settings(faults=f"{kit.name}:error_after=w1")
    for one in made:
        spec = adapter.capabilities.operations[one.op, one.target.kind if one.target else None]
        if spec.max_batch >= one.records.num_rows:
            with pytest.raises(Unanswered):
                adapter.push(one)


# -- addresses ----------------------------------------------------------------------------------------------------


def test_no_address_is_in_a_path(kit: Kit, traffic: Traffic) -> None:
    """Paths end up in logs on the way, also of requests inside another one. Where the vendor has no other way, what
    reports name is another path."""
    events: list[Event] = []
    adapter = connect(kit, events.append)
    ids = adapter.ensure_targets(targets(kit))
    for made in prepared(adapter, kit):
        try:
            finish(adapter, made)
        except DestinationError as error:
            assert "@" not in str(error)
    for call in everything(adapter, kit, ids):
        call()
    list(adapter.lookup(PEOPLE[:1]))
    finish(adapter, batch(adapter, Op.CREATE, None, ["single@example.com"]))
    told = [event.path for event in events if isinstance(event, RequestSent)]
    assert told and not [path for path in told if "@" in unquote(path)]
    paths = {(method, path) for _, method, path in traffic.sent if "@" in unquote(path)}
    assert not [path for path in traffic.inner if "@" in unquote(path)]
    allowed = "|".join(kit.address_paths)
    assert {path for method, path in paths if method != "GET" or not re.fullmatch(allowed, path)} == set()
