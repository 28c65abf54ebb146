"""What `sync cleanup` asks of a destination: to archive people and take tags off, and nothing else.

Owns: findings -> changes, and the words about taking them back. Must not: choose people (retiring.py does), build a
plan, read a store or a platform, send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.lifecycle import Lifecycle
from connector.core.counts import count_of
from connector.core.model import Op, Outcome, quoted
from connector.core.schemas import INSTANT, STAGE_MOVES
from connector.core.sql import scratch
from connector.lifecycle.policy import RETIRED, RETURNED, Policies
from connector.lifecycle.retiring import REMOVE_TAGS, REPORT, RESTORE, STAYING, SUNSET, UNSUBSCRIBE, Actions
from connector.plan.guards.counts import billed
from connector.plan.part import Part, table
from connector.plan.routes import Routing
from connector.platforms.base import Capabilities, TagStyle
from connector.state.base import Ledger

FINAL = "cannot be undone: only the person can subscribe again"


@dataclass(frozen=True, slots=True)
class Findings:
    """One destination: the people that retiring.find found, and what is known there."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    actions: Actions
    found: pa.Table  # retiring.FINDINGS
    held: int  # contacts of the export that the platform holds
    seen: pa.Table  # recheck_query.SEEN of its contacts
    told: int = 0  # people in the last stage that the platform does not archive and an earlier cleanup told of


def part(side: Findings, policies: Policies) -> Part:
    """Changes of op retire, unsubscribe and restore, and removals; a stage is recorded with the outcome."""
    name, people = side.ledger.destination, _by_op(side)
    asked = [*(_of(op, name, people[op], side.seen) for op in people), _removals(name, side)]
    moves = [_moves(name, people[op], policies, op) for op in people] if policies else []
    return Part(
        side.routing,
        side.ledger,
        side.capabilities,
        pa.concat_tables(asked),
        stages=pa.concat_tables([STAGE_MOVES.empty_table(), *moves]),
        notes=(*side.actions.notes, *_undone(name, side.capabilities, people)),
        in_export=side.held,
    )


def going(side: Findings) -> pa.Table:
    """Those who are archived, suppressed or unsubscribed in this run."""
    found = side.found
    acting = pc.invert(pc.is_in(found["action"], value_set=pa.array(STAYING)))
    return found.filter(pc.and_not(acting, found["waits"]))


def only_told(side: Findings) -> pa.Array:
    """Those in the last stage without an action here."""
    both = pc.and_(pc.equal(side.found["finding"], SUNSET), pc.equal(side.found["action"], REPORT))
    return side.found["email"].filter(both).combine_chunks()


def _by_op(side: Findings) -> dict[Op, pa.Table]:
    """Who is archived, suppressed or unsubscribed, and who is taken back."""
    leaving, found = going(side), side.found
    unsubscribed = pc.equal(leaving["action"], UNSUBSCRIBE)
    return {
        Op.RETIRE: leaving.filter(pc.invert(unsubscribed)),
        Op.UNSUBSCRIBE: leaving.filter(unsubscribed),
        Op.RESTORE: found.filter(pc.equal(found["action"], RESTORE)),
    }


# What became of somebody, for the file: `outcome` is null before the run.
OUTCOMES = pa.schema([("email", pa.string()), ("outcome", pa.string()), ("code", pa.string())])
_DONE = {"archive": "archived", "suppress": "suppressed", UNSUBSCRIBE: "unsubscribed"}
_WORDS = "case g.action " + " ".join(f"when '{action}' then '{done}'" for action, done in _DONE.items()) + " end"
_SETTLED = quoted([Outcome.APPLIED, Outcome.UNCHANGED])
PLANNED, NOT_SENT = "planned", "not sent"


def listed(side: Findings, forgotten: pa.Array, outcomes: pa.Table | None = None) -> pa.Table:
    """Everybody who is to be archived, suppressed or unsubscribed, but for the addresses of `forgotten`, for the file
    that is written first; with OUTCOMES of the run once it is over. No cell is a formula for a spreadsheet."""
    retire = side.capabilities.retire
    undo = retire.how_to_undo if retire and retire.reversible else "cannot be undone"
    with scratch() as connection:
        leaving = going(side)
        connection.register("leaving", leaving.filter(pc.invert(pc.is_in(leaving["email"], value_set=forgotten))))
        connection.register("known", OUTCOMES.empty_table() if outcomes is None else outcomes)
        connection.register("contacts", side.ledger.contacts)
        connection.register("members", side.ledger.memberships)
        connection.register("targets", side.ledger.targets)
        return connection.sql(
            f"""
            with held as (
                select m.contact, string_agg(t.kind || ':' || t.name, '; ' order by t.kind, t.name) as tags_and_lists
                from members m join targets t on t.id = m.target group by m.contact
            )
            select $1 as destination, $2 as platform,
                   case when regexp_matches(g.email, '^[=+@-]') then chr(39) else '' end || g.email as email,
                   c.remote_id, g.status, g.finding as why, g.life as last_sign_of_life, g.began_at as inactive_since,
                   g.entered_at as in_last_stage_since, h.tags_and_lists, c.fields, g.action,
                   if(g.action = '{UNSUBSCRIBE}', '{FINAL}', $3) as undo,
                   case when $4 then '{PLANNED}' when o.outcome in ({_SETTLED}) then {_WORDS}
                        when o.outcome in ('{Outcome.SKIPPED}', '{Outcome.UNKNOWN}') then o.outcome
                        when o.outcome is null then '{NOT_SENT}' else '{Outcome.FAILED}' end as outcome,
                   case when o.outcome not in ({_SETTLED}) then o.code end as reason
            from leaving g join contacts c using (email) left join held h on h.contact = c.id
            left join known o on o.email = g.email order by g.email
            """,
            params=[side.ledger.destination, side.capabilities.platform, undo, outcomes is None],
        ).to_arrow_table()


