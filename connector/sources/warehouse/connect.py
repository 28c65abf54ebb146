"""Another engine: the connection, its tables as they are found, and the rows that come back.

Owns: connect(), inspect(), rows(). Must not: know rules, word an error (troubles.py), or what is done with a
table (load.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connector.config.sections import variables
from connector.config.sections.models import Config, Source
from connector.core.model import ColumnType
from connector.core.problem import Place
from connector.sources import engine
from connector.sources.files.discover import files_of
from connector.sources.trouble import fail
from connector.sources.warehouse import local, troubles
from connector.sources.warehouse.troubles import EXTRAS, working

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from connector.sources.files.formats import Export

_TEMPORARY = ("postgres", "snowflake", "bigquery")
# PostgreSQL's defaults are meant for many small queries: its own sorts go to disk from 4 MB on, and compiling a long
# expression for the processor takes longer than running it.
_SESSION = "SET TIME ZONE 'UTC'; SET work_mem = '128MB'; SET temp_buffers = '64MB'; SET jit = off"
_whose: dict[int, Config] = {}  # of each backend the file that asked for it last


def backend(config: Config) -> Any:
    """The Ibis backend of the file's engine; the same one for the same address. Raises SourceError, and ConfigError for
    a variable that is not set."""
    session, path = config.session, local.file_of(config)
    if config.engine in session.engines:
        return session.engines[config.engine]
    url = variables.filled(config.engine, config.place(("engine",)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drivers, about themselves
            found = connect(url) if path is None else local.opened(config, path, engine.in_memory)
    except ImportError:
        troubles.missing(config)
    except Exception as error:  # noqa: BLE001 - the edge to six drivers: whatever they raise, there is no connection
        troubles.unreachable(config, error)
    if path is not None:
        session.at_end(found.disconnect)
    session.engines[config.engine], _whose[id(found)] = found, config
    session.at_end(lambda: _whose.pop(id(found), None))
    return found


@lru_cache(maxsize=8)
def connect(url: str) -> Any:
    """An open Ibis backend whose session reads times in UTC."""
    import ibis

    kind, _, rest = url.partition("://")
    if kind == "spark":
        return _spark(rest)
    if kind == "duckdb":  # MotherDuck: what Ibis would take for a path
        from ibis.backends.duckdb import Backend

        opened = Backend().connect(rest.removeprefix("/"))
        opened.con.execute("SET TimeZone = 'UTC'")
        return opened
    if kind in EXTRAS:
        url = f"postgres://{rest}"
    opened = ibis.connect(url)
    if opened.name == "postgres":
        opened.raw_sql(_SESSION).close()
    return opened


def _spark(rest: str) -> Any:
    """spark://local, spark://local[4], or spark://HOST:PORT of a cluster; with the session that is open, if one is."""
    import ibis
    from pyspark.sql import SparkSession

    master = "local[*]" if rest in ("", "local") else rest if rest.startswith("local[") else f"spark://{rest}"
    builder = SparkSession.builder.master(master).appName("segment-connector")
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    quietly: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
    if not Path(os.environ.get("SPARK_CONF_DIR", ""), "log4j2.properties").is_file():
        quietly = no_stderr_for_children()
        quiet = Path(__file__).with_name("quiet.properties").as_uri()
        settings["spark.driver.extraJavaOptions"] = f"-Dlog4j2.configurationFile={quiet}"
    if master.startswith("local"):  # the default of 200 is meant for a cluster
        settings["spark.sql.shuffle.partitions"] = "4"
    for key, value in settings.items():
        builder = builder.config(key, value)
    with quietly:
        session = builder.getOrCreate()
    return ibis.pyspark.connect(session)


