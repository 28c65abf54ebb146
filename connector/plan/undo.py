"""The inverse of a run: the changes that take it back, from which a plan is made like any other.

Owns: which change takes back which, and what is left alone: rows that were touched since, contacts that the run
created, former values nobody knows. Must not: read a platform or a store, build a plan, send.

A change is only taken back while the ledger still says what the run made of it, so a later run's work is never undone
by accident. What comes back into a target passes the gate of consent like every add.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from connector.core.counts import count_of
from connector.core.model import BLOCKED, RETIRED, NewContacts, Op, Status, Target, quoted
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA, STAGE_MOVES
from connector.core.sql import scratch
from connector.plan import gate, unite
from connector.plan.part import Part, table
from connector.plan.routes import Routing
from connector.platforms.base import Capabilities, TagStyle
from connector.state.base import Ledger

_APPLIED = "(outcome = 'applied')"
_TAKEN = "(outcome = 'applied' or outcome = 'rejected' and previous is not null)"  # an UPDATE, or some of its fields


@dataclass(frozen=True, slots=True)
class Undone:
    """One destination of the run. `only` are the targets to take back, None: everything, fields included."""

    routing: Routing
    ledger: Ledger
    capabilities: Capabilities
    only: Collection[Target] | None = None


def part(done: pa.Table, desired: pa.Table, side: Undone, as_of: datetime) -> Part:
    """What takes back `done` (Store.run_changes of the run) at one destination. `desired` is segments.Evaluation.table,
    for consent."""
    desired = unite.desired(desired, side.ledger, gone_is_final=side.capabilities.gone_is_final)
    with scratch() as connection:
        connection.register("run_changes", done)
        names = ["email", "consent", "consent_at", *({"unclear"} & {*desired.column_names})]
        connection.register("desired", desired.select(names))
        _standing(connection, side)
        _memberships(connection)
        _fields(connection, side)
        _restores(connection, side)
        name = side.ledger.destination
        return Part(
            side.routing,
            side.ledger,
            side.capabilities,
            _changes(connection, side),
            _blocked(connection, side),
            stages=_stages(connection, name, as_of),
            notes=tuple(_left(connection, side)),
            present=desired["email"].combine_chunks(),
        )


def again(run_id: str) -> str:
    """What everybody should know who takes back a run."""
    return (
        f"This takes back run {run_id}. The next push does it again unless segments.yaml or the export changes first."
    )


def _standing(connection: duckdb.DuckDBPyConnection, side: Undone) -> None:
    """Make the tables `did` (what the run did here, of the chosen targets) and `holds` (kind, target, email: now)."""
    ledger = side.ledger
    connection.register("contacts", ledger.contacts)
    connection.register("members", ledger.memberships)
    connection.register("targets", ledger.targets)
    connection.register("ours", gate.liftable(ledger))
    connection.register("elsewhere", pa.table({"email": gate.elsewhere(ledger)}))
    chosen = [(str(target.kind), target.name) for target in side.only or ()]
    columns = {name: pa.array([pair[i] for pair in chosen], pa.string()) for i, name in enumerate(("kind", "name"))}
    connection.register("chosen", pa.table(columns))
    where = "" if side.only is None else "and (kind, target) in (select (kind, name) from chosen)"
    connection.execute(f"create temp table did as from run_changes where destination = ? {where}", [ledger.destination])
    connection.execute(f"""
        create temp table holds as
        select t.kind, t.name as target, c.email from members m join targets t on t.id = m.target
        join contacts c on c.id = m.contact where coalesce(c.status, '') <> '{Status.ABSENT}'
    """)


def _memberships(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `membership` (op, kind, target, email, reason, since): reason null, or why it is left. A row that
    was disowned is added where the run removed another row of the same contact, which is not there any more."""
    connection.execute(f"""
        create temp table membership as
        with removed as (
            select distinct kind, target, remote_id from did join contacts c using (email)
            where op = 'remove' and outcome in ('applied', 'unchanged') and remote_id is not null
        ), turned as (
            select case op when 'add' then 'remove' when 'remove' then 'add' when 'adopt' then 'disown'
                   else if((kind, target, remote_id) in (from removed), 'add', 'adopt') end as op, kind, target, email
            from did left join contacts c using (email)
            where {_APPLIED} and op in ('add', 'remove', 'adopt', 'disown')
        ), judged as (
            select t.*, c.status, c.status_at, c.held_before, coalesce(d.consent, false) as consent,
                   {_unclear(connection)} as unclear,
                   d.consent_at,
                   (t.kind, t.target, t.email) in (select (kind, target, email) from holds) as held
            from turned t left join contacts c using (email) left join desired d using (email)
        )
        select op, kind, target, email, case when op in ('add', 'adopt') then status_at end as since,
               case when held <> (op in ('remove', 'disown')) then 'touched_since'
                    when op in ('add', 'adopt') then {gate.reason(NewContacts.SKIP, gone_is_final=False)}
                    when op = 'remove' then {gate.REMOVED_LATER} end as reason
        from judged
    """)


