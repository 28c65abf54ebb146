"""What the state machine knows of everybody: the export, the contacts, their mails and clicks, as tables to ask.

Owns: the last activity, also that of other platforms and addresses, and who has a new address. Must not: decide
who moves (machine.py), read a store or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa

from connector.core.model import BLOCKED, Status, quoted
from connector.core.schemas import ACTIVITY, MARKS, REJECTS, STAGE_ENTRIES
from connector.core.sql import identifier
from connector.lifecycle.policy import Policies, Policy
from connector.platforms.base import NOT_HELD

_STAYS = quoted([*BLOCKED, Status.ABSENT])


@dataclass(frozen=True, slots=True)
class Known:
    """One destination, as read. `desired` is segments.Evaluation.table, `contacts` LEDGER_CONTACTS, `engagement` and
    `entries` as the store has them; `activity` is that on any platform."""

    desired: pa.Table
    contacts: pa.Table
    engagement: pa.Table
    entries: pa.Table
    activity: pa.Table = field(default_factory=ACTIVITY.empty_table)
    rejects: pa.Table = field(default_factory=REJECTS.empty_table)
    marks: pa.Table = field(default_factory=MARKS.empty_table)  # as the store has them
    counted: bool = False  # the platform told of all mails: those it told nothing of got none
    moves: bool = False  # the platform can give a contact another address
    last_run: datetime | None = None  # as_of of the latest run
    now: datetime | None = None  # of the clock, where --as-of may lie before it


def load(connection: duckdb.DuckDBPyConnection, known: Known, policies: Policies, until: datetime) -> None:
    """Make the views that the machine asks: `desired`, `contacts`, `engagement`, `marks`, `clicks`, `entries`. Of what
    lies after `until` nothing has happened yet."""
    connection.register("everybody", known.desired)
    connection.register("held", known.contacts)
    connection.register("mailed", known.engagement)
    connection.register("marked", known.marks)
    connection.register("activity", known.activity)
    connection.register("every_entry", known.entries.select(STAGE_ENTRIES.names))
    connection.register("parked", known.rejects)
    for statement in (
        _lives(known.desired, policies, until),
        _renamed(known.moves),
        *_UNDER_NEW_ADDRESS,
        _clicks(until),
    ):
        connection.execute(statement)


def signals(desired: pa.Table) -> list[str]:
    """The columns of the policy's signals."""
    return [name for name in desired.column_names if name.startswith("signal:")]


def future(desired: pa.Table, until: datetime) -> dict[str, int]:
    """Signal -> how many people have a time in it that lies after `until`."""
    import pyarrow.compute as pc

    moment = pa.scalar(until, pa.timestamp("us", tz="UTC"))
    found = {
        name.removeprefix("signal:"): pc.sum(pc.greater(desired[name], moment)).as_py() or 0
        for name in signals(desired)
    }
    return {name: count for name, count in found.items() if count}


def _past(name: str, until: datetime) -> str:
    """A column without what lies in the future."""
    column = identifier(name)
    return f"case when {column} <= make_timestamptz({_micros(until)}) then {column} end"


def _micros(moment: datetime) -> int:
    from connector.state.times import micros

    return micros(moment)


def _lives(desired: pa.Table, policies: Policies, until: datetime) -> str:
    """email, person, consent, `policy`: the place of theirs in `policies` (null: none is), `protected` by it, the last
    `signal` of it, and `life`: that, or a later joining or opting in."""
    numbers = list(enumerate(policies))
    mine = " ".join(f"when {_theirs(desired, policy)} then {place}" for place, policy in numbers)
    signal = " ".join(f"when {place} then {_latest(policy, until)}" for place, policy in numbers)
    protected = " ".join(f"when {place} then {identifier(f'protected:{policy.number}')}" for place, policy in numbers)
    person = "person" if "person" in desired.column_names else "null::varchar"
    return f"""
        create temp view desired as
        with told as (select *, case {mine} end as policy from everybody),
        measured as (select *, case policy {signal} end as signal, case policy {protected} end as protects from told)
        select email, {person} as person, consent, policy, coalesce(protects, false) as protected, signal,
               greatest({_past("joined", until)}, {_past("consent_at", until)}, signal) as life
        from measured
    """


def _theirs(desired: pa.Table, policy: Policy) -> str:
    """Whether a person is under the policy, as SQL: its condition, or true."""
    name = f"for:{policy.number}"
    return f"coalesce({identifier(name)}, false)" if name in desired.column_names else "true"


def _latest(policy: Policy, until: datetime) -> str:
    return f"greatest({', '.join(_past(f'signal:{name}', until) for name in policy.section.signals)})"


def _renamed(offered: bool) -> str:
    """email, old_email: whose contact is about to get the address that the export has now (plan/diff/moves.py). Their
    stage goes along."""
    return f"""
        create temp table renamed as
        with gone as (
            select h.email, h.person, h.remote_id from held h join every_entry e on e.email = h.email
            where {"true" if offered else "false"} and e.left_at is null and h.person is not null
              and h.status not in ({_STAYS}) and h.email not in (select email from desired)
        ), present as (
            select email, person, consent, count(*) over (partition by person) as addresses from desired
            where person in (select person from gone)
        )
        select p.email, g.email as old_email from present p join gone g using (person)
        left join held h on h.email = p.email
        where p.consent and addresses = 1 and (coalesce(h.status, '{Status.ABSENT}') = '{Status.ABSENT}'
              or h.remote_id = g.remote_id)
          and p.email not in (select email from every_entry where left_at is null)
          and not exists (from parked r where r.op = 'move' and r.email = p.email
                          and r.code is distinct from '{NOT_HELD}')
        qualify row_number() over (partition by p.email order by g.remote_id is null, g.email) = 1
    """


def _under(table: str, source: str) -> str:
    """A table with everybody under the address that they are about to have."""
    return f"""
        create temp view {table} as select s.* replace (coalesce(r.email, s.email) as email)
        from {source} s left join renamed r on r.old_email = s.email
        where s.email not in (select email from renamed)
    """


_UNDER_NEW_ADDRESS = (
    _under("contacts", "held"),
    _under("engagement", "mailed"),
    _under("marks", "marked"),
    _under("entries", "every_entry"),
)


def _clicks(until: datetime) -> str:
    """email, last_click_at of everybody of the export or in a stage, on any platform under any address of theirs."""
    return f"""
        create temp view clicks as
        with present as (
            select coalesce(d.email, c.email) as email, coalesce(d.person, c.person) as person
            from desired d full join contacts c on c.email = d.email
        ), clicked as (
            select email, person, {_past("last_click_at", until)} as last_click_at from activity
        ), shown as (
            select email, last_click_at from clicked
            union all
            select p.email, a.last_click_at from present p join clicked a using (person)
        )
        select email, max(last_click_at) as last_click_at from shown group by email
    """
