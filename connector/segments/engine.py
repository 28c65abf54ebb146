"""How an expression becomes Arrow, and how a small Arrow table becomes part of an expression.

Owns: the only two calls that depend on the engine. Must not: build expressions.
"""

from __future__ import annotations

import warnings
from itertools import count
from typing import Any

import ibis
import pyarrow as pa

_numbers = count()


def arrow(connection: Any, query: Any) -> pa.Table:
    """The rows of an Ibis expression. DuckDB hands its vectors over; Ibis' own way copies each of them."""
    return connection.con.sql(_sql(connection, query)).to_arrow_table()


def _sql(connection: Any, query: Any) -> str:
    """Its stages stay as they are: each test is computed once, and looking for selects to merge costs more than
    compiling."""
    before = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        return str(connection.compile(query))
    finally:
        ibis.options.sql.fuse_selects = before


def table(connection: Any, rows: pa.Table) -> Any:
    """`rows` as an Ibis table, for as long as the connection lives."""
    name = f"segments_{next(_numbers)}"
    connection.con.register(name, rows)
    with warnings.catch_warnings():  # Ibis 12 reads the schema by a name that DuckDB 2 is about to drop
        warnings.simplefilter("ignore", DeprecationWarning)
        return connection.table(name)
