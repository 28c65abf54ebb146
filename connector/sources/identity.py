"""One person, one row: addresses under one CRM id are one person's, and rows of one address are merged.

Owns: both, and their report. Must not: normalise addresses (emails.py).

The newest row by `updated_at` comes first, an undated row is the oldest, then the later row of the files; per column
the first value that is not missing wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.cells import place, quoted
from connector.sources.findings import Findings
from connector.sources.kept import rank
from connector.sources.keys import exact
from connector.sources.tables import Typed
from connector.sources.text import name

if TYPE_CHECKING:
    import duckdb

AT_MOST = 5  # addresses of one person under one id; an id of more is none


def readdress(
    con: duckdb.DuckDBPyConnection, typed: Typed, text: str, updated_at: str | None, findings: Findings
) -> None:
    """One CRM id under several addresses is one person, at the address of the newest row. `text` is SQL over raw `r`:
    the id. The table `moved` (old, home) keeps where they went."""
    con.execute("CREATE OR REPLACE TEMP TABLE moved (old VARCHAR, home VARCHAR)")
    con.execute(  # numbers are grouped much quicker than texts, and hardly any is there twice
        f"CREATE OR REPLACE TEMP TABLE alike AS SELECT hash({exact(text)}) AS h FROM {typed.raw} r"
        f" WHERE ({text}) IS NOT NULL GROUP BY h HAVING count(*) > 1"
    )
    if not engine.number(con, "SELECT count(*) FROM alike"):
        return
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE ids AS
        SELECT t._row, t._email, {exact(text)} AS _id FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid;
        CREATE OR REPLACE TEMP TABLE many AS
        SELECT _id FROM ids WHERE _id <> '0' GROUP BY _id HAVING min(_email) <> max(_email)
    """)
    if not engine.number(con, "SELECT count(*) FROM many"):
        return
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE homes AS
        SELECT _id, first(_email ORDER BY {rank(updated_at)}) AS home FROM (
            SELECT i._id, t.* FROM {typed.table} t JOIN ids i USING (_row) SEMI JOIN many USING (_id)
        ) GROUP BY _id HAVING count(DISTINCT _email) <= {AT_MOST};
        UPDATE {typed.table} SET _email = h.home FROM ids i JOIN homes h USING (_id)
        WHERE {typed.table}._row = i._row AND {typed.table}._email <> h.home;
        INSERT INTO moved SELECT i._email, min(h.home) FROM ids i JOIN homes h USING (_id)
        WHERE i._email <> h.home AND i._email NOT IN (
            SELECT t._email FROM {typed.table} t JOIN ids USING (_row) WHERE _id <> '0'
            AND _id NOT IN (SELECT _id FROM many ANTI JOIN homes USING (_id))
        ) GROUP BY i._email HAVING count(DISTINCT h.home) = 1
    """)
    follow(con, typed.table)
    many, few = engine.row(con, "SELECT (SELECT count(*) FROM many), (SELECT count(*) FROM homes)")
    (sample, row) = engine.row(con, "SELECT arg_min(_id, _row), min(_row) FROM ids SEMI JOIN homes USING (_id)")
    who = by_count(few, "person has", "people have")
    message = f"{who} several addresses under one id, as “{quoted(sample or '')}”; that of the newest row counts"
    findings.add("one-id", "contacts", "id", int(few), message, place(con, typed.raw, typed.spans, row))
    none = int(many) - int(few)
    one, more = "id appears with more than {} addresses: it is", "ids appear with more than {} addresses: they are"
    message = f"{by_count(none, one, more).format(AT_MOST)} nobody's, and each address is a person"
    (row,) = engine.row(con, "SELECT min(_row) FROM ids SEMI JOIN many USING (_id) ANTI JOIN homes USING (_id)")
    where = place(con, typed.raw, typed.spans, row)
    findings.add("shared-key", "contacts", "id", none, message, where)


def follow(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Rows of `table` that name an address which somebody had are theirs."""
    con.execute(f"UPDATE {table} SET _email = m.home FROM moved m WHERE _email = m.old")


def repeated(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Make the table `repeated` (h): hashes of addresses of several rows. Equal addresses have equal hashes; numbers
    are grouped much quicker than texts, and hardly any is left."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT hash(_email) AS h FROM {table} GROUP BY h HAVING count(*) > 1"
    )


def merge(
    con: duckdb.DuckDBPyConnection, typed: Typed, columns: Sequence[str], updated_at: str | None, findings: Findings
) -> None:
    """Merge the rows of the typed table that share `_email`. Only those are touched. Expects `repeated`."""
    table = typed.table
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT _email, count(*) AS n FROM {table}"
        " SEMI JOIN repeated ON hash(_email) = repeated.h GROUP BY _email HAVING n > 1"
    )
    persons, rows = engine.row(con, "SELECT count(*), coalesce(sum(n), 0) FROM twice")
    if not persons:
        return
    con.execute(
        "CREATE OR REPLACE TEMP TABLE ranked AS SELECT *, row_number() OVER"
        f" (PARTITION BY _email ORDER BY {rank(updated_at)}) AS _rank FROM {table} SEMI JOIN twice USING (_email)"
    )
    _conflicts(con, typed, [column for column in columns if column != updated_at], findings)
    (again,) = engine.row(con, "SELECT min(_row) FROM ranked WHERE _rank > 1")
    where = place(con, typed.raw, typed.spans, again)
    con.execute(f"DELETE FROM {table} WHERE _email IN (SELECT _email FROM twice)")
    best = "".join(f", arg_min({name(column)}, _rank) AS {name(column)}" for column in columns)
    con.execute(f"INSERT INTO {table} BY NAME SELECT min(_row) AS _row, _email{best} FROM ranked GROUP BY _email")
    con.execute("DROP TABLE ranked")
    more = int(rows) - int(persons)
    what = by_count(more, "row repeats the address of another and was", "rows repeat the address of another and were")
    findings.add("duplicates", "contacts", "email", more, f"{what} merged into it", where)


def _conflicts(con: duckdb.DuckDBPyConnection, typed: Typed, columns: Sequence[str], findings: Findings) -> None:
    if not columns:
        return
    differing = ", ".join(f"count(DISTINCT {name(column)}) > 1 AS {name(column)}" for column in columns)
    counts = ", ".join(f"count(*) FILTER ({name(column)}), min(_first) FILTER ({name(column)})" for column in columns)
    query = (
        f"SELECT {counts} FROM (SELECT min(_row) FILTER (_rank > 1) AS _first, {differing} FROM ranked GROUP BY _email)"
    )
    found = engine.row(con, query)
    for column, count, row in zip(columns, found[::2], found[1::2], strict=True):
        who = by_count(count, "person has", "people have")
        message = f"{who} different values in their rows; the newest won"
        findings.add("conflict", "contacts", column, count, message, place(con, typed.raw, typed.spans, row))
