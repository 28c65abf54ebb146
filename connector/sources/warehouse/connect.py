"""Another engine: the connection, its tables as they are found, and the rows that come back.

Owns: connect(), inspect(), rows(), and how every trouble of an engine becomes a SourceError. Must not: know rules, or
what is done with a table (warehouse_load.py).

An engine's own texts may quote cells and addresses, so of its errors only the class survives.
"""

from __future__ import annotations

import contextlib
import secrets
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connector.config.sections.engines import scheme
from connector.config.sections.models import Config, Source
from connector.core.errors import ConnectorError
from connector.core.model import ColumnType
from connector.core.problem import Place
from connector.sources.trouble import fail

if TYPE_CHECKING:
    import ibis.expr.datatypes as dt

    from connector.sources.files.formats import Export

_TEMPORARY = ("postgres", "snowflake", "bigquery")
_EXTRAS = {"postgresql": "postgres"}


def backend(config: Config) -> Any:
    """The Ibis backend of the file's engine; the same one for the same address. Raises SourceError."""
    place, kind = config.place(("engine",)), scheme(config.engine)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drivers, about themselves
            return connect(config.engine)
    except ImportError:
        extra = _EXTRAS.get(kind, kind)
        fail(place, "engine-missing", f"{kind}:// needs its driver: pip install 'segment-connector[{extra}]'.")
    except Exception as error:  # noqa: BLE001 - the edge to five drivers: whatever they raise, there is no connection
        fail(
            place,
            "engine-unreachable",
            f"{kind} does not answer or does not let us in ({type(error).__name__}). Check the address, and user and "
            "password in the engine's own settings.",
        )


@lru_cache(maxsize=8)
def connect(url: str) -> Any:
    """An open Ibis backend whose session reads times in UTC."""
    import ibis

    kind, _, rest = url.partition("://")
    if kind == "spark":
        return _spark(rest)
    if kind in _EXTRAS:
        url = f"postgres://{rest}"
    opened = ibis.connect(url)
    if opened.name == "postgres":
        opened.raw_sql("SET TIME ZONE 'UTC'").close()
    return opened


def _spark(rest: str) -> Any:
    """spark://local, spark://local[4], or spark://HOST:PORT of a cluster; with the session that is open, if one is."""
    import ibis
    from pyspark.sql import SparkSession

    master = "local[*]" if rest in ("", "local") else rest if rest.startswith("local[") else f"spark://{rest}"
    builder = SparkSession.builder.master(master).appName("segment-connector")
    settings = {"spark.sql.session.timeZone": "UTC", "spark.ui.enabled": "false"}
    if master.startswith("local"):  # the default of 200 is meant for a cluster
        settings["spark.sql.shuffle.partitions"] = "4"
    for key, value in settings.items():
        builder = builder.config(key, value)
    return ibis.pyspark.connect(builder.getOrCreate())


def table(config: Config, source: Source) -> Any:
    """The table of a source. Raises SourceError when the engine has none of this name."""
    from ibis.common.exceptions import TableNotFound

    *where, name = str(source.table).split(".")
    place = config.place(("sources", source.name, "table"))
    opened = backend(config)
    with working(place, config):
        try:
            return _with_zones(opened, opened.table(name, database=tuple(where) or None), str(source.table))
        except TableNotFound:
            fail(place, "table-missing", f"there is no table {source.table}. Write it as schema.name, or correct it.")


def _with_zones(opened: Any, found: Any, name: str) -> Any:
    """Spark's `timestamp` is an instant and its `timestamp_ntz` a local time; Ibis takes both for local."""
    if opened.name != "pyspark":
        return found
    instants = [column for column, type_ in opened._session.table(name).dtypes if type_ == "timestamp"]
    return found.mutate(**{column: found[column].cast("timestamp('UTC', 6)") for column in instants})


def inspect(config: Config, source: Source) -> Export:
    """The table's columns as an export without a file; those of types that no rule can ask about are left out."""
    from connector.sources.files.formats import Export

    types = {name: column_type(dtype) for name, dtype in table(config, source).schema().items()}
    known = {name: type_ for name, type_ in types.items() if type_ is not None}
    return Export(Path(str(source.table)), "table", tuple(known), tuple(known.values()))


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
    with working(Place("engine"), None), opened.to_pyarrow_batches(query) as batches:
        return pa.Table.from_batches(list(batches), schema=batches.schema)


def lookup(opened: Any, rows: pa.Table) -> Any:
    """A small Arrow table as a table of the engine. (Ibis brings it to Spark through pandas, which loses nulls.)"""
    import ibis

    if opened.name != "pyspark":
        return ibis.memtable(rows)
    from ibis.backends.pyspark.datatypes import PySparkSchema

    name = f"connector_{secrets.token_hex(6)}"
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
    elif opened.name in _TEMPORARY:
        opened.create_table(name, query, temp=True)
    else:
        return query
    return opened.table(name)


@contextlib.contextmanager
def working(place: Place, config: Config | None) -> Iterator[None]:
    """Turn whatever an engine raises inside into a SourceError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of drivers, about themselves
            yield
    except (ConnectorError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the edge to five engines: anything they raise is about this query
        kind = scheme(config.engine) if config is not None else "the engine"
        fail(place, "engine-failed", f"{kind} refused or broke off a query ({type(error).__name__}). See its own log.")
