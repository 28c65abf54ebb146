"""The file itself: who may read it, which versions fit, two stores at once, the lease."""

from __future__ import annotations

import multiprocessing
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import LeaseHeld, StateError, TooNew
from connector.model import Kind
from connector.state import lease as lease_module
from connector.state import schema
from connector.state.database import Database
from connector.state.open import open_store
from connector.state.sqlite import SqliteStore

from .conftest import Now, changes, contacts, open_run

Make = Callable[[], SqliteStore]


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "a" / "b" / "state.db"))
    store.observe("d", contacts({"email": "a@example.com"}))
    for path in (tmp_path / "a" / "b").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


@pytest.mark.parametrize("url", ["postgresql://host/db", "mysql://x", "", "  ", "sqlite:///"])
def test_other_urls_are_refused_with_advice(url: str) -> None:
    with pytest.raises(StateError, match="sqlite:///PATH"):
        open_store(url)


def test_a_newer_schema_is_too_new(tmp_path: Path, store: SqliteStore) -> None:
    store._db.run("INSERT INTO schema_version(version, at) VALUES (999, 0)")
    with pytest.raises(TooNew, match=r"schema 999.*Update the connector"):
        open_store(str(tmp_path / "state.db"))


def test_a_foreign_database_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    foreign = Database(path)
    foreign.run("CREATE TABLE theirs(a)")
    with pytest.raises(StateError, match="another program"):
        open_store(str(path))
    assert foreign.rows("SELECT name FROM sqlite_master") == [("theirs",)]
    foreign.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, " * 100)
    with pytest.raises(StateError, match=r"notes\.txt.*not a sound SQLite file"):
        open_store(str(path))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="--state"):
        open_store(str(tmp_path / "file" / "state.db"))


def test_a_failing_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.db"
    open_store(str(path)).close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE half(a)", "CREATE TABLE membership(again)"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StateError):
            open_store(str(path))
    db = Database(path)
    assert db.rows("SELECT max(version) FROM schema_version") == [(len(schema.MIGRATIONS),)]
    assert db.rows("SELECT name FROM sqlite_master WHERE name = 'half'") == []
    db.close()


def test_a_second_store_does_not_disturb_the_first(tmp_path: Path, store: SqliteStore) -> None:
    """Closing another connection to the file must not take the log away from under an open one."""
    store.observe("d", contacts({"email": "a@example.com"}))
    open_store(str(tmp_path / "state.db")).close()
    store.observe("d", contacts({"email": "b@example.com"}))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_contacts_of, [str(tmp_path / "state.db")]) == 2


def test_two_writers_wait_for_each_other(make: Make) -> None:
    """A transaction that reads before it writes must hold the write lock from its start."""
    one, two = make(), make()
    failures: list[StateError] = []

    def work(store: SqliteStore) -> None:
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


def _contacts_of(url: str) -> int:
    store = open_store(url)
    try:
        return store.counts("d").contacts
    finally:
        store.close()


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
        for _ in range(500):
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


def test_the_journal_needs_the_lease(store: SqliteStore) -> None:
    with pytest.raises(StateError, match="without the lease"):
        open_run(store, changes())


def test_forgetting_a_target(store: SqliteStore) -> None:
    rows = [{"op": "adopt", "email": "a@example.com", "kind": "tag", "target": name} for name in "xy"]
    with store.lease("test"):
        open_run(store, changes(*rows))
    store.remember_targets("d", {(Kind.TAG, "x"): "1", (Kind.TAG, "y"): "2"})
    before = store.revisions(["d"])["d"]
    store.forget_target("d", Kind.TAG, "x")
    assert store.target_ids("d") == {(Kind.TAG, "y"): "2"}
    assert store.counts("d").members == {(Kind.TAG, "x"): 0, (Kind.TAG, "y"): 1}
    assert store.revisions(["d"])["d"] == before + 1
