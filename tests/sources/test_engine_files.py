"""`engine: duckdb:///lake.duckdb` and `sqlite:///crm.db`: the same answers as for files, and nothing is written."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import duckdb
import pytest

from connector.app import pushing
from connector.app.offline import check, members
from connector.app.workspace import Options, open_workspace
from connector.config.load import load_text
from connector.core.errors import ConfigError, ConnectorError

FILE = """
version: 1
timezone: Europe/Berlin
engine: "{engine}"
sources:
  contacts: {{table: people, email: email, updated_at: changed{more}}}
  orders: {{table: orders, join: {{customer: id}}, at: at}}
consent: {{when: {{optin: true}}}}
traits:
  spent: {{sum: orders.amount}}
segments:
  rich: {{when: {{spent: {{at_least: 100.5}}}}}}
  recent: {{when: {{orders: {{within: 10 days}}}}}}
  born: {{when: {{born: {{before: 1990-01-01}}}}}}
  early: {{when: {{changed: {{before: 2026-03-01}}}}}}
  german: {{when: {{country: de}}}}
"""
TABLES = (
    "CREATE TABLE people (id INTEGER, email TEXT, country TEXT, born DATE, changed TIMESTAMP, optin BOOLEAN)",
    "INSERT INTO people VALUES (1, ' Ann@Example.com ', 'DE', '1980-05-05', '2026-01-01 10:00:00', TRUE),"
    " (2, 'bob@example.com', 'FR', '1995-01-01', '2026-11-01 10:00:00', TRUE),"
    " (2, 'bob@example.com', 'DE', NULL, '2026-02-01 10:00:00', TRUE),"
    " (3, 'eve@example.com', NULL, NULL, NULL, FALSE), (4, 'none', NULL, NULL, NULL, TRUE)",
    'CREATE TABLE orders (customer INTEGER, "at" TIMESTAMP, amount DECIMAL(10,2))',
    "INSERT INTO orders VALUES (1, '2026-11-15 08:00:00', 100.25), (1, '2026-01-01 08:00:00', 0.25),"
    " (2, '2026-11-20 08:00:00', 5), (9, '2026-11-20 08:00:00', 7)",
)
EXPECTED = {
    "rich": ["ann@example.com"],
    "recent": ["ann@example.com", "bob@example.com"],
    "born": ["ann@example.com"],
    "early": ["ann@example.com"],
    "german": ["ann@example.com"],
}


def made(folder: Path, kind: str, *more: str) -> str:
    path = folder / f"crm.{kind}"
    con = duckdb.connect(str(path)) if kind == "duckdb" else sqlite3.connect(path)
    for statement in (*TABLES, *more):
        con.execute(statement)
    if isinstance(con, sqlite3.Connection):
        con.commit()
    con.close()
    return f"{kind}:///crm.{kind}"


def found(folder: Path, engine: str, text: str = FILE, more: str = "") -> dict[str, list[str]]:
    (folder / "segments.yaml").write_text(text.format(engine=engine, more=more))
    with open_workspace(Options(file=folder / "segments.yaml", as_of="2026-11-20"), offline=True) as workspace:
        evaluation, _ = check(workspace)
        return {name: sorted(members(evaluation, name)) for name in workspace.config.segments}


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_tables_of_a_file_answer_as_exports_do(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made(tmp_path, kind, "CREATE VIEW seen AS SELECT email, 1 + 1 AS two FROM people")
    before = (tmp_path / f"crm.{kind}").read_bytes()
    monkeypatch.setenv("CRM", "crm")
    assert found(tmp_path, f"{kind}:///${{CRM}}.{kind}") == EXPECTED
    assert (tmp_path / f"crm.{kind}").read_bytes() == before
    with duckdb.connect(str(tmp_path / "crm.duckdb")) if kind == "duckdb" else sqlite3.connect(tmp_path / "crm.sqlite"):
        pass  # nobody holds the file any more
    view = 'version: 1\nengine: "{engine}"\nsources:\n  contacts: {{table: seen, email: email}}\n'
    view += "segments:\n  s: {{when: {{two: 2}}}}\n"
    assert len(found(tmp_path, engine, view)["s"]) == 3


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_saved_plan_notices_that_the_file_changed(tmp_path: Path, kind: str) -> None:
    (tmp_path / "segments.yaml").write_text(FILE.format(engine=made(tmp_path, kind), more=""))

    def inputs() -> dict[str, str]:
        with open_workspace(Options(file=tmp_path / "segments.yaml"), offline=True) as workspace:
            return pushing._inputs(workspace)

    before = inputs()
    con = sqlite3.connect(tmp_path / "crm.sqlite") if kind == "sqlite" else duckdb.connect(str(tmp_path / "crm.duckdb"))
    con.execute("UPDATE people SET country = 'FR'")
    con.commit()
    con.close()
    assert {name for name, value in inputs().items() if value != before[name]} == {"engine"}


def test_a_cell_of_sqlite_that_is_not_as_declared_makes_texts(tmp_path: Path) -> None:
    engine = made(tmp_path, "sqlite", "UPDATE orders SET amount = 'many' WHERE customer = 9")
    with pytest.raises(ConnectorError, match="amount"):
        found(tmp_path, engine)


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_what_is_wrong_with_the_file_is_told_once_at_its_line(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    made(tmp_path, kind)

    def refusal(engine: str, more: str = "") -> str:
        with pytest.raises(ConnectorError) as caught:
            found(folder, engine, more=more)
        return str(caught.value)

    told = refusal(f"{kind}:///nothing.{kind}")
    assert "segments.yaml:4:1: error[engine-unreachable]: there is no file nothing" in told
    assert told.count("error[") == 1
    assert "error[outside]" in refusal(f"{kind}:///../crm.{kind}")
    text = FILE.replace("table: orders,", "table: orders, allow_outside: true,")
    assert found(folder, f"{kind}:///../crm.{kind}", text, ", allow_outside: true") == EXPECTED
    (folder / "no.db").write_bytes(b"this is no database" * 100)
    assert refusal(f"{kind}:///no.db").count("error[engine-unreachable]") == 1
    (folder / f"crm.{kind}").write_bytes((tmp_path / f"crm.{kind}").read_bytes())
    missing = FILE.replace("table: orders", "table: nowhere")
    with pytest.raises(ConnectorError, match=r"segments.yaml:7:.*there is no table nowhere"):
        found(folder, f"{kind}:///crm.{kind}", missing)


REFUSED = {
    "duckdb://lake.duckdb": "Three slashes",
    "sqlite:///": "names no file",
    "sqlite": "Engines are",
    "postgres://u:pw1@h/db": "There is a password in the address",
    "postgres://u@h/db?password=pw1": "There is a password in the address",
    "duckdb:///md:db?motherduck_token=pw1": "There is a password in the address",
}


@pytest.mark.parametrize("engine", REFUSED)
def test_addresses_that_are_none(engine: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(FILE.format(engine=engine, more=""), Path("segments.yaml"))
    assert REFUSED[engine] in str(caught.value)
    assert "pw1" not in str(caught.value)


def test_a_view_reads_no_file_outside_of_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for folder in (tmp_path, inside):
        (folder / "people.csv").write_text("email,plan\nann@example.com,a\n")
    text = 'version: 1\nengine: "{engine}"\nsources:\n  contacts: {{table: people, email: email}}\n'
    text += "segments:\n  s: {{when: {{plan: a}}}}\n"
    for folder, name in ((inside, "near"), (tmp_path, "far")):
        with duckdb.connect(str(inside / f"{name}.duckdb")) as con:
            con.execute(f"CREATE VIEW people AS FROM read_csv('{folder}/people.csv')")
    assert found(inside, "duckdb:///near.duckdb", text) == {"s": ["ann@example.com"]}
    with pytest.raises(ConnectorError, match=r"engine-right|engine-failed"):
        found(inside, "duckdb:///far.duckdb", text)


def test_motherduck_is_asked_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has run it: there is no account."""
    asked: list[str] = []

    def connect(self: object, database: str) -> None:
        asked.append(database)
        raise OSError("token pw1 is refused")

    monkeypatch.setattr("ibis.backends.duckdb.Backend.connect", connect)
    with pytest.raises(ConnectorError, match="engine-unreachable") as caught:
        found(tmp_path, "duckdb:///md:crm?saas_mode=true")
    assert asked == ["md:crm?saas_mode=true"]
    assert "pw1" not in str(caught.value)


def test_a_variable_in_an_address_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH", raising=False)
    with pytest.raises(ConnectorError) as caught:
        found(tmp_path, "postgres://u:${NO_SUCH}@h/db?sslmode=verify-full")
    assert json.dumps(str(caught.value)).count("The environment variable NO_SUCH is not set") == 1


@pytest.mark.parametrize(("file", "fits"), [("people/*.parquet", True), ("s3://b/p.parquet", True), ("p.csv", False)])
def test_spark_reads_files_of_parquet_itself(file: str, fits: bool) -> None:
    text = f"version: 1\nengine: spark://local\nsources:\n  contacts: {{file: '{file}', email: email}}\n"
    text += "segments:\n  s: {when: {plan: a}}\n"
    if fits:
        assert load_text(text, Path("segments.yaml")).sources["contacts"].file == file
    else:
        with pytest.raises(ConfigError, match=r"4:14: error\[not-on-engine\].*Spark reads files of Parquet"):
            load_text(text, Path("segments.yaml"))
