"""The same generated rules on other engines, from their own tables: the same members as the oracle says.

CONNECTOR_POSTGRES_CASES and CONNECTOR_SPARK_CASES ask for more. A case is a rule with its table and moment; a world has
four to nine of them. Rules about places need an engine with pairs in one column (Spark).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume

from connector.config.language.rules import Near, Sql, walk
from connector.config.load import load_text
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.segments.evaluate import evaluate
from connector.segments.names import needed
from connector.sources.columns.catalog import catalog
from connector.sources.load import load
from connector.sources.model import EVENT
from connector.sources.warehouse import connect
from tests.oracle import worlds
from tests.oracle.meaning import Oracle, folded
from tests.oracle.sweep import World, sweep
from tests.oracle.test_agreement import SOURCES, text
from tests.postgres import postgres
from tests.segments.world import PHYSICAL

__all__ = ["postgres"]
pytestmark = pytest.mark.engines
POSTGRES = int(os.environ.get("CONNECTOR_POSTGRES_CASES", "25"))
SPARK = int(os.environ.get("CONNECTOR_SPARK_CASES", "5"))
AS_OF = worlds.AS_OF.replace(tzinfo=UTC)
Put = Callable[[str, pa.Table], None]


def table(rows: list[dict[str, Any]], types: Mapping[str, ColumnType]) -> pa.Table:
    """As a warehouse holds it: a place is two columns."""
    columns: dict[str, pa.Array] = {}
    for name, kind in types.items():
        values = [row.get(name) for row in rows]
        if kind == "place":
            for part in ("latitude", "longitude"):
                columns[f"{name}_{part}"] = pa.array([value and value[part] for value in values], pa.float64())
        else:
            columns[name] = pa.array(values, pa.timestamp("us", tz="UTC") if kind == "timestamp" else PHYSICAL[kind])
    return pa.table(columns)


def by_ref(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The people with the orders of their `ref`, without regard to case; one that several have owns none."""
    mine: dict[str, list[dict[str, Any]]] = {person["email"]: [] for person in people}
    for order in (order for person in people for order in person["events"]["orders"]):
        key = folded(order["ref"] or "")
        owners = [person["email"] for person in people if key and folded(person["ref"] or "") == key]
        if len(owners) == 1:
            mine[owners[0]].append(order)
    return [{**person, "events": {"orders": mine[person["email"]]}} for person in people]


def of_engine(written: str, url: str, places: bool) -> Config:
    """The same file, with tables in the place of exports."""
    column = ', columns: {"home": {"from": [home_latitude, home_longitude], "type": place}}' if places else ""
    written = written.replace('"file": "contacts.csv"', '"table": "people"', 1)
    written = written.replace('"email": "email"}', f'"email": "email"{column}}}', 1)
    written = written.replace('"file": "orders.csv"', '"table": "orders"', 1)
    return load_text(f'engine: "{url}"\n{written}', Path("segments.yaml"))


def agree(put: Put, url: str, places: bool, world: World) -> int:
    """Compare one world; how many cases that were."""
    people, segments, where, window, joined_by_ref = world
    join = {"ref": "ref"} if joined_by_ref else {"email": "email"}
    sources = {**SOURCES, "orders": {**SOURCES["orders"], "join": join}}
    written = text([*segments[0], segments[1]], worlds.traits(where, window), sources)
    files = load_text(written, Path("segments.yaml"))
    rules = [node for item in files.segments.values() for node in walk(item.when)]
    assume(not any(isinstance(node, Sql) for node in rules))
    assume('"fete"' not in written)  # a table has no days without a year
    if not places:
        assume(not any(isinstance(node, Near) for node in rules))
        assume('"home"' not in written)
    orders = [{**row, "email": person["email"]} for person in people for row in person["events"]["orders"]]
    put("people", table(people, {"email": "text", "ref": "text", **worlds.TYPES}))
    put("orders", table(orders, {"email": "text", "ref": "text", **worlds.ALL_ORDER_TYPES}))
    config = of_engine(written, url, places)
    found = catalog(config, AS_OF)
    loaded = load(config, found, AS_OF, needed(config, found))
    rows = evaluate(config, loaded, AS_OF).table.to_pylist()
    types = {**loaded.types, "contacts": {**worlds.TYPES, **loaded.types["contacts"]}}
    for order in (order for person in people for order in person["events"]["orders"]):
        del order[EVENT]  # a table has one row per event
    oracle = Oracle(files, types, by_ref(people) if joined_by_ref else people, worlds.AS_OF)
    for name in config.segments:
        assert {row["email"] for row in rows if row[f"in:{name}"]} == oracle.sent(name), name
    return len(files.segments)


