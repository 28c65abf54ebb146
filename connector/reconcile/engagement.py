"""What contacts did with our mail: read in bulk since the last time, put together per contact, kept in the state.

Owns: the stretches of time that are read, and the sums. Must not: know a platform, decide what follows.

A platform may deliver an open or click days after it happened, when the stretch it lies in has long been read. So
before anybody is archived the last weeks are read a second time (`late`).

`sends` are the mails since the last open or click, so they say how long somebody has been silent.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.events import Listener, Progress
from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.core.sql import scratch
from connector.measure.mail import counted
from connector.platforms.base import Adapter, Engagement
from connector.reconcile.observe import OVERLAP
from connector.state.base import Store

LATE = timedelta(days=14)  # how long after it happened a platform may deliver an open or click
_TOGETHER = """
    with engaged as (
        select email, max(greatest(last_open_at, last_click_at)) as engaged_at from happened group by email
    )
    select email, max(last_open_at) as last_open_at, max(last_click_at) as last_click_at,
           max(last_send_at) as last_send_at,
           coalesce(sum(sends) filter (engaged_at is null or last_send_at > engaged_at), 0)::bigint as sends,
           coalesce(sum(bounces), 0)::bigint as bounces
    from happened join engaged using (email) where email <> '' group by email
"""


def read(store: Store, adapter: Adapter, destination: str, now: datetime, tell: Listener) -> None:
    """Add what happened since the last reading, where the platform tells in bulk. The stretches meet exactly, so that
    nothing counts twice; the latest minutes wait for the next time, since reports lag. `now` is the platform's
    (Adapter.now). A stretch that ended after it was measured by another clock: all is read again, in the place of what
    was counted."""
    kind = adapter.capabilities.engagement
    _, since = store.engagement(destination)
    until, again = now - OVERLAP, since is not None and since > now
    if kind is None or (since is not None and since >= until and not again):
        return
    since = None if again else since
    happened = _happened(adapter, destination, since, until, tell)
    totals = kind is Engagement.TOTALS
    read = happened if totals else together(happened)
    days = None if totals or again else counted(store, happened, until)
    store.engage(destination, read, until=until, totals=totals or again, swept=since is None, days=days)


def late(store: Store, adapter: Adapter, destination: str, now: datetime, tell: Listener) -> None:
    """Add the opens and clicks that were delivered after the stretch in which they happened had been read. The window
    begins LATE before the last one ended, so that none is missed however long ago that was. Counts are not added up a
    second time: only those who opened or clicked are entered, with the mails since."""
    kind = adapter.capabilities.engagement
    _, until = store.engagement(destination)
    if kind is None:
        return
    if until is None or until > now:
        read(store, adapter, destination, now, tell)
        return
    swept = store.swept(destination)
    happened = _happened(adapter, destination, None if swept is None else min(swept, until) - LATE, until, tell)
    totals = kind is Engagement.TOTALS
    found = happened if totals else _engaged(together(happened))
    store.engage(destination, found, until=until, totals=totals, swept=True)


def _engaged(read: pa.Table) -> pa.Table:
    """Those who opened or clicked; their bounces were counted when they were read first."""
    active = read.filter(pc.or_(pc.is_valid(read["last_open_at"]), pc.is_valid(read["last_click_at"])))
    place = active.schema.get_field_index("bounces")
    return active.set_column(place, active.schema.field(place), pa.nulls(active.num_rows, active.schema.types[place]))


def _happened(adapter: Adapter, destination: str, since: datetime | None, until: datetime, tell: Listener) -> pa.Table:
    tables, done = [ENGAGEMENT_SCHEMA.empty_table()], 0
    for table in adapter.engagement(since, until):
        tables.append(table)
        done += table.num_rows
        tell(Progress(destination, "reading opens and clicks", done, None))
    return pa.concat_tables(tables)


def together(happened: pa.Table) -> pa.Table:
    """One row per contact out of many (ENGAGEMENT_SCHEMA)."""
    with scratch() as connection:
        connection.register("happened", happened)
        return connection.sql(_TOGETHER).to_arrow_table().cast(ENGAGEMENT_SCHEMA)
