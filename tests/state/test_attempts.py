"""Attempts and the memory of alerts, on every kind of state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.core.errors import StateError
from connector.state.attempts import Attempt, Side
from connector.state.drivers.bucket import RemoteStore
from connector.state.store import SqlStore
from tests.state.conftest import Now, changes, open_run


def attempt(now: Now, name: str, **more: object) -> Attempt:
    sides = {"mailchimp": Side("served"), "klaviyo": Side("failed", "unreachable", "no answer")}
    made = Attempt(name, "push --to x", now.moment, now.moment + timedelta(seconds=3), "failed", 4, sides=sides)
    return replace(made, **more)  # type: ignore[arg-type]


def test_attempts_are_kept_without_the_lease(make: Callable[[], SqlStore], now: Now) -> None:
    store, other = make(), make()
    with store.lease("push"), other.noting() as attempts:
        attempts.add(attempt(now, "a", facts={"contacts": 3}))
        now.advance(60)
        attempts.add(attempt(now, "b", run_id="r1", sides={"klaviyo": Side("served")}))
    assert [one.id for one in store.attempts.last(5)] == ["b", "a"]
    (first,) = store.attempts.of("a")
    assert first.facts == {"contacts": 3} and first.sides["klaviyo"].code == "unreachable"
    assert [one.id for one in store.attempts.of("r1")] == ["b"]
    served = store.attempts.served()
    assert served["klaviyo"] - served["mailchimp"] == timedelta(seconds=60)
    assert store.attempts.counts() == {("push", "failed"): 2}


def test_a_cause_is_claimed_by_one_and_released_once(make: Callable[[], SqlStore], now: Now) -> None:
    one, other = make().attempts, make().attempts
    assert one.claim({"a/x": "A", "b/y": "B"}, now.moment) == {"a/x": "A", "b/y": "B"}
    assert other.claim({"a/x": "A again", "c/z": "C"}, now.moment) == {"c/z": "C"}
    assert one.release(["a/x", "none"]) == {"a/x": "A"} and not other.release(["a/x"])
    assert other.told() == {"b/y": "B", "c/z": "C"}


def test_what_a_run_did_per_target(store: SqlStore) -> None:
    added = {"op": "add", "kind": "tag", "target": "VIP"}
    with store.lease("push"):
        run = open_run(store, changes(added | {"email": "ada@example.com"}, added | {"email": "bob@example.com"}))
    (rows,) = store.attempts.done(run).values()
    assert rows == [{"op": "add", "kind": "tag", "target": "VIP", "outcome": "open", "count": 2}]


def test_a_state_that_travels_keeps_them_too(tmp_path_factory: pytest.TempPathFactory, now: Now) -> None:
    """Another runner put the file back after this one fetched it; nothing of either is lost."""
    url = f"file://{tmp_path_factory.mktemp('share')}/state.db"
    one, other = RemoteStore(url), RemoteStore(url)
    with other.noting() as attempts:
        attempts.add(attempt(now, "other"))
    with one.noting() as attempts:
        attempts.add(attempt(now, "one"))
    one.close()
    other.close()
    newest = RemoteStore(url)
    assert {found.id for found in newest.attempts.last(5)} == {"one", "other"}
    with newest.lease("push"), pytest.raises(StateError), newest.noting():
        raise AssertionError("the state is in use")
    newest.close()
