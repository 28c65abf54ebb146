"""How the members of a segment behaved in a period, beside everybody else.

Owns: the figures and their sums. Must not: read a file or a platform, print.

Somebody counts as a member for what happened while they were one (history): a mail by the moment it was sent, an order
by its own. Before the history knows a segment, nothing is counted for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from connector.config.sections.measure import Goal
from connector.core.sql import identifier
from connector.measure import rates
from connector.measure.campaigns import Reported
from connector.measure.facts import NAIVE, Facts, goal_table
from connector.measure.mail import Readback
from connector.measure.periods import BEFORE, NOW, YEAR_BEFORE, Stretch
from connector.measure.rates import Estimate, Sums

if TYPE_CHECKING:
    import duckdb

UNRELIABLE = "opens are also made by privacy proxies, and not by readers who load no pictures"
# figure -> what it is of: a row of the SQL below.
MAIL_FIGURES = ("open_rate", "click_rate", "click_to_open", "bounce_rate", "unsubscribe_rate", "conversion_rate")
MONEY_FIGURES = ("revenue_per_member", "revenue_share")
LIFETIME = ("revenue", "orders", "tenure_days", "days_since_activity")
_NEEDS = {"open_rate": "opened", "click_rate": "clicked", "click_to_open": "opened"}
_NEEDS |= {"bounce_rate": "bounced", "unsubscribe_rate": "unsubscribed"}

_SUMS = (
    "count(*) filter (x > 0) as people, sum(x) as x, sum(y) as y, sum(x * x) as xx, sum(x * y) as xy, sum(y * y) as yy"
)
_PLAIN = "select period, member, figure, x::double as x, y::double as y"
_OF_MAIL = f"""
    with tagged as (
        select m.*, w.period, s.email is not null as member, {{converted}}
        from {{mails}} m join stretches w on m.sent_at >= greatest(w.low, $known) and m.sent_at < w.high
        left join {{spells}} s
          on s.email = m.email and s.since <= m.sent_at and (s.until is null or m.sent_at < s.until)
        {{goal}}
    ), person as (
        select period, member, email, count(*)::double as sent,
               count(*) filter (not bounced)::double as delivered,
               count(*) filter (opened and not bounced)::double as opened,
               count(*) filter (clicked_at is not null and not bounced)::double as clicked,
               count(*) filter (opened and clicked_at is not null and not bounced)::double as opened_and_clicked,
               count(*) filter (bounced)::double as bounced,
               count(*) filter (unsubscribed and not bounced)::double as gone,
               count(*) filter (counts and not bounced)::double as ripe,
               count(*) filter (converted and not bounced)::double as converted
        from tagged group by all
    ), figure as (
        select unnest(['sent', 'open_rate', 'click_rate', 'click_to_open', 'bounce_rate', 'unsubscribe_rate',
                       'conversion_rate']) as figure,
               unnest([1.0, delivered, delivered, opened, sent, delivered, ripe]) as x,
               unnest([sent, opened, clicked, opened_and_clicked, bounced, gone, converted]) as y, period, member
        from person
    )
    select period, member, figure, {_SUMS} from ({_PLAIN} from figure) where x > 0 group by all"""
_OF_MONEY = f"""
    with stretch as (
        select period, greatest(low, $known) as low, high from stretches where high > $known
    ), spent as (
        select w.period, r.email, sum(r.amount) filter (s.email is not null) as inside,
               sum(r.amount) filter (s.email is null) as outside
        from {{revenue}} r join stretch w on r.at >= w.low and r.at < w.high
        left join {{spells}} s on s.email = r.email and s.since <= r.at and (s.until is null or r.at < s.until)
        group by all
    ), there as (
        select w.period, s.email,
               sum(epoch(least(coalesce(s.until, w.high), w.high)) - epoch(greatest(s.since, w.low)))
               / any_value(epoch(w.high) - epoch(w.low)) as share
        from {{spells}} s join stretch w on s.since < w.high and (s.until is null or s.until > w.low) group by all
    ), person as (
        select w.period, p.email, coalesce(t.share, 0.0) as share, coalesce(m.inside, 0.0) as inside,
               coalesce(m.outside, 0.0) as outside
        from {{people}} p cross join stretch w left join there t on t.email = p.email and t.period = w.period
        left join spent m on m.email = p.email and m.period = w.period
    ), figure as (
        select period, true as member, 'revenue_per_member' as figure, share as x, inside as y from person
        union all
        select period, false, 'revenue_per_member', 1 - share, outside from person
        union all
        select period, true, 'revenue_share', inside + outside, inside from person
        union all
        select period, false, 'revenue_share', inside + outside, outside from person
    )
    select period, member, figure, {_SUMS} from ({_PLAIN} from figure) where x > 0 group by all"""
_LIFETIME = f"""
    with figure as (
        select unnest(['revenue', 'orders', 'tenure_days', 'days_since_activity']) as figure,
               unnest([revenue, orders, tenure, silent]) as y from worth {{members}}
    ), counted as (select true as member, figure, 1.0::double as x, y::double as y from figure where y is not null)
    select '{NOW}' as period, member, figure, {_SUMS} from counted group by all"""
# Those who were ever members: whatever is told of all others is the same for each segment, and counted once.
_NEAR = """
    create or replace temp table near as select distinct email from spells;
    create or replace temp table near_mails as select * from mails semi join near using (email);
    create or replace temp table near_people as select email from people semi join near using (email);
    create or replace temp table near_revenue as select * from revenue semi join near using (email);"""
_NEAR_GOAL = "create or replace temp table {goal}_near as select * from {goal} semi join near using (email)"
_ALL = {"mails": "mails", "people": "people", "revenue": "revenue", "near": ""}
_CLOSE = {"mails": "near_mails", "people": "near_people", "revenue": "near_revenue", "near": "_near"}
NOBODY = "nobody"
FEW = 0.5  # a segment with more of the people is counted whole
ERROR = 1e-12  # of a sum of floating-point numbers, as a share of it


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of members, beside that of everybody else, the period before and the year before. `why`: why it
    cannot be told, or what a reader must know."""

    name: str
    members: Estimate
    others: Estimate
    times: Estimate
    before: Estimate
    year_before: Estimate
    why: str = ""


