"""From the machine's verdict to a plan: tags and lists of stages as routes, and moves bound to their changes.

Owns: who is wanted in a stage's targets, which change carries a move, the guard and the notes. Must not: decide who
moves (machine.py), read a store or a platform.

A stage's tag or list is a route like a segment's, in mode mirror: entering adds, leaving removes. A move counts once
the change that carries it is confirmed: joining the next stage's first target, else leaving the present one's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.lifecycle import Returned, Stage
from connector.config.sections.models import Guards
from connector.core.counts import count_of
from connector.core.model import Kind, Status, SyncMode, Target
from connector.core.schemas import STAGE_ENTRIES, STAGE_MOVES
from connector.core.sql import scratch
from connector.lifecycle.machine import PEOPLE, too_short
from connector.lifecycle.people import future
from connector.lifecycle.policy import HOLDOUT, RETURNED, Policies, offers, targets
from connector.plan.part import Part
from connector.plan.routes import Route, Routing
from connector.platforms.base import Capabilities
from connector.state.base import Ledger

_BY_SILENCE = ("entered", "moved", "policy")  # the moves that need nobody's activity, where they lead into a stage
# Stages have a guard of their own.
_UNGUARDED = Guards(removes_percent=None, empty=False)

_CARRIED = f"""
    with mover as (select * from people where how is not null),
    held as (
        select t.kind, t.name as target, c.email from members m join targets t on t.id = m.target
        join contacts c on c.id = m.contact where coalesce(c.status, '') <> '{Status.ABSENT}'
    ),
    found as (
        select m.*, coming.target is not null as comes, a.op as a_op, a.kind as a_kind, a.target as a_target,
               r.op as r_op, r.kind as r_kind, r.target as r_target,
               (coming.kind, coming.target, m.email) in (select (kind, target, email) from held) as there,
               (going.kind, going.target, m.email) in (select (kind, target, email) from held) as here
        from mover m
        left join first coming on coming.policy = m.under and coming.stage = m.next
             and coalesce(m.next_part, '') <> '{HOLDOUT}'
        left join first going on going.policy = m.worn and going.stage = m.stage and coalesce(m.part, '') <> '{HOLDOUT}'
             and (going.policy <> m.under or going.stage is distinct from m.next)
        left join changes a on a.email = m.email and a.kind = coming.kind and a.target = coming.target
             and a.op in ('add', 'adopt')
        left join changes r on r.email = m.email and r.kind = going.kind and r.target = going.target
             and r.op = 'remove'
    )
    select $1 as destination, email, next as stage, how, next_part as part, list_extract($2, under + 1) as policy,
           coalesce(next_began_at, $3) as began_at, $3 as entered_at, life as signal_at,
           coalesce(a_op, r_op) as op, coalesce(a_kind, r_kind) as kind, coalesce(a_target, r_target) as target
    from found
    where case when comes then a_op is not null or coalesce(there, false)
               else r_op is not null or not coalesce(here, false) end
    order by email
"""


@dataclass(frozen=True, slots=True)
class Staged:
    """One destination: the machine's verdict (machine.PEOPLE), and what is sent on account of it."""

    people: pa.Table
    routing: Routing
    columns: Mapping[str, pa.ChunkedArray]  # for the desired table: in:ROUTE -> bool per person
    notes: tuple[str, ...]


def stage(
    desired: pa.Table,
    people: pa.Table,
    routing: Routing,
    policies: Policies,
    can: Capabilities,
    unread: Sequence[str] = (),
) -> Staged:
    """Extend the routes of a destination by those of the stages. `unread` are other destinations that could not be
    read: nobody enters a stage or moves on, because a click there may count."""
    destination = routing.destination.name
    people = _waiting(people) if unread else people
    moves = pc.is_valid(people["how"])
    after = pc.if_else(moves, people["next"], people["stage"])
    part = pc.if_else(moves, people["next_part"], people["part"])
    whose = pc.if_else(moves, people["under"], people["worn"])
    holdout = pc.fill_null(pc.equal(part, HOLDOUT), False)
    routes, columns = list(routing.routes), {}
    for place, name, written in _with_targets(policies):
        there = pc.and_(pc.equal(after, name), pc.equal(whose, place))
        inside = pc.and_not(pc.fill_null(there, False), holdout)
        emails = people["email"].filter(inside).combine_chunks()
        for target in targets(written, destination, can):
            key = f"lifecycle/{destination}/{target.kind}/{target.name}"
            routes.append(Route(key, target, SyncMode.MIRROR, _UNGUARDED))
            columns[f"in:{key}"] = pc.is_in(desired["email"], value_set=emails)
    notes = (*_not_offered(destination, policies, can), *_still(people, destination, policies))
    if unread:
        notes += (f"{destination}: nobody enters a stage or moves on, because {', '.join(unread)} could not be read.",)
    return Staged(people, replace(routing, routes=tuple(routes)), columns, notes)


def _waiting(people: pa.Table) -> pa.Table:
    """Without the moves that follow from inactivity. Those who show activity, are protected or leave still move."""
    on = pc.and_(pc.is_in(people["how"], value_set=pa.array(_BY_SILENCE)), pc.is_valid(people["next"]))
    for name in ("how", "next", "next_part", "next_began_at"):
        kept = pc.if_else(pc.fill_null(on, False), pa.scalar(None, PEOPLE.field(name).type), people[name])
        people = people.set_column(people.column_names.index(name), PEOPLE.field(name), kept)
    return people


def staged(part: Part, verdict: Staged, policies: Policies) -> Part:
    """The part with the moves between stages that its changes carry."""
    return replace(
        part,
        stages=carried(verdict.people, part.changes, part.ledger, policies, verdict.routing),
        in_lifecycle=pc.sum(verdict.people["taking_part"]).as_py() or 0,
        notes=(*part.notes, *verdict.notes),
    )


