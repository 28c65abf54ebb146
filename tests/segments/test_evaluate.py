"""The result as a whole: segments that ask segments, priorities, consent, values, overlap, and wrong types."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import ConfigError
from connector.segments.checks import check_types
from connector.segments.compile import engine
from connector.segments.evaluate import evaluate, overlap
from connector.sources.model import Decided
from tests.segments.world import AS_OF, ORDERS, amount, at, config, day, loaded, people, rows

PEOPLE = rows("points", a=1, b=2, c=3, d=None)
TYPES: Any = {"points": "integer"}


def test_segments_that_ask_segments() -> None:
    made = config(
        "  third: {when: {all: [{segment: second}, {not: {segment: first}}]}}\n"
        "  second: {when: {any: [{segment: [first]}, {points: 3}]}}\n"
        "  first: {when: {points: 1}}\n"
    )
    found = evaluate(made, loaded(PEOPLE, TYPES), AS_OF)
    assert [people(found, name) for name in ("first", "second", "third")] == [["a"], ["a", "c"], ["c"]]


def test_a_person_is_in_the_first_of_a_group_only_but_segment_asks_the_rule() -> None:
    made = config(
        "  high: {when: {points: {at_least: 2}}}\n  some: {when: {points: {at_least: 1}}}\n"
        "  rest: {when: {not: {segment: high}}}\n  asks: {when: {segment: some}}\n",
        more="priorities: [[high, some, rest]]",
    )
    found = evaluate(made, loaded(PEOPLE, TYPES), AS_OF)
    assert {name: people(found, name) for name in found.sizes} == {
        "high": ["b", "c"],
        "some": ["a"],
        "rest": ["d"],
        "asks": ["a", "b", "c"],
    }
    assert found.sizes == {"high": 2, "some": 1, "rest": 1, "asks": 3} and found.contacts == 4


def test_everybody_of_any_earlier_segment_is_taken() -> None:
    made = config(
        "  one: {when: {points: 1}}\n  two: {when: {points: 2}}\n  rest: {when: {points: {exists: true}}}\n",
        more="priorities: [[one, two, rest]]",
    )
    assert people(evaluate(made, loaded(PEOPLE, TYPES), AS_OF), "rest") == ["c"]


def test_overlap_counts_every_pair() -> None:
    made = config(
        "  x: {when: {points: {at_least: 2}}}\n  y: {when: {points: {at_most: 2}}}\n  z: {when: {points: 9}}\n"
    )
    found = evaluate(made, loaded(PEOPLE, TYPES), AS_OF)
    assert overlap(found) == {("x", "y"): 1, ("x", "z"): 0, ("y", "z"): 0}


CONSENT = "consent: {when: {opted: true}, proof: {at: opted_at, source: form}}"


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_consent_and_its_proof(kind: Any) -> None:
    moment = at("2026-03-01 23:00") if kind == "timestamp" else day("2026-03-02")
    contacts = [
        {"email": "a@example.com", "opted": True, "opted_at": moment, "form": "Footer"},
        {"email": "b@example.com", "opted": None, "opted_at": None, "form": None},
    ]
    made = config("  s: {when: {email: {exists: true}}}\n", more=CONSENT)
    table = evaluate(made, loaded(contacts, {"opted": "boolean", "opted_at": kind, "form": "text"}), AS_OF).table
    assert table.schema.field("consent_at").type == pa.timestamp("us", tz="UTC")
    assert table.select(["consent", "consent_at", "consent_source"]).to_pylist() == [
        {"consent": True, "consent_at": datetime(2026, 3, 1, 23, tzinfo=UTC), "consent_source": "Footer"},
        {"consent": False, "consent_at": None, "consent_source": None},
    ]


def test_without_a_consent_section_everybody_has_it_and_nobody_a_proof() -> None:
    table = evaluate(config("  s: {when: {points: 1}}\n"), loaded(PEOPLE, TYPES), AS_OF).table
    assert set(table["consent"].to_pylist()) == {True}
    assert table["consent_at"].null_count == table["consent_source"].null_count == 4
    assert table.schema.names == ["email", "in:s", "consent", "unclear", "consent_at", "consent_source"]


def test_values_for_fields_keep_their_types() -> None:
    fields = "{A: points, B: spent, C: tags, D: number}"
    made = config(
        "  s: {when: {points: 1}}\n",
        sources=ORDERS,
        more=f'destinations: {{k: {{platform: klaviyo, api_key: "${{KEY}}", fields: {fields}}}}}\n'
        "traits: {spent: {sum: orders.amount}, number: {sum: orders.pieces}}",
    )
    orders = [{"_email": "a@example.com", "_at": None, "amount": amount("1.10"), "pieces": 2}] * 2
    tables = loaded(
        [{"email": "a@example.com", "points": 1, "tags": ["x"]}],
        {"points": "integer", "tags": "list"},
        {"orders": (orders, {"amount": "number", "pieces": "integer"})},
    )
    row = evaluate(made, tables, AS_OF).table.to_pylist()[0]
    assert (row["value:points"], row["value:spent"], row["value:tags"]) == (1, Decimal("2.20"), ["x"])
    assert row["value:number"] == 4 and isinstance(row["value:number"], int)


def test_no_contacts_at_all() -> None:
    made = config("  s: {when: {points: {top: 10%}}}\n  t: {when: {name: ü}}\n")
    found = evaluate(made, loaded([], {**TYPES, "name": "text"}), AS_OF)
    assert found.sizes == {"s": 0, "t": 0} and found.table.num_rows == 0


WRONG = """\
  s:
    when:
      all:
        - {points: {contains: x}}
        - {points: many}
        - {name: {at_least: 3}}
        - {born: {within: 36 hours}}
        - {born: {before: '2026-01-01T12:00'}}
        - {opted: maybe}
        - {tags: {is: x}}
        - {points: 3}
        - {name: true}
        - {name: {top: 10}}
        - {orders: {sum: category, at_least: 3}}
        - {orders: {where: {amount: {matches: x}}}}
        - {born: {is: 7}}
        - {points: {near: {of: "1,1", within: 1 km}}}
