"""Nobody is subscribed by a sync who was not before, unless with consent, dated proof and the policy that says so; and
nobody's no is lifted. Over all pairs of platform status, consent, proof and policy, and over random histories."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from tests.conformance.desk import PROOF, SEGMENTS, Desk, Person
from tests.conformance.kits import Kit

HISTORIES = int(os.environ.get("CONFORMANCE_HISTORIES", "1"))  # random histories of PEOPLE people
STEPS, PEOPLE = 5, 60
POLICIES = ("skip", "transactional", "pending", "subscribed")
CONSENTS = ("yes", "no", "")
PROOFS = (PROOF, "")


def policy_for(kit: Kit, policy: str) -> str:
    """The policy, or for platforms that do not have it the one that creates all the same."""
    return policy if policy in kit.policies else kit.creates


def may_be_subscribed(kit: Kit, policy: str, people: Sequence[Person]) -> set[str]:
    if policy_for(kit, policy) != "subscribed":
        return set()
    return {one.email for one in people if one.consent == "yes" and one.proof}


def carried(people: Sequence[Person], before: set[str], after: set[str]) -> set[str]:
    """New addresses of people who were subscribed under an old one, which they are no longer: one person, one yes."""
    old = {f"h{one.number}@": one.email for one in people if one.number}
    gone = {email.replace("-", "@").split("@")[0] + "@" for email in before - after}
    return {email for key, email in old.items() if key in gone}


def push_and_judge(desk: Desk, kits: Sequence[Kit], policy: str, people: Sequence[Person], what: str) -> None:
    desk.export(people)
    before = {kit.name: (kit.subscribed(), kit.said_no(), targeted(kit)) for kit in kits}
    desk.push()
    refused = {one.email for one in people if one.consent != "yes"}
    for kit in kits:
        subscribed, said_no, members = before[kit.name]
        now, where = kit.subscribed(), (what, kit.name, policy)
        allowed = may_be_subscribed(kit, policy, people) | carried(people, subscribed, now)
        assert now - subscribed <= allowed, where
        assert kit.said_no() >= said_no, where
        assert not (targeted(kit) - members) & refused, where


def targeted(kit: Kit) -> set[str]:
    """Everybody in any target of ours."""
    return set().union(*(kit.members(kind, name) for kind, name in product(kit.kinds, SEGMENTS)))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.sweep(keep=1)
def test_all_pairs_of_status_consent_and_policy(desk: Desk, kits: list[Kit], policy: str) -> None:
    people = []
    for kit in kits:
        pairs = list(product(kit.statuses, CONSENTS, PROOFS))
        for number, (status, consent, proof) in enumerate(pairs):
            email = f"{kit.name}-{number}@example.com"
            kit.make(status, [email])
            people.append(Person(email, consent=consent, proof=proof, name="Pair"))
        people += [Person(email, name="Seeded") for email in kit.seeded]
    desk.setup(kits, {kit.name: policy_for(kit, policy) for kit in kits})
    push_and_judge(desk, kits, policy, people, "first")
    if policy == "subscribed":  # the test would notice: these pairs do lead to subscriptions
        mine = {one.email for one in people if one.consent == "yes" and one.proof}
        assert kits[0].subscribed() & mine
    turned = [replace(one, consent="yes" if one.consent != "yes" else "no", proof="") for one in people]
    push_and_judge(desk, kits, policy, turned, "consent turned, proof gone")


def test_everybody_who_opted_out_stays_out_of_every_target(desk: Desk, kits: list[Kit]) -> None:
    for kit in kits:
        for status in kit.statuses:
            kit.make(status, [f"{kit.name}-{status.replace('_', '-')}@example.com"])
    no = {kit.name: kit.said_no() for kit in kits}
    everybody = {email for emails in no.values() for email in emails} | {"yes@example.com"}
    desk.setup(kits, {kit.name: policy_for(kit, "subscribed") for kit in kits})
    desk.export([Person(email, gold=True) for email in sorted(everybody)])
    desk.push()
    for kit in kits:
        for kind, name in product(kit.kinds, SEGMENTS):
            assert "yes@example.com" in kit.members(kind, name)
            assert not kit.members(kind, name) & no[kit.name], (kit.name, kind)


@pytest.mark.parametrize("seed", range(HISTORIES))
@pytest.mark.long
def test_random_histories(desk: Desk, kits: list[Kit], seed: int) -> None:
    """Each person lives a life of their own: they sign up and leave on a platform, opt in and out in the CRM, change
    their address, disappear from the export and come back."""
    dice = random.Random(seed)
    people = [Person(f"h{n}@example.com", number=str(n), vip=dice.random() < 0.7) for n in range(PEOPLE)]
    away: set[str] = set()
    for step in range(STEPS):
        for kit in kits:
            for status in kit.statuses:
                kit.make(status, [one.email for one in people if dice.random() < 0.06])
        people = [_lived(one, dice, step) for one in people]
        away = {one.number for one in people if dice.random() < 0.1}
        policy = dice.choice(POLICIES)
        desk.setup(kits, {kit.name: policy_for(kit, policy) for kit in kits})
        present = [one for one in people if one.number not in away]
        push_and_judge(desk, kits, policy, present, f"seed {seed}, step {step}")
    desk.push()  # what was refused as a move comes again, as any new contact does
    writes = desk.running.writes()
    plan, _ = desk.push()
    assert desk.running.writes() == writes, plan.changes.to_pylist()[:5]


def _lived(person: Person, dice: random.Random, step: int) -> Person:
    """What happened to one person in the CRM since the last push."""
    changes: dict[str, object] = {}
    if dice.random() < 0.3:
        changes["vip"] = dice.random() < 0.7
    if dice.random() < 0.3:
        changes["gold"] = dice.random() < 0.4
    if dice.random() < 0.3:
        changes["consent"] = dice.choice(CONSENTS)
    if dice.random() < 0.2:
        changes["proof"] = dice.choice(PROOFS)
    if dice.random() < 0.2:
        changes["name"] = dice.choice(("Ann", "Bea", "", "Zoë"))
    if dice.random() < 0.06:
        changes["email"] = f"h{person.number}-{step}@example.com"
    return replace(person, **changes)  # type: ignore[arg-type]
