"""The recheck before a contact is archived, suppressed or unsubscribed: whoever was active or changed on the platform
since the plan is spared.

Owns: the readings that this takes. Must not: send anything that writes, judge (push/recheck_query.py), decide outcomes
(delivery.py).
"""

from __future__ import annotations

import threading

import pyarrow as pa

from connector.core.model import Status
from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.platforms.base import Adapter, Engagement
from connector.push.recheck_query import fresh, spared
from connector.reconcile.observe import OVERLAP, unread
from connector.state.base import Store


class Sparing:
    """One destination of one run. Called before each batch, from several threads."""

    def __init__(self, store: Store, adapter: Adapter, destination: str) -> None:
        self._store, self._adapter, self._destination = store, adapter, destination
        self._lock = threading.Lock()

    def codes(self, records: pa.Table, retired: Status | None) -> pa.Table:
        """`seq`, `code` of those of `records` (seq, email, seen) who are to be spared. `retired` is what the operation
        leads to: a contact with that status may pass. None: whoever opted out in any way is spared."""
        with self._lock:
            since = unread(self._store.reading(self._destination)[0], self._adapter.now())
            for table in self._adapter.statuses(since):
                self._store.observe(self._destination, table)
            after = self._store.ledger(self._destination).contacts
            known, _until = self._store.engagement(self._destination)
            happened = pa.concat_tables([ENGAGEMENT_SCHEMA.empty_table(), *self._happened()])
        return spared(records, after, known, happened, str(retired) if retired else None)

    def _happened(self) -> list[pa.Table]:
        """Opens too: whoever read a mail a moment ago can wait for the next cleanup."""
        how = self._adapter.capabilities.engagement
        if how is None:
            return []
        known, since = self._store.engagement(self._destination)
        now = self._adapter.now()
        since = unread(since, now)  # what a platform shows late is asked for again: here nothing is counted
        happened = list(self._adapter.engagement(since - OVERLAP if since else None, now))
        return [fresh(table, known) for table in happened] if how is Engagement.TOTALS else happened
