"""What every adapter owes the core: one outcome per record, twice is once, caps held, and strange answers end in a
DestinationError or an unknown outcome, never in a guess and never in a crash."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
import requests

from connector.core.errors import BadRecords, DestinationError, MissingScope, NotSent
from connector.core.model import BLOCKED, Kind, Op, Outcome, Status
from connector.core.schemas import BATCH_SCHEMA, CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import Adapter, Batch
from connector.platforms.http import client
from connector.vendors import VENDORS
from tests.conformance.bench import (
    DONE,
    PEOPLE,
    batch,
    connect,
    everything,
    finish,
    known,
    operations,
    outcomes,
    prepared,
    state,
    targets,
)
from tests.conformance.kits import KITS, Kit

ROUNDS = int(os.environ.get("CONFORMANCE_ROUNDS", "25"))  # strange answers per platform


def test_every_platform_has_a_kit() -> None:
    assert set(KITS) == set(VENDORS)


def test_facts_are_complete_and_have_a_source(adapter: Adapter, kit: Kit) -> None:
    able = adapter.capabilities
    assert {str(policy) for policy in able.new_contacts} == set(kit.policies)
    assert able.concurrency >= 1
    assert (Op.RETIRE, None) in able.operations or able.retire is None
    written = VENDORS[kit.name]  # what the file may ask for
    assert written.retire == (able.retire.action if able.retire else None)
    assert written.unsubscribes == ((Op.UNSUBSCRIBE, None) in able.operations)
    for spec in able.operations.values():
        assert spec.max_batch >= 1 and spec.addressed_by in ("email", "id") and "2026-" in spec.source


def test_check_finds_the_account_and_unknown_fields_and_writes_nothing(adapter: Adapter, kit: Kit) -> None:
    before = kit.running.writes()
    assert adapter.check({kit.field: "name"}).name
    assert not [problem for problem in adapter.check({kit.field: "name"}).problems if kit.field in problem]
    assert kit.running.writes() == before


def test_each_operation_twice_is_once(adapter: Adapter, kit: Kit) -> None:
    for op, target in operations(adapter, kit):
        made = batch(adapter, op, target, PEOPLE, tags=op is Op.UPDATE and kit.tags_are_property)
        assert set(outcomes(finish(adapter, made), len(PEOPLE))) <= DONE, op
        after = state(kit)
        spec = adapter.capabilities.operations[op, target.kind if target else None]
        again = outcomes(finish(connect(kit), made), len(PEOPLE))
        assert not spec.replayable or set(again) <= DONE, op
        assert state(kit) == after, op


def test_unsubscribing_creates_nobody_and_leaves_every_other_no_alone(adapter: Adapter, kit: Kit) -> None:
    outcomes(finish(adapter, batch(adapter, Op.CREATE, None, PEOPLE)), 3)
    before = kit.said_no()
    emails = ["nobody@example.com", *PEOPLE[:2]]
    if (Op.UNSUBSCRIBE, None) not in adapter.capabilities.operations:
        with pytest.raises(NotSent):
            adapter.push(batch(adapter, Op.UNSUBSCRIBE, None, emails))
        assert kit.said_no() == before
        return
    found = outcomes(finish(connect(kit), batch(adapter, Op.UNSUBSCRIBE, None, emails)), 3)
    assert found == [Outcome.SKIPPED, Outcome.APPLIED, Outcome.APPLIED]
    held = known(connect(kit), [*PEOPLE, *emails])
    assert {email: row["status"] for email, row in held.items()} == {
        PEOPLE[0]: str(Status.UNSUBSCRIBED),
        PEOPLE[1]: str(Status.UNSUBSCRIBED),
        PEOPLE[2]: str(kit.created),
    }
    assert kit.said_no() == before | set(PEOPLE[:2])


def test_ensure_targets_twice_is_once(adapter: Adapter, kit: Kit) -> None:
    made = adapter.ensure_targets(targets(kit))
    before = kit.running.writes()
    assert connect(kit).ensure_targets(targets(kit)) == made
    assert kit.running.writes() == before
    kinds = frozenset(Kind(kind) for kind in kit.kinds)
    listed = [target for target in targets(kit) if (target.kind, target.name) in connect(kit).targets(kinds)]
    assert [target for target in targets(kit) if target.kind is Kind.LIST] == [
        target for target in listed if target.kind is Kind.LIST
    ]


def test_a_contact_is_found_by_lookup_and_by_members(adapter: Adapter, kit: Kit) -> None:
    outcomes(finish(adapter, batch(adapter, Op.CREATE, None, PEOPLE)), 3)
    held = known(connect(kit), [*PEOPLE, "nobody@example.com"])
    assert set(held) == set(PEOPLE)
    assert {row["status"] for row in held.values()} == {str(kit.created)}
    for op, target in operations(adapter, kit):
        if op is Op.ADD and target:
            made = batch(adapter, op, target, PEOPLE[:2])
            outcomes(finish(adapter, made), 2)
            found = pa.concat_tables([MEMBER_SCHEMA.empty_table(), *adapter.members(target.kind, made.target_id or "")])
            ids = {held[email]["remote_id"] for email in PEOPLE[:2]}
            assert set(found["remote_id"].to_pylist()) == ids or set(found["email"].to_pylist()) == set(PEOPLE[:2])


def test_a_batch_of_nobody_sends_nothing_and_one_over_the_cap_is_a_bug(adapter: Adapter, kit: Kit) -> None:
    for op, target in operations(adapter, kit):
        spec = adapter.capabilities.operations[op, target.kind if target else None]
        empty = batch(adapter, op, target, [])
        before = kit.running.writes()
        assert finish(adapter, empty).outcomes == ()
        rows = [{"email": f"o{n}@example.com", "remote_id": str(n)} for n in range(spec.max_batch + 1)]
        table = pa.Table.from_pylist([dict.fromkeys(BATCH_SCHEMA.names) | row for row in rows], schema=BATCH_SCHEMA)
        with pytest.raises(NotSent):
            adapter.push(Batch(op, target, empty.target_id, table))
        assert kit.running.writes() == before


def test_a_bad_record_is_named_or_leaves_the_rest_alone(adapter: Adapter, kit: Kit) -> None:
    emails = [PEOPLE[0], kit.refused, PEOPLE[1]]
    made = batch(adapter, Op.CREATE, None, emails)
    try:
        found = outcomes(finish(adapter, made), 3)
    except BadRecords as error:
        assert set(error.culprits) <= {1}
        assert not known(connect(kit), emails)
    else:
        assert found == [Outcome.APPLIED, Outcome.REJECTED, Outcome.APPLIED]


def test_who_opted_out_is_read_as_such(adapter: Adapter, kit: Kit) -> None:
    no = {"unsubscribed", "cleaned", "archived", "suppressed", "opted_out"} & set(kit.statuses)
    for status in no:
        kit.make(status, [f"{status.replace('_', '-')}@example.com"])
    expected = {*kit.seeded, *(f"{status.replace('_', '-')}@example.com" for status in no)}
    tables = pa.concat_tables([CONTACT_SCHEMA.empty_table(), *adapter.statuses(None)])
    held = {row["email"]: row["status"] for row in tables.to_pylist()}
    assert {email: held[email] for email in expected if held[email] not in BLOCKED} == {}
    assert {email for email, status in held.items() if status in BLOCKED} >= kit.said_no()


# -- strange answers ----------------------------------------------------------------------------------------------

Change = Callable[[Any], Any]


@pytest.fixture
def tamper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Change | None], None]]:
    """Put a change of every JSON answer in the way; None takes it out again."""
    current: list[Change | None] = [None]
    send = requests.Session.send

    def changed(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = send(self, request, **options)
        change = current[0]
        if change and answer.content and "json" in answer.headers.get("content-type", ""):
            answer._content = json.dumps(change(answer.json())).encode()
        return answer

    monkeypatch.setattr(requests.Session, "send", changed)
    monkeypatch.setattr(client, "USER_AGENT", "misled")  # what follows from a strange answer is no request to judge
    yield lambda change: current.__setitem__(0, change)
    current[0] = None


def with_more(node: Any) -> Any:
    """Fields that nobody knows yet, everywhere but in maps of values."""
    if isinstance(node, list):
        return [with_more(each) for each in node]
    if not isinstance(node, dict):
        return node
    maps = ("properties", "merge_fields")
    return {k: v if k in maps else with_more(v) for k, v in node.items()} | {"brand_new": {"a": [1, None]}}


def test_unknown_fields_in_answers_change_nothing(kit: Kit, tamper: Callable[[Change | None], None]) -> None:
    batches, ids = prepared(connect(kit), kit), connect(kit).ensure_targets(targets(kit))
    tamper(with_more)
    adapter = connect(kit)
    for call in everything(adapter, kit, ids):
        call()
    for made in batches:
        assert set(outcomes(finish(adapter, made), made.records.num_rows)) <= DONE


STATUSES = ("status", "consent", "reason", "processingType", "hs_email_optout", "hs_email_hard_bounce_reason_enum")


def with_new_words(node: Any) -> Any:
    """Every word of a vocabulary is one that we do not know."""
    if isinstance(node, list):
        return [with_new_words(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: "BRAND_NEW" if key in STATUSES and isinstance(value, str) else with_new_words(value)
        for key, value in node.items()
    }


def test_unknown_words_never_make_anybody_reachable(kit: Kit, tamper: Callable[[Change | None], None]) -> None:
    kit.make(kit.statuses[-2], ["gone@example.com"])
    no = kit.said_no()
    tamper(with_new_words)
    try:
        tables = list(connect(kit).statuses(None))
    except DestinationError:
        return
    held = {row["email"]: row["status"] for table in tables for row in table.to_pylist()}
    assert {email for email in no if held.get(email) in (Status.SUBSCRIBED, Status.PENDING)} == set()


def strange(dice: random.Random) -> Change:
    """One answer in three is changed in one place, or replaced as a whole."""
    junk = [None, 0, -1, "", "x", [], {}, [None], [1], {"id": None}, True, "2026-13-45", 1e300]

    def inside(node: Any, depth: int) -> Any:
        if not isinstance(node, dict | list) or not node or (depth and dice.random() < 0.25):
            return dice.choice(junk)
        if isinstance(node, list):
            at = dice.randrange(len(node))
            return [*node[:at], inside(node[at], depth + 1), *node[at + 1 :]]
        key = dice.choice(list(node))
        if dice.random() < 0.3:
            return {each: value for each, value in node.items() if each != key}
        return node | {key: inside(node[key], depth + 1)}

    def change(body: Any) -> Any:
        if dice.random() < 0.66:
            return body
        return dice.choice(junk) if dice.random() < 0.1 else inside(body, 0)

    return change


@pytest.mark.parametrize("seed", range(ROUNDS))
@pytest.mark.sweep(keep=20)
def test_strange_answers_end_in_errors_of_ours(kit: Kit, seed: int, tamper: Callable[[Change | None], None]) -> None:
    batches, ids = prepared(connect(kit), kit), connect(kit).ensure_targets(targets(kit))
    tamper(strange(random.Random(seed)))
    for call in [call for _ in range(3) for call in everything(connect(kit), kit, ids)]:
        try:
            call()
        except DestinationError as error:
            assert "@" not in str(error)
    for made in batches:
        try:
            outcomes(finish(connect(kit), made), made.records.num_rows)
        except AssertionError as error:
            assert str(error) == "the job does not end"
        except BadRecords as error:
            assert set(error.culprits) <= set(range(made.records.num_rows))
        except DestinationError as error:
            assert "@" not in str(error)


def test_the_account_has_an_id_that_is_its_own(kit: Kit) -> None:
    """The same for every key of the account, another for another account; one request, and none that writes."""
    adapter, before, writes = connect(kit), len(kit.running.requests(100_000)), kit.running.writes()
    found = adapter.identity()
    asked = len(kit.running.requests(100_000)) - before
    assert found.id and found.name and adapter.identity() == found == connect(kit).identity()
    assert asked <= 2 and kit.running.writes() == writes, "Mailchimp's audience is read once, for everything"
    ours = kit.running.state()["settings"]["accounts"][kit.name]
    try:
        kit.running.settings(accounts={kit.name: "99"})
        assert connect(kit).identity().id not in (found.id, "")
        kit.running.settings(accounts={kit.name: ""})
        with pytest.raises(MissingScope):
            connect(kit).identity()
    finally:
        kit.running.settings(accounts={kit.name: ours})
