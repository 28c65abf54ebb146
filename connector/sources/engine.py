"""Small things every step asks of DuckDB.

Owns: in_memory(), one row, one number. Must not: know a table.

Results are always fetched to their end: DuckDB 2 refuses other work on a connection while one is unfinished.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from connector.core.private import Folder

if TYPE_CHECKING:
    import duckdb
    from ibis.backends.duckdb import Backend


def row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    """The first row of the answer; () when there is none."""
    found = con.execute(query).fetchall()
    return tuple(found[0]) if found else ()


def number(con: duckdb.DuckDBPyConnection, query: str) -> int:
    """The single number of the answer, null as 0."""
    return int(row(con, query)[0] or 0)


def in_memory() -> Backend:
    """A new in-memory engine that spills to a private folder, removed with it, and never goes to the network."""
    from ibis.backends.duckdb import Backend  # by its name: `ibis.duckdb` looks through all installed packages

    folder = Folder("spill")
    opened: Backend = Backend().connect(temp_directory=str(folder.path))
    opened.con.execute("SET TimeZone = 'UTC'")
    opened.con.execute("SET autoinstall_known_extensions = false; SET autoload_known_extensions = false")
    weakref.finalize(opened, folder.remove)
    return opened
