"""What a destination's changes cost: requests, time, and what cannot be taken back. And the plan cut by `--limit`.

Owns: the figures that belong to a set of changes, so that they are right for the whole plan and for a part of it.
Must not: judge guards (they look at the whole plan, before it is cut), compute changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.counts import count_of
from connector.core.model import Kind, Op
from connector.core.plan import Plan
from connector.core.sql import scratch
from connector.plan import forecast
from connector.platforms.base import Capabilities

_IRREVERSIBLE = """
    with sent as (
        select c.op, c.fields, k.fields as known from changed c
        left join (select email, old_email from changed where op = 'move') m on m.email = c.email
        left join contacts k on k.email = coalesce(m.old_email, c.email)
    )
    select op, count(*) from sent
    where list_contains($final, op) or (fields is not null
          and not list_has_all(coalesce(json_keys(known), []), json_keys(fields)))
    group by 1 order by 1
"""
_FIRST = """
    select destination, email from (select distinct destination, email from changes)
    qualify row_number() over (partition by destination order by email) <= $people
"""


@dataclass(frozen=True, slots=True)
class Totals:
    """`irreversible` is op -> changes that `sync undo` cannot take back."""

    requests: int
    seconds: float
    irreversible: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Costs:
    """What the totals of one destination depend on besides its changes. `contacts` is LEDGER_CONTACTS."""

    capabilities: Capabilities
    new_targets: frozenset[tuple[Kind, str]]
    contacts: pa.Table

    def of(self, changed: pa.Table) -> Totals:
        """The totals of `changed` (CHANGE_SCHEMA)."""
        count = forecast.requests(changed, self.capabilities, self.new_targets)
        final = [Op.CREATE, Op.MOVE, Op.UNSUBSCRIBE]
        if self.capabilities.retire is not None and not self.capabilities.retire.reversible:
            final.append(Op.RETIRE)
        return Totals(count, forecast.seconds(count, self.capabilities), irreversible(changed, self.contacts, final))


def irreversible(changed: pa.Table, contacts: pa.Table, final: Sequence[Op]) -> dict[str, int]:
    """op -> changes that `sync undo` cannot take back: those of `final` (new contacts and new addresses stay, only the
    person can subscribe again), and a field that is written for the first time replaces a value that nobody knows."""
    if not changed.num_rows:
        return {}
    with scratch() as connection:
        connection.register("changed", changed.select(["op", "email", "fields", "old_email"]))
        connection.register("contacts", contacts.select(["email", "fields"]))
        found = connection.execute(_IRREVERSIBLE, {"final": [str(op) for op in final]}).fetchall()
        return {str(op): int(count) for op, count in found}


def limited(plan: Plan, people: int, costs: Mapping[str, Costs]) -> Plan:
    """The plan for the first `people` of each destination, with all of their changes; guards stay those of the whole
    plan. `costs` are per destination. Its id is still that of the whole."""
    with scratch() as connection:
        connection.register("changes", plan.changes.select(["destination", "email"]))
        kept = connection.sql(_FIRST, params={"people": people}).to_arrow_table()
    changes = _of(plan.changes, kept)
    totals = {name: cost.of(_in(changes, name)) for name, cost in costs.items()}
    return replace(
        plan,
        changes=changes,
        stages=_moves(plan.stages, kept),
        requests={name: each.requests for name, each in totals.items()},
        seconds={name: each.seconds for name, each in totals.items()},
        irreversible={name: each.irreversible for name, each in totals.items()},
        notes=(*plan.notes, *_notes(plan, changes, people, list(costs))),
        limit=people,
    )


def _of(table: pa.Table, kept: pa.Table) -> pa.Table:
    return table.filter(pc.is_in(_key(table), value_set=_key(kept).combine_chunks()))


def _moves(stages: pa.Table, kept: pa.Table) -> pa.Table:
    """A move between stages that needs no change comes about all the same."""
    free = pc.is_null(stages["op"])
    return stages.filter(pc.or_(free, pc.is_in(_key(stages), value_set=_key(kept).combine_chunks())))


def _key(table: pa.Table) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(table["destination"], table["email"], "\x1f")


def _in(table: pa.Table, destination: str) -> pa.Table:
    return table.filter(pc.equal(table["destination"], destination))


def _notes(plan: Plan, changes: pa.Table, people: int, destinations: Sequence[str]) -> list[str]:
    notes = []
    for name in destinations:
        every = pc.count_distinct(_in(plan.changes, name)["email"]).as_py()
        now = pc.count_distinct(_in(changes, name)["email"]).as_py()
        if now < every:
            some = f"{now:,} of {count_of(every, 'person', 'people')}"
            notes.append(f"{name}: --limit {people}: {some} now; the next push goes on.")
    return notes
