"""Inactive people of Brevo: stages as tags, and the blocklist only as written, one by one, after a recheck."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import cleaning, pushing
from connector.app.workspace import open_state
from tests.conformance.kits import KITS
from tests.lifecycle.test_cleanup_told import listed
from tests.lifecycle.test_details import ANN, NEW, moved, renamed
from tests.lifecycle.test_path import SILENT, begun
from tests.lifecycle.test_unsubscribe import WRITTEN
from tests.lifecycle.world import POLICY, World, again


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """Four silent people at their last stage."""
    with begun(tmp_path, "brevo", late=True, policy=WRITTEN) as found:
        found.running.settings(polls=0)
        yield found


def blocklisted(made: World) -> set[str]:
    kit = KITS["brevo"](made.running)
    found = kit.said_no()
    kit.close()
    return found


@pytest.mark.long
def test_by_default_nobody_is_archived(made: World) -> None:
    made.policy = POLICY.replace(", action: default", "")
    _, result = made.cleanup()
    assert result is None and blocklisted(made) == set()


@pytest.mark.long
def test_written_it_is_done_once_and_who_opted_out_is_left_alone(made: World) -> None:
    made.policy = WRITTEN
    KITS["brevo"](made.running).make("unsubscribed", [SILENT[0]])
    _, result = made.cleanup()
    assert result is not None and result.exit_code == 0
    assert blocklisted(made) == set(SILENT)
    assert sum(result.counts["brevo"]["unsubscribe"].values()) == len(SILENT) - 1
    again, result = made.cleanup()
    assert isinstance(again, cleaning.Cleaning) and result is None
    plan, _ = made.push()
    assert "create" not in plan.changes["op"].to_pylist() and blocklisted(made) == set(SILENT)


# -- what test_details.py, test_late_news.py and test_cleanup_told.py prove for the others -----------------------------


@pytest.fixture
def begins(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, "brevo", policy=WRITTEN) as found:
        found.running.settings(polls=0)
        yield found


def tagged(made: World, tag: str) -> set[str]:
    kit = KITS["brevo"](made.running)
    found = kit.members("tag", tag)
    kit.close()
    return found


@pytest.mark.long
def test_a_new_address_is_a_new_contact_that_begins_at_the_first_stage(begins: World) -> None:
    """Brevo moves no address: nobody gets further than silence under the new one has lasted."""
    begins.day = 4
    renamed(begins, ANN, NEW)
    begins.push()
    assert tagged(begins, "win-back") == set(SILENT[1:])
    begins.day = 5
    assert moved(begins)["brevo"] == {NEW: "entered"}
    assert tagged(begins, "win-back") == {NEW, *SILENT[1:]}


@pytest.mark.long
def test_a_click_under_the_new_address_counts_for_the_old_one(made: World) -> None:
    renamed(made, ANN, NEW)
    made.people[NEW].click = made.day - 0.1
    found, _ = made.cleanup()
    assert not [row for row in found.plan.changes.to_pylist() if row["email"] in (ANN, NEW)]
    assert blocklisted(made) == set(SILENT[1:])


def test_who_subscribes_again_by_themselves_is_alive(begins: World) -> None:
    begins.day = 3
    kit = KITS["brevo"](begins.running)
    kit.make("unsubscribed", [ANN])
    kit.close()
    assert moved(begins)["brevo"] == {ANN: "left"}
    begins.day = 5
    again(begins, "brevo", ANN)
    assert ANN not in moved(begins)["brevo"]
    begins.day = 34
    assert ANN not in moved(begins)["brevo"]


def test_activity_of_before_that_the_export_tells_later_is_no_return_by_itself(made: World) -> None:
    """Who is on the blocklist stays there, whatever the export tells: only the person lifts it."""
    made.cleanup()
    made.people[ANN].click = made.day - 1.5
    made.day += 1
    plan, _ = made.push()
    assert not [row for row in plan.changes.to_pylist() if row["op"] in ("restore", "create")]
    made.cleanup()
    assert blocklisted(made) == set(SILENT)


def test_the_file_tells_done_and_skipped_apart(made: World) -> None:
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        pushing.guard(workspace, found.plan)
        kit = KITS["brevo"](made.running)
        kit.make("unsubscribed", [ANN])
        kit.close()
        made.running.settings(clock_ahead_s=made.ahead + 600)
        cleaning.apply(workspace, store, found)
    rows = listed(made)
    assert rows["brevo", ANN][0] == "skipped" and "since the plan" in rows["brevo", ANN][1]
    assert {rows["brevo", email] for email in SILENT[1:]} == {("unsubscribed", "")}
