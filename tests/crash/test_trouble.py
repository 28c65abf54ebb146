"""A full disk, a clock that goes back, two processes, lost answers: what is pushed is right in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.crash.launch import Order
from tests.crash.world import PUSH, CrashWorld, crash_world, created_twice, run

DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CrashWorld]:
    with crash_world(tmp_path, seed=1, size=40) as made:
        yield made


def finish(world: CrashWorld) -> None:
    """`sync resume`, then whatever a push still finds."""
    for words in (("resume", "--rehearse", "-v"), PUSH):
        assert world.sync(*words) == 0, world.out.read_text()
    world.check()


@pytest.mark.parametrize("room", [20_000, 60_000, 130_000])
@pytest.mark.sweep(keep=1)
def test_the_disk_is_full(world: CrashWorld, room: int) -> None:
    code = world.sync(*PUSH, file_size=room)
    assert (code, "Traceback" in world.out.read_text()) == (4, False)
    assert "disk" in world.out.read_text()
    finish(world)


def test_the_state_is_read_only(world: CrashWorld) -> None:
    assert world.sync(*PUSH) == 0
    world.change()
    before = world.running.writes()
    assert world.sync(*PUSH, read_only=True) == 4
    told = world.out.read_text()
    assert "cannot be written" in told and "--state" in told and "Traceback" not in told
    assert world.running.writes() == before
    finish(world)


@pytest.mark.long
def test_the_clock_goes_back(world: CrashWorld) -> None:
    assert world.sync(*PUSH, at=150, clock=2 * DAY) == -9
    assert world.sync("resume", "--rehearse", clock=DAY) == 0, world.out.read_text()
    world.change()
    person = world.email(max(world.people))
    assert world.sync(*PUSH) == 0, world.out.read_text()
    world.check()
    world.small.unsubscribe_mailchimp(person)  # "what changed since tomorrow" would miss it
    assert world.sync(*PUSH, clock=-DAY) == 0, world.out.read_text()
    contacts = world.ledger("mailchimp").contacts
    assert (
        dict(zip(*(contacts[name].to_pylist() for name in ("email", "status")), strict=True))[person] == "unsubscribed"
    )


def test_two_processes_at_once(world: CrashWorld) -> None:
    world.running.settings(latency_ms=40)
    wires = [world.small.folder / f"wire{number}.jsonl" for number in (1, 2)]
    outs = [world.small.folder / f"out{number}.txt" for number in (1, 2)]
    orders = [Order(str(world.small.folder), PUSH, str(wire)) for wire in wires]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(5):  # on a busy machine the second may come after the first has ended
            first = pool.submit(run, orders[0], outs[0])
            time.sleep(0.2)
            second = pool.submit(run, orders[1], outs[1])
            codes = [first.result(), second.result()]
            if any(codes):
                break
            world.change()
    texts = " ".join(out.read_text() for out in outs)
    assert sorted(codes) in ([0, 3], [0, 4]), texts
    assert "is in use by push (process" in texts or "was cut off" in texts or "Plan again" in texts, texts
    world.wire.write_text("".join(wire.read_text() for wire in wires))
    assert not created_twice(world.events())
    world.running.settings(latency_ms=0)
    finish(world)


def test_answers_are_lost_after_the_platform_applied(world: CrashWorld) -> None:
    world.running.settings(faults="drop_after=0.25", fault_seed=3)
    seen = []
    for words in (PUSH, ("resume", "--rehearse")):
        world.sync(*words)
        seen += world.events()
    world.running.settings(faults="")
    finish(world)
    assert not created_twice(seen)
