"""What goals, `measure:` and `experiments:` ask of the rest of the file.

Owns: whether sources and segments that they name are there, and whether parts split the same people. Must not: read a
value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.config.language.rules import Loc, Split, walk
from connector.config.sections.collector import Collector
from connector.config.sections.measure import Experiment, Goal, Measure
from connector.core.problem import one_of


def check(
    sources: Mapping[str, Any],
    segments: Mapping[str, Any],
    measure: Measure | None,
    experiments: Mapping[str, Experiment],
    problems: Collector,
) -> None:
    """Sources and segments that are named are there, and the parts of an experiment split the same people."""
    for name, segment in segments.items():
        if isinstance(segment.goal, Goal):
            _source(segment.goal.source, ("segments", name, "goal"), sources, problems)
    if measure is not None and measure.mail is not None:
        _source(measure.mail.source, ("measure", "mail", "source"), sources, problems)
    if measure is not None and measure.revenue is not None:
        name, dot, column = measure.revenue.partition(".")
        if not (dot and column):
            problems.add(("measure", "revenue"), "wrong-type", "Revenue is a column of a source: orders.amount.")
        else:
            _source(name, ("measure", "revenue"), sources, problems)
    for experiment in experiments.values():
        _experiment(experiment, sources, segments, problems)


def _source(name: str, loc: Loc, sources: Mapping[str, Any], problems: Collector) -> None:
    related = {other: source for other, source in sources.items() if other != "contacts"}
    if name not in related:
        problems.add(loc, "unknown-source", f"No source with events is called “{name}”.{one_of(name, tuple(related))}")
    elif related[name] is not None and related[name].at is None:
        problems.add(loc, "missing-time", f"“{name}” has no `at`, so nobody knows when its events happened.")


def _experiment(one: Experiment, sources: Mapping[str, Any], segments: Mapping[str, Any], problems: Collector) -> None:
    loc = ("experiments", one.name)
    if isinstance(one.goal, Goal):
        _source(one.goal.source, (*loc, "goal"), sources, problems)
    if one.to <= one.from_:
        problems.add(
            (*loc, "to"), "contradiction", "`to` is the first day after the experiment; it comes after `from`."
        )
    unknown = [name for name in one.parts if name not in segments]
    for name in unknown:
        problems.add(
            (*loc, "parts"), "unknown-segment", f"No segment is called “{name}”.{one_of(name, tuple(segments))}"
        )
    if unknown:
        return
    splits = [split(segments[name]) for name in one.parts]
    if len(splits) < 2 or None in splits or len({found.name for found in splits if found}) > 1:
        text = "The parts are two segments or more whose rules have a `split` of the same name."
        problems.add((*loc, "parts"), "split-differs", text)
    elif len({found.part for found in splits if found}) < len(splits):
        problems.add((*loc, "parts"), "twice", "Two of these segments are the same part of the split.")


def split(segment: Any) -> Split | None:
    """The split in a segment's rule."""
    return next((node for node in walk(segment.when) if isinstance(node, Split)), None) if segment.when else None
