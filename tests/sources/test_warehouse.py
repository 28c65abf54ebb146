"""Tables of another engine: what files are promised holds for them too. PostgreSQL stands for all."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connector.app.offline import check, members
from connector.app.workspace import Options, open_workspace
from connector.config.load import load_text
from connector.config.sections import variables
from connector.core.errors import ConfigError, SourceError
from connector.core.problem import Place
from connector.sources import emails
from connector.sources.warehouse import connect
from connector.sources.warehouse.troubles import unreachable, working
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
pytestmark = pytest.mark.engines

PEOPLE = """
CREATE TABLE people (email text, name text, country text, phone text, points numeric, seen timestamp, born date,
                     tags text[], changed timestamptz, badge text, extra json);
INSERT INTO people VALUES
 (' Ada@Example.COM ', 'Ada', 'Germany', '030 901820', 10.5, '2026-03-28 23:30', '2000-02-29', '{a,b}', '2026-01-01Z',
  'X1', '{}'),
 ('ada@example.com', NULL, 'FR', NULL, NULL, NULL, NULL, NULL, '2026-02-01Z', NULL, NULL),
 ('bob@example.com', '  ', 'usa', NULL, 3, '2026-03-29 12:00', NULL, '{}', NULL, 'ｘ2', NULL),
 ('no address', 'N', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL),
 (NULL, 'E', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE visits (badge text, day date, amount double precision);
INSERT INTO visits VALUES
 ('x1', '2026-03-20', 0.1), ('X1 ', '2026-03-21', 0.2), ('X2', '2027-01-01', 5), ('?', NULL, 1);
"""
FILE = """
version: 1
timezone: Europe/Berlin
engine: "{url}"
sources:
  contacts: {{table: people, email: email, updated_at: changed, columns: {{country: {{type: country}}}}}}
  visits: {{table: visits, join: {{badge: badge}}, at: day}}
traits:
  paid: {{sum: visits.amount}}
segments:
  s: {{when: {when}}}
{more}
"""
AS_OF = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def url(postgres: str) -> Iterator[str]:
    """An address whose tables are the ones above."""
    found = empty_schema(postgres.replace("postgres:@", "postgres@", 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of drivers, about themselves
        opened = connect.connect(found)
    for statement in PEOPLE.split(";\n"):
        if statement.strip():
            opened.raw_sql(statement).close()
    yield found
    opened.disconnect()
    connect.connect.cache_clear()


def asked(folder: Path, url: str, when: str, more: str = "") -> tuple[list[str], Any]:
    (folder / "segments.yaml").write_text(FILE.format(url=url, when=when, more=more))
    options = Options(file=folder / "segments.yaml", as_of="2026-04-01")
    with open_workspace(options) as workspace:
        evaluation, loaded = check(workspace)
    return [address.split("@")[0] for address in members(evaluation, "s")], loaded


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ("{country: Germany}", []),  # the newer row says FR
        ("{country: France}", ["ada"]),
        ("{country: United States}", ["bob"]),
        ("{name: ada}", ["ada"]),  # of the older row, where the newer has none
        ("{name: {exists: true}}", ["ada"]),  # blanks are no name
        ("{points: {at_least: 10.5}}", ["ada"]),
        ("{seen: {on: 2026-03-28}}", ["ada"]),
        ('{seen: {after: "2026-03-28T22:30Z"}}', ["bob"]),  # local times of Berlin
        ("{tags: {size: 0}}", ["bob"]),
        ("{tags: {has: A}}", ["ada"]),
        ("{paid: {at_least: 0.3}}", ["ada"]),
        ("{visits: {count: 2, within: 20 days}}", ["ada"]),
        ("{visits: {never: true}}", ["bob"]),  # his is in the future
        ('{badge: {matches: "^x\\\\d$"}}', ["ada", "bob"]),
        ("{badge: {matches: '^x', case: exact}}", []),
        ("{born: {month: feb}}", ["ada"]),
        ("{points: {top: 1}}", ["ada"]),
        ("{sample: 100%}", ["ada", "bob"]),
    ],
)
def test_the_language_means_the_same(tmp_path: Path, url: str, when: str, who: list[str]) -> None:
    assert asked(tmp_path, url, when)[0] == who


def test_what_was_dropped_is_counted_and_listed(tmp_path: Path, url: str) -> None:
    _, loaded = asked(tmp_path, url, "{visits: {count: 1}}")
    assert loaded.rows == {"contacts": 5, "visits": 4}
    assert sorted(row["reason"] for row in loaded.quarantine.to_pylist()) == ["empty", "invalid"]
    found = {(item.code, item.source): item.count for item in loaded.findings}
    assert found[("duplicates", "contacts")] == 1 and found[("no-person", "visits")] == 1
    assert found[("after-as-of", "visits")] == 1


def test_a_list_of_members_is_a_file_all_the_same(tmp_path: Path, url: str) -> None:
    (tmp_path / "guests.csv").write_text("email\nBOB@example.com\nx@example.com\n")
    more = "  g: {members_from: guests.csv}"
    assert asked(tmp_path, url, "{segment: g}", more)[0] == ["bob"]


def test_a_java_machine_warns_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    with connect.no_stderr_for_children():
        subprocess.run([sys.executable, "-c", "import sys; sys.stderr.write('WARNING: modules')"], check=True)
    sys.stderr.write("ours")
    assert capfd.readouterr().err == "ours"


def test_spark_without_java_says_so() -> None:
    config = load_text(FILE.format(url="spark://local[2]", when="{country: US}", more=""), Path("segments.yaml"))
    with pytest.raises(SourceError, match="Java did not start"):
        unreachable(config, RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before sending its port"))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("[SCHEMA_NOT_FOUND] The schema `lake`.`crm` cannot be found. Verify the spelling", "table-missing"),
        ("An error occurred while calling o50.setCurrentCatalog.\n: [CATALOG_NOT_FOUND] The catalog", "table-missing"),
        ("[TABLE_OR_VIEW_NOT_FOUND] The table or view `people` cannot be found", "table-missing"),
        ("[CAST_INVALID_INPUT] The value 'secret' of the type STRING cannot be cast", "engine-failed"),
    ],
)
def test_a_name_that_spark_does_not_know_is_told_as_one(told: str, code: str) -> None:
    """As Spark 3.5.9 words it."""
    config = load_text(FILE.format(url="spark://local[2]", when="{country: US}", more=""), Path("segments.yaml"))
    with pytest.raises(SourceError) as refused, working(config.place(("sources",)), config):
        raise RuntimeError(told)
    assert code in str(refused.value) and "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("table: people", "table: peeple", "table-missing"),
        ("type: country", "type: number", "table-type"),
        ("at: day", "at: badge", "table-type"),
        ("email: email,", "email: extra,", "column-missing"),
    ],
)
def test_a_table_that_does_not_fit_fails_at_its_line(tmp_path: Path, url: str, old: str, new: str, code: str) -> None:
    text = FILE.format(url=url, when="{visits: {count: 1}, country: DE}", more="").replace(old, new)
    (tmp_path / "segments.yaml").write_text(text)
    options = Options(file=tmp_path / "segments.yaml", as_of="2026-04-01")
    with open_workspace(options) as workspace, pytest.raises(SourceError) as raised:
        check(workspace)
    problem = raised.value.problems[0]
    assert problem.code == code and new.split()[-1].strip(",}") in text.splitlines()[problem.place.line - 1]


def test_an_engine_that_is_not_there_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "s3cret")
    with pytest.raises(SourceError, match=r"error\[engine-unreachable\]") as raised:
        asked(tmp_path, "postgres://nobody:${WAREHOUSE_PASSWORD}@127.0.0.1:1/none", "{points: 1}")
    assert [problem.place.line for problem in raised.value.problems] == [4]
    assert "Nothing answers there" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_a_missing_right_is_named_with_its_table_at_its_line(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = url.rpartition("%3D")[2]
    with psycopg.connect(url, autocommit=True) as admin:
        for statement in (
            f"CREATE ROLE {schema}_r LOGIN PASSWORD 's3cret'",
            f"GRANT USAGE ON SCHEMA {schema} TO {schema}_r",
            f"GRANT SELECT ON people TO {schema}_r",
        ):
            admin.execute(statement)  # type: ignore[arg-type]
    monkeypatch.setenv("READER", f"{schema}_r")
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "s3cret")
    reader = url.replace("postgres@", "${READER}:${WAREHOUSE_PASSWORD}@", 1)

    def refusal(address: str) -> list[tuple[int, str, str]]:
        with pytest.raises(SourceError) as raised:
            asked(tmp_path, address, "{visits: {count: 1}}")
        assert "s3cret" not in str(raised.value)
        return [(problem.place.line, problem.code, problem.message) for problem in raised.value.problems]

    ((line, code, message),) = refusal(reader)
    assert (line, code) == (7, "engine-right")
    assert "the user may not read visits. Grant SELECT on it" in message
    ((line, code, message),) = refusal(f"{reader}&sslmode=nonsense")  # a socket of this machine has no TLS to refuse
    assert (line, code) == (4, "engine-unreachable")
    assert "The encrypted connection is refused" in message
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC")
        admin.execute(f"GRANT SELECT ON visits TO {schema}_r")  # type: ignore[arg-type]
    try:
        ((line, code, message),) = refusal(reader)
    finally:
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("GRANT TEMPORARY ON DATABASE postgres TO PUBLIC")
    assert (line, code) == (4, "engine-right")
    assert "may not make temporary tables" in message
    connect.connect(variables.filled(reader, Place("engine"))).disconnect()


def test_addresses_are_looked_at_once(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at all addresses by a pattern takes a second for 200,000 people."""
    seen: list[str] = []
    monkeypatch.setattr(psycopg.Cursor, "execute", _noting(psycopg.Cursor.execute, seen))
    monkeypatch.setattr(psycopg.ServerCursor, "execute", _noting(psycopg.ServerCursor.execute, seen))
    assert asked(tmp_path, url, "{visits: {count: 2}}", "consent: {when: {name: Ada}}")[0] == ["ada"]
    pattern = emails.PLAIN[:30]
    # which are not plain, as a question; and once for the table that everything else is asked of
    assert sum(pattern in query for query in seen) <= 2
    assert sum("JOIN" in query and "visits" in query for query in seen) == 1


def _noting(execute: Any, seen: list[str]) -> Any:
    def noted(self: Any, query: Any, *words: Any, **named: Any) -> Any:
        seen.append(str(query))
        return execute(self, query, *words, **named)

    return noted


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("{points: 1}", '{sql: "points > 1"}', 11),
        ("{points: 1}", '{home: {near: {of: "1,1", within: 1 km}}}', 11),
        ("table: people", "file: people.csv", 6),
        ("email: email,", "email: email, max_age: 1 day,", 6),
        ("{type: country}", "{type: list, separator: x}", 6),
        ("segments:", "cleanup: {invalid: {typo: quarantine}}\nsegments:", 10),
    ],
)
def test_what_an_engine_cannot_do_fails_at_its_line(old: str, new: str, line: int) -> None:
    text = FILE.format(url="postgres://host/db", when="{points: 1}", more="").replace(old, new, 1)
    with pytest.raises(ConfigError) as raised:
        load_text(text, Path("segments.yaml"))
    assert {(item.code, item.place.line) for item in raised.value.problems} == {("not-on-engine", line)}


