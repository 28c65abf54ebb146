"""The history's statements on every database behind a store."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from connector.core.plan import Moment
from connector.core.schemas import MOVED, NOW_IN, SEGMENTS_AT
from connector.state.store import SqlStore

from .conftest import changes, columns, open_run

HIGH = 59  # the highest bit of a chunk
AT = datetime(2026, 11, 21, tzinfo=UTC)


def learnt(after: int, people: dict[str, int], moved: dict[str, int], old: str | None = None) -> Moment:
    segment = {"number": HIGH, "segment": "s", "size": 1, "known": after > 0, "hash": "h", "rule": "r"}
    now = [{"email": email, "chunk": 0, "bits": inside << HIGH, "old_email": old} for email, inside in people.items()]
    moves = [{"number": HIGH, "email": email, "entered": entered} for email, entered in moved.items()]
    return Moment(
        after,
        pa.Table.from_pylist([segment], SEGMENTS_AT),
        pa.concat_tables(
            [NOW_IN.empty_table(), pa.Table.from_pylist(now, NOW_IN)]
        ),  # an empty chunk, as comparing makes it
        pa.Table.from_pylist(moves, MOVED),
    )


def test_a_run_enters_its_moment_and_pruning_ends_it(store: SqlStore) -> None:
    with store.lease("push"):
        run = open_run(store, changes(), moment=learnt(0, {"a@example.com": 1}, {}))
        store.journal.abandon(run, "test")
        assert store.learn(
            learnt(1, {"a@example.com": 0, "b@example.com": 1}, {"a@example.com": 0, "b@example.com": 1}), AT, 2
        )
        assert store.learn(learnt(2, {"c@example.com": 1}, {}, old="b@example.com"), AT, 2)
    assert columns(store.history.sizes(), "moment", "run", "size", "entered", "gone") == [
        (1, run, 1, None, None),
        (2, None, 1, 1, 1),
        (3, None, 1, 0, 0),
    ]
    assert columns(store.history.members(HIGH), "email") == [("c@example.com",)]
    assert sorted(columns(store.history.moves(HIGH), "moment", "email", "entered")) == [
        (2, "a@example.com", 0),
        (2, "c@example.com", 1),
    ]
    with store.lease("prune"):
        assert store.upkeep.prune_history(datetime(2027, 1, 1, tzinfo=UTC)) == 2
    assert columns(store.history.people(), "email", "bits") == [("c@example.com", 1 << HIGH)]
    assert store.history.people_since() == 3 and store.history.last() == 3
    with store.lease("forget"):
        store.upkeep.forget("c@example.com")
    assert store.history.people().num_rows == 0
