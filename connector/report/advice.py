"""What `sync check` tells: errors and advice for people, for programs and as annotations of a pull request.

Owns: their words, the JSON document "connector.check/1" and GitHub's annotation lines. Must not: judge, or show an
address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from connector.config.sections.advice_codes import HOUSEKEEPING, TOLD, WARNINGS
from connector.core.counts import count_of
from connector.core.problem import Problem, Severity
from connector.segments.advice.model import Advice
from connector.segments.advice.quality import SegmentQuality
from connector.sources.model import Finding, Loaded
from connector.sources.told import told

SHOWN, ROWS_SHOWN = 5, 10  # of one code, of the quarantine; all with -v
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.ADVICE: "notice"}
_TOLD = ("join-finds-some", *TOLD, *WARNINGS)  # findings that are advice as well


def check_json(
    segments: int,
    contacts: int,
    loaded: Loaded,
    advice: Sequence[Advice],
    quality: Sequence[SegmentQuality],
    not_looked_at: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "schema": "connector.check/1",
        "contacts": contacts,
        "segments": segments,
        "rows": dict(loaded.rows),
        "quarantine": [
            {key: row[key] for key in ("source", "file", "row", "reason")} for row in loaded.quarantine.to_pylist()
        ],
        "findings": [_finding(finding) for finding in loaded.findings],
        "errors": [],
        "quality": [asdict(item) | {"sound": item.sound} for item in quality],
        "advice": [item.problem.as_json() | {"silence": item.silence} for item in advice],
        "not_looked_at": dict(not_looked_at),
    }


def file_json(segments: int, advice: Sequence[Advice]) -> dict[str, Any]:
    """The same document for `--no-data`: nothing of the exports is in it."""
    told = [item.problem.as_json() | {"silence": item.silence} for item in advice]
    return {"schema": "connector.check/1", "segments": segments, "errors": [], "advice": told}


def file_text(segments: int, advice: Sequence[Advice], verbose: bool) -> str:
    lines = [f"{count_of(segments, 'segment')}; no errors in the file. No export was read."]
    return "\n".join([*lines, *advice_lines(advice, verbose)])


def errors_json(problems: Sequence[Problem]) -> dict[str, Any]:
    """The same document for a file or export that cannot be used."""
    return {"schema": "connector.check/1", "errors": [problem.as_json() for problem in problems], "advice": []}


def check_text(
    segments: int,
    contacts: int,
    loaded: Loaded,
    advice: Sequence[Advice],
    verbose: bool,
    not_looked_at: Mapping[str, str] | None = None,
) -> str:
    lines = [f"{name}: {count_of(count, 'row')} read" for name, count in loaded.rows.items()]
    lines.append(f"{count_of(contacts, 'contact')} in {count_of(segments, 'segment')}; no errors.")
    lines += _quarantine_lines(loaded, verbose)
    lines += [f"note: {sentence}" for sentence in told(loaded.findings, _TOLD)]
    lines += [f"note: {code} was not looked at: {why}." for code, why in (not_looked_at or {}).items()]
    lines += advice_lines(advice, verbose)
    return "\n".join(lines)


def advice_lines(advice: Sequence[Advice], verbose: bool) -> list[str]:
    """The weightiest first; of one code the first few and of housekeeping one line, unless everything is asked for."""
    seen: Counter[str] = Counter()
    lines: list[str] = []
    kept = [item for item in advice if verbose or item.code not in HOUSEKEEPING]
    for item in kept:
        seen[item.code] += 1
        if verbose or seen[item.code] <= SHOWN:
            lines.append(str(item.problem))
    more = {code: number - SHOWN for code, number in seen.items() if number > SHOWN}
    if more and not verbose:
        lines.append(f"… and {', '.join(f'{number} more {code}' for code, number in more.items())}: sync check -v")
    if len(kept) < len(advice):
        lines.append(_housekeeping(advice))
    if advice:
        lines += ["", "To switch advice off, write silence: [code] in the segment, or at the top of the file."]
    return lines


def _housekeeping(advice: Sequence[Advice]) -> str:
    """`housekeeping: 5 without owner, 3 without goal`: no risk, so one line."""
    counts = Counter(item.code for item in advice if item.code in HOUSEKEEPING)
    parts = [f"{count:,} {code.replace('no-', 'without ').replace('-', ' ')}" for code, count in counts.items()]
    return f"housekeeping: {', '.join(parts)}: sync check -v"


def github_lines(problems: Sequence[Problem]) -> str:
    """One workflow command per problem (docs.github.com, workflow commands, 2026-11-21)."""
    return "\n".join(_annotation(problem) for problem in problems)


def _annotation(problem: Problem) -> str:
    place = problem.place
    where = {"file": place.file, "line": place.line, "col": place.column, "title": problem.code}
    given = ",".join(f"{key}={_property(str(value))}" for key, value in where.items() if value)
    return f"::{_LEVELS[problem.severity]} {given}::{_data(problem.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "source": finding.source,
        "column": finding.column,
        "count": finding.count,
        "message": finding.message,
        "file": finding.file,
        "row": finding.row,
        "examples": list(finding.examples),
    }


def _line(row: int) -> str:
    """Rows of a table have no number."""
    return f":{row}" if row else ""


def _quarantine_lines(loaded: Loaded, verbose: bool) -> list[str]:
    rows = loaded.quarantine.to_pylist()
    if not rows:
        return []
    reasons = Counter(row["reason"] for row in rows)
    why = ", ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
    lines = [f"quarantine: {count_of(len(rows), 'row')} ({why})"]
    shown = rows if verbose else rows[:ROWS_SHOWN]
    lines += [f"  {row['file']}{_line(row['row'])}: {row['reason']}" for row in shown]
    if len(rows) > len(shown):
        lines.append(f"  … and {len(rows) - len(shown):,} more: sync check -v")
    return lines
