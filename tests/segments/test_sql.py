"""The analyst's door: one expression over columns and traits, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from connector.core.errors import ConfigError
from connector.segments.compile import sql
from connector.segments.evaluate import evaluate
from tests.segments.world import AS_OF, ORDERS, amount, at, config, day, loaded, people, who

TYPES: Any = {
    "points": "integer",
    "spent": "number",
    "City": "text",
    "born": "date",
    "seen": "timestamp",
    "opted": "boolean",
    "tags": "list",
}
PEOPLE = [
    {
        "email": "a@example.com",
        "points": 2,
        "spent": amount("101.00"),
        "City": "Rome",
        "born": day("1990-02-03"),
        "seen": at("2026-11-20"),
        "opted": True,
        "tags": ["x"],
    },
    {"email": "b@example.com", "points": 0, "spent": amount("9.50"), "City": "rome", "opted": False, "tags": []},
    {"email": "c@example.com"},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spent / nullif(points, 0) > 50", "a"),
        ("spent / points > 50", "a b"),
        ("City = 'Rome'", "a"),
        ("lower(City) like 'ro%'", "a b"),
        ("not opted", "b"),
        ("not (points > 1)", "b"),
        ("points is null", "c"),
        ("coalesce(points, 7) > 1", "a c"),
        ("case when opted then true else points = 0 end", "a b"),
        ("born < date '2000-01-01'", "a"),
        ("date_diff('day', seen, timestamp '2026-11-21 12:00:00') = 1", "a"),
        ("extract(month from born) = 2", "a"),
        ("date_part('year', born) = 1990", "a"),
        ("list_contains(tags, 'x') or len(tags) = 0", "a b"),
        ("City in ('Rome', 'Oslo') and points between 1 and 3", "a"),
        ("City::int > 3", ""),
        ("cast(points as varchar) || 'x' = '2x'", "a"),
        ("email = 'b@example.com'", "b"),
        ("null", ""),
        ("1 = 1", "a b c"),
        ("regexp_matches(City, '^R')", "a"),
    ],
)
def test_expressions(text: str, expected: str) -> None:
    assert who(f"{{sql: {text!r}}}" if "'" not in text else f'{{sql: "{text}"}}', PEOPLE, TYPES) == expected.split()


def test_traits_and_other_conditions_beside_it() -> None:
    orders = [{"_email": "a@example.com", "_at": at("2026-11-01"), "pieces": 3}]
    made = config(
        '  s: {when: {all: [{sql: "pieces_sum > 2 and rfm.recency = 1"}, {points: 2}]}}\n'
        "  t: {when: {orders: {where: {sql: pieces * 2 = 6}}}}\n  u: {when: {not: {sql: points > 1}}}\n",
        sources=ORDERS,
        more="traits: {pieces_sum: {sum: orders.pieces}, "
        "rfm: {rfm: {recency: orders.at, frequency: orders, monetary: orders.pieces}}}",
    )
    orders = [{**row, "at": row["_at"]} for row in orders]
    tables = loaded(PEOPLE, TYPES, {"orders": (orders, {"pieces": "integer", "at": "timestamp"})})
    found = evaluate(made, tables, AS_OF)
    assert {name: people(found, name) for name in "stu"} == {"s": ["a"], "t": ["a"], "u": ["b", "c"]}


def test_a_column_without_any_value_is_null() -> None:
    tables = loaded(PEOPLE, {**TYPES, "clicked": "text"})
    tables.empty = {"contacts": frozenset({"clicked"})}
    made = config("  s: {when: {sql: clicked > seen}}\n  t: {when: {sql: clicked is null}}\n")
    found = evaluate(made, tables, AS_OF)
    assert people(found, "s") == [] and people(found, "t") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text",
    [
        "points in (select 1)",
        "exists (select 1)",
        "(select max(points) from contacts) > 1",
        "1 = 1; drop table contacts",
        "count(*) > 1",
        "row_number() over () = 1",
        "now() > seen",
        "current_date > born",
        "current_timestamp > seen",
        "today() > born",
        "random() < 0.5",
        "uuid() = 'x'",
        "getenv('HOME') = 'x'",
        "read_text('x') = 'x'",
        "points = $1",
        "contacts.* is null",
        "columns('p.*') > 1",
        "current_setting('threads') = '1'",
        "seen::timestamptz > seen",
        "nextval('s') = 1",
        "points >",
        "",
        "select true",
        "from contacts",
        "attach 'x'",
        "(" * 2000 + "true" + ")" * 2000,
        "true and " * 2000 + "true",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(sql.BadSql):
        sql.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("points + 1", "must give yes or no"), ("born > 3", "does not fit"), ("abs(City) > 1", "does not fit")],
)
def test_what_gives_no_yes_or_no_is_an_error_at_its_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        evaluate(config(f'  s:\n    when:\n      sql: "{text}"\n'), loaded(PEOPLE, TYPES), AS_OF)
    problem = raised.value.problems[0]
    assert (problem.place.line, problem.code) == (10, "wrong-type") and said in problem.message


def test_names_of_columns() -> None:
    assert sql.columns('"Lifecycle Stage" = rfm.segment and points > points') == [
        "Lifecycle Stage",
        "rfm.segment",
        "points",
    ]
