"""What was measured, as parts of a report: performance of segments, and experiments.

Owns: these parts of the document. Must not: measure, or word what `sync measure` words already (report/measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.measure.experiment import Result
    from connector.measure.performance import Performance

DIGITS = 6
NOTHING = (
    "Nothing is measured yet. Name what tells of mail and money in segments.yaml, measure: {mail: …, revenue: …}, and "
    "what a segment is for, goal: {orders: {within: 7 days}}; docs/measure.md has examples."
)


def performance_json(
    performances: Sequence[Performance],
    results: Sequence[Result],
    hints: Sequence[str],
    asked: bool,
    alike: tuple[Sequence[tuple[str, str, float, float]], str],
) -> dict[str, Any]:
    """As `sync measure --format json`, rounded, with the reasons put together; `why` when nothing was `asked`."""
    from connector.report.measured.values import measure_json

    told = _rounded(measure_json(performances, results, hints))
    return {
        "performance": {
            "why": None if asked else NOTHING,
            "segments": told["segments"],
            "reasons": _reasons(told["segments"]),
            "unread": _unread(told["segments"]),
            "hints": told["hints"],
            "alike": _rounded(
                [{"segments": [one, other], "rates": [mine, theirs]} for one, other, mine, theirs in alike[0]]
            ),
            "alike_why": alike[1] or None,
        },
        "experiments": told["experiments"],
    }


def _rounded(value: Any) -> Any:
    """Sums of parts that were computed side by side differ in their last digits from run to run."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(one) for one in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def _unread(segments: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each destination whose campaign reports are missing, with why, once."""
    found = {each["destination"]: each["why"] for one in segments for each in one["reported"] if each["why"]}
    return [{"destination": name, "why": why} for name, why in found.items()]


def _reasons(segments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each reason once, with the figures and segments that it is about."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for one in segments:
        for part in ("figures", "lifetime"):
            for name, figure in one[part].items():
                if figure["why"]:
                    figures, about = found.setdefault(figure["why"], ({}, {}))
                    figures[name] = about[one["segment"]] = None
    return [{"why": why, "figures": list(names), "segments": list(about)} for why, (names, about) in found.items()]