def carried(people: pa.Table, changes: pa.Table, ledger: Ledger, policies: Policies, routing: Routing) -> pa.Table:
    """STAGE_MOVES of one destination: those that can come about with the plan's changes. A move whose tag or list is
    blocked, parked or cut by --limit waits for a later run."""
    destination = routing.destination.name
    routed = {route.target for route in routing.routes}
    with scratch() as connection:
        connection.register("people", people.select(PEOPLE.names))
        connection.register("changes", changes.filter(pc.equal(changes["destination"], destination)))
        connection.register("members", ledger.memberships)
        connection.register("targets", ledger.targets)
        connection.register("contacts", ledger.contacts)
        connection.register("first", _first(destination, policies, routed))
        return (
            connection.sql(_CARRIED, params=[destination, [policy.key for policy in policies], policies[0].as_of])
            .to_arrow_table()
            .select(STAGE_MOVES.names)
            .cast(STAGE_MOVES)
        )


def standing(entries: pa.Table) -> pa.Table:
    """STAGE_ENTRIES of those who are in a stage now."""
    return entries.select(STAGE_ENTRIES.names).filter(pc.is_null(entries["left_at"]))


def _with_targets(policies: Policies) -> Iterator[tuple[int, str, Stage | Returned]]:
    """The place of the policy, the name of the stage, and the stage."""
    for place, policy in enumerate(policies):
        yield from ((place, stage.name, stage) for stage in policy.section.stages)
        if policy.section.returned:
            yield place, RETURNED, policy.section.returned


def _first(destination: str, policies: Policies, routed: set[Target]) -> pa.Table:
    """The first target of every stage here: policy, stage, kind, target."""
    rows = []
    for place, name, written in _with_targets(policies):
        both = ((Kind.TAG, written.tag), (Kind.LIST, written.list_))
        here = [(kind, text) for kind, text in both if text and Target(destination, kind, text) in routed]
        rows += [{"policy": place, "stage": name, "kind": str(kind), "target": text} for kind, text in here[:1]]
    texts = [(name, pa.string()) for name in ("stage", "kind", "target")]
    return pa.Table.from_pylist(rows, pa.schema([("policy", pa.int64()), *texts]))


def _not_offered(destination: str, policies: Policies, can: Capabilities) -> list[str]:
    missing = [
        f"{kind} “{text}”"
        for _, _, written in _with_targets(policies)
        for kind, text in ((Kind.TAG, written.tag), (Kind.LIST, written.list_))
        if text and not offers(can, kind)
    ]
    return [f"{destination}: it has no {item}; the stage goes without." for item in missing]


def _still(people: pa.Table, destination: str, policies: Policies) -> list[str]:
    """Why nobody moves, and whose entry was made under another policy."""
    count, latest = _earlier(people, policies), pc.max(people["entered_at"]).as_py()
    notes = []
    if uncounted := pc.sum(people["uncounted"]).as_py():
        notes.append(
            f"{destination}: how many mails {count_of(uncounted, 'person', 'people')} got is not known, and their "
            "policy has no `after`. They are held back: they enter no stage and are not archived."
        )
    if changed := pc.sum(people["changed"]).as_py():
        notes.append(
            f"{destination}: {count_of(changed, 'person is', 'people are')} in a stage of another policy than theirs. "
            "They stay in it until theirs moves them."
        )
    if latest is not None and latest > policies[0].as_of:
        notes.append(
            f"{destination}: people entered stages as of {latest:%Y-%m-%d %H:%M} UTC, which is later than this plan's "
            "moment. Nobody changes stage."
        )
    if count:
        notes.append(
            f"{destination}: {count_of(count, 'person', 'people')} entered their stage under an earlier policy. Their "
            "entry counts; the durations are those of the present one."
        )
    return notes


def _earlier(people: pa.Table, policies: Policies) -> int:
    """How many are in a stage of their policy that they entered before it was changed."""
    keys = pa.array([policy.key for policy in policies], pa.string()).take(people["under"].combine_chunks())
    names = pa.array([list(policy.names) for policy in policies], pa.list_(pa.string()))
    known = pa.concat_arrays([names.flatten()])
    stage_of = pc.and_not(pc.is_in(people["stage"], value_set=known), people["changed"])
    other = pc.and_(stage_of, pc.not_equal(people["policy"], keys))
    return pc.sum(pc.fill_null(other, False)).as_py() or 0


def short(desired: pa.Table, policies: Policies) -> list[str]:
    """A signal without enough history: a missing value in it says nothing about anybody."""
    found = {name: first for policy in policies for name, first in too_short(desired, policy).items()}
    return [
        f"lifecycle: “{name}” {f'reaches back to {first:%Y-%m-%d} only' if first else 'has no value for anybody'}, and "
        "the policy asks for more. Nobody is called inactive before that."
        for name, first in found.items()
    ]


def told(desired: pa.Table, policies: Policies, now: datetime, last_run: datetime | None) -> list[str]:
    """What holds for all destinations: histories that are too short, times that cannot be, and a moment that has
    passed."""
    as_of = policies[0].as_of
    until = max(as_of, now)
    notes = short(desired, policies)
    for name, count in future(desired, until).items():
        who = count_of(count, "person has", "people have")
        notes.append(f"lifecycle: {who} a time in “{name}” that lies in the future. It is no activity.")
    if last_run is not None and last_run > as_of:
        notes.append(
            f"lifecycle: this is as of {as_of:%Y-%m-%d %H:%M} UTC, and the last run was as of "
            f"{last_run:%Y-%m-%d %H:%M} UTC, which is later. Nobody changes stage."
        )
    return notes
