"""A destination that cannot be planned, because its audience was renamed there, is told of and left out; the others go
on, and nothing makes it look as if there were nothing to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.cli import main
from connector.core.errors import Refused
from connector.plan.saved import load, save
from connector.report.plan import is_empty
from tests.path.platforms import MAILCHIMP
from tests.path.small import SEGMENTS, Small, small
from tests.path.test_gone import tagged

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob")}
MORE = PEOPLE | {"cleo": "cleo@example.com"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits", "--polls", "0") as made:
        made.write(PEOPLE)
        assert made.push()[1].exit_code == 0
        made.write(MORE)
        yield made


def rename(world: Small, name: str) -> None:
    world._send("PATCH", world.audience(), MAILCHIMP, {"name": name})


def test_the_others_are_pushed_and_the_rest_follows(world: Small) -> None:
    rename(world, "News")
    plan, result = world.push()
    assert list(plan.unread) == ["mailchimp"] and set(plan.revisions) == {"klaviyo", "hubspot"}
    assert result.exit_code == 4 and list(result.unread) == ["mailchimp"]
    for platform in ("klaviyo", "hubspot"):
        assert tagged(world, platform, "Readers") == set(MORE.values())
    assert tagged(world, "mailchimp", "Readers") == set(PEOPLE.values())
    rename(world, "Newsletter")
    assert world.push()[1].exit_code == 0
    assert tagged(world, "mailchimp", "Readers") == set(MORE.values())


@pytest.mark.long
def test_an_empty_plan_does_not_end_well(
    world: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.push()[1].exit_code == 0
    rename(world, "News")
    monkeypatch.chdir(world.folder)

    def sync(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sync", *words, "--rehearse"])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return int(str(ended.value.code or 0)), capsys.readouterr().out

    for words in (
        ["plan"],
        ["plan", "--exit-code"],
        ["push", "--yes"],
        ["push", "--yes", "--refresh"],
        ["adopt", "-y"],
    ):
        code, told = sync(*words)
        assert code == 4 and "NOT PLANNED: mailchimp: " in told, told
    code, told = sync("push", "--yes", "--format", "json")
    document = json.loads(told)
    assert code == 4 and document["run"] is None and list(document["plan"]["unread"]) == ["mailchimp"]
    assert [one["name"] for one in document["plan"]["destinations"]] == ["klaviyo", "hubspot"]


def test_a_saved_plan_keeps_it(world: Small) -> None:
    rename(world, "News")
    path = world.folder / "today.plan"
    with world.open() as workspace, open_state(workspace) as store:
        save(pushing.bound(workspace, lambda: planning.plan(workspace, store)), path)
        assert not is_empty(load(path))
        assert pushing.push(workspace, store, load(path)).exit_code == 4


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "asked by rules"])
def test_nothing_is_planned(world: Small, alone: bool) -> None:
    """Where it is the only one, or rules ask for what it tells: it may decide who is in a segment elsewhere."""
    if not alone:
        segments = SEGMENTS + "\n  there: {when: {mailchimp.status: subscribed}, send_to: {klaviyo: {list: There}}}\n"
        world.write(MORE, segments)
    rename(world, "News")
    with pytest.raises(Refused, match="Newsletter"):
        world.plan(to=("mailchimp",) if alone else ())
