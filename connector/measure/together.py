"""The sums behind the figures of many segments, counted together.

Owns: what counts as inside and as outside in a span of time, and the sums over people. Must not: know a formula
(rates.py), read the history.

What everybody did in a span is counted once. For each segment only those who were in it then are looked at, and taken
from everybody: the rest is everybody else. People are numbers here (facts.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.measure import Goal
from connector.measure.facts import NAIVE, Facts, goal_table, naive
from connector.measure.periods import NOW, Stretch
from connector.measure.rates import Sums

if TYPE_CHECKING:
    import duckdb

Key = tuple[str, bool, str]  # period, of members, figure
ERROR = 1e-12  # of a sum of floating-point numbers, as a share of it
SHARE = "revenue_share"
NOBODY = -1  # the number of no segment: as if nobody was in it


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is counted of a person in a span, name -> SQL over their rows `m`; figure -> its x and y of these counts."""

    counts: Mapping[str, str]
    figures: Mapping[str, tuple[str, str]]


_MAIL = _Kind(
    {
        "sent": "count(*)",
        "delivered": "count(*) filter (not m.bounced)",
        "opened": "count(*) filter (m.opened and not m.bounced)",
        "clicked": "count(*) filter (m.clicked_at is not null and not m.bounced)",
        "opened_and_clicked": "count(*) filter (m.opened and m.clicked_at is not null and not m.bounced)",
        "bounced": "count(*) filter (m.bounced)",
        "gone": "count(*) filter (m.unsubscribed and not m.bounced)",
    },
    {
        "sent": ("({sent} > 0)::int", "{sent}"),
        "open_rate": ("{delivered}", "{opened}"),
        "click_rate": ("{delivered}", "{clicked}"),
        "click_to_open": ("{opened}", "{opened_and_clicked}"),
        "bounce_rate": ("{sent}", "{bounced}"),
        "unsubscribe_rate": ("{delivered}", "{gone}"),
    },
)
_AIMED = _Kind(
    {"ripe": "count(*) filter (m.ripe)", "converted": "count(*) filter (m.converted)"},
    {"conversion_rate": ("{ripe}", "{converted}")},
)
_MONEY = _Kind(
    {"share": "", "amount": ""},  # by statements of their own; share: of the time that they were in the segment
    {"revenue_per_member": ("{share}", "{amount}"), SHARE: ("amount + out_amount", "{amount}")},
)

# A mail whose time is not over yet neither counts for nor against.
_AIM = """
    create or replace temp table aimed as
    select m.who, m.sent_at, not m.bounced and coalesce({end} <= $as_of, false) as ripe,
           not m.bounced and coalesce({end} <= $as_of and g.at <= {end}, false) as converted
    from (select * from mails where sent_at >= $low and sent_at < $high) m
    asof left join {goal} g on g.who = m.who and {start} < g.at"""
_ALL_TIME = "s.since <= $low and (s.until is null or s.until >= $high)"
_SOME_TIME = f"s.since < $high and (s.until is null or s.until > $low) and not ({_ALL_TIME})"
_TOTAL = """
    create or replace temp table total as
    select m.who, {counts} from {mails} m where m.sent_at >= $low and m.sent_at < $high group by m.who"""
# Who was in a segment all the time did nothing outside of it. Of others each mail is looked at.
_INSIDE = f"""
    select s.segment, {{total}}, {{nothing}} from spells s join total t on t.who = s.who
    where {{chosen}} and {_ALL_TIME}
    union all
    select i.segment, {{inside}}, {{outside}} from (
        select s.segment, s.who, {{counts}} from spells s
        join {{mails}} m on m.who = s.who and m.sent_at >= $low and m.sent_at < $high and m.sent_at >= s.since
         and (s.until is null or m.sent_at < s.until)
        where {{chosen}} and {_SOME_TIME} group by s.segment, s.who
    ) i join total t on t.who = i.who"""
_SPENT = """
    create or replace temp table total as
    select m.who, sum(m.amount) as amount from money m where m.at >= $low and m.at < $high group by m.who"""
_SPENT_INSIDE = f"""
    with part as (
        select s.* from spells s where {{chosen}} and {_SOME_TIME} and s.who < $people
    ), there as (
        select segment, who, sum(epoch(least(coalesce(until, $high), $high)) - epoch(greatest(since, $low)))
               / (epoch($high::timestamp) - epoch($low::timestamp)) as share
        from part group by segment, who
    ), spent as (
        select t.segment, t.who, sum(m.amount) filter (p.who is not null) as inside,
               sum(m.amount) filter (p.who is null) as outside
        from there t join money m on m.who = t.who and m.at >= $low and m.at < $high
        left join part p on p.segment = t.segment and p.who = t.who and p.since <= m.at
         and (p.until is null or m.at < p.until)
        group by t.segment, t.who
    )
    select s.segment, 1.0::double as share, coalesce(t.amount, 0.0) as amount, 0.0::double as out_share,
           0.0::double as out_amount
    from spells s left join total t on t.who = s.who where {{chosen}} and {_ALL_TIME} and s.who < $people
    union all
    select t.segment, t.share, coalesce(m.inside, 0.0), 1 - t.share, coalesce(m.outside, 0.0)
    from there t left join spent m on m.segment = t.segment and m.who = t.who"""
