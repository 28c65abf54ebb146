"""One event after the other: A, then (not) B inside a window.

Owns: Sequence. Must not: look for one chain only: there is an A such that the rest follows, so every time at which
the steps so far can have ended is carried from step to step.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.datatypes as dt
from ibis import _

from connector.config.models import Config
from connector.config.rules import Duration, Sequence, Step
from connector.segments import zones
from connector.segments.dates import edge
from connector.segments.frame import Column, Frame
from connector.segments.measures import TIME
from connector.segments.names import Names, nodes, roots
from connector.segments.related import PERSON, compiler
from connector.segments.rewrite import bare
from connector.segments.windows import TICK, Clock
from connector.sources.model import Loaded


def add(frame: Frame, config: Config, names: Names, loaded: Loaded, clock: Clock) -> None:
    """Give the contacts' frame one yes/no column per sequence of the file."""
    for root in roots(config):
        for node, _source in nodes(root):
            if isinstance(node, Sequence) and bare(node) not in frame.columns:
                people = _Chain(names, loaded, clock).people(node)
                made = {bare(node): (Column("", "boolean", dt.boolean), _["found"])}
                frame.join(people.select(_key=_["person"], found=ibis.literal(True)).distinct(), made)


class _Chain:
    def __init__(self, names: Names, loaded: Loaded, clock: Clock) -> None:
        self.names = names
        self.loaded = loaded
        self.clock = clock

    def people(self, node: Sequence) -> Any:
        """A table `person`, `time`: when the steps can have ended."""
        ends = self._events(node.steps[0]).distinct()
        for step in node.steps[1:]:
            ends = self._without(ends, step) if step.negated else self._followed(ends, step)
        return ends

    def _events(self, step: Step) -> Any:
        """The events of one step that have a time."""
        made = compiler(step.source, self.names, self.loaded, self.clock)
        where = ibis.literal(True) if step.where is None else made.rule(step.where)
        columns = made.frame.columns
        kept = {"person": columns[PERSON].value, "time": columns[TIME].value}
        table = made.frame.build(kept).filter(where, _["time"].notnull())
        return table.select("person", "time")

    def _followed(self, ends: Any, step: Step) -> Any:
        """Every later event inside the window is an end. Without a window the earliest end is enough."""
        if step.within is None:
            ends = ends.group_by("person").aggregate(time=_["time"].min())
        pairs = self._pairs(ends, step)
        return pairs.filter(pairs["next"].notnull()).select(person="person", time="next").distinct()

    def _without(self, ends: Any, step: Step) -> Any:
        """Ends whose window is over and held no such event."""
        assert step.within is not None, "config asks for it"
        over = ends.mutate(limit=self._limit(ends["time"], step.within))
        over = over.filter(over["limit"] <= edge(self.clock.as_of + TICK)).select("person", "time")
        pairs = self._pairs(over, step)
        return pairs.filter(pairs["next"].isnull()).select("person", "time")

    def _pairs(self, ends: Any, step: Step) -> Any:
        """Each end with the events that follow it in the window; `next` is null when there are none."""
        limit = ibis.null("timestamp(6)") if step.within is None else self._limit(ends["time"], step.within)
        ends = ends.mutate(limit=limit)
        later = self._events(step).rename(who="person", next="time")
        match = [ends["person"] == later["who"], later["next"] > ends["time"]]
        if step.within is not None:
            match.append(later["next"] < ends["limit"])
        return ends.left_join(later, match).select("person", "time", "next")

    def _limit(self, time: Any, within: Duration) -> Any:
        """The first instant after the window: hours to the hour, days to the end of the last day."""
        if within.unit == "hour":
            return time + ibis.interval(hours=within.number) + ibis.interval(microseconds=1)
        day = zones.local_day(time, self.clock.zone)
        last = (day.cast("timestamp(6)") + ibis.interval(**{f"{within.unit}s": within.number})).date()
        following = (last.cast("timestamp(6)") + ibis.interval(days=1)).date()
        return zones.start_of_day(following, self.clock.zone)
