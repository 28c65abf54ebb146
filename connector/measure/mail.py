"""Mail that platforms tell of, counted by day while it is read.

Owns: counted(), and Readback: what the days of a period come to. Must not: ask a platform, keep people.

Who is a member is decided by the history's last moment, so only what happened since (a day earlier counts as well: a
platform's reports lag) is counted, for members and all others alike. A mail, an open and a click count on their own
day.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.schemas import MAIL_DAYS
from connector.core.sql import scratch
from connector.measure import rates
from connector.measure.periods import Stretch
from connector.measure.rates import Estimate, Sums
from connector.state.base import Store
from connector.state.present import BITS

LAG = timedelta(days=1)
ALL = -1  # the number that stands for everybody
_EPOCH = date(1970, 1, 1)
_COUNTED = f"""
    with told as (
        select email, coalesce(last_send_at, last_open_at, last_click_at, $until) as happened,
               coalesce(sends, 0) as sends, (last_open_at is not null)::int as opened,
               (last_click_at is not null)::int as clicked, coalesce(bounces, 0) as bounced
        from happened where email <> ''
    ), person as (
        select email, epoch(happened)::bigint // 86400 as day, sum(sends) as sends, max(opened) as opens,
               max(clicked) as clicks, sum(bounced) as bounces
        from told where happened >= $since group by all
    ), placed as (
        select p.*, {ALL} as number from person p
        union all
        select p.*, a.number from person p join people m on m.email = p.email
        join asked a on a.number // {BITS} = m.chunk and (m.bits >> (a.number % {BITS})) & 1 = 1
    )
    select day, number, sum(sends)::bigint as sends, sum(opens)::bigint as opens, sum(clicks)::bigint as clicks,
           sum(bounces)::bigint as bounces
    from placed group by day, number order by day, number"""


@dataclass(frozen=True, slots=True)
class Readback:
    """What a destination told of mail to members and to everybody else in a period; `since` is the first day that was
    counted. `why`: why there is nothing, or what a reader must know."""

    destination: str
    since: date | None
    mails: int
    others_mails: int
    open_rate: Estimate
    others_open_rate: Estimate
    click_rate: Estimate
    others_click_rate: Estimate
    bounce_rate: Estimate
    others_bounce_rate: Estimate
    why: str = ""


def counted(store: Store, happened: pa.Table, until: datetime) -> pa.Table:
    """MAIL_DAYS of events (ENGAGEMENT_SCHEMA, a row each). What has no time happened at `until`."""
    sizes, last = store.history.sizes(), store.history.last()
    mine = sizes.filter(pc.equal(sizes["moment"], last))
    if not mine.num_rows or not happened.num_rows:
        return MAIL_DAYS.empty_table()
    asked = {"since": pc.max(mine["at"]).as_py() - LAG, "until": until}
    with scratch() as connection:
        for name in ("last_send_at", "last_open_at", "last_click_at"):
            place = happened.schema.get_field_index(name)
            happened = happened.set_column(place, name, happened[name].cast(pa.timestamp("us")))
        connection.register("happened", happened)
        connection.register("people", store.history.people())
        connection.register("asked", mine.select(["number"]))
        plain = {name: moment.astimezone(UTC).replace(tzinfo=None) for name, moment in asked.items()}
        return connection.sql(_COUNTED, params=plain).to_arrow_table().cast(MAIL_DAYS)


def readback(destination: str, days: pa.Table, numbers: Collection[int], period: Stretch, why: str) -> Readback:
    """The days of a period, of a segment with these numbers. `why` it tells nothing at all, or empty."""
    low, high = (_number(moment) for moment in (period.low, period.high - timedelta(microseconds=1)))
    inside = days.filter(pc.and_(pc.greater_equal(days["day"], low), pc.less_equal(days["day"], high)))
    mine = inside.filter(pc.is_in(inside["number"], value_set=pa.array(sorted(numbers), pa.int64())))
    members, everybody = _sums(mine), _sums(inside.filter(pc.equal(inside["number"], ALL)))
    others = {name: everybody[name] - members[name] for name in members}
    first = pc.min(days["day"]).as_py() if days.num_rows else None
    if not why and first is None:
        why = "nothing was read yet since the history began (rules or a lifecycle that ask for opens and clicks do)"
    return Readback(
        destination,
        None if first is None else _EPOCH + timedelta(days=first),
        members["sends"],
        others["sends"],
        _rate(members, "opens"),
        _rate(others, "opens"),
        _rate(members, "clicks"),
        _rate(others, "clicks"),
        _rate(members, "bounces"),
        _rate(others, "bounces"),
        why,
    )


def _sums(days: pa.Table) -> dict[str, int]:
    return {name: pc.sum(days[name]).as_py() or 0 for name in ("sends", "opens", "clicks", "bounces")}


def _rate(counts: dict[str, int], name: str) -> Estimate:
    """By day, so each mail counts alone."""
    mails = counts["sends"]
    did = min(counts[name], mails)
    return rates.rate(Sums(mails, mails, did, mails, did, did))


def _number(moment: datetime) -> int:
    return (moment.astimezone(UTC).date() - _EPOCH).days
