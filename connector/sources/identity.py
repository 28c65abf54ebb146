"""One person, one row: duplicates of an address are merged.

Owns: the merge and its report. Must not: normalise addresses (emails.py).

The newest row by `updated_at` comes first, an undated row is the oldest, then the later row of the files; per column
the first value that is not missing wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connector.sources import engine
from connector.sources.findings import Findings
from connector.sources.kept import rank
from connector.sources.text import name

if TYPE_CHECKING:
    import duckdb


def merge(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], updated_at: str | None, findings: Findings
) -> None:
    """Merge the rows of `table` that share `_email`. Only those are touched."""
    # Equal addresses have equal hashes: numbers are grouped much quicker than texts, and hardly any row is left.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT _email, count(*) AS n FROM {table} SEMI JOIN"
        f" (SELECT hash(_email) AS h FROM {table} GROUP BY h HAVING count(*) > 1) alike ON hash(_email) = alike.h"
        " GROUP BY _email HAVING n > 1"
    )
    persons, rows = engine.row(con, "SELECT count(*), coalesce(sum(n), 0) FROM twice")
    if not persons:
        return
    con.execute(
        "CREATE OR REPLACE TEMP TABLE ranked AS SELECT *, row_number() OVER"
        f" (PARTITION BY _email ORDER BY {rank(updated_at)}) AS _rank FROM {table} SEMI JOIN twice USING (_email)"
    )
    _conflicts(con, [column for column in columns if column != updated_at], findings)
    con.execute(f"DELETE FROM {table} WHERE _email IN (SELECT _email FROM twice)")
    best = "".join(f", arg_min({name(column)}, _rank) AS {name(column)}" for column in columns)
    con.execute(f"INSERT INTO {table} BY NAME SELECT min(_row) AS _row, _email{best} FROM ranked GROUP BY _email")
    con.execute("DROP TABLE ranked")
    message = "rows repeat the address of another and were merged into it"
    findings.add("duplicates", "contacts", "email", int(rows) - int(persons), message)


def _conflicts(con: duckdb.DuckDBPyConnection, columns: Sequence[str], findings: Findings) -> None:
    if not columns:
        return
    differing = ", ".join(f"count(DISTINCT {name(column)}) > 1 AS {name(column)}" for column in columns)
    counts = ", ".join(f"count(*) FILTER ({name(column)})" for column in columns)
    row = engine.row(con, f"SELECT {counts} FROM (SELECT {differing} FROM ranked GROUP BY _email)")
    for column, count in zip(columns, row, strict=True):
        findings.add(
            "conflict", "contacts", column, count, "people have different values in their rows; the newest won"
        )
