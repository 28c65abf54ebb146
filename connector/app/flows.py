"""The past of the segments for a report: the history, what changed since its last moment, and what was measured.

Owns: the order of these steps. Must not: print, compute a figure, or write to the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connector.app import measuring
from connector.app.workspace import Workspace
from connector.report.page.course import Past, Since

if TYPE_CHECKING:
    from connector.app.measuring import Measured, Read
    from connector.measure.history import Course
    from connector.segments.evaluate import Evaluation
    from connector.state.base import Store


PERIOD = "30 days"  # of what is measured


def asked(workspace: Workspace) -> bool:
    """Whether the file says what is to be measured."""
    goals = (segment.goal for segment in workspace.config.segments.values())
    return workspace.config.measure is not None or not all(goal is None or isinstance(goal, str) for goal in goals)


def measured(workspace: Workspace, store: Store | None, names: Sequence[str], read: Read, ask: bool) -> Measured:
    """Performance of the segments in the last 30 days, and every experiment of the file, from what was `read`; with
    `ask` platforms are asked for their campaign reports."""
    if store is None or not names or not asked(workspace):
        return measuring.Measured((), (), ())
    found = measuring.measure(workspace, store, names, PERIOD, ask=ask, read=read)
    results = [
        one
        for name in workspace.config.experiments
        for one in measuring.experiment(workspace, store, name, read).results
    ]
    return measuring.Measured(found.performances, tuple(results), found.hints)


def past(
    workspace: Workspace, store: Store | None, evaluation: Evaluation, forgotten: pa.Array, since: datetime, named: int
) -> Past:
    """`named`: so many people of each way are named; 0: nobody."""
    from connector.measure.history import courses

    told = courses(store) if store is not None else []
    known = [one for course in told if (one := _until(course, workspace.as_of)).points]
    later = [course for course in told if course.points[-1].at > workspace.as_of]
    if store is None or not known or later:  # what came later is compared with nothing
        return Past(known, {}, since)
    learnt = measuring.moment(workspace, store, evaluation, forgotten)
    moved = learnt.moved.filter(pc.invert(pc.is_in(learnt.moved["email"], value_set=forgotten)))
    now = {}
    for row in learnt.segments.filter(learnt.segments["known"]).to_pylist():
        mine = moved.filter(pc.equal(moved["number"], row["number"]))
        ways = {way: mine.filter(pc.equal(mine["entered"], value)) for way, value in (("entered", 1), ("left", 0))}
        people = {way: sorted(found["email"].to_pylist())[:named] for way, found in ways.items()} if named else {}
        now[row["segment"]] = Since(ways["entered"].num_rows, ways["left"].num_rows, people)
    return Past(known, now, since)


def _until(course: Course, as_of: datetime) -> Course:
    """Without what came later."""
    return replace(course, points=tuple(point for point in course.points if point.at <= as_of))
