"""The file itself: who may read it, which versions fit, two stores at once."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import stat
from pathlib import Path

import pytest

from connector.core.errors import StateError, TooNew
from connector.state import schema
from connector.state.drivers.sqlite import Database
from connector.state.open import open_store
from connector.state.store import SqlStore

from .conftest import contacts


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "a" / "b" / "state.db"))
    store.observe("d", contacts({"email": "a@example.com"}))
    for path in (tmp_path / "a" / "b").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    store.close()


def test_a_commit_waits_for_the_disk(store: SqlStore) -> None:
    assert store._db.rows("PRAGMA synchronous") == [(2,)]
    assert store._db.rows("PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("url", ["mysql://x", "", "  ", "sqlite:///"])
def test_other_urls_are_refused_with_advice(url: str) -> None:
    with pytest.raises(StateError, match="sqlite:///PATH"):
        open_store(url)


def test_a_newer_schema_is_too_new(tmp_path: Path, store: SqlStore) -> None:
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


def test_a_second_store_does_not_disturb_the_first(tmp_path: Path, store: SqlStore) -> None:
    """Closing another connection to the file must not take the log away from under an open one."""
    store.observe("d", contacts({"email": "a@example.com"}))
    open_store(str(tmp_path / "state.db")).close()
    store.observe("d", contacts({"email": "b@example.com"}))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_contacts_of, [str(tmp_path / "state.db")]) == 2


def _contacts_of(url: str) -> int:
    store = open_store(url)
    try:
        return store.counts("d").contacts
    finally:
        store.close()


def test_an_empty_file_is_not_taken_for_a_new_state(tmp_path: Path) -> None:
    """A full disk or a broken copy leaves 0 bytes: SQLite would start over, without the people who were forgotten."""
    path = tmp_path / "state.db"
    path.touch()
    with pytest.raises(StateError, match=r"empty \(0 bytes\).*remove it") as refused:
        open_store(str(path))
    assert refused.value.exit_code == 4 and path.stat().st_size == 0
    path.unlink()
    open_store(str(path)).close()


def test_a_process_that_dies_while_it_makes_the_state_leaves_no_empty_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", die)
    with pytest.raises(KeyboardInterrupt):
        open_store(str(tmp_path / "state.db"))
    monkeypatch.undo()
    assert not (tmp_path / "state.db").exists()
    open_store(str(tmp_path / "state.db")).close()


def test_where_files_cannot_be_linked_a_state_is_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    open_store(str(tmp_path / "state.db")).close()
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("replaced", [False, True])
def test_a_state_that_was_removed_takes_nothing_more(tmp_path: Path, replaced: bool) -> None:
    """Its file goes on living as long as it is open: everything would seem to be recorded."""
    folder = tmp_path / ".connector"
    store = open_store(str(folder / "state.db"))
    store.observe("d", contacts({"email": "a@example.com"}))
    shutil.rmtree(folder)
    if replaced:
        open_store(str(folder / "state.db")).close()
    with pytest.raises(StateError, match=r"removed or replaced.*--refresh"):
        store.observe("d", contacts({"email": "b@example.com"}))
    with pytest.raises(StateError, match="removed or replaced"):
        store.ledger("d")
    store.close()
