"""From the compared people of one destination to its changes and what is blocked.

Owns: which creates and updates follow from the memberships, parked rejects. Must not: read a platform,
decide consent (gate.py), count requests (forecast.py).
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connector.core.model import NewContacts
from connector.core.schemas import BLOCKED_SCHEMA, CHANGE_SCHEMA
from connector.plan import rows
from connector.plan.diff import fields
from connector.plan.routes import Routing
from connector.platforms.base import NOT_HELD, TagStyle
from connector.state.failures import CODE as KEEPS_FAILING


def collect(
    connection: duckdb.DuckDBPyConnection,
    routing: Routing,
    rejects: pa.Table,
    tag_style: TagStyle,
) -> None:
    """Make what `of` and `blocked` read.

    Expects the tables `person` and `membership`. `rejects` are parked records of the ledger; those whose row hash
    still fits are held back."""
    connection.register("parked", rejects)
    _park(connection)
    _contacts(connection, routing, tag_style)


def _park(connection: duckdb.DuckDBPyConnection) -> None:
    """Refused changes whose row is still the refused one are held back: with a CREATE all of the person as long as the
    platform does not hold them, with an UPDATE the fields alone, with an ADD or REMOVE only that target. Without a hash
    the change is tried once more. That a contact is not held is no refusal (older states have parked it)."""
    connection.execute(f"""
        create or replace temp table still_parked as
        select p.op, p.kind, p.target, p.email, p.code, person.held from parked p join person using (email)
        where p.row_hash = {rows.HASH} and coalesce(p.code, '') <> '{NOT_HELD}';
        create or replace temp table parked_person as
        select distinct email from still_parked where op = case when held then 'update' else 'create' end;
        update membership set reason = p.reason from route r, (
            select *, case when code = '{KEEPS_FAILING}' then 'needs_person' else 'rejected' end as reason
            from still_parked) p
        where membership.reason is null and r.number = membership.number and p.email = membership.email and (
            (p.op = 'create' and not p.held and membership.op = 'add')
            or (p.op = membership.op and p.kind = r.kind and p.target = r.target));
    """)


def _contacts(connection: duckdb.DuckDBPyConnection, routing: Routing, tag_style: TagStyle) -> None:
    """Make the table `contact` (op, email, fields …): creates, updates, moves, and carriers of property tags."""
    creates = "true" if routing.destination.new_contacts is not NewContacts.SKIP else "false"
    carried = "false"
    if tag_style is TagStyle.PROPERTY:
        connection.execute("""
            create or replace temp table tagged as
            select distinct m.email from membership m join route r using (number)
            where r.kind = 'tag' and m.op in ('add', 'remove') and m.reason is null
        """)
        carried = "held and email in (from tagged)"
    connection.execute(f"""
        create or replace temp table contact as
        with judged as (
            select *, {fields.changed(routing.destination.fields)} as changed from person
        )
        select case when held then 'update' else 'create' end as op, email,
               case when reason is null and consent and email not in (from parked_person) then changed end as fields,
               consent_at, consent_source,
               {rows.HASH} as row_hash, null::varchar as old_email
        from judged
        where (reason is null and present and consent and email not in (from parked_person)
               and case when held then changed is not null else {creates} and wanted end)
           or ({carried});
        insert into contact by name
        select 'move' as op, m.email, {rows.HASH} as row_hash, m.old_email from move m left join person using (email);
    """)


def of(connection: duckdb.DuckDBPyConnection, routing: Routing) -> pa.Table:
    """The destination's changes (CHANGE_SCHEMA)."""
    destination = routing.destination.name
    status = str(routing.destination.new_contacts)
    return (
        connection.sql(
            f"""
        select $1 as destination, op, null::varchar as kind, null::varchar as target, email, fields,
               case when op = 'create' then $2 end as new_status,
               case when op = 'create' then consent_at end as consent_at,
               case when op = 'create' then consent_source end as consent_source, old_email, null as seen, row_hash
        from contact
        union all
        select $1, m.op, r.kind, r.target, m.email, null, null, null, null, null, null, {rows.HASH}
        from membership m join route r using (number) left join person using (email) where m.reason is null
        order by op, kind, target, email
        """,
            params=[destination, status],
        )
        .to_arrow_table()
        .cast(CHANGE_SCHEMA)
    )


def blocked(connection: duckdb.DuckDBPyConnection, routing: Routing) -> pa.Table:
    """What is held back (BLOCKED_SCHEMA)."""
    return (
        connection.sql(
            """
        select $1 as destination, m.op, r.kind, r.target, m.email, m.reason, m.since
        from membership m join route r using (number) where m.reason is not null
        order by kind, target, email
        """,
            params=[routing.destination.name],
        )
        .to_arrow_table()
        .cast(BLOCKED_SCHEMA)
    )
