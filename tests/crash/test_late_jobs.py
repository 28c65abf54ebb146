"""A job was accepted, and its sender never heard its number: it runs long after it was sent again, and even then
nothing is put back to what it was.

Nothing of this is seen while jobs keep their order, so here the lost one waits until the next push has been made, or
until somebody asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from connector.app.workspace import open_state
from tests.crash.world import PUSH, CrashWorld, crash_world

IMPORTS = "/profile-bulk-import-jobs"
RESUME = ("resume", "--rehearse", "-v")
REFRESH = (*PUSH, "--refresh")
HOURS = 10 * 3600.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CrashWorld]:
    with crash_world(tmp_path, seed=1, size=30) as made:
        yield made


def hold_jobs(world: CrashWorld) -> None:
    """From now on a job of Klaviyo runs only when it is polled, or hours later."""
    world.running.settings(patience_s=HOURS)


def run_late(world: CrashWorld) -> None:
    world.running.settings(clock_ahead_s=2 * HOURS)


def asked_for_jobs(world: CrashWorld) -> bool:
    seen = world.running.requests(20)
    return any(one["method"] == "GET" and one["path"].endswith(IMPORTS) for one in seen)


def sync_until_asked(world: CrashWorld, *words: str) -> None:
    """The command; the lost job runs as soon as the command asks which are open, else after the command's end."""
    with ThreadPoolExecutor(1) as pool:
        done: Future[int] = pool.submit(world.sync, *words)
        while not done.done() and not asked_for_jobs(world):
            time.sleep(0.02)
        if not done.done():
            run_late(world)
        assert done.result() == 0, world.out.read_text()


def lose_a_job(world: CrashWorld) -> None:
    """A push that dies before it has noted the number of the job that updates people."""
    hold_jobs(world)
    code = world.sync(*PUSH, answered=f"POST .*{IMPORTS}")
    assert code == -9, world.out.read_text()


@pytest.mark.parametrize("first", [RESUME, REFRESH], ids=["resume", "a lost state"])
@pytest.mark.sweep(keep=1)
def test_a_job_of_a_push_that_died(world: CrashWorld, first: tuple[str, ...]) -> None:
    if first is RESUME:
        assert world.sync(*PUSH) == 0
        world.change()
    lose_a_job(world)
    if first is REFRESH:
        for file in (world.small.folder / ".connector" / "rehearsal").glob("state.db*"):
            file.unlink()
        world.widen()  # nobody leaves: a lost ledger cannot tell who was ours
    sync_until_asked(world, *first)
    world.change()
    assert world.sync(*PUSH) == 0, world.out.read_text()
    run_late(world)
    world.check()


@pytest.mark.long
def test_a_job_of_a_push_that_was_given_up(world: CrashWorld) -> None:
    """The push after `sync abandon` waits for it as `sync resume` would have."""
    assert world.sync(*PUSH) == 0
    world.change()
    lose_a_job(world)
    with world.small.open() as workspace, open_state(workspace) as store:
        run = store.runs(1)[0].id
    assert world.sync("abandon", run, "--reason", "test", "--rehearse") == 0, world.out.read_text()
    world.change()
    sync_until_asked(world, *PUSH)
    run_late(world)
    world.check()


def test_a_job_whose_answer_was_lost_within_a_push(world: CrashWorld) -> None:
    assert world.sync(*PUSH) == 0
    world.change()
    hold_jobs(world)
    world.running.settings(faults="klaviyo:drop_after@w1")
    sync_until_asked(world, *PUSH)
    world.running.settings(faults="")
    world.change()
    assert world.sync(*PUSH) == 0, world.out.read_text()
    run_late(world)
    world.check()
