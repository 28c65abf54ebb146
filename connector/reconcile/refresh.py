"""`--refresh`: the ledger is compared with the platforms, whole, before a plan is made.

Owns: the order of the reads, and saying what they cannot tell. Must not: write to a platform, or make anybody ours
(that is the plan's, by adopting who is desired and there).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from connector.core.counts import count_of
from connector.core.events import Listener, Progress

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.platforms.base import Adapter
    from connector.state.base import Store


def refresh(store: Store, adapters: Mapping[str, Adapter], tell: Listener) -> list[str]:
    """Forget what the platforms do not hold any more; sentences about each destination, for the plan's notes. No job
    of an earlier push may be under way. `tell` may raise Interrupted between two pages."""
    from connector.reconcile import drift

    notes = []
    for name, connected in adapters.items():
        first = store.revisions([name])[name] == 0
        held = _read_everybody(store, connected, name, tell)
        lost = 0
        for target in drift.find(connected, store.ledger(name), tell=tell):
            if target.gone:
                store.forget_target(name, target.kind, target.name)
                lost += target.ours
            elif target.removed:
                store.upkeep.drop(name, target.kind, target.name, target.removed)
                lost += len(target.removed)
        notes.append(_note(name, held, lost, first))
    return notes


def _read_everybody(store: Store, connected: Adapter, destination: str, tell: Listener) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    from connector.core.schemas import CONTACT_SCHEMA
    from connector.reconcile.observe import OVERLAP

    now, seen, ids = connected.now(), [pa.array([], pa.string())], [pa.array([], pa.string())]
    for table in connected.statuses(None):
        store.observe(destination, table)
        seen.append(table.column("email").combine_chunks())
        ids.append(table.column("remote_id").combine_chunks())
        tell(Progress(destination, "reading everybody", sum(map(len, seen)), None))
    present = pc.unique(pa.concat_arrays(seen))
    known = store.ledger(destination).contacts
    # A contact whose id lives on under another address is not absent.
    there = pc.or_(
        pc.is_in(known["email"], value_set=present),
        pc.is_in(known["remote_id"], value_set=pc.unique(pa.concat_arrays(ids)), skip_nulls=True),
    )
    gone = known.filter(pc.invert(there))
    store.observe(destination, _absent(gone), cursor=now - OVERLAP)
    store.observe(destination, CONTACT_SCHEMA.empty_table(), cursor=now - OVERLAP, whole=True)
    return len(present)


def _absent(contacts: pa.Table) -> pa.Table:
    """Those of LEDGER_CONTACTS, as CONTACT_SCHEMA; an opt-out outlives that the platform forgot it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from connector.core.model import BLOCKED, Status
    from connector.core.schemas import CONTACT_SCHEMA

    no = pc.is_in(contacts.column("status"), value_set=pa.array(sorted(map(str, BLOCKED))))
    chosen = contacts.filter(pc.invert(pc.fill_null(no, False)))
    chosen = chosen.select([name for name in CONTACT_SCHEMA.names if name != "left"])
    status = pa.array([str(Status.ABSENT)] * chosen.num_rows, pa.string())
    return chosen.set_column(chosen.column_names.index("status"), "status", status)


def _lost(number: int) -> str:
    return count_of(number, "membership of the ledger is", "memberships of the ledger are")


def _note(destination: str, held: int, lost: int, first: bool) -> str:
    text = f"{destination}: read again: {count_of(held, 'contact')}; {_lost(lost)} not there any more."
    if first:
        return (
            f"{text} The ledger was empty, so nobody can know which members we once added: who is desired becomes "
            "ours. Field values are not read back and are sent again."
        )
    return f"{text} Field values are not read back: those last confirmed count as still there."
