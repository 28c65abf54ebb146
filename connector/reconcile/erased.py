"""Contacts that were held and are found no more, where a platform keeps deleted ones to be restored: who was erased.

Owns: whom to ask about, before a plan and right before sending, and that who was erased is known as such from then on.
Must not: write to a platform, decide what follows (an erased contact is blocked like any other).

Who was deleted may be created again, by `new_contacts`; who was erased must not be. HubSpot takes both through its API:
what was erased for good is kept out of its interface and its imports alone
(knowledge.hubspot.com, "Perform a permanent delete in HubSpot", 2026-11-30).
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.events import Listener, Progress
from connector.core.model import NewContacts, Op, Status
from connector.core.schemas import CONTACT_SCHEMA
from connector.plan.diff.moves import PERSON
from connector.plan.routes import Routing
from connector.platforms.base import Adapter, KeepsDeleted
from connector.reconcile.observe import wanted
from connector.state.base import Ledger, Store


def before_plan(
    store: Store, ledger: Ledger, adapter: Adapter, desired: pa.Table, routing: Routing, tell: Listener
) -> bool:
    """Ask about lost contacts of those who would be created, under whichever of their addresses. Returns whether
    anybody was erased: then the ledger must be read again."""
    if routing.destination.new_contacts is NewContacts.SKIP or not isinstance(adapter, KeepsDeleted):
        return False
    mine = desired.filter(wanted(desired, routing))
    people = mine[PERSON].drop_null() if PERSON in mine.column_names else pa.chunked_array([], pa.string())
    return _learn(store, adapter, ledger, mine["email"], people, tell)


def before_sending(store: Store, run_id: str, destination: str, adapter: Adapter, tell: Listener) -> None:
    """The same for what a run would create, however old its plan is. Before `Journal.skip_refusing`."""
    creates = [step for step in store.journal.steps(run_id, destination) if step.op is Op.CREATE]
    if not creates or not isinstance(adapter, KeepsDeleted):
        return
    emails = pa.chunked_array([one["email"].combine_chunks() for one in map(store.journal.open_changes, creates)])
    ledger = store.ledger(destination)
    known = ledger.contacts.filter(pc.is_in(ledger.contacts["email"], value_set=emails.combine_chunks()))
    _learn(store, adapter, ledger, emails, known[PERSON].drop_null(), tell)


def _learn(
    store: Store,
    adapter: KeepsDeleted,
    ledger: Ledger,
    emails: pa.ChunkedArray,
    people: pa.ChunkedArray,
    tell: Listener,
) -> bool:
    contacts = ledger.contacts
    about = pc.or_(
        pc.is_in(contacts["email"], value_set=emails.combine_chunks()),
        pc.is_in(contacts[PERSON], value_set=people.combine_chunks(), skip_nulls=True),
    )
    absent = pc.fill_null(pc.equal(contacts["status"], str(Status.ABSENT)), False)
    lost = contacts.filter(pc.and_(about, pc.and_(absent, pc.is_valid(contacts["remote_id"]))))
    if not lost.num_rows:
        return False
    ids = pc.unique(lost["remote_id"].combine_chunks())
    step = "asking about deleted contacts"
    tell(Progress(ledger.destination, step, 0, len(ids)))
    erased = pa.array(sorted(adapter.erased(ids.to_pylist())), pa.string())
    tell(Progress(ledger.destination, step, len(ids), len(ids)))
    found = lost.filter(pc.is_in(lost["remote_id"], value_set=erased)).select(["email", "remote_id"])
    if not found.num_rows:
        return False
    told = {name: found[name] for name in found.column_names}
    told["status"] = pa.array([str(Status.FORGOTTEN)] * found.num_rows, pa.string())
    rest = {field.name: pa.nulls(found.num_rows, field.type) for field in CONTACT_SCHEMA if field.name not in told}
    store.observe(ledger.destination, pa.table(told | rest).select(CONTACT_SCHEMA.names))
    return True
