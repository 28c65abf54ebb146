"""Traits and tests over events: one aggregate per source, with windows, conditions and traits on traits."""

from __future__ import annotations

from typing import Any

import pytest

from connector.segments.evaluate import evaluate
from tests.segments.world import AS_OF, ORDERS, amount, at, config, day, loaded, people, rows, who

TYPES: Any = {"category": "text", "amount": "number", "pieces": "integer", "due": "date", "ordered_at": "timestamp"}


def order(who: str, when: str | None, category: str | None, price: str | None, **more: Any) -> dict[str, Any]:
    time = at(when) if when else None
    value = amount(price) if price else None
    row = {"_email": f"{who}@example.com", "_at": time, "ordered_at": time, "category": category, "amount": value}
    return {**row, **more}


EVENTS = [
    order("ann", "2026-11-01", "Shoes", "0.10", pieces=1, due=day("2026-11-05")),
    order("ann", "2026-10-01", "shoes ", "0.20", pieces=2, due=day("2026-12-24")),
    order("ann", "2024-01-01", "Hats", "100", pieces=3),
    order("bob", None, "Shoes", "50", pieces=4),
    order("cat", "2026-11-20", None, None),
]
PEOPLE = [
    {"email": f"{name}@example.com", "seen": seen, "joined": joined, "points": points}
    for name, seen, joined, points in (
        ("ann", at("2026-11-10"), day("2026-01-01"), 3),
        ("bob", None, day("2026-11-21"), None),
        ("cat", None, None, 80),
        ("dan", None, None, None),
    )
]
PEOPLE_TYPES: Any = {"seen": "timestamp", "joined": "date", "points": "integer"}


def ask(rule: str, traits: str = "") -> list[str]:
    more = f"traits: {{{traits}}}" if traits else ""
    return who(rule, PEOPLE, PEOPLE_TYPES, sources=ORDERS, related={"orders": (EVENTS, TYPES)}, more=more)


@pytest.mark.parametrize(
    ("trait", "test", "expected"),
    [
        ("{count: orders}", "3", "ann"),
        ("{count: orders}", "0", "dan"),
        ("{count: orders.amount}", "0", "cat dan"),
        ("{count: orders, within: 90 days}", "{at_least: 1}", "ann cat"),
        ("{count: orders, where: {category: SHOES}}", "{at_least: 1}", "ann bob"),
        ("{count: orders, where: {not: {category: shoes}}}", "{at_least: 1}", "ann cat"),
        ("{sum: orders.amount, within: 90 days}", "{at_least: 0.3}", "ann"),
        ("{sum: orders.amount, within: 90 days}", "{more_than: 0.3}", ""),
        ("{sum: orders.amount}", "0", "cat dan"),
        ("{sum: orders.pieces}", "6", "ann"),
        ("{average: orders.pieces}", "2", "ann"),
        ("{average: orders.amount, within: 90 days}", "0.15", "ann"),
        ("{average: orders.amount}", "{exists: false}", "cat dan"),
        ("{average: orders.amount}", "{is: 33.433333}", "ann"),
        ("{min: orders.amount}", "{less_than: 1}", "ann"),
        ("{max: orders.pieces}", "4", "bob"),
        ("{min: orders.due}", "{on: 2026-11-05}", "ann"),
        ("{latest: orders}", "{within: 30 days}", "ann cat"),
        ("{earliest: orders.ordered_at}", "{before: 2025-01-01}", "ann"),
        ("{latest: orders.due}", "{within_next: 2 months}", "ann"),
        ("{latest: orders, where: {amount: {at_least: 100}}}", "{more_than_ago: 1 year}", "ann"),
    ],
)
def test_aggregates(trait: str, test: str, expected: str) -> None:
    assert ask(f"{{t: {test}}}", f"t: {trait}") == expected.split()


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{}", "ann bob cat"),
        ("{never: true}", "dan"),
        ("{within: 90 days}", "ann cat"),
        ("{never: true, within: 90 days}", "bob dan"),
        ("{where: {category: hats}}", "ann"),
        ("{count: {at_least: 2}, where: {category: shoes}}", "ann"),
        ("{count: {at_least: 1, at_most: 1}}", "bob cat"),
        ("{sum: amount, at_least: 0.3, within: 90 days}", "ann"),
        ("{sum: amount, less_than: 1}", "cat dan"),
        ("{average: amount, at_least: 50}", "bob"),
        ("{max: pieces, at_least: 3}", "ann bob"),
        ("{min: amount, at_most: 0.1}", "ann"),
        ("{first_within: 30 days}", "cat"),
        ("{last_within: 30 days}", "ann cat"),
        ("{last_within: 90 days, where: {category: hats}}", ""),
    ],
)
def test_events_in_conditions(test: str, expected: str) -> None:
    assert ask(f"{{orders: {test}}}") == expected.split()


