"""Tests of rules: what people write, how it is read like an export, and what a failure tells."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jsonschema import Draft202012Validator

from connector.app import testing
from connector.app.workspace import Options, open_workspace
from connector.config.language.schema import json_schema
from connector.config.yaml.nodes import read
from connector.core.errors import ConfigError
from connector.report import tests as report
from connector.segments.testing.run import Outcome
from tests.config.test_schema import plain
from tests.path.test_json import documented, keys

FILE = """version: 1
timezone: Europe/Berlin
sources:
  contacts:
    file: exports/contacts.csv
    preset: hubspot
    email: Email
    id: Record ID
    max_age: 36 hours
    columns:
      seats: {type: integer}
      opt_in: {from: Email opt-in, type: boolean}
      born: {from: Date of birth, type: date, format: "%d.%m.%Y"}
      home: {from: [Latitude, Longitude], type: place}
      tags: {type: list, separator: "|"}
  orders: {file: exports/orders.csv, join: {customer: id}, at: ordered_at, id: number}
  clicks: {file: exports/clicks.csv, join: {email: email}, at: at}
traits:
  spent: {sum: orders.amount}
  orders_ever: {count: orders}
consent: {when: {opt_in: true}}
destinations:
  crm: {platform: hubspot, access_token: "${TOKEN}"}
segments:
  vip: {when: {all: [{spent: {at_least: 500}}, {orders: {count: {at_least: 2}, within: 90 days}}]}}
  german: {when: {country: [DE, AT]}}
  either: {when: {any: [{seats: {at_least: 100}}, {clicks: {count: {at_least: 1}}}]}}
  small: {when: {not: {any: [{seats: {at_least: 10}}, {tags: {has: big}}]}}}
  adult: {when: {born: {before: 2000-01-01}}}
  near: {when: {home: {near: {of: "52.5,13.4", within: 50 km}}}}
  gone: {when: {crm.status: unsubscribed}}
  listed: {members_from: lists/invited.csv}
priorities: [[vip, german]]
"""

PASSING = """as_of: 2026-11-20
tests:
  - name: bought for 500 in two orders
    contact: {Email opt-in: yes, country: Germany, seats: 5}
    events:
      orders:
        - {ordered_at: 2026-11-01, amount: 300}
        - {ordered_at: 2026-10-01T10:00, amount: 200.00}
        - {ordered_at: 2026-11-21, amount: 1000}
    expect: {vip: in, german: out, small: in}
    consent: true
  - name: one order is not enough
    contact: {id: 77, country: Austria, tags: [big, old]}
    events: {orders: [{ordered_at: 2026-11-01, amount: 500.00}]}
    expect: {vip: out, german: in, small: out}
    consent: false
  - name: traits and columns of platforms may be given
    contact: {spent: 900, crm.status: unsubscribed}
    events: {clicks: [{at: 2026-11-19 08:00}]}
    expect: {gone: in, either: in, vip: out}
  - name: dates and places
    people:
      - contact: {born: 1999-12-31, home: "52.4,13.1"}
        expect: {adult: in, near: in}
      - contact: {born: 2000-01-01, home: "48.1,11.6", id: 77}
        expect: {adult: out, near: out, gone: out}
"""


def ran(tmp_path: Path, tests: str, file: str = FILE) -> tuple[Outcome, ...]:
    (tmp_path / "segments.yaml").write_text(file, encoding="utf-8")
    (tmp_path / "segments_test.yaml").write_text(tests, encoding="utf-8")
    with open_workspace(Options(file=tmp_path / "segments.yaml"), offline=True) as workspace:
        return testing.test(workspace, list(workspace.config.segments)).outcomes


def test_given_people_are_read_like_an_export(tmp_path: Path) -> None:
    """Headers or columns, presets, countries, places, lists; a table and an engine need not be there; what comes after
    the moment has not happened; a shared id in two tests is two people."""
    outcomes = ran(tmp_path, PASSING)
    assert [(one.case.name, one.checked, one.misses) for one in outcomes] == [
        ("bought for 500 in two orders", 4, ()),
        ("one order is not enough", 4, ()),
        ("traits and columns of platforms may be given", 3, ()),
        ("dates and places", 5, ()),
    ]


FAILING = """as_of: 2026-11-20
tests:
  - name: a & b
    contact: {country: Germany}
    events: {orders: [{ordered_at: 2026-06-01, amount: 300}]}
    expect: {vip: in, either: in}
  - name: negation
    contact: {seats: 50, tags: [big]}
    expect: {small: in}
  - name: priority
    contact: {country: DE, opt_in: false}
    events: {orders: [{ordered_at: 2026-11-01, amount: 300}, {ordered_at: 2026-11-02, amount: 300}]}
    expect: {german: in, listed: in, vip: out}
    consent: true
