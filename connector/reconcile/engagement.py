"""What contacts did with our mail: read in bulk since the last time, put together per contact, kept in the state.

Owns: the stretches of time that are read, and the sums. Must not: know a platform, decide what follows.

`sends` are the mails since the last open or click, so they say how long somebody has been silent.
"""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa

from connector.core.events import Listener, Progress
from connector.core.schemas import ENGAGEMENT_SCHEMA
from connector.core.sql import scratch
from connector.platforms.base import Adapter, Engagement
from connector.reconcile.observe import OVERLAP
from connector.state.base import Store

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
    tables, done = [ENGAGEMENT_SCHEMA.empty_table()], 0
    for table in adapter.engagement(since, until):
        tables.append(table)
        done += table.num_rows
        tell(Progress(destination, "reading opens and clicks", done, None))
    happened = pa.concat_tables(tables)
    totals = kind is Engagement.TOTALS
    read = happened if totals else together(happened)
    store.engage(destination, read, until=until, totals=totals or again)


def together(happened: pa.Table) -> pa.Table:
    """One row per contact out of many (ENGAGEMENT_SCHEMA)."""
    with scratch() as connection:
        connection.register("happened", happened)
        return connection.sql(_TOGETHER).to_arrow_table().cast(ENGAGEMENT_SCHEMA)
