"""Further addresses of people (`emails:`): what is known under one of them is theirs.

Owns: which of them are one person's only. Must not: send to one, merge people, normalise addresses (emails.py).

They go where identity.py keeps the addresses that people had before: the table `moved` (old, home). The own address of
a contact is that contact's, whichever row names it beside another; one that several people name is nobody's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.core.counts import by_count
from connector.sources import emails, engine
from connector.sources.cells import place, quoted
from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import literal

if TYPE_CHECKING:
    import duckdb

COLUMN = "emails"
_ONE = r"""[^\s;,|<>()\[\]"]+@[^\s;,|<>()\[\]"]+"""


def take(con: duckdb.DuckDBPyConnection, typed: Typed, text: str, findings: Findings) -> None:
    """Add what the cells name to `moved`. `text` is SQL over raw `r`: a cell with any number of addresses."""
    con.execute("CREATE TEMP TABLE IF NOT EXISTS moved (old VARCHAR, home VARCHAR)")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE written AS
        SELECT t._row, t._email, unnest(regexp_extract_all({text}, {literal(_ONE)})) AS text
        FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid WHERE contains({text}, '@')
    """)
    if not engine.number(con, "SELECT count(*) FROM written"):
        return
    emails.map_rest(con, f"SELECT text FROM written WHERE {emails.quick('text')} IS NULL", "further_rest")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE further AS
        SELECT w._row, w._email, coalesce({emails.quick("w.text")}, m.email) AS old
        FROM written w LEFT JOIN further_rest m USING (text) WHERE old IS NOT NULL AND old <> w._email;
        CREATE OR REPLACE TEMP TABLE own AS
        SELECT f.* FROM further f SEMI JOIN {typed.table} t ON t._email = f.old;
        CREATE OR REPLACE TEMP TABLE several AS
        SELECT old FROM further GROUP BY old HAVING min(_email) <> max(_email);
        INSERT INTO moved SELECT old, min(_email) FROM further
        WHERE old NOT IN (SELECT old FROM own UNION SELECT old FROM several UNION SELECT old FROM moved) GROUP BY old
    """)
    several = "further SEMI JOIN several USING (old) ANTI JOIN own USING (old)"
    _tell(
        con,
        typed,
        "own",
        ("contact names", "contacts name"),
        "a further address that is another contact's own",
        findings,
    )
    _tell(
        con,
        typed,
        several,
        ("contact shares", "contacts share"),
        "a further address: what is known under it is nobody's",
        findings,
    )


def _tell(
    con: duckdb.DuckDBPyConnection, typed: Typed, which: str, who: tuple[str, str], message: str, findings: Findings
) -> None:
    count, row, sample = engine.row(con, f"SELECT count(*), min(_row), arg_min(old, _row) FROM {which}")
    where = place(con, typed.raw, typed.spans, row)
    findings.add(
        "shared-key",
        "contacts",
        COLUMN,
        count,
        f"{by_count(count, *who)} {message}, as “{quoted(sample or '')}”",
        where,
    )
