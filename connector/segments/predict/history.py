"""What was known of everybody at a moment of the past: features, from events up to then.

Owns: the events, the features at a moment, and what happened after it. Must not: learn.

Only what carries a time is used: a column of contacts is as of today, and would tell the past what it could not know.
The features are the counts, times and amounts of the events of each source, and the traits of the file that are
aggregates, compiled as always but as of that moment and over the events up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from connector.config.language.rules import Aggregate, Duration, Predict
from connector.config.sections.models import Config
from connector.core.model import ColumnType
from connector.core.sql import identifier, scratch
from connector.segments.compile import engine
from connector.segments.compile.frame import Frame
from connector.segments.compile.measures import TIME, ask, result_type
from connector.segments.compile.related import Related, compiler
from connector.segments.compile.windows import Clock
from connector.sources.model import EVENT, LINE, Loaded

DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4375, "year": 365.25}
_WINDOWS = (30, 90, 365)  # days
_COUNTABLE: tuple[ColumnType | None, ...] = ("integer", "number", "date", "timestamp")


def days(span: Duration) -> float:
    return span.number * DAYS[span.unit]


@dataclass(frozen=True, slots=True)
class History:
    """`events` are, per source, one row per event: `email`, `moment` (timestamp[us]), `value` double. `first` and `now`
    are the ends of the predicted source's history. `declared(at)`: the traits of the file as of then, `email` and
    doubles."""

    source: str
    events: Mapping[str, pa.Table]
    first: datetime | None
    now: datetime
    declared: Callable[[datetime], pa.Table | None]

    def before(self, at: datetime) -> pa.Table:
        """The features of everybody who had an event of the source by `at`: `email` and doubles, null when unknown."""
        with scratch() as connection:
            for name, table in self.events.items():
                connection.register(f"of {name}", table)
            columns, joins = ["p.email"], []
            for number, name in enumerate(self.events):
                columns += [f"f{number}.{identifier(f'{what} {name}')}" for what in _NAMES]
                joins.append(f"left join ({_features(name, at)}) f{number} on f{number}.email = p.email")
            known = self.declared(at)
            if known is not None:
                connection.register("declared", known)
                columns.append("d.* exclude (email)")
                joins.append("left join declared d on d.email = p.email")
            people = f"select distinct email from {identifier(f'of {self.source}')} where moment <= {_moment(at)}"
            query = f"select {', '.join(columns)} from ({people}) p {' '.join(joins)} order by p.email"
            return connection.sql(query).to_arrow_table()

    def after(self, at: datetime, ahead: timedelta) -> pa.Table:
        """`email`, `number` of events of the source in the time `ahead` of `at`, and the sum of their `value`."""
        with scratch() as connection:
            connection.register("events", self.events[self.source])
            return connection.sql(f"""
                select email, count(*) as number, coalesce(sum(value), 0) as value from events
                where moment > {_moment(at)} and moment <= {_moment(at + ahead)} group by 1
            """).to_arrow_table()

    def orders(self, at: datetime) -> pa.Table:
        """For lifetime.Orders, of everybody with an event of the source by `at`: `email`, `frequency`, `recency`, `age`
        in days, `value`. Events of one day are one order."""
        with scratch() as connection:
            connection.register("events", self.events[self.source])
            return connection.sql(f"""
                with daily as (
                    select email, date_trunc('day', moment) as day, sum(value) as value from events
                    where moment <= {_moment(at)} group by all),
                ranked as (select *, row_number() over (partition by email order by day) as nth from daily)
                select email, count(*) - 1.0 as frequency, date_diff('day', min(day), max(day))::double as recency,
                       date_diff('day', min(day), {_moment(at)})::double as age,
                       coalesce(avg(value) filter (nth > 1 and value > 0), 0) as value
                from ranked group by 1 order by 1
            """).to_arrow_table()


_NAMES = (
    *("days since last", "days since first", "number of", "days between"),
    *(f"in {window} days of" for window in _WINDOWS),
    "average of",
)


def _features(name: str, at: datetime) -> str:
    moment = _moment(at)
    names = {window: identifier(f"in {window} days of {name}") for window in _WINDOWS}
    counts = ", ".join(
        f"count(*) filter (moment > {moment} - interval {window} day)::double as {column}"
        for window, column in names.items()
    )
    span = "date_diff('second', min(moment), max(moment)) / 86400.0"
    return f"""
        select email, date_diff('second', max(moment), {moment}) / 86400.0 as {identifier(f"days since last {name}")},
               date_diff('second', min(moment), {moment}) / 86400.0 as {identifier(f"days since first {name}")},
               count(*)::double as {identifier(f"number of {name}")},
               if(count(*) > 1, {span} / (count(*) - 1), null) as {identifier(f"days between {name}")},
               {counts}, avg(value) as {identifier(f"average of {name}")}
        from {identifier(f"of {name}")} where moment <= {moment} group by 1"""


def _moment(at: datetime) -> str:
    return f"timestamp '{at:%Y-%m-%d %H:%M:%S.%f}'"


def history(config: Config, loaded: Loaded, names: Any, clock: Clock, wanted: Predict) -> History:
    """Everything that is known up to the clock's moment."""
    now = clock.as_of.astimezone(UTC).replace(tzinfo=None) if clock.as_of.tzinfo else clock.as_of
    sources = [name for name in loaded.related if name == wanted.source or config.sources[name].at is not None]
    events = {
        name: _events(loaded, names, clock, name, wanted.column if name == wanted.source else None, now)
        for name in sorted(sources, key=lambda name: name != wanted.source)
    }
    times = events[wanted.source]["moment"]
    first = pc.min(times).as_py() if len(times) else None
    return History(wanted.source, events, first, now, lambda at: _declared(config, loaded, names, clock, at))


