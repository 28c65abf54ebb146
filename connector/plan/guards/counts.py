"""What becomes of each target, and how many contacts a platform holds.

Owns: these counts, from the changes asked for and the ledger alone. Must not: judge them.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import Op, Status, Target
from connector.core.sql import scratch
from connector.plan.guards.rules import Counts
from connector.plan.part import Part

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


def counts(part: Part) -> Counts:
    """What becomes of every target that the part changes."""
    ledger = part.ledger
    if not len(part.changes["kind"].drop_null()) and not part.blocked.num_rows:
        return {}
    with scratch() as connection:
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
