"""The history of segments: what a moment keeps, and who was a member when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from connector.core.plan import Moment
from connector.measure import history
from connector.measure.moment import Meant, moment
from connector.state.store import SqlStore

START = datetime(2026, 1, 1, tzinfo=UTC)
NOBODY = pa.array([], pa.string())
Segments = Mapping[str, str]  # segment -> the letters of its members


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    made = SqlStore(tmp_path / "state.db")
    yield made
    made.close()


def address(letter: str) -> str:
    return f"{letter}@example.com"


def people(segments: Segments, everybody: str = "abcdef", ids: Mapping[str, str] | None = None) -> pa.Table:
    columns = {"email": [address(letter) for letter in everybody]}
    columns |= {f"in:{name}": [letter in members for letter in everybody] for name, members in segments.items()}
    columns |= {} if ids is None else {"person": [ids.get(letter, letter) for letter in everybody]}
    return pa.table(columns)


def compared(
    store: SqlStore, segments: Segments, table: pa.Table, forgotten: pa.Array = NOBODY, **former: str
) -> Moment:
    meant = [Meant(name, f"h-{name}", f"rule of {name}", former.get(name)) for name in segments]
    return moment(store, meant, table, forgotten)


def keep(store: SqlStore, at: int, segments: Segments, **more: object) -> bool:
    former = more.pop("former", {})
    learnt = compared(store, segments, people(segments, **more), **former)  # type: ignore[arg-type]
    with store.lease("test"):
        return store.learn(learnt, day(at), 6)


def rows(store: SqlStore) -> list[tuple[object, ...]]:
    names = ("segment", "at", "size", "entered", "left")
    return [tuple(row[name] for name in names) for row in history.sizes(store).to_pylist()]


def inside(store: SqlStore, segment: str, at: float) -> str | None:
    found = history.members_at(store, segment, START + timedelta(days=at))
    return None if found is None else "".join(sorted(email[0] for email in found.to_pylist()))


def test_sizes_and_members_of_every_moment(store: SqlStore) -> None:
    assert keep(store, 0, {"s": "abc", "t": "a"})
    assert keep(store, 5, {"s": "bcd", "t": "a"})
    assert keep(store, 9, {"s": "ab", "t": "", "new": "f"})
    assert rows(store) == [
        ("s", day(0), 3, None, None),
        ("t", day(0), 1, None, None),
        ("s", day(5), 3, 1, 1),
        ("t", day(5), 1, 0, 0),
        ("s", day(9), 2, 1, 2),
        ("t", day(9), 0, 0, 1),
        ("new", day(9), 1, None, None),
    ]
    seen = [inside(store, "s", at) for at in (-1, 0, 4.9, 5, 8, 9, 99)]
    assert seen == [None, "abc", "abc", "bcd", "bcd", "ab", "ab"]
    assert [inside(store, "t", at) for at in (0, 8, 9)] == ["a", "a", ""]
    assert [inside(store, "new", at) for at in (5, 9)] == [None, "f"]
    assert inside(store, "unknown", 9) is None


def test_a_person_may_come_and_go_often(store: SqlStore) -> None:
    for at, members in enumerate(("a", "", "ab", "b", "ab")):
        keep(store, at, {"s": members})
    assert [inside(store, "s", at) for at in range(5)] == ["a", "", "ab", "b", "ab"]
    found = history.spells(store, "s").sort_by([("email", "ascending"), ("since", "ascending")]).to_pylist()
    assert [(row["email"][0], row["since"], row["until"]) for row in found] == [
        ("a", day(0), day(1)),
        ("a", day(2), day(3)),
        ("a", day(4), None),
        ("b", day(2), None),
    ]


def test_more_than_sixty_segments(store: SqlStore) -> None:
    names = [f"s{number:03}" for number in range(130)]
    keep(store, 0, dict.fromkeys(names, "a"))
    keep(store, 1, {name: "a" if number % 2 else "b" for number, name in enumerate(names)})
    assert [inside(store, name, 1) for name in ("s058", "s059", "s060", "s119", "s128")] == ["b", "a", "b", "a", "b"]
    assert {row[2:] for row in rows(store)[130:]} == {(1, 0, 0), (1, 1, 1)}


def test_a_segment_that_was_missing_is_known_from_its_return(store: SqlStore) -> None:
    keep(store, 0, {"s": "ab", "t": "a"})
    keep(store, 1, {"t": "a"})
    keep(store, 2, {"s": "bc", "t": "a"})
    assert [inside(store, "s", at) for at in (0, 1, 2)] == ["ab", "", "bc"]
    assert [row for row in rows(store) if row[0] == "s"] == [("s", day(0), 2, None, None), ("s", day(2), 2, None, None)]


def test_a_renamed_segment_goes_on(store: SqlStore) -> None:
    keep(store, 0, {"old": "ab"})
    keep(store, 1, {"new": "bc"}, former={"new": "old"})
    keep(store, 2, {"new": "b"}, former={"new": "old"})
    assert rows(store) == [("new", day(0), 2, None, None), ("new", day(1), 2, 1, 1), ("new", day(2), 1, 0, 1)]
    assert inside(store, "new", 0) == "ab"
    told = history.definitions(store).to_pylist()
    assert [(row["hash"], row["rule"], row["since"], row["until"]) for row in told] == [
        ("h-old", "rule of old", day(0), day(1)),
        ("h-new", "rule of new", day(1), None),
    ]


def told_of(store: SqlStore) -> set[str]:
    """Everybody that the history has something about."""
    moved = {email for (email,) in store._db.rows("SELECT email FROM history_move")}
    return moved | set(store.history.people()["email"].to_pylist())


def test_the_order_is_that_of_time_and_nothing_is_entered_twice(store: SqlStore) -> None:
    keep(store, 0, {"s": "ab"})
    late = compared(store, {"s": "bc"}, people({"s": "bc"}))
    keep(store, 5, {"s": "cd"})
    with store.lease("test"):
        assert not store.learn(late, day(6), 6), "the history went on since it was compared"
    assert not keep(store, 3, {"s": "a"}), "earlier than what is known"
    assert keep(store, 5, {"s": "cd"}) and rows(store)[-1] == ("s", day(5), 2, 0, 0)
    assert inside(store, "s", 5) == "cd"


def test_a_new_address_is_the_same_person(store: SqlStore) -> None:
    keep(store, 0, {"s": "ab"}, everybody="abc", ids={})
    keep(store, 1, {"s": "bx"}, everybody="bcx", ids={"x": "a"})
    assert rows(store)[-1] == ("s", day(1), 2, 0, 0)
    assert inside(store, "s", 0) == "bx"


def test_forgotten_people_are_in_no_moment(store: SqlStore) -> None:
    keep(store, 0, {"s": "abc"})
    keep(store, 1, {"s": "bc"})
    with store.lease("forget"):
        store.upkeep.forget(address("a"))
        store.upkeep.forget(address("b"))
    assert [inside(store, "s", at) for at in (0, 1)] == ["c", "c"]
    learnt = compared(store, {"s": "abcd"}, people({"s": "abcd"}), pa.array([address("a"), address("b")]))
    assert learnt.segments["size"].to_pylist() == [2]
    late = compared(store, {"s": "abcd"}, people({"s": "abcd"}))  # as a plan that was made before they were forgotten
    with store.lease("test"):
        assert store.learn(late, day(2), 6)
    assert inside(store, "s", 2) == "cd"
    assert not {email for email in told_of(store) if email[0] in "ab"}


def test_pruning_keeps_sizes_and_who_is_a_member_since(store: SqlStore) -> None:
    for at, members in enumerate(("ab", "bc", "cd", "de")):
        keep(store, at * 10, {"s": members, **({"gone": "f"} if at < 2 else {})})
    before = rows(store)
    with store.lease("prune"):
        assert store.upkeep.prune_history(day(25)) == 4
        assert store.upkeep.prune_history(day(25)) == 0
    assert rows(store) == before
    assert [inside(store, "s", at) for at in (10, 19, 20, 29, 30)] == [None, None, "cd", "cd", "de"]
    assert history.known_since(store, "s") == day(20) and history.known_since(store, "gone") is None
    assert {email[0] for email in told_of(store)} == set("cde")
    assert keep(store, 40, {"s": "a"}) and inside(store, "s", 30) == "de" and inside(store, "s", 40) == "a"


def test_a_state_without_history(store: SqlStore) -> None:
    assert history.sizes(store).num_rows == 0 and history.courses(store) == []
    assert history.known_since(store, "s") is None and history.spells(store, "s").num_rows == 0
