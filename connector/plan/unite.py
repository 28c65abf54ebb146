"""Several rows are one contact on the platform: merged there, a second address of it, or re-addressed.

Owns: who they are, and that they are one in every plan: desired memberships are those of any row, an opt-out or missing
consent of one row is all rows', fields are those of one row, and nothing is asked of one contact twice or taken from
it while another row keeps it. Must not: read a platform or a store, judge guards.

Which row speaks for the contact: one that the export holds, before one that it does not; one whose address the platform
was not found without; then the address that we learned of last. `Diff` unites what is desired (`desired`, `statuses`),
the builder unites every plan after the gate (`part`), whichever command asked for its changes.
"""

from __future__ import annotations

import weakref
from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import BLOCKED, Kind, Op, Status, quoted
from connector.core.schemas import CHANGE_SCHEMA, LEDGER_CONTACTS
from connector.core.scrub import mask
from connector.core.sql import identifier, scratch
from connector.plan.part import Part
from connector.platforms.base import TagStyle
from connector.state.base import Ledger

_SHARED: dict[int, tuple[weakref.ref[pa.Table], bool]] = {}  # id of a table of contacts -> it, and any_shared()
_SHOWN = 3  # contacts that a note names
_NO = quoted(BLOCKED)
_ABSENT = f"coalesce(status, '') = '{Status.ABSENT}'"
_ROWS = f"""
    create temp table alike as
    with rows as (
        select c.*, bool_or(not ({_ABSENT})) over (partition by remote_id) as somewhere
        from contacts c semi join (
            select remote_id from contacts where remote_id is not null group by 1 having count(*) > 1
        ) shared on shared.remote_id = c.remote_id)
    select c.id as contact, c.email, c.remote_id, c.status, c.status_at, p.email is not null as present,
           row_number() over (
               partition by c.remote_id order by p.email is null, {_ABSENT}, c.id desc) = 1 as speaks
    from rows c left join present p on p.email = c.email where $all or not ({_ABSENT}) or not somewhere
"""
_SEVERAL = """
    create temp table several as
    from alike where present qualify count(*) over (partition by remote_id) > 1
"""
_STATUSES = f"""
    with refusing as (
        select remote_id, max(status_at) as status_at,
               arg_max(status, coalesce(status_at, 'epoch'::timestamptz)) as status
        from alike where status in ({_NO}) group by 1
    )
    select c.* replace (if(r.status is null or c.status in ({_NO}), c.status, r.status) as status,
                        if(r.status is null or c.status in ({_NO}), c.status_at, r.status_at) as status_at)
    from contacts c left join refusing r on r.remote_id = c.remote_id
"""
# A row that moves to another address of the same contact is one row afterwards.
_WITHOUT_MOVES = f"""
    delete from alike where remote_id in (
        select a.remote_id from alike a join changes c on a.email = c.email or a.email = c.old_email
        where c.op = '{Op.MOVE}')
"""
_ASKED = f"""
    create temp table mine as
    select c.*, a.remote_id, a.contact, a.speaks, s.email as speaker, s.contact as spoken
    from changes c join alike a on a.email = c.email join alike s on s.remote_id = a.remote_id and s.speaks;
    create temp table holds as
    select a.remote_id, a.contact, t.kind, t.name as target
    from alike a join members m on m.contact = a.contact join targets t on t.id = m.target;
    create temp table joining as
    select remote_id, kind, target, bool_or(op = '{Op.ADOPT}') as there from mine
    where op in ('{Op.ADD}', '{Op.ADOPT}') group by all;
    create temp table leaving as
    with staying as (
        select remote_id, kind, target from holds anti join (
            select contact, kind, target from mine where op in ('{Op.REMOVE}', '{Op.DISOWN}')
        ) going using (contact, kind, target) union select remote_id, kind, target from joining)
    select m.*, (m.contact, kind, target) in (select (contact, kind, target) from holds) as held,
           (spoken, kind, target) in (select (contact, kind, target) from holds) as spoken_holds,
           (remote_id, kind, target) in (select (remote_id, kind, target) from holds) as ours,
           (remote_id, kind, target) in (select (remote_id, kind, target) from staying) as stays,
           row_number() over (partition by remote_id, kind, target order by speaks desc, contact) as nth
    from mine m where op = '{Op.REMOVE}'
"""
# What the speaking row holds already, or is not to get, is not added by another one.
_JOINED = f"""
    create temp table united as
    select m.* replace (m.speaker as email, if(j.there or (m.remote_id, m.kind, m.target) in (
               select (remote_id, kind, target) from holds), '{Op.ADOPT}', '{Op.ADD}') as op)
    from mine m join joining j using (remote_id, kind, target)
    where m.op in ('{Op.ADD}', '{Op.ADOPT}')
      and (m.spoken, m.kind, m.target) not in (select (contact, kind, target) from holds)
      and not exists (from blocked b where b.email = m.speaker and b.kind = m.kind and b.target = m.target)
    qualify row_number() over (partition by m.remote_id, m.kind, m.target order by m.speaks desc, m.contact) = 1
"""
# One removal, under the address that speaks, whose row then holds it if any row does: what was added without an answer
# may be there, and is nobody's. Where removals go by the address, it is tried under all others as well, also those that
# hold nothing by the ledger: one of them may be the present one.
_LEFT = f"""
    insert into united by name
    with one as (select * replace (speaker as email) from leaving where not stays and nth = 1),
    others as (select * replace (if(stays or (held and list_contains($by_id, kind)), '{Op.DISOWN}', op) as op)
               from leaving where stays or not speaks),
    tried as (
        select o.* replace (a.email as email) from one o join alike a on a.remote_id = o.remote_id
        where a.email <> o.speaker and not ({_ABSENT}) and not list_contains($by_id, o.kind)
          and not exists (from others b where (b.email, b.kind, b.target) = (a.email, o.kind, o.target)))
    select * exclude (held, spoken_holds, ours, stays, nth) from (
        from one union all by name
        (select * replace ('{Op.ADOPT}' as op) from one where ours and not spoken_holds) union all by name
        from others union all by name
        from tried)
"""
_REST = f"""
    insert into united by name
    select distinct on (m.remote_id) m.* replace (m.speaker as email, if(m.speaks, m.fields, null) as fields)
    from mine m where m.op = '{Op.UPDATE}' and ((m.speaks and m.fields is not null) or ($carried and m.speaker in (
        select email from united where kind = 'tag' and op in ('{Op.ADD}', '{Op.REMOVE}'))))
    order by m.remote_id, m.speaks desc;
    insert into united by name
    from mine m where op in ('{Op.CREATE}', '{Op.RESTORE}', '{Op.RETIRE}', '{Op.UNSUBSCRIBE}') and (
        op in ('{Op.CREATE}', '{Op.RESTORE}') or not exists (
            from alike b where b.remote_id = m.remote_id and coalesce(b.status, '') <> '{Status.ABSENT}'
            and b.email not in (select o.email from mine o where o.op = m.op)))
    qualify row_number() over (partition by remote_id, op order by speaks desc, contact) = 1;
    insert into united by name from mine where op in ('{Op.MOVE}', '{Op.DISOWN}')
"""
_NAMED = """
    select s.email, string_agg(a.email, ' ' order by a.email)
    from alike a join alike s on s.remote_id = a.remote_id and s.speaks
    where not a.speaks and s.present and a.present group by 1 order by 1
"""


