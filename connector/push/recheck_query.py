"""Which contacts are spared by the recheck before they are archived, suppressed or unsubscribed: those who were active,
or changed on the platform since the plan.

Owns: what a plan notes of such a contact (`seen`), and what counts as a change of it. Must not: read a platform or a
store.

The baseline belongs to the change: what the ledger says at the time of the recheck may have been read after the plan,
by this run or another command.
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import BLOCKED, Status, quoted
from connector.core.schemas import SEEN
from connector.core.sql import scratch

# Who was active on another platform.
ELSEWHERE = pa.schema([("email", pa.string()), ("person", pa.string())])
CAME_BACK, CHANGED = "came_back", "changed"
_OUT = quoted([*BLOCKED, Status.ABSENT])
_ACTIVE = "epoch_us(greatest(e.last_click_at, e.last_open_at))"
_CLICKED = "epoch_us(e.last_click_at)"  # on its own: an open may be later than a click that was delivered late
_TAGS = "list_sort(coalesce({}.tags, []))"
# How many addresses a contact has had: one more, and it was given another one.
_ADDRESSES = "if(remote_id is null, 1, count(*) over (partition by remote_id))"
_SEEN = f"""
    select k.email, to_json({{status: k.status, since: epoch_us(k.status_at), tags: {_TAGS.format("k")},
                             addresses: k.addresses, active: {_ACTIVE}, clicked: {_CLICKED}}})::varchar as seen
    from (select *, {_ADDRESSES} as addresses from known) k left join engagement e using (email)
"""
_SPARED = f"""
    with b as (
        select seq, email, seen is null as unnoted, seen->>'$.status' as status, (seen->>'$.since')::bigint as since,
               (seen->'$.tags')::varchar[] as tags, (seen->>'$.addresses')::bigint as addresses,
               (seen->>'$.active')::bigint as active,
               coalesce((seen->>'$.clicked')::bigint, if(json_exists(seen, '$.clicked'), 0, null)) as clicked
        from batch
    ), a as (
        select *, {_ADDRESSES} as addresses from after
    ), judged as (
        select b.seq, b.email in (select email from happened where last_click_at is not null
                                  or last_open_at is not null union all select email from elsewhere)
                   or (a.person is not null and a.person in (select person from elsewhere where person is not null))
                   or {_ACTIVE} > coalesce(b.active, 0)
                   or {_CLICKED} > coalesce(b.clicked, b.active, 0) as active,
               b.unnoted or a.email is null or (a.status is distinct from $retired and (
                   a.status is distinct from b.status or epoch_us(a.status_at) > coalesce(b.since, 0)
                   or {_TAGS.format("a")} is distinct from {_TAGS.format("b")} or a.addresses > b.addresses))
                 or ($retired is null and coalesce(b.status, '{Status.ABSENT}') in ({_OUT})) as changed
        from b left join a using (email) left join engagement e using (email)
    )
    select seq, case when active then $back else $changed end as code from judged where active or changed
"""
_ANYWHERE = """
    with shown as (
        select k.email, a.last_open_at, a.last_click_at from known k join activity a using (email)
        union all
        select k.email, a.last_open_at, a.last_click_at from known k join activity a using (person)
    )
    select email, max(last_open_at) as last_open_at, max(last_click_at) as last_click_at from shown group by email
"""
_FRESH = """
    select h.* from happened h left join known k using (email)
    where h.last_click_at > coalesce(k.last_click_at, '-infinity'::timestamptz)
       or h.last_open_at > coalesce(k.last_open_at, '-infinity'::timestamptz)
"""


def seen(contacts: pa.Table, engagement: pa.Table) -> pa.Table:
    """SEEN: what the plan knows of contacts (LEDGER_CONTACTS) and their engagement (`anywhere`), for the recheck."""
    with scratch() as connection:
        connection.register("known", contacts)
        connection.register("engagement", engagement)
        return connection.sql(_SEEN).to_arrow_table().cast(SEEN)


def anywhere(contacts: pa.Table, activity: pa.Table) -> pa.Table:
    """email, last_open_at, last_click_at of LEDGER_CONTACTS over all platforms (ACTIVITY), under every address that
    belongs to the same person of the CRM."""
    with scratch() as connection:
        connection.register("known", contacts.select(["email", "person"]))
        connection.register("activity", activity)
        return connection.sql(_ANYWHERE).to_arrow_table()


def spared(
    records: pa.Table,
    after: pa.Table,
    engagement: pa.Table,
    happened: pa.Table,
    retired: str | None,
    elsewhere: pa.Table | None = None,
) -> pa.Table:
    """`seq`, `code` of those of `records` (seq, email, seen) who are to be spared.

    `after` is LEDGER_CONTACTS and `engagement` what `anywhere` gives by now, `happened` what the platform tells of
    opens and clicks since the last reading (ENGAGEMENT_SCHEMA), `elsewhere` (ELSEWHERE) what others tell. Where the
    status is `retired` already, a contact may pass; where that is None, one that was opted out or not held is spared,
    whenever that was. So is one without `seen`."""
    with scratch() as connection:
        connection.register("batch", records.select(["seq", "email", "seen"]))
        connection.register("after", after)
        connection.register("engagement", engagement)
        connection.register("happened", happened)
        connection.register("elsewhere", ELSEWHERE.empty_table() if elsewhere is None else elsewhere)
        known = {"back": CAME_BACK, "changed": CHANGED, "retired": retired}
        return connection.sql(_SPARED, params=known).to_arrow_table()


def fresh(happened: pa.Table, known: pa.Table) -> pa.Table:
    """Rows with an open or click that is later than what `known` has: where a platform tells totals, old ones stand in
    every row."""
    with scratch() as connection:
        connection.register("happened", happened)
        connection.register("known", known.select(["email", "last_open_at", "last_click_at"]))
        return connection.sql(_FRESH).to_arrow_table().select(happened.schema.names).cast(happened.schema)