@dataclass(frozen=True, slots=True)
class Performance:
    """`known_since`: from when on the members are known; None: nothing but `lifetime` can be told. `sent`: mails."""

    segment: str
    title: str
    members: int
    known_since: datetime | None
    period: Stretch
    sent: int
    figures: tuple[Figure, ...]
    lifetime: tuple[Figure, ...]
    told: tuple[Readback, ...] = ()  # by platforms of people, beside our own count
    reported: tuple[Reported, ...] = ()  # by platforms of campaigns


Key = tuple[str, bool, str]
Counted = Mapping[Key, Sums]


def performance(
    connection: duckdb.DuckDBPyConnection,
    facts: Facts,
    segment: str,
    title: str,
    goal: object,
    spells: pa.Table,
    known: datetime | None,
    stretches: Mapping[str, Stretch],
    counted: dict[Any, Counted] | None = None,
) -> Performance:
    """Of one segment. `spells` (history.spells) and `known` are its history; `goal` what the file says. `counted` keeps
    what is the same for all segments of one file and period."""
    counted = {} if counted is None else counted
    sums: dict[Key, Sums] = {}
    if known is not None:
        few = spells.num_rows < FEW * facts.people.num_rows
        connection.register("spells", _naive(spells.select(["email", "since", "until"])))
        connection.register(NOBODY, _naive(spells.slice(0, 0)))
        connection.register("stretches", _stretches(stretches))
        if few:
            connection.execute(_NEAR)
            if isinstance(goal, Goal):
                connection.execute(_NEAR_GOAL.format(goal=goal_table(facts, goal.source)))
        asked = {"known": known.astimezone(UTC).replace(tzinfo=None)}
        for sql, more in ((_mail_sql(facts, goal), _goal_times(facts, goal)), (_OF_MONEY, {})):
            sums |= _beside_all(connection, sql, asked | more, counted, few)
    sums_of_life = _whole(connection, segment, counted)
    ((members,),) = connection.sql(f"select count(*) from people where {identifier(f'in:{segment}')}").fetchall()
    sent = sums.get((NOW, True, "sent"), Sums())
    return Performance(
        segment,
        title,
        members,
        known,
        stretches[NOW],
        int(sent.y),
        tuple(_figure(name, sums, facts, goal, known, stretches) for name in (*MAIL_FIGURES, *MONEY_FIGURES)),
        tuple(_lifetime(name, sums_of_life, facts) for name in LIFETIME),
    )


