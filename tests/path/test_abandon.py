"""`sync abandon`: a run that cannot be resumed is given up, and no change is lost or believed because of that.

A run is cut off at the first request of an operation, before it leaves or after the platform has applied it: what the
platform did is not known to the state in either case."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.cli import main
from connector.core.errors import ConfigError, PlanError, StateError
from connector.core.model import Op
from connector.state.base import JournalBatch, RunInfo, RunState, Step
from connector.state.journal import SqlJournal
from tests.path import platforms
from tests.path.small import PLATFORMS, Small, small
from tests.path.test_gone import BOTH, TAGS, edit, held, tagged

ANN, BOB, CLEO = PEOPLE = [f"{name}@example.com" for name in ("ann", "bob", "cleo")]
TWO, THREE = ({"ann": ANN, "bob": BOB}, {"ann": ANN, "bob": BOB, "cleo": CLEO})
ARRIVED = pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "never arrived"])
EVERYWHERE = pytest.mark.parametrize("platform", PLATFORMS)


class Died(Exception):
    """In place of the end of the process."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits", "--polls", "0") as made:
        yield made


def ask(world: Small, platform: str, people: dict[str, str], *, again: bool = False) -> None:
    """`again`: with another field value of everybody."""
    segments = TAGS if platform == "mailchimp" else BOTH
    world.to = (platform,)
    world.write(people, segments.replace("PLATFORM", platform))
    if again:
        path = world.folder / "people.csv"
        path.write_text(path.read_text().replace(",paid,", " II,paid,"))


def cut_off(world: Small, platform: str, op: Op, arrived: bool) -> str:
    """A push that ends at its first request of `op`; the run."""
    told: set[Op] = set()
    sent, settle = SqlJournal.sent, SqlJournal.settle

    def dying_sent(self: SqlJournal, batch: JournalBatch) -> None:
        sent(self, batch)
        if batch.step.op is op:
            told.add(op)
            if not arrived:
                raise Died

    def dying_settle(self: SqlJournal, step: Step, answers: pa.Table, **more: object) -> None:
        if step.op is op and op in told:
            raise Died
        settle(self, step, answers, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SqlJournal, "sent", dying_sent)
        patched.setattr(SqlJournal, "settle", dying_settle)
        with pytest.raises(Died):
            world.push(to=(platform,))
    with world.open() as workspace, open_state(workspace) as store:
        (run, *_) = store.runs()
        assert run.state is RunState.OPEN
        with pytest.raises(PlanError, match=rf"sync abandon {run.id} --reason"):
            planning.plan(workspace, store)
        return run.id


def abandon(world: Small, run: str, reason: str = "the account was closed") -> RunInfo:
    with world.open() as workspace, open_state(workspace) as store:
        return pushing.abandon(workspace, store, run, reason)


def unknown(run: RunInfo, platform: str) -> dict[str, int]:
    return {op: counts["unknown"] for op, counts in run.summary[platform].items() if counts.get("unknown")}


def readers(world: Small, platform: str) -> list[set[str]]:
    if platform == "mailchimp":
        return [tagged(world, platform, "Readers")]
    lists, tags = getattr(platforms, platform)(world.running.url)
    return [lists.get("Readers", set()), tags.get("Reader", tags.get("reader", set()))]


def settled(world: Small, platform: str, people: list[str]) -> None:
    """After one push these are in the segment, and a second has nothing to do."""
    assert world.push(to=(platform,))[1].exit_code == 0
    assert all(there == set(people) for there in readers(world, platform)), readers(world, platform)
    assert not world.plan(to=(platform,)).changes.num_rows


def begin(world: Small, platform: str, people: dict[str, str]) -> None:
    ask(world, platform, people)
    settled(world, platform, list(people.values()))


@ARRIVED
@EVERYWHERE
@pytest.mark.parametrize("wanted", [True, False], ids=["still wanted", "wanted no more"])
@pytest.mark.sweep(keep=1)
def test_a_new_contact(world: Small, platform: str, arrived: bool, wanted: bool) -> None:
    begin(world, platform, TWO)
    ask(world, platform, THREE)
    run = abandon(world, cut_off(world, platform, Op.CREATE, arrived))
    assert run.state is RunState.ABANDONED and unknown(run, platform)["create"] == 1
    ask(world, platform, THREE if wanted else TWO)
    settled(world, platform, PEOPLE if wanted else [ANN, BOB])