def _events(loaded: Loaded, names: Any, clock: Clock, source: str, column: str | None, now: datetime) -> pa.Table:
    made = compiler(source, names, loaded, clock)
    frame = made.frame
    value = ibis.null("float64") if column is None else made.column(column).value.cast("float64")
    lines = {name: frame.columns[name].value for name in (EVENT, LINE) if name in frame.columns}
    table = frame.build({"email": frame.person, "moment": frame.columns[TIME].value, "value": value, **lines})
    found = engine.arrow(loaded.connection, table.filter(_["moment"].notnull()))
    one = "qualify row_number() over (partition by email, event order by value is null, line) = 1" if lines else ""
    renamed = [{EVENT: "event", LINE: "line"}.get(name, name) for name in found.column_names]
    with scratch() as connection:
        connection.register("found", found.rename_columns(renamed))
        return connection.sql(
            f"select email, moment::timestamp as moment, value from found where moment <= {_moment(now)} {one}"
        ).to_arrow_table()


def _declared(config: Config, loaded: Loaded, names: Any, clock: Clock, at: datetime) -> pa.Table | None:
    """The traits that are numbers or times, as they were at `at`; times as days before it."""
    traits = dict(_aggregates(config, loaded))
    if not traits:
        return None
    past = Clock.at(at.replace(tzinfo=UTC), clock.zone)
    related = {name: table.filter(_[TIME] <= at) for name, table in loaded.related.items() if TIME in table.columns}
    earlier = replace(loaded, related=related)
    frame = Frame(loaded.connection, loaded.contacts, loaded.types["contacts"], "email", clock.zone)
    for source in dict.fromkeys(trait.source for trait in traits.values()):
        asks = dict.fromkeys(ask(trait) for trait in traits.values() if trait.source == source)
        Related(source, names, earlier, past).join(frame, list(asks))
    columns = {name: frame.columns[ask(trait)] for name, trait in traits.items()}
    kept = {f"t{number}": column.value for number, column in enumerate(columns.values())}
    found = engine.arrow(loaded.connection, frame.build({"email": frame.person, **kept}))
    with scratch() as connection:
        connection.register("found", found)
        values = [
            f"{_double(f't{number}', str(column.type), at)} as {identifier(f'trait {name}')}"
            for number, (name, column) in enumerate(columns.items())
        ]
        return connection.sql(f"select email, {', '.join(values)} from found").to_arrow_table()


def _double(field: str, type_: str, at: datetime) -> str:
    if type_ in ("date", "timestamp"):
        return f"date_diff('second', {field}::timestamp, {_moment(at)}) / 86400.0"
    return f"{field}::double"


def _aggregates(config: Config, loaded: Loaded) -> Iterator[tuple[str, Aggregate]]:
    for name, trait in config.traits.items():
        if not isinstance(trait, Aggregate) or TIME not in loaded.related[trait.source].columns:
            continue
        type_: ColumnType | None = "integer" if trait.column is None else _type(loaded, trait)
        if result_type(trait.measure, type_) in _COUNTABLE:
            yield name, trait


def _type(loaded: Loaded, trait: Aggregate) -> ColumnType | None:
    if trait.column == TIME:
        return "timestamp"
    info = loaded.catalog.get(trait.source)
    name = info.resolve(trait.column or "") if info else trait.column
    empty = name in loaded.empty.get(trait.source, frozenset())
    return None if empty else loaded.types[trait.source].get(name or "")


def names_of(table: pa.Table) -> Sequence[str]:
    return [name for name in table.column_names if name != "email"]
