"""Segments over time in a report: sizes at the last moments, and who entered and left.

Owns: these parts of the document. Must not: read a store, or hold an address without --people.

A moment is a push or a snapshot. Entries and exits are counted each time: who left and came back is in both numbers.
None is “not known”, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.measure.history import Course, Point

MOMENTS = 30  # of the line of a segment
COLUMNS = 6  # of the table of sizes


@dataclass(frozen=True, slots=True)
class Since:
    """Who entered and left between the last moment and now; `people` with --people alone."""

    entered: int
    left: int
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """What the history knows of the segments. `now`: segment -> what changed since its last moment, of those that are
    in that moment; `since` is the date that the reader asked about."""

    courses: Sequence[Course]
    now: Mapping[str, Since]
    since: datetime


def history_json(past: Past, names: Sequence[str]) -> dict[str, Any]:
    courses = _known(past, names)
    moments = sorted({point.at for course in courses for point in course.points})[-COLUMNS:]
    return {
        "known_from": min(course.since for course in courses).isoformat() if courses else None,
        "moments": [at.isoformat() for at in moments],
        "segments": [
            {
                "name": course.segment,
                "known_from": course.since.isoformat(),
                "moments": len(course.points),
                "points": [_point(point) for point in course.points[-MOMENTS:]],
                "sizes": _sizes(course, moments),
                "definition_changed": [point.at.isoformat() for point in course.changes[1:]],
            }
            for course in courses
        ],
    }


def flows_json(past: Past, names: Sequence[str]) -> dict[str, Any]:
    courses = _known(past, names)
    return {"since": past.since.isoformat(), "segments": [_flow(past, course) for course in courses]}


def _known(past: Past, names: Sequence[str]) -> list[Course]:
    found = {course.segment: course for course in past.courses}
    return [found[name] for name in names if name in found]


def _point(point: Point) -> dict[str, Any]:
    return {
        "at": point.at.isoformat(),
        "run": point.run,
        "size": point.size,
        "entered": point.entered,
        "left": point.left,
        "changed": point.changed,
    }


def _sizes(course: Course, moments: Sequence[datetime]) -> list[int | None]:
    found = {point.at: point.size for point in course.points}
    return [found.get(at) for at in moments]


def _flow(past: Past, course: Course) -> dict[str, Any]:
    last, now = course.points[-1], past.now.get(course.segment)
    later = [point for point in course.points if point.at > past.since]
    entered, left = ([getattr(point, key) for point in later] for key in ("entered", "left"))
    found: dict[str, Any] = {
        "name": course.segment,
        "last": {"at": last.at.isoformat(), "entered": last.entered, "left": last.left},
        "now": None if now is None else {"entered": now.entered, "left": now.left},
        "since": {
            "from": max(past.since, course.since).isoformat(),
            "entered": _sum(entered, now.entered if now else 0),
            "left": _sum(left, now.left if now else 0),
        },
    }
    if now is not None and now.people:
        found["people"] = {way: list(emails) for way, emails in now.people.items()}
    return found


def _sum(counts: Sequence[int | None], now: int) -> int:
    """Of what is known: at its first moment nobody could tell who of a segment is new."""
    return sum(count for count in counts if count is not None) + now
