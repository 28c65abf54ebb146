"""While another runner works on the state, every command says who holds it since when; only a run that nobody works on
was cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connector.core.plan import Export
from connector.core.schemas import CHANGE_SCHEMA
from connector.state import lease
from connector.state.drivers import chain
from connector.state.open import open_store, rehearsal_url
from tests import launcher
from tests.path.small import Small, small
from tests.postgres import empty_schema, postgres

__all__ = ["postgres"]
COMMANDS = {
    "plan": ("plan",),
    "push": ("push", "--yes"),
    "resume": ("resume",),
    "undo": ("undo", "RUN", "--yes"),
    "adopt": ("adopt", "--yes"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with small(tmp_path_factory.mktemp("work"), to=("klaviyo",)) as made:
        made.write({"ann": "ann@example.com"})
        yield made


@pytest.fixture(scope="module", params=["file", "share", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, world: Small) -> str:
    folder = tmp_path_factory.mktemp("state")
    if request.param == "postgresql":
        url = empty_schema(request.getfixturevalue("postgres"))
    else:
        url = f"file://{folder}/state.db" if request.param == "share" else str(folder / "state.db")
    done = launcher.sync(world.folder, "push", "--rehearse", "--yes", "--state", url)
    assert done.returncode == 0, done.stdout + done.stderr
    return url


@contextmanager
def at_work(url: str) -> Iterator[str]:
    """This process has opened a run, and works on it. The run before it."""
    store = open_store(rehearsal_url(url))
    before, moment = store.runs(1)[0].id, datetime(2026, 11, 21, tzinfo=UTC)
    with store.lease("push"):
        run = store.open_run(
            plan_id="plan",
            as_of=moment,
            made_at=moment,
            changes=CHANGE_SCHEMA.empty_table(),
            revisions={},
            export=Export(1),
        )
        yield before
        store.journal.finish(run, store.run(run).state.DONE, {})
    store.close()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.sweep(keep=3)
def test_it_is_named(world: Small, state: str, command: str) -> None:
    with at_work(state) as before:
        words = [before if word == "RUN" else word for word in COMMANDS[command]]
        done = launcher.sync(world.folder, *words, "--rehearse", "--state", state)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 4, said
        assert "is in use by push (process" in said and "since 20" in said and "cut off" not in said, said


def test_the_status_shows_it(world: Small, state: str) -> None:
    with at_work(state):
        said = launcher.sync(world.folder, "status", "--rehearse", "--state", state).stdout
        assert "is in use by push (process" in said and "cut off" not in said


def test_a_runner_whose_clock_is_wrong_sees_it_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lease says of its end is over by this clock, and yet it is renewed."""
    monkeypatch.setattr(lease, "machine", lambda: "another machine")
    url = f"file://{tmp_path}/state.db"
    first = open_store(url)
    remote = first._remote  # type: ignore[attr-defined]
    with first.lease("push"):
        monkeypatch.setattr(lease, "machine", lambda: "this machine")
        monkeypatch.setattr(chain, "micros", lambda moment: 10**18)
        second = chain.Chain(url)
        monkeypatch.setattr(chain.time, "sleep", lambda _: None)
        second.require_free()  # as if nobody renewed it
        monkeypatch.setattr(chain.time, "sleep", lambda _: remote.renew())
        with pytest.raises(lease.LeaseHeld, match="in use by push"):
            second.require_free()
    first.close()