def _beside_all(
    connection: duckdb.DuckDBPyConnection, sql: str, asked: Mapping[str, Any], counted: dict[Any, Counted], few: bool
) -> Counted:
    """The sums of members and everybody else. For `few` members: those of all people as if nobody was one, in which
    those near to the segment are replaced."""
    if not few:
        return _read(connection, sql.format(**_ALL, spells="spells"), asked)
    key = (sql, *sorted(asked.items()))
    if key not in counted:
        counted[key] = _read(connection, sql.format(**_ALL, spells=NOBODY), asked)
    without = _read(connection, sql.format(**_CLOSE, spells=NOBODY), asked)
    return _replaced(counted[key], without, _read(connection, sql.format(**_CLOSE, spells="spells"), asked))


def _whole(connection: duckdb.DuckDBPyConnection, segment: str, counted: dict[Any, Counted]) -> Counted:
    """Of members today, and of everybody else."""
    if _LIFETIME not in counted:
        counted[_LIFETIME] = _read(connection, _LIFETIME.format(members=""), {})
    mine = _read(connection, _LIFETIME.format(members=f"where {identifier(f'in:{segment}')}"), {})
    others = _replaced(counted[_LIFETIME], mine, {})
    return {**mine, **{(period, False, figure): sums for (period, _, figure), sums in others.items()}}


_NONE = Sums()
_NAMES = ("x", "y", "xx", "xy", "yy")


def _replaced(whole: Counted, without: Counted, with_: Counted) -> dict[Key, Sums]:
    found = {}
    for key in {*whole, *with_}:
        parts = [part.get(key, _NONE) for part in (whole, without, with_)]
        people = int(_difference(*(part.people for part in parts)))
        if people > 0:
            found[key] = Sums(people, *(_difference(*(getattr(part, name) for part in parts)) for name in _NAMES))
    return found


def _difference(whole: float, without: float, with_: float) -> float:
    """What is left of sums that cancel is their error, and nothing."""
    found = whole - without + with_
    return 0.0 if abs(found) <= ERROR * max(abs(whole), abs(without), abs(with_)) else found


def _mail_sql(facts: Facts, goal: object) -> str:
    if not isinstance(goal, Goal):
        return _filled("false as converted, false as counts", "")
    from_ = "m.clicked_at" if goal.after == "click" else "m.sent_at"
    end = f"{from_} + interval '{goal.within}'" if goal.within else "w.high"
    converted = f"coalesce(g.at <= {end}, false) as converted, coalesce({end} <= $as_of, false) as counts"
    # A mail whose time is not over yet neither counts for nor against.
    converted = converted.replace("coalesce(g.at", f"coalesce({end} <= $as_of and g.at")
    near = f"{goal_table(facts, goal.source)}{{near}}"
    join = f"asof left join {near} g on g.email = m.email and {from_} < g.at"
    return _filled(converted, join)


def _filled(converted: str, join: str) -> str:
    """The tables are still to be named."""
    return _OF_MAIL.replace("{converted}", converted).replace("{goal}", join)


