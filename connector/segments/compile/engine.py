"""How an expression becomes Arrow, and how a small Arrow table becomes part of an expression.

Owns: everything here that depends on the engine. Must not: build expressions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import ibis
import ibis.expr.operations as ops
import pyarrow as pa
import pyarrow.compute as pc

from connector.sources.warehouse import columns, connect

DUCKDB = "duckdb"
_numbers = count()


@ibis.udf.scalar.builtin(name="strlen")  # type: ignore[untyped-decorator]
def _bytes(text: str) -> int:  # type: ignore[empty-body]
    """The length in bytes, as DuckDB calls it."""


@ibis.udf.scalar.builtin(name="md5")  # type: ignore[untyped-decorator]
def _md5(text: str) -> str:  # type: ignore[empty-body]
    """The hash in hexadecimal, as DuckDB, PostgreSQL, Spark and Snowflake call it."""


def awkward(connection: Any, text: Any) -> Any:
    """Whether the engine's lower() compares the text wrongly: it is not ASCII, or has a blank at either end.

    A pattern would say it in one word, and take DuckDB three times as long over a million rows."""
    if connection.name != DUCKDB:
        return ~columns.is_plain(text)
    return (_bytes(text) != text.length()) | (text < "!") | (text.right(1) < "!")


def md5(connection: Any, text: Any) -> Any:
    """The MD5 of a text in hexadecimal, lower case."""
    return text.hexdigest("md5") if connection.has_operation(ops.HexDigest) else _md5(text)


def arrow(connection: Any, query: Any) -> pa.Table:
    """The rows of an Ibis expression. DuckDB hands its vectors over; Ibis' own way copies each of them.

    Raises SourceError when another engine does not answer."""
    if connection.name != DUCKDB:
        with _whole():
            return connect.rows(connection, query)
    return connection.con.sql(_sql(connection, query)).to_arrow_table()


def _sql(connection: Any, query: Any) -> str:
    """Its stages stay as they are: each test is computed once, and looking for selects to merge costs more than
    compiling."""
    with _whole():
        return str(connection.compile(query))


@contextmanager
def _whole() -> Iterator[None]:
    """Stages stay as they are."""
    before = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        yield
    finally:
        ibis.options.sql.fuse_selects = before


def table(connection: Any, rows: pa.Table) -> Any:
    """`rows` as an Ibis table, for as long as the connection lives."""
    if connection.name != DUCKDB:
        return connect.lookup(connection, rows)
    name = f"segments_{next(_numbers)}"
    connection.con.register(name, rows)
    with warnings.catch_warnings():  # Ibis 12 reads the schema by a name that DuckDB 2 is about to drop
        warnings.simplefilter("ignore", DeprecationWarning)
        return connection.table(name)


def matching(texts: pa.ChunkedArray, form: Callable[[str], str], pattern: str) -> pa.Table:
    """`_key`, `found`: whether each text, in its form, matches the pattern as RE2 reads it."""
    known = [text for text in texts.to_pylist() if text is not None]
    formed = pa.array([form(text) for text in known], pa.string())
    return pa.table({"_key": pa.array(known, pa.string()), "found": pc.match_substring_regex(formed, pattern)})
