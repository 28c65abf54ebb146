"""`during`: units of the calendar in the file's zone, weeks from Monday on.

Now is Saturday, 21 November 2026, 13:00 in Berlin, where midnight is 23:00 UTC of the day before (22:00 in summer)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from connector.config.language.periods import PAST, PERIODS
from connector.core.errors import ConfigError
from connector.segments.explain.words import words
from tests.segments.world import ORDERS, at, config, day, rows, who

SEEN = rows(
    "seen",
    midnight=at("2026-11-20 23:00"),  # Saturday begins
    friday=at("2026-11-20 22:59:59.999999"),
    monday=at("2026-11-15 23:00"),
    sunday=at("2026-11-15 22:59:59.999999"),
    november=at("2026-10-31 23:00"),
    october=at("2026-10-31 22:59:59.999999"),
    autumn=at("2026-09-30 22:00"),
    summer=at("2026-09-30 21:59:59.999999"),
    year=at("2025-12-31 23:00"),
    before=at("2025-12-31 22:59:59.999999"),
    long_ago=at("2024-12-31 22:59:59.999999"),
    now=at("2026-11-21 12:00"),
    later=at("2026-11-21 12:00:00.000001"),
    next_week=at("2026-11-22 23:00"),
    december=at("2026-11-30 23:00"),
    next_year=at("2026-12-31 23:00"),
    missing=None,
)
THIS_WEEK = "friday midnight monday now"


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("today", "midnight now"),
        ("yesterday", "friday"),
        ("this week", THIS_WEEK),
        ("last week", "sunday"),
        ("next week", "next_week"),
        ("this month", f"{THIS_WEEK} november sunday"),
        ("last month", "autumn october"),
        ("next month", "december"),
        ("this quarter", f"{THIS_WEEK} autumn november october sunday"),
        ("last quarter", "summer"),
        ("next quarter", "next_year"),
        ("this year", f"{THIS_WEEK} autumn november october summer sunday year"),
        ("last year", "before"),
        ("next year", "next_year"),
        ("'  Last\tMONTH '", "autumn october"),
    ],
)
def test_a_unit_of_the_calendar_holds_these_times(period: str, expected: str) -> None:
    found = who(f"{{seen: {{during: {period}}}}}", SEEN, {"seen": "timestamp"})
    assert found == sorted(expected.split())
    rest = {row["email"].split("@")[0] for row in SEEN} - set(found)
    assert who(f"{{seen: {{not_during: {period}}}}}", SEEN, {"seen": "timestamp"}) == sorted(rest)


@pytest.mark.parametrize(
    ("today", "period", "first", "last"),
    [
        ("2026-11-22", "this week", "2026-11-16", "2026-11-22"),  # a Sunday
        ("2026-11-23", "this week", "2026-11-23", "2026-11-23"),
        ("2026-11-23", "last week", "2026-11-16", "2026-11-22"),
        ("2026-01-01", "this week", "2025-12-29", "2026-01-01"),
        ("2026-01-01", "last month", "2025-12-01", "2025-12-31"),
        ("2026-01-01", "last quarter", "2025-10-01", "2025-12-31"),
        ("2026-03-31", "last month", "2026-02-01", "2026-02-28"),
        ("2028-03-31", "last month", "2028-02-01", "2028-02-29"),
        ("2026-08-31", "this quarter", "2026-07-01", "2026-08-31"),
        ("2026-10-31", "next month", "2026-11-01", "2026-11-30"),
        ("2026-10-31", "next quarter", "2027-01-01", "2027-03-31"),
        ("2028-02-29", "last year", "2027-01-01", "2027-12-31"),
        ("2028-02-29", "next year", "2029-01-01", "2029-12-31"),
    ],
)
def test_a_unit_begins_and_ends_with_these_days(today: str, period: str, first: str, last: str) -> None:
    as_of = datetime.fromisoformat(f"{today}T12:00").replace(tzinfo=UTC)
    low, high = day(first).toordinal(), day(last).toordinal()
    ends = {"before": low - 1, "first": low, "last": high, "after": high + 1}
    people = rows("born", **{name: date.fromordinal(number) for name, number in ends.items()})
    found = who(f"{{born: {{during: {period}}}}}", people, {"born": "date"}, as_of=as_of)
    assert found == ["first", "last"]


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("today", ["0001-01-02", "9999-12-30"])
def test_the_ends_of_the_calendar_are_no_failure(today: str, period: str) -> None:
    as_of = datetime.fromisoformat(f"{today}T12:00").replace(tzinfo=UTC)
    people = [{"email": "a@example.com", "born": day("2026-01-01"), "seen": at("2026-01-01 12:00")}]
    types: Any = {"born": "date", "seen": "timestamp"}
    assert (
        who(f"{{any: [{{born: {{during: {period}}}}}, {{seen: {{during: {period}}}}}]}}", people, types, as_of=as_of)
        == []
    )


def test_another_zone_has_another_month() -> None:
    people = rows("seen", a=at("2026-10-31 23:30"))
    asked = "{seen: {during: last month}}", people, {"seen": "timestamp"}
    assert who(*asked, zone="America/New_York") == ["a"] and who(*asked, zone="Europe/Berlin") == []


EVENTS = [
    {"_email": f"{who}@example.com", "_at": at(when) if when else None, "amount": amount}
    for who, when, amount in (
        ("ann", "2026-10-31 22:59", 3), ("ann", "2026-11-01 12:00", 5), ("bob", "2026-10-01 12:00", 9),
        ("cat", "2025-10-05 12:00", 7), ("dan", None, 1),
    )
]  # fmt: skip
ANN_BOB = rows("x", ann="1", bob="1", cat="1", dan="1")


@pytest.mark.parametrize(
    ("rule", "traits", "expected"),
    [
        ("{orders: {during: last month}}", "", "ann bob"),
        ("{orders: {during: this month}}", "", "ann"),
        ("{orders: {never: true, during: this year}}", "", "cat dan"),
        ("{orders: {count: {at_least: 2}, during: this quarter}}", "", "ann"),
        ("{orders: {sum: amount, at_least: 8, during: this quarter}}", "", "ann bob"),
        ("{orders: {during: last year, where: {amount: {at_least: 7}}}}", "", "cat"),
        ("{n: {at_least: 9}}", "n: {sum: orders.amount, during: last month}", "bob"),
        ("{n: 1}", "n: {count: orders, during: last month}", "ann bob"),
    ],
)
def test_events_and_traits_of_a_unit_of_the_calendar(rule: str, traits: str, expected: str) -> None:
    more = f"traits: {{{traits}}}" if traits else ""
    related: Any = {"orders": (EVENTS, {"amount": "integer"})}
    assert who(rule, ANN_BOB, {"x": "text"}, sources=ORDERS, related=related, more=more) == expected.split()


@pytest.mark.parametrize("period", PERIODS)
def test_it_is_explained_as_it_is_written(period: str) -> None:
    rules = [f"seen: {{during: {period}}}", f"seen: {{not_during: {period}}}"]
    rules += [f"orders: {{count: {{at_least: 3}}, during: {period}}}"] if period in PAST else []
    for rule in rules:
        made = config(f"  s: {{when: {{{rule}}}}}\n", sources=ORDERS)
        assert words(made.segments["s"].when) == rule


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("{seen: {during: previous month}}", "Write “last month”"),
        ("{seen: {during: current_quarter}}", "Write “this quarter”"),
        ("{seen: {during: last-week}}", "Write “last week”"),
        ("{seen: {during: MTD}}", "Write “this month”"),
        ("{seen: {during: 90 days}}", "within: 90 days"),
        ("{seen: {during: last moth}}", 'Did you mean "last month"?'),
        ("{seen: {during: 2026}}", "this week, this month"),
        ("{seen: {within: last month}}", "`during: last month`"),
        ("{orders: {within: this year}}", "`during: this year`"),
        ("{orders: {during: next month}}", "have not happened"),
        ("{orders: {during: last month, within: 5 days}}", "delete one of the two"),
        ("{orders: {first_within: 5 days, during: last month}}", "delete one of the two"),
    ],
)
def test_what_is_wrong_leads_to_the_word(rule: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(f"  s: {{when: {rule}}}\n", sources=ORDERS)
    assert hint in str(caught.value.problems[0].message), caught.value.problems


@pytest.mark.parametrize("type_", ["day", "text", "integer", "list"])
def test_other_columns_have_no_calendar(type_: Any) -> None:
    with pytest.raises(ConfigError, match="during"):
        who("{x: {during: last month}}", rows("x", a=None), {"x": type_})
