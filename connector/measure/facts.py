"""What is measured from: mail, money and goals as plain events, brought into one database.

Owns: Facts, and the tables `who`, `mails`, `money`, `aim_N`, `worth` that the figures ask. Must not: read a file, know
a segment's rule.

A mail is one send to one person, with what followed it. What follows is joined by the message where the source tells
it, else to the last mail sent before. A person is a number, `who`: their row in Facts.people; others follow behind.
Joining and grouping by addresses would take several times as long.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.sql import scratch

if TYPE_CHECKING:
    import duckdb

NAIVE = pa.timestamp("us")  # UTC, as exports are read
EVENTS = pa.schema([("email", pa.string()), ("at", NAIVE)])
MAIL = pa.schema([*EVENTS, ("kind", pa.string()), ("message", pa.string()), ("machine", pa.bool_())])
MONEY = pa.schema([*EVENTS, ("amount", pa.float64())])
KINDS = ("sent", "opened", "clicked", "bounced", "unsubscribed")

_WHO = """
    create temp table who as
    select email, who from people
    union all
    select email, $people + row_number() over () - 1 from (
        select distinct email from ({others}) anti join people using (email) where email is not null)"""
_TOLD = """
    create temp table told as
    select w.who, m.at as happened, k.means as kind, m.message, m.machine
    from mail_events m join words k on k.word = lower(trim(m.kind)) join who w on w.email = m.email
    where m.at is not null"""
_BY_MESSAGE = """
    select m.who, s.sent_at, m.kind, m.happened, m.machine
    from told m join (
        select who, message, min(happened) as sent_at from told where kind = 'sent' group by who, message
    ) s on s.who = m.who and s.message = m.message"""
_BY_TIME = """
    select m.who, s.sent_at, m.kind, m.happened, m.machine
    from told m asof join (select distinct who, happened as sent_at from told where kind = 'sent') s
      on s.who = m.who and m.happened >= s.sent_at"""
_MAILS = """
    create temp table mails as
    select who, sent_at, bool_or(kind = 'opened' and not coalesce(machine, false)) as opened,
           min(happened) filter (kind = 'clicked') as clicked_at, bool_or(kind = 'bounced') as bounced,
           bool_or(kind = 'unsubscribed') as unsubscribed
    from ({linked}) group by who, sent_at"""
_MONEY = """
    create temp table money as
    select p.who, r.at, r.amount from revenue r join people p on p.email = r.email"""
_AIM = "create temp table aim_{number} as select w.who, g.at from goal_{number} g join who w on w.email = g.email"
_WORTH = """
    create temp table worth as
    select p.who, coalesce(m.amount, 0.0) as revenue, coalesce(m.orders, 0)::double as orders,
           epoch($as_of - p.joined) / 86400 as tenure, epoch($as_of - greatest(m.last, c.last)) / 86400 as silent
    from people p
    left join (select r.who, sum(r.amount) as amount, count(*) as orders, max(r.at) as last
               from money r where r.at <= $as_of group by r.who) m on m.who = p.who
    left join (select who, max(clicked_at) as last from mails where clicked_at <= $as_of group by who) c
      on c.who = p.who"""


@dataclass(frozen=True)
class Facts:
    """`people`: `email`, `joined` (or null) and `in:SEGMENT`, by now. `mail` (MAIL, kinds as they are written) and
    `revenue` (MONEY) are None where the file does not name them; `goals` are EVENTS of each source that a goal names.
    `words`: kind -> its words in the mail's source. `by_message`, `machines`: whether the source tells these."""

    as_of: datetime
    people: pa.Table
    mail: pa.Table | None = None
    revenue: pa.Table | None = None
    goals: Mapping[str, pa.Table] = field(default_factory=dict)
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_message: bool = False
    machines: bool = False

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds that the source tells of at all."""
        if self.mail is None:
            return frozenset()
        told = {str(word).strip().casefold() for word in self.mail["kind"].unique().to_pylist()}
        return frozenset(kind for kind in KINDS if told & {word.casefold() for word in self.words[kind]})


def opened(facts: Facts) -> duckdb.DuckDBPyConnection:
    """A database with the facts, to be closed."""
    connection = scratch()
    people = facts.people.num_rows
    numbers = pc.cumulative_sum(pa.repeat(1, people), start=-1)
    connection.register("people", facts.people.select(["email", "joined"]).append_column("who", numbers))
    connection.register("revenue", MONEY.empty_table() if facts.revenue is None else facts.revenue)
    connection.register("mail_events", MAIL.empty_table() if facts.mail is None else facts.mail)
    goals = sorted(facts.goals)
    for number, source in enumerate(goals):
        connection.register(f"goal_{number}", facts.goals[source])
    words = [(word.strip().casefold(), kind) for kind, written in facts.words.items() for word in written]
    columns = [pa.array([pair[number] for pair in words], pa.string()) for number in (0, 1)]
    connection.register("words", pa.table(columns, names=["word", "means"]))
    others = ["mail_events", *(f"goal_{number}" for number in range(len(goals)))]
    everybody = _WHO.format(others=" union all ".join(f"select email from {table}" for table in others))
    connection.execute(everybody, {"people": people})
    for number in range(len(goals)):
        connection.execute(_AIM.format(number=number))
    connection.execute(_TOLD)
    connection.execute(_MAILS.format(linked=_BY_MESSAGE if facts.by_message else _BY_TIME))
    connection.execute("drop table told")
    connection.execute(_MONEY)
    connection.execute(_WORTH, {"as_of": naive(facts.as_of)})
    return connection


def goal_table(facts: Facts, source: str) -> str:
    """The table of a goal's events: `who`, `at`."""
    return f"aim_{sorted(facts.goals).index(source)}"


def naive(moment: datetime) -> datetime:
    """In UTC, as exports are read."""
    return moment.astimezone(UTC).replace(tzinfo=None)
