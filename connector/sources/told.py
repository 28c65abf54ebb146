"""What was found while loading, as sentences: what concerns most people first.

Owns: told(), sentence(). Must not: find anything, show an address.

A finding that every reader must see is a warning (columns/vacant.py) and not among these.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from connector.config.sections.advice_codes import WARNINGS
from connector.core.scrub import scrub
from connector.sources.model import Finding

_LONGEST = 400


def told(findings: Iterable[Finding], without: Container[str] = WARNINGS) -> tuple[str, ...]:
    """A sentence for each but those whose code is in `without`."""
    kept = [finding for finding in findings if finding.code not in without]
    ordered = sorted(kept, key=lambda one: (-one.count, one.source, one.column, one.code))
    return tuple(dict.fromkeys(sentence(finding) for finding in ordered))


def sentence(finding: Finding) -> str:
    """What, how often, and the first case: its file, row and cell."""
    about = f"{finding.source}.{finding.column}" if finding.column else finding.source
    return scrub(f"{about}: {finding.count:,} {finding.message}{_first(finding)}", _LONGEST)


def _first(finding: Finding) -> str:
    if not finding.file or finding.code == "column-not-in-file":
        return ""
    place = f"{finding.file} row {finding.row:,}" if finding.row else finding.file
    return f"; the first: {place}" + (f", “{finding.examples[0]}”" if finding.examples else "")
