"""A state that is new where people were pushed before: lost, mistyped, or an evicted cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import launcher
from tests.conformance.conftest import desk, kit, process, running
from tests.conformance.desk import Desk, Person
from tests.conformance.kits import Kit

__all__ = ["desk", "kit", "process", "running"]
ANN, BEA = "ann@example.com", "bea@example.com"
PUSH = ("push", "--rehearse", "--yes", "--as-of", "2026-11-20T12:00:00Z")


@pytest.mark.sweep(keep=1)
def test_members_who_are_not_desired_are_counted_and_not_denied(desk: Desk, kit: Kit) -> None:
    desk.setup([kit], {kit.name: kit.creates})
    desk.export([Person(ANN), Person(BEA)])
    desk.push()
    desk.export([Person(ANN), Person(BEA, vip=False)])
    said = launcher.sync(desk.folder, "plan", "--rehearse", "--state", "mistyped.db").stdout
    assert "The state is new" in said and "hold what segments.yaml asks for" not in said
    kind = kit.thing
    assert f"{kit.name}: {kind} “vip” has 1 member not desired, who stay" in " ".join(said.split()), said
    desk.export([Person("nobody@example.com", vip=False)])
    said = launcher.sync(desk.folder, "plan", "--rehearse", "--state", "other.db").stdout
    assert "No changes. The state is new" in " ".join(said.split()), said
    assert "has 2 members not desired" in " ".join(said.split())


@pytest.mark.sweep(keep=1)
def test_former_members_are_taken_over_and_leave_with_the_next_push(desk: Desk, kit: Kit) -> None:
    """Bea left the segment, Dan the export, and Cid was forgotten: nothing of him is kept."""
    cid, dan = "cid@example.com", "dan@example.com"
    desk.setup([kit], {kit.name: kit.creates})
    desk.export([Person(one) for one in (ANN, BEA, cid, dan)])
    desk.push()
    desk.push()
    desk.export([Person(ANN), Person(BEA, vip=False)])
    rest = ("--rehearse", "--state", "other.db")
    assert launcher.sync(desk.folder, "forget", cid, "--yes", *rest).returncode == 0
    written = desk.running.writes()
    done = launcher.sync(desk.folder, "adopt", "--former", "--yes", *rest)
    assert done.returncode == 0 and desk.running.writes() == written, done.stderr
    states = [file.read_bytes() for file in desk.folder.glob("other*")]
    assert any(dan.encode() in each for each in states) and not any(cid.encode() in each for each in states)
    done = launcher.sync(desk.folder, *PUSH, "--state", "other.db")
    assert done.returncode == 0, done.stderr
    for kind in kit.kinds:
        assert set(kit.members(kind, "vip")) == {ANN, cid}, kind


@pytest.mark.parametrize("kit", ["hubspot"], indirect=True)
def test_a_state_that_must_exist(desk: Desk, kit: Kit) -> None:
    desk.setup([kit], {kit.name: kit.creates})
    desk.export([Person(ANN)])
    for _ in range(2):  # the refusal makes no state that the next one would take for the right one
        refused = launcher.sync(desk.folder, *PUSH, "--state", "lost.db", "--state-must-exist")
        assert refused.returncode == 4 and "is new" in refused.stderr, refused.stderr
    assert not list(desk.folder.glob("lost.db*")) and not kit.members("list", "vip")
    assert launcher.sync(desk.folder, "plan", "--rehearse", "--state", "lost.db").returncode == 0
    refused = launcher.sync(desk.folder, *PUSH, "--state", "lost.db", "--state-must-exist")
    assert refused.returncode == 4, refused.stdout  # a plan alone is no push
    assert launcher.sync(desk.folder, *PUSH, "--state", "lost.db").returncode == 0
    assert launcher.sync(desk.folder, *PUSH, "--state", "lost.db", "--state-must-exist").returncode == 0


def test_an_empty_plan_says_only_what_was_looked_at(tmp_path: Path) -> None:
    text = "version: 1\nsources: {contacts: {file: c.csv, email: email}}\n"
    text += "segments: {all: {when: {email: {exists: true}}}}\n"
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "c.csv").write_text("email\nann@example.com\n", encoding="utf-8")
    said = launcher.sync(tmp_path, "plan", "--rehearse").stdout
    assert "no destination" in said and "hold what" not in said, said
