"""What an export lacks as a whole: every row, every readable time, every usable address. Failed exports look like this.

Owns: these findings and their sentences, and which findings are warnings. Must not: stop a run (the guards of the plan
do), quote a cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from connector.config.sections.advice_codes import WARNINGS
from connector.core.counts import by_count
from connector.sources import engine
from connector.sources.findings import Findings
from connector.sources.model import Finding
from connector.sources.rows import Span
from connector.sources.tables import Typed
from connector.sources.text import name, plain

if TYPE_CHECKING:
    import duckdb

_LIKE = "as after a failed export"


def warnings(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What everybody who looks at a segment or a plan must know, in whole sentences."""
    return tuple(f"WARNING: {finding.message}" for finding in findings if finding.code in WARNINGS)


def files(source: str, spans: Sequence[Span], findings: Findings) -> None:
    """Every file of `source` that has no row."""
    for span in spans:
        if span.start == span.end:
            file = span.export.file.name
            no_rows(source, f"{plain(file)} has a header and no row", findings, file)


def no_rows(source: str, what: str, findings: Findings, file: str = "") -> None:
    """`what` is the file or table, and that it has no row."""
    findings.add("no-rows", source, "", 1, f"{source}: {what}, {_LIKE}. {_meaning(source)}", (file, 0))


def times(
    con: duckdb.DuckDBPyConnection, source: str, typed: Typed, at: tuple[str, str] | None, findings: Findings
) -> None:
    """Every file none of whose usable rows has a time in the column `at` (its name, and as it is written)."""
    if at is None or not typed.rows:
        return
    for span in typed.spans:
        inside = f"FILTER (_row >= {span.start} AND _row < {span.end})"
        counts = f"count(*) {inside}, count({name(at[0])}) {inside}"
        rows, timed = engine.row(con, f"SELECT {counts} FROM {typed.table}")
        if rows and not timed:
            file = span.export.file.name
            no_times(source, at[1], rows, f" of {plain(file)}", findings, file)


def no_times(source: str, at: str, rows: int, where: str, findings: Findings, file: str = "") -> None:
    what = f"none of the {rows:,} rows{where} has a" if rows > 1 else f"the only row{where} has no"
    message = (
        f"{source}: {what} time in “{plain(at)}”, {_LIKE}. {by_count(rows, 'It is', 'They are')} in no window: "
        "`never` and `not` with one hold for everybody."
    )
    findings.add("no-times", source, at, rows, message, (file, 0))


def people(rows: int, persons: int, findings: Findings) -> None:
    """Contacts without any usable address."""
    if rows and not persons:
        what = f"none of the {rows:,} rows of contacts has a" if rows > 1 else "the only row of contacts has no"
        message = f"contacts: {what} usable address, {_LIKE}. Nobody is in any segment."
        findings.add("no-people", "contacts", "email", rows, message)


def _meaning(source: str) -> str:
    if source == "contacts":
        return "Nobody of it is in any segment."
    if source.startswith("members of "):
        return "Nobody of it is in the segment."
    return "Rules count no event of it: without other files, `never` and `not` hold for everybody."
