"""Who entered and left, from known moments of the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.measure.history import Course, Point
from connector.report.page.course import COLUMNS, Past, Since, flows_json, history_json

DAY = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def course(name: str, *points: tuple[int, int, int | None, int | None], changed: int = -1) -> Course:
    """`points`: day of November, size, entered, left."""
    return Course(
        name,
        tuple(
            Point(DAY + timedelta(days=day - 1), None, size, None, entered, left, "h", "r", number == changed)
            for number, (day, size, entered, left) in enumerate(points)
        ),
    )


def test_flows_are_summed_from_a_date_on() -> None:
    """What happened at the very moment of the date is before it; the first moment of a segment tells no flow."""
    vip = course("vip", (1, 10, None, None), (5, 12, 3, 1), (9, 11, 0, 1), changed=2)
    new = course("new", (9, 7, None, None))
    past = Past((vip, new), {"vip": Since(2, 5)}, datetime(2026, 11, 5, 12, 0, tzinfo=UTC))
    one, other = flows_json(past, ["vip", "new", "never"])["segments"]
    assert one["last"] == {"at": "2026-11-09T12:00:00+00:00", "entered": 0, "left": 1}
    assert (one["now"], one["since"]["entered"], one["since"]["left"]) == ({"entered": 2, "left": 5}, 2, 6)
    assert one["since"]["from"] == "2026-11-05T12:00:00+00:00"
    assert (other["last"]["entered"], other["now"], other["since"]["entered"]) == (None, None, 0)
    assert other["since"]["from"] == "2026-11-09T12:00:00+00:00"  # not known before


def test_sizes_stand_under_their_moments() -> None:
    vip = course("vip", *((day, day, 1, 0) for day in range(1, 9)))
    new = course("new", (8, 7, None, None))
    found = history_json(Past((vip, new), {}, DAY), ["new", "vip"])
    assert len(found["moments"]) == COLUMNS and found["known_from"] == "2026-11-01T12:00:00+00:00"
    sizes = {one["name"]: one["sizes"] for one in found["segments"]}
    assert sizes == {"vip": [3, 4, 5, 6, 7, 8], "new": [None] * 5 + [7]}
    assert history_json(Past((), {}, DAY), ["vip"]) == {"known_from": None, "moments": [], "segments": []}