"""


def test_a_failure_names_the_conditions_that_decided(tmp_path: Path) -> None:
    outcomes = ran(tmp_path, FAILING)
    with open_workspace(Options(file=tmp_path / "segments.yaml"), offline=True) as workspace:
        zone = workspace.config.zone
    text = report.tests_text(outcomes, ["near"], zone)
    for line in (
        "vip: expected in, is out",
        "spent: {at_least: 500} → false (spent is 300)",
        "orders: {count: {at_least: 2}, within: 90 days} → false (count of orders is 0)",
        "either: expected in, is out",
        "seats: {at_least: 100} → false (seats is missing); one of these",
        "small: expected in, is out",
        "seats: {at_least: 10} → true (seats is 50)",
        "tags: {has: big} → true (tags is ",
        "german: expected in, is out",
        "its rule holds, and vip comes first in its priorities",
        "its members are a list",
        "consent: expected true",
        "opt_in: true → false (opt_in is false)",
        "0 of 3 tests pass (7 expectations). 3 failed.",
        "No test is about: near.",
    ):
        assert line in " ".join(text.split()), line
    told = report.tests_json(outcomes, [])
    first = told["results"][0]["failures"][0]
    assert [one["line"] for one in first["decided_by"]] == [25, 25]
    assert first["decided_by"][0] == {
        "condition": "spent: {at_least: 500}",
        "line": 25,
        "holds": False,
        "values": {"spent": 300},
        "one_of_several": False,
    }
    either = told["results"][0]["failures"][1]["decided_by"]
    assert [one["one_of_several"] for one in either] == [True, True]
    small = told["results"][1]["failures"][0]["decided_by"]
    assert [(one["holds"], one["one_of_several"]) for one in small] == [(True, False), (True, False)]
    vip = told["results"][2]["failures"][2]
    assert (vip["segment"], vip["found"]) == ("vip", "in")
    assert [one["one_of_several"] for one in vip["decided_by"]] == [True, True]
    json.dumps(told)
    assert {key for key in keys(told) if ".values." not in key} == documented("connector.test/1")
    suite = ElementTree.fromstring(report.tests_junit(outcomes, zone))[0]
    assert (suite.get("tests"), suite.get("failures")) == ("3", "3")
    assert suite[0].get("name") == "a & b"
    assert "spent: {at_least: 500}" in (suite[0][0].text or "")


def test_a_test_of_ranks_has_only_its_own_people(tmp_path: Path) -> None:
    """Fewer columns and segments than FILE: each test is read by itself."""
    source = "sources: {contacts: {file: c.csv, email: email}}"
    file = f"version: 1\n{source}\nsegments:\n  biggest: {{when: {{seats: {{top: 50%}}}}}}\n"
    one = "    people:\n      - {contact: {seats: 9}, expect: {biggest: in}}\n      - contact: {seats: 1}\n"
    other = "    people:\n      - {contact: {seats: 900}, expect: {biggest: in}}\n      - contact: {seats: 10}\n"
    tests = f"tests:\n  - as_of: 2026-01-01\n{one}  - as_of: 2026-01-01\n{other}"
    assert [outcome.misses for outcome in ran(tmp_path, tests, file)] == [(), ()]


WRONG = [
    ("{contry: DE}", "    expect: {vip: in}", "unknown-column", 4, 'Did you mean "country"?'),
    ("{spend: 3}", "    expect: {vip: in}", "unknown-column", 4, 'Did you mean "spent"?'),
    ("{opt_in: perhaps}", "    expect: {vip: in}", "bad-value", 4, "boolean"),
    ("{spent: many}", "    expect: {vip: in}", "bad-value", 4, "spent"),
    ("{seats: 1}", "    expect: {vp: in}", "unknown-segment", 5, 'Did you mean "vip"?'),
    ("{seats: 1}", "    expect: {vip: yes}", "unknown-value", 5, "neither `in` nor `out`"),
    ("{seats: 1}", "    expct: {vip: in}", "unknown-key", 5, 'Did you mean "expect"?'),
    ("{seats: 1}", "    consent: perhaps", "wrong-type", 5, "true or false"),
    ("{seats: }", "    expect: {vip: in}", "empty-value", 4, "left out is missing"),
    ("{seats: {a: b}}", "    expect: {vip: in}", "wrong-type", 4, "A value is one word"),
    ("{email: nobody}", "    expect: {vip: in}", "bad-address", 4, "not one e-mail address"),
    ("{seats: 1}", "    expect: {vip: in}\n    events: {order: [{amount: 3}]}", "unknown-source", 6, "orders"),
    ("{seats: 1}", "    expect: {vip: in}\n    events: {orders: [{amuont: 3}]}", "unknown-column", 6, "amount"),
    ("{seats: 1}", "    expect: {vip: in}\n    as_of: today", "bad-date", 6, "A date is written"),
    ("{seats: 1}", "    expect: {vip: in}\n    people: [{expect: {vip: in}}]", "contradiction", 4, "beside `people`"),
]


@pytest.mark.parametrize(("contact", "rest", "code", "line", "words"), WRONG, ids=[one[1][-20:] for one in WRONG])
def test_a_wrong_file_is_told_with_line_and_word(
    tmp_path: Path, contact: str, rest: str, code: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        ran(tmp_path, f"as_of: 2026-11-20\ntests:\n  - name: a\n    contact: {contact}\n{rest}\n")
    problem = caught.value.problems[0]
    assert (problem.code, problem.place.line, problem.place.file[-18:]) == (code, line, "segments_test.yaml")
    assert words in problem.message
    assert "^" in str(problem) or code in ("bad-address", "empty-value")  # an address is not quoted


def test_a_test_without_moment_or_expectation_is_refused(tmp_path: Path) -> None:
    second = "  - {name: a, as_of: 2026-01-01, consent: true}\n"
    with pytest.raises(ConfigError) as caught:
        ran(tmp_path, f"tests:\n  - name: a\n    contact: {{seats: 1}}\n{second}  - {{name: b, as_of: 2026-01-01}}\n")
    found = [(one.code, one.place.line, one.message[:8]) for one in caught.value.problems]
    assert found == [("missing-key", 2, "`as_of` "), ("twice", 4, "A test a"), ("missing-key", 5, "`expect`")]


def test_tables_of_another_engine_are_given_as_well(tmp_path: Path) -> None:
    file = """version: 1
