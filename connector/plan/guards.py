"""Guards: when a plan must not be pushed without a word from a person.

Owns: the arithmetic and the messages of adds, removes, moves, empty, tier, shrunken, stages and retires. (An export
that is too old never gets this far: sources refuses it.) Must not: change a plan, or know who lifts a guard.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.models import Guards
from connector.core.model import Op, Status, Target
from connector.core.plan import GuardHit
from connector.plan.part import Part

NAMES = ("adds", "removes", "moves", "empty", "shrunken", "stale", "tier", "stages", "retires")  # what --allow can lift

# target text -> (members in the ledger, members afterwards, adds, removes)
Counts = Mapping[str, tuple[int, int, int, int]]
NOT_HELD = (Status.ABSENT, Status.ARCHIVED, Status.FORGOTTEN)  # contacts that no platform counts as held

# A removal that is held back leaves a member, so it counts neither as a removal nor as a member lost; one that may have
# nothing to take away is a removal, and no member lost. A contact that the platform lost is no member any more.
_COUNTS = f"""
    with member as (
        select t.kind, t.name as target, c.email from members m join targets t on t.id = m.target
        join contacts c on c.id = m.contact where coalesce(c.status, '') <> '{Status.ABSENT}'
    ), held as (select kind, target, count(*) as held from member group by all),
    asked as (
        select kind, target, count(*) filter (op = '{Op.ADD}') as adds, count(*) filter (op = '{Op.REMOVE}') as removes,
               count(*) filter (op = '{Op.ADOPT}') as adopted
        from changed where kind is not null group by all
    ), waiting as (select kind, target, count(*) as waiting from blocked where op = '{Op.ADD}' group by all),
    unsure as (
        select kind, target, count(*) as unsure from changed anti join member using (kind, target, email)
        where op = '{Op.REMOVE}' and $doubtful group by all
    )
    select kind, target, coalesce(held, 0)::bigint, coalesce(adds, 0)::bigint, coalesce(removes, 0)::bigint,
           (coalesce(adopted, 0) + coalesce(waiting, 0))::bigint, coalesce(unsure, 0)::bigint
    from asked full join waiting using (kind, target) left join held using (kind, target)
    left join unsure using (kind, target) order by kind, target
"""


def judge(part: Part, contacts: int, contacts_before: int | None) -> list[GuardHit]:
    """Every guard that refuses what is asked of one destination. `contacts` are the rows of the export, and those of
    the last run, None: not compared."""
    name, limits = part.name, part.routing.destination.guards
    of = {label(route.target): route.guards or limits for route in part.routing.routes}
    counted = counts(part)
    asked = {Op(row["values"]): row["counts"] for row in pc.value_counts(part.changes["op"]).to_pylist()}
    hits = check(name, {target: of.get(target, limits) for target in counted}, counted)
    hits += tier(name, limits, billed(part.ledger.contacts), asked.get(Op.CREATE, 0))
    hits += moved(name, limits, asked.get(Op.MOVE, 0), len(part.ledger.contacts["person"].drop_null()))
    hits += shrunken(name, limits, contacts, contacts_before)
    if part.in_lifecycle is not None:
        hits += staged(name, limits, part.stages.num_rows, part.in_lifecycle)
    return hits + retired(name, limits, asked.get(Op.RETIRE, 0) + asked.get(Op.UNSUBSCRIBE, 0), part.in_export)


def counts(part: Part) -> Counts:
    """What becomes of every target that the part changes."""
    ledger = part.ledger
    with duckdb.connect() as connection:
        for name, table in (("members", ledger.memberships), ("targets", ledger.targets)):
            connection.register(name, table)
        connection.register("contacts", ledger.contacts.select(["id", "email", "status"]))
        connection.register("changed", part.changes.select(["op", "kind", "target", "email"]))
        connection.register("blocked", part.blocked.select(["op", "kind", "target"]))
        rows = connection.execute(_COUNTS, {"doubtful": ledger.doubtful.num_rows > 0}).fetchall()
    return {
        f"{kind} “{target}”": (held, held - (removes - unsure) + adds + more, adds, removes)
        for kind, target, held, adds, removes, more, unsure in rows
    }


def billed(contacts: pa.Table) -> int:
    """Contacts that the platform holds as far as we know. `contacts` is LEDGER_CONTACTS."""
    status = contacts["status"]
    away = pa.array([str(one) for one in NOT_HELD])
    return pc.sum(pc.and_(pc.is_valid(status), pc.invert(pc.is_in(status, value_set=away)))).as_py() or 0


def label(target: Target) -> str:
    """A target within its destination, as guards name it."""
    return f"{target.kind} “{target.name}”"


def check(destination: str, of: Mapping[str, Guards], counts: Counts) -> list[GuardHit]:
    """The guards of one destination that refuse; one hit per target and guard. `of` are each target's limits."""
    hits: list[GuardHit] = []
    for target, (held, desired, adds, removes) in counts.items():
        guards = of[target]
        if guards.empty and held and not desired and removes:
            hits.append(_hit("empty", destination, target, f"would lose all of its {held:,} members"))
        elif _over(removes, held, guards.removes_percent, guards.removes, guards.floor):
            hits.append(_hit("removes", destination, target, f"would lose {removes:,} of {held:,} members"))
        if _over(adds, held, guards.adds_percent if held else None, guards.adds, guards.floor):
            hits.append(_hit("adds", destination, target, f"would gain {adds:,} on top of {held:,} members"))
    return hits


