"""`sync history` and `sync snapshot`: every push is a moment, however it came about."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import launcher
from tests.path.small import SEGMENTS, Small, small

PEOPLE = {f"p{number}": f"p{number}@example.com" for number in range(1, 7)}
WORDS = ("--rehearse", "--allow", "removes", "--reason", "test")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        yield made


def sync(world: Small, *words: str, code: int = 0) -> str:
    done = launcher.sync(world.folder, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code else "")


def points(world: Small) -> dict[str, list[dict[str, Any]]]:
    document = json.loads(sync(world, "history", "--rehearse", "--format", "json"))
    assert document["schema"] == "connector.history/1"
    return {one["segment"]: one["points"] for one in document["segments"]}


def flows(world: Small, segment: str = "readers") -> list[tuple[int, int | None, int | None, bool]]:
    return [(one["size"], one["entered"], one["left"], one["run"] is None) for one in points(world)[segment]]


def without(*gone: str) -> dict[str, str]:
    return {name: email for name, email in PEOPLE.items() if name not in gone}


@pytest.mark.long
def test_every_way_to_push_is_a_moment(world: Small) -> None:
    world.write(PEOPLE)
    assert "is empty yet" in sync(world, "history", "--rehearse")
    sync(world, "plan", "--rehearse")
    sync(world, "push", "--yes", *WORDS)
    world.write(PEOPLE, SEGMENTS.replace("plan: paid", "plan: gold"))
    sync(world, "push", "--yes", "--rehearse", code=3)
    world.write(without("p6"))
    assert flows(world) == [(6, None, None, False)], "a plan or a refused push is none"
    sync(world, "plan", "--out", "a.plan", "--rehearse")
    sync(world, "push", "--plan", "a.plan", "--yes", *WORDS)
    sync(world, "push", "--yes", *WORDS)  # nothing to send
    expected = [(6, None, None, False), (5, 0, 1, False), (5, 0, 0, True)]
    assert flows(world) == expected
    sync(world, "undo", "last", "--yes", *WORDS, "--allow", "adds")
    assert flows(world) == expected, "nothing was evaluated"
    sync(world, "snapshot", "--rehearse")
    stale = sync(world, "plan", "--out", "b.plan", "--rehearse")
    assert "p5@" not in stale
    world.write(
        without("p5", "p6"),
        SEGMENTS.replace("readers:", "fans:").replace("{when: {plan", "{renamed_from: readers, when: {plan"),
    )
    sync(world, "push", "--yes", *WORDS)
    assert flows(world, "fans") == [*expected, (5, 0, 0, True), (4, 0, 1, False)]
    assert "p1@" not in sync(world, "history", "-v", "--rehearse")


def test_text_csv_and_json_tell_the_same(world: Small) -> None:
    world.write(PEOPLE)
    sync(world, "snapshot", "--as-of", "2026-11-20")
    world.write(without("p1"), SEGMENTS.replace("plan: paid", "plan: [paid, trial]"))
    told = json.loads(sync(world, "snapshot", "--as-of", "2026-11-21", "--format", "json"))
    assert told == {"schema": "connector.snapshot/1", "kept": True, "segments": {"readers": 5}, "skipped": {}}
    refused = sync(world, "snapshot", "--as-of", "2026-11-19", code=3)
    assert "a later moment already" in refused
    (course,) = json.loads(sync(world, "history", "--format", "json"))["segments"]
    table = list(csv.DictReader(io.StringIO(sync(world, "history", "--format", "csv"))))
    for row, point in zip(table, course["points"], strict=True):
        assert row == {"segment": "readers"} | {
            key: "" if value is None else str(value) for key, value in point.items()
        }
    assert [point["changed"] for point in course["points"]] == [False, True]
    assert [one["rule"] for one in course["definitions"]] == ["{plan: paid}", "{plan: [paid, trial]}"]
    text = sync(world, "history", "readers", "-v")
    assert "known since 2026-11-20 23:59" in text and "definition changed" in text and "{plan: [paid, trial]}" in text
    assert "2026-11-21 23:59     5  100.0%        0     1  snapshot  definition changed" in text
    assert "No segment is called" in sync(world, "history", "reders", code=2)


@pytest.mark.long
def test_what_platforms_tell_of_mail_is_summed_by_day(world: Small) -> None:
    """Of members as of the last push; HubSpot tells totals only."""
    fans = "\n  fans: {when: {email: {in: [p1@example.com, p2@example.com]}}}"
    world.write(PEOPLE, SEGMENTS + fans)
    sync(world, "push", "--yes", *WORDS)
    moment = f"{datetime.now(UTC) - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}+00:00"
    did = [("p1", "send"), ("p1", "click"), ("p2", "send"), ("p3", "send"), ("p4", "send"), ("p4", "open")]
    for platform in ("mailchimp", "klaviyo"):
        events = [{"email": f"{who}@example.com", "did": each, "at": moment} for who, each in did]
        world.running.engage(**{platform: events})
    asked = (
        "\n  quiet: {when: {any: [klaviyo.last_click_at: {within: 9 days}, mailchimp.last_click_at: {within: 9 days}]}}"
    )
    world.write(PEOPLE, SEGMENTS + fans + asked)
    for _time in range(2):
        sync(world, "plan", "--rehearse")  # the second one reads nothing twice
    document = json.loads(sync(world, "measure", "fans", "--rehearse", "--format", "json"))
    told = {one["destination"]: one for one in document["segments"][0]["told"]}
    for platform in ("mailchimp", "klaviyo"):
        one = told[platform]
        assert (one["mails"], one["others_mails"]) == (2, 2), platform
        assert (one["click_rate"]["value"], one["others_click_rate"]["value"]) == (0.5, 0.0), platform
        assert one["others_open_rate"]["value"] == 0.5, platform
    assert told["hubspot"]["since"] is None and "totals" in told["hubspot"]["why"]
    text = sync(world, "measure", "fans", "--rehearse")
    assert "klaviyo told (since" in text and "2 mails to members" in text
