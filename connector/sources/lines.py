"""Events that stand on several rows: lines of one order, or one order in two files that overlap.

Owns: which column tells an event (`id:`, or the preset's), gather(), and the advice where an id repeats and nothing
tells. Must not: aggregate (segments/compile/related.py counts each event once).

Rows of one id are one event. What is blank on a line is what the first row says that has it; the time and the person
are the first row's. A row without an id is an event of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from connector.config.sections.models import Source
from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.cells import place, quoted
from connector.sources.columns.model import SourceInfo
from connector.sources.columns.presets import EVENTS
from connector.sources.findings import Findings
from connector.sources.keys import exact
from connector.sources.model import EVENT, LINE
from connector.sources.tables import Typed
from connector.sources.text import fold, name, plain

if TYPE_CHECKING:
    import duckdb

_NUMBER = r"(?:[ _-]?(?:id|no|nr|num|number|name|ref|reference|nummer|numero|número|code|key|#)\.?)"
_OF = "transaction|payment|charge|booking|receipt|purchase|deal|opportunity|auftrags?|beleg|commande|facture|pedido"
_TELLS = re.compile(rf"id|event[ _-]?id|(?:sales ?)?(?:order|invoice|bestell|rechnungs?){_NUMBER}?|(?:{_OF}){_NUMBER}")


def told(source: Source, info: SourceInfo) -> str | None:
    """The column whose value is the same on every row of an event, if the file or its preset says so."""
    if source.id is not None:
        return info.resolve(source.id)
    header, beside = EVENTS.get(source.preset, ("", ""))
    headers = {fold(one) for export in info.exports for one in export.headers}
    return info.resolve(header) if header in headers and any(one.startswith(beside) for one in headers) else None


def likely(source: Source, info: SourceInfo, key: str) -> str | None:
    """A column that looks like the number of an order, where nothing is told. `key` finds the person."""
    if told(source, info) is not None:
        return None
    for column in info.columns.values():
        if column.name != key and len(column.headers) == 1 and _TELLS.fullmatch(fold(column.headers[0])):
            return column.name
    return None


def gather(
    con: duckdb.DuckDBPyConnection,
    source: str,
    typed: Typed,
    text: str,
    at: str | None,
    person: str,
    findings: Findings,
) -> bool:
    """Give the typed table EVENT and LINE, if any event has several rows. `text` is SQL over raw `r`: the id."""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE several AS
        WITH ids AS (SELECT t._row, {exact(text)} AS id FROM {typed.raw} r JOIN {typed.table} t ON t._row = r.rowid)
        SELECT _row, min(_row) OVER (PARTITION BY id) AS event FROM ids WHERE id IS NOT NULL
        QUALIFY count(*) OVER (PARTITION BY id) > 1
    """)
    rows, events, row = engine.row(
        con, "SELECT count(*), count(DISTINCT event), min(_row) FILTER (_row <> event) FROM several"
    )
    if not rows:
        return False
    columns = [one for one in typed.types if one != at]
    first = "".join(f", arg_min(t.{name(one)}, t._row) AS {name(one)}" for one in (*typed.types, person))
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE firsts AS
        SELECT s.event{first} FROM {typed.table} t JOIN several s USING (_row) GROUP BY s.event;
        ALTER TABLE {typed.table} ADD COLUMN {EVENT} BIGINT;
        ALTER TABLE {typed.table} ADD COLUMN {LINE} BIGINT;
        UPDATE {typed.table} SET {EVENT} = _row, {LINE} = _row
    """)
    filled = [f"{name(one)} = coalesce(t.{name(one)}, f.{name(one)})" for one in columns]
    filled += [f"{name(one)} = f.{name(one)}" for one in (at, person) if one]
    con.execute(f"""
        UPDATE {typed.table} AS t SET {EVENT} = f.event, {", ".join(filled)}
        FROM several s, firsts f WHERE s._row = t._row AND f.event = s.event
    """)
    more = int(rows) - int(events)
    one, many = "row is a further line of an event that stands above it", "rows are further lines of events above them"
    message = by_count(more, f"{one}: it counts once", f"{many}: each event counts once")
    where = place(con, typed.raw, typed.spans, row)
    findings.add("event-lines", source, "", more, message, where)
    return True


def same(
    con: duckdb.DuckDBPyConnection, source: str, typed: Typed, whole: Callable[[], str], findings: Findings
) -> None:
    """Tell of rows that stand in the files twice, cell by cell, where no id tells whether they are two events. `whole`
    reads the files with all columns into a table; that is dear, and asked only if rows are alike in what is read."""
    if not _alike(con, typed.raw)[0]:
        return
    raw = whole()
    count, row = _alike(con, raw)
    con.execute(f"DROP TABLE {raw}")
    message = f"{by_count(count, 'row is', 'rows are')} the same as another in every cell, and each counts as an event"
    findings.add("same-rows", source, "", count, message, place(con, typed.raw, typed.spans, row))


def _alike(con: duckdb.DuckDBPyConnection, raw: str) -> tuple[int, int | None]:
    """(rows of `raw` that repeat another one, the first of them)."""
    cells = "COLUMNS('^h[0-9]+$')"
    rows = f"SELECT hash(*{{}}) AS h, rowid AS row FROM {raw} WHERE _reason IS NULL"
    found = engine.row(
        con,
        f"SELECT count(*), min(row) FROM (SELECT row FROM ({rows.format(cells)}) QUALIFY"
        " row_number() OVER (PARTITION BY h ORDER BY row) > 1)",
    )
    return int(found[0]), found[1]


def repeated(
    con: duckdb.DuckDBPyConnection, info: SourceInfo, typed: Typed, column: str, text: str, findings: Findings
) -> None:
    """Advice where the number of an order repeats and nobody said what that means."""
    count, sample, row = engine.row(
        con,
        f"SELECT count(*), arg_min(id, first), min(first) FROM (SELECT {exact(text)} AS id, min(r.rowid) AS first"
        f" FROM {typed.raw} r WHERE id IS NOT NULL GROUP BY id HAVING count(*) > 1)",
    )
    header = plain(info.columns[column].headers[0])
    one, many = ("value", "stands"), ("values", "stand")
    what, stand = one if count == 1 else many
    message = (
        f"{what} of “{header}” {stand} on several rows, as “{quoted(sample or '')}”, and each row counts as an event."
        f" If they are lines of one event, or files overlap, write `id: {header}` at {info.name}."
    )
    where = place(con, typed.raw, typed.spans, row)
    findings.add("repeated-id", info.name, column, int(count), message, where)