def any_shared(ledger: Ledger) -> bool:
    """Has any contact several rows? Nearly never. It is found out once for each table of contacts, which the ledgers of
    a plan share. Texts are counted by their hash: two that collide cost time, and change nothing."""
    contacts = ledger.contacts
    known = _SHARED.get(id(contacts))
    if known is None or known[0]() is not contacts:
        with scratch() as connection:
            connection.register("contacts", contacts.select(["remote_id"]))
            ((distinct, rows),) = connection.execute(
                "select count(distinct hash(remote_id)) filter (remote_id is not null), count(remote_id) from contacts"
            ).fetchall()
        place = id(contacts)
        known = _SHARED[place] = (weakref.ref(contacts, lambda _: _SHARED.pop(place, None)), distinct < rows)
    return known[1]


def desired(people: pa.Table, ledger: Ledger, *, gone_is_final: bool) -> pa.Table:
    """`people` (segments.Evaluation.table) with the rows of one contact alike: members of what any of them is in, with
    consent when all have it, with the fields and the proof of the one that speaks for it. An address that the contact
    has no more is one of its rows only where nobody can be created under it again (Capabilities.gone_is_final)."""
    if not any_shared(ledger):
        return people
    with scratch() as connection:
        _alike(connection, ledger, people["email"], absent=gone_is_final)
        connection.register("people", people)
        connection.execute(_SEVERAL)
        several = connection.sql("select email from several").to_arrow_table()["email"].combine_chunks()
        if not len(several):
            return people
        columns = ", ".join(f"{_united(name)} as {identifier(name)}" for name in people.column_names)
        united = connection.sql(f"""
            select {columns} from several a join people d on d.email = a.email
            join several b on b.remote_id = a.remote_id and b.speaks join people s on s.email = b.email
            window w as (partition by a.remote_id)
        """).to_arrow_table()
    others = people.filter(pc.invert(pc.is_in(people["email"], value_set=several)))
    return pa.concat_tables([others, united.cast(people.schema)])


