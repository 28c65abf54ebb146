"""SQL over Arrow tables: names, and the database in memory that computes with them.

Owns: how a name becomes an identifier, and the databases of this process. Must not: hold statements.
"""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_lock = threading.Lock()


def identifier(name: str) -> str:
    """A name as an SQL identifier, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'


def scratch(memory: str = "") -> duckdb.DuckDBPyConnection:
    """A connection to an empty database in memory, to be closed (`with`). What is registered and every temp table
    belong to it alone. All connections of one limit to the memory ("768MB") share it. A database of its own would cost
    15 ms of the processor each time."""
    with _lock:
        return _database(memory).cursor()


@cache
def _database(memory: str) -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config={"memory_limit": memory} if memory else {})
