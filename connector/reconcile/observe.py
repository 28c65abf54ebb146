"""Before a plan: what the platform holds of the people and targets concerned.

Owns: which reads are needed. People are looked up in bulk once and remembered; after that only what changed on the
platform is read. Targets we have never written to are read, so that what is already there is adopted.
Must not: write to a platform, decide what follows from what was read.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import Refused
from connector.core.events import Listener, Progress, silent
from connector.core.model import BLOCKED, Kind, NewContacts, Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.plan.diff import moves
from connector.plan.routes import Routing
from connector.platforms.base import Adapter, TagStyle
from connector.state.base import Ledger, Store

Key = tuple[Kind, str]
# A platform's index may lag, and its servers' clocks differ a little; what is read twice does no harm.
OVERLAP = timedelta(minutes=10)


def unread(cursor: datetime | None, now: datetime) -> datetime | None:
    """From when on changes are to be asked for; None: everybody. `now` is the platform's present moment, as the cursor
    is: one that lies ahead of it was made by another clock, so nobody knows what was missed."""
    return cursor if cursor is None or cursor <= now else None


def changes(store: Store, adapter: Adapter, destination: str, everybody: bool, now: datetime, tell: Listener) -> bool:
    """Read what changed on the platform since the last reading. `everybody`: and if need be everything, once, because
    rules ask about people who are in no target. `now` is the platform's (Adapter.now), from before the reading. Returns
    whether everything was read just now."""
    cursor, whole = store.reading(destination)
    first = everybody and not whole
    if first:
        _remember(store, destination, adapter.statuses(None), tell, "reading everybody")
    elif cursor is not None:
        _remember(store, destination, adapter.statuses(unread(cursor, now)), tell, "reading changes")
    # Without a cursor nobody is known yet; those looked up from here on are read after `now`.
    store.observe(destination, CONTACT_SCHEMA.empty_table(), cursor=now - OVERLAP, whole=everybody)
    return first


def contacts(
    store: Store,
    ledger: Ledger,
    adapter: Adapter,
    desired: pa.Array,
    tell: Listener,
    complete: bool = False,
) -> bool:
    """Look up those of `desired` (normalised emails) that the ledger does not know, or without their id, and return
    whether there were any: then it must be read again. After `changes`; when that was `complete`, the platform does not
    hold them. A contact that we created and that is not under its address any more is gone: it may have another address
    and have opted out under that."""
    unknown = desired
    if len(desired):
        known = _identified(ledger.contacts)
        unknown = desired.filter(pc.invert(pc.is_in(desired, value_set=known)))
    found = pa.array([], pa.string())
    if len(unknown) and not complete:
        there = len(ledger.contacts) - ledger.contacts["remote_id"].null_count
        tables = adapter.lookup(unknown.to_pylist(), there)
        found = _remember(store, ledger.destination, tables, tell, "looking up contacts")
    if len(unknown):
        missing = unknown.filter(pc.invert(pc.is_in(unknown, value_set=found)))
        store.observe(ledger.destination, absent(missing))
    return len(unknown) > 0


def _identified(contacts: pa.Table) -> pa.Array:
    """The addresses of those of LEDGER_CONTACTS with nothing to ask: their id is known, they are absent,
    or they opted out."""
    settled = pc.is_in(contacts["status"], value_set=pa.array(sorted(map(str, BLOCKED | {Status.ABSENT}))))
    return contacts.filter(pc.or_(pc.is_valid(contacts["remote_id"]), settled))["email"].combine_chunks()


def opted_out(
    store: Store,
    ledger: Ledger,
    adapter: Adapter,
    desired: pa.Table,
    routing: Routing,
    forgotten: pa.Array,
    tell: Listener,
) -> bool:
    """Ask for opt-outs of those who would be created: a platform may keep some of addresses that no contact has, and
    more by now than when the address was looked up. Returns whether there are any: then the ledger must be read
    again."""
    if routing.destination.new_contacts is NewContacts.SKIP or not desired.num_rows:
        return False
    contacts = ledger.contacts
    held = contacts.filter(pc.not_equal(pc.fill_null(contacts["status"], str(Status.ABSENT)), str(Status.ABSENT)))
    new = pc.invert(pc.is_in(desired["email"], value_set=held["email"].combine_chunks()))
    mine = desired["email"].filter(pc.and_(wanted(desired, routing), new)).combine_chunks()
    mine = mine.filter(pc.invert(pc.is_in(mine, value_set=forgotten)))
    tables = adapter.opted_out(mine.to_pylist()) if len(mine) else iter(())
    return len(_remember(store, ledger.destination, tables, tell, "asking for opt-outs")) > 0


def people(store: Store, ledger: Ledger, desired: pa.Table) -> None:
    """Remember who the contacts are in the CRM, so that they are known again under another address."""
    if moves.PERSON not in desired.column_names or not desired.num_rows:
        return
    found = moves.people(desired, ledger)
    if found.num_rows:
        store.remember_people(ledger.destination, found)


def wanted(desired: pa.Table, routing: Routing) -> pa.ChunkedArray:
    """One boolean per person of `desired`: with consent, and in any segment that is sent to this destination.

    The address of somebody without consent is not even asked for."""
    names = dict.fromkeys([*(route.segment for route in routing.routes), *routing.enriched])
    result = pa.chunked_array([pa.repeat(pa.scalar(False), desired.num_rows)])
    for name in names:
        result = pc.or_(result, desired.column(f"in:{name}"))
    return pc.and_(result, desired.column("consent"))


def _remember(store: Store, destination: str, tables: Iterable[pa.Table], tell: Listener, step: str) -> pa.Array:
    """Those that the platform told about, normalised as the store keeps them."""
    seen = [pa.array([], pa.string())]
    for table in tables:
        store.observe(destination, table)
        seen.append(pc.utf8_lower(table.column("email")).combine_chunks())
        tell(Progress(destination, step, sum(map(len, seen)), None))
    return pa.concat_arrays(seen)


def absent(emails: pa.Array) -> pa.Table:
    """CONTACT_SCHEMA: the platform does not hold them."""
    rows = len(emails)
    return pa.table(
        {
            "email": emails,
            "remote_id": pa.nulls(rows, pa.string()),
            "status": pa.array([str(Status.ABSENT)] * rows, pa.string()),
            "status_at": pa.nulls(rows, pa.timestamp("us", tz="UTC")),
            "tags": pa.nulls(rows, pa.list_(pa.string())),
            "left": pa.nulls(rows, pa.list_(pa.string())),
        },
        schema=CONTACT_SCHEMA,
    )


def told(tables: Iterable[pa.Table], destination: str, step: str, tell: Listener) -> Iterator[pa.Table]:
    """The tables as they are read; after each, how many rows it were."""
    rows = 0
    for table in tables:
        yield table
        rows += table.num_rows
        tell(Progress(destination, step, rows, None))


def targets(
    store: Store,
    adapter: Adapter,
    routing: Routing,
    ledger: Ledger,
    tell: Listener = silent,
    strangers: dict[int, int] | None = None,
) -> tuple[pa.Table, frozenset[tuple[Kind, str]]]:
    """Who is already in the targets we never wrote to: (number of the route, email), and the targets (kind, name) that
    a writing request must bring into being before anybody joins them.

    `strangers` is told how many members of each route have an id that the ledger does not know. A target of the ledger
    is not read again: what others did there is for `sync drift`."""
    known = set(zip(ledger.targets.column("kind").to_pylist(), ledger.targets.column("name").to_pylist(), strict=True))
    new = {
        number: route.target
        for number, route in enumerate(routing.routes)
        if (str(route.target.kind), route.target.name) not in known
    }
    if not new:
        return _found([], []), frozenset()
    existing = adapter.targets(frozenset(target.kind for target in new.values()))
    existing = _by_id(existing, store.target_ids(ledger.destination))
    named = [(target.kind, target.name) for target in new.values()]
    store.saw_targets(ledger.destination, {key: existing[key] for key in named if key in existing})
    _refuse_twice(store, routing, {key: existing[key] for key in named if key in existing})
    by_property = adapter.capabilities.tag_style is TagStyle.PROPERTY
    numbers: list[int] = []
    emails: list[pa.Array] = []
    missing: set[tuple[Kind, str]] = set()
    for number, target in new.items():
        if by_property and target.kind is Kind.TAG:
            found = _tagged(ledger, target.name)
            if adapter.capabilities.declares_tags and (target.kind, target.name) not in existing:
                missing.add((target.kind, target.name))
        elif (target.kind, target.name) in existing:
            members = adapter.members(target.kind, existing[target.kind, target.name])
            step = f"reading {target.kind} “{target.name}”"
            found, unknown = _members(ledger, told(members, ledger.destination, step, tell))
            if strangers is not None:
                strangers[number] = unknown
        else:
            missing.add((target.kind, target.name))
            continue
        numbers += [number] * len(found)
        emails.append(found)
    return _found(numbers, emails), frozenset(missing)


def _by_id(existing: Mapping[Key, str], ours: Mapping[Key, str]) -> Mapping[Key, str]:
    """The targets with those of ours under our names: a target is its id, whatever it is called there now."""
    there = {(kind, remote_id) for (kind, _), remote_id in existing.items()}
    kept = {key: remote_id for key, remote_id in ours.items() if (key[0], remote_id) in there}
    return ChainMap(kept, existing) if kept else existing  # type: ignore[arg-type]


def _refuse_twice(store: Store, routing: Routing, found: Mapping[Key, str]) -> None:
    """Raises Refused when two targets of the file are one there: each would take away what the other adds."""
    ids = store.target_ids(routing.destination.name) | dict(found)
    named: dict[tuple[Kind, str], str] = {}
    for target in dict.fromkeys(route.target for route in routing.routes):
        remote_id = ids.get((target.kind, target.name))
        other = named.setdefault((target.kind, remote_id), target.name) if remote_id is not None else target.name
        if other != target.name:
            raise Refused(
                f"{target.destination}: {target.kind} “{other}” and {target.kind} “{target.name}” are one and the same "
                "there: it was renamed. Use one of the two names in segments.yaml.",
                destination=target.destination,
                code="same_target",
            )


def deleted(store: Store, adapter: Adapter, routing: Routing, ledger: Ledger) -> frozenset[tuple[Kind, str]]:
    """The routed targets of the ledger (kind, name) that the platform has no more: their id is gone. Nobody is in them,
    so the ledger forgets who was. One reading of all targets; a name that has another id now counts as gone, and is
    found by its name when it is written to. Tags that need no declaration are never gone."""
    can, routed = adapter.capabilities, {(str(route.target.kind), route.target.name) for route in routing.routes}
    declared = can.tag_style is TagStyle.MEMBERSHIP or can.declares_tags
    listed = {Kind.LIST} | ({Kind.TAG} if declared else set())
    ours = [row for row in ledger.targets.to_pylist() if (row["kind"], row["name"]) in routed and row["kind"] in listed]
    if not ours:
        return frozenset()
    existing = adapter.targets(frozenset(Kind(row["kind"]) for row in ours))
    there = {(str(kind), remote_id) for (kind, _), remote_id in existing.items()}
    missing = set()
    for row in ours:
        key = (Kind(row["kind"]), row["name"])
        by_name = row["remote_id"] is None or (key[0] is Kind.TAG and can.tag_style is TagStyle.PROPERTY)
        if (row["kind"], row["remote_id"]) in there or (by_name and key in existing):
            continue
        store.forget_target(ledger.destination, *key)
        missing.add(key)
    return frozenset(key for key in missing if key not in existing)


def _found(numbers: list[int], emails: list[pa.Array]) -> pa.Table:
    column = pa.concat_arrays(emails) if emails else pa.array([], pa.string())
    return pa.table({"number": pa.array(numbers, pa.int64()), "email": column.cast(pa.string())})


def _members(ledger: Ledger, read: Iterable[pa.Table]) -> tuple[pa.Array, int]:
    """The target's members as emails, and how many ids are unknown; platforms that list by id are answered from the
    ledger's contacts."""
    tables = list(read)
    if not tables:
        return pa.array([], pa.string()), 0
    members = pa.concat_tables(tables)
    by_email = members.column("email").drop_null().combine_chunks()
    ids = members.column("remote_id").drop_null().combine_chunks()
    contacts = ledger.contacts
    by_id = contacts.filter(pc.is_in(contacts.column("remote_id"), value_set=ids)).column("email").combine_chunks()
    nameless = members.filter(pc.is_null(members["email"]))["remote_id"].drop_null()
    unknown = pc.sum(pc.invert(pc.is_in(nameless, value_set=contacts["remote_id"].combine_chunks()))).as_py() or 0
    return pc.unique(pa.concat_arrays([by_email, by_id])), int(unknown)


def _tagged(ledger: Ledger, tag: str) -> pa.Array:
    """Contacts whose tag property held `tag` when they were last read."""
    contacts = ledger.contacts
    parents = pc.list_parent_indices(contacts.column("tags").combine_chunks())
    values = pc.list_flatten(contacts.column("tags")).combine_chunks()
    rows = pc.unique(parents.filter(pc.equal(values, tag)))
    return contacts.column("email").combine_chunks().take(rows)