"""


def test_every_test_of_the_wrong_type_at_its_line() -> None:
    made = config(WRONG, sources=ORDERS, more="traits: {odd: {greatest: [points, born]}}")
    types: Any = {"points": "integer", "name": "text", "born": "date", "opted": "boolean", "tags": "list"}
    orders: Any = {"category": "text", "amount": "number"}
    found = check_types(made, loaded([], types, {"orders": ([], orders)}), AS_OF)
    first = 12
    lines = [problem.place.line for problem in found]
    assert lines == [7, *(first + number for number in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13))]
    assert {problem.code for problem in found} == {"wrong-type"}
    texts = [problem.message for problem in found]
    assert texts[1].startswith("“points” is an integer column, which has no “contains”. Tests for it: is, in, exists")
    assert "write days" in texts[4] and "without time of day" in texts[5]
    with pytest.raises(ConfigError):
        evaluate(made, loaded([], types, {"orders": ([], orders)}), AS_OF)


def test_fifty_segments_are_one_query_and_a_test_that_many_share_is_computed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries: list[Any] = []
    run = engine.arrow
    monkeypatch.setattr(engine, "arrow", lambda connection, query: queries.append(query) or run(connection, query))
    rules = "".join(f"  s{number}: {{when: {{points: {{at_least: 2}}, name: x{number}}}}}\n" for number in range(50))
    tables = loaded([{"email": "a@example.com", "points": 3, "name": "x7"}], {**TYPES, "name": "text"})
    found = evaluate(config(rules), tables, AS_OF)
    assert people(found, "s7") == ["a"] and sum(found.sizes.values()) == 1
    assert len(queries) == 2  # is there any awkward text; and all segments
    sql = tables.connection.compile(queries[-1])
    assert sql.count(">= 2") == 1


def test_a_list_of_hundreds_is_no_deep_nesting() -> None:
    parts = ", ".join(f"{{points: {{between: [{number}, {number}]}}}}" for number in range(3, 300))
    found = evaluate(config(f"  s: {{when: {{any: [{parts}]}}}}\n"), loaded(PEOPLE, TYPES), AS_OF)
    assert people(found, "s") == ["c"]


def test_a_frozen_segment_keeps_its_members_and_only_contacts_are_members() -> None:
    made = config(
        "  s: {when: {points: 1}, frozen: true}\n  t: {when: {all: [{segment: s}, {points: {exists: true}}]}}\n"
    )
    emails = ["c@example.com", "d@example.com", "gone@example.com", "c@example.com"]
    tables = loaded(PEOPLE, TYPES)
    tables.frozen = {"s": Decided(AS_OF, pa.table({"email": emails, "person": pa.nulls(4, pa.string())}))}
    found = evaluate(made, tables, AS_OF)
    assert (people(found, "s"), people(found, "t"), found.sizes) == (["c", "d"], ["c"], {"s": 2, "t": 1})
