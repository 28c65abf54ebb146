"""Right before a destination is written to: what changed on the platform since the plan was made.

Owns: the reading, and that changes which are no longer allowed become SKIPPED. Must not: send, decide which statuses
block (core), know who made the plan or how old it is.

Every run passes here, whatever opened it: a push, a saved plan, an answer given hours later, resume, undo and cleanup.
"""

from __future__ import annotations

from connector.core.events import Listener, Progress
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import Adapter
from connector.reconcile.observe import OVERLAP, unread
from connector.state.base import Store


def refresh(store: Store, run_id: str, destination: str, adapter: Adapter, listener: Listener) -> None:
    """Read the statuses that changed and leave out what they forbid. Raises DestinationError: a destination that
    cannot be read is not written to."""
    cursor, _whole = store.reading(destination)
    now, seen = adapter.now(), 0
    listener(Progress(destination, "checking for opt-outs", seen, None))
    for table in adapter.statuses(unread(cursor, now)):
        store.observe(destination, table)
        seen += table.num_rows
        listener(Progress(destination, "checking for opt-outs", seen, None))
    store.observe(destination, CONTACT_SCHEMA.empty_table(), cursor=now - OVERLAP)
    store.journal.skip_refusing(run_id, destination)
