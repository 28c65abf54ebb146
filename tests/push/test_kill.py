"""The process dies at any commit or request; resume ends in the state that was planned."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from connector.core.events import silent
from connector.core.model import Kind, Op
from connector.platforms.base import Batch, Capabilities, TagStyle
from connector.push.run import apply, resume
from connector.state.base import RunState, Store
from connector.state.drivers import sqlite
from connector.state.store import SqlStore

from .conftest import ledger_members, open_run
from .fake import MOMENT, FakeClock, FakePlatform, capabilities, change, people

HELD, NEW, LEAVING = people(4), people(8, 20), people(3)
WANTED = {*HELD, *NEW}
BY_ID = {"addressed_by": "id"}
PROFILES = {
    "by email": capabilities(concurrency=1),
    "jobs and ids": capabilities(
        specs={Op.CREATE: {"asynchronous": True}, Op.ADD: BY_ID, Op.REMOVE: BY_ID}, concurrency=1
    ),
    "create is not replayable": capabilities(specs={Op.CREATE: {"replayable": False}}, concurrency=1),
    "tags are a property": capabilities(TagStyle.PROPERTY, concurrency=1),
    "neither": capabilities(TagStyle.PROPERTY, specs={Op.CREATE: {"replayable": False}}, concurrency=1),
}


class Killed(BaseException):
    """As if the power went out: nothing of this process is written any more."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, number: int, after: bool) -> Iterator[None]:
    """Die before or after the commit of this number."""
    commit = sqlite.Database._commit
    seen = 0

    def dying(self: sqlite.Database) -> None:
        nonlocal seen
        seen += 1
        if seen == number and after:
            commit(self)
        if seen >= number:
            raise Killed
        commit(self)

    with monkeypatch.context() as patched:
        patched.setattr(sqlite.Database, "_commit", dying)
        yield


def platform_with_members(made: Capabilities) -> FakePlatform:
    platform = FakePlatform(made, polls=2)
    platform.hold(*HELD)
    platform.groups[Kind.LIST, "old"] = set(LEAVING)
    return platform


def start(store: Store) -> str:
    return open_run(
        store,
        change(Op.CREATE, NEW),
        change(Op.UPDATE, HELD),
        change(Op.ADD, [*HELD, *NEW], Kind.TAG, "vip"),
        change(Op.ADD, NEW, Kind.LIST, "in"),
        change(Op.REMOVE, LEAVING, Kind.LIST, "old"),
    )


def finish(path: Path, platform: FakePlatform) -> None:
    """What `sync resume` does in a new process, and what must hold then. Whose CREATE may not be sent again and was not
    answered is there, but perhaps by others: the fields are not taken for ours, and are sent by the next push."""
    store = SqlStore(path, now=lambda: MOMENT)
    with store.lease("test"):
        resume(store, {"d": platform}, silent, threading.Event(), FakeClock())
        assert store.unfinished() is None
        run = store.runs()[0]
        assert run.state is RunState.DONE
        outcomes = {what for ops in store.journal.counts(run.id).values() for op in ops.values() for what in op}
        assert outcomes <= {"applied", "unchanged"}
        for kind, name, members in ((Kind.TAG, "vip", WANTED), (Kind.LIST, "in", set(NEW)), (Kind.LIST, "old", set())):
            assert platform.members_of(kind, name) == members == ledger_members(store, kind, name)
        fields = {row["email"]: row["fields"] for row in store.ledger("d").contacts.to_pylist()}
        unproven = {email for email, value in fields.items() if value is None}
        assert {*fields.values()} - {None} == {'{"NAME":"Ann"}'}
        assert not unproven or (unproven <= {*NEW} and not platform.capabilities.operations[Op.CREATE, None].replayable)
    store.close()


@pytest.mark.parametrize(("profile", "after"), [*((profile, False) for profile in PROFILES), ("jobs and ids", True)])
@pytest.mark.sweep(keep=1)
def test_killed_at_every_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, after: bool) -> None:
    for number in range(1, 100):
        path = tmp_path / f"{number}.db"
        store = SqlStore(path, now=lambda: MOMENT)
        platform = platform_with_members(PROFILES[profile])
        survived = False
        with store.lease("test"):
            run = start(store)
            with killed_at(monkeypatch, number, after):
                try:
                    apply(store, run, {"d": platform}, silent, threading.Event(), FakeClock())
                    survived = True
                except Killed:
                    pass
        store.close()
        finish(path, platform)
        if survived:
            assert number > 8
            return
    pytest.fail("the run never came to its end")


@pytest.mark.parametrize("applied", [False, True], ids=["before the platform took it", "after it did"])
@pytest.mark.parametrize("profile", ["jobs and ids", "create is not replayable"])
def test_killed_during_every_request(tmp_path: Path, profile: str, applied: bool) -> None:
    for number in range(1, 100):
        path = tmp_path / f"{number}.db"
        store = SqlStore(path, now=lambda: MOMENT)
        platform = platform_with_members(PROFILES[profile])

        def dying(call: int, batch: Batch, number: int = number) -> BaseException | None:
            return Killed() if call == number else None

        if applied:
            platform.lost = dying
        else:
            platform.trouble = dying
        survived = False
        with store.lease("test"):
            try:
                apply(store, start(store), {"d": platform}, silent, threading.Event(), FakeClock())
                survived = True
            except Killed:
                pass
        store.close()
        finish(path, platform)
        if survived:
            assert number > 3
            return
    pytest.fail("the run never came to its end")


def test_killed_while_resuming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    platform = platform_with_members(PROFILES["jobs and ids"])
    store = SqlStore(path, now=lambda: MOMENT)
    with store.lease("test"), killed_at(monkeypatch, 4, after=False), pytest.raises(Killed):
        apply(store, start(store), {"d": platform}, silent, threading.Event(), FakeClock())
    for _ in range(6):
        with store.lease("test"), killed_at(monkeypatch, 3, after=True), pytest.raises(Killed):
            resume(store, {"d": platform}, silent, threading.Event(), FakeClock())
    store.close()
    finish(path, platform)


@pytest.mark.parametrize("profile", ["create is not replayable", "neither"])
def test_who_was_created_by_others_meanwhile_has_nothing_of_ours_yet(tmp_path: Path, profile: str) -> None:
    """The process dies with the CREATE on its way, and before `sync resume` somebody else makes one of the contacts.
    That it is there does not say that our fields and tags are: the next push writes them."""
    path, other = tmp_path / "state.db", NEW[0]
    store = SqlStore(path, now=lambda: MOMENT)
    platform = platform_with_members(PROFILES[profile])
    platform.trouble = lambda call, batch: Killed() if batch.op is Op.CREATE else None
    with store.lease("test"), pytest.raises(Killed):
        apply(store, start(store), {"d": platform}, silent, threading.Event(), FakeClock())
    store.close()
    platform.trouble = lambda call, batch: None
    platform.hold(other)
    store = SqlStore(path, now=lambda: MOMENT)
    with store.lease("test"):
        resume(store, {"d": platform}, silent, threading.Event(), FakeClock())
        assert {*ledger_members(store, Kind.TAG, "vip")} == platform.members_of(Kind.TAG, "vip")
        fields = {row["email"]: row["fields"] for row in store.ledger("d").contacts.to_pylist()}
        assert fields.pop(other) is None and None not in fields.values()
        doubtful = store.ledger("d").doubtful_fields.num_rows
    store.close()
    assert doubtful == 1
