"""What others do on a platform between two pushes, and what a push then sends, reports and leaves behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from connector.core.model import Op, Outcome
from connector.push.run import RunResult
from tests.conformance.desk import Desk, Person
from tests.conformance.kits import KITS, Kit, Meaning

ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))


def pushed(desk: Desk, kit: Kit, people: Sequence[Person]) -> RunResult | None:
    """The result of a push of these people; it sends as many writing requests as its plan says."""
    desk.export(people)
    before = kit.running.writes()[kit.name]
    plan, result = desk.push()
    assert kit.running.writes()[kit.name] - before == plan.requests.get(kit.name, 0)
    return result


def known(desk: Desk, kit: Kit, people: Sequence[Person]) -> None:
    """Everybody is held, and the ledger has their ids, which not every platform tells when it creates contacts: so
    nothing has to be looked up any more."""
    desk.setup([kit], {kit.name: kit.creates})
    pushed(desk, kit, [replace(one, name="") for one in people])
    pushed(desk, kit, people)


@pytest.mark.sweep(keep=1)
def test_an_opt_out_between_two_pushes(desk: Desk, kit: Kit) -> None:
    """Whatever way somebody opted out in, they are in no further target and no field of theirs changes."""
    no = [status for status in kit.statuses if kit.meanings[status] is Meaning.NO]
    them = [Person(f"{status.replace('_', '-')}@example.com", name="Old") for status in no]
    people = [Person(ANN, name="Ann"), *them]
    known(desk, kit, people)
    for person, status in zip(them, no, strict=True):
        kit.make(status, [person.email])
    before, opted_out = kit.values(), kit.said_no()
    pushed(desk, kit, [replace(one, gold=True, name="New") for one in people])
    for kind in kit.kinds:
        assert kit.members(kind, "gold") == {ANN}, kind
    assert kit.values() == before | {ANN: "New"}
    assert kit.said_no() >= opted_out


@pytest.mark.sweep(keep=1)
def test_a_contact_deleted_between_two_pushes(desk: Desk, kit: Kit) -> None:
    """Nothing is reported of it that is not so, and the others get what was asked for. What is deleted so thoroughly
    does not come back, though the platform would take it."""
    kit.running.settings(erased_return=True)
    people = [Person(ANN, name="Old"), Person(BEA, name="Old"), Person(CID, name="Old")]
    known(desk, kit, people)
    kit.delete([ANN])
    desk.export([replace(one, gold=True, name="New") for one in people])
    _, result = desk.push()
    assert result is not None and not result.errors
    assert kit.values() == kit.values() | {BEA: "New", CID: "New"}
    for kind in kit.kinds:
        assert kit.members(kind, "gold") == {BEA, CID}, kind
    assert result.counts[kit.name][Op.ADD][Outcome.APPLIED] == len({BEA, CID}) * len(kit.kinds)
    writes = desk.running.writes()
    plan, _ = desk.push()
    assert desk.running.writes() == writes, plan.changes.to_pylist()[:5]
    assert ANN not in kit.values()
    for kind in kit.kinds:
        assert kit.members(kind, "gold") == {BEA, CID}, kind


@pytest.mark.parametrize("newcomers", [0, 1])
@pytest.mark.sweep(keep=1)
def test_a_target_deleted_between_two_pushes(desk: Desk, kit: Kit, newcomers: int) -> None:
    """The next push makes it again with all its members, also when no member changes, as many requests as its plan
    says, and then there is nothing left to do."""
    new = [Person(f"new{number}@example.com") for number in range(newcomers)]
    desk.setup([kit], {kit.name: kit.creates})
    pushed(desk, kit, [Person(ANN), Person(BEA, vip=False, gold=True)])
    kit.drop("vip")
    people = [Person(ANN), Person(BEA, vip=bool(newcomers), gold=True), *new]
    result = pushed(desk, kit, people)
    assert result is not None and result.exit_code == 0
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == {one.email for one in people if one.vip}, kind
    writes = desk.running.writes()
    assert desk.push()[1] is None and desk.running.writes() == writes


@pytest.mark.parametrize("kit", [name for name, kit in KITS.items() if kit.declares], indirect=True)
@pytest.mark.sweep(keep=1)
def test_a_declared_tag_deleted_between_two_pushes(desk: Desk, kit: Kit) -> None:
    """As for a list; where one declaration serves all tags, with the others that were in it."""
    desk.setup([kit], {kit.name: kit.creates})
    people = [Person(ANN), Person(BEA, vip=False, gold=True)]
    pushed(desk, kit, people)
    kit.drop_tag("vip")
    assert pushed(desk, kit, people) is not None
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == {ANN} and kit.members(kind, "gold") == {BEA}, kind
    writes = desk.running.writes()
    assert desk.push()[1] is None and desk.running.writes() == writes


@pytest.mark.sweep(keep=1)
def test_requests_sent_equal_the_forecast(desk: Desk, kit: Kit) -> None:
    """New contacts, one over a whole batch; then fields, further targets, leavers, and none of them."""
    desk.setup([kit], {kit.name: kit.creates})
    people = [Person(f"p{number}@example.com") for number in range(kit.cap + 1)]
    pushed(desk, kit, people)
    pushed(desk, kit, [replace(one, gold=True, name="New") for one in people])
    pushed(desk, kit, [replace(one, vip=number % 2 == 0, name="") for number, one in enumerate(people)])
    pushed(desk, kit, [Person(ANN, vip=False)])
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == kit.members(kind, "gold") == set()
