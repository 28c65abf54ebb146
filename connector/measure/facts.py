"""What is measured from: mail, money and goals as plain events, brought into one database.

Owns: Facts, and the tables `mails`, `revenue`, `goal_N`, `people`, `worth` that the figures ask. Must not: read a file,
know a segment's rule.

A mail is one send to one person, with what followed it. What follows is joined by the message where the source tells
it, else to the last mail sent before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from connector.core.sql import scratch

if TYPE_CHECKING:
    import duckdb

NAIVE = pa.timestamp("us")  # UTC, as exports are read
EVENTS = pa.schema([("email", pa.string()), ("at", NAIVE)])
MAIL = pa.schema([*EVENTS, ("kind", pa.string()), ("message", pa.string()), ("machine", pa.bool_())])
MONEY = pa.schema([*EVENTS, ("amount", pa.float64())])
KINDS = ("sent", "opened", "clicked", "bounced", "unsubscribed")

_TOLD = """
    create temp table told as
    select m.email, m.at as happened, w.means as kind, m.message, m.machine
    from mail_events m join words w on w.word = lower(trim(m.kind)) where m.at is not null"""
_BY_MESSAGE = """
    select m.email, s.sent_at, m.kind, m.happened, m.machine
    from told m join (
        select email, message, min(happened) as sent_at from told where kind = 'sent' group by email, message
    ) s on s.email = m.email and s.message = m.message"""
_BY_TIME = """
    select m.email, s.sent_at, m.kind, m.happened, m.machine
    from told m asof join (select distinct email, happened as sent_at from told where kind = 'sent') s
      on s.email = m.email and m.happened >= s.sent_at"""
_MAILS = """
    create temp table mails as
    select email, sent_at, bool_or(kind = 'opened' and not coalesce(machine, false)) as opened,
           min(happened) filter (kind = 'clicked') as clicked_at, bool_or(kind = 'bounced') as bounced,
           bool_or(kind = 'unsubscribed') as unsubscribed
    from ({linked}) group by email, sent_at"""
_WORTH = """
    create temp table worth as
    select p.*, coalesce(m.amount, 0.0) as revenue, coalesce(m.orders, 0)::double as orders,
           epoch($as_of - p.joined) / 86400 as tenure, epoch($as_of - greatest(m.last, c.last)) / 86400 as silent
    from people p
    left join (select r.email, sum(r.amount) as amount, count(*) as orders, max(r.at) as last
               from revenue r where r.at <= $as_of group by r.email) m on m.email = p.email
    left join (select email, max(clicked_at) as last from mails where clicked_at <= $as_of group by email) c
      on c.email = p.email"""


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
    connection.register("people", facts.people)
    connection.register("revenue", MONEY.empty_table() if facts.revenue is None else facts.revenue)
    for number, source in enumerate(sorted(facts.goals)):
        connection.register(f"goal_{number}", facts.goals[source])
    connection.register("mail_events", MAIL.empty_table() if facts.mail is None else facts.mail)
    words = [(word.strip().casefold(), kind) for kind, written in facts.words.items() for word in written]
    columns = [pa.array([pair[number] for pair in words], pa.string()) for number in (0, 1)]
    connection.register("words", pa.table(columns, names=["word", "means"]))
    connection.execute(_TOLD)
    connection.execute(_MAILS.format(linked=_BY_MESSAGE if facts.by_message else _BY_TIME))
    connection.execute(_WORTH, {"as_of": facts.as_of.astimezone(UTC).replace(tzinfo=None)})
    return connection


def goal_table(facts: Facts, source: str) -> str:
    """The table of a goal's events."""
    return f"goal_{sorted(facts.goals).index(source)}"
