"""A store in a temporary folder, with a clock that tests may turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connector.core.plan import Export
from connector.core.schemas import CHANGE_SCHEMA, CONTACT_SCHEMA
from connector.state.drivers.postgres import PostgresDatabase
from connector.state.store import SqlStore
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]


class Now:
    """The moment of a store."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def now() -> Now:
    return Now()


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test of a store runs over both; a module about one of them overrides this."""
    return str(request.param)


@pytest.fixture
def url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """Where nothing is yet."""
    if backend == "sqlite":
        return str(tmp_path / "state.db")
    return empty_schema(request.getfixturevalue("postgres"))


@pytest.fixture
def make(url: str, now: Now) -> Iterator[Callable[[], SqlStore]]:
    """Opens the same state again and again."""
    opened: list[SqlStore] = []

    def another() -> SqlStore:
        opened.append(SqlStore(PostgresDatabase(url) if "://" in url else Path(url), now=now))
        return opened[-1]

    yield another
    for store in opened:
        store.close()


@pytest.fixture
def store(make: Callable[[], SqlStore]) -> SqlStore:
    return make()


def contacts(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=CONTACT_SCHEMA)


def changes(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist([{"destination": "d", **row} for row in rows], schema=CHANGE_SCHEMA)


def open_run(store: SqlStore, table: pa.Table, **more: Any) -> str:
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    parts = {"plan_id": "plan", "as_of": moment, "made_at": moment, "revisions": {}, "export": Export(1), **more}
    run = store.open_run(changes=table, **parts)
    for name in set(table["destination"].to_pylist()):  # as a push does, when it has read who opted out meanwhile
        store.journal.record(run, name)
    return run


def columns(table: pa.Table, *names: str) -> Sequence[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
