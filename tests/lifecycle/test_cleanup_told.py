"""What a cleanup says before it does anything, what its file tells afterwards, and what it costs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from connector.app import cleaning, pushing, restoring
from connector.app import lifecycle as verbs
from connector.app.workspace import open_state
from connector.lifecycle import cleanup as plans
from connector.lifecycle.cleanup import OUTCOMES
from connector.report.cleanup import cleanup_csv, cleanup_text, reason
from tests import launcher
from tests.lifecycle.test_path import SILENT, begun, told
from tests.lifecycle.world import POLICY, Person, World, world
from tests.path import platforms
from tests.path.small import PLATFORMS

ANN, BEN, CAT, DAN = SILENT


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """On the platforms that archive or suppress by default."""
    with begun(tmp_path, "mailchimp", "klaviyo", late=True) as found:
        yield found


@pytest.fixture
def everywhere(tmp_path: Path) -> Iterator[World]:
    with begun(tmp_path, *PLATFORMS, late=True) as found:
        yield found


def look(world: World) -> cleaning.Cleaning:
    world.write()
    with world.open() as workspace, open_state(workspace) as store:
        return cleaning.cleanup(workspace, store)


def listed(world: World) -> dict[tuple[str, str], tuple[str, str]]:
    """(destination, address) -> outcome and reason, of the latest file."""
    path = max((world.folder / ".connector" / "rehearsal").glob("retired-*.csv"), key=lambda one: one.stat().st_mtime)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {(row["destination"], row["email"]): (row["outcome"], row["reason"]) for row in rows}


def test_the_preview_shows_who_and_why(everywhere: World) -> None:
    found = look(everywhere)
    words = cleanup_text(*told(found), verbose=False)
    for name in PLATFORMS:
        part = words.split(f"{name}\n", 1)[1].split("\n\n", 1)[0]
        assert part.count("last activity 2026-09-23; in sunset since 2027-01-16") == 4
    assert "@example.com" in words and not any(email in words for email in SILENT)
    header, *rows = csv.reader(cleanup_csv(found.sides).splitlines())
    full = [dict(zip(header, row, strict=True)) for row in rows]
    assert {(row["destination"], row["email"]) for row in full} == {(n, one) for n in PLATFORMS for one in SILENT}
    assert {(row["why"], row["last_activity"], row["stage"], row["stage_since"]) for row in full} == {
        ("in the last stage, inactive throughout", "2026-09-23T10:00:00+00:00", "sunset", "2027-01-16T12:00:00+00:00")
    }


@pytest.mark.long
def test_of_many_the_first_are_shown(tmp_path: Path) -> None:
    with world(tmp_path, ("mailchimp",)) as made:
        made.people = {f"p{n}@example.com": Person(click=-100) for n in range(15)}
        made.people["busy@example.com"] = Person(order=-2)
        made.people["p0@example.com"].order = -300
        for made.day in (-1, 0, 10, 15, 16):
            made.push()
        found = look(made)
        assert cleanup_text(*told(found), verbose=False).count("last activity") == 10
        assert "… and 5 more: --format csv lists everybody" in cleanup_text(*told(found), verbose=False)
        assert cleanup_text(*told(found), verbose=True).count("last activity") == 15


@pytest.mark.long
def test_the_file_tells_archived_skipped_and_failed_apart(made: World) -> None:
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        pushing.guard(workspace, found.plan)
        for name in ("mailchimp", "klaviyo"):
            made.say_no(name, ANN)
        made.running.engage(klaviyo=[{"email": BEN, "did": "click", "at": made.now.isoformat()}])
        made.running.settings(clock_ahead_s=made.ahead + 600)
        cleaning.apply(workspace, store, found)
    done = {"mailchimp": "archived", "klaviyo": "suppressed"}
    rows = listed(made)
    assert {name for name, _ in rows} == set(done)
    for name, word in done.items():
        assert rows[name, ANN][0] == "skipped" and "since the plan" in rows[name, ANN][1]
        assert rows[name, BEN] == ("skipped", "clicked or opened since the plan")
        assert rows[name, CAT] == rows[name, DAN] == (word, "")


@pytest.mark.long
def test_before_the_first_request_the_file_says_what_is_planned(made: World) -> None:
    made.write()
    with made.open() as workspace, open_state(workspace) as store:
        found = cleaning.cleanup(workspace, store)
        before = cleaning.write(workspace, found, cleaning._forgotten(store, found))
    assert before is not None
    assert set(listed(made).values()) == {("planned", "")}
    happened = pa.table([[ANN, BEN], ["rejected", "failed"], ["not_archivable", "Retryable"]], schema=OUTCOMES)
    rows = plans.listed(found.sides[0], pa.array([], pa.string()), happened).to_pylist()
    told_of = {row["email"]: (row["outcome"], row["reason"]) for row in rows}
    assert told_of[ANN] == ("failed", "not_archivable") and told_of[BEN] == ("failed", "Retryable")
    assert reason("not_archivable") == "the platform does not archive this contact"
    assert told_of[CAT] == ("not sent", None)


@pytest.mark.long
def test_only_told_is_told_once(everywhere: World) -> None:
    """HubSpot archives nobody: those told of are not told of again, until they go another way."""
    assert {row["email"] for side in look(everywhere).sides for row in side.found.to_pylist()} == set(SILENT)
    assert hubspot(look(everywhere)) == set(SILENT)  # a look alone tells nobody
    everywhere.cleanup()
    everywhere.day += 7
    everywhere.people["late@example.com"] = Person(click=-100)
    assert hubspot(look(everywhere)) == set()
    found, result = everywhere.cleanup()
    assert result is None and not found.plan.changes.num_rows
    assert "4  in the last stage, inactive throughout: reported before" in cleanup_text(*told(found), verbose=False)


def hubspot(found: cleaning.Cleaning) -> set[str]:
    (side,) = [side for side in found.sides if side.ledger.destination == "hubspot"]
    return set(side.found["email"].to_pylist())


@pytest.mark.long
def test_money_after_the_next_cleanup_respects_ramp_and_guard(tmp_path: Path) -> None:
    with world(tmp_path, ("mailchimp",)) as made:
        made.people = {f"p{n}@example.com": Person(click=-100) for n in range(60)}
        made.people |= {f"b{n}@example.com": Person(order=-2) for n in range(40)}
        made.people["p0@example.com"].order = -300
        for made.day in (-1, 0, 10, 15, 16):
            made.push(allow=("stages",), reason="a test")

        def after() -> tuple[int, int]:
            made.write()
            with made.open() as workspace, open_state(workspace) as store:
                (side,) = verbs.report(workspace, store).sides
            return side.now.contacts, side.after.contacts

        assert after() == (100, 100)  # the guard `retires` refuses
        made.policy = POLICY + "  ramp: {at_most: 7, per: run}\n"
        assert after() == (100, 93)
        assert made.cleanup()[1] is not None
        assert len(platforms.mailchimp_statuses(made.running.url)) == 93


def restored(world: World) -> tuple[list[str], dict[str, dict[str, dict[str, int]]]]:
    """The notes of `sync cleanup --restore` of the latest list, and what its run did."""
    path = max((world.folder / ".connector" / "rehearsal").glob("retired-*.csv"), key=lambda one: one.stat().st_mtime)
    world.write()
    with world.open() as workspace, open_state(workspace) as store:
        plan = restoring.restore(workspace, store, path)
        pushing.guard(workspace, plan)
        if not plan.changes.num_rows:
            return list(plan.notes), {}
        counts = pushing.push(workspace, store, plan).counts
    return list(plan.notes), {name: {op: dict(of) for op, of in ops.items()} for name, ops in counts.items()}


@pytest.mark.long
def test_a_list_is_taken_back_as_far_as_that_can_be_done(made: World) -> None:
    made.cleanup()
    made.say_no("klaviyo", ANN)
    made.people[BEN].opt_in = False
    notes, counts = restored(made)
    assert counts == {"klaviyo": {"restore": {"applied": 2}}}
    assert any("mailchimp" in note and "stay retired" in note for note in notes)
    made.day = 17
    plan, _ = made.push()
    assert not [row for row in plan.stages.to_pylist() if row["how"] == "entered"]
    assert restored(made)[1] == {}


@pytest.mark.long
def test_who_is_not_taken_back_is_told_with_the_reason(made: World) -> None:
    """Mailchimp does not show who opted out while they were archived, so nobody is subscribed again there by us."""
    made.cleanup()
    made.say_no("klaviyo", ANN)
    made.people[BEN].opt_in = False
    made.write()
    path = str(next((made.folder / ".connector" / "rehearsal").glob("retired-*.csv")))
    found = launcher.sync(made.folder, "cleanup", "--rehearse", "--as-of", made.now.isoformat(), "--restore", path)
    assert found.returncode == 0, found.stderr
    lines = [line.strip() for line in found.stdout.splitlines() if "stays as they are" in line]
    assert len([line for line in lines if line.startswith("mailchimp: s…@") and "opted out meanwhile" in line]) == 4
    mine = [line.partition("stays as they are: ")[2] for line in lines if line.startswith("klaviyo")]
    assert sorted(mine) == ["no consent in the export", "unsubscribed in Klaviyo"]
    assert not [line for line in lines if ANN in line or BEN in line]


def test_another_file_is_no_list(made: World) -> None:
    found = launcher.sync(made.folder, "cleanup", "--rehearse", "--restore", "people.csv")
    assert found.returncode == 2 and "people.csv is no list of a cleanup" in found.stderr
