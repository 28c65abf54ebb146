"""What others changed in the targets that are ours: the ledger beside what the platforms hold now.

Owns: the reads this needs and the comparison. Must not: write anywhere, or judge whether a change was right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    `strangers` are members whose address the platform did not tell; `gone`: the target itself does not exist."""

    destination: str
    kind: Kind
    name: str
    ours: int
    members: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    strangers: int = 0
    gone: bool = False

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.strangers or self.gone)


def find(
    adapter: Adapter, ledger: Ledger, only: frozenset[tuple[str, str]] | None = None, tell: Listener = silent
) -> list[Drift]:
    """Every target that the ledger knows, or those of `only` (kind, name). Reads everybody once where tags are a
    property or members come as ids."""
    rows = [row for row in ledger.targets.to_pylist() if only is None or (row["kind"], row["name"]) in only]
    if not rows:
        return []
    by_property = adapter.capabilities.tag_style is TagStyle.PROPERTY
    read = {Kind(row["kind"]) for row in rows} - ({Kind.TAG} if by_property else set())
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
        select m.target, c.email from memberships m join contacts c on c.id = m.contact
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
    gone = False
    if by_property and kind is Kind.TAG:
        connection.execute(
            "create or replace temp table there as select email from contact where list_contains(tags, ?)", [name]
        )
    else:
        remote_id = existing.get((kind, name))
        gone = remote_id is None
        members = adapter.members(kind, remote_id) if remote_id is not None else ()
        found = observe.told(members, destination, f"reading {kind} “{name}”", tell)
        connection.register("members", pa.concat_tables([MEMBER_SCHEMA.empty_table(), *found]))
        connection.execute("""
            create or replace temp table there as
            select distinct coalesce(m.email, c.email) as email, case when coalesce(m.email, c.email) is null
                   then m.remote_id end as remote_id
            from members m left join contact c on m.email is null and c.remote_id = m.remote_id
        """)
    return _compared(connection, destination, kind, name, row["id"], gone)


def _compared(
    connection: duckdb.DuckDBPyConnection, destination: str, kind: Kind, name: str, number: object, gone: bool
) -> Drift:
    def emails(sql: str) -> tuple[str, ...]:
        return tuple(email for (email,) in connection.execute(f"{sql} order by email", [number]).fetchall())

    mine = "select email from ours where target = ?"
    added = emails(f"select email from there where email is not null and email not in ({mine})")
    removed = emails(
        f"{mine} and email not in (select email from there where email is not null) "
        f"and email not in (select email from contacts where status = '{Status.ARCHIVED}')"  # hidden, not removed
    )
    (members, strangers), (ours,) = (
        connection.execute("select count(*), count(*) filter (email is null) from there").fetchall()[0],
        connection.execute(f"select count(*) from ({mine})", [number]).fetchall()[0],
    )
    return Drift(destination, kind, name, ours, members, added, removed, strangers, gone)