def moved(destination: str, guards: Guards, moves: int, known: int) -> list[GuardHit]:
    """Many people with a new address under an old id at once: more likely the ids have been given out anew."""
    if not _over(moves, known, guards.removes_percent, guards.removes, guards.floor):
        return []
    return [_hit("moves", destination, "", f"{moves:,} of {known:,} contacts would get another address")]


def tier(destination: str, guards: Guards, known: int, creates: int) -> list[GuardHit]:
    """New contacts would cost more than the account's price covers. `known` are the contacts that we know of there,
    so the account may hold more."""
    if guards.tier is None or not creates or known + creates <= guards.tier:
        return []
    text = f"{creates:,} new contacts on top of at least {known:,} are more than the {guards.tier:,} that are paid for"
    return [_hit("tier", destination, "", text)]


def shrunken(destination: str, guards: Guards, contacts: int, before: int | None) -> list[GuardHit]:
    """The export holds far fewer people than at the last run: more likely broken than true."""
    if not before or guards.shrunken_percent is None:
        return []
    lost = before - contacts
    if lost <= guards.floor or lost * 100 <= before * guards.shrunken_percent:
        return []
    text = f"the export has {contacts:,} contacts, {lost:,} fewer than at the last run ({before:,})"
    return [_hit("shrunken", destination, "", text)]


def staged(destination: str, guards: Guards, moves: int, known: int) -> list[GuardHit]:
    """Many people enter or leave a stage of the lifecycle at once: the first run, missed runs, another policy, or a
    broken export."""
    if not _over(moves, known, guards.stages_percent, guards.stages, guards.floor):
        return []
    return [
        _hit("stages", destination, "", f"{moves:,} of {known:,} contacts would change their stage of the lifecycle")
    ]


def retired(destination: str, guards: Guards, retires: int, known: int) -> list[GuardHit]:
    """Many people would be let go at once."""
    if not _over(retires, known, guards.retires_percent, guards.retires, guards.floor):
        return []
    return [_hit("retires", destination, "", f"{retires:,} of {known:,} contacts would be let go")]


def _over(changes: int, held: int, percent: float | None, absolute: int | None, floor: int) -> bool:
    if absolute is not None and changes > absolute:
        return True
    return percent is not None and changes > floor and changes * 100 > held * percent


def _hit(name: str, destination: str, target: str, what: str) -> GuardHit:
    where = f"{destination} {target}".strip()
    message = f"{where} {what}. If that is right, push once with --allow {name} --reason “…”."
    if not target:
        message = f"{destination}: {what}. If that is right, push once with --allow {name} --reason “…”."
    return GuardHit(name, destination, target, message)
