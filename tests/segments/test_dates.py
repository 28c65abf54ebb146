"""Days are calendar days in the file's zone; as_of is the only clock.

Now is Saturday, 21 November 2026, 13:00 in Berlin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.core.errors import ConfigError
from tests.segments.world import at, day, rows, who

# 90 days before today is 23 August; its first moment in Berlin is 22:00 UTC of the 22nd.
SEEN = rows(
    "seen",
    now=at("2026-11-21 12:00"),
    later=at("2026-11-21 12:00:00.000001"),
    edge=at("2026-08-22 22:00"),
    outside=at("2026-08-22 21:59:59.999999"),
    week_end=at("2026-11-28 22:59:59.999999"),
    beyond=at("2026-11-28 23:00"),
    missing=None,
)
BORN = rows(
    "born",
    today=day("2026-11-21"),
    tomorrow=day("2026-11-22"),
    edge=day("2026-08-23"),
    old=day("2026-08-22"),
    missing=None,
)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{within: 90 days}", "edge now"),
        ("{not_within: 90 days}", "beyond later missing outside week_end"),
        ("{more_than_ago: 90 days}", "outside"),
        ("{within_next: 7 days}", "later now week_end"),
        ("{within: 24 hours}", "now"),
        ("{within_next: 24 hours}", "later now"),
        ("{more_than_ago: 1 hour}", "edge outside"),
        ("{before: 2026-08-23}", "outside"),
        ("{after: 2026-08-22}", "beyond edge later now week_end"),
        ("{on: 2026-11-28}", "week_end"),
        ("{is: 2026-11-28}", "week_end"),
        ("[2026-11-28, 2026-08-23]", "edge week_end"),
        ("{between: [2026-08-23, 2026-11-21]}", "edge later now"),
        ("{before: '2026-11-21T13:00'}", "edge outside"),
        ("{after: '2026-11-21 13:00'}", "beyond later week_end"),
        ("{on: '2026-11-21T12:00Z'}", "now"),
        ("{between: ['2026-08-23', '2026-11-21T13:00']}", "edge now"),
        ("{within: 150 years}", "edge now outside"),
        ("{more_than_ago: 150 years}", ""),
        ("{within_next: 150 years}", "beyond later now week_end"),
        ("{weekday: sat}", "later now outside week_end"),
        ("{weekday: [sunday, mon]}", "beyond edge"),
        ("{month: aug}", "edge outside"),
        ("{exists: false}", "missing"),
    ],
)
def test_times(test: str, expected: str) -> None:
    assert who(f"{{seen: {test}}}", SEEN, {"seen": "timestamp"}) == expected.split()


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("{within: 90 days}", "edge today"),
        ("{more_than_ago: 90 days}", "old"),
        ("{within_next: 1 day}", "today tomorrow"),
        ("{before: 2026-08-23}", "old"),
        ("{after: 2026-11-21}", "tomorrow"),
        ("{between: [2026-08-22, 2026-08-23]}", "edge old"),
        ("{on: 2026-11-22}", "tomorrow"),
    ],
)
def test_days(test: str, expected: str) -> None:
    assert who(f"{{born: {test}}}", BORN, {"born": "date"}) == expected.split()


@pytest.mark.parametrize(
    ("today", "window", "born", "expected"),
    [
        ("2026-11-21", "7 days", "1990-11-28", True),
        ("2026-11-21", "7 days", "1990-11-29", False),
        ("2026-11-21", "7 days", "1990-11-21", True),
        ("2026-11-21", "7 days", "2026-11-21", False),  # the date itself is none
        ("2026-11-21", "1 year", "2026-11-21", True),
        ("2026-12-30", "7 days", "1990-01-06", True),
        ("2026-12-30", "7 days", "1990-01-07", False),
        ("2026-02-27", "2 days", "1992-02-29", True),  # kept on 1 March
        ("2026-02-27", "1 day", "1992-02-29", False),
        ("2028-02-28", "1 day", "1992-02-29", True),
        ("2028-03-01", "1 day", "1992-02-29", False),
        ("2026-03-01", "1 day", "1992-02-29", True),
        ("2026-11-21", "3 years", "2028-05-01", True),
        ("2026-11-21", "3 years", "2028-12-01", False),
        ("2026-11-21", "150 years", "2028-12-01", True),
    ],
)
def test_anniversaries(today: str, window: str, born: str, expected: bool) -> None:
    as_of = datetime.fromisoformat(f"{today}T12:00").replace(tzinfo=UTC)
    found = who(
        f"{{born: {{anniversary_within: {window}}}}}", rows("born", a=day(born), b=None), {"born": "date"}, as_of=as_of
    )
    assert found == (["a"] if expected else [])


def test_the_anniversary_of_a_time_is_that_of_its_local_day() -> None:
    birthdays = rows("born", local=at("1975-11-20 23:00"), before=at("1975-11-20 22:59"))
    assert who("{born: {anniversary_within: 1 day}}", birthdays, {"born": "timestamp"}) == ["local"]


@pytest.mark.parametrize(
    ("zone", "moment", "local"),
    [
        ("Europe/Berlin", "2026-03-28 23:00", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29 21:59", "2026-03-29"),  # a day of 23 hours
        ("Europe/Berlin", "2026-03-29 22:00", "2026-03-30"),
        ("America/Sao_Paulo", "2018-11-04 03:00", "2018-11-04"),  # midnight does not exist there that day
        ("America/Sao_Paulo", "2018-11-04 02:59", "2018-11-03"),
        ("Asia/Kathmandu", "2026-01-01 18:15", "2026-01-02"),
    ],
)
def test_a_local_day_begins_and_ends_with_the_zone(zone: str, moment: str, local: str) -> None:
    people = rows("seen", a=at(moment))
    assert who(f"{{seen: {{on: {local}}}}}", people, {"seen": "timestamp"}, zone=zone) == ["a"]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-29T02:30", "2026-03-29 01:30"),  # in a gap: an hour later, 03:30 summer time
        ("2026-10-25T02:30", "2026-10-25 00:30"),  # twice: the first
    ],
)
def test_a_local_time_that_does_not_exist_or_twice(written: str, instant: str) -> None:
    assert who(f"{{seen: {{on: '{written}'}}}}", rows("seen", a=at(instant)), {"seen": "timestamp"}) == ["a"]


@pytest.mark.parametrize(
    ("as_of", "window", "edge"),
    [
        ("2026-03-31", "1 month", "2026-02-28"),
        ("2028-03-31", "1 month", "2028-02-29"),
        ("2028-02-29", "1 year", "2027-02-28"),
        ("2026-11-21", "2 weeks", "2026-11-07"),
    ],
)
def test_a_month_ago_is_the_same_day_or_the_last(as_of: str, window: str, edge: str) -> None:
    people: Any = rows("born", at_edge=day(edge), before=day(edge) - timedelta(days=1))
    moment = datetime.fromisoformat(f"{as_of}T12:00").replace(tzinfo=UTC)
    assert who(f"{{born: {{within: {window}}}}}", people, {"born": "date"}, as_of=moment) == ["at_edge"]


FETE = rows("fete", today="11/21", week="11/28", leap="02/29", march="03/01", gone="11/20", missing=None)


@pytest.mark.parametrize(
    ("test", "expected", "as_of"),
    [
        ("{anniversary_within: 7 days}", "today week", "2026-11-21"),
        ("{anniversary_within: 1 day}", "leap march", "2027-02-28"),  # no leap year: kept on 1 March
        ("{anniversary_within: 1 day}", "leap", "2028-02-28"),
        ("{anniversary_within: 1 year}", "gone leap march today week", "2026-11-21"),
        ("{month: november}", "gone today week", "2026-11-21"),
        ("{on: 11-23}", "", "2026-11-21"),
        ("{on: 02-29}", "leap", "2026-11-21"),
        ("{on: 21.11.}", "today", "2026-11-21"),
        ("{exists: false}", "missing", "2026-11-21"),
    ],
)
def test_days_without_a_year(test: str, expected: str, as_of: str) -> None:
    assert who(f"{{fete: {test}}}", FETE, {"fete": "day"}, as_of=at(f"{as_of} 10:00")) == expected.split()


@pytest.mark.parametrize(
    ("test", "type_"), [("{within: 7 days}", "day"), ("{on: 2026-11-21}", "day"), ("{on: 11-23}", "date")]
)
def test_what_a_day_without_a_year_cannot_say(test: str, type_: Any) -> None:
    given = FETE if type_ == "day" else BORN
    with pytest.raises(ConfigError):
        who(f"{{{'fete' if type_ == 'day' else 'born'}: {test}}}", given, {"fete" if type_ == "day" else "born": type_})
