"""A person with a new address: the same id in the CRM, another email.

Owns: who moved, whether the contact can move with them, and which no of the old address goes along.
Must not: send, read a platform or a store.

Where the platform offers it, the contact gets the new address and keeps everything it has there, so there is no
duplicate and no consent is touched. Elsewhere the old address leaves our targets, and the new one comes by the policy
for new contacts. An opt-out under the old address holds for the new one, unless that one is subscribed by
itself; a bounce does not: it was about the address. Where a contact that is gone is never created again, neither is the
person under another address: somebody who was erased, or merged into another contact, stays so.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import BLOCKED, NO_OF_PERSON, Status
from connector.core.schemas import LEDGER_CONTACTS
from connector.core.sql import identifier, scratch
from connector.plan.routes import Routing
from connector.platforms.base import NOT_HELD
from connector.state.base import Ledger

PERSON = "person"


def _texts(statuses: frozenset[Status]) -> str:
    return ", ".join(f"'{status}'" for status in sorted(statuses))


def follow(
    connection: duckdb.DuckDBPyConnection, routing: Routing, ledger: Ledger, offered: bool, *, gone_is_final: bool
) -> Ledger:
    """Make the table `move` (email, old_email), and give the ledger as it will be when these are done: contacts under
    their new address, inherited opt-outs, and whose contact is gone. Expects the view `desired`; without its column
    `person` nobody moves."""
    connection.execute("create or replace temp table move (email varchar, old_email varchar)")
    connection.register("ledger_contacts", ledger.contacts)
    connection.register("former_address", ledger.former)
    known = ledger.contacts.num_rows - ledger.contacts.column("person").null_count
    if not known or not _gone(connection):
        return ledger
    connection.register("parked", ledger.rejects)
    _successors(connection, routing)
    _inherited(connection)
    _vanished(connection, gone_is_final)
    if offered:
        _moves(connection)
    return replace(ledger, contacts=_moved(connection))


def _gone(connection: duckdb.DuckDBPyConnection) -> int:
    """Contacts whose address has left the export, as far as we know who they were. Of those that were given another
    address (`former`) only an opt-out counts: somebody else may have theirs by now."""
    if PERSON not in connection.table("desired").columns:
        return 0
    connection.execute("""
        create or replace temp table gone as
        with known as (
            select *, false as former from ledger_contacts where person is not null
            union all by name
            select c.* replace (f.person as person), true as former
            from former_address f join ledger_contacts c on c.email = f.email where c.person is null
        )
        select id, email, person, status, status_at, remote_id, held_before, former from known c
        where not exists (from desired d where d.email = c.email)
    """)
    # all of the result is fetched: an unfinished one bars the connection from registering the next table
    ((count,),) = connection.execute("select count(*) from gone").fetchall()
    return int(count)


def _successors(connection: duckdb.DuckDBPyConnection, routing: Routing) -> None:
    """The present address of each, if there is exactly one, we want something for it here, and it has consent."""
    names = dict.fromkeys([*(route.segment for route in routing.routes), *routing.enriched])
    wanted = " or ".join(identifier(f"in:{name}") for name in names) or "false"
    connection.execute(f"""
        create or replace temp table successor as
        with present as (
            select email, person, consent and ({wanted}) as wanted, count(*) over (partition by person) as addresses
            from desired where person in (select person from gone)
        )
        select p.email, p.person, c.status, c.remote_id
        from present p left join ledger_contacts c using (email) where wanted and addresses = 1
    """)


def _inherited(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"""
        create or replace temp table inherited as
        select s.email, g.status, g.status_at from successor s join gone g using (person)
        where g.status in ({_texts(NO_OF_PERSON)})
          and coalesce(s.status, '') not in ({_texts(BLOCKED | {Status.SUBSCRIBED})})
        qualify row_number() over (partition by s.email order by g.status_at desc nulls last, g.email) = 1
    """)


def _vanished(connection: duckdb.DuckDBPyConnection, gone_is_final: bool) -> None:
    """Those whose former contact, the last one that was held, is gone, and who have none now."""
    connection.execute(f"""
        create or replace temp table vanished as
        select s.email from successor s join gone g using (person)
        where {gone_is_final} and g.held_before = 1 and not g.former
          and coalesce(s.status, '{Status.ABSENT}') = '{Status.ABSENT}'
        group by s.email having arg_max(coalesce(g.status, ''), g.id) = '{Status.ABSENT}'
    """)


def _moves(connection: duckdb.DuckDBPyConnection) -> None:
    """The platform must hold the old address and nobody under the new one, unless both are one contact. A move that it
    refused before is not tried again."""
    connection.execute(f"""
        insert into move
        select s.email, g.email from successor s join gone g using (person)
        where g.status not in ({_texts(BLOCKED | {Status.ABSENT})}) and not g.former
          and (s.status = '{Status.ABSENT}' or s.remote_id = g.remote_id)
          and s.email not in (select email from inherited union select email from vanished)
          and not exists (from parked p where p.op = 'move' and p.email = s.email
                          and p.code is distinct from '{NOT_HELD}')
        qualify row_number() over (partition by s.email order by g.remote_id is null, g.email) = 1
    """)


def _moved(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return (
        connection.sql("""
        select c.id, coalesce(m.email, c.email) as email, c.remote_id, coalesce(i.status, c.status) as status,
               coalesce(i.status_at, c.status_at) as status_at, c.tags, c.fields, c.person,
               if(c.email in (from vanished), 1, c.held_before) as held_before
        from ledger_contacts c left join move m on m.old_email = c.email left join inherited i on i.email = c.email
        where c.email not in (select email from move)
    """)
        .to_arrow_table()
        .cast(LEDGER_CONTACTS)
    )


def strangers(desired: pa.Table, ledger: Ledger) -> pa.Table:
    """Those of `desired` that the ledger does not know, whose id on the platform it does not know, or that it does not
    know as who they are in the CRM: usually nobody, so that whatever has to be asked about them costs next to
    nothing."""
    named, settled = PERSON in desired.column_names, _texts(BLOCKED | {Status.ABSENT})
    with scratch() as connection:
        connection.register("desired", desired.select(["email", PERSON] if named else ["email"]))
        connection.register("ledger_contacts", ledger.contacts.select(["email", PERSON, "status", "remote_id"]))
        renamed = f"or (d.{PERSON} is not null and d.{PERSON} is distinct from c.{PERSON})" if named else ""
        found = connection.sql(f"""
            select d.email from desired d left join ledger_contacts c using (email) where c.email is null
                or (c.remote_id is null and coalesce(c.status, '') not in ({settled})) {renamed}
        """).to_arrow_table()
    if not found.num_rows:
        return desired.slice(0, 0)
    return desired.filter(pc.is_in(desired.column("email"), value_set=found.column("email").combine_chunks()))


def people(desired: pa.Table, ledger: Ledger) -> pa.Table:
    """Who the ledger's contacts are, where it does not say so yet (state.base.PEOPLE)."""
    with scratch() as connection:
        connection.register("desired", desired.select(["email", PERSON]))
        connection.register("ledger_contacts", ledger.contacts.select(["email", PERSON]))
        return connection.sql("""
            select d.email, d.person from desired d join ledger_contacts c using (email)
            where d.person is not null and d.person is distinct from c.person
        """).to_arrow_table()
