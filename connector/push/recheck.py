"""The recheck before a contact is archived, suppressed or unsubscribed: those active on any platform of the file,
or changed on this one, since the plan is spared.

Owns: the readings that this takes. Must not: send anything that writes, judge (push/recheck_query.py), decide outcomes
(delivery.py).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.events import Listener, silent
from connector.core.model import Status
from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.platforms.base import Adapter, Engagement
from connector.push.recheck_query import ELSEWHERE, anywhere, fresh, spared
from connector.reconcile import engagement
from connector.reconcile.account import verify
from connector.reconcile.observe import OVERLAP, unread
from connector.state.base import Store


class Sparing:
    """One destination of one run. Called before each batch, from several threads."""

    def __init__(
        self,
        store: Store,
        adapter: Adapter,
        destination: str,
        everywhere: Mapping[str, Adapter] | None = None,
        tell: Listener = silent,
    ) -> None:
        """`everywhere`: the platforms of the file by destination."""
        self._tell = tell
        self._store, self._adapter, self._destination = store, adapter, destination
        self._others = {name: other for name, other in (everywhere or {}).items() if name != destination}
        self._swept = False  # what the platforms delivered late has been read
        self._people: dict[str, pa.Table] = {}  # another destination -> who its contacts are
        self._lock = threading.Lock()

    def codes(self, records: pa.Table, retired: Status | None) -> pa.Table:
        """`seq`, `code` of those of `records` (seq, email, seen) who are to be spared. `retired` is what the operation
        leads to: a contact with that status may pass. None: those who opted out in any way are spared."""
        with self._lock:
            since = unread(self._store.reading(self._destination)[0], self._adapter.now())
            for table in self._adapter.statuses(since):
                self._store.observe(self._destination, table)
            self._sweep()
            after = self._store.ledger(self._destination).contacts
            happened = self._happened(self._destination, self._adapter)
            elsewhere = pa.concat_tables(
                [ELSEWHERE.empty_table(), *(self._elsewhere(name, other) for name, other in self._others.items())]
            )
            known = anywhere(after, self._store.activity())
        return spared(records, after, known, happened, str(retired) if retired else None, elsewhere)

    def _sweep(self) -> None:
        """What happened before the last reading and was delivered after the plan: once per run, into the store."""
        if not self._swept:
            for name, adapter in {self._destination: self._adapter, **self._others}.items():
                verify(self._store, name, adapter)
                engagement.late(self._store, adapter, name, adapter.now(), self._tell)
            self._swept = True

    def _happened(self, destination: str, adapter: Adapter) -> pa.Table:
        """Opens too: a person who read a mail a moment ago can wait for the next cleanup."""
        how = adapter.capabilities.engagement
        if how is None:
            return ENGAGEMENT_SCHEMA.empty_table()
        known, since = self._store.engagement(destination)
        now = adapter.now()
        since = unread(since, now)  # what a platform shows late is asked for again: here nothing is counted
        happened = list(adapter.engagement(since - OVERLAP if since else None, now))
        found = [fresh(table, known) for table in happened] if how is Engagement.TOTALS else happened
        return pa.concat_tables([ENGAGEMENT_SCHEMA.empty_table(), *found])

    def _elsewhere(self, name: str, adapter: Adapter) -> pa.Table:
        """Who opened or clicked on another platform since it was last read: by address, and by the id in the CRM."""
        if name not in self._people:
            verify(self._store, name, adapter)
            self._people[name] = self._store.ledger(name).contacts.select(["email", "person"])
        happened = self._happened(name, adapter)
        active = pc.or_(pc.is_valid(happened["last_open_at"]), pc.is_valid(happened["last_click_at"]))
        emails, people = happened["email"].filter(active).combine_chunks(), self._people[name]
        places = pc.index_in(emails, value_set=people["email"].combine_chunks())
        return pa.table([emails, people["person"].take(places)], schema=ELSEWHERE)