@ARRIVED
@EVERYWHERE
@pytest.mark.parametrize("wanted", [True, False], ids=["wanted again", "still unwanted"])
@pytest.mark.sweep(keep=1)
def test_a_removal(world: Small, platform: str, arrived: bool, wanted: bool) -> None:
    begin(world, platform, THREE)
    ask(world, platform, TWO)
    op = Op.REMOVE if platform == "mailchimp" else Op.UPDATE  # which the tag of a property rides in
    run = abandon(world, cut_off(world, platform, op, arrived))
    assert unknown(run, platform)["remove"] == 1
    ask(world, platform, THREE if wanted else TWO)
    settled(world, platform, PEOPLE if wanted else [ANN, BOB])


@ARRIVED
@EVERYWHERE
@pytest.mark.sweep(keep=1)
def test_a_field_that_is_changed_back_is_sent(world: Small, platform: str, arrived: bool) -> None:
    begin(world, platform, TWO)
    ask(world, platform, TWO, again=True)
    run = abandon(world, cut_off(world, platform, Op.UPDATE, arrived))
    assert unknown(run, platform) == {"update": 2}
    ask(world, platform, TWO)
    plan, result = world.push(to=(platform,))
    assert result.exit_code == 0
    assert {row["email"] for row in plan.changes.to_pylist() if row["op"] == "update"} == {ANN, BOB}
    assert not world.plan(to=(platform,)).changes.num_rows


@EVERYWHERE
@pytest.mark.sweep(keep=1)
def test_nothing_is_sent_again_for_who_opted_out_meanwhile(world: Small, platform: str) -> None:
    begin(world, platform, TWO)
    ask(world, platform, THREE)
    run = cut_off(world, platform, Op.CREATE, arrived=True)
    world.unsubscribe(platform, CLEO)
    abandon(world, run)
    plan, result = world.push(to=(platform,))
    assert CLEO in held(world, platform) and CLEO not in plan.changes["email"].to_pylist()
    assert result.exit_code == 0


def test_what_cannot_be_given_up(world: Small) -> None:
    begin(world, "klaviyo", TWO)
    with world.open() as workspace, open_state(workspace) as store:
        done = store.runs(1)[0].id
    with pytest.raises(PlanError, match="is over"):
        abandon(world, done)
    with pytest.raises(StateError, match="No run nonsense"):
        abandon(world, "nonsense")
    ask(world, "klaviyo", THREE)
    run = cut_off(world, "klaviyo", Op.CREATE, arrived=False)
    with pytest.raises(ConfigError, match="reason"):
        abandon(world, run, "  ")
    abandon(world, run)
    with pytest.raises(PlanError, match="is over"):
        abandon(world, run)


def test_the_command(world: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for a destination that is not in the file any more, and without a platform in reach."""
    begin(world, "klaviyo", TWO)
    ask(world, "klaviyo", THREE)
    run = cut_off(world, "klaviyo", Op.CREATE, arrived=True)
    edit(world, "  klaviyo: {platform", "  renamed: {platform")
    edit(world, "{klaviyo:", "{renamed:")
    monkeypatch.chdir(world.folder)

    def sync(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sync", *words, "--rehearse"])
        with pytest.raises(SystemExit) as ended:
            main.main()
        return int(str(ended.value.code or 0)), "".join(capsys.readouterr())

    code, told = sync("resume")
    assert code == 4 and f"sync abandon {run} --reason" in told
    assert sync("status")[1].count(f"sync abandon {run} --reason") == 1
    before = world.running.requests()
    code, told = sync("abandon", run, "--reason", "renamed for Ada")
    assert code == 0 and world.running.requests() == before
    assert "  klaviyo: 3 unknown (2 add, 1 create); 0 not sent\n" in told
    assert "abandoned: renamed for Ada" in sync("runs")[1]
    (newest, *_) = json.loads(sync("runs", "--format", "json")[1])["runs"]
    assert (newest["state"], newest["abandoned"]) == ("abandoned", "renamed for Ada")
    assert sync("abandon", run, "--reason", "again")[0] == 3
