"""Hypothesis strategies: tables of people and events, and rules over them as the YAML would say."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from connector.core.model import ColumnType
from connector.sources.model import EVENT, LINE
from tests.oracle.expressions import EXPRESSIONS

AS_OF = datetime(2026, 3, 29, 10, 30)  # the day Berlin's clocks go forward
TYPES: dict[str, ColumnType] = {
    "nick": "text",
    "city": "text",
    "visits": "integer",
    "spent": "number",
    "born": "date",
    "seen": "timestamp",
    "opted": "boolean",
    "tags": "list",
    "home": "place",
    "fete": "day",
}
ORDER_TYPES: dict[str, ColumnType] = {"product": "text", "amount": "number", "pieces": "integer", "due": "date"}
ALL_ORDER_TYPES: dict[str, ColumnType] = {**ORDER_TYPES, "at": "timestamp"}  # what `at:` names, filled like _at
LINE_TYPES: dict[str, ColumnType] = {**ALL_ORDER_TYPES, EVENT: "integer", LINE: "integer"}

WORDS = [
    "Shoes",
    "shoes",
    "SHOES ",
    "\u200bShoes",
    "Straße",
    "STRASSE",
    "ﬁsh",
    "fish",
    "ＵＳ",
    "us",
    "50%",
    "a_b",
    "a\\b",
    "É",
    "e\u0301",
]
words = st.sampled_from(WORDS) | st.text("aAbß%_ \u00a0", min_size=1, max_size=4).filter(
    lambda text: text.strip("\u00a0 ")
)
whole = st.integers(-3, 12)
decimals = st.integers(-300, 300).map(lambda cents: Decimal(cents) / 100)
# around today, midnight, clock changes, ends of months and leap days
days = st.sampled_from(
    [date(2026, 3, 29), date(2026, 3, 28), date(2026, 3, 30), date(2026, 2, 28), date(2025, 3, 29), date(2024, 2, 29)]
) | st.integers(-800, 400).map(lambda number: date(2026, 3, 29) + timedelta(days=number))
instants = st.sampled_from(
    [AS_OF, AS_OF + timedelta(microseconds=1), datetime(2026, 3, 28, 23), datetime(2026, 3, 28, 22, 59, 59, 999999)]
) | st.integers(-900 * 24 * 4, 500 * 24 * 4).map(lambda quarters: AS_OF + timedelta(minutes=15 * quarters))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": words,
    "integer": whole,
    "number": decimals,
    "date": days,
    "timestamp": instants,
    "boolean": st.booleans(),
    "day": days.map(lambda day: f"{day:%m/%d}"),
    "list": st.lists(words, max_size=3),
    "place": st.tuples(st.integers(-900, 900), st.integers(-1800, 1800)).map(
        lambda found: {"latitude": found[0] / 10, "longitude": found[1] / 10}
    ),
}


def rows(types: dict[str, ColumnType]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in types.items()})


# whose an order is, where the join is by another column than the address
refs = st.sampled_from([None, "A-1", "a-1", " A-1 ", "B-2", "b-2", "C-3", "Straße", "STRASSE", "7", "７", " "])
# an order may stand on several lines: those of one person that share EVENT
orders = st.tuples(rows(ORDER_TYPES), st.none() | instants.filter(lambda at: at <= AS_OF), st.integers(0, 3), refs).map(
    lambda found: {**found[0], "at": found[1], "_at": found[1], "source": "orders", EVENT: found[2], "ref": found[3]}
)
people = st.lists(st.tuples(rows(TYPES), st.lists(orders, max_size=4), refs), min_size=1, max_size=8).map(
    lambda found: [
        {
            **row,
            "email": f"p{number}@example.com",
            "ref": ref,
            "events": {"orders": [{**event, LINE: line} for line, event in enumerate(events)]},
        }
        for number, (row, events, ref) in enumerate(found)
    ]
)

calendar = st.tuples(st.integers(1, 14), st.sampled_from(["days", "weeks", "months", "years"])).map(
    lambda found: f"{found[0]} {found[1]}"
)
hourly = calendar | st.integers(1, 60).map(lambda number: f"{number} hours")
UNITS = ("week", "month", "quarter", "year")
BEGUN = ["today", "yesterday", *(f"{step} {unit}" for step in ("this", "last") for unit in UNITS)]
periods = st.sampled_from([*BEGUN, *(f"next {unit}" for unit in UNITS)])
windows = hourly | st.sampled_from(BEGUN)
moments = days.map(str) | instants.map(lambda at: at.replace(second=0, microsecond=0).isoformat(timespec="minutes"))
texts = st.sampled_from(["is", "is_not"]).flatmap(lambda test: words.map(lambda value: {test: value}))
few = st.lists(words, min_size=1, max_size=3)
sizes = st.sampled_from(["at_least", "at_most", "more_than", "less_than", "is"])


def one(tests: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """{test: value} for one of the tests."""
    return st.tuples(st.sampled_from(tests.split()), values).map(lambda found: {found[0]: found[1]})


def _exact(test: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.booleans().map(lambda exact: {**test, "case": "exact"} if exact else test)


def _pair(found: tuple[Any, Any]) -> list[Any]:
    return sorted(found)


exists = one("exists", st.booleans())
patterns = st.sampled_from(["sho", "^S", "s$", "a.b", "[aA]{2}", "%", "^[a-z]+$", "stra(ss|ß)e"])
_DAYS = (
    exists
    | one("anniversary_within", calendar)
    | one("month", st.lists(st.sampled_from(["jan", "february", "mar", "april", "dec"]), min_size=1, max_size=2))
    | one("weekday", st.sampled_from(["mon", "tue", "sunday", "sat"]))
    | one("within not_within more_than_ago within_next", calendar)
    | one("during not_during", periods)
    | one("before after on is is_not", days.map(str))
    | one("in not_in", st.lists(days.map(str), min_size=1, max_size=3))
    | one("between", st.tuples(days.map(str), days.map(str)).map(_pair))
)
TESTS: dict[str, st.SearchStrategy[Any]] = {
    "text": words.filter(lambda word: word == word.strip())
    | few
    | exists
    | one("longer_than shorter_than", st.integers(0, 6))
    | (
        one("is is_not", words)
        | one("in not_in contains starts_with ends_with not_contains not_starts_with", few)
        | one("matches not_matches", patterns)
    ).flatmap(_exact),
    "number": exists
    | decimals
    | one(
        "at_least at_most more_than less_than is is_not", decimals | whole | st.sampled_from([Decimal("0.005"), 10**25])
    )
    | one("in not_in", st.lists(decimals | whole, min_size=1, max_size=3))
    | one("between", st.tuples(decimals, decimals).map(_pair)),
    "date": _DAYS,
    "timestamp": _DAYS | one("within more_than_ago within_next not_within", hourly) | one("before after on", moments),
    "day": exists
    | one("anniversary_within", calendar)
    | one("month", st.lists(st.sampled_from(["jan", "february", "mar", "december"]), min_size=1, max_size=2))
    | one("on", days.map(lambda day: f"{day:%m-%d}")),
    "boolean": st.booleans() | exists | one("is is_not", st.booleans()),
    "list": exists
    | one("has", words).flatmap(_exact)
    | one("has_any has_all has_none", few).flatmap(_exact)
    | st.tuples(sizes, st.integers(0, 3)).map(lambda found: {"size": {found[0]: found[1]}}),
}
TESTS["integer"] = TESTS["number"]
TESTS["place"] = exists | st.tuples(st.integers(-90, 90), st.integers(-180, 180), st.integers(1, 9000)).map(
    lambda found: {"near": {"of": f"{found[0]},{found[1]}", "within": f"{found[2]} km"}}
)

NUMBERS = one("at_least at_most more_than less_than is", decimals | whole)


def tests_of(types: dict[str, ColumnType]) -> st.SearchStrategy[dict[str, Any]]:
    """A condition of one column."""
    return st.sampled_from(sorted(types)).flatmap(lambda name: TESTS[types[name]].map(lambda test: {name: test}))


def combined(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaf,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts})
            | st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts})
            | inner.map(lambda part: {"not": part})
        ),
        max_leaves=4,
    )


TRAITS = {
    "orders_count": "integer",
    "orders_recent": "integer",
    "revenue": "number",
    "pieces_sum": "integer",
    "basket": "number",
    "products": "integer",
    "dues": "integer",
    "smallest": "number",
    "last_due": "date",
    "last_order": "timestamp",
    "newest": "timestamp",
    "most": "number",
    "rfm.recency": "integer",
    "rfm.frequency": "integer",
    "rfm.monetary": "integer",
    "rfm.segment": "text",
    "rfmw.recency": "integer",
    "rfmw.frequency": "integer",
    "rfmw.monetary": "integer",
}


def beside(window: str | None) -> dict[str, str]:
    """The window of events, by the word for it."""
    return {} if window is None else {"during" if window in BEGUN else "within": window}


def traits(where: Any, window: str) -> dict[str, Any]:
    return {
        "orders_count": {"count": "orders", "where": where},
        "orders_recent": {"count": "orders", **beside(window)},
        "revenue": {"sum": "orders.amount", **beside(window), "where": where},
        "pieces_sum": {"sum": "orders.pieces"},
        "basket": {"average": "orders.amount"},
        "products": {"count": {"distinct": "orders.product"}, "where": where},
        "dues": {"count": {"distinct": "orders.due"}, **beside(window)},
        "smallest": {"min": "orders.amount", "where": where},
        "last_due": {"latest": "orders.due"},
        "last_order": {"latest": "orders"},
        "newest": {"greatest": ["seen", "last_due", "last_order"]},
        "most": {"greatest": ["revenue", "visits", "basket"]},
        "rfm": {"rfm": {"recency": "orders.at", "frequency": "orders", "monetary": "orders.amount"}},
        "rfmw": {"rfm": {"recency": "orders.at", "frequency": "orders", "monetary": "orders.pieces", "where": where}},
    }


where = combined(tests_of(ORDER_TYPES))
events = st.one_of(
    st.tuples(st.none() | windows, st.none() | where, st.sampled_from(["exists", "never"])).map(
        lambda found: _events({} if found[2] == "exists" else {"never": True}, found[0], found[1])
    ),
    st.tuples(NUMBERS, st.none() | windows, st.none() | where).map(
        lambda found: _events({"count": found[0]}, *found[1:])
    ),
    st.tuples(st.sampled_from(["sum", "average", "min", "max"]), NUMBERS, st.none() | windows, st.none() | where).map(
        lambda found: _events({found[0]: "amount", **found[1]}, *found[2:])
    ),
    st.tuples(st.sampled_from(["product", "pieces"]), NUMBERS, st.none() | windows, st.none() | where).map(
        lambda found: _events({"count_distinct": found[0], **found[1]}, *found[2:])
    ),
    st.tuples(st.sampled_from(["first_within", "last_within"]), hourly, st.none() | where).map(
        lambda found: _events({found[0]: found[1]}, None, found[2])
    ),
)


def _events(test: dict[str, Any], within: str | None, where: Any) -> dict[str, Any]:
    body = {**test, **beside(within)}
    if where is not None:
        body["where"] = where
    return {"orders": body}


percents = st.sampled_from(["1%", "10%", "33.3%", "50%", "99.5%", "100%"])
chances = percents.map(lambda share: {"sample": share}) | st.sampled_from("abc").map(
    lambda part: {"split": {"name": "test", "part": part, "of": {"a": 20, "b": 0, "c": 80}}}
)
ranks = st.tuples(
    st.sampled_from(["visits", "spent", "born", "seen", "revenue", "newest"]),
    st.sampled_from(["top", "bottom"]),
    st.integers(1, 5) | percents,
    st.sampled_from([None, "city", "opted", "visits"]),
).map(lambda found: {found[0]: {found[1]: found[2], **({"by": found[3]} if found[3] else {})}})


def _step(found: tuple[Any, bool, str]) -> dict[str, Any]:
    event = {"orders": found[0] or {}}
    return {"not": event, "within": found[2]} if found[1] else {**event, **({"within": found[2]} if found[2] else {})}


sequences = st.tuples(
    st.none() | where,
    st.lists(st.tuples(st.none() | where, st.booleans(), hourly).map(_step), min_size=1, max_size=2),
).map(lambda found: {"sequence": [{"orders": found[0] or {}}, *found[1]]})

expressions = st.sampled_from(sorted(EXPRESSIONS)).map(lambda text: {"sql": text})


def segments_of(types: dict[str, ColumnType]) -> st.SearchStrategy[tuple[list[Any], Any]]:
    """The rules of one world, and one that may name their segments."""
    rules = combined(
        tests_of(types) | tests_of(TRAITS) | events | chances | ranks | sequences | expressions  # type: ignore[arg-type]
    )
    last = combined(tests_of(types) | st.just({"segment": "s0"}) | st.just({"segment": ["s1", "s2"]}))
    return st.tuples(st.lists(rules, min_size=3, max_size=8), last)


segments = segments_of(TYPES)
