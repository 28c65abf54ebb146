"""Who of those about to be let go is spared at the last look: they showed life, or changed on the platform.

Owns: what counts as a change of a contact. Must not: read a platform or a store.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from connector.model import SAID_NO, Status

CAME_BACK, CHANGED = "came_back", "changed"
_OUT = ", ".join(f"'{status}'" for status in sorted([*SAID_NO, Status.ABSENT]))
_SQL = f"""
    select b.seq, case when b.email in (select email from happened where last_click_at is not null
                                        or last_open_at is not null) then $back else $changed end as code
    from batch b left join before k using (email) left join after a using (email)
    where b.email in (select email from happened where last_click_at is not null or last_open_at is not null)
       or (a.email is not null and a.status is distinct from $retired and (
           a.status is distinct from k.status
           or a.status_at > k.status_at
           or list_sort(coalesce(a.tags, [])) is distinct from list_sort(coalesce(k.tags, []))))
       or ($retired is null and coalesce(k.status, '{Status.ABSENT}') in ({_OUT}))
"""
_FRESH = """
    select h.* from happened h left join known k using (email)
    where h.last_click_at > coalesce(k.last_click_at, '-infinity'::timestamptz)
       or h.last_open_at > coalesce(k.last_open_at, '-infinity'::timestamptz)
"""


def spared(records: pa.Table, before: pa.Table, read: pa.Table, happened: pa.Table, retired: str | None) -> pa.Table:
    """`seq`, `code` of those of `records` (seq, email) who are to be spared.

    `before` is LEDGER_CONTACTS at the plan, `read` what the platform tells of changed contacts since (CONTACT_SCHEMA),
    `happened` of opens and clicks (ENGAGEMENT_SCHEMA). Whoever has the status `retired` already does no harm; where
    that is None, whoever said no or is not held is spared, whenever that was."""
    with duckdb.connect() as connection:
        connection.register("batch", records.select(["seq", "email"]))
        connection.register("before", before)
        connection.register("read", read.append_column("row", pa.array(range(read.num_rows), pa.int64())))
        latest = "qualify row_number() over (partition by email order by row desc) = 1"  # a later row is the newer
        connection.execute(f"create view after as select * from read {latest}")
        connection.register("happened", happened)
        known = {"back": CAME_BACK, "changed": CHANGED, "retired": retired}
        return connection.sql(_SQL, params=known).to_arrow_table()


def fresh(happened: pa.Table, known: pa.Table) -> pa.Table:
    """Rows with an open or click that is later than what `known` has: where a platform tells totals, old ones stand in
    every row."""
    with duckdb.connect() as connection:
        connection.register("happened", happened)
        connection.register("known", known.select(["email", "last_open_at", "last_click_at"]))
        return connection.sql(_FRESH).to_arrow_table().select(happened.schema.names).cast(happened.schema)
