"""What `sync lifecycle` tells of one destination: stages, next moves, returns, tests, and what it costs.

Owns: the counts. Must not: decide who moves (machine.py), print, read a store or a platform.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.models import Destination, Tier
from connector.core.model import Status
from connector.core.schemas import INSTANT
from connector.lifecycle import returns
from connector.lifecycle.policy import RETIRED, RETURNED, Policies, Policy
from connector.lifecycle.retiring import DEFAULT, UNSUBSCRIBE, most
from connector.plan.guards import rules
from connector.vendors import VENDORS

# Contacts that the platforms do not count for the price, as far as this can be said for all of them.
FREE = [str(each) for each in (Status.ABSENT, Status.ARCHIVED, Status.SUPPRESSED, Status.BOUNCED, Status.FORGOTTEN)]
SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Move:
    """`how` as in machine.PEOPLE; `stage` None: out of the lifecycle."""

    how: str
    before: str | None
    stage: str | None
    contacts: int
    samples: tuple[str, ...]  # addresses: to be masked


@dataclass(frozen=True, slots=True)
class Cost:
    """Contacts that are paid for, and the price of their tier; None without `prices` or above the highest."""

    contacts: int
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Overview:
    destination: str
    stages: Mapping[str, int]  # every stage of the policy, then returned, retired, and stages of earlier policies
    active: int
    protected: int
    unmeasurable: int
    waiting: int  # silent, and kept out of the first stage by the ramp for now
    unknown_sends: int
    uncounted: int  # held back: their policy counts mails only, and how many they got is not known
    moves: tuple[Move, ...]
    ripe: int  # may be archived by `sync cleanup`
    ripe_now: int  # of them in one run, by the ramp
    staying: int  # would be, if the platform offered the action
    rates: tuple[returns.Rate, ...]
    tests: tuple[returns.Test, ...]
    now: Cost
    without_retired: Cost  # had those that we archived stayed
    after: Cost  # after the next cleanup, as far as ramp and guard let it


@dataclass(frozen=True, slots=True)
class Told:
    """What was last read of a destination: LEDGER_CONTACTS, ENGAGEMENT and STAGE_ENTRIES; `counted` as in
    people.Known."""

    contacts: pa.Table
    engagement: pa.Table
    entries: pa.Table
    counted: bool


@dataclass(frozen=True, slots=True)
class Exported:
    """People of the export, and how many of them the platform holds."""

    people: int
    held: int


def overview(destination: Destination, people: pa.Table, told: Told, policies: Policies, export: Exported) -> Overview:
    """`people` is machine.PEOPLE as of now."""
    contacts = told.contacts
    taking_part, stage = people["taking_part"], people["stage"]
    free = pc.and_(taking_part, pc.is_null(stage))
    protected = pc.and_(free, people["protected"])
    unmeasurable = pc.and_(
        pc.and_not(free, people["protected"]), pc.or_(_short(people, policies), pc.invert(people["measurable"]))
    )
    silent = _count(people["ripe"])
    sizes = [_ripe(destination, people, place, policy) for place, policy in enumerate(policies)]
    limits = most(policies, people, export.people)
    ripe = sum(sizes)
    found = returns.rates(told.entries)
    billed = _billed(contacts)
    retired = _count(pc.is_in(people["email"].filter(pc.equal(stage, RETIRED)), value_set=_free(contacts)))
    each = [size if limit is None else min(size, limit) for size, limit in zip(sizes, limits, strict=True)]
    now = sum(each)
    refused = rules.retired(destination.name, destination.guards, now, export.held)
    free_of = [size for size, policy in zip(each, policies, strict=True) if policy.last.action != UNSUBSCRIBE]
    saved = 0 if refused else sum(free_of)  # unsubscribed contacts are still paid for
    return Overview(
        destination=destination.name,
        stages=_stages(stage, policies),
        active=_count(free) - _count(protected) - _count(unmeasurable) - _count(people["waits"]),
        protected=_count(protected),
        unmeasurable=_count(unmeasurable),
        waiting=_count(people["waits"]),
        unknown_sends=_unknown(people, told.engagement, told.counted)
        if any(policy.section.inactive.sends for policy in policies)
        else 0,
        uncounted=_count(people["uncounted"]),
        moves=tuple(_moves(people)),
        ripe=ripe,
        ripe_now=now,
        staying=silent - ripe,
        rates=tuple(found),
        tests=tuple(returns.tests(found)),
        now=_cost(billed, destination.prices),
        without_retired=_cost(billed + retired, destination.prices),
        after=_cost(billed - saved, destination.prices),
    )


def _lets_go(destination: Destination, action: str | None) -> bool:
    """Whether the platform offers the written action; tests hold these keys against the adapters' facts."""
    keys = VENDORS[destination.platform]
    return keys.unsubscribes if action == UNSUBSCRIBE else keys.retire is not None and action in (DEFAULT, keys.retire)


