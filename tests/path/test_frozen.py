"""Segments that are decided once, and segments that a list decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connector.app import freezing, offline, planning, pushing, upkeep, why
from connector.app.workspace import open_state
from connector.config.sections.models import Config
from connector.core.errors import SourceError, Stale, Unsafe
from connector.core.plan import GuardHit, Plan
from connector.plan import saved
from connector.report.plan import is_empty
from tests.path.small import Small, small

LAUNCH = "\n  launch: {when: {plan: paid}, frozen: true, send_to: {hubspot: {list: Launch}}}\n"
P1, P2, P3 = "p1@example.com", "p2@example.com", "p3@example.com"


@pytest.fixture
def desk_of_two(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, to=("hubspot",)) as found:
        found.write({"p1": P1, "p2": P2}, LAUNCH)
        yield found


def notes(found: Small, **options: Any) -> list[str]:
    return [note for note in found.plan(**options).notes if "launch" in note]


def grow(found: Small, segments: str = LAUNCH) -> None:
    found.write({"p1": P1, "p2": P2, "p3": P3}, segments)


def test_the_first_push_keeps_the_members_and_nobody_joins_later(desk_of_two: Small) -> None:
    first = desk_of_two.plan()
    assert first.notes[1:] == ("launch is frozen by this push: members kept: 2.",)
    assert first.notes[0].startswith("The state is new")
    grow(desk_of_two)
    assert desk_of_two.members("launch") == [P1, P2, P3]  # a plan freezes nothing
    desk_of_two.push()
    desk_of_two.write({"p1": P1, "p3": P3, "p4": "p4@example.com"}, LAUNCH)
    assert desk_of_two.members("launch") == [P1, P3]
    made = desk_of_two.plan()
    assert [(row["op"], row["email"]) for row in made.changes.to_pylist() if row["kind"]] == [("remove", P2)]
    assert any("launch is frozen since" in note and "3 members" in note for note in made.notes)
    assert not made.frozen.num_rows


def test_only_what_a_push_sends_is_frozen(desk_of_two: Small) -> None:
    desk_of_two.to = ("klaviyo", "hubspot")
    desk_of_two.write({"p1": P1, "p2": P2}, LAUNCH)
    made = desk_of_two.plan(to=("klaviyo",))
    assert not made.frozen.num_rows and "launch is not frozen yet" in "".join(made.notes)
    more = "\n  inside: {when: {plan: paid}, frozen: true}\n  still: {when: {plan: paid}, frozen: true, paused: true}"
    grow(desk_of_two, LAUNCH + more + "\n  empty: {when: {plan: free}, frozen: true}\n")
    assert set(desk_of_two.plan().frozen["segment"].to_pylist()) == {"launch", "inside"}
    assert set(desk_of_two.plan(only=("in*",)).frozen["segment"].to_pylist()) == {"inside"}


def test_a_segment_that_is_sent_nowhere_is_frozen_by_a_push_without_changes(desk_of_two: Small) -> None:
    grow(desk_of_two, "\n  inside: {when: {plan: paid}, frozen: true}\n")
    made, result = desk_of_two.push()
    assert not made.changes.num_rows and not is_empty(made) and result.exit_code == 0
    assert is_empty(desk_of_two.plan())


def test_a_saved_plan_freezes_what_it_shows_and_is_stale_once_that_is_frozen(
    desk_of_two: Small, tmp_path: Path
) -> None:
    inside = "\n  inside: {when: {plan: paid}, frozen: true}\n"
    grow(desk_of_two, inside)
    saved.save(desk_of_two.plan(), tmp_path / "a.plan")
    made = saved.load(tmp_path / "a.plan")
    assert made.frozen["email"].to_pylist() == [P1, P2, P3]
    with desk_of_two.open() as workspace, open_state(workspace) as store:
        pushing.push(workspace, store, made)
        with pytest.raises(Stale, match="inside was frozen by another run"):
            pushing.push(workspace, store, made)
        assert store.unfinished() is None


def test_a_new_address_of_a_member_is_a_member(desk_of_two: Small) -> None:
    desk_of_two.push()
    desk_of_two.write({"p1": "ada@example.com", "p2": P2, "p3": P3}, LAUNCH)
    assert desk_of_two.members("launch") == ["ada@example.com", P2]
    desk_of_two.push()
    with desk_of_two.open() as workspace, open_state(workspace) as store:
        assert sorted(store.frozen.members("launch")["email"].to_pylist()) == ["ada@example.com", P2]


def test_forget_removes_a_member(desk_of_two: Small) -> None:
    desk_of_two.push()
    with desk_of_two.open() as workspace, open_state(workspace) as store:
        upkeep.forget(workspace, store, P1)
        assert store.frozen.members("launch")["email"].to_pylist() == [P2]


def test_undo_of_the_run_that_froze_releases(desk_of_two: Small) -> None:
    _, run = desk_of_two.push()
    grow(desk_of_two)
    with desk_of_two.open(allow=("empty",), reason="test") as workspace, open_state(workspace) as store:
        made = upkeep.undo(workspace, store, run.run_id)
        assert made.released == ("launch",) and any("launch: frozen by that run" in note for note in made.notes)
        pushing.push(workspace, store, made)
        assert not freezing.decided(workspace, store)
    assert desk_of_two.members("launch") == [P1, P2, P3]


def test_without_the_word_the_next_push_releases(desk_of_two: Small) -> None:
    desk_of_two.push()
    grow(desk_of_two, LAUNCH.replace(" frozen: true,", ""))
    assert desk_of_two.members("launch") == [P1, P2, P3]
    assert notes(desk_of_two) == [
        "launch is no longer frozen: this push releases its members and uses its rule again.",
    ]
    desk_of_two.push()
    grow(desk_of_two)
    assert notes(desk_of_two)[-1] == "launch is frozen by this push: members kept: 3."


def test_why_says_who_decided(desk_of_two: Small) -> None:
    desk_of_two.push()
    grow(desk_of_two)
    with desk_of_two.open() as workspace:
        told = why.why(workspace, P3).explanation
    assert told is not None and not told.segments[0].member and told.segments[0].rule is None
    assert str(told.segments[0].decided).startswith("decided when it was frozen, 20")


LIST = "\n  guests: {members_from: guests.csv, send_to: {hubspot: {list: Guests}}}\n"


def listed(found: Small, *rows: str) -> None:
    found.write({"p1": P1, "p2": P2}, LIST)
    (found.folder / "guests.csv").write_text("Name,E-Mail,email\n" + "".join(f"x,y,{row}\n" for row in rows))


def test_a_list_names_the_members_and_its_bad_rows_are_listed(desk_of_two: Small) -> None:
    listed(desk_of_two, " P1@Example.COM ", "nobody@example.com", "no address", "", P1)
    assert desk_of_two.members("guests") == [P1]
    with desk_of_two.open() as workspace:
        quarantine = offline.load(workspace).quarantine.to_pylist()
    assert [(row["source"], row["file"], row["row"], row["reason"]) for row in quarantine] == [
        ("members of guests", "guests.csv", 4, "invalid"),
        ("members of guests", "guests.csv", 5, "empty"),
    ]


def test_a_list_that_changes_makes_a_saved_plan_stale(desk_of_two: Small) -> None:
    listed(desk_of_two, P1)
    with desk_of_two.open() as workspace, open_state(workspace) as store:
        made = pushing.bound(workspace, lambda: planning.plan(workspace, store))
        pushing.check_saved(workspace, made)
        listed(desk_of_two, P1, P2)
        with pytest.raises(Stale, match="members of guests"):
            pushing.check_saved(workspace, made)


@pytest.mark.parametrize(("content", "code"), [(None, "file-missing"), ("a,b\n1,2\n", "column-missing"), ("", "empty")])
def test_a_list_that_cannot_be_used_fails_at_its_line(desk_of_two: Small, content: str | None, code: str) -> None:
    listed(desk_of_two)
    path = desk_of_two.folder / "guests.csv"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(SourceError) as raised:
        desk_of_two.members("guests")
    assert code in str(raised.value) and "`file:`" not in str(raised.value)
    if code != "empty":
        with desk_of_two.open() as workspace:
            assert raised.value.problems[0].place == _line(workspace.config)


def _line(config: Config) -> object:
    return config.place(("segments", "guests", "members_from"))


def test_a_file_that_changes_while_a_plan_is_made_makes_it_stale(desk_of_two: Small) -> None:
    """Nobody knows which of the two contents was read."""
    listed(desk_of_two, P1)
    with desk_of_two.open() as workspace, open_state(workspace) as store:

        def make() -> Plan:
            made = planning.plan(workspace, store)
            listed(desk_of_two, P1, P2)
            return made

        made = pushing.bound(workspace, make)
        with pytest.raises(Stale, match="members of guests"):
            pushing.push(workspace, store, made)


def test_a_push_asks_the_guards_itself(desk_of_two: Small) -> None:
    listed(desk_of_two, P1)
    with desk_of_two.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
        guarded = replace(made, guards=(GuardHit("removes", "mailchimp", "", "too many"),))
        with pytest.raises(Unsafe, match="too many"):
            pushing.push(workspace, store, guarded)
        assert store.runs(1) == []
