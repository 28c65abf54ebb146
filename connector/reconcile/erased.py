"""Contacts that the platform may hold no more, of people who would be created: looked at before anybody is.

Owns: which contacts are asked about, and that who was erased is known as such from then on. Must not: write to a
platform, decide what follows (plan/gate.py, plan/diff/moves.py and push/recreated.py do).

Platforms do not tell of contacts that were deleted or erased, and create such a person again when they are asked to;
some do so even for those that their own interface refuses as erased for good.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.events import Listener, Progress
from connector.core.model import BLOCKED, NewContacts, Op, Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.plan.diff.moves import PERSON
from connector.plan.routes import Routing
from connector.platforms.base import Adapter, KeepsDeleted
from connector.reconcile.observe import absent, wanted
from connector.state.base import Ledger, Store

_NOT_THERE = pa.array(sorted(map(str, BLOCKED | {Status.ABSENT})))


def before_plan(
    store: Store, ledger: Ledger, adapter: Adapter, desired: pa.Table, routing: Routing, tell: Listener
) -> Ledger:
    """The ledger, after a look at contacts of people who are not held under their present address. Where a contact can
    get another address, the request for that finds out whether it is there."""
    if routing.destination.new_contacts is NewContacts.SKIP or PERSON not in desired.column_names:
        return ledger
    contacts = ledger.contacts
    moves = (Op.MOVE, None) in adapter.capabilities.operations
    if moves and not (isinstance(adapter, KeepsDeleted) and _lost(contacts).num_rows):
        return ledger
    held = contacts.filter(pc.invert(_is(contacts, Status.ABSENT)))["email"].combine_chunks()
    mine = desired.filter(pc.and_(wanted(desired, routing), pc.invert(pc.is_in(desired["email"], value_set=held))))
    return look(store, ledger, adapter, mine.select(["email", PERSON]), tell, former=not moves)


def look(
    store: Store, ledger: Ledger, adapter: Adapter, creating: pa.Table, tell: Listener, *, former: bool = True
) -> Ledger:
    """The ledger, after a look at the other contacts of those who are to be created (`email`, `person`), if `former`,
    and at which of those who are not there were erased."""
    learnt = former and _other_addresses(store, ledger, adapter, creating, tell)
    ledger = store.ledger(ledger.destination) if learnt else ledger
    if isinstance(adapter, KeepsDeleted) and _erased(store, ledger, adapter, creating, tell):
        ledger = store.ledger(ledger.destination)
    return ledger


def _other_addresses(store: Store, ledger: Ledger, adapter: Adapter, creating: pa.Table, tell: Listener) -> bool:
    """Whether any contact of theirs that the ledger counts as held was asked for."""
    contacts, destination = ledger.contacts, ledger.destination
    there = pc.and_(pc.is_valid(contacts["status"]), pc.invert(pc.is_in(contacts["status"], value_set=_NOT_THERE)))
    asked = contacts["email"].filter(pc.and_(_in(contacts, PERSON, creating), there)).combine_chunks()
    if not len(asked):
        return False
    found = [pa.array([], pa.string())]
    for table in adapter.lookup(asked.to_pylist()):
        store.observe(destination, table)
        found.append(pc.utf8_lower(table["email"]).combine_chunks())
        tell(Progress(destination, "looking up former addresses", sum(map(len, found)), len(asked)))
    lost = asked.filter(pc.invert(pc.is_in(asked, value_set=pa.concat_arrays(found))))
    store.observe(destination, absent(lost))
    return True


def _erased(store: Store, ledger: Ledger, adapter: KeepsDeleted, creating: pa.Table, tell: Listener) -> bool:
    """Whether anybody is known as erased by now."""
    gone, step = _lost(ledger.contacts), "asking about deleted contacts"
    gone = gone.filter(pc.or_(_in(gone, "email", creating), _in(gone, PERSON, creating)))
    if not gone.num_rows:
        return False
    ids = pc.unique(gone["remote_id"].combine_chunks())
    tell(Progress(ledger.destination, step, 0, len(ids)))
    erased = pa.array(sorted(adapter.erased(ids.to_pylist())), pa.string())
    tell(Progress(ledger.destination, step, len(ids), len(ids)))
    found = gone.filter(pc.is_in(gone["remote_id"], value_set=erased))
    told = {"email": found["email"], "remote_id": found["remote_id"]}
    told["status"] = pa.array([str(Status.FORGOTTEN)] * found.num_rows, pa.string())
    rest = {field.name: pa.nulls(found.num_rows, field.type) for field in CONTACT_SCHEMA if field.name not in told}
    store.observe(ledger.destination, pa.table(told | rest).select(CONTACT_SCHEMA.names))
    return bool(found.num_rows)


def _lost(contacts: pa.Table) -> pa.Table:
    """Those that were held, and are not under their address any more."""
    return contacts.filter(pc.and_(_is(contacts, Status.ABSENT), pc.is_valid(contacts["remote_id"])))


def _is(contacts: pa.Table, status: Status) -> pa.ChunkedArray:
    return pc.fill_null(pc.equal(contacts["status"], str(status)), False)


def _in(contacts: pa.Table, column: str, creating: pa.Table) -> pa.ChunkedArray:
    known = creating[column].drop_null()
    return pc.is_in(contacts[column], value_set=known.combine_chunks(), skip_nulls=True)