def _unclear(connection: duckdb.DuckDBPyConnection, alias: str = "d") -> str:
    return f"coalesce({alias}.unclear, false)" if "unclear" in connection.table("desired").columns else "false"


def _fields(connection: duckdb.DuckDBPyConnection, side: Undone) -> None:
    """Make the tables `field` (email, key, back, state) and `back` (email, fields): former values that are known."""
    connection.execute(f"""
        create temp table field as
        with sent as (
            select d.email, unnest(json_keys(d.fields)) as key, d.fields, d.previous, c.fields as now, c.status
            from did d join contacts c using (email) where {_TAKEN} and d.op = 'update' and d.fields is not null
        ), value as (
            select email, key, status, json_extract(fields, path) as sent, json_extract(previous, path) as back,
                   json_extract(now, path) as now
            from (select *, '$."' || replace(key, '"', '\\"') || '"' as path from sent)
        )
        select email, key, back::varchar as back,
               case when coalesce(now::varchar, 'null') <> coalesce(sent::varchar, 'null') then 'touched_since'
                    when not {gate.HELD} then 'touched_since' when status in ({quoted(BLOCKED)}) then 'opted_out'
                    when back is null then 'unknown' end as state
        from value;
        create temp table back as
        select email, '{{' || string_agg(to_json(key)::varchar || ':' || back, ',' order by key) || '}}' as fields
        from field where state is null group by email;
    """)
    if side.capabilities.tag_style is TagStyle.PROPERTY:  # tags travel in an update of their contact
        connection.execute("""
            insert into back select distinct email, null from membership
            where kind = 'tag' and op in ('add', 'remove') and reason is null and email not in (select email from back)
        """)


def _restores(connection: duckdb.DuckDBPyConnection, side: Undone) -> None:
    """Make the table `restored` (email): those that the run retired and the platform takes back, with dated
    proof of consent, unless they opted out themselves since, under this or another address, and only while what is
    there is provably our doing."""
    retire, offered = side.capabilities.retire, (Op.RESTORE, None) in side.capabilities.operations
    led_to = retire.leads_to if retire else Status.ARCHIVED
    can = "true" if offered else "false"
    connection.execute(f"""
        create temp table restored as
        select d.email from did d join contacts c using (email) join desired p using (email)
        where d.op = 'retire' and {_APPLIED} and c.status = '{led_to}' and {can}
          and p.consent and p.consent_at is not null and d.email in (select email from ours)
    """)


def _stages(connection: duckdb.DuckDBPyConnection, destination: str, as_of: datetime) -> pa.Table:
    """STAGE_MOVES: who is taken back is in no stage, and begins again when still inactive."""
    sql = f"""
        select $1 as destination, email, null as stage, 'undone' as how, null as part, '' as policy, $2 as began_at,
               $2 as entered_at, null::timestamptz as signal_at, '{Op.RESTORE}' as op, null as kind, null as target
        from restored
    """
    return connection.sql(sql, params=[destination, as_of]).to_arrow_table().select(STAGE_MOVES.names).cast(STAGE_MOVES)


