"""The sizes and overlaps of segments.

Owns: their words and JSON. Must not: evaluate, judge, or show an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.core.counts import count_of
from connector.report.table import table
from connector.segments.evaluate import Evaluation, overlap


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
        "notes": list(evaluation.notes),
    }


def segments_text(evaluation: Evaluation, titles: Mapping[str, str]) -> str:
    rows = [
        (name, f"{evaluation.sizes[name]:,}", f"{_share(evaluation, name):.1%}", title)
        for name, title in titles.items()
    ]
    lines = [
        count_of(evaluation.contacts, "contact"),
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
