"""50,000 contacts under the platforms' own limits: no throttling while they hold, and hardly any time is wasted; with
limits halved without notice everything gets through all the same.

The rehearsal platforms' limits and handlers, the adapters and their HTTP layer run here unchanged, in virtual time."""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connector.config.sections.models import Destination, Secret
from connector.core.events import silent
from connector.core.model import Kind, NewContacts, Op, Outcome, Target
from connector.core.plan import Export
from connector.core.schemas import BATCH_SCHEMA, CHANGE_SCHEMA
from connector.platforms.base import Adapter, Batch, Job
from connector.platforms.registry import create
from connector.push import destination
from connector.push.run import apply
from connector.rehearsal.core.limits import Window
from connector.rehearsal.core.world import KEYS
from connector.rehearsal.server import load_platforms
from connector.state.base import JournalBatch, RunState
from connector.state.drivers import sqlite
from connector.state.store import SqlStore
from tests.platforms.lockstep import SharedClock, Simulated, together

CONTACTS = 50_000
PATHS = {"mailchimp": "/3.0", "klaviyo": "", "hubspot": ""}
LATENCY = 1.0  # seconds until a bulk endpoint answers


class Bench:
    """One adapter before its simulated platform."""

    def __init__(self, platform: str, **settings: str) -> None:
        self.clock = SharedClock()
        module = next(one for one in load_platforms() if platform == one.NAME)
        self.server = Simulated(module, self.clock, LATENCY)
        if "tier" in settings:
            self.server.world.settings.tiers[platform] = settings["tier"]
        base = f"https://platform.test{PATHS[platform]}"
        configured = Destination(
            name=platform, platform=platform, secret=Secret(variable="KEY"), base_url=base, settings=settings
        )
        self.adapter: Adapter = create(configured, KEYS[platform], self.clock, silent)
        http = getattr(self.adapter, "_http", None) or self.adapter._portal._http  # type: ignore[attr-defined]
        http._session.mount("https://", self.server)
        self.outcomes: Counter[str] = Counter()
        self.adapter.check({})  # what is read once is read now

    def deliver(self, batch: Batch) -> Callable[[], None]:
        def task() -> None:
            answer = self.adapter.push(batch)
            while isinstance(answer, Job):
                self.clock.sleep(answer.wait)
                answer = self.adapter.poll(answer.id, batch)
            self.outcomes.update(str(one.outcome) for one in answer.outcomes)

        return task

    def push(self, batches: Iterable[Batch]) -> float:
        """All of them, as many at once as the platform takes. Virtual seconds; what was seen before is forgotten."""
        self.server.seen.clear()
        self.server.flying.clear()
        started = self.clock.time
        together(self.clock, self.adapter.capabilities.concurrency, [self.deliver(batch) for batch in batches])
        return self.clock.time - started

    def throttles(self) -> int:
        return sum(status == 429 for _, _, status in self.server.seen)

    def arrivals(self, template: str) -> list[float]:
        return [at for at, path, status in sorted(self.server.seen) if template in path and status < 300]


def batches(
    adapter: Adapter,
    op: Op,
    target: Target | None,
    target_id: str | None,
    ids: Sequence[str] = (),
    contacts: int = CONTACTS,
) -> list[Batch]:
    """So many contacts, cut as the platform takes them."""
    size = adapter.capabilities.operations[op, target.kind if target else None].max_batch
    rows = [
        {
            "email": f"person{number}@example.com",
            "remote_id": ids[number] if ids else None,
            "new_status": str(NewContacts.TRANSACTIONAL) if op is Op.CREATE else None,
        }
        for number in range(contacts)
    ]
    tables = [pa.Table.from_pylist(rows[at : at + size], BATCH_SCHEMA) for at in range(0, contacts, size)]
    return [Batch(op, target, target_id, table) for table in tables]


