"""The demo's exports are of the day that they are made for, and the same on every day but for the dates."""

from __future__ import annotations

import csv
import gzip
import subprocess
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connector.app import advice as verbs
from connector.app.offline import evaluate
from connector.app.workspace import Options, open_workspace
from connector.demo.exports import ZONE, exports
from connector.demo.folder import FILE, TEXT, write

BERLIN = ZoneInfo(ZONE)
DAYS = [
    date(2026, 3, 29),  # summer time begins
    date(2026, 10, 25),  # and ends
    date(2026, 11, 20),
    date(2027, 1, 1),
    date(2027, 8, 31),
    date(2028, 2, 29),
    date(2035, 3, 1),
]
SIZES = {"new_subscribers": 492, "repeat_customers": 1258, "vip": 264, "at_risk": 512, "inactive": 519}


@pytest.fixture(params=DAYS, ids=str)
def day(request: pytest.FixtureRequest) -> date:
    found: date = request.param
    return found


@pytest.fixture
def folder(day: date, tmp_path: Path) -> Path:
    write(tmp_path, day)
    return tmp_path


def moments(day: date) -> list[datetime]:
    """Its first minute, the middle and the last one in the demo's zone, and the last moment before it is too old."""
    clocks = [datetime.combine(day, each, BERLIN) for each in (time(0, 0, 1), time(12), time(23, 59, 59))]
    return [*clocks, (clocks[-1].astimezone(UTC) + timedelta(hours=36)).astimezone(BERLIN)]


def rows(made: Mapping[str, bytes], name: str) -> list[dict[str, str]]:
    (content,) = (content for file, content in made.items() if file.startswith(name))
    text = gzip.decompress(content) if name.startswith("email_events") else content
    return list(csv.DictReader(text.decode("utf-8-sig").splitlines()))


@pytest.mark.sweep(keep=1)
def test_the_same_day_gives_the_same_bytes_and_another_day_the_same_people(day: date) -> None:
    made = exports(day)
    assert made == exports(day)
    other = exports(day + timedelta(days=1))
    assert [row["Email"] for row in rows(made, "contacts")] == [row["Email"] for row in rows(other, "contacts")]
    assert [row["amount"] for row in rows(made, "orders")] == [row["amount"] for row in rows(other, "orders")]
    assert made["orders.csv"] != other["orders.csv"]


@pytest.mark.sweep(keep=1)
def test_segments_are_of_the_same_size_on_every_day(day: date, folder: Path) -> None:
    for moment in moments(day)[:3:2]:
        options = Options(file=folder / FILE, as_of=moment.isoformat())
        with open_workspace(options, offline=True) as workspace:
            found = evaluate(workspace).table
        assert found.num_rows == 5003
        assert {name: found[f"in:{name}"].to_pylist().count(True) for name in SIZES} == SIZES, moment


@pytest.mark.sweep(keep=2)
def test_nothing_in_it_lies_in_the_future(day: date) -> None:
    first = moments(day)[0]
    made = exports(day)
    for name, column in (("orders", "ordered_at"), ("email_events", "occurred_at")):
        latest = max(row[column] for row in rows(made, name))
        assert datetime.fromisoformat(latest) < first
    for column in ("Create Date", "Last Modified Date", "Opted in at"):
        latest = max(row[column] or "" for row in rows(made, "contacts"))
        assert datetime.fromisoformat(latest).replace(tzinfo=BERLIN) < first


@pytest.mark.sweep(keep=1)
def test_the_demo_has_little_advice_and_is_not_too_old_on_any_day(day: date, folder: Path) -> None:
    """What is left are the keys, which nobody has who only tries it."""
    for moment in moments(day)[1::2]:
        with open_workspace(Options(file=folder / FILE, as_of=moment.isoformat()), offline=True) as workspace:
            found = verbs.check(workspace)
        assert {item.problem.code for item in found.advice} <= {"secret-not-set"}, moment


def test_the_segments_of_the_checkout_are_those_of_the_demo() -> None:
    """Those that are committed: people who try it change a line of it."""
    root = Path(__file__).parent.parent.parent
    edited = ["git", "diff", "--quiet", "HEAD", "--", FILE]
    if subprocess.run(edited, cwd=root, stderr=subprocess.DEVNULL).returncode == 1:
        pytest.skip(f"{FILE} is being edited")
    assert (root / FILE).read_text(encoding="utf-8") == TEXT, f"copy {FILE} to connector/demo, or back"