def _goal_times(facts: Facts, goal: object) -> dict[str, Any]:
    return {"as_of": facts.as_of.astimezone(UTC).replace(tzinfo=None)} if isinstance(goal, Goal) else {}


def _read(connection: duckdb.DuckDBPyConnection, sql: str, asked: Mapping[str, Any]) -> dict[Key, Sums]:
    rows = connection.sql(sql, params=dict(asked)).fetchall()
    return {(period, member, figure): Sums(int(people), *sums) for period, member, figure, people, *sums in rows}


def _figure(
    name: str,
    sums: Mapping[Key, Sums],
    facts: Facts,
    goal: object,
    known: datetime | None,
    stretches: Mapping[str, Stretch],
) -> Figure:
    why = _why_not(name, facts, goal, known, stretches[NOW])
    made = rates.mean if name == "revenue_per_member" else rates.rate if name != "revenue_share" else _share
    empty = Sums()
    if why:
        sums = {}
    one, other = sums.get((NOW, True, name), empty), sums.get((NOW, False, name), empty)
    return Figure(
        name,
        made(one),
        made(other),
        rates.times(one, other) if name != "revenue_share" else made(empty),
        made(sums.get((BEFORE, True, name), empty)),
        made(sums.get((YEAR_BEFORE, True, name), empty)),
        why or (_beside(name, facts)),
    )


def _share(sums: Sums) -> Estimate:
    """Of money: its interval is that of a mean, and ends at the whole."""
    found = rates.mean(sums)
    high = None if found.high is None else min(1.0, found.high)
    return Estimate(found.value, found.low, high, found.number, found.people)


def _why_not(name: str, facts: Facts, goal: object, known: datetime | None, period: Stretch) -> str:
    if known is None:
        return "members are not known: no push or snapshot has kept them yet"
    if known >= period.high:
        return f"members are known from {known:%Y-%m-%d} on only"
    if name in MONEY_FIGURES:
        return "" if facts.revenue is not None else "the file does not say what revenue is: measure: {revenue: …}"
    if facts.mail is None:
        return "the file does not say which source tells of mail: measure: {mail: …}"
    if "sent" not in facts.kinds:
        return "the source of mail tells of no sends"
    if name in _NEEDS and _NEEDS[name] not in facts.kinds:
        return f"the source of mail tells of no mails that were {_NEEDS[name]}"
    if name == "conversion_rate" and not isinstance(goal, Goal):
        return "the segment has no goal that can be measured: goal: {orders: {within: 7 days}}"
    return ""


def _beside(name: str, facts: Facts) -> str:
    if name not in ("open_rate", "click_to_open"):
        return ""
    return f"{UNRELIABLE}; {'without those of machines' if facts.machines else 'machines are not told apart'}"


def _lifetime(name: str, sums: Mapping[Key, Sums], facts: Facts) -> Figure:
    empty = Sums()
    bought = facts.revenue is None and name in ("revenue", "orders")
    why = "the file does not say what revenue is: measure: {revenue: …}" if bought else ""
    one, other = (empty if bought else sums.get((NOW, member, name), empty) for member in (True, False))
    if not why and not one.people:
        why = "nothing is known of it"
    nothing = rates.mean(empty)
    return Figure(name, rates.mean(one), rates.mean(other), rates.times(one, other), nothing, nothing, why)


def _naive(spells: pa.Table) -> pa.Table:
    columns = [spells["email"], spells["since"].cast(NAIVE), spells["until"].cast(NAIVE)]
    return pa.table(columns, names=["email", "since", "until"])


def _stretches(stretches: Mapping[str, Stretch]) -> pa.Table:
    ends = [
        [getattr(one, side).astimezone(UTC).replace(tzinfo=None) for one in stretches.values()]
        for side in ("low", "high")
    ]
    return pa.table(
        [pa.array(list(stretches)), *(pa.array(side, NAIVE) for side in ends)], names=["period", "low", "high"]
    )
