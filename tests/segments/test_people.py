"""Rules about people among people: ranks, chance, places, sequences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.segments.compile.chance import bound
from tests.segments.world import ORDERS, at, rows, who

PEOPLE = [
    {"email": f"{name}@example.com", "points": points, "team": team}
    for name, points, team in (
        ("a", 10, "Red"),
        ("b", 10, "red "),
        ("c", 10, "blue"),
        ("d", 7, "blue"),
        ("e", 1, None),
        ("f", None, "red"),
    )
]


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{top: 2}", "a b"),  # three have 10: ties go by address
        ("{bottom: 2}", "d e"),
        ("{top: 100}", "a b c d e"),
        ("{top: 20%}", "a"),
        ("{top: 21%}", "a b"),  # of five, rounded up
        ("{bottom: 0.1%}", "e"),
        ("{top: 100%}", "a b c d e"),
        ("{top: 1, by: team}", "a c"),
        ("{bottom: 50%, by: team}", "a d"),
    ],
)
def test_ranks(test: str, expected: str) -> None:
    assert who(f"{{points: {test}}}", PEOPLE[::-1], {"points": "integer", "team": "text"}) == expected.split()


def test_a_rank_comes_before_other_conditions() -> None:
    types: Any = {"points": "integer", "team": "text"}
    assert who("{points: {top: 2}, team: blue}", PEOPLE, types) == []
    assert who("{not: {points: {top: 2}}}", PEOPLE, types) == ["c", "d", "e", "f"]


CROWD = [{"email": f"p{number}@example.com", "n": number} for number in range(400)]


def test_a_smaller_sample_lies_in_a_larger_one_and_stays_the_same() -> None:
    ten = who("{sample: {percent: 10%, name: x}}", CROWD, {"n": "integer"})
    thirty = who("{sample: {percent: 30%, name: x}}", CROWD, {"n": "integer"})
    assert set(ten) < set(thirty) and 20 < len(ten) < 60 and 90 < len(thirty) < 150
    assert ten == who("{sample: {percent: 10%, name: x}}", CROWD[::-1], {"n": "integer"})
    assert ten != who("{sample: {percent: 10%, name: y}}", CROWD, {"n": "integer"})
    assert len(who("{sample: 100%}", CROWD, {"n": "integer"})) == 400


def test_the_parts_of_a_split_are_everybody_once() -> None:
    of = "{a: 45, b: 45, holdout: 10}"
    parts = [
        who(f"{{split: {{name: test, part: {part}, of: {of}}}}}", CROWD, {"n": "integer"})
        for part in ("a", "b", "holdout")
    ]
    assert sorted(name for part in parts for name in part) == sorted(f"p{number}" for number in range(400))
    assert len(parts[2]) < 70 < len(parts[0])


def test_bounds_of_shares() -> None:
    assert bound(Decimal(50)) == "8000000000000000"
    assert bound(Decimal("0.0001")) > "0" * 16
    assert bound(Decimal(100)) > "f" * 32


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ("0.001 km", "here"),
        ("250 km", "here"),
        ("260 km", "hamburg here"),
        ("160 miles", "hamburg here"),
        ("150 miles", "here"),
        ("20016 km", "antipode hamburg here"),
    ],
)
def test_near(within: str, expected: str) -> None:
    """Berlin to Hamburg is about 255 km."""
    places = rows(
        "home",
        here={"latitude": 52.52, "longitude": 13.405},
        hamburg={"latitude": 53.5511, "longitude": 9.9937},
        antipode={"latitude": -52.52, "longitude": -166.595},
        half={"latitude": 52.52, "longitude": None},
        missing=None,
    )
    rule = f'{{home: {{near: {{of: "52.52,13.405", within: {within}}}}}}}'
    assert who(rule, places, {"home": "place"}) == expected.split()


TYPES: Any = {"kind": "text"}


def event(person: str, when: str | None, kind: str) -> dict[str, Any]:
    return {"_email": f"{person}@example.com", "_at": at(when) if when else None, "kind": kind}


STORIES = [
    event("soon", "2026-11-01 10:00", "click"),
    event("soon", "2026-11-03 22:59", "buy"),  # still 3 November in Berlin
    event("late", "2026-11-01 10:00", "click"),
    event("late", "2026-11-03 23:00", "buy"),
    event("second", "2026-10-01 10:00", "click"),
    event("second", "2026-11-01 10:00", "click"),
    event("second", "2026-11-02 10:00", "buy"),
    event("same", "2026-11-01 10:00", "click"),
    event("same", "2026-11-01 10:00", "buy"),
    event("before", "2026-11-01 10:00", "buy"),
    event("before", "2026-11-02 10:00", "click"),
    event("open", "2026-11-20 10:00", "click"),
    event("timeless", None, "click"),
    event("timeless", "2026-11-02 10:00", "buy"),
]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("{orders: {kind: click}}, {orders: {kind: buy}, within: 2 days}", "second soon"),
        ("{orders: {kind: click}}, {orders: {kind: buy}}", "late second soon"),
        ("{orders: {kind: click}}, {orders: {kind: buy}, within: 61 hours}", "late second soon"),
        ("{orders: {kind: click}}, {orders: {kind: buy}, within: 60 hours}", "second"),
        ("{orders: {kind: click}}, {not: {orders: {kind: buy}}, within: 2 days}", "before late same second"),
        ("{orders: {kind: buy}}, {orders: {kind: click}, within: 1 week}", "before"),
        ("{orders: {kind: click}}, {orders: {kind: click}, within: 2 months}, {orders: {}, within: 1 day}", "second"),
        (
            "{orders: {kind: click}}, {not: {orders: {}}, within: 1 day}, {orders: {kind: buy}, within: 1 week}",
            "late soon",
        ),
    ],
)
def test_sequences(steps: str, expected: str) -> None:
    names = sorted({row["_email"].split("@")[0] for row in STORIES})
    contacts = rows("x", **dict.fromkeys(names, "x"))
    found = who(
        f"{{sequence: [{steps}]}}", contacts, {"x": "text"}, sources=ORDERS, related={"orders": (STORIES, TYPES)}
    )
    assert found == expected.split()


def test_a_negated_step_holds_only_when_its_window_is_over() -> None:
    steps = "{orders: {kind: click}}, {not: {orders: {kind: buy}}, within: 7 days}"
    contacts = rows("x", open="x", before="x")
    related = {"orders": (STORIES, TYPES)}
    assert who(f"{{sequence: [{steps}]}}", contacts, {"x": "text"}, sources=ORDERS, related=related) == ["before"]


def test_two_sequences_that_say_the_same_in_other_words() -> None:
    begin = "{orders: {}}, {orders: {any: [{all: [{kind: {exists: true}}]}]}, within: 45 hours}"
    last = ("any: [{all: [{kind: {exists: true}}]}]", "all: [{kind: {exists: true}}]")
    steps = [f"{begin}, {{not: {{orders: {{{rule}}}}}, within: 37 hours}}" for rule in last]
    contacts, related = rows("x", second="x", late="x"), {"orders": (STORIES, TYPES)}
    rule = f"{{any: [{{sequence: [{steps[0]}]}}, {{sequence: [{steps[1]}]}}]}}"
    assert who(rule, contacts, {"x": "text"}, sources=ORDERS, related=related) == ["second"]
