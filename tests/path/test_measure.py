"""`sync measure`: an export, its history and its events, through the command line. No platform is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.app import advice, measuring, reporting
from connector.app.workspace import Options, open_state, open_workspace
from connector.report.page.document import document
from tests import launcher

FILE = """
version: 1
timezone: UTC
sources:
  contacts: {file: people.csv, email: Email}
  orders: {file: orders.csv, join: {email: email}, at: ordered_at}
  email_events: {file: events.csv, join: {email: email}, at: at}
consent: none_needed
measure:
  mail: {source: email_events, message: campaign}
  revenue: orders.amount
segments:
  fans:
    goal: {orders: {within: 7 days}}
    when: {Plan: fan}
  left: {goal: {orders: {within: 7 days}}, when: {Half: left}}
  right: {goal: {orders: {within: 7 days}}, when: {Half: right}}
  a: {when: {split: {name: test, part: a, of: {a: 50, b: 50}}}}
  b: {when: {split: {name: test, part: b, of: {a: 50, b: 50}}}}
experiments:
  subject: {parts: [a, b], goal: clicks, from: 2026-10-01, to: 2026-11-01, effect: 50%, method: fixed}
"""
PEOPLE = range(400)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path)
    return tmp_path


def write(folder: Path) -> None:
    people, orders, events = ["Email,Plan,Half"], ["email,ordered_at,amount"], ["email,at,type,campaign"]
    for number in PEOPLE:
        email = f"p{number}@example.com"
        people.append(f"{email},{'fan' if number < 100 else 'other'},{'left' if number % 20 < 10 else 'right'}")
        events.append(f"{email},2026-10-10T08:00:00Z,sent,october")
        if number % 4 == 0 or (number < 100 and number % 2):  # 75 of 100 fans, 75 of 300 others
            events.append(f"{email},2026-10-10T09:00:00Z,clicked,october")
        if number % 10 == 0:
            orders.append(f"{email},2026-10-12T09:00:00Z,{30 if number < 100 else 10}")
    for name, lines in (("people", people), ("orders", orders), ("events", events)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "segments.yaml").write_text(FILE)


def sync(folder: Path, *words: str, code: int = 0) -> str:
    done = launcher.sync(folder, *words)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + (done.stderr if code else "")


def told(folder: Path, *words: str) -> Any:
    return json.loads(sync(folder, "measure", *words, "--as-of", "2026-11-05", "--format", "json"))


def test_figures_and_an_experiment(folder: Path) -> None:
    (before,) = told(folder, "fans")["segments"]
    assert before["known_since"] is None and before["figures"]["click_rate"]["members"]["value"] is None
    assert before["lifetime"]["revenue"]["members"]["value"] == 3.0, "on the first day"
    sync(folder, "snapshot", "--as-of", "2026-09-30")

    (fans,) = told(folder, "fans", "--period", "2026-10")["segments"]
    figures = fans["figures"]
    assert (fans["members"], fans["mails"], fans["from"]) == (100, 100, "2026-10-01T00:00:00+00:00")
    clicks = figures["click_rate"]
    assert (clicks["members"]["value"], clicks["others"]["value"], clicks["times"]["value"]) == (0.75, 0.25, 3.0)
    assert clicks["members"]["low"] < 0.75 < clicks["members"]["high"] and clicks["members"]["people"] == 100
    assert figures["conversion_rate"]["members"]["value"] == 0.1
    assert figures["revenue_per_member"]["members"]["value"] == 3.0
    assert figures["revenue_share"]["members"]["value"] == 0.5
    assert figures["open_rate"]["members"]["value"] is None and "were opened" in figures["open_rate"]["why"]
    text = sync(folder, "measure", "fans", "--period", "2026-10", "--as-of", "2026-11-05")
    assert "75.00% (" in text and "3.00 (" in text and "fans: 100 members; 2026-10-01 to 2026-11-01" in text

    (result,) = told(folder, "--experiment", "subject")["experiments"]
    assert sum(part["people"] for part in result["parts"]) == 400 and result["over"] and result["split_sound"]
    assert sum(part["reached"] for part in result["parts"]) == 150
    least = min(part["people"] for part in result["parts"])
    assert result["changed_part"] == 0 and result["missing"] == max(0, result["needed"] - least)
    assert 0 <= result["compared"][0]["p"] <= 1


@pytest.mark.long
def test_segments_that_reach_one_goal_as_often_behave_alike(folder: Path) -> None:
    """20 of 200 in each half; before anything is known the check says that it did not look."""

    def checked() -> tuple[set[str], dict[str, str]]:
        with open_workspace(Options(folder / "segments.yaml", as_of="2026-11-05"), offline=True) as workspace:
            found = advice.check(workspace)
        pairs = {one.message.partition(":")[0] for one in found.advice if one.code == "behaves-alike"}
        return pairs, found.not_looked_at

    pairs, why = checked()
    assert pairs == set() and "no push or snapshot" in why["behaves-alike"]
    with (
        open_workspace(Options(folder / "segments.yaml", as_of="2026-09-30"), offline=True) as workspace,
        open_state(workspace) as store,
    ):
        measuring.snapshot(workspace, store)
    pairs, why = checked()
    assert "“left” and “right” behave alike" in pairs and why == {}
    with open_workspace(Options(folder / "segments.yaml", as_of="2026-11-05"), offline=True) as workspace:
        alike = document(reporting.gather(workspace))["performance"]["alike"]
    assert ["left", "right"] in [one["segments"] for one in alike]
    path = folder / "segments.yaml"
    path.write_text(FILE.replace("segments:", "quality: {alike_people: 201}\nsegments:", 1))
    pairs, why = checked()
    assert pairs == set() and "mail to 201 members" in why["behaves-alike"]


def test_what_is_wrong_is_said_at_its_place(folder: Path) -> None:
    wrong = sync(folder, "measure", "--period", "soon", code=2)
    assert "--period" in wrong
    assert "No experiment is called" in sync(folder, "measure", "--experiment", "subjekt", code=2)
    path = folder / "segments.yaml"
    path.write_text(FILE.replace("message: campaign", "message: campain"))
    missing = sync(folder, "measure", code=2)
    assert "no column “campain”" in missing and "campaign" in missing
