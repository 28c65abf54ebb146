"""One file, one state: another file on the same file, share or schema is refused before anything is read or sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import launcher
from tests.path.small import Small, small
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
PUSH = ("push", "--yes")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(tmp_path_factory.mktemp("project")) as made:
        yield made


@pytest.fixture(params=["file", "share", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return empty_schema(request.getfixturevalue("postgres"))
    return f"file://{tmp_path}/state.db" if request.param == "share" else str(tmp_path / "state.db")


def run(world: Small, state: str, *words: str, project: str | None, code: int, who: str = "ann") -> str:
    world.write({who: f"{who}@example.com"}, more=f"project: {project}" if project else "")
    done = launcher.sync(world.folder, *words, "--rehearse", "--state", state)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code, said
    return said


@pytest.mark.sweep(keep=1)
def test_another_projects_state_is_refused(world: Small, state: str) -> None:
    run(world, state, "plan", project="shop", code=0)
    run(world, state, "plan", project="club", code=0)  # a plan binds nothing
    run(world, state, *PUSH, project="shop", code=0)
    before = world.running.state()["counts"]
    for project, says in (("club", "says project: club"), (None, "names no project")):
        for words in (("plan",), PUSH, ("resume",), ("status",), ("forget", "ann@example.com", "--yes")):
            said = run(world, state, *words, project=project, code=4)
            assert "belongs to the project “shop”" in said and says in said, said
    assert world.running.state()["counts"] == before
    run(world, state, *PUSH, project="shop", code=0)


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_a_state_of_before_takes_the_name_at_the_next_push(world: Small, state: str) -> None:
    run(world, state, *PUSH, project=None, code=0)
    run(world, state, *PUSH, "--allow", "empty", "--reason", "x", project="shop", code=0, who="bea")
    run(world, state, "plan", project="club", code=4)


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_a_shared_state_of_other_destinations_is_refused(world: Small, state: str) -> None:
    run(world, state, *PUSH, project=None, code=0)
    text = (world.folder / "segments.yaml").read_text()
    for name in ("mailchimp", "klaviyo", "hubspot"):
        text = text.replace(f"{name}: {{tag", f"other_{name}: {{tag").replace(
            f"{name}: {{list", f"other_{name}: {{list"
        )
        text = text.replace(f"  {name}:\n", f"  other_{name}:\n").replace(
            f"  {name}: {{platform", f"  other_{name}: {{platform"
        )
    (world.folder / "segments.yaml").write_text(text)
    done = launcher.sync(world.folder, "plan", "--rehearse", "--state", state)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == (4 if "://" in state else 0), said
    assert "seems to be another file's" in said or "://" not in state
    (world.folder / "segments.yaml").write_text("project: shop\n" + text)
    done = launcher.sync(world.folder, "plan", "--rehearse", "--state", state)
    assert done.returncode == 0, done.stderr


def shared_only(world: Small, state: str, name: str, text: str, *words: str) -> str:
    """What a command says with another file on the same state: refused where the state is shared."""
    (world.folder / name).write_text(text)
    done = launcher.sync(world.folder, *words, "--rehearse", "--state", state, "--file", name)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == (4 if "://" in state else 0), said
    assert "seems to be another file's" in said or "://" not in state
    done = launcher.sync(world.folder, "plan", "--rehearse", "--state", state, "--file", name)
    (world.folder / name).write_text("project: shop\n" + text)
    done = launcher.sync(world.folder, "plan", "--rehearse", "--state", state, "--file", name)
    assert done.returncode == 0, done.stderr
    return said


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_a_shared_state_that_another_file_pushed_with_is_refused(world: Small, state: str) -> None:
    """The same destinations, accounts and targets: its members would be taken for former ones."""
    run(world, state, *PUSH, project=None, code=0)
    said = shared_only(world, state, "club.yaml", (world.folder / "segments.yaml").read_text(), "plan")
    assert "segments.yaml pushed with the state" in said or "://" not in state
    run(world, state, "plan", project=None, code=0)


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_a_shared_state_that_holds_none_of_the_files_targets_is_refused(world: Small, state: str) -> None:
    """Another project in the same accounts whose file has the same name."""
    run(world, state, *PUSH, project=None, code=0)
    before = (world.folder / "segments.yaml").read_text()
    text = before.replace("Readers", "Members").replace("Reader", "Member").replace("tag: reader", "tag: member")
    said = shared_only(world, state, "segments.yaml", text, "plan")
    assert "Readers" in said or "://" not in state
    (world.folder / "segments.yaml").write_text(before.replace("tag: Readers", "tag: Members"))  # one is renamed
    assert launcher.sync(world.folder, "plan", "--rehearse", "--state", state).returncode == 0
