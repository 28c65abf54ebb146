"""`sync why` says where somebody stands in the lifecycle, and what the next push does: the same as the plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import why as verbs
from connector.report.why import why_json, why_text
from tests.lifecycle.test_path import SILENT, begun, to_sunset
from tests.lifecycle.world import World
from tests.path.small import PLATFORMS

ANN, BEN = SILENT[:2]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, *PLATFORMS) as found:
        yield found


def asked(world: World, email: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """The text, and the JSON by destination."""
    world.write()
    with world.open() as workspace:
        found = verbs.why(workspace, email)
        document = why_json(found, ())
        return why_text(found, (), world.zone), {one["name"]: one for one in document["destinations"]}


def as_planned(world: World, email: str) -> None:
    """What it says of the next push is what the plan has of the person."""
    _, told = asked(world, email)
    plan = world.plan()
    for name in world.to:
        stages = [row for row in plan.stages.to_pylist() if (row["destination"], row["email"]) == (name, email)]
        move = {"how": stages[0]["how"], "to": stages[0]["stage"]} if stages else None
        assert told[name]["lifecycle"]["next_push"] == move
        changes = [row for row in plan.changes.to_pylist() if (row["destination"], row["email"]) == (name, email)]
        mine = [(row["op"], row["kind"], row["target"]) for row in told[name]["next_push"]]
        assert mine == [(row["op"], row["kind"], row["target"]) for row in changes]


@pytest.mark.parametrize(
    ("day", "person", "clicked"), [(4, ANN, None), (10, ANN, None), (12, ANN, 11), (10, "busy@example.com", None)]
)
@pytest.mark.sweep(keep=2)
@pytest.mark.long
def test_the_next_push_is_the_plans(made: World, day: int, person: str, clicked: float | None) -> None:
    made.day = day
    made.people[person].click = clicked or made.people[person].click
    as_planned(made, person)


@pytest.mark.long
def test_an_entry_is_told(made: World) -> None:
    made.people["vip@example.com"].vip = False
    made.day = 1
    words, _ = asked(made, "vip@example.com")
    assert words.count("next push: stage active → win_back") == 3 and "nothing to do" not in words
    as_planned(made, "vip@example.com")


def test_stage_activity_mails_and_the_due_day_are_shown(made: World) -> None:
    made.day = 1
    clicked = [{"email": BEN, "did": did, "at": made.at(0.5).replace(" ", "T") + "+00:00"} for did in ("send", "click")]
    mailed = [{"email": ANN, "did": "send", "at": made.at(0.5).replace(" ", "T") + "+00:00"}]
    made.running.engage(klaviyo=clicked + mailed)
    made.push()
    words, told = asked(made, ANN)
    here = told["klaviyo"]["lifecycle"]
    assert (here["stage"], here["since"][:10], here["sends"]) == ("win_back", "2027-01-01", 1)
    assert (here["last_activity"][:10], here["source"]) == ("2026-09-23", "last_click_at")
    assert (here["due"][:10], here["due_for"], here["next_push"]) == ("2027-01-11", "last_call", None)
    assert told["mailchimp"]["lifecycle"]["sends"] == 0
    assert "stage win_back; last activity 2026-09-23" in words and "last_call not before 2027-01-11" in words
    _, told = asked(made, BEN)
    assert told["hubspot"]["lifecycle"]["source"] == "click on klaviyo"
    assert asked(made, "vip@example.com")[1]["hubspot"]["lifecycle"]["protected"]
    to_sunset(made)
    here = asked(made, ANN)[1]["mailchimp"]["lifecycle"]
    assert (here["stage"], here["due_for"], here["due"][:10]) == ("sunset", "default", "2027-01-17")