def test_duckdb_reads_files() -> None:
    text = FILE.format(url="duckdb", when="{points: 1}", more="")
    with pytest.raises(ConfigError) as raised:
        load_text(text, Path("segments.yaml"))
    assert [(item.code, item.place.line) for item in raised.value.problems] == [
        ("not-on-engine", 6),
        ("not-on-engine", 7),
    ]


def test_empty_tables_are_told_and_every_rule_works(tmp_path: Path, url: str) -> None:
    opened = connect.connect(url)
    opened.raw_sql("DELETE FROM visits").close()
    people, loaded = asked(tmp_path, url, "{visits: {never: true, within: 1 year}}")
    assert people == ["ada", "bob"]
    rules = "{all: [{paid: {at_most: 0}}, {not: {visits: {last_within: 3 days}}}, {visits: {sum: amount, at_most: 0}}]}"
    assert asked(tmp_path, url, rules)[0] == ["ada", "bob"]
    assert [code for code, _ in _codes(loaded)] == ["no-rows"]
    opened.raw_sql("INSERT INTO visits VALUES ('x1', NULL, 1), ('x2', NULL, 1)").close()
    people, loaded = asked(tmp_path, url, "{visits: {never: true, within: 1 year}}")
    assert people == ["ada", "bob"]
    assert ("no-times", "visits: none of the 2 rows has a time in “day”") in _codes(loaded)
    opened.raw_sql("DELETE FROM people").close()
    people, loaded = asked(tmp_path, url, "{visits: {never: true}}")
    assert people == [] and ("no-rows", "contacts: the table people is empty") in _codes(loaded)


def _codes(loaded: Any) -> list[tuple[str, str]]:
    wanted = ("no-rows", "no-times", "no-people")
    return [(item.code, item.message.partition(", ")[0]) for item in loaded.findings if item.code in wanted]