_ALL_SPENT = f"""
    select {NOBODY} as segment, 0.0::double as share, 0.0::double as amount, 1.0::double as out_share,
           coalesce(t.amount, 0.0) as out_amount
    from range($people) p(who) left join total t on t.who = p.who"""

# People with equal counts are one row, so many times.
_SUMS = """
    with alike as (select *, count(*) as n from ({rows}) group by all), figure as ({figures})
    select segment, side, figure, sum(n)::bigint, sum(n * x), sum(n * y), sum(n * x * x), sum(n * x * y), sum(n * y * y)
    from figure where x > 0 group by segment, side, figure"""
_FIGURES = """
    select segment, '{side}' as side, unnest([{names}]) as figure, unnest([{x}])::double as x,
           unnest([{y}])::double as y, n from alike"""
_LIFE = """
    select segment, unnest(['revenue', 'orders', 'tenure_days', 'days_since_activity']),
           unnest([count(revenue), count(orders), count(tenure), count(silent)]),
           unnest([sum(revenue), sum(orders), sum(tenure), sum(silent)]),
           unnest([sum(revenue * revenue), sum(orders * orders), sum(tenure * tenure), sum(silent * silent)])
    from {rows} group by segment"""
_MEMBERS = "(select w.*, i.segment from inside i join worth w on w.who = i.who)"


@dataclass(frozen=True, slots=True)
class Asked:
    """A segment with its goal and its history: `spells` (history.spells), `known` since when, or None."""

    segment: str
    title: str
    goal: object
    spells: pa.Table
    known: datetime | None


@dataclass(frozen=True, slots=True)
class _Span:
    """From `low` to `high`, for those segments (by number) that are known so long."""

    low: datetime
    high: datetime
    segments: tuple[int, ...]

    @property
    def ends(self) -> dict[str, datetime]:
        return {"low": self.low, "high": self.high}

    @property
    def chosen(self) -> str:
        return f"s.segment in ({', '.join(map(str, self.segments))})"


# By number of the segment, side and figure. Sides: "in" and "out", what those near to the segment did inside and
# outside; "near", both together. Of NOBODY "out" is what everybody did.
Found = Mapping[tuple[int, str, str], Sums]


def sums(
    connection: duckdb.DuckDBPyConnection, facts: Facts, asked: Sequence[Asked], stretches: Mapping[str, Stretch]
) -> list[dict[Key, Sums]]:
    """Of each segment in each period, from when on it is known; of today's members over their whole time, as NOW."""
    made: list[dict[Key, Sums]] = [{} for _ in asked]
    _enter(connection, asked)
    for period, stretch in stretches.items():
        for span in _spans(asked, stretch):
            for numbers, found in _of_span(connection, facts, asked, span):
                for number in numbers:
                    made[number] |= {(period, *key): one for key, one in _beside(found, number).items()}
    found = _lives(connection, facts, asked)
    for number in range(len(asked)):
        made[number] |= {(NOW, *key): one for key, one in _beside(found, number).items()}
    return made


def _enter(connection: duckdb.DuckDBPyConnection, asked: Sequence[Asked]) -> None:
    """The table `spells`, of all segments."""
    schema = pa.schema([("segment", pa.int32()), ("email", pa.string()), ("since", NAIVE), ("until", NAIVE)])
    tables = [schema.empty_table()]
    for number, one in enumerate(asked):
        segment = pa.repeat(pa.scalar(number, pa.int32()), one.spells.num_rows)
        ends = [one.spells[name].cast(NAIVE) for name in ("since", "until")]
        tables.append(pa.table([segment, one.spells["email"], *ends], schema=schema))
    connection.register("written_spells", pa.concat_tables(tables))
    connection.execute(
        "create or replace temp table spells as select s.segment, w.who, s.since, s.until "
        "from written_spells s join who w on w.email = s.email"
    )
    connection.unregister("written_spells")


def _spans(asked: Sequence[Asked], stretch: Stretch) -> Iterator[_Span]:
    """Segments that are known equally long are counted together."""
    found: dict[datetime, list[int]] = {}
    for number, one in enumerate(asked):
        if one.known is not None and one.known < stretch.high:
            found.setdefault(max(one.known, stretch.low), []).append(number)
    for low, numbers in found.items():
        yield _Span(naive(low), naive(stretch.high), tuple(numbers))