@pytest.mark.parametrize(
    ("traits", "rule", "expected"),
    [
        ("newest: {greatest: [seen, joined]}", "{newest: {on: 2026-11-21}}", "bob"),
        ("newest: {greatest: [seen, joined]}", "{newest: {on: 2026-11-10}}", "ann"),
        ("oldest: {least: [seen, joined]}", "{oldest: {is: '2026-01-01T00:00'}}", "ann"),
        ("most: {greatest: [points, spent]}, spent: {sum: orders.amount}", "{most: {at_least: 80}}", "ann cat"),
        ("least_of: {least: [points, spent]}, spent: {sum: orders.amount}", "{least_of: 0}", "cat dan"),
        ("a: {greatest: [b, points]}, b: {greatest: [points]}", "{a: 80}", "cat"),
    ],
)
def test_traits_on_traits(traits: str, rule: str, expected: str) -> None:
    assert ask(rule, traits) == expected.split()


def test_a_signal_that_nobody_has_yet_is_no_mistake() -> None:
    """An empty column has no type; every test of it is false, whatever it asks."""
    made = config(
        "  s: {when: {newest: {within: 90 days}}}\n  t: {when: {clicked: {within: 1 day}}}\n"
        "  u: {when: {not: {clicked: {at_least: 5}}}}\n  v: {when: {spent: 0}}\n  w: {when: {last: {exists: true}}}\n",
        sources=ORDERS,
        more="traits: {newest: {greatest: [clicked, seen]}, spent: {sum: orders.amount}, last: {latest: orders.due}}",
    )
    tables = loaded(
        [{"email": "a@example.com", "clicked": None, "seen": at("2026-11-20")}],
        {"clicked": "text", "seen": "timestamp"},
        {"orders": ([order("a", "2026-11-01", "x", None)], {**TYPES, "amount": "text", "due": "text"})},
    )
    tables.empty = {"contacts": frozenset({"clicked"}), "orders": frozenset({"amount", "due"})}
    found = evaluate(made, tables, AS_OF)
    assert {name: people(found, name) for name in "stuvw"} == {"s": ["a"], "t": [], "u": ["a"], "v": ["a"], "w": []}


RFM = "rfm: {rfm: {recency: orders.ordered_at, frequency: orders, monetary: orders.amount}}"


@pytest.mark.parametrize(
    ("where", "often"),
    [("", ["b18", "b19", "b20"]), (", where: {category: kept}", ["b18", "b19"])],
)
def test_equal_behaviour_has_an_equal_score(where: str, often: list[str]) -> None:
    """Eighteen bought once, two twice, one cancelled once beside."""
    counts = {f"b{number:02}": 1 if number < 18 else 2 for number in range(20)}
    events = [order(name, "2026-10-01", "kept", "20") for name, count in counts.items() for _ in range(count)]
    events += [order("b20", "2026-10-01", word, "20") for word in ("kept", "cancelled")]
    rfm = RFM.replace("}}", where + "}}")
    more: Any = {"sources": ORDERS, "related": {"orders": (events, TYPES)}, "more": f"traits: {{{rfm}}}"}
    contacts = rows("city", **dict.fromkeys([*counts, "b20"], "x"))
    for part in ("frequency", "monetary"):
        assert who(f"{{rfm.{part}: {{at_least: 4}}}}", contacts, {"city": "text"}, **more) == often
    assert who("{rfm.recency: 1}", contacts, {"city": "text"}, **more) == sorted(counts | {"b20": 2})


def test_rfm_ranks_those_with_an_event_in_fifths() -> None:
    """p0 is best in everything; p9 worst; q has no order."""
    events = [
        order(f"p{number}", f"2026-10-{20 - number:02}", None, str(100 - number))
        for number in range(10)
        for _ in range(10 - number)
    ]
    contacts = rows("city", **{f"p{number}": "x" for number in range(10)}, q="x")

    def members(rule: str) -> list[str]:
        more: Any = {"sources": ORDERS, "related": {"orders": (events, TYPES)}, "more": f"traits: {{{RFM}}}"}
        return who(rule, contacts, {"city": "text"}, **more)

    assert members("{rfm.recency: 5}") == ["p0", "p1"]
    assert members("{rfm.frequency: 1}") == ["p8", "p9"]
    assert members("{rfm.monetary: {at_least: 4}}") == ["p0", "p1", "p2", "p3"]
    assert members("{rfm.segment: Champions}") == ["p0", "p1"]
    assert members("{rfm.segment: loyal}") == ["p2", "p3"]
    assert members("{rfm.segment: needs attention}") == ["p4", "p5"]
    assert members("{rfm.segment: hibernating}") == ["p6", "p7", "p8", "p9"]
    assert members("{rfm.segment: {exists: false}}") == ["q"]
