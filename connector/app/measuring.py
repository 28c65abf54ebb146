"""snapshot, history: what an evaluation tells the history, and what the history tells.

Owns: the order of these steps. Must not: print, compute a figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from connector.app.offline import decisive
from connector.app.workspace import Workspace, matching

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.core.plan import Moment
    from connector.measure.history import Course
    from connector.segments.evaluate import Evaluation
    from connector.state.base import Store


def moment(workspace: Workspace, store: Store, evaluation: Evaluation, forgotten: pa.Array) -> Moment:
    """What the history learns when this evaluation is pushed or kept."""
    from connector.measure.moment import Meant
    from connector.measure.moment import moment as compared
    from connector.segments.definition import definition

    meant = []
    for name, segment in workspace.config.segments.items():
        found = definition(workspace.config, name)
        meant.append(Meant(name, found.hash, found.text, segment.renamed_from))
    return compared(store, meant, evaluation.table, forgotten)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`kept` is False when the history has a later moment already."""

    moment: Moment
    kept: bool


def snapshot(workspace: Workspace, store: Store) -> Snapshot:
    """Evaluate, and keep sizes, entries and exits. Calls no platform, plans nothing."""
    from connector.plan import rows

    evaluation, _ = decisive(workspace, store)
    emails = evaluation.table.column("email").combine_chunks()
    with store.lease("snapshot"):
        store.project.bind(workspace.config.project, workspace.config.path.name)
        forgotten = rows.forgotten(emails, *store.upkeep.tombstones())
        learnt = moment(workspace, store, evaluation, forgotten)
        return Snapshot(learnt, store.learn(learnt, workspace.as_of, evaluation.contacts))


def history(workspace: Workspace, store: Store, segments: Sequence[str]) -> list[Course]:
    """The course of each segment that the history knows; `segments` are globs, none: all, in the order of the file,
    then those that are in it no longer. Raises ConfigError for a glob that fits nothing."""
    from connector.measure.history import courses

    found = {course.segment: course for course in courses(store)}
    order = dict.fromkeys([*(name for name in workspace.config.segments if name in found), *found])
    names = matching(list(segments), {**workspace.config.segments, **order}, "SEGMENT", "segment")
    return [found[name] for name in order if name in names]
