"""One export file of any format: what it is, its headers, and its rows as a raw table of texts.

Owns: telling the formats apart, Export, the raw table's shape. Must not: interpret cells or know a source's columns.

The raw table has `_reason` (why the row cannot be used, else null), `_line` (where it stands, null when rows.py can
work it out) and `h0`, `h1`, … VARCHAR, one per wanted header. A list is its JSON text. Rows stand in file order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from connector.config.sections.models import Source
from connector.core.model import ColumnType
from connector.core.problem import Place
from connector.sources import engine
from connector.sources.files import csv, json_lines, parquet, workbooks
from connector.sources.files.csv import Dialect, Tally
from connector.sources.files.encoding import open_bytes
from connector.sources.files.lakes import partitions
from connector.sources.text import fold, literal
from connector.sources.trouble import fail, reading

if TYPE_CHECKING:
    import duckdb

Kind = Literal["csv", "jsonl", "parquet", "xlsx", "table"]
MOST_COLUMNS = 4000
_BOOKS = {".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"}
_JSON = {".json", ".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".pq"}


@dataclass(frozen=True, slots=True)
class Export:
    """One file. `types` are those the format itself fixes (Parquet); `sheet` and `dialect` are set for their kinds."""

    file: Path
    kind: Kind
    headers: tuple[str, ...]
    types: tuple[ColumnType | None, ...]
    dialect: Dialect | None = None
    sheet: str | None = None
    first_row: int = 1  # XLSX: the header's row
    partitions: Mapping[str, str | None] = field(default_factory=dict)  # the last headers: values of folders' names


def inspect(file: Path, source: Source, place: Place) -> Export:
    """Headers and format of `file`, from its first bytes. Raises SourceError."""
    with reading(place, file.name):
        if file.stat().st_size == 0:
            fail(Place(file.name), "file-empty", f"{file.name} is empty: not even a header. Export it again.")
        kind = _kind(file)
        export = {"csv": _csv, "jsonl": _jsonl, "parquet": _parquet, "xlsx": _xlsx}[kind](file, source, place)
    if not any(header.strip() for header in export.headers):
        fail(Place(file.name, 1), "no-header", f"{file.name} has no header row. See `skip_rows` and `sheet`.")
    if len(export.headers) > MOST_COLUMNS:
        text = f"{file.name} has {len(export.headers):,} columns, and at most {MOST_COLUMNS:,} are read. Export fewer."
        fail(Place(file.name, 1), "too-many-columns", text)
    there = {fold(header) for header in export.headers}
    more = {header: value for header, value in partitions(file).items() if fold(header) not in there}
    types = (*export.types, *(None for _ in more))
    return replace(export, headers=(*export.headers, *more), types=types, partitions=more)


def read(
    con: duckdb.DuckDBPyConnection,
    export: Export,
    wanted: Sequence[int | None],
    into: str,
    wants_address: bool,
    private: Path,
) -> Tally:
    """Append the rows of `export` to the raw table `into`: h0, h1 … are the headers at `wanted` (None: all null)."""
    if not export.partitions:
        return _read(con, export, wanted, into, wants_address, private)
    own = len(export.headers) - len(export.partitions)
    start = engine.number(con, f"SELECT count(*) FROM {into}")
    inside = [None if position is None or position >= own else position for position in wanted]
    tally = _read(con, export, inside, into, wants_address, private)
    values = list(export.partitions.values())
    for slot, position in enumerate(wanted):
        value = values[position - own] if position is not None and position >= own else None
        if value is not None:
            con.execute(f"UPDATE {into} SET h{slot} = {literal(value)} WHERE rowid >= {start}")
    return tally


def _read(
    con: duckdb.DuckDBPyConnection,
    export: Export,
    wanted: Sequence[int | None],
    into: str,
    wants_address: bool,
    private: Path,
) -> Tally:
    match export.kind:
        case "csv":
            assert export.dialect is not None
            return csv.read(con, export.file, export.dialect, wanted, into, wants_address, private)
        case "jsonl":
            assert export.dialect is not None
            return json_lines.read(con, export.file, export.dialect, [_at(export, i) for i in wanted], into)
        case "parquet":
            return parquet.read(con, export.file, [_at(export, i) for i in wanted], into)
        case "xlsx":
            return workbooks.read(con, export.file, export.sheet, export.first_row, wanted, into, wants_address)
        case "table":
            raise AssertionError("tables are not read into DuckDB (warehouse.py)")


def create_raw(con: duckdb.DuckDBPyConnection, table: str, width: int) -> None:
    columns = "".join(f", h{slot} VARCHAR" for slot in range(width))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {table} (_reason VARCHAR, _line BIGINT{columns})")


def _at(export: Export, position: int | None) -> str | None:
    return None if position is None else export.headers[position]


def _kind(file: Path) -> Kind:
    with file.open("rb") as stream:
        magic = stream.read(8)
    if magic.startswith(b"PAR1"):
        return "parquet"
    if magic.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
        return "xlsx"
    suffixes = {suffix.lower() for suffix in file.suffixes}
    for kind, ours, what in (("parquet", _PARQUET, "Parquet file"), ("xlsx", _BOOKS, "workbook")):
        if file.suffix.lower() in ours:
            fail(
                Place(file.name),
                "file-unreadable",
                f"{file.name} is no {what}, or is cut off ({kind}). Export it again.",
            )
    if suffixes & _JSON:
        return "jsonl"
    with open_bytes(file) as stream:
        return "jsonl" if stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b'{"') else "csv"


def _csv(file: Path, source: Source, place: Place) -> Export:
    try:
        delimiter = source.delimiter or ("\t" if ".tsv" in [s.lower() for s in file.suffixes] else None)
        how = csv.dialect(file, source.encoding, delimiter, source.skip_rows)
    except LookupError:
        fail(
            place, "unknown-encoding", f'encoding "{source.encoding}" is unknown. Try utf-8, utf-16, cp1252 or latin-1.'
        )
    except ValueError:
        fail(
            Place(file.name), "no-header", f"{file.name} ends before a header row. See `skip_rows`, or export it again."
        )
    return Export(file, "csv", how.headers, (None,) * len(how.headers), dialect=how)


def _jsonl(file: Path, source: Source, place: Place) -> Export:
    how = json_lines.dialect(file, source.encoding)
    if how is None:
        fail(Place(file.name, 1), "not-json-lines", f"{file.name} is not JSON lines: write one object a line.")
    return Export(file, "jsonl", how.headers, (None,) * len(how.headers), dialect=how)


def _parquet(file: Path, source: Source, place: Place) -> Export:
    headers, types = parquet.schema(file)
    return Export(file, "parquet", headers, types)


def _xlsx(file: Path, source: Source, place: Place) -> Export:
    sheet, first_row, headers = workbooks.header(file, source.sheet, source.skip_rows, place)
    return Export(file, "xlsx", headers, (None,) * len(headers), sheet=sheet, first_row=first_row)
