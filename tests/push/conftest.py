"""A store in a temporary folder, and a run opened from tables of changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from connector.core.events import Event, silent
from connector.core.model import Op
from connector.core.plan import Export
from connector.platforms.base import Adapter
from connector.push import recheck_query
from connector.push.run import RunResult, apply, resume
from connector.state.base import Store
from connector.state.drivers import sqlite
from connector.state.store import SqlStore

from .fake import MOMENT, FakeClock


@pytest.fixture(autouse=True)
def fast_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests end processes, not power: waiting for the disk proves nothing here."""
    monkeypatch.setattr(sqlite, "SYNCHRONOUS", "OFF")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SqlStore(tmp_path / "state.db", now=lambda: MOMENT)
    with opened.lease("test"):
        yield opened
    opened.close()


def noted(store: Store, changes: pa.Table) -> pa.Table:
    """With what the ledger knows of the contacts, as a plan notes it for those it archives or unsubscribes."""
    known = {
        row["email"]: row["seen"]
        for row in recheck_query.seen(store.ledger("d").contacts, store.engagement("d")[0]).to_pylist()
    }
    rows = zip(changes["op"].to_pylist(), changes["email"].to_pylist(), strict=True)
    seen = [known.get(email) if op in (Op.RETIRE, Op.UNSUBSCRIBE) else None for op, email in rows]
    return changes.set_column(changes.column_names.index("seen"), "seen", pa.array(seen, pa.string()))


def open_run(store: Store, *changes: pa.Table) -> str:
    table = noted(store, pa.concat_tables(changes))
    names = pa.compute.unique(table.column("destination")).to_pylist()
    return store.open_run(
        plan_id="plan",
        as_of=MOMENT,
        made_at=MOMENT,
        changes=table,
        revisions=store.revisions(names),
        export=Export(100),
    )


class Pusher:
    """Opens a run and applies it, with a clock that does not wait."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.stop = threading.Event()
        self.events: list[Event] = []

    def __call__(self, adapters: Adapter | dict[str, Adapter], *changes: pa.Table) -> RunResult:
        run = open_run(self.store, *changes)
        many = adapters if isinstance(adapters, dict) else {"d": adapters}
        return apply(self.store, run, many, self.events.append, self.stop, FakeClock())

    def resume(self, adapter: Adapter) -> RunResult:
        result = resume(self.store, {"d": adapter}, silent, threading.Event(), FakeClock())
        assert result is not None
        return result


@pytest.fixture
def push(store: Store) -> Pusher:
    return Pusher(store)


def ledger_members(store: Store, kind: str, name: str, destination: str = "d") -> set[str]:
    """Who is in a target according to the ledger."""
    ledger = store.ledger(destination)
    emails = dict(zip(ledger.contacts["id"].to_pylist(), ledger.contacts["email"].to_pylist(), strict=True))
    ids = {
        number
        for number, its_kind, its_name in zip(
            *(ledger.targets[column].to_pylist() for column in ("id", "kind", "name")), strict=True
        )
        if (its_kind, its_name) == (kind, name)
    }
    pairs = zip(ledger.memberships["target"].to_pylist(), ledger.memberships["contact"].to_pylist(), strict=True)
    return {emails[contact] for target, contact in pairs if target in ids}
