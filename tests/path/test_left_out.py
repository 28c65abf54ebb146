"""A prediction that may not be used leaves its segment out; everything else is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app import cleaning, measuring, planning, pushing, upkeep
from connector.app.attempts import Attempting, code_of
from connector.app.workspace import open_state
from connector.core.errors import PredictionRefused
from connector.measure import history
from connector.notify.causes import causes, over
from connector.plan import saved
from connector.report import changes, plan, run
from tests import launcher
from tests.path.small import Small, small

P1, P2, P3 = "p1@example.com", "p2@example.com", "p3@example.com"
READERS = "\n  readers: {when: {plan: paid}, send_to: {hubspot: {list: Readers}}}"
LEAVING = "\n  leaving: {when: {RULE}, send_to: {hubspot: {list: Leaving, tag: leaving}}}"
TRAITS = "traits: {churn_risk: {churn: {orders: {within: 30 days}}}}\n"
RISK = "churn_risk: {top: 1}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, to=("hubspot",)) as found:
        (tmp_path / "orders.csv").write_text(f"email,at\n{P1},2026-01-05\n{P2},2026-02-05\n")
        write(found, {"p1": P1, "p2": P2}, "plan: paid")
        found.push()
        yield found


def write(shop: Small, people: dict[str, str], rule: str, more: str = "") -> None:
    shop.write(people, READERS + LEAVING.replace("RULE", rule), more=TRAITS + more)
    file = shop.folder / "segments.yaml"
    text = file.read_text().replace(
        "sources:\n", "sources:\n  orders: {file: orders.csv, join: {email: email}, at: at}\n"
    )
    file.write_text(text)


def members(made: Any) -> set[tuple[str, str, str]]:
    return {(row["op"], row["target"], row["email"]) for row in made.changes.to_pylist() if row["kind"]}


def test_the_others_are_pushed_and_its_members_stay(shop: Small) -> None:
    write(shop, {"p1": P1, "p3": P3}, RISK)
    made, result = shop.push()
    assert members(made) == {("remove", "Readers", P2), ("add", "Readers", P3)}
    assert made.skipped.keys() == {"leaving"} and "“churn_risk” may not be used" in made.skipped["leaving"]
    assert any("segment leaving is left out, its members stay" in note for note in made.notes)
    assert result.exit_code == 1 and result.skipped == made.skipped
    assert "segment leaving left out: its prediction" in run.result_text(result) and run.result_json(result)["skipped"]
    again = shop.plan()
    assert not again.changes.num_rows and code_of(again) == 1
    with shop.open() as workspace, open_state(workspace) as store:
        told = plan.text(again, workspace.config.zone)
        assert "Left out, with their members as they were: leaving" in told
        assert "**Left out:** segment leaving" in changes.markdown(again, {}, workspace.config.zone)
        assert {course.segment: len(course.points) for course in history.courses(store)} == {"readers": 2, "leaving": 1}
    write(shop, {"p1": P1, "p3": P3}, "plan: paid")
    back, result = shop.push()
    assert members(back) == {
        (op, name, who) for name in ("Leaving", "leaving") for op, who in (("remove", P2), ("add", P3))
    }
    assert result.exit_code == 0 and not back.skipped


@pytest.mark.long
def test_a_push_that_does_not_reach_it_is_not_concerned(shop: Small) -> None:
    write(shop, {"p1": P1, "p3": P3}, RISK)
    assert code_of(shop.plan()) == 1
    made, result = shop.push(only=("readers",))
    assert made.skipped == {} and result.exit_code == 0


def test_a_saved_plan_tells_it_too(shop: Small) -> None:
    write(shop, {"p1": P1, "p3": P3}, RISK)
    with shop.open() as workspace, open_state(workspace) as store:
        path = shop.folder / "plan.zip"
        saved.save(planning.plan(workspace, store), path)
        kept = saved.load(path)
        assert kept.skipped.keys() == {"leaving"}
        assert pushing.push(workspace, store, kept).exit_code == 1


@pytest.mark.long
def test_an_alert_names_the_segment_until_a_plan_knows_it_again(shop: Small) -> None:
    write(shop, {"p1": P1}, RISK)
    with shop.open() as workspace, open_state(workspace) as store:
        one = Attempting(workspace, store, "push", plan=planning.plan(workspace, store))
        (cause,) = [said for name, said in causes(one.attempt(None), {}).items() if "left-out:leaving" in name]
        told = {"*/left-out:leaving": ""}
        for made in (planning.plan(workspace, store), upkeep.undo(workspace, store, store.runs(1)[0].id)):
            attempt = Attempting(workspace, store, "x", plan=made).attempt(None)
            assert over(attempt, {}, told)[0] == []
    with shop.open(only=("readers",)) as workspace, open_state(workspace) as store:
        attempt = Attempting(workspace, store, "push", plan=planning.plan(workspace, store)).attempt(None)
        assert over(attempt, causes(attempt, {}), told)[0] == []
    write(shop, {"p1": P1}, "plan: paid")
    with shop.open() as workspace, open_state(workspace) as store:
        attempt = Attempting(workspace, store, "push", plan=planning.plan(workspace, store)).attempt(None)
        assert over(attempt, causes(attempt, {}), told)[0] == list(told)
    assert cause.kind == "refused" and "Segment leaving is left out" in cause.said


@pytest.mark.long
def test_undo_cleanup_adopt_forget_and_snapshot_work(shop: Small) -> None:
    write(shop, {"p1": P1, "p2": P2}, RISK)
    with shop.open() as workspace, open_state(workspace) as store:
        assert not cleaning.cleanup(workspace, store).plan.changes.num_rows
        assert upkeep.adopt(workspace, store).skipped.keys() == {"leaving"}
        assert measuring.snapshot(workspace, store).skipped.keys() == {"leaving"}
        undone = upkeep.undo(workspace, store, store.runs(1)[0].id)
        removed = {("remove", name, who) for name in ("Readers", "Leaving", "leaving") for who in (P1, P2)}
        assert members(undone) == removed
        assert upkeep._persons(workspace, store, P1) == ["1"]


def test_consent_that_depends_on_it_stops_everything(shop: Small) -> None:
    write(shop, {"p1": P1, "p3": P3}, "plan: paid")
    file = shop.folder / "segments.yaml"
    file.write_text(file.read_text().replace("when: {opt_in: true}", "when: {churn_risk: {at_most: 1}}"))
    with pytest.raises(PredictionRefused):
        shop.plan()


def test_who_looks_at_segments_sees_the_others(shop: Small) -> None:
    stages = "{signals: [opted_in_at], inactive: {after: 30 days}, stages: [{name: quiet, tag: quiet}]}"
    write(shop, {"p1": P1, "p3": P3}, RISK, f"lifecycle: {stages}\n")
    known = "segment leaving is left out: its prediction"
    done = launcher.sync(shop.folder, "segments", "--rehearse")
    assert done.returncode == 1 and "readers" in done.stdout and "leaving" not in done.stdout
    assert known in " ".join(done.stderr.split())
    assert launcher.sync(shop.folder, "segments", "--only", "readers", "--rehearse").returncode == 0
    done = launcher.sync(shop.folder, "report", "--rehearse", "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 1 and [one["name"] for one in found["segments"]] == ["readers"]
    assert any(known in note for note in found["notes"])
    (side,) = found["destinations"]
    moves = {one["name"]: (one["members"], one["would_add"], one["would_remove"]) for one in side["targets"]}
    del moves["quiet"]  # the stage's, by the day
    assert moves == {"Readers": (2, 1, 1), "Leaving": (2, 0, 0), "leaving": (2, 0, 0)}
    done = launcher.sync(shop.folder, "report", "--rehearse")
    assert done.returncode == 1 and known in (shop.folder / "report.html").read_text()
    for command in ("members", "preview"):
        assert launcher.sync(shop.folder, command, "readers", "--rehearse").returncode == 0
        refused = launcher.sync(shop.folder, command, "leaving", "--rehearse")
        assert refused.returncode == 2 and "“churn_risk” may not be used" in " ".join(refused.stderr.split())
    done = launcher.sync(shop.folder, "lifecycle", "--rehearse")
    assert done.returncode == 0 and known in " ".join((done.stdout + done.stderr).split())
    for words in (["history"], ["measure", "--offline"]):
        assert launcher.sync(shop.folder, *words, "--rehearse").returncode == 0