def _of_span(
    connection: duckdb.DuckDBPyConnection, facts: Facts, asked: Sequence[Asked], span: _Span
) -> Iterator[tuple[Sequence[int], Found]]:
    """Sums, and the segments that they are of."""
    if facts.mail is not None:
        yield span.segments, _of_mails(connection, "mails", _MAIL, span)
    goals: dict[Goal, list[int]] = {}
    for number in span.segments:
        goal = asked[number].goal
        if facts.mail is not None and isinstance(goal, Goal):
            goals.setdefault(goal, []).append(number)
    for goal, numbers in goals.items():
        start = "m.clicked_at" if goal.after == "click" else "m.sent_at"
        end = f"{start} + interval '{goal.within}'" if goal.within else f"if({start} is null, null, $high::timestamp)"
        aim = _AIM.format(start=start, end=end, goal=goal_table(facts, goal.source))
        connection.execute(aim, {**span.ends, "as_of": naive(facts.as_of)})
        yield numbers, _of_mails(connection, "aimed", _AIMED, _Span(span.low, span.high, tuple(numbers)))
    if facts.revenue is not None:
        connection.execute(_SPENT, span.ends)
        people = {"people": facts.people.num_rows}
        inside = _SPENT_INSIDE.format(chosen=span.chosen)
        yield (
            span.segments,
            {
                **_summed(connection, _MONEY, _ALL_SPENT, people, ["out"]),
                **_summed(connection, _MONEY, inside, {**people, **span.ends}, list(_SIDES)),
            },
        )


def _of_mails(connection: duckdb.DuckDBPyConnection, mails: str, kind: _Kind, span: _Span) -> Found:
    counts = ", ".join(f"{sql} as {name}" for name, sql in kind.counts.items())
    connection.execute(_TOTAL.format(counts=counts, mails=mails), span.ends)

    def each(written: str) -> str:
        return ", ".join(written.format(name=name) for name in kind.counts)

    everybody = f"select {NOBODY} as segment, {each('{name} as out_{name}')}, {each('0 as {name}')} from total"
    inside = _INSIDE.format(
        total=each("t.{name}"),
        nothing=each("0 as out_{name}"),
        inside=each("i.{name}"),
        outside=each("t.{name} - i.{name}"),
        counts=counts,
        mails=mails,
        chosen=span.chosen,
    )
    found = _summed(connection, kind, everybody, {}, ["out"])
    return {**found, **_summed(connection, kind, inside, span.ends, list(_SIDES))}


_SIDES = {"in": "{name}", "out": "out_{name}", "near": "({name} + out_{name})"}


def _summed(
    connection: duckdb.DuckDBPyConnection, kind: _Kind, rows: str, params: Mapping[str, Any], sides: Sequence[str]
) -> Found:
    """`rows`: the SQL of a row for each person, with `segment`, the counts inside, and those outside as out_NAME."""
    figures = []
    for side in sides:
        of = {name: _SIDES[side].format(name=name) for name in kind.counts}
        figures.append(
            _FIGURES.format(
                side=side,
                names=", ".join(f"'{name}'" for name in kind.figures),
                x=", ".join(x.format(**of) for x, _ in kind.figures.values()),
                y=", ".join(y.format(**of) for _, y in kind.figures.values()),
            )
        )
    told = connection.sql(_SUMS.format(rows=rows, figures=" union all ".join(figures)), params=dict(params)).fetchall()
    return {(segment, side, figure): Sums(people, *more) for segment, side, figure, people, *more in told}


def _beside(found: Found, number: int) -> dict[tuple[bool, str], Sums]:
    """Of members and of everybody else."""
    beside = {}
    for (segment, _, figure), everybody in found.items():
        if segment == NOBODY:
            mine, out, near = (found.get((number, side, figure), Sums()) for side in _SIDES)
            if figure == SHARE:  # of all money, also that of people who never were in it
                mine = replace(everybody, y=mine.y, xy=mine.xy, yy=mine.yy)
            for member, one in ((True, mine), (False, _replaced(everybody, near, out))):
                if one.people > 0:
                    beside[member, figure] = one
    return beside


def _replaced(whole: Sums, without: Sums, by: Sums) -> Sums:
    people, *more = (_difference(*parts) for parts in zip(*map(astuple, (whole, without, by)), strict=True))
    return Sums(int(people), *more)


def _difference(whole: float, without: float, by: float) -> float:
    """What is left of sums that cancel is their error, and nothing."""
    found = whole - without + by
    return 0 if abs(found) <= ERROR * max(abs(whole), abs(without), abs(by)) else found


def _lives(connection: duckdb.DuckDBPyConnection, facts: Facts, asked: Sequence[Asked]) -> Found:
    """Of those who are members now; `near` are the same."""
    schema = pa.schema([("segment", pa.int32()), ("who", pa.uint64())])
    tables = [schema.empty_table()]
    for number, one in enumerate(asked):
        inside = pc.indices_nonzero(facts.people[f"in:{one.segment}"])
        tables.append(pa.table([pa.repeat(pa.scalar(number, pa.int32()), len(inside)), inside], schema=schema))
    connection.register("inside", pa.concat_tables(tables))
    found: dict[tuple[int, str, str], Sums] = {}
    for rows, sides in ((f"(select *, {NOBODY} as segment from worth)", ["out"]), (_MEMBERS, ["in", "near"])):
        for segment, figure, people, y, yy in connection.sql(_LIFE.format(rows=rows)).fetchall():
            told = Sums(people, people, y or 0.0, people, y or 0.0, yy or 0.0)
            found |= {(segment, side, figure): told for side in sides if people}
    connection.unregister("inside")
    return found
