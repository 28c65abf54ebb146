"""The counted observations of one load, in one place.

Owns: Findings, the codes below and their sentences. Must not: query anything.

Codes: not-of-type, ambiguous-date, ambiguous-number, normalised, unknown-spelling, short-rows, footer-rows, broken-
quotes, undecoded, column-not-in-file, duplicates, conflict, no-person, after-as-of, undated, encoding-guessed,
headers-collide, header-zone, one-id, mixed-separators, nearly-typed, consent-unclear, consent-blank, those of
related.py (join-finds-some, join-finds-nobody, shared-key), keys.py (shared-key, shortened-key), lines.py (event-
lines, repeated-id, same-rows), columns/doubts.py (encoded-twice, letters-lost, html-codes, sheet-error),
columns/currencies.py (two-currencies), and those of vacant.py: no-rows, no-times, no-people.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from connector.core.counts import by_count
from connector.sources.files.csv import Tally
from connector.sources.model import Finding


@dataclass(slots=True)
class Findings:
    """Collects the findings of a load."""

    found: list[Finding] = field(default_factory=list)

    def add(
        self,
        code: str,
        source: str,
        column: str,
        count: int,
        message: str,
        where: tuple[str, int] = ("", 0),
        examples: tuple[str, ...] = (),
    ) -> None:
        if count > 0:
            self.found.append(Finding(code, source, column, count, message, where[0], where[1], examples))

    def lacking(self, source: str, header: str, file: Path) -> None:
        """A file without a column that another file of the source has."""
        message = f"{file.name} lacks this column, which other files of the source have"
        self.add("column-not-in-file", source, header, 1, message, (file.name, 1))

    def tally(self, source: str, file: Path, tally: Tally) -> None:
        """What the careful read of one file met."""
        for what, code, one, many, message in (
            ("short", "short-rows", "row has", "rows have", "fewer cells than the header: the others are missing"),
            ("footers", "footer-rows", "line of a report's footer was", "lines of a report's footer were", "dropped"),
            ("quotes", "broken-quotes", "row has a quote in the wrong place and was",
             "rows have a quote in the wrong place and were", "read line by line"),
        ):  # fmt: skip
            count, where = getattr(tally, what), (file.name, tally.first.get(what, 0))
            self.add(code, source, "", count, f"{by_count(count, one, many)} {message}", where)
        places = by_count(tally.undecoded, "place is", "places are")
        message = f"{places} not in the file's encoding and became �. Set `encoding`."
        self.add("undecoded", source, "", tally.undecoded, message, (file.name, 0))
