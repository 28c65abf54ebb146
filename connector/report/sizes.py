"""The history of segments, for people and programs: sizes over time, entries and exits, changed definitions.

Owns: its words. Must not: read a store, show an address.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from connector.core.counts import count_of
from connector.core.plan import Moment
from connector.measure.history import Course, Point
from connector.report.table import table

NOTHING = "The history is empty yet: the next push or `sync snapshot` begins it."
UNTOLD = "–"
SHOWN = 12


def history_json(courses: Sequence[Course]) -> dict[str, Any]:
    return {
        "schema": "connector.history/1",
        "segments": [
            {
                "segment": course.segment,
                "known_since": course.since.isoformat(),
                "points": [_point(point) for point in course.points],
                "definitions": [
                    {"hash": point.definition, "since": point.at.isoformat(), "rule": point.rule}
                    for point in course.changes
                ],
            }
            for course in courses
        ],
    }


def history_csv(courses: Sequence[Course]) -> str:
    out = io.StringIO()
    names = ["segment", "at", "run", "size", "share", "entered", "left", "definition", "changed"]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    for course in courses:
        writer.writerows({"segment": course.segment, **_point(point)} for point in course.points)
    return out.getvalue().rstrip("\n")


def history_text(courses: Sequence[Course], zone: ZoneInfo, everything: bool = False) -> str:
    """`everything`: all moments, and the text of every definition."""
    if not courses:
        return NOTHING
    return "\n\n".join(_course(course, zone, everything) for course in courses)


def _course(course: Course, zone: ZoneInfo, everything: bool) -> str:
    points = course.points if everything else course.points[-SHOWN:]
    rows = []
    for point in points:
        share = UNTOLD if point.share is None else f"{point.share:.1%}"
        told = "definition changed" if point.changed else ""
        kind = point.run or "snapshot"
        rows.append((_when(point, zone), f"{point.size:,}", share, _flow(point.entered), _flow(point.left), kind, told))
    since = f"known since {course.points[0].at.astimezone(zone):%Y-%m-%d %H:%M}"
    more = len(course.points) - len(points)
    since += f"; {more:,} earlier moments with -v" if more else ""
    header = ("  at", "size", "share", "entered", "left", "run", "")
    lines = [f"{course.segment} ({since})", table(header, rows, right=(1, 2, 3, 4))]
    if everything:
        for point in course.changes:
            lines += [f"  definition {point.definition} since {_when(point, zone).strip()}:"]
            lines += [f"    {line}" for line in point.rule.splitlines()]
    return "\n".join(lines)


def snapshot_json(moment: Moment, skipped: Mapping[str, str]) -> dict[str, Any]:
    return {
        "schema": "connector.snapshot/1",
        "kept": True,
        "segments": {one["segment"]: one["size"] for one in moment.segments.to_pylist()},
        "skipped": dict(skipped),
    }


def snapshot_text(moment: Moment, skipped: Mapping[str, str]) -> str:
    count = count_of(moment.segments.num_rows, "segment")
    told = f"Kept: the sizes of {count}, and who entered and left. Look at them with: sync history"
    return "\n".join([told, *(f"Left out: {name}: {why}." for name, why in skipped.items())])


def _point(point: Point) -> dict[str, Any]:
    return {
        "at": point.at.isoformat(),
        "run": point.run,
        "size": point.size,
        "share": point.share,
        "entered": point.entered,
        "left": point.left,
        "definition": point.definition,
        "changed": point.changed,
    }


def _when(point: Point, zone: ZoneInfo) -> str:
    return f"  {point.at.astimezone(zone):%Y-%m-%d %H:%M}"


def _flow(number: int | None) -> str:
    return UNTOLD if number is None else f"{number:,}"
