"""A table of state changes. After each step every platform holds what the export says; the same step again changes
nothing: no change in the plan, no writing request."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.conformance.desk import SEGMENTS, Desk, Person
from tests.conformance.kits import Kit
from tests.sweeps import some

ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))
HOSTILE = (
    "o'brien@example.com",
    "plus+tag@example.com",
    "dash-dot.under_score@example.com",
    "a" * 64 + "@example.com",
    "grüße@bücher.example.com",
    "server@server.example.com",
    "1234567890@example.com",
)
NAMES = (
    "Ünïcødé Ñandú",
    "李小龍",
    "Zoë 👩‍👩‍👧",
    "Quo\"te's \\ back",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "; drop; table",
    "x" * 200,
    "{{merge}} *|FNAME|*",
    "None",
)


@dataclass(frozen=True)
class Step:
    name: str
    people: tuple[Person, ...]


TABLE = (
    Step("nobody is in a segment", (Person(ANN, vip=False),)),
    Step("the first one", (Person(ANN),)),
    Step("two more", (Person(ANN), Person(BEA), Person(CID))),
    Step("one for another", (Person(ANN, vip=False), Person(BEA), Person(CID))),
    Step("a second target", (Person(ANN, vip=False, gold=True), Person(BEA, gold=True), Person(CID))),
    Step("a field", (Person(ANN, gold=True, name="Ann"), Person(BEA, gold=True), Person(CID))),
    Step("a field changes", (Person(ANN, gold=True, name="Anne"), Person(BEA, gold=True), Person(CID))),
    Step("consent goes", (Person(ANN, gold=True, consent="no"), Person(BEA, gold=True, consent=""), Person(CID))),
    Step("consent comes", (Person(ANN, gold=True), Person(BEA, gold=True), Person(CID))),
    Step("gone from the export", (Person(BEA, gold=True),)),
    Step("back in the export", (Person(ANN, gold=True), Person(BEA, gold=True), Person(CID))),
    Step("hostile names", tuple(Person(f"n{at}@example.com", name=name) for at, name in enumerate(NAMES))),
    Step("hostile addresses", tuple(Person(email) for email in HOSTILE)),
    Step("upper case and blanks", (Person(" ANN@Example.COM "), Person("Bea@EXAMPLE.com", gold=True))),
    Step("everybody out", (Person(ANN, vip=False),)),
)


def wanted(people: tuple[Person, ...], segment: str) -> set[str]:
    return {one.email.strip().lower() for one in people if getattr(one, segment) and one.consent == "yes"}


def written(email: str) -> str:
    """An address as a platform writes it: the domain may be in its ASCII form."""
    local, _, domain = email.lower().rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def test_each_step_once_and_again(desk: Desk, kits: list[Kit]) -> None:
    kits = list(some(kits, "each step"))
    desk.setup(kits, {kit.name: kit.creates for kit in kits})
    for step in TABLE:
        desk.export(step.people)
        _, result = desk.push()
        assert result is None or result.exit_code == 0, (step.name, result.counts, result.errors)
        for kit in kits:
            for segment in SEGMENTS:
                for kind in kit.kinds:
                    held = {written(email) for email in kit.members(kind, segment)}
                    expected = {written(email) for email in wanted(step.people, segment)}
                    assert held == expected, (step.name, kit.name, kind, segment)
            values = {written(email): value for email, value in kit.values().items()}
            for one in step.people:
                if one.name and one.consent == "yes":
                    assert values[written(one.email)] == one.name, (step.name, kit.name)
        writes = desk.running.writes()
        plan, again = desk.push()
        assert (plan.changes.num_rows, again) == (0, None), (step.name, plan.changes.to_pylist()[:5])
        assert desk.running.writes() == writes, step.name


@pytest.mark.parametrize("many", [0, 1, "cap", "cap+1"])
@pytest.mark.sweep(keep=2)
def test_batch_boundaries(desk: Desk, kit: Kit, many: int | str) -> None:
    size = {"cap": kit.cap, "cap+1": kit.cap + 1}.get(str(many), many)
    people = [Person(f"p{n}@example.com") for n in range(int(size))]
    desk.setup([kit], {kit.name: kit.creates})
    desk.export([Person(ANN, vip=False), *people])
    desk.push()
    for kind in kit.kinds:
        assert len(kit.members(kind, "vip")) == size
    desk.export([Person(ANN, vip=False), *(Person(one.email, vip=False) for one in people)])
    _, result = desk.push()
    assert result is None or result.exit_code == 0
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == set()


@pytest.mark.sweep(keep=2)
def test_one_refused_person_stops_nobody_and_is_not_sent_again(desk: Desk, kit: Kit) -> None:
    desk.setup([kit], {kit.name: kit.creates})
    good = [Person(f"p{n}@example.com") for n in range(7)]
    desk.export([*good[:3], Person(kit.refused), *good[3:]])
    plan, result = desk.push()
    assert result is not None and result.exit_code == 1
    counts = [count for outcomes in result.counts[kit.name].values() for count in outcomes.values()]
    assert sum(counts) == plan.changes.num_rows
    for kind in kit.kinds:
        assert kit.members(kind, "vip") == {one.email for one in good}
    writes = desk.running.writes()
    assert desk.push()[1] is None
    assert desk.running.writes() == writes