@pytest.fixture
def postgres_tables(postgres: str) -> Iterator[tuple[Put, str]]:
    url = postgres.replace("postgres:@", "postgres@", 1)  # without a password, not with an empty one
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of drivers, about themselves
        opened = connect.connect(url)
    yield (lambda name, rows: fill(opened, name, rows)), url
    opened.disconnect()
    connect.connect.cache_clear()


def fill(opened: Any, name: str, rows: pa.Table) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened.raw_sql(f"DROP TABLE IF EXISTS {name}").close()
        opened.create_table(name, rows)


def test_postgres_agrees_with_the_oracle(postgres_tables: tuple[Put, str]) -> None:
    put, url = postgres_tables
    sweep(POSTGRES, lambda world: agree(put, url, False, world))


@pytest.fixture
def spark_tables(tmp_path: Path) -> Iterator[tuple[Put, str]]:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: pip install 'segment-connector[spark]'")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        pytest.skip("Spark needs Java, and there is none")
    url = "spark://local[2]"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = connect.connect(url)
    yield (lambda name, rows: view(opened, tmp_path, name, rows)), url
    opened.disconnect()
    connect.connect.cache_clear()


def view(opened: Any, folder: Path, name: str, rows: pa.Table) -> None:
    """A file of its own each time: Spark reads it when it is asked."""
    path = folder / f"{name}-{len(list(folder.iterdir()))}.parquet"
    pq.write_table(rows, path)
    opened.read_parquet(path, table_name=name)


def test_spark_agrees_with_the_oracle(spark_tables: tuple[Put, str]) -> None:
    put, url = spark_tables
    sweep(SPARK, lambda world: agree(put, url, True, world))


def test_spark_tells_instants_from_local_times(spark_tables: tuple[Put, str]) -> None:
    """`timestamp` is an instant, `timestamp_ntz` a time of the file's zone."""
    put, url = spark_tables
    moment = datetime(2026, 3, 28, 23, 30)
    columns = {"email": ["a@example.com"], "seen": pa.array([moment], pa.timestamp("us", tz="UTC"))}
    put("people", pa.table({**columns, "local": pa.array([moment], pa.timestamp("us"))}))
    rules = "seen: {when: {seen: {on: 2026-03-29}}}, local: {when: {local: {on: 2026-03-28}}}"
    text = f'version: 1\ntimezone: Europe/Berlin\nengine: "{url}"\n'
    text += f"sources: {{contacts: {{table: people, email: email}}}}\nsegments: {{{rules}}}\n"
    config = load_text(text, Path("segments.yaml"))
    found = catalog(config, AS_OF)
    sizes = evaluate(config, load(config, found, AS_OF, needed(config, found)), AS_OF).sizes
    assert sizes == {"seen": 1, "local": 1}


def test_spark_reads_parquet_itself(spark_tables: tuple[Put, str], tmp_path: Path) -> None:
    people = {"email": ["ann@example.com", "bob@example.com"], "plan": ["a", "b"]}
    pq.write_table(pa.table(people), tmp_path / "p.parquet")
    text = 'version: 1\nengine: "spark://local[2]"\nsources:\n  contacts: {file: "p*.parquet", email: email}\n'
    config = load_text(text + "segments:\n  s: {when: {plan: a}}\n", tmp_path / "segments.yaml")
    loaded = load(config, catalog(config, worlds.AS_OF), worlds.AS_OF)
    rows = evaluate(config, loaded, worlds.AS_OF).table.to_pylist()
    assert [row["email"] for row in rows if row["in:s"]] == ["ann@example.com"]
