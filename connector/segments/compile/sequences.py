"""One event after the other: A, then (not) B inside a window.

Owns: Sequence. Must not: look for one chain only: there is an A such that the rest follows, so every time at which
the steps so far can have ended is carried from step to step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import pyarrow as pa
from ibis import _

from connector.config.language.rules import Duration, Sequence, Step
from connector.config.sections.models import Config
from connector.segments.compile import engine, zones
from connector.segments.compile.dates import edge
from connector.segments.compile.frame import Column, Frame
from connector.segments.compile.measures import TIME
from connector.segments.compile.related import PERSON, compiler
from connector.segments.compile.rewrite import bare
from connector.segments.compile.windows import DAY, TICK, Clock, shifted
from connector.segments.compile.zones import Extent
from connector.segments.names import Names, nodes, roots
from connector.sources.model import Loaded


def add(frame: Frame, config: Config, names: Names, loaded: Loaded, clock: Clock) -> None:
    """Give the contacts' frame one yes/no column per sequence of the file."""
    for root in roots(config):
        for node, _source in nodes(root):
            if isinstance(node, Sequence) and bare(node) not in frame.columns:
                people = _Chain(names, loaded, clock).people(node)
                made = {bare(node): (Column("", "boolean", dt.boolean), _["found"])}
                frame.join(people.select(_key=_["person"], found=ibis.literal(True)).distinct(), made)


@dataclass(frozen=True)
class _Ends:
    """When the steps so far can have ended: a table `person`, `time`, and how far its times reach."""

    table: Any
    extent: Extent


class _Chain:
    def __init__(self, names: Names, loaded: Loaded, clock: Clock) -> None:
        self.names = names
        self.loaded = loaded
        self.clock = clock

    def people(self, node: Sequence) -> Any:
        """A table with the `person` of every chain that is whole."""
        first = self._events(node.steps[0])
        ends = replace(first, table=first.table.distinct())
        for step in node.steps[1:]:
            ends = self._without(ends, step) if step.negated else self._followed(ends, step)
        return ends.table

    def _events(self, step: Step) -> _Ends:
        """The events of one step that have a time."""
        made = compiler(step.source, self.names, self.loaded, self.clock)
        where = ibis.literal(True) if step.where is None else made.rule(step.where)
        person, time = made.frame.columns[PERSON], made.frame.columns[TIME]
        table = made.frame.build({"person": person.value, "time": time.value}).filter(where, _["time"].notnull())
        return _Ends(table.select("person", "time"), made.frame.extent(time))

    def _followed(self, ends: _Ends, step: Step) -> _Ends:
        """Every later event inside the window is an end. Without a window the earliest end is enough."""
        if step.within is None:
            ends = replace(ends, table=ends.table.group_by("person").aggregate(time=_["time"].min()))
        later = self._events(step)
        pairs = self._pairs(ends, later, step)
        found = pairs.filter(pairs["next"].notnull()).select(person="person", time="next").distinct()
        return replace(later, table=found)

    def _without(self, ends: _Ends, step: Step) -> _Ends:
        """Ends whose window is over and held no such event."""
        pairs = self._pairs(ends, self._events(step), step)
        found = pairs.filter(pairs["next"].isnull(), pairs["limit"] <= edge(self.clock.as_of + TICK))
        return replace(ends, table=found.select("person", "time"))

    def _pairs(self, ends: _Ends, later: _Ends, step: Step) -> Any:
        """Each end with the events that follow it in the window; `next` is null when there are none."""
        table = self._limited(ends, step.within)
        events = later.table.rename(who="person", next="time")
        match = [table["person"] == events["who"], events["next"] > table["time"]]
        if step.within is not None:
            match.append(events["next"] < table["limit"])
        return table.left_join(events, match).select("person", "time", "limit", "next")

    def _limited(self, ends: _Ends, within: Duration | None) -> Any:
        """The ends with `limit`, the first instant after the window: hours to the hour, days to the end of the day."""
        table = ends.table
        if within is None:
            return table.mutate(limit=ibis.null("timestamp(6)"))
        if within.unit == "hour":
            return table.mutate(limit=_["time"] + ibis.interval(hours=within.number) + ibis.interval(microseconds=1))
        days = table.mutate(day=zones.local_day(_["time"], self.clock.zone, ends.extent))
        limits = self._limits(ends.extent, within)
        return days.join(limits, days["day"] == limits["begin"]).select("person", "time", "limit")

    def _limits(self, extent: Extent, within: Duration) -> Any:
        """For each local day that a time can lie on, the instant after the window: a calendar better than SQL's."""
        assert extent is not None
        days = [] if extent[0] is None else _days(extent[0].date() - DAY, extent[1].date() + DAY)
        ends = [shifted(day, within, 1) for day in days]
        limits = [self._after(end) for end in ends]
        columns = {"begin": pa.array(days, pa.date32()), "limit": pa.array(limits, pa.timestamp("us"))}
        return engine.table(self.loaded.connection, pa.table(columns))

    def _after(self, day: date | None) -> datetime:
        end = self.clock.start(day + DAY) if day is not None and day < date.max else None
        return end or datetime.max


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
