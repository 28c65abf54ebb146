"""What each kind of trouble does to a batch, its destination and the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connector.core.errors import (
    Auth,
    ContractError,
    DestinationError,
    Gone,
    Interrupted,
    NotSent,
    Refused,
    Retryable,
    StateError,
    Unanswered,
)
from connector.core.model import Kind, NewContacts, Op, Outcome
from connector.platforms.base import Batch, Done, RecordOutcome
from connector.state.base import RunState, Store

from .conftest import Pusher, ledger_members
from .fake import FakePlatform, capabilities, change, people

ATOMIC = {op: {"atomic": True} for op in Op}
FRAGILE = {Op.CREATE: {"replayable": False}}


def fails(error: BaseException, *calls: int) -> Callable[[int, Batch], BaseException | None]:
    return lambda call, batch: error if not calls or call in calls else None


@pytest.fixture
def platform() -> FakePlatform:
    made = FakePlatform(capabilities(concurrency=1))
    made.hold(*people(100))
    return made


def test_named_culprits_are_parked_and_the_rest_is_sent(push: Pusher, store: Store) -> None:
    platform = FakePlatform(capabilities(specs=ATOMIC), bad=frozenset(people(2, 3)))
    result = push(platform, change(Op.CREATE, people(10)))
    assert [batch.records.num_rows for batch in platform.sent] == [10, 8]
    assert result.counts["d"]["create"] == {"applied": 8, "rejected": 2}
    rejects = store.rejects("d").to_pylist()
    assert [(row["email"], row["code"], row["kind"]) for row in rejects] == [
        (email, "invalid_email", None) for email in people(2, 3)
    ]


def test_a_reject_is_forgotten_once_it_succeeds(push: Pusher, store: Store) -> None:
    platform = FakePlatform(bad=frozenset(people(1)))
    push(platform, change(Op.CREATE, people(1)))
    platform.bad = frozenset()
    push(platform, change(Op.CREATE, people(1)))
    assert store.rejects().num_rows == 0


def test_unnamed_culprits_are_found_by_halving(push: Pusher, store: Store) -> None:
    platform = FakePlatform(capabilities(specs=ATOMIC), bad=frozenset(people(1, 6)), names_culprits=False)
    platform.hold(*people(10))
    result = push(platform, change(Op.ADD, people(10), Kind.TAG, "vip"))
    assert result.counts["d"]["add"] == {"applied": 9, "rejected": 1}
    assert store.rejects("d")["email"].to_pylist() == people(1, 6)
    assert len(platform.sent) <= 9


def test_too_large_is_halved_until_it_fits(push: Pusher, platform: FakePlatform) -> None:
    platform.cap = 3
    result = push(platform, change(Op.ADD, people(10), Kind.TAG, "vip"))
    assert result.counts["d"]["add"] == {"applied": 10}
    assert max(batch.records.num_rows for batch in platform.sent[2:]) <= 5


def test_a_single_record_too_large_is_parked(push: Pusher, platform: FakePlatform) -> None:
    platform.cap = 0
    result = push(platform, change(Op.UPDATE, people(2)))
    assert result.counts["d"]["update"] == {"rejected": 2}


@pytest.mark.parametrize("error", [Auth("key"), Refused("no", code="quota")])
def test_a_refusal_stops_only_its_destination_and_resume_sends_the_rest(
    push: Pusher, store: Store, platform: FakePlatform, error: DestinationError
) -> None:
    other = FakePlatform()
    other.hold(*people(5))
    platform.trouble = fails(error, 2)
    changes = [change(Op.ADD, people(30), Kind.TAG, "vip")]
    changes += [change(Op.ADD, people(5), Kind.TAG, "vip", destination="other")]
    result = push({"d": platform, "other": other}, *changes)
    assert (result.state, result.exit_code, result.errors) == (RunState.FAILED, 4, {"d": error})
    assert result.counts["d"]["add"] == {"applied": 10, "unsent": 20}
    assert result.counts["other"]["add"] == {"applied": 5}
    again = push.resume(platform)
    assert (again.run_id, again.state, again.exit_code) == (result.run_id, RunState.DONE, 0)
    assert platform.groups[Kind.TAG, "vip"] == set(people(30)) == ledger_members(store, "tag", "vip")
    assert len(platform.sent) == 4


def test_what_never_left_leaves_nothing_unknown(push: Pusher, store: Store, platform: FakePlatform) -> None:
    platform.trouble = fails(NotSent("too many records", code="bug"), 2)
    result = push(platform, change(Op.ADD, people(30), Kind.TAG, "vip"))
    assert (result.state, result.exit_code, result.errors["d"].code) == (RunState.FAILED, 4, "bug")
    assert result.counts["d"]["add"] == {"applied": 10, "unsent": 20}
    assert store.journal.in_doubt(result.run_id, "d") == []
    store.require_finished()
    assert push(platform, change(Op.ADD, people(20, 10), Kind.TAG, "vip")).exit_code == 0


def test_a_policy_that_the_platform_does_not_have_fails_its_people_alone(push: Pusher, store: Store) -> None:
    able = replace(capabilities(concurrency=1), new_contacts=frozenset({NewContacts.TRANSACTIONAL}))
    platform = FakePlatform(able)
    result = push(
        platform,
        change(Op.CREATE, people(3), new_status="subscribed"),
        change(Op.CREATE, people(2, 3), new_status="transactional"),
        change(Op.ADD, people(5), Kind.TAG, "vip"),
    )
    assert (result.state, result.exit_code, result.errors) == (RunState.DONE, 1, {})
    assert result.counts["d"]["create"] == {"applied": 2, "failed": 3}
    assert set(platform.contacts) == set(people(2, 3)) == ledger_members(store, "tag", "vip")
    assert store.ledger("d").doubtful.num_rows == 0 and store.rejects("d").num_rows == 0


def test_what_the_platform_no_longer_offers_ends(push: Pusher, store: Store, platform: FakePlatform) -> None:
    """An older version left it behind as sent."""
    platform.hold(*people(1))
    for table in platform.lookup(people(1)):
        store.observe("d", table)
    platform.trouble = fails(ContractError("strange"), 1)
    push(platform, change(Op.RETIRE, people(1)))
    (run,) = store.runs()
    operations = {key: spec for key, spec in platform.capabilities.operations.items() if key[0] is not Op.RETIRE}
    object.__setattr__(platform.capabilities, "operations", operations)
    again = push.resume(platform)
    assert (again.run_id, again.state) == (run.id, RunState.DONE)
    assert again.counts["d"]["retire"] == {"failed": 1}


def test_a_failed_run_gives_way_to_a_new_plan(push: Pusher, store: Store, platform: FakePlatform) -> None:
    platform.trouble = fails(Auth("key"), 1)
    failed = push(platform, change(Op.UPDATE, people(2)))
    assert push(platform, change(Op.UPDATE, people(2))).exit_code == 0
    assert store.run(failed.run_id).state is RunState.ABANDONED
    assert store.unfinished() is None


def test_a_batch_out_of_tries_fails_and_the_next_goes_on(push: Pusher, store: Store, platform: FakePlatform) -> None:
    platform.trouble = fails(Retryable("busy", code="throttled"), 1, 3, 4)
    result = push(platform, change(Op.ADD, people(50), Kind.TAG, "vip"))
    assert (result.state, result.exit_code) == (RunState.DONE, 1)
    assert result.counts["d"]["add"] == {"applied": 20, "failed": 30}
    assert len(ledger_members(store, "tag", "vip")) == 20


def test_three_failed_batches_in_a_row_end_the_destination(push: Pusher, platform: FakePlatform) -> None:
    platform.trouble = fails(Retryable("busy", code="throttled"))
    result = push(platform, change(Op.ADD, people(60), Kind.TAG, "vip"))
    assert result.counts["d"]["add"] == {"failed": 30, "unsent": 30}
    assert (len(platform.sent), result.exit_code) == (3, 4)


def test_an_unanswered_replayable_batch_is_sent_again(push: Pusher, store: Store, platform: FakePlatform) -> None:
    platform.lost = fails(Unanswered("broken"), 1)
    result = push(platform, change(Op.ADD, people(20), Kind.TAG, "vip"))
    assert result.counts["d"]["add"] == {"applied": 20}
    assert len(platform.sent) == 3
    assert ledger_members(store, "tag", "vip") == set(people(20))


def test_never_answered_is_failed_and_not_in_the_ledger(push: Pusher, store: Store, platform: FakePlatform) -> None:
    platform.lost = fails(Unanswered("broken"))
    result = push(platform, change(Op.ADD, people(5), Kind.TAG, "vip"))
    assert result.counts["d"]["add"] == {"failed": 5}
    assert (len(platform.sent), result.exit_code) == (2, 1)
    assert ledger_members(store, "tag", "vip") == set()


def test_an_unanswered_create_is_looked_up_before_it_is_sent_again(push: Pusher, store: Store) -> None:
    platform = FakePlatform(capabilities(specs=FRAGILE))
    platform.lost = fails(Unanswered("applied"), 1)
    result = push(platform, change(Op.CREATE, people(4)))
    assert platform.lookups == [people(4)]
    assert len(platform.sent) == 1
    assert result.counts["d"]["create"] == {"applied": 4}
    assert store.ledger("d").contacts["remote_id"].to_pylist() == [f"id-{email}" for email in people(4)]


def test_a_create_that_never_arrived_is_sent_once_more(push: Pusher) -> None:
    platform = FakePlatform(capabilities(specs=FRAGILE))
    platform.trouble = fails(Unanswered("not applied"), 1)
    result = push(platform, change(Op.CREATE, people(4)), change(Op.ADD, people(4), Kind.TAG, "vip"))
    assert [batch.op for batch in platform.sent] == [Op.CREATE, Op.CREATE, Op.ADD]
    assert result.counts["d"] == {"create": {"applied": 4}, "add": {"applied": 4}}


@pytest.mark.parametrize("arrived", [0, 1, 2, 3])
def test_a_create_without_an_answer_three_times_is_not_given_up(push: Pusher, arrived: int) -> None:
    """One request in twenty stays without an answer: two in a row happen in a night. `arrived`: the one of the
    unanswered requests that the platform took; 0 for none."""
    platform = FakePlatform(capabilities(specs=FRAGILE))
    platform.trouble = lambda call, _: Unanswered("lost") if call <= 3 and call != arrived else None
    platform.lost = lambda call, _: Unanswered("lost") if call == arrived else None
    result = push(platform, change(Op.CREATE, people(4)))
    assert result.counts["d"]["create"] == {"applied": 4}
    assert len(platform.sent) == (arrived or 4)


def test_records_left_out_of_the_answer_are_sent_again(push: Pusher, platform: FakePlatform) -> None:
    platform.left_out = {*people(2)}
    result = push(platform, change(Op.ADD, people(5), Kind.TAG, "vip"))
    assert [batch.records["email"].to_pylist() for batch in platform.sent] == [people(5), people(2)]
    assert result.counts["d"]["add"] == {"applied": 5}


def test_records_left_out_of_a_job_are_sent_again(push: Pusher) -> None:
    slow = FakePlatform(capabilities(specs={Op.CREATE: {"asynchronous": True}}), polls=2, left_out={*people(2)})
    result = push(slow, change(Op.CREATE, people(5)))
    assert [batch.records.num_rows for batch in slow.sent] == [5, 2]
    assert result.counts["d"]["create"] == {"applied": 5}


@pytest.mark.parametrize("indexes", [(0, 1, 2), (0, 0), (-1, 0)], ids=["stranger", "twice", "negative"])
def test_outcomes_of_strangers_are_a_broken_contract(push: Pusher, store: Store, indexes: tuple[int, ...]) -> None:
    class Strange(FakePlatform):
        def push(self, batch: Batch) -> Done:
            return Done(tuple(RecordOutcome(index, Outcome.APPLIED) for index in indexes))

    result = push(Strange(), change(Op.CREATE, people(2)))
    assert isinstance(result.errors["d"], ContractError)
    assert result.counts["d"]["create"] == {"unknown": 2}
    assert store.ledger("d").contacts.num_rows == 0


def test_a_bug_is_raised_after_the_others_are_done_and_resume_mends(push: Pusher, store: Store) -> None:
    broken, other = FakePlatform(), FakePlatform()
    broken.lost = fails(ZeroDivisionError("bug"), 1)
    with pytest.raises(ZeroDivisionError):
        push(
            {"d": broken, "other": other},
            change(Op.CREATE, people(3)),
            change(Op.CREATE, people(3), destination="other"),
        )
    assert len(other.contacts) == 3
    open_run = store.unfinished()
    assert open_run is not None
    assert store.journal.counts(open_run.id) == {"d": {"create": {"unknown": 3}}, "other": {"create": {"applied": 3}}}
    assert push.resume(broken).counts["d"]["create"] == {"applied": 3}


def test_ctrl_c_finishes_what_is_in_flight_and_resume_the_rest(push: Pusher, store: Store) -> None:
    platform = FakePlatform(capabilities(concurrency=1))
    platform.hold(*people(40))
    platform.trouble = lambda call, batch: push.stop.set() if call == 2 else None
    result = push(platform, change(Op.ADD, people(40), Kind.TAG, "vip"))
    assert (result.state, result.exit_code) == (RunState.INTERRUPTED, 130)
    assert result.counts["d"]["add"] == {"applied": 20, "unsent": 20}
    assert store.journal.in_doubt(result.run_id, "d") == []
    assert push.resume(platform).exit_code == 0
    assert ledger_members(store, "tag", "vip") == set(people(40))
    assert len(platform.sent) == 4


def test_ctrl_c_leaves_a_job_that_resume_asks_for(push: Pusher) -> None:
    platform = FakePlatform(capabilities(specs={Op.CREATE: {"asynchronous": True}}), polls=1)
    platform.lost = lambda call, batch: push.stop.set()
    result = push(platform, change(Op.CREATE, people(5)))
    assert (result.exit_code, result.counts["d"]["create"]) == (130, {"unknown": 5})
    platform.lost = fails(AssertionError("sent again"))
    assert push.resume(platform).counts["d"]["create"] == {"applied": 5}


def test_a_wait_that_is_interrupted_leaves_doubt(push: Pusher, platform: FakePlatform) -> None:
    platform.trouble = fails(Interrupted("stopped"), 1)
    result = push(platform, change(Op.UPDATE, people(5)))
    assert (result.exit_code, result.counts["d"]["update"]) == (130, {"unknown": 5})
    assert push.resume(platform).counts["d"]["update"] == {"applied": 5}


def test_a_job_the_platform_forgot_is_sent_again(push: Pusher) -> None:
    platform = FakePlatform(capabilities(specs={Op.CREATE: {"asynchronous": True}}), polls=1)
    platform.lost = lambda call, batch: push.stop.set()
    push(platform, change(Op.CREATE, people(5)))
    platform.jobs.clear()
    platform.lost = lambda call, batch: None
    assert push.resume(platform).counts["d"]["create"] == {"applied": 5}
    assert len(platform.sent) == 2


def test_a_job_that_cannot_be_asked_for_stays_unknown(push: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = FakePlatform(capabilities(specs={Op.CREATE: {"asynchronous": True}}))
    with monkeypatch.context() as patched:
        patched.setattr(platform, "poll", _raising(Retryable("busy", code="503")))
        result = push(platform, change(Op.CREATE, people(5)))
    assert (result.exit_code, result.counts["d"]["create"]) == (4, {"unknown": 5})
    assert push.resume(platform).counts["d"]["create"] == {"applied": 5}
    assert len(platform.sent) == 1


def test_an_endless_job_is_left_to_resume(push: Pusher) -> None:
    platform = FakePlatform(capabilities(specs={Op.CREATE: {"asynchronous": True}}), polls=10**9)
    result = push(platform, change(Op.CREATE, people(5)))
    assert result.errors["d"].code == "slow_job"


def test_a_target_deleted_there_is_forgotten_here(push: Pusher, store: Store, platform: FakePlatform) -> None:
    push(platform, change(Op.ADD, people(5), Kind.LIST, "in"))
    del platform.groups[Kind.LIST, "in"]
    platform.trouble = fails(Gone("404", code="not_found"))
    result = push(platform, change(Op.ADD, people(2, 5), Kind.LIST, "in"), change(Op.ADD, people(1), Kind.TAG, "t"))
    assert result.counts["d"]["add"] == {"failed": 2, "unsent": 1}
    assert ledger_members(store, "list", "in") == set()
    assert (Kind.LIST, "in") not in store.target_ids("d")


def test_a_404_about_a_target_that_is_there_forgets_nothing(push: Pusher, store: Store, platform: FakePlatform) -> None:
    push(platform, change(Op.ADD, people(5), Kind.LIST, "in"))
    platform.trouble = fails(Gone("404", code="not_found"))
    assert push(platform, change(Op.ADD, people(2, 5), Kind.LIST, "in")).exit_code == 4
    assert ledger_members(store, "list", "in") == set(people(5))


def test_an_operation_the_platform_does_not_offer(push: Pusher) -> None:
    platform = FakePlatform(capabilities())
    operations = {key: spec for key, spec in platform.capabilities.operations.items() if key[0] is not Op.RETIRE}
    object.__setattr__(platform.capabilities, "operations", operations)
    result = push(platform, change(Op.RETIRE, people(1)))
    assert result.errors["d"].code == "not_offered"


def test_a_destination_missing_from_the_file(push: Pusher) -> None:
    result = push({}, change(Op.CREATE, people(1)))
    assert (result.exit_code, result.errors["d"].code) == (4, "no_destination")
    assert result.counts["d"]["create"] == {"unsent": 1}


def test_nothing_to_resume(store: Store) -> None:
    from connector.push.run import resume

    assert resume(store, {}, lambda event: None, threading.Event()) is None


def _raising(error: BaseException) -> Callable[..., None]:
    def run(*args: object) -> None:
        raise error

    return run


def test_a_state_that_is_removed_in_the_middle_stops_the_run(push: Pusher, store: Store, tmp_path: Path) -> None:
    platform = FakePlatform()
    platform.hold(*people(40))

    def remove(call: int, batch: Batch) -> None:
        for path in tmp_path.glob("state.db*"):
            path.unlink()

    platform.trouble = remove
    with pytest.raises(StateError, match="removed or replaced"):
        push(platform, change(Op.ADD, people(40), Kind.TAG, "vip"))
    assert len(platform.sent) <= platform.capabilities.concurrency, "nothing more is sent"
