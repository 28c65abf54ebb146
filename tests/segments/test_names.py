"""Which columns are needed, and every name that nobody has, at its place, with the nearest one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from connector.config.load import load_text
from connector.core.errors import ConfigError
from connector.segments.names import needed
from connector.sources.columns.model import ColumnInfo, SourceInfo

FILE = """\
version: 1
timezone: Europe/Berlin
sources:
  contacts: {file: c.csv, email: Email}
  orders: {file: o.csv, join: {email: email}, at: ordered_at}
  unused: {file: u.csv, join: {email: email}}
traits:
  revenue: {sum: orders.Amount, where: {category: shoes}}
  newest: {greatest: [Last Click, revenue_at]}
  revenue_at: {latest: orders}
consent:
  when: {opted: true}
  proof: {at: opted_at, source: form}
destinations:
  k: {platform: klaviyo, api_key: "${KEY}", fields: {Town: City, Money: revenue}}
segments:
  s:
    when:
      all:
        - {"Lifecycle Stage": lead}
        - {email: {ends_with: example.com}}
        - {not: {orders: {count: {at_least: 2}, where: {pieces: 3}}}}
        - {points: {top: 10%, by: country}}
"""


def catalog(**columns: Iterable[str]) -> Mapping[str, SourceInfo]:
    """Headers per source; a column's name is its header in snake_case."""
    found = {}
    for source, headers in columns.items():
        infos = {header.lower().replace(" ", "_"): header for header in headers}
        found[source] = SourceInfo(
            source,
            (),
            {name: ColumnInfo(name, (header,), None, "header") for name, header in infos.items()},
            {header.casefold(): name for name, header in infos.items()},
        )
    return found


CONTACTS = ["Email", "Lifecycle Stage", "Last Click", "opted", "opted_at", "form", "City", "points", "country"]
ORDERS = ["email", "ordered_at", "Amount", "category", "pieces"]


def problems(text: str, found: Mapping[str, SourceInfo]) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        needed(load_text(text, Path("segments.yaml")), found)
    return [str(problem) for problem in raised.value.problems]


def test_needed_columns_by_their_own_names() -> None:
    found = needed(load_text(FILE, Path("segments.yaml")), catalog(contacts=CONTACTS, orders=ORDERS))
    assert found == {
        "contacts": {
            "email",
            "lifecycle_stage",
            "last_click",
            "opted",
            "opted_at",
            "form",
            "city",
            "points",
            "country",
        },
        "orders": {"amount", "category", "ordered_at", "pieces"},
    }


def test_every_unknown_name_at_once_in_the_order_of_the_file() -> None:
    have = catalog(
        contacts=["Email", "Livecycle Stage", "Last Click"], orders=["email", "Amounts", "ordered_at", "pieces"]
    )
    found = problems(FILE, have)
    places = [(line.split(":")[1], line.split("“")[1].split("”")[0]) for line in found]
    assert places == [
        ("8", "Amount"),
        ("8", "category"),
        ("12", "opted"),
        ("13", "opted_at"),
        ("13", "form"),
        ("15", "City"),
        ("20", "Lifecycle Stage"),
        ("23", "points"),
        ("23", "country"),
    ]
    assert '“Amount” is no column of orders. Did you mean "amounts"?\n' in found[0]
    assert marked(found[0]) == "Amount"
    assert 'no column of contacts and no trait. Did you mean "livecycle_stage"?\n' in found[6]
    assert all("error[unknown-column]" in line for line in found)


def test_a_trait_is_no_column_inside_where() -> None:
    text = FILE.replace("where: {pieces: 3}", "where: {revenue: 3}")
    assert "“revenue” is no column of orders" in problems(text, catalog(contacts=CONTACTS, orders=ORDERS))[0]


def test_a_trait_or_source_with_the_name_of_a_column() -> None:
    found = problems(FILE, catalog(contacts=[*CONTACTS, "Revenue", "orders"], orders=ORDERS))
    assert [line.split("error")[0] for line in found] == ["segments.yaml:5:3: ", "segments.yaml:8:3: "]
    assert all("name-clash" in line for line in found)


def test_sql_that_may_not_stand_there_fails_at_its_line_and_its_names_are_looked_up() -> None:
    have = catalog(contacts=CONTACTS, orders=ORDERS)
    text = FILE.replace('{"Lifecycle Stage": lead}', '{sql: "points > 3 and city = (select 1)"}')
    assert problems(text, have)[0].startswith("segments.yaml:20:") and "error[bad-sql]" in problems(text, have)[0]
    text = FILE.replace('{"Lifecycle Stage": lead}', '{sql: "pionts > revenue"}')
    (told,) = problems(text, have)
    assert '“pionts” is no column of contacts and no trait. Did you mean "points"?\n' in told
    assert marked(told) == "pionts"


def marked(told: str) -> str:
    """What the marks of an error stand under."""
    _, line, marks = told.split("\n")
    return line[marks.index("^") : len(marks)]


def test_a_word_of_the_language_in_the_place_of_a_column_leads_into_its_test() -> None:
    have = catalog(contacts=CONTACTS, orders=ORDERS)
    (told,) = problems(FILE.replace('{"Lifecycle Stage": lead}', '{orders: {}, "within": 90 days}'), have)
    assert "`within` is a word of the language" in told and "{orders: {within: …}}" in told
    (told,) = problems(FILE.replace('{"Lifecycle Stage": lead}', "{orders: {}, send_to: x}"), have)
    assert "`send_to` is a key of a segment. Check its indentation." in told
