"""What an adapter says is so: each operation has its effect, nothing is applied that was not, nobody is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pyarrow as pa
import pytest

from connector.core.errors import BadRecords, Gone, Refused, Unanswered
from connector.core.model import BLOCKED, Kind, Op, Outcome, Status, Target
from connector.core.schemas import CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import ERASED, NOT_HELD, Adapter, Batch, Done, Job
from tests.conformance.bench import (
    DONE,
    MOMENT,
    PEOPLE,
    batch,
    connect,
    finish,
    known,
    operations,
    outcomes,
    rewritten,
    targets,
)
from tests.conformance.kits import Kit, Meaning

ANN, BEA, CID = PEOPLE


def created(adapter: Adapter, emails: Sequence[str], tags: bool = False) -> None:
    assert set(outcomes(finish(adapter, batch(adapter, Op.CREATE, None, emails, tags)), len(emails))) == {
        Outcome.APPLIED
    }


def rows(tables: Iterator[pa.Table], schema: pa.Schema = CONTACT_SCHEMA) -> list[dict[str, Any]]:
    return list(pa.concat_tables([schema.empty_table(), *tables]).to_pylist())


def told(adapter: Adapter, since: datetime | None) -> dict[str, Status]:
    """Address -> status, the later row of a contact counts."""
    return {row["email"]: Status(row["status"]) for row in rows(adapter.statuses(since))}


def offers(adapter: Adapter, op: Op) -> bool:
    return any(offered is op for offered, _ in adapter.capabilities.operations)


# -- statuses -----------------------------------------------------------------------------------------------------


def address(status: str) -> str:
    return f"{status.replace('_', '-')}@example.com"


def means(kit: Kit, status: Status | None, meaning: Meaning) -> bool:
    """Whether a contact that reads as `status` (None: not told) has this meaning."""
    if meaning is Meaning.YES:
        return status is Status.SUBSCRIBED
    if meaning is Meaning.NO:
        return status is None or status in BLOCKED
    return status in (None, Status.PENDING, Status.NEVER_SUBSCRIBED)


def test_each_status_of_the_vendor_is_read_as_what_it_means(adapter: Adapter, kit: Kit) -> None:
    """A contact that is not told and must not be mailed cannot be created either."""
    assert kit.meanings.keys() == {*kit.statuses, *kit.seeded.values()}
    words = {address(status): status for status in kit.statuses} | dict(kit.seeded)
    for status in kit.statuses:
        kit.make(status, [address(status)])
    held = told(adapter, None)
    wrong = {
        word: held.get(email) for email, word in words.items() if not means(kit, held.get(email), kit.meanings[word])
    }
    assert wrong == {}
    hidden = [email for email, word in words.items() if kit.meanings[word] is Meaning.NO and email not in held]
    for email in hidden:
        assert outcomes(finish(adapter, batch(adapter, Op.CREATE, None, [email])), 1) == [Outcome.REJECTED]


def test_statuses_tell_each_later_change(adapter: Adapter, kit: Kit) -> None:
    """Long after the contacts were created. Also an adapter that has told everybody before, and another one."""
    no = [status for status in kit.statuses if kit.meanings[status] is Meaning.NO]
    created(adapter, [*map(address, no), ANN])
    first = told(adapter, None)
    assert not any(first[address(status)] in BLOCKED for status in no)
    since = datetime.now(UTC) + timedelta(hours=3)
    kit.running.settings(clock_ahead_s=6 * 3600)
    for status in no:
        kit.make(status, [address(status)])
    for one in (adapter, connect(kit)):
        later = told(one, since)
        missed = {
            status: later.get(address(status))
            for status in no
            if later.get(address(status)) not in BLOCKED and address(status) in told(one, None)
        }
        assert missed == {}


@pytest.mark.parametrize("hours", [-30, 5])
def test_now_is_the_platforms(kit: Kit, hours: int) -> None:
    """Ours may be hours ahead or behind: cursors made from it would pass over changes."""
    kit.running.settings(clock_ahead_s=hours * 3600)
    theirs = datetime.now(UTC) + timedelta(hours=hours)
    assert abs(connect(kit).now() - theirs) < timedelta(minutes=1)


def test_one_page_plus_one(adapter: Adapter, kit: Kit) -> None:
    """Every reading of people goes on where the largest page ends."""
    emails = [f"q{number}@example.com" for number in range(kit.page + 1)]
    created(adapter, emails, tags=kit.tags_are_property)
    assert set(emails) - set(told(connect(kit), None)) == set(), "statuses of everybody"
    assert set(emails) - set(told(connect(kit), MOMENT)) == set(), "statuses since"
    assert set(emails) - {row["email"] for row in rows(connect(kit).lookup(emails))} == set(), "lookup"
    ids = {row["remote_id"] for row in known(adapter, emails).values()}
    for target in targets(kit):
        if (Op.ADD, target.kind) in adapter.capabilities.operations:
            finish(adapter, batch(adapter, Op.ADD, target, emails))
        found = rows(connect(kit).members(target.kind, adapter.ensure_targets([target])[target]), MEMBER_SCHEMA)
        assert {row["remote_id"] for row in found} >= ids or {row["email"] for row in found} >= set(emails), target


def test_a_page_of_lists_plus_one(adapter: Adapter, kit: Kit) -> None:
    wanted = [Target(kit.name, Kind(kit.thing), f"t{number}") for number in range(kit.targets_page + 1)]
    made = adapter.ensure_targets(wanted)
    found = connect(kit).targets(frozenset({Kind(kit.thing)}))
    assert {(one.kind, one.name): key for one, key in made.items()}.items() <= found.items()
    before = kit.running.writes()
    assert connect(kit).ensure_targets(wanted) == made
    assert kit.running.writes() == before


# -- operations ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3])
def test_a_field_is_set_changed_and_cleared(adapter: Adapter, kit: Kit, size: int) -> None:
    """In one batch, beside a contact whose field stays and one whose field changes; and alone."""
    created(adapter, PEOPLE)
    for field in (kit.field, kit.other_field):
        first = [f'{{"{field}": "old"}}'] * 3
        finish(adapter, rewritten(batch(adapter, Op.UPDATE, None, PEOPLE), fields=first))
        assert [kit.values(field)[email] for email in PEOPLE] == ["old", "old", "old"]
        then = [f'{{"{field}": null}}', f'{{"{field}": "new"}}', "{}"]
        made = rewritten(batch(adapter, Op.UPDATE, None, PEOPLE[:size]), fields=then)
        assert set(outcomes(finish(adapter, made), size)) <= DONE
        expected = ["", "new", "old"] if size == 3 else ["", "old", "old"]
        assert [kit.values(field)[email] for email in PEOPLE] == expected, field


def test_a_move_gives_the_contact_its_new_address(adapter: Adapter, kit: Kit) -> None:
    if not offers(adapter, Op.MOVE):
        pytest.skip(f"{kit.name} offers no MOVE")
    created(adapter, PEOPLE)
    ids = {email: row["remote_id"] for email, row in known(adapter, PEOPLE).items()}
    new = ["new.ann@example.com", "new.bea@example.com"]
    made = rewritten(batch(adapter, Op.MOVE, None, PEOPLE[:2]), email=new)
    assert outcomes(finish(adapter, made), 2) == [Outcome.APPLIED, Outcome.APPLIED]
    assert kit.values().keys() >= {*new, CID} and not kit.values().keys() & {ANN, BEA}
    held = known(connect(kit), [*new, *PEOPLE])
    assert {email: row["remote_id"] for email, row in held.items()} == {
        new[0]: ids[ANN],
        new[1]: ids[BEA],
        CID: ids[CID],
    }


def test_each_operation_has_its_effect(adapter: Adapter, kit: Kit) -> None:
    """APPLIED means that the platform holds it now, of these contacts and of no other."""
    created(adapter, PEOPLE)
    for op, target in operations(adapter, kit):
        if op in (Op.CREATE, Op.UPDATE, Op.MOVE):  # see the other tests
            continue
        if op is Op.REMOVE:
            outcomes(finish(adapter, batch(adapter, Op.ADD, target, PEOPLE)), 3)
        made = batch(adapter, op, target, PEOPLE[:2])
        assert outcomes(finish(adapter, made), 2) == [Outcome.APPLIED, Outcome.APPLIED], op
        blocked = {email for email, row in known(connect(kit), PEOPLE).items() if row["status"] in BLOCKED}
        members = kit.members(str(target.kind), target.name) if target else None
        if op is Op.ADD:
            assert members == {ANN, BEA}
        elif op is Op.REMOVE:
            assert members == {CID}
        elif op is Op.RESTORE:
            assert blocked == set() == kit.said_no() & set(PEOPLE)
        else:
            assert blocked == {ANN, BEA} == kit.said_no() & set(PEOPLE), op


# -- gone meanwhile -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2])
def test_nothing_is_applied_to_a_contact_that_is_gone(adapter: Adapter, kit: Kit, size: int) -> None:
    """The batch was made ready while its first contact was still held, and that one does not come back."""
    for number, (op, target) in enumerate(operations(adapter, kit)):
        if op is Op.CREATE:
            continue
        gone, *others = emails = [f"g{number}.{each}@example.com" for each in range(size)]
        created(adapter, emails)
        made = batch(adapter, op, target, emails)
        if op is Op.MOVE:
            made = rewritten(made, email=[f"new.{email}" for email in emails])
        kit.delete([gone])
        most = adapter.capabilities.operations[op, target.kind if target else None].max_batch
        first, rest = replace(made, records=made.records.slice(0, most)), made.records.slice(most)
        (outcome, code), *more = told_of(adapter, first)
        if op is not Op.REMOVE:  # nothing is left to remove
            assert outcome not in (Outcome.APPLIED, Outcome.UNKNOWN, Outcome.FAILED), op
            assert code in (NOT_HELD, ERASED), op
        assert {outcome for outcome, _ in more} <= DONE, op
        assert len(more) + rest.num_rows == len(others)
        assert not kit.values().keys() & {gone, f"new.{gone}"}, op


def told_of(adapter: Adapter, made: Batch) -> list[tuple[Outcome, str]]:
    """Outcome and code of each record; those that are named as culprits are left out, and the rest is sent again."""
    size = made.records.num_rows
    try:
        done = sorted(finish(adapter, made).outcomes, key=lambda one: one.index)
        assert [one.index for one in done] == list(range(size))
        return [(one.outcome, one.code) for one in done]
    except BadRecords as error:
        assert set(error.culprits) == {0}
        rest = told_of(adapter, replace(made, records=made.records.slice(1))) if size > 1 else []
        return [(Outcome.REJECTED, error.culprits[0][0]), *rest]


def test_a_target_that_is_gone_is_told_by_its_code(adapter: Adapter, kit: Kit) -> None:
    """The core forgets the target for this code alone."""
    created(adapter, PEOPLE)
    (target,) = (one for one in targets(kit) if one.kind == kit.thing)
    for op, many in product((Op.ADD, Op.REMOVE), (1, 2)):
        made = batch(adapter, op, target, PEOPLE[:many])
        kit.drop(target.name)
        with pytest.raises(Refused) as caught:
            finish(connect(kit), made)
        assert isinstance(caught.value, Gone), op
        assert (target.kind, target.name) not in connect(kit).targets(frozenset({target.kind}))


def test_contacts_created_into_a_list_that_is_gone_are_told_by_its_code(adapter: Adapter, kit: Kit) -> None:
    if not adapter.capabilities.create_joins_lists:
        pytest.skip(f"at {kit.name} a CREATE joins no list")
    created(adapter, PEOPLE)
    (target,) = (one for one in targets(kit) if one.kind is Kind.LIST)
    key = adapter.ensure_targets([target])[target]
    kit.drop(target.name)
    for emails in (["new@example.com"], ["new@example.com", "newer@example.com"]):
        with pytest.raises(Refused) as caught:
            finish(connect(kit), replace(batch(adapter, Op.CREATE, None, emails), join=(key,)))
        assert isinstance(caught.value, Gone) and not isinstance(caught.value, BadRecords)


# -- jobs ---------------------------------------------------------------------------------------------------------


def test_open_jobs_are_told(adapter: Adapter, kit: Kit) -> None:
    if not any(spec.asynchronous for spec in adapter.capabilities.operations.values()):
        assert adapter.unfinished() == {}
        pytest.skip(f"{kit.name} has no jobs")
    created(adapter, PEOPLE)
    made = [batch(adapter, op, to, PEOPLE) for op, to in operations(adapter, kit) if op is not Op.CREATE]
    made.append(batch(adapter, Op.CREATE, None, ["new@example.com", "newer@example.com"]))
    kit.running.settings(polls=50)
    jobs = 0
    for one in made:
        spec = adapter.capabilities.operations[one.op, one.target.kind if one.target else None]
        if spec.max_batch < one.records.num_rows or not isinstance(answer := adapter.push(one), Job):
            continue
        jobs += 1
        for _ in range(2):  # before it is asked about and after, when it is no longer in the queue
            assert answer.id in adapter.unfinished() and answer.id in connect(kit).unfinished(), one.op
            assert isinstance(adapter.poll(answer.id, one), Job)
        kit.running.settings(polls=0)
        assert isinstance(adapter.poll(answer.id, one), Done)
        assert answer.id not in connect(kit).unfinished(), one.op
        kit.running.settings(polls=50)
    assert jobs


def test_a_job_that_the_platform_does_not_know_has_an_unknown_outcome(adapter: Adapter, kit: Kit) -> None:
    if not any(spec.asynchronous for spec in adapter.capabilities.operations.values()):
        pytest.skip(f"{kit.name} has no jobs")
    with pytest.raises(Unanswered):
        adapter.poll("987654321", batch(adapter, Op.CREATE, None, PEOPLE))
