"""Whose events these are: keys of two exports that write one id in different ways.

Owns: exact(), contacts(), assign(). Must not: read files, know what an event is.

Exact texts first, numbers by value (`13085`, `13085.0`, `13,085`) and without what spreadsheets put around them
(`="00123"`); then ids of Salesforce by their first 15 signs, whose case matters; then without regard to case, but only
where the contacts' keys stay unique. A key of several contacts owns nothing, nor does a number that a spreadsheet has
shortened (`7.01234E+12`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.cells import place, quoted
from connector.sources.findings import Findings
from connector.sources.tables import Typed
from connector.sources.text import fold, literal, trim_sql

if TYPE_CHECKING:
    import duckdb

_SHORTENED = r"[+-]?\d(?:[.,]\d+)?[Ee]\+?\d+"
_PLAIN = r"\d+|[0-9A-Za-z]*[A-DF-Za-df-z][0-9A-Za-z]*"  # nothing to do: most keys
_SALESFORCE = "[0a][0-9A-Za-z]{14}(?:[0-9A-Za-z]{3})?"
_CASE_COUNTS = 15  # signs of an id of Salesforce; three more tell the case of the others


@dataclass(frozen=True, slots=True)
class Unowned:
    """Keys that own nothing: of several contacts, and shortened ones. `events` have them, `sample` is one."""

    events: int
    sample: str
    row: int | None  # the first event


def exact(text: str) -> str:
    """SQL: the key in the one form of its spellings, null when it is none; case, zeros in front and signs stay."""
    bare = rf"regexp_replace({trim_sql(text)}, '^(?:=?\"(.*)\"|''(.+))$', '\1\2')"
    number = rf"regexp_extract({bare}, '^(\d+|\d{{1,3}}(?:,\d{{3}})+)(?:\.0+)$|^(\d{{1,3}}(?:,\d{{3}})+)$', 0)"
    whole = f"replace(split_part({number}, '.', 1), ',', '')"
    shortened = f"regexp_full_match({bare}, {literal(_SHORTENED)})"
    plain = f"regexp_full_match({text}, {literal(_PLAIN)})"
    written = f"WHEN {shortened} THEN NULL WHEN {number} <> '' THEN {whole} ELSE nullif({bare}, '')"
    return f"CASE WHEN {plain} THEN {text} {written} END"


def contacts(con: duckdb.DuckDBPyConnection, typed: Typed, text: str, column: str, findings: Findings) -> None:
    """Tell of contacts whose events nobody can find: two have one key, or a spreadsheet shortened it.

    `text` is SQL over the raw table as `r`."""
    query = f"SELECT t._row, t._email, {text} AS text, {exact('text')} AS key FROM {typed.raw} r JOIN {typed.table} t"
    query += " ON t._row = r.rowid WHERE text IS NOT NULL"
    rows, first, sample = engine.row(
        con, f"SELECT count(*), min(_row), arg_min(text, _row) FROM ({query}) WHERE key IS NULL"
    )
    who = by_count(rows, "contact has", "contacts have")
    message = f"{who} a key that a spreadsheet shortened, as “{quoted(sample or '')}”: no event is theirs"
    findings.add("shortened-key", "contacts", column, rows, message, place(con, typed.raw, typed.spans, first))
    shared = f"SELECT min(_row) AS first, count(*) AS n, min(text) AS text FROM ({query}) WHERE key IS NOT NULL"
    rows, first, sample = engine.row(
        con,
        "SELECT sum(n), min(first), arg_min(text, first) FROM"
        f" ({shared} GROUP BY key HAVING min(_email) <> max(_email))",
    )
    message = f"contacts share a key, as “{quoted(sample or '')}”: events that have it are nobody's"
    findings.add("shared-key", "contacts", column, int(rows or 0), message, place(con, typed.raw, typed.spans, first))


def assign(con: duckdb.DuckDBPyConnection, events: str, known: str, into: str) -> Unowned:
    """Create `into` (_key, _email): the person of each key of the table `events` (_key, as written) that has one.

    `known` has the contacts' keys as written (_email, text); a person may have several."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE forms AS
        WITH texts AS (SELECT text FROM {known} UNION SELECT _key FROM {events} WHERE _key IS NOT NULL)
        SELECT text, {exact("text")} AS exact, exact AS _key FROM texts;
        ALTER TABLE forms ADD COLUMN short VARCHAR;
        UPDATE forms SET short = left(exact, {_CASE_COUNTS}) WHERE regexp_full_match(exact, {literal(_SALESFORCE)})
    """)
    _fold(con, "forms")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE owners AS SELECT DISTINCT _email, exact, short, _key FROM {known} JOIN forms
        USING (text) WHERE exact IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE asked AS SELECT DISTINCT f.* FROM forms f SEMI JOIN {events} e ON e._key = f.text
        WHERE exact IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE assigned AS {_level("exact", "true")}
    """)
    one_is_short = f"least(length(a.exact), length(o.exact)) = {_CASE_COUNTS}"
    con.execute(f"INSERT INTO assigned {_level('short', one_is_short)}")
    if not engine.number(con, f"SELECT count(*) FROM ({_clashes()})"):
        neither = f"(a.short IS NULL OR length(a.exact) > {_CASE_COUNTS})"
        neither += f" AND (o.short IS NULL OR length(o.exact) > {_CASE_COUNTS})"
        con.execute(f"INSERT INTO assigned {_level('_key', neither)}")
    con.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT text AS _key, _email FROM assigned WHERE people = 1")
    unowned = "SELECT text FROM assigned WHERE people > 1 UNION SELECT text FROM forms WHERE exact IS NULL"
    rows, sample, first = engine.row(
        con, f"SELECT count(*), arg_min(_key, _row), min(_row) FROM {events} WHERE _key IN ({unowned})"
    )
    return Unowned(int(rows), sample or "", first)


def _level(form: str, condition: str) -> str:
    """SQL: the keys that are not assigned yet, by one of their forms. The first form that finds anybody decides."""
    rest = "" if form == "exact" else " ANTI JOIN assigned USING (text)"
    return (
        f"SELECT a.text, min(o._email) AS _email, count(DISTINCT o._email) AS people FROM (FROM asked{rest}) a"
        f" JOIN owners o ON o.{form} = a.{form} AND {condition} GROUP BY a.text"
    )


def _clashes() -> str:
    """SQL: folded keys that are keys of different people in different cases."""
    return "SELECT _key FROM owners GROUP BY _key HAVING count(DISTINCT exact) > 1 AND count(DISTINCT _email) > 1"


def _fold(con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Replace `_key` by its folded form (Meaning 2): ASCII by the engine, the distinct rest through Python."""
    rest = con.execute(f"SELECT DISTINCT _key FROM {table} WHERE strlen(_key) <> length(_key)").fetchall()
    texts = [text for (text,) in rest]
    mapping = pa.table(
        {"text": pa.array(texts, pa.string()), "folded": pa.array([fold(text) for text in texts], pa.string())}
    )
    con.register("fold_batch", mapping)
    con.execute(
        f"UPDATE {table} SET _key = nullif(m.folded, '') FROM fold_batch m"
        " WHERE _key = m.text AND strlen(_key) <> length(_key)"
    )
    con.unregister("fold_batch")
    con.execute(f"UPDATE {table} SET _key = nullif(lower({trim_sql('_key')}), '') WHERE strlen(_key) = length(_key)")