def share(arrivals: list[float], window: Window) -> float:
    """Of what the window allows between the first and the last arrival, the part that was used."""
    whole = int((arrivals[-1] - arrivals[0]) // window.seconds)
    used = sum(at < arrivals[0] + whole * window.seconds for at in arrivals)
    return used / (whole * window.requests)


@pytest.mark.sweep(keep=0)
def test_hubspot_creates_at_the_pace_of_its_limit() -> None:
    bench = Bench("hubspot")
    bench.clock.sleep(60)
    bench.push(batches(bench.adapter, Op.CREATE, None, None))
    assert bench.outcomes == {str(Outcome.APPLIED): CONTACTS} and bench.throttles() == 0
    created, asked = bench.arrivals("/batch/create"), bench.arrivals("/unsubscribe-all/read")
    assert len(created) == len(asked) == CONTACTS // 100  # opt-outs are asked for before each
    used = share(sorted(created + asked), Window(190, 10.0))
    assert used >= 0.9


@pytest.mark.long
def test_klaviyo_removes_at_the_pace_of_its_limit_even_of_a_small_account() -> None:
    bench = Bench("klaviyo", tier="XS")
    bench.push(batches(bench.adapter, Op.CREATE, None, None))
    assert bench.outcomes == {str(Outcome.APPLIED): CONTACTS}
    target = Target("klaviyo", Kind.LIST, "VIP")
    (list_id,) = bench.adapter.ensure_targets([target]).values()
    ids = dict(bench.server.world.db.execute("SELECT email, id FROM kl_profile").fetchall())
    assert bench.throttles() == 0
    bench.clock.sleep(120)
    ordered = [ids[f"person{number}@example.com"] for number in range(CONTACTS)]
    bench.push(batches(bench.adapter, Op.REMOVE, target, list_id, ordered))
    assert bench.throttles() == 0
    arrivals = bench.arrivals("DELETE /api/lists")
    used = share(arrivals, Window(15, 60.0))
    assert used >= 0.9


@pytest.mark.long
def test_mailchimp_fills_its_connections() -> None:
    bench = Bench("mailchimp")
    bench.push(batches(bench.adapter, Op.CREATE, None, None))
    assert bench.outcomes == {str(Outcome.APPLIED): CONTACTS} and bench.throttles() == 0
    begin, last = min(bench.server.flying)[0], max(bench.server.flying)[0]
    busy = sum(min(end, last) - at for at, end in bench.server.flying)
    used = busy / (last - begin) / 10
    assert used >= 0.899


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_limits_halved_without_notice_slow_it_down_and_nothing_is_lost(platform: str) -> None:
    """Measured on 50,000 contacts: Mailchimp 4 throttles of 104 requests, 30 s instead of 16 s; HubSpot 9 of 509, 63 s
    instead of 31 s; Klaviyo none, its imports are too few."""
    bench = Bench(platform, **({"tier": "XS"} if platform == "klaviyo" else {}))
    bench.server.world.settings.limit_scale = 0.5
    work = batches(bench.adapter, Op.CREATE, None, None, contacts=25_000)
    bench.push(work)
    assert bench.outcomes == {str(Outcome.APPLIED): 25_000}
    assert (bench.throttles() > 0) == (platform != "klaviyo")
    assert bench.throttles() <= max(10, len(work) // 20)


class Crowd:
    """In place of the push's thread pool: the same threads, under the shared clock."""

    def __init__(self, clock: SharedClock, threads: int) -> None:
        self.clock, self.threads = clock, threads

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *failure: object) -> None:
        pass

    def map(self, work: Callable[[JournalBatch], None], batches: Iterable[JournalBatch]) -> list[None]:
        tasks = [functools.partial(work, batch) for batch in batches]
        if tasks:
            together(self.clock, self.threads, tasks)
        return []


def plan_of(adapter: Adapter, contacts: int) -> pa.Table:
    """Everybody is created, and joins a tag and, where there are any, a list."""
    targets = [("tag", "vip")] + [("list", "VIP")] * ((Op.ADD, Kind.LIST) in adapter.capabilities.operations)
    rows = [{"op": "create", "fields": "{}", "new_status": "transactional"}]
    rows += [{"op": "add", "kind": kind, "target": name} for kind, name in targets]
    emails = [f"person{number}@example.com" for number in range(contacts)]
    return pa.Table.from_pylist(
        [{"destination": "d", "email": email, **row} for row in rows for email in emails], CHANGE_SCHEMA
    )


@pytest.mark.parametrize("platform", ["mailchimp", "klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
def test_a_whole_push_with_its_journal_meets_no_throttle(
    platform: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few contacts in many small requests, so that the limits are reached: targets, creates, memberships, jobs."""
    bench = Bench(platform, **({"tier": "XS"} if platform == "klaviyo" else {}))
    adapter, contacts = bench.adapter, 120 if platform == "klaviyo" else 600
    operations = {key: replace(spec, max_batch=2) for key, spec in adapter.capabilities.operations.items()}
    adapter.capabilities = replace(adapter.capabilities, operations=operations)
    bench.server.latency = 0.05
    monkeypatch.setattr(destination, "ThreadPoolExecutor", lambda threads, **_: Crowd(bench.clock, threads))
    monkeypatch.setattr(sqlite, "SYNCHRONOUS", "OFF")
    store = SqlStore(tmp_path / "state.db")
    with store.lease("test"):
        changes = plan_of(adapter, contacts)
        now = datetime.now(UTC)
        run = store.open_run(
            plan_id="p", as_of=now, made_at=now, changes=changes, revisions={"d": 0}, export=Export(contacts)
        )
        result = apply(store, run, {"d": adapter}, silent, threading.Event(), bench.clock)
    members = store.counts("d").members
    store.close()
    assert (result.state, result.errors, bench.throttles()) == (RunState.DONE, {}, 0)
    assert result.total(Outcome.APPLIED) == changes.num_rows
    assert set(members.values()) == {contacts}
    if platform != "mailchimp":  # the limits were what it waited for
        limit = Window(15, 60.0) if platform == "klaviyo" else Window(190, 10.0)
        writes = [at for at, what, _ in bench.server.seen if not what.startswith("GET") and "search" not in what]
        assert len(writes) > 2 * limit.requests
        assert bench.clock.time > (len(writes) / limit.requests - 2) * limit.seconds
