"""A state in a bucket: fetched, put back, one runner at a time."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from connector.errors import LeaseHeld, Stale, StateError
from connector.state import lease as lease_module
from connector.state import remote
from connector.state.open import open_store
from connector.state.remote import RemoteStore

from .conftest import changes, contacts, open_run

Open = Callable[[], RemoteStore]


@pytest.fixture(params=["memory", "file"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    place = f"memory://{uuid.uuid4().hex}/state.db" if request.param == "memory" else f"file://{tmp_path}/state.db"

    def another() -> RemoteStore:
        store = open_store(place)
        assert isinstance(store, RemoteStore)
        request.addfinalizer(store.close)
        return store

    return another


def test_the_next_runner_finds_what_the_last_one_put_back(opened: Open) -> None:
    one = opened()
    one.observe("d", contacts({"email": "a@example.com"}))
    with one.lease("push"):
        open_run(one, changes({"op": "adopt", "email": "a@example.com", "kind": "tag", "target": "x"}))
    two = opened()
    assert two.counts("d").contacts == 1 and len(two.runs()) == 1
    with two.lease("push"):
        pass


def test_two_runners(opened: Open) -> None:
    one, two = opened(), opened()
    with one.lease("push"), pytest.raises(LeaseHeld, match="in use by push"), two.lease("resume"):
        pass
    with pytest.raises(Stale, match="Run it again"), two.lease("resume"):
        pass
    with opened().lease("resume"):
        pass


def test_of_two_who_take_the_same_number_one_wins(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = opened(), opened()
    with one.lease("push"):
        monkeypatch.setattr(two._remote, "_newest", lambda: 0)
        with pytest.raises(LeaseHeld, match="just taken"), two.lease("push"):
            pass


def test_a_creating_request_is_put_back_before_it_leaves(opened: Open) -> None:
    one = opened()
    with one.lease("push"):
        run = open_run(
            one, changes({"op": "create", "email": "a@example.com"}, {"op": "update", "email": "b@example.com"})
        )
        for step in one.journal.steps(run, "d"):
            (batch,) = one.journal.cut(step, 10)
            one.journal.sent(batch)
        crashed = opened()  # what another machine finds now
        assert [str(batch.step.op) for batch in crashed.journal.in_doubt(run, "d")] == ["create"]
        unfinished = crashed.unfinished()
        assert unfinished is not None and unfinished.id == run


def test_who_lost_the_lease_puts_nothing_back(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "SECONDS", -1)  # it has run out at once
    one, two = opened(), opened()
    with pytest.raises(LeaseHeld, match="took over"), one.lease("push"), two.lease("resume"):
        one.observe("d", contacts({"email": "a@example.com"}))
        one._put()
    assert opened().counts("d").contacts == 0


def test_trouble_is_told_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StateError) as failed:
        remote.Remote("memory://key:secret@bucket/x").fetch(Path("/nowhere/at/all"))
        remote.Remote("ftp://key:secret@127.0.0.1:1/x").version()
    assert "secret" not in str(failed.value)
