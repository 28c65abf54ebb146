"""People that a run would create though a contact of theirs was erased, or is gone where that is final.

Owns: that they are left out, however old the plan is and what command made it. Must not: judge opt-outs (reconcile/
freshness.py does, right after), create, or know what a plan shows.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.events import Listener
from connector.core.model import Op, Outcome, Status
from connector.platforms.base import Adapter
from connector.push.batches import alike
from connector.reconcile import erased
from connector.state.base import BatchState, Store

GONE = "gone"


def leave_out(store: Store, run_id: str, destination: str, adapter: Adapter, listener: Listener) -> None:
    """Look at their other contacts, and skip those that nobody may create again. Who turns out as erased, or as opted
    out, is left out by what comes after. Raises DestinationError: a destination that cannot be read is not written
    to."""
    steps = [step for step in store.journal.steps(run_id, destination) if step.op is Op.CREATE]
    creates = {step: rows for step in steps if (rows := store.journal.open_changes(step)).num_rows}
    if not creates:
        return
    emails = pa.concat_tables(creates.values())["email"].combine_chunks()
    ledger = store.ledger(destination)
    creating = ledger.contacts.filter(pc.is_in(ledger.contacts["email"], value_set=emails))
    ledger = erased.look(store, ledger, adapter, creating.select(["email", "person"]), listener)
    if not adapter.capabilities.gone_is_final:
        return
    gone = _gone(ledger.contacts, creating["person"].drop_null().combine_chunks(), emails)
    barred = creating.filter(pc.is_in(creating["person"], value_set=gone))["email"].combine_chunks()
    # A job that is being worked on keeps its records.
    polled = [one for one in store.journal.in_doubt(run_id, destination) if one.state is BatchState.POLLING]
    for step, rows in creates.items():
        rows = rows.filter(pc.is_in(rows["email"], value_set=barred))
        for one in polled:
            taken = pc.and_(pc.greater_equal(rows["seq"], one.first_seq), pc.less_equal(rows["seq"], one.last_seq))
            rows = rows.filter(pc.invert(taken))
        if rows.num_rows:
            store.journal.settle(step, alike(rows, Outcome.SKIPPED, GONE))


def _gone(contacts: pa.Table, people: pa.Array, emails: pa.Array) -> pa.Array:
    """Those of the people whose last contact under another address is gone, as plan/diff/moves.py has it."""
    others = pc.and_(
        pc.is_in(contacts["person"], value_set=people), pc.invert(pc.is_in(contacts["email"], value_set=emails))
    )
    held = contacts.filter(pc.and_(others, pc.equal(contacts["held_before"], 1))).select(["id", "person", "status"])
    last = held.group_by("person").aggregate([("id", "max")])["id_max"].combine_chunks()
    lost = pc.and_(pc.is_in(held["id"], value_set=last), pc.equal(held["status"], str(Status.ABSENT)))
    return held.filter(lost)["person"].combine_chunks()
