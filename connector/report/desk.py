"""What a marketer sees at the desk: check, and the sizes and overlaps of segments.

Owns: their words and JSON. Must not: evaluate, judge, or show an address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connector.problem import Problem
from connector.report.table import table
from connector.segments.evaluate import Evaluation, overlap
from connector.sources.model import Finding, Loaded

SHOWN = 10


def check_json(evaluation: Evaluation, loaded: Loaded, advice: Sequence[Problem]) -> dict[str, Any]:
    return {
        "schema": "connector.check/1",
        "contacts": evaluation.contacts,
        "rows": dict(loaded.rows),
        "quarantine": [
            {key: row[key] for key in ("source", "file", "row", "reason")} for row in loaded.quarantine.to_pylist()
        ],
        "findings": [_finding(finding) for finding in loaded.findings],
        "advice": [problem.as_json() for problem in advice],
    }


def check_text(evaluation: Evaluation, loaded: Loaded, advice: Sequence[Problem], verbose: bool) -> str:
    lines = [f"{name}: {count:,} rows read" for name, count in loaded.rows.items()]
    lines.append(f"{evaluation.contacts:,} contacts in {len(evaluation.sizes)} segments; no errors.")
    lines += _quarantine_lines(loaded, verbose)
    lines += [f"note: {finding.source}.{finding.column}: {finding.message}" for finding in loaded.findings]
    lines += [str(problem) for problem in advice]
    return "\n".join(lines)


def segments_json(evaluation: Evaluation, titles: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema": "connector.segments/1",
        "contacts": evaluation.contacts,
        "segments": [
            {"name": name, "title": title, "members": evaluation.sizes[name], "share": _share(evaluation, name)}
            for name, title in titles.items()
        ],
        "overlap": [
            {"segments": [one, other], "members": both, "share_of_smaller": round(share, 4)}
            for one, other, both, share in _pairs(evaluation, titles)
        ],
    }


def segments_text(evaluation: Evaluation, titles: Mapping[str, str]) -> str:
    rows = [
        (name, f"{evaluation.sizes[name]:,}", f"{_share(evaluation, name):.1%}", title)
        for name, title in titles.items()
    ]
    lines = [
        f"{evaluation.contacts:,} contacts",
        "",
        table(("segment", "members", "share", "title"), rows, right=(1, 2)),
    ]
    pairs = [
        (one, other, f"{both:,}", f"{share:.1%}") for one, other, both, share in _pairs(evaluation, titles) if both
    ]
    if pairs:
        lines += ["", table(("segment", "and", "in both", "of the smaller"), pairs, right=(2, 3))]
    return "\n".join(lines)


def _share(evaluation: Evaluation, name: str) -> float:
    return round(evaluation.sizes[name] / evaluation.contacts, 4) if evaluation.contacts else 0.0


def _pairs(evaluation: Evaluation, names: Mapping[str, str]) -> list[tuple[str, str, int, float]]:
    """(one, other, in both, share of the smaller), largest share first."""
    found = []
    for (one, other), both in overlap(evaluation).items():
        if one in names and other in names:
            smaller = min(evaluation.sizes[one], evaluation.sizes[other])
            found.append((one, other, both, both / smaller if smaller else 0.0))
    return sorted(found, key=lambda pair: -pair[3])


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


def _quarantine_lines(loaded: Loaded, verbose: bool) -> list[str]:
    rows = loaded.quarantine.to_pylist()
    if not rows:
        return []
    reasons = Counter(row["reason"] for row in rows)
    lines = [f"quarantine: {len(rows):,} rows ({', '.join(f'{n:,} {reason}' for reason, n in reasons.most_common())})"]
    shown = rows if verbose else rows[:SHOWN]
    lines += [f"  {row['file']}:{row['row']}: {row['reason']}" for row in shown]
    if len(rows) > len(shown):
        lines.append(f"  … and {len(rows) - len(shown):,} more: sync check -v")
    return lines
