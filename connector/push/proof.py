"""A RETIRE that can be taken back: sent, and what proves later that it was ours.

Owns: the reading right after the request. Must not: decide outcomes, or who is archived.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import DestinationError, Interrupted
from connector.core.model import Op
from connector.core.schemas import CONTACT_SCHEMA
from connector.platforms.base import Adapter, Batch, Done, Job
from connector.state.base import Store


def push(store: Store, adapter: Adapter, destination: str, batch: Batch) -> Done | Job:
    """Send a batch. Where what it does can be lifted again, the platform's time of it is kept: by that it is told from
    what a person does there later. Without an answer, or where the platform shows it only later, nothing is proven, and
    it stays until somebody lifts it by hand."""
    retire = adapter.capabilities.retire
    if batch.op is not Op.RETIRE or retire is None or (Op.RESTORE, None) not in adapter.capabilities.operations:
        return adapter.push(batch)
    began = adapter.now()
    answer = adapter.push(batch)
    try:
        read = [CONTACT_SCHEMA.empty_table(), *adapter.lookup(batch.records["email"].to_pylist())]
    except (DestinationError, Interrupted):  # the batch itself is answered
        return answer
    found = pa.concat_tables(read)
    mine = pc.is_in(found["remote_id"], value_set=batch.records["remote_id"].combine_chunks())
    since = pc.greater_equal(found["status_at"], pa.scalar(began, found["status_at"].type))
    led_to = pc.equal(found["status"], str(retire.leads_to))
    store.note_retired(destination, found.filter(pc.and_(pc.and_(mine, led_to), pc.fill_null(since, False))))
    return answer
