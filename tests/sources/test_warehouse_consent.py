"""Tables of another engine: consent that is not told clearly is none, and lines of orders are no events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app.offline import check
from connector.app.workspace import Options, open_workspace
from connector.config.load import load_text
from connector.core.errors import ConfigError, SourceError
from connector.sources.warehouse import connect
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
pytestmark = pytest.mark.engines

FILE = """
version: 1
engine: "{url}"
sources:
  contacts: {{table: people, email: email, updated_at: changed, columns: {columns}}}
  orders: {{table: orders, join: {{email: email}}, {orders}}}
consent: {{when: {consent}}}
segments:
  s: {{when: {{orders: {{}}}}}}
"""


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    found = empty_schema(postgres.replace("postgres:@", "postgres@", 1))
    run(found, "CREATE TABLE orders (email text, name text, lineitem text)")
    yield found
    connect.connect(found).disconnect()
    connect.connect.cache_clear()


def run(url: str, statements: str) -> None:
    for statement in statements.split(";"):
        connect.connect(url).raw_sql(statement).close()


def asked(folder: Path, url: str, consent: str, columns: str = "{}", orders: str = "preset: none") -> tuple[Any, Any]:
    text = FILE.format(url=url, consent=consent, columns=columns, orders=orders)
    (folder / "segments.yaml").write_text(text)
    with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-04-01")) as workspace:
        evaluation, loaded = check(workspace)
    return evaluation.table, loaded


TIED = "('ann', {}, NULL), ('ann', {}, NULL), ('bob', {}, '2026-01-01'), ('bob', {}, '2026-02-01')"


def tied(yes: str, no: str) -> str:
    """ann's rows disagree; bob's newer one says `yes`, cat's only one too, dan's two agree on it."""
    agree = f"('cat', {yes}, NULL), ('dan', {yes}, NULL), ('dan', {yes}, NULL)"
    return f"{TIED.format(yes, no, no, yes)}, {agree}"


@pytest.mark.parametrize(
    ("type_", "rows", "consent", "columns"),
    [
        ("boolean", tied("true", "false"), "{said: true}", "{}"),
        ("boolean", tied("false", "true"), "{not: {said: true}}", "{}"),
        ("boolean", tied("true", "false"), "{any: [{said: true}, {not: {said: false}}]}", "{}"),
        ("text", tied("'yes'", "'no'"), "{said: 'yes'}", "{}"),
        ("text", tied("'active'", "'gone'"), "{not: {said: gone}}", "{}"),
        ("text", tied("'zed'", "'gone'"), "{not: {said: {in: [gone, away]}}}", "{}"),
        ("text", tied("'US'", "'Germany'"), "{not: {said: Deutschland}}", "{said: {type: country}}"),
        ("integer", tied("5", "1"), "{said: {at_least: 3}}", "{}"),
        ("integer", tied("5", "1"), "{not: {said: {at_most: 3}}}", "{}"),
        ("date", tied("'2026-03-01'", "'2020-01-01'"), "{said: {within: 1 year}}", "{}"),
        ("text[]", tied("'{news}'", "'{news,gone}'"), "{not: {said: {has: gone}}}", "{}"),
    ],
)
def test_rows_that_disagree_are_no_consent(
    tmp_path: Path, url: str, type_: str, rows: str, consent: str, columns: str
) -> None:
    run(url, f"CREATE TABLE people (email text, said {type_}, changed timestamp); INSERT INTO people VALUES {rows}")
    run(url, "UPDATE people SET email = email || '@example.com'")
    table, loaded = asked(tmp_path, url, consent, columns)
    told = {row["email"].split("@")[0]: (row["consent"], row["unclear"]) for row in table.to_pylist()}
    assert told == {"ann": (False, True), "bob": (True, False), "cat": (True, False), "dan": (True, False)}
    assert [(one.column, one.count) for one in loaded.findings if one.code == "consent-unclear"] == [("said", 1)]


@pytest.mark.parametrize(
    ("said", "clear"),
    [
        ("NULL", True),
        ("'no'", True),
        ("'nein'", True),
        ("'unsubscribed'", False),
        ("'?'", False),
        ("'oui, 2024'", False),
    ],
)
def test_a_text_that_is_no_yes_or_no_is_no_consent(tmp_path: Path, url: str, said: str, clear: bool) -> None:
    run(url, "CREATE TABLE people (email text, stop text, changed timestamp)")
    run(url, f"INSERT INTO people VALUES ('a@example.com', {said}, NULL), ('b@example.com', 'Ja', NULL)")
    table, loaded = asked(tmp_path, url, "{not: {stop: 'yes'}}")
    told = {row["email"][0]: (row["consent"], row["unclear"]) for row in table.to_pylist()}
    assert told == {"a": (clear, not clear), "b": (False, False)}
    found = [one.examples for one in loaded.findings if one.code == "consent-unclear"]
    assert found == ([] if clear else [(said.strip("'"),)])


LINES = "INSERT INTO orders VALUES ('a@example.com', '#1', 'mug'), ('a@example.com', '#1', 'cup')"
ONE = "CREATE TABLE people (email text, changed timestamp); INSERT INTO people VALUES ('a@example.com', NULL)"


def test_lines_of_an_order_are_refused_where_the_preset_knows_them(tmp_path: Path, url: str) -> None:
    run(url, f"{ONE}; {LINES}")
    run(url, 'ALTER TABLE orders RENAME COLUMN lineitem TO "Lineitem name"')
    with pytest.raises(SourceError) as raised:
        asked(tmp_path, url, "{email: {exists: true}}", orders="preset: shopify")
    problem = raised.value.problems[0]
    assert problem.code == "not-on-engine" and problem.place.line == 6 and "one row per event" in problem.message
    run(url, "DELETE FROM orders WHERE \"Lineitem name\" = 'cup'")
    table, _ = asked(tmp_path, url, "{email: {exists: true}}", orders="preset: shopify")
    assert table.num_rows == 1


def test_a_number_of_an_order_that_repeats_is_told(tmp_path: Path, url: str) -> None:
    run(url, f"{ONE}; {LINES}; ALTER TABLE orders RENAME COLUMN name TO order_number")
    _, loaded = asked(tmp_path, url, "{email: {exists: true}}")
    found = [one for one in loaded.findings if one.code == "repeated-id"]
    assert [(one.source, one.column, one.count) for one in found] == [("orders", "order_number", 1)]


@pytest.mark.parametrize(
    ("orders", "columns", "line"), [("id: name", "{}", 6), ("preset: none", "{birthday: {type: day}}", 5)]
)
def test_what_only_files_have_fails_at_its_line(orders: str, columns: str, line: int) -> None:
    text = FILE.format(url="postgres://host/db", consent="{x: true}", columns=columns, orders=orders)
    with pytest.raises(ConfigError) as raised:
        load_text(text, Path("segments.yaml"))
    assert [(one.code, one.place.line) for one in raised.value.problems] == [("not-on-engine", line)]