def held(desired: pa.Table, ledger: Ledger) -> int:
    """How many of the export the platform holds, as far as we know."""
    contacts = ledger.contacts
    return billed(contacts.filter(pc.is_in(contacts["email"], value_set=desired["email"].combine_chunks())))


def orphans(side: Findings, sections: Sequence[Lifecycle]) -> tuple[str, ...]:
    """Targets of the ledger that no segment and no stage of the file is sent to any more."""
    here = (section for section in sections if section.at(side.ledger.destination))
    stages = {(str(kind), name) for section in here for _, kind, name in section.targets()}
    held = ((row["kind"], row["name"]) for row in side.ledger.targets.to_pylist())
    return tuple(
        f"{kind} “{name}”" for kind, name in held if side.routing.is_orphan(kind, name) and (kind, name) not in stages
    )


def _of(op: Op, destination: str, people: pa.Table, seen: pa.Table) -> pa.Table:
    columns = {"op": pa.repeat(str(op), people.num_rows), "email": people["email"]}
    if op in (Op.RETIRE, Op.UNSUBSCRIBE):
        places = pc.index_in(people["email"], value_set=seen["email"].combine_chunks())
        columns["seen"] = seen["seen"].take(places)
    return table(destination, columns)


def _removals(destination: str, side: Findings) -> pa.Table:
    """Every membership of ours that people hold whose tags are to go. Where tags are a property of the contact, the
    change rides in an update of it."""
    chosen = side.found.filter(pc.equal(side.found["action"], REMOVE_TAGS))
    with scratch() as connection:
        connection.register("chosen", chosen.select(["email"]))
        connection.register("contacts", side.ledger.contacts)
        connection.register("members", side.ledger.possible())
        connection.register("targets", side.ledger.targets)
        rows = connection.sql(f"""
            with gone as (
                select '{Op.REMOVE}' as op, t.kind, t.name as target, c.email from chosen join contacts c using (email)
                join members m on m.contact = c.id join targets t on t.id = m.target
            )
            select * from gone
            union all
            select distinct '{Op.UPDATE}', null, null, email from gone
            where kind = 'tag' and {"true" if side.capabilities.tag_style is TagStyle.PROPERTY else "false"}
            order by op, kind, target, email
        """).to_arrow_table()
    return table(destination, {name: rows[name] for name in ("op", "kind", "target", "email")})


def _moves(destination: str, people: pa.Table, policies: Policies, op: Op) -> pa.Table:
    """Into the stage “retired”, or by RESTORE out of it again, once the platform has confirmed it."""
    restored = op is Op.RESTORE
    left = people if restored else people.filter(pc.equal(people["finding"], SUNSET))
    size = left.num_rows
    under = left["under"].combine_chunks()
    keys = pa.array([policy.key for policy in policies], pa.string()).take(under)
    returned = pa.array([RETURNED if policy.section.returned else None for policy in policies], pa.string()).take(under)
    columns = {
        "email": left["email"],
        "stage": returned if restored else pa.repeat(RETIRED, size),
        "how": pa.repeat("restored" if restored else RETIRED, size),
        "policy": keys,
        "began_at": left["began_at"],
        "entered_at": pa.array([policies[0].as_of] * size, INSTANT),
        "signal_at": left["life"],
        "op": pa.repeat(str(op), size),
    }
    return table(destination, columns, STAGE_MOVES)


def _undone(destination: str, can: Capabilities, people: Mapping[Op, pa.Table]) -> list[str]:
    notes = []
    if (count := people[Op.RETIRE].num_rows) and can.retire is not None:
        how = f"can be undone: {can.retire.how_to_undo}" if can.retire.reversible else "cannot be undone"
        notes.append(f"{destination}: {can.retire.action} of {count_of(count, 'contact')} {how}")
    if count := people[Op.UNSUBSCRIBE].num_rows:
        notes.append(f"{destination}: {UNSUBSCRIBE} of {count_of(count, 'contact')} {FINAL}")
    return notes
