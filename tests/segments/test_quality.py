"""Distinct, stable, large enough: the thresholds of the file, turnover over time, and segments that behave alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from connector.config.sections.quality import Quality
from connector.core.errors import ConfigError
from connector.segments.advice.check import advise
from connector.segments.advice.members import probes
from connector.segments.advice.model import Evidence
from connector.segments.advice.quality import SegmentQuality, quality, turnover
from connector.segments.advice.rates import Rate
from connector.segments.checks import types_of
from connector.segments.evaluate import evaluate
from connector.segments.probes import with_probes
from tests.launcher import sync
from tests.segments.world import AS_OF, config, loaded

RULES = """  small: {when: {n: {less_than: 12}}}
  low: {when: {n: {less_than: 500}}, review_by: 2026-11-01}
  middle: {when: {n: {between: [440, 700]}}}
  many: {when: {n: {less_than: 960}}, silence: [overlap, nearly-same, no-goal]}
  part: {when: {all: [segment: low, n: {at_least: 100}]}, review_by: 2026-11-21}
"""
PEOPLE = [{"email": f"p{number}@example.com", "n": number} for number in range(1000)]


def judged(limits: str = "", **known: Any) -> tuple[dict[str, SegmentQuality], set[tuple[str, str]]]:
    """(quality per segment, (code, segment) of the advice about it)."""
    file = config(RULES, more=f"quality: {{{limits}}}" if limits else "")
    world = loaded(PEOPLE, {"n": "integer"})
    found = evaluate(with_probes(file, probes(file)), world, AS_OF)
    given = Evidence(file, world, found, AS_OF, types_of(file, world, AS_OF), (), **known)
    codes = {(one.code, one.segments[0]) for one in advise(given) if one.segments}
    return {one.name: one for one in quality(file, found, AS_OF, given.history, given.rates)}, codes


def test_each_segment_is_judged_by_the_limits_that_are_given() -> None:
    found, codes = judged()
    assert {name: (one.size, one.small, one.everyone, one.overdue) for name, one in found.items()} == {
        "small": (12, False, False, False),
        "low": (500, False, False, True),
        "middle": (261, False, False, False),
        "many": (960, False, True, False),
        "part": (400, False, False, False),
    }
    assert [(one.segment, one.people) for one in found["middle"].overlaps] == [("low", 60), ("many", 261), ("part", 60)]
    assert [one.segment for one in found["part"].overlaps] == ["middle", "many"], "it asks for low by name"
    assert found["small"].overlaps[0].share == 1.0
    assert {("everyone", "many"), ("overlap", "middle"), ("review-by-passed", "low")} <= codes
    assert not {code for code, _ in codes} & {"tiny", "unstable", "behaves-alike"}
    assert not any(one.sound for one in found.values())


def test_thresholds_of_the_file_are_kept() -> None:
    found, codes = judged("smallest: 300, everyone: off, overlap: 25%")
    assert [name for name, one in found.items() if one.small] == ["small", "middle"], "whatever their share"
    assert {name for code, name in codes if code == "tiny"} == {"small", "middle"}
    assert not found["many"].everyone
    assert "everyone" not in {code for code, _ in codes}
    assert [one.segment for one in found["middle"].overlaps] == ["many"]
    both, _ = judged("smallest: 300, smallest_share: 2%")
    assert [name for name, one in both.items() if one.small] == ["small"]
    assert Quality().small(9, 1000)
    assert not Quality().small(9, 100), "by default it must also be under one per cent"


@pytest.mark.parametrize(
    ("limits", "word"), [("smalest: 3", "smallest"), ("overlap: much", "10%"), ("stale_after: soon", "90 days")]
)
def test_a_wrong_threshold_is_told(limits: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        config(RULES, more=f"quality: {{{limits}}}")


def history(*rows: tuple[int, int, int | None, int | None, str]) -> pa.Table:
    """(days before now, size, entered, left, definition) of the segment `low`."""
    return pa.table(
        {
            "segment": ["low"] * len(rows),
            "at": pa.array([AS_OF - timedelta(days=days) for days, *_ in rows], pa.timestamp("us", tz="UTC")),
            "size": [size for _, size, *_ in rows],
            "entered": pa.array([entered for _, _, entered, _, _ in rows], pa.int64()),
            "left": pa.array([left for *_, left, _ in rows], pa.int64()),
            "definition": [definition for *_, definition in rows],
        }
    )


WEEKS = history((21, 400, None, None, "a"), (14, 400, 160, 160, "a"), (7, 400, 80, 80, "a"), (0, 400, 120, 120, "a"))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, None),
        (history((0, 400, 0, 0, "a")), None),
        (history((3, 400, None, None, "a"), (0, 400, 200, 200, "a")), None),
        (WEEKS, 0.3),
        (history((14, 400, None, None, "a"), (7, 100, 0, 300, "b"), (0, 100, 5, 5, "b")), 0.05),
        (history((70, 400, 0, 0, "a"), (63, 400, 400, 400, "a"), (7, 400, 0, 0, "a"), (0, 400, 40, 40, "a")), 0.1),
        (history((7, 0, None, None, "a"), (0, 0, 0, 0, "a")), None),
    ],
    ids=["unknown", "one", "days", "weeks", "definition", "long-ago", "empty"],
)
def test_turnover_is_what_a_week_exchanges(known: pa.Table | None, expected: float | None) -> None:
    found = turnover(known, "low", datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert found == (None if expected is None else pytest.approx(expected))
    assert turnover(known, "middle", AS_OF) is None


def test_an_unstable_segment_and_two_that_behave_alike_are_told() -> None:
    rates = {
        "low": Rate(0.10, 0.08, 0.12, 500),
        "middle": Rate(0.11, 0.09, 0.14, 261),
        "many": Rate(0.30, 0.27, 0.33, 960),
        "small": Rate(0.10, 0.02, 0.40, 12),
        "part": Rate(0.10, 0.08, 0.13, 400),
    }
    found, codes = judged(history=WEEKS, rates=rates)
    assert (found["low"].turnover, found["low"].unstable) == (pytest.approx(0.3), True)
    assert found["low"].like == ("middle",), "few people tell nothing, and part is a part of it"
    assert {("unstable", "low"), ("behaves-alike", "middle")} <= codes
    steady, codes = judged("turnover: 40%", history=WEEKS)
    assert not steady["low"].unstable
    assert "unstable" not in {code for code, _ in codes}


def test_the_check_reads_what_snapshots_kept(tmp_path: Path) -> None:
    """Half of a segment is exchanged within a week; in the first week nothing is said of it."""
    text = (
        "version: 1\nsources: {contacts: {file: c.csv, email: email}}\nsegments: {some: {when: {n: {at_least: 1}}}}\n"
    )
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")

    def snapshot(day: str, first: int) -> dict[str, Any]:
        rows = "".join(f"p{number}@example.com,1\n" for number in range(first, first + 40))
        (tmp_path / "c.csv").write_text(f"email,n\n{rows}", encoding="utf-8")
        assert sync(tmp_path, "snapshot", "--as-of", day).returncode == 0
        told = json.loads(sync(tmp_path, "check", "--as-of", day, "--format", "json").stdout)
        (found,) = told["quality"]
        return {"turnover": found["turnover"], "codes": {one["code"] for one in told["advice"]} & {"unstable"}}

    assert snapshot("2026-11-01", 0) == {"turnover": None, "codes": set()}
    assert snapshot("2026-11-08", 20) == {"turnover": 0.5, "codes": {"unstable"}}