engine: postgres://warehouse/shop
sources:
  contacts: {table: shop.contacts, email: email}
  orders: {table: shop.orders, join: {email: email}, at: at}
segments:
  buyers: {when: {orders: {count: {at_least: 1}, within: 30 days}}}
"""
    given = "events: {orders: [{at: 2026-01-01}]}, expect: {buyers: in}"
    assert [one.misses for one in ran(tmp_path, f"tests:\n  - {{as_of: 2026-01-30, {given}}}\n", file)] == [()]


def test_tests_may_stand_in_segments_yaml(tmp_path: Path) -> None:
    tests = "tests:\n  - {name: a, as_of: 2026-01-01, contact: {country: AT}, expect: {german: in}}\n"
    (tmp_path / "segments.yaml").write_text(FILE + tests, encoding="utf-8")
    with open_workspace(Options(file=tmp_path / "segments.yaml"), offline=True) as workspace:
        found = testing.test(workspace, list(workspace.config.segments))
    assert not found.failed
    assert "vip" in found.untested
    schema = Draft202012Validator(json_schema())
    assert list(schema.iter_errors(plain(read(FILE + tests, "segments.yaml").data))) == []
    assert list(schema.iter_errors(plain(read(FILE + tests.replace(": in", ": yes"), "segments.yaml").data)))


def test_without_tests_it_says_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "segments.yaml").write_text(FILE, encoding="utf-8")
    with (
        open_workspace(Options(file=tmp_path / "segments.yaml"), offline=True) as workspace,
        pytest.raises(ConfigError, match=r"There is no test in segments\.yaml \(`tests:`\) or segments_test\.yaml"),
    ):
        testing.test(workspace, list(workspace.config.segments))


def test_the_example_of_the_documentation_is_true(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "testing-rules.md").read_text(encoding="utf-8")
    tests = page.split("```yaml\n")[1].split("```")[0]
    sample = (root / "segments.yaml").read_text(encoding="utf-8")
    assert [one.misses for one in ran(tmp_path, tests, sample)] == [(), ()]
