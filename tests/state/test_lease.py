"""One process at a time: the lease, its end, and who lost it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

import pytest

from connector.core.errors import LeaseHeld, StateError
from connector.state import lease as lease_module
from connector.state.store import SqlStore

from .conftest import Now, changes, open_run

Make = Callable[[], SqlStore]


def test_two_writers_wait_for_each_other(make: Make) -> None:
    """A transaction that reads before it writes must hold the write lock from its start."""
    one, two = make(), make()
    failures: list[StateError] = []

    def work(store: SqlStore) -> None:
        for _ in range(60):
            try:
                with store.lease("test"):
                    pass
            except LeaseHeld:
                continue
            except StateError as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_two_leases(make: Make) -> None:
    one, two = make(), make()
    with one.lease("push"), pytest.raises(LeaseHeld) as refused, two.lease("resume"):
        pass
    text = str(refused.value)
    assert all(part in text for part in ("push", str(os.getpid()), socket.gethostname(), "2026-11-21 12:00:00 UTC"))
    with two.lease("resume"):
        pass


def test_a_dead_holder_frees_the_lease_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make(), make()
    with one.lease("push"):
        monkeypatch.setattr(lease_module, "is_running", lambda pid: False)
        with two.lease("resume"):
            pass


def test_a_lease_of_another_machine_runs_out(make: Make, now: Now, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make(), make()
    with one.lease("push"):
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere.test")
        monkeypatch.setattr(lease_module, "is_running", lambda pid: False)
        now.advance(lease_module.SECONDS - 1)
        with pytest.raises(LeaseHeld), two.lease("resume"):
            pass
        now.advance(1)
        with two.lease("resume"):
            pass


def test_a_lease_is_renewed_while_it_is_held(make: Make, now: Now, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.01)
    one, two = make(), make()
    with one.lease("push"):
        now.advance(lease_module.SECONDS * 5)
        renewed = threading.Event()
        expected = [(int(now().timestamp()) + lease_module.SECONDS) * 10**6]
        for _ in range(6000):
            if two._db.rows("SELECT expires_at FROM lease") == [tuple(expected)]:
                renewed.set()
                break
            threading.Event().wait(0.01)
        assert renewed.is_set()
        with pytest.raises(LeaseHeld), two.lease("resume"):
            pass


def test_who_lost_the_lease_writes_nothing_more(make: Make, now: Now) -> None:
    one, two = make(), make()
    with one.lease("push"):
        run = open_run(one, changes({"op": "update", "email": "a@example.com"}))
        (step,) = one.journal.steps(run, "d")
        (batch,) = one.journal.cut(step, 10)
        now.advance(lease_module.SECONDS * 2)
        with two.lease("resume"):
            pass
        with pytest.raises(LeaseHeld, match="took over"):
            one.journal.sent(batch)
    assert two.journal.in_doubt(run, "d") == []


def test_the_journal_needs_the_lease(store: SqlStore) -> None:
    with pytest.raises(StateError, match="without the lease"):
        open_run(store, changes())
