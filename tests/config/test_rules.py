"""Conditions and traits become the nodes of rules.py; wrong ones point at their word."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connector.config.language.rules import (
    Aggregate,
    All,
    AnyOf,
    Compare,
    Duration,
    Events,
    InSegment,
    Near,
    Not,
    Period,
    Pick,
    Rank,
    Rfm,
    Sample,
    Sequence,
    Split,
    Sql,
    Step,
)
from tests.config.helpers import assert_problem, file_when, file_with, load

HERE = ("segments", "vip", "when")


def rule(condition: str) -> Any:
    return load(file_when(condition)).segments["vip"].when


def negated(test: Any, value: Any, word: str) -> Not:
    """Word as the complement of its twin."""
    return Not(Compare("c", test, value, False, (*HERE, "c", word)), (*HERE, "c", word))


def compare(test: Any, value: Any, exact: bool = False, column: str = "c", *loc: str | int) -> Compare:
    return Compare(column, test, value, exact, (*HERE, *(loc or (column, test))))


DAYS = Duration(90, "day")

TESTS = [
    ("c: US", Compare("c", "is", "US", False, (*HERE, "c"))),
    ("c: 5", Compare("c", "is", 5, False, (*HERE, "c"))),
    ("c: true", Compare("c", "is", True, False, (*HERE, "c"))),
    ("c: [US, 1]", Compare("c", "in", ("US", 1), False, (*HERE, "c"))),
    ("c: {is: US}", compare("is", "US")),
    ("c: {is: US, case: exact}", compare("is", "US", True)),
    ("c: {is_not: US}", negated("is", "US", "is_not")),
    ("c: {in: [US]}", compare("in", ("US",))),
    ("c: {not_in: [US]}", negated("in", ("US",), "not_in")),
    ("c: {exists: true}", compare("exists", True)),
    ("c: {exists: false}", Not(compare("exists", True), (*HERE, "c", "exists"))),
    ("c: {contains: 5}", compare("contains", ("5",))),
    ("c: {contains: [a, b]}", compare("contains", ("a", "b"))),
    ("c: {not_contains: a}", negated("contains", ("a",), "not_contains")),
    ("c: {matches: '^a+$'}", compare("matches", "^a+$")),
    ("c: {longer_than: 5}", compare("longer_than", 5)),
    ("c: {at_least: 0.1}", compare("at_least", Decimal("0.1"))),
    ("c: {between: [1, 2.5]}", compare("between", (1, Decimal("2.5")))),
    ("c: {between: [2026-01-01, 2026-01-01]}", compare("between", ("2026-01-01", "2026-01-01"))),
    ("c: {between: [2026-01-01, 2026-01-01T12:00]}", compare("between", ("2026-01-01", "2026-01-01T12:00"))),
    ("c: {within: 90 days}", compare("within", DAYS)),
    ("c: {within: 1 Week}", compare("within", Duration(1, "week"))),
    ("c: {not_within: 90 days}", negated("within", DAYS, "not_within")),
    ("c: {more_than_ago: 90 days}", compare("more_than_ago", DAYS)),
    ("c: {during: last month}", compare("during", Period(-1, "month"))),
    ("c: {during: ' This  YEAR '}", compare("during", Period(0, "year"))),
    ("c: {not_during: next week}", negated("during", Period(1, "week"), "not_during")),
    ("c: {within_next: 36 hours}", compare("within_next", Duration(36, "hour"))),
    ("c: {before: 2026-01-31}", compare("before", "2026-01-31")),
    ("c: {after: 2026-01-31T12:00+01:00}", compare("after", "2026-01-31T12:00+01:00")),
    ("c: {on: 2026-01-31 12:00:30 Z}", compare("on", "2026-01-31 12:00:30 Z")),
    ("c: {anniversary_within: 7 days}", compare("anniversary_within", Duration(7, "day"))),
    ("c: {month: Dec}", compare("month", ("december",))),
    ("c: {weekday: [sat, Sunday]}", compare("weekday", ("saturday", "sunday"))),
    ("c: {has: x}", compare("has", "x")),
    ("c: {has_none: [x]}", negated("has_any", ("x",), "has_none")),
    (
        "c: {size: {at_least: 2}}",
        compare("size", (Compare("", "at_least", 2, False, (*HERE, "c", "size", "at_least")),)),
    ),
    ("c: {size: 2}", compare("size", (Compare("", "is", 2, False, (*HERE, "c", "size")),))),
    ("c: {at_least: 5, less_than: 9}", All((compare("at_least", 5), compare("less_than", 9)), (*HERE, "c"))),
    ("{c: 1, d: 2}", All((compare("is", 1, False, "c", "c"), compare("is", 2, False, "d", "d")), HERE)),
    ("all: [{c: 1}]", All((compare("is", 1, False, "c", "all", 0, "c"),), (*HERE, "all"))),
    (
        "any: [{c: 1}, {d: 2}]",
        AnyOf(
            (compare("is", 1, False, "c", "any", 0, "c"), compare("is", 2, False, "d", "any", 1, "d")), (*HERE, "any")
        ),
    ),
    ("not: {c: 1}", Not(compare("is", 1, False, "c", "not", "c"), (*HERE, "not"))),
    ("c: {top: 10%}", Rank("c", "top", None, Decimal(10), None, (*HERE, "c", "top"))),
    ("c: {bottom: 500, by: country}", Rank("c", "bottom", 500, None, "country", (*HERE, "c", "bottom"))),
    ('c: {near: {of: "52.52, 13.40", within: 25 km}}', Near("c", 52.52, 13.4, 25.0, (*HERE, "c", "near"))),
    ('c: {near: {of: "-1,2", within: 10 miles}}', Near("c", -1.0, 2.0, 16.09344, (*HERE, "c", "near"))),
    ("sample: 2.5%", Sample(Decimal("2.5"), None, (*HERE, "sample"))),
    ("sample: {percent: 10%, name: t}", Sample(Decimal(10), "t", (*HERE, "sample"))),
    ("split: {name: t, part: a, of: {a: 45, b: 55}}", Split("t", "a", (("a", 45), ("b", 55)), (*HERE, "split"))),
    ('sql: "a > 1"', Sql("a > 1", (*HERE, "sql"))),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "expected"), TESTS, ids=lambda case: case if isinstance(case, str) else "")
def test_condition(condition: str, expected: Any) -> None:
    assert rule(condition) == expected


def test_segment_takes_one_or_several() -> None:
    text = file_with(segments="segments: {a: {when: {x: 1}}, b: {when: {segment: a}}, c: {when: {segment: [a, b]}}}")
    segments = load(text).segments
    assert segments["b"].when == InSegment(("a",), ("segments", "b", "when", "segment"))
    assert segments["c"].when == InSegment(("a", "b"), ("segments", "c", "when", "segment"))


def test_events() -> None:
    at = (*HERE, "orders")
    shoes = Compare("category", "is", "shoes", False, (*at, "where", "category"))
    least = Compare("", "at_least", 3, False, (*at, "count", "at_least"))
    amount = Compare("", "at_least", 500, False, (*at, "at_least"))
    cases: list[tuple[str, Events]] = [
        ("{}", Events("orders", "exists", None, (), None, None, at)),
        ("{exists: false}", Events("orders", "never", None, (), None, None, at)),
        ("{never: true, within: 90 days}", Events("orders", "never", None, (), DAYS, None, at)),
        ("{count: {at_least: 3}, within: 90 days}", Events("orders", "count", None, (least,), DAYS, None, at)),
        ("{where: {category: shoes}}", Events("orders", "exists", None, (), None, shoes, at)),
        ("{sum: amount, at_least: 500}", Events("orders", "sum", "amount", (amount,), None, None, at)),
        ("{during: today}", Events("orders", "exists", None, (), Period(0, "day"), None, at)),
        ("{last_within: 90 days}", Events("orders", "last_within", None, (), DAYS, None, at)),
    ]
    for written, expected in cases:
        assert rule(f"orders: {written}") == expected, written


def test_sequence() -> None:
    found = rule(
        "sequence: [{orders: {category: shoes}}, {orders: {}, within: 7 days}, {not: {orders: {}}, within: 1 day}]"
    )
    at = (*HERE, "sequence")
    shoes = Compare("category", "is", "shoes", False, (*at, 0, "orders", "category"))
    assert found == Sequence(
        (
            Step("orders", shoes, None, False, (*at, 0)),
            Step("orders", None, Duration(7, "day"), False, (*at, 1)),
            Step("orders", None, Duration(1, "day"), True, (*at, 2)),
        ),
        at,
    )


def test_traits() -> None:
    text = file_with(
        traits="""\
        traits:
          a: {sum: orders.amount, within: 90 days, where: {category: shoes}}
          b: {count: orders}
          c: {latest: orders}
          d: {greatest: [a, b]}
          e: {rfm: {recency: orders, frequency: orders, monetary: orders.amount}}
        """
    )
    shoes = Compare("category", "is", "shoes", False, ("traits", "a", "where", "category"))
    assert load(text.replace("spent:", "a:")).traits == {
        "a": Aggregate("sum", "orders", "amount", DAYS, shoes, ("traits", "a")),
        "b": Aggregate("count", "orders", None, None, None, ("traits", "b")),
        "c": Aggregate("latest", "orders", "ordered_at", None, None, ("traits", "c")),
        "d": Pick("greatest", ("a", "b"), ("traits", "d")),
        "e": Rfm(("orders", "ordered_at"), "orders", ("orders", "amount"), None, ("traits", "e")),
    }


WRONG = [
    ("▸vip", "wrong-type"),
    ("▸- {c: 1}", "wrong-type"),
    ("▸{}", "empty"),
    ("c: ▸[]", "empty"),
    ("c: [▸[a]]", "wrong-type"),
    ("c: ▸{}", "empty"),
    ("c: ▸{case: exact}", "empty"),
    ("c:▸", "empty-value"),
    ("c: {▸atleast: 5}", "unknown-test"),
    ("c: {▸older_than: 5 days}", "unknown-test"),
    ("c: {▸is_empty: true}", "unknown-test"),
    ("c: {is: ▸[a]}", "wrong-type"),
    ("c: {in: ▸US}", "wrong-type"),
    ("c: {exists: ▸yes}", "wrong-type"),
    ("c: {contains: ▸true}", "wrong-type"),
    ('c: {contains: ▸""}', "empty"),
    ("c: {at_least: ▸many}", "bad-number"),
    ("c: {at_least: ▸true}", "bad-number"),
    ("c: {at_least: ▸2026-01-01}", "bad-number"),
    ("c: {longer_than: ▸-1}", "bad-number"),
    ("c: {between: ▸5}", "wrong-type"),
    ("c: {between: ▸[1, 2, 3]}", "wrong-type"),
    ("c: {between: ▸[2, 1]}", "range"),
    ("c: {between: [▸1, 2026-01-01]}", "bad-date"),
    ("c: {between: ▸[2026-02-01, 2026-01-01]}", "range"),
    ("c: {between: ▸[2026-01-01T12:00Z, 2026-01-01T12:00+01:00]}", "range"),
    ("c: {within: ▸90}", "bad-duration"),
    ("c: {within: ▸last month}", "bad-duration"),
    ("c: {during: ▸90 days}", "unknown-value"),
    ("c: {during: ▸tomorrow}", "unknown-value"),
    ("c: {during: ▸5}", "unknown-value"),
    ("c: {within: ▸90 dyas}", "unknown-unit"),
    ("c: {within: ▸5 minutes}", "unknown-unit"),
    ("c: {within: ▸-5 days}", "bad-duration"),
    ("c: {anniversary_within: ▸36 hours}", "bad-duration"),
    ("c: {before: ▸yesterday}", "bad-date"),
    ("c: {before: ▸2026-13-01}", "bad-date"),
    ("c: {on: ▸2026-02-29}", "bad-date"),
    ("c: {on: ▸20260101}", "bad-date"),
    ("c: {month: ▸decembre}", "unknown-value"),
    ("c: {weekday: [sat, ▸x]}", "unknown-value"),
    ("c: {month: ▸12}", "unknown-value"),
    ("c: {has: ▸[a, b]}", "wrong-type"),
    ("c: {has_any: ▸a}", "wrong-type"),
    ("c: {size: {▸has: 2}}", "unknown-test"),
    ("c: {size: ▸{}}", "empty"),
    ("c: {matches: ▸'('}", "bad-regex"),
    ("c: {top: ▸10}", None),
    ("c: {top: ▸0}", "range"),
    ("c: {top: ▸0%}", "bad-percent"),
    ("c: {top: ▸101%}", "bad-percent"),
    ("c: {is: 5, ▸by: d}", "misplaced-word"),
    ("c: {at_least: 5, ▸case: exact}", "misplaced-word"),
    ("c: {is: a, case: ▸loose}", "unknown-value"),
    ('c: {near: {of: ▸"95,10", within: 5 km}}', "bad-place"),
    ('c: {near: {of: ▸Berlin, within: 5 km}}', "bad-place"),
    ('c: {near: {of: "5,10", within: ▸5}}', "bad-place"),
    ('c: {near: {of: "5,10", within: ▸5 leagues}}', "unknown-unit"),
    ('c: {▸near: {of: "5,10"}}', "missing-key"),
    ("all: ▸{c: 1}", "wrong-type"),
    ("any: ▸[]", "empty"),
    ("any: [▸c]", "wrong-type"),
    ("not: ▸[{c: 1}]", "wrong-type"),
    ("segment: ▸vop", "unknown-segment"),
    ("segment: [▸vop]", "unknown-segment"),
    ("segment: ▸[]", "empty"),
    ("segment: ▸true", "wrong-type"),
    ("▸contacts: {c: 1}", "misplaced-word"),
    ("▸order: {count: {at_least: 3}}", "unknown-source"),
    ("orders: ▸5", "wrong-type"),
    ("orders: {▸cuont: 5}", "unknown-test"),
    ("orders: {▸at_least: 5}", "misplaced-word"),
    ("orders: {count: 5, ▸at_least: 5}", "misplaced-word"),
    ("orders: {▸sum: amount}", "missing-key"),
    ("orders: {sum: ▸{at_least: 5}, at_least: 5}", "wrong-type"),
    ("orders: {count: 5, ▸never: true}", "contradiction"),
    ("orders: {never: ▸false}", "unknown-value"),
    ("orders: {count: ▸few}", "bad-number"),
    ("orders: {first_within: 5 days, ▸within: 9 days}", "contradiction"),
    ("orders: {where: {▸sample: 5%}}", "misplaced-word"),
    ("visits: {count: 1, within: ▸5 days}", "missing-time"),
    ("visits: {count: 1, during: ▸this week}", "missing-time"),
    ("orders: {during: ▸next week}", "unknown-value"),
    ("orders: {within: 5 days, ▸during: this week}", "contradiction"),
    ("sequence: ▸[{orders: {}}]", "wrong-type"),
    ("sequence: [{orders: {}}, ▸{}]", "wrong-type"),
    ("sequence: [{orders: {}}, {▸order: {}}]".replace("▸order: ", "order: ▸"), "unknown-source"),
    ("sequence: [{orders: {}, ▸within: 5 days}, {orders: {}}]", "misplaced-word"),
    ("sequence: [▸{not: {orders: {}}}, {orders: {}}]", "misplaced-word"),
    ("sequence: [{orders: {}}, ▸{not: {orders: {}}}]", "missing-key"),
    ("sequence: [{orders: {}}, ▸{visits: {}}]", "missing-time"),
    ("sequence: [{orders: {}}, {orders: ▸shoes}]", "wrong-type"),
    ("sample: ▸10", "bad-percent"),
    ("sample: ▸0%", "bad-percent"),
    ("▸sample: {name: x}", "missing-key"),
    ("split: {name: t, part: ▸c, of: {a: 50, b: 50}}", "unknown-value"),
    ("split: {name: t, part: a, of: ▸{a: 50, b: 40}}", "shares"),
    ("split: {name: t, part: a, of: {a: ▸50.5, b: 49}}", "bad-number"),
    ("▸split: {name: t, part: a}", "missing-key"),
    (
        "any: [{split: {name: t, part: a, of: {a: 50, b: 50}}}, {split: {name: t, part: a, of: ▸{a: 60, b: 40}}}]",
        "split-differs",
    ),
    ('sql: ▸" "', "empty"),
    ("sql: ▸[a]", "wrong-type"),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "code"), WRONG, ids=lambda case: str(case))
def test_wrong_condition(condition: str, code: str | None) -> None:
    if code is None:
        assert rule(condition.replace("▸", ""))
    else:
        assert_problem(file_when(condition), code)


def test_deep_conditions() -> None:
    deep = "{not: " * 90 + "{c: 1}" + "}" * 90
    assert rule(deep)
