"""A state in a bucket tells of requests before they leave, for several destinations at once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from connector.state.drivers.bucket import _Journal
from connector.state.drivers.sqlite import Database
from connector.state.store import SqlStore


def test_a_step_is_announced_while_another_request_puts_the_state_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "state.db")
    store = SqlStore(database)
    journal = _Journal(database, store._lease, database.now)
    journal.put = lambda: None
    for step in (1, 2):
        journal._announce(step)
    others: list[threading.Thread] = []
    rows = database.rows

    def meanwhile(sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if not others:
            others.append(threading.Thread(target=journal._announce, args=(3,)))
            others[0].start()
            others[0].join(0.2)
        return rows(sql, values)

    monkeypatch.setattr(database, "rows", meanwhile)
    with journal.announced():
        assert journal._announced == {1, 2}, "what is put back now does not tell of it"
    others[0].join(10)
    assert journal._announced == {1, 2, 3}
    store.close()