def _changes(connection: duckdb.DuckDBPyConnection, side: Undone) -> pa.Table:
    sql = """
        select 'update' as op, null as kind, null as target, email, fields from back
        union all
        select op, kind, target, email, null from membership where reason is null
        union all
        select 'restore', null, null, email, null from restored
        order by op, kind, target, email
    """
    return _of(connection, sql, side.ledger.destination, CHANGE_SCHEMA)


def _blocked(connection: duckdb.DuckDBPyConnection, side: Undone) -> pa.Table:
    """What may not come back into a target, and who stays archived, suppressed or unsubscribed, with the reason. Who is
    back already is in neither."""
    offered = (Op.RESTORE, None) in side.capabilities.operations
    others = quoted([one for one in BLOCKED if one not in RETIRED.values()])
    sql = f"""
        select op, kind, target, email, reason, since from membership
        where reason is not null and reason <> 'touched_since'
        union all
        select '{Op.RESTORE}', null, null, d.email, case
            when d.op = '{Op.UNSUBSCRIBE}' or c.status in ({others}) then c.status
            when {"false" if offered else "true"} then '{gate.NOT_LIFTED}'
            when not coalesce(p.consent, false) then if({_unclear(connection, "p")}, '{gate.UNCLEAR}', 'no_consent')
            when p.consent_at is null then 'no_proof'
            when d.email in (select email from elsewhere) then '{gate.ELSEWHERE}' else '{gate.NOT_OURS}' end,
            c.status_at
        from did d join contacts c using (email) left join desired p using (email)
        where d.op in ('{Op.RETIRE}', '{Op.UNSUBSCRIBE}') and {_APPLIED} and c.status in ({quoted(BLOCKED)})
          and d.email not in (select email from restored)
        order by kind, target, email
    """
    return _of(connection, sql, side.ledger.destination, BLOCKED_SCHEMA)


def _of(connection: duckdb.DuckDBPyConnection, sql: str, destination: str, schema: pa.Schema) -> pa.Table:
    found = connection.sql(sql).to_arrow_table()
    return table(destination, {name: found[name] for name in found.column_names}, schema)


def _left(connection: duckdb.DuckDBPyConnection, side: Undone) -> list[str]:
    """What this plan does not take back, counted."""

    def count(sql: str) -> int:
        row = connection.execute(f"select count(*) from {sql}").fetchone()
        return int(row[0]) if row else 0

    retire = side.capabilities.retire
    how = f" By hand: {retire.how_to_undo.rstrip('.')}." if retire else ""
    counted: Mapping[tuple[str, str, str], int] = {
        ("was changed again since that run and is", "were changed again since that run and are", "left alone"): count(
            "membership where reason = 'touched_since'"
        )
        + count("field where state = 'touched_since'"),
        (
            "contact that the run created stays:",
            "contacts that the run created stay:",
            "nothing here deletes people",
        ): count(f"did where op = 'create' and {_APPLIED}"),
        ("contact that got a new address keeps", "contacts that got a new address keep", "it"): count(
            f"did where op = 'move' and {_APPLIED}"
        ),
        ("field keeps", "fields keep", "what the run wrote, since nobody knows what stood there before"): count(
            "field where state = 'unknown'"
        ),
        (
            "field of a contact that opted out since stays as it is",
            "fields of contacts that opted out since stay as they are",
            "",
        ): count("field where state = 'opted_out'"),
        ("membership was there before the run and stays", "memberships were there before the run and stay", ""): count(
            "did where op = 'add' and outcome = 'unchanged'"
        ),
        ("retired contact stays", "retired contacts stay", f"retired.{how}"): count(
            f"did where op = 'retire' and {_APPLIED} and email not in (select email from restored)"
        ),
        ("unsubscribed contact stays", "unsubscribed contacts stay", "so: only the person can subscribe again"): count(
            f"did where op = 'unsubscribe' and {_APPLIED}"
        ),
    }
    return [
        f"{side.ledger.destination}: {count_of(number, one, many)} {text}".rstrip()
        for (one, many, text), number in counted.items()
        if number
    ]