@contextlib.contextmanager
def no_stderr_for_children() -> Iterator[None]:
    """Processes that are started inside write no errors to the terminal: a Java machine warns there, before it knows
    of any settings for logs. What this process writes meanwhile is lost as well."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def table(config: Config, source: Source) -> Any:
    """The table of a source. Raises SourceError when the engine has none of this name."""
    from ibis.common.exceptions import TableNotFound

    *where, name = str(source.table).split(".")
    place = config.place(("sources", source.name, "file" if source.file else "table"))
    opened, path = backend(config), local.file_of(config)
    with working(place, config):
        try:
            if source.file is not None:
                return _with_zones(opened, *_files(opened, config, source))
            if path is not None:
                return local.table(opened, config, path, source)
            return _with_zones(opened, opened.table(name, database=tuple(where) or None), str(source.table))
        except TableNotFound:
            fail(place, "table-missing", f"there is no table {source.table}. Write it as schema.name, or correct it.")


def _files(opened: Any, config: Config, source: Source) -> tuple[Any, str]:
    """Parquet that Spark reads itself, as a view of its session, and that view's name; of each address once."""
    written = str(source.file)
    if (name := config.session.views.get(written)) is None:
        name = f"connector_{secrets.token_hex(6)}"
        kind, _, rest = written.partition("://")
        where = [f"s3a://{rest}"] if kind == "s3" else [written]  # what Hadoop calls it
        if not rest:
            where = [str(file.resolve()) for file in files_of(config, source)]
        opened._session.read.parquet(*where).createOrReplaceTempView(name)
        config.session.views[written] = name
    return opened.table(name), name


def _with_zones(opened: Any, found: Any, name: str) -> Any:
    """Spark's `timestamp` is an instant and its `timestamp_ntz` a local time; Ibis takes both for local. `name`: the
    table's."""
    if opened.name != "pyspark":
        return found
    instants = [column for column, type_ in opened._session.table(name).dtypes if type_ == "timestamp"]
    return found.mutate(**{column: found[column].cast("timestamp('UTC', 6)") for column in instants})


def inspect(config: Config, source: Source) -> Export:
    """The table's columns as an export without a file; those of types that no rule can ask about are left out."""
    from connector.sources.files.formats import Export

    types = {name: column_type(dtype) for name, dtype in table(config, source).schema().items()}
    known = {name: type_ for name, type_ in types.items() if type_ is not None}
    return Export(Path(source.origin), "table", tuple(known), tuple(known.values()))


def column_type(dtype: dt.DataType) -> ColumnType | None:
    """What the language calls a type of the engine."""
    if dtype.is_array():
        return "list" if dtype.value_type.is_string() else None
    kinds: tuple[tuple[bool, ColumnType], ...] = (
        (dtype.is_string() or dtype.is_uuid(), "text"),
        (dtype.is_integer(), "integer"),
        (dtype.is_decimal() or dtype.is_floating(), "number"),
        (dtype.is_boolean(), "boolean"),
        (dtype.is_date(), "date"),
        (dtype.is_timestamp(), "timestamp"),
    )
    return next((type_ for holds, type_ in kinds if holds), None)


def rows(opened: Any, query: Any) -> pa.Table:
    """The answer to an Ibis expression, as it comes in batches. Raises SourceError."""
    config = _whose.get(id(opened))
    place = config.place(("engine",)) if config is not None else Place("engine")
    if opened.name == "duckdb":
        with working(place, config):
            return opened.con.sql(str(opened.compile(query))).to_arrow_table()
    with working(place, config), opened.to_pyarrow_batches(query) as batches:
        return pa.Table.from_batches(list(batches), schema=batches.schema)


def lookup(opened: Any, rows: pa.Table) -> Any:
    """A small Arrow table as a table of the engine. (Ibis brings it to Spark through pandas, which loses nulls.)"""
    import ibis

    name = f"connector_{secrets.token_hex(6)}"
    if opened.name == "duckdb":
        opened.con.register(name, rows)
        return opened.table(name)
    if opened.name != "pyspark":
        return ibis.memtable(rows)
    from ibis.backends.pyspark.datatypes import PySparkSchema

    types = PySparkSchema.from_ibis(ibis.Schema.from_pyarrow(rows.schema))
    opened._session.createDataFrame(rows, schema=types).createOrReplaceTempView(name)
    return opened.table(name)


def keep(opened: Any, query: Any) -> Any:
    """The table of a query that the engine keeps for its session, so that it is computed once. Where there are no such
    tables (Trino) it is computed where it is used.

    Ibis' own cache() drops its tables in a way that PostgreSQL does not read (Ibis 12 with SQLGlot 30)."""
    name = f"connector_{secrets.token_hex(6)}"
    if opened.name == "pyspark":
        opened._session.catalog.cacheTable(opened.create_view(name, query).get_name())
    elif opened.name == "duckdb":
        opened.con.execute(f'CREATE TEMP TABLE "{name}" AS {opened.compile(query)}')
    elif opened.name in _TEMPORARY:
        opened.create_table(name, query, temp=True)
        if opened.name == "postgres":
            opened.raw_sql(f'ANALYZE "{name}"').close()
    else:
        return query
    return opened.table(name)