def _united(name: str) -> str:
    column = identifier(name)
    if name.startswith("in:") or name == "unclear":
        return f"bool_or(d.{column}) over w"
    if name == "consent":
        return f"bool_and(coalesce(d.{column}, false)) over w"
    return f"s.{column}" if name.startswith("value:") or name in ("consent_at", "consent_source") else f"d.{column}"


def statuses(ledger: Ledger) -> Ledger:
    """The ledger with a blocked status of one row at all rows of the contact."""
    if not any_shared(ledger):
        return ledger
    with scratch() as connection:
        _alike(connection, ledger, pa.chunked_array([], pa.string()), absent=True)
        contacts = connection.sql(_STATUSES).to_arrow_table()
    return replace(ledger, contacts=contacts.cast(LEDGER_CONTACTS))


def part(asked: Part) -> Part:
    """The part in which a contact is asked for everything once, by the row that speaks for it.

    What another row keeps or gets is not removed: the row that leaves is no longer ours (DISOWN). What another row
    holds is not added but recorded (ADOPT). Nobody is archived or suppressed while another row stays."""
    if not any_shared(asked.ledger):
        return asked
    with scratch() as connection:
        _alike(connection, asked.ledger, asked.present, absent=asked.capabilities.gone_is_final)
        connection.register("changes", asked.changes)
        connection.execute(_WITHOUT_MOVES)
        connection.register("members", asked.ledger.memberships)
        connection.register("targets", asked.ledger.targets)
        connection.register("blocked", asked.blocked)
        carried = asked.capabilities.tag_style is TagStyle.PROPERTY
        connection.execute(_ASKED)
        connection.execute(_JOINED)
        connection.execute(_LEFT, {"by_id": _by_id(asked, carried)})
        for statement in _REST.split(";"):
            connection.execute(statement, {"carried": carried} if "$" in statement else None)
        about = connection.sql("select distinct email from mine").to_arrow_table()["email"].combine_chunks()
        united = connection.table("united").to_arrow_table()
        named = connection.execute(_NAMED).fetchall()
    others = asked.changes.filter(pc.invert(pc.is_in(asked.changes["email"], value_set=about)))
    changes = pa.concat_tables([others, united.select(CHANGE_SCHEMA.names).cast(CHANGE_SCHEMA)])
    order = [(name, "ascending") for name in ("op", "kind", "target", "email")]
    return replace(asked, changes=changes.sort_by(order), notes=(*asked.notes, *_notes(asked.name, named)))


def _by_id(asked: Part, carried: bool) -> list[str]:
    """The kinds of targets that a contact is removed from once: by its id, or by the one update that carries tags."""
    can = asked.capabilities.operations
    removes = {kind: spec for kind in Kind if (spec := can.get((Op.REMOVE, kind))) is not None}
    once = [str(kind) for kind, spec in removes.items() if spec.addressed_by == "id"]
    return [*once, str(Kind.TAG)] if carried else once


def _alike(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, present: pa.ChunkedArray | pa.Array, *, absent: bool
) -> None:
    """Make the table `alike`: the rows that share a contact, and which of them speaks for it. Unless `absent`, those
    whose address the contact has no more are left out: under it somebody may be created, who is another contact."""
    connection.register("contacts", ledger.contacts)
    connection.register("present", pa.table({"email": present.cast(pa.string())}))
    connection.execute(_ROWS, {"all": absent})


def _notes(destination: str, named: list[tuple[str, str]]) -> list[str]:
    """Which addresses go together, masked."""
    if not named:
        return []
    shown = [f"{mask(kept)} speaks for {', '.join(map(mask, others.split()))}" for kept, others in named[:_SHOWN]]
    more = f"; and {len(named) - _SHOWN:,} more" if len(named) > _SHOWN else ""
    rows = sum(1 + len(others.split()) for _, others in named)
    contacts = "one contact" if len(named) == 1 else f"{len(named):,} contacts"
    return [
        f"{destination}: {rows:,} rows of the export are {contacts} there (merged, or another address of it), and get "
        f"what any of the rows is in, with the fields of one: {'; '.join(shown)}{more}."
    ]