def _count(column: pa.ChunkedArray) -> int:
    return int(pc.sum(column).as_py() or 0)


def _ripe(destination: Destination, people: pa.Table, place: int, policy: Policy) -> int:
    """How many `sync cleanup` may archive by this policy."""
    mine = pc.and_(people["ripe"], pc.equal(people["under"], place))
    return _count(mine) if _lets_go(destination, policy.last.action) else 0


def _short(people: pa.Table, policies: Policies) -> pa.ChunkedArray:
    """Those without a signal who have not been here for as long as their policy asks."""
    since = pa.array([policy.never_since for policy in policies], INSTANT).take(people["under"].combine_chunks())
    return pc.and_(
        pc.and_(pc.is_null(people["signal"]), pc.is_valid(since)),
        pc.fill_null(pc.greater_equal(people["life"], since), True),
    )


def _stages(stage: pa.ChunkedArray, policies: Policies) -> dict[str, int]:
    held = {row["values"]: row["counts"] for row in pc.value_counts(stage.drop_null()).to_pylist()}
    order = dict.fromkeys([*(name for policy in policies for name in policy.names), RETURNED, RETIRED, *sorted(held)])
    return {name: held.get(name, 0) for name in order}


def _unknown(people: pa.Table, engagement: pa.Table, counted: bool) -> int:
    """Those with an unknown number of mails: `sends` does not hold them back."""
    if counted:
        silent = engagement.filter(pc.is_null(engagement["sends"]))["email"].combine_chunks()
        return _count(pc.and_(people["taking_part"], pc.is_in(people["email"], value_set=silent)))
    known = engagement.filter(pc.is_valid(engagement["sends"]))["email"].combine_chunks()
    return _count(pc.and_not(people["taking_part"], pc.is_in(people["email"], value_set=known)))


def _moves(people: pa.Table) -> list[Move]:
    going = people.filter(pc.is_valid(people["how"]))
    groups = going.group_by(["how", "stage", "next"], use_threads=False).aggregate([("email", "list")]).to_pylist()
    found = [
        Move(row["how"], row["stage"], row["next"], len(row["email_list"]), tuple(sorted(row["email_list"])[:SAMPLES]))
        for row in groups
    ]
    return sorted(found, key=lambda move: (move.how, move.before or "", move.stage or ""))


def _free(contacts: pa.Table) -> pa.Array:
    return contacts["email"].filter(pc.is_in(contacts["status"], value_set=pa.array(FREE))).combine_chunks()


def _billed(contacts: pa.Table) -> int:
    status = contacts["status"]
    return _count(pc.and_not(pc.is_valid(status), pc.is_in(status, value_set=pa.array(FREE))))


def _cost(contacts: int, prices: Sequence[Tier]) -> Cost:
    fitting = [tier.price for tier in sorted(prices, key=lambda tier: tier.up_to) if tier.up_to >= contacts]
    return Cost(contacts, fitting[0] if fitting else None)
