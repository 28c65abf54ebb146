"""`sync prune`: old changes go, and nothing that anybody still asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connector.app import planning, pruning
from connector.app.workspace import open_state
from connector.core.errors import ConfigError
from connector.state.open import open_store, rehearsal_url
from tests import launcher
from tests.path.small import SEGMENTS, Small, small
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
EMPTY = ("--allow", "empty", "--allow", "removes", "--reason", "test")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path / "world", "--no-limits") as made:
        yield made


@pytest.fixture(params=["file", "share", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return empty_schema(request.getfixturevalue("postgres"))
    return f"file://{tmp_path}/state.db" if request.param == "share" else str(tmp_path / "state.db")


def sync(world: Small, state: str, *words: str, code: int = 0) -> str:
    done = launcher.sync(world.folder, *words, "--rehearse", "--state", state)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == code, said
    return said


def age(state: str, days: int) -> None:
    """All runs so far are as old as this."""
    store = open_store(rehearsal_url(state))
    with store.lease("test"):
        moved = days * 86_400 * 10**6
        columns = ", ".join(f"{name} = {name} - {moved}" for name in ("as_of", "started_at", "finished_at"))
        store._db.run(f"UPDATE run SET {columns}")  # type: ignore[attr-defined]
    store.close()


@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_old_changes_go_and_the_rest_stays(world: Small, state: str) -> None:
    world.write({"ann": "ann@example.com", "bea": "bea@example.com"})
    sync(world, state, "push", "--yes")
    age(state, 100)
    world.write({"ann": "ann@example.com", "cem": "cem@example.com"})
    sync(world, state, "push", "--yes", *EMPTY)
    before = world.running.writes()
    store = open_store(rehearsal_url(state))
    new, old = store.runs(5)
    ledgers = {name: store.ledger(name).memberships.num_rows for name in ("mailchimp", "klaviyo", "hubspot")}
    kept = store.run_changes(new.id).num_rows
    store.close()
    assert "pass --yes" in sync(world, state, "prune", code=3)
    assert sync(world, state, "prune", "--older-than", "13 months", "--yes").startswith("0 changes")
    assert "--yes" in sync(world, state, "runs", "prune", code=3)
    assert sync(world, state, "runs", "prune", "--older-than", "13 months", "--yes").startswith("0 changes")
    assert "are for `sync runs prune`" in sync(world, state, "runs", "--yes", code=2)
    said = sync(world, state, "prune", "--yes")
    assert "changes of runs before" in said and not said.startswith("0 changes")
    store = open_store(rehearsal_url(state))
    assert store.run_changes(old.id).num_rows == 0 and store.run_changes(new.id).num_rows == kept
    assert [run.id for run in store.runs(5)] == [new.id, old.id] and store.runs(5)[1].summary == old.summary
    assert ledgers == {name: store.ledger(name).memberships.num_rows for name in ledgers}
    store.close()
    assert "cannot be taken back" in sync(world, state, "undo", old.id, "--yes", code=3)
    sync(world, state, "push", "--yes")
    assert world.running.writes() == before, "a push after pruning sent something"
    assert sync(world, state, "prune", "--yes").startswith("0 changes")
    world.write({"ann": "ann@example.com", "cem": "cem@example.com", "dan": "dan@example.com"})
    sync(world, state, "push", "--yes")
    sync(world, state, "undo", "last", "--yes", *EMPTY)


def test_a_hold_keeps_what_it_asks_for(world: Small, tmp_path: Path) -> None:
    held = SEGMENTS.replace("when: {plan: paid},", "when: {plan: paid}, hold: 120 days,")
    world.write({"ann": "ann@example.com"}, segments=held)
    state = str(tmp_path / "state.db")
    sync(world, state, "push", "--yes")
    age(state, 100)
    assert sync(world, state, "prune", "--yes").startswith("0 changes")
    with world.open(state=state) as workspace:
        assert pruning.cutoff(workspace, pruning.policy("90 days")) < datetime.now(UTC) - timedelta(days=120)
        assert pruning.cutoff(workspace, pruning.policy("300 days")) < datetime.now(UTC) - timedelta(days=299)
        assert datetime.now(UTC) - timedelta(days=400) < pruning.cutoff(workspace, pruning.policy("13 months"))
    with pytest.raises(ConfigError, match=r"--older-than: error.*not a unit"):
        pruning.policy("13 moons")
    with world.open(state=state) as workspace, open_state(workspace) as store:
        assert planning.plan(workspace, store).changes.num_rows == 0


@pytest.mark.long
def test_who_changed_the_address_is_still_found(world: Small, tmp_path: Path) -> None:
    """A person who is to be forgotten is named by the old address."""
    state = str(tmp_path / "state.db")
    world.write({"p1": "ann@example.com"})
    sync(world, state, "push", "--yes")
    world.write({"p1": "ann.new@example.com"})
    sync(world, state, "push", "--yes", *EMPTY)
    age(state, 100)
    sync(world, state, "prune", "--yes")
    store = open_store(rehearsal_url(state))
    assert set(store.upkeep.addresses("ann@example.com")) == {"ann@example.com", "ann.new@example.com"}
    store.close()
