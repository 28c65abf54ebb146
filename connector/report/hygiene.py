"""The state of the exports, told: text, the JSON document "connector.hygiene/1", and a CSV of rows to mend.

Owns: the words and forms. Must not: judge, or show an address in full but in the CSV, which is for mending them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from connector.config.sections.advice_codes import WARNINGS
from connector.core.counts import count_of
from connector.report.table import table
from connector.report.values import printable, wrapped
from connector.sources.columns.vacant import warnings
from connector.sources.hygiene.report import ROWS_SCHEMA, Filled, Spelling, Survey
from connector.sources.model import Finding

_SHOWN = 6  # spellings of one value
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

# The order of the report: what a mail depends on comes first. Everything else follows under “Files and values”.
_CHAPTERS = {
    "Addresses": ("typo", "disposable", "role"),
    "Duplicates": ("duplicates", "conflict"),
    "Dates": ("future-date", "no-real-date", "after-as-of", "undated", "ambiguous-date", "stale-dates", "stale-export"),
    "Size": ("shrunken", "empty-column", "no-person", "shared-key", "join-finds-some"),
}


def hygiene_json(found: Survey, as_of: datetime) -> dict[str, Any]:
    return {
        "schema": "connector.hygiene/1",
        "as_of": as_of.isoformat(),
        "contacts": found.contacts,
        "rows": dict(found.rows),
        "columns": [
            {"source": item.source, "name": item.column, "type": item.type, "filled": item.filled,
             "missing": item.missing}
            for item in found.columns
        ],
        "spellings": [
            {"column": item.column, "written": item.written, "read_as": item.read_as, "count": item.count}
            for item in found.spellings
        ],
        "quarantine": [asdict(item) for item in found.quarantined],
        "findings": [asdict(item) for item in found.findings],
    }  # fmt: skip


def hygiene_csv(found: Survey, rows: pa.Table) -> str:
    """One line per row and concern, then one per finding that is about no single row, at the header of its file. Safe
    to open in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ROWS_SCHEMA.names)
    for row in rows.to_pylist():
        writer.writerow([safe(row[key]) for key in ROWS_SCHEMA.names])
    told = set(rows["code"].to_pylist())
    for item in found.findings:
        if item.code not in told:
            detail = f"{item.count} {item.message}"
            file, row = found.headers.get(item.source, ("", 0))
            place = (item.file or file, item.row or (row if item.file in ("", file) else 1))
            cells = (item.code, item.source, place[0], place[1] or None, item.column, None, detail)
            writer.writerow([safe(cell) for cell in cells])
    return text.getvalue().rstrip("\n")


def safe(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def hygiene_text(found: Survey, verbose: bool = False) -> str:
    """For people: counts, the first place of each finding, no address."""
    read = ", ".join(f"{count:,} {source}" for source, count in found.rows.items())
    lines = [f"{count_of(found.contacts, 'contact')}; rows read: {read}", ""]
    if found.quarantined:
        lines += ["Quarantine: in no segment, and never sent", *_lines(found.quarantined), ""]
    if warned := warnings(found.findings):
        lines += ["Failed exports?", *(f"  {warning}" for warning in warned), ""]
    spelled = {item.column for item in found.spellings}  # told below, spelling by spelling
    rest = [item for item in found.findings if item.code != "normalised" or item.column not in spelled]
    rest = [item for item in rest if item.code not in WARNINGS]
    for title, codes in _CHAPTERS.items():
        here = [item for code in codes for item in rest if item.code == code]
        lines += [title, *_lines(here), ""] if here else []
        rest = [item for item in rest if item.code not in codes]
    lines += ["Files and values", *_lines(rest), ""] if rest else []
    lines += _spellings(found.spellings)
    lines += _columns(found.columns, verbose)
    lines += ["", "Nothing was changed. Every row with its place: sync hygiene --format csv"]
    return "\n".join(line for text in lines for line in wrapped(text))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for item in findings:
        where = "" if item.source == "contacts" and item.column in ("email", "") else f"{_name(item)}: "
        yield f"  {item.count:>7,}  {item.code}: {where}{item.message}"
        if len(item.examples) > 1 or (item.examples and not item.row):
            yield f"{'':11}{', '.join(item.examples)}"
        if item.file:
            cell = f", “{item.examples[0]}”" if len(item.examples) == 1 and item.row else ""
            yield f"{'':11}{item.file}" + (f" row {item.row:,}{cell}" if item.row else "")


def _name(item: Finding) -> str:
    own = item.column if item.source == "contacts" else f"{item.source}.{item.column}"
    return own.rstrip(".")


def _spellings(spellings: Sequence[Spelling]) -> Iterator[str]:
    """Columns of countries and of yes/no, value by value, with the ways they are written."""
    if not spellings:
        return
    yield "Spellings that are read as one value"
    for (column, read_as), items in groupby(spellings, key=lambda item: (item.column, item.read_as)):
        ways = list(items)
        written = ", ".join(f"{_cell(item.written)} ({item.count:,})" for item in ways[:_SHOWN])
        more = f", … {len(ways) - _SHOWN} more" if len(ways) > _SHOWN else ""
        meaning = f"→ {read_as}" if read_as is not None else "not understood"
        yield f"  {column} {meaning}: {written}{more}"
    yield ""


def _cell(text: str) -> str:
    plain = printable(text)
    return f"“{plain}”" if plain != plain.strip() else plain


def _columns(columns: Iterable[Filled], verbose: bool) -> Iterator[str]:
    """Values per column; without `verbose` only columns in which some are missing."""
    rows = []
    for item in columns:
        total = item.filled + item.missing
        if (verbose or item.missing) and total:
            own = item.column if item.source == "contacts" else f"{item.source}.{item.column}"
            rows.append((f"  {own}", item.type, f"{item.filled:,}", f"{item.missing:,}", f"{item.missing / total:.1%}"))
    if rows:
        yield from table(("Missing values", "type", "filled", "missing", "share"), rows, right=(2, 3, 4)).splitlines()
    else:
        yield "No value is missing."
