"""What others changed in the targets that are ours: the ledger beside what the platforms hold now.

Owns: the reads this needs and the comparison. Must not: write anywhere, or judge whether a change was right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from connector.core.events import Listener, silent
from connector.core.model import Kind, Status
from connector.core.schemas import CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.core.sql import scratch
from connector.platforms.base import Adapter, TagStyle
from connector.reconcile import observe
from connector.state.base import Ledger


@dataclass(frozen=True, slots=True)
class Drift:
    """One target. `added` are in it and not from us, `removed` are ours and no longer in it: addresses, sorted.
    `strangers` are members whose address the platform did not tell; `hidden` are ours that the platform does not show
    while they are archived; so members = ours - removed - hidden + added + strangers. `gone`: the target itself does
    not exist; `renamed`: what it is called there now, when that is another name than ours."""

    destination: str
    kind: Kind
    name: str
    ours: int
    members: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    strangers: int = 0
    gone: bool = False
    hidden: int = 0
    renamed: str = ""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.strangers or self.gone or self.renamed)


def find(
    adapter: Adapter, ledger: Ledger, only: frozenset[tuple[str, str]] | None = None, tell: Listener = silent
) -> list[Drift]:
    """Every target that the ledger knows, or those of `only` (kind, name). Reads everybody once where tags are a
    property or members come as ids."""
    rows = [row for row in ledger.targets.to_pylist() if only is None or (row["kind"], row["name"]) in only]
    if not rows:
        return []
    by_property = adapter.capabilities.tag_style is TagStyle.PROPERTY
    free = by_property and not adapter.capabilities.declares_tags  # any text is a tag
    read = {Kind(row["kind"]) for row in rows} - ({Kind.TAG} if free else set())
    existing: Mapping[tuple[Kind, str], str] = adapter.targets(frozenset(read)) if read else {}
    with scratch() as connection:
        _prepare(connection, adapter, ledger, by_property, tell)
        return [_one(connection, adapter, ledger.destination, row, existing, by_property, tell) for row in rows]


def _prepare(
    connection: duckdb.DuckDBPyConnection, adapter: Adapter, ledger: Ledger, everybody: bool, tell: Listener
) -> None:
    """Make the tables `ours` (target, email) and `contact` (email, remote_id, tags)."""
    connection.register("contacts", ledger.contacts)
    connection.register("memberships", ledger.memberships)
    connection.execute("""
        create temp table ours as
        select m.target, c.email, c.remote_id, c.status from memberships m join contacts c on c.id = m.contact
    """)
    statuses = adapter.statuses(None) if everybody else ()
    read = observe.told(statuses, ledger.destination, "reading everybody", tell)
    connection.register("read_contacts", pa.concat_tables([CONTACT_SCHEMA.empty_table(), *read]))
    connection.execute("""
        create temp table contact as
        select email, last(remote_id) as remote_id, last(tags) as tags from read_contacts where email <> '' group by 1
        union all
        select email, remote_id, null from contacts
        where remote_id is not null and email not in (select email from read_contacts where email is not null)
    """)


def _one(
    connection: duckdb.DuckDBPyConnection,
    adapter: Adapter,
    destination: str,
    row: dict[str, object],
    existing: Mapping[tuple[Kind, str], str],
    by_property: bool,
    tell: Listener,
) -> Drift:
    kind, name = Kind(str(row["kind"])), str(row["name"])
    remote_id, now = _now(existing, kind, name, row["remote_id"])
    declared = kind is not Kind.TAG or not by_property or adapter.capabilities.declares_tags
    gone = remote_id is None and declared
    if by_property and kind is Kind.TAG:
        connection.execute(
            "create or replace temp table member as select email, remote_id from contact where list_contains(tags, ?)",
            [name],
        )
    else:
        members = adapter.members(kind, remote_id) if remote_id is not None else ()
        found = observe.told(members, destination, f"reading {kind} “{name}”", tell)
        connection.register("members", pa.concat_tables([MEMBER_SCHEMA.empty_table(), *found]))
        connection.execute("""
            create or replace temp table member as
            select coalesce(m.email, c.email) as email, m.remote_id
            from members m left join contact c on m.email is null and c.remote_id = m.remote_id
        """)
    drift = Drift(destination, kind, name, 0, 0, (), (), gone=gone, renamed=now if now != name else "")
    return _compared(connection, drift, row["id"])


def _now(existing: Mapping[tuple[Kind, str], str], kind: Kind, name: str, known: object) -> tuple[str | None, str]:
    """The target's id there and what it is called now: by the id that the ledger knows, else by name."""
    named = {remote_id: there for (each, there), remote_id in existing.items() if each is kind}
    if isinstance(known, str) and known in named:
        return known, named[known]
    remote_id = existing.get((kind, name))
    return remote_id, named.get(remote_id or "", name)


def _compared(connection: duckdb.DuckDBPyConnection, drift: Drift, number: object) -> Drift:
    """With the people of both sides. A contact is its id: one with another address is the same, and one with several
    addresses is one member."""

    def emails(sql: str) -> tuple[str, ...]:
        return tuple(email for (email,) in connection.execute(f"{sql} order by email").fetchall())

    connection.execute(
        """
        create or replace temp table mine as
        select coalesce(remote_id, email) as key, min(o.email) as email, any_value(o.remote_id) as remote_id,
               any_value(status) as status
        from ours o where target = ? group by 1
        """,
        [number],
    )
    connection.execute(f"""
        create or replace temp table there as
        select coalesce(remote_id, email) as key, coalesce(min(m.email) filter (m.email in (select email from mine)),
               min(m.email)) as email, any_value(m.remote_id) as remote_id
        from member m group by 1;
        create or replace temp table missing as
        select email, status = '{Status.ARCHIVED}' as hidden from mine
        where email not in (select email from there where email is not null)
          and (remote_id is null or remote_id not in (select remote_id from there where remote_id is not null));
        create or replace temp table other as
        select email from there
        where (email is null or email not in (select email from mine))
          and (remote_id is null or remote_id not in (select remote_id from mine where remote_id is not null));
    """)
    counts = (
        "select (select count(*) from mine), count(*), (select count(*) from other where email is null), {} from there"
    )
    hidden = "(select count(*) from missing where hidden)"
    ours, members, strangers, archived = connection.execute(counts.format(hidden)).fetchall()[0]
    return replace(
        drift,
        ours=ours,
        members=members,
        strangers=strangers,
        hidden=archived,
        added=emails("select email from other where email is not null"),
        removed=emails("select email from missing where not coalesce(hidden, false)"),
    )
