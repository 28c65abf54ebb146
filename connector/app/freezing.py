"""Frozen segments: what the state keeps of them, and which the next push would freeze or release.

Owns: when a segment is frozen (at the first push that sends it) and released (when the file says no longer `frozen`).
Must not: print, evaluate, write (the run that is opened for the plan does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace, open_state
from connector.config.sections.models import Segment

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.segments.evaluate import Evaluation
    from connector.sources.model import Decided
    from connector.state.base import RunInfo, Store


@dataclass(frozen=True, slots=True)
class Freezing:
    """`members` (state.frozen.FROZEN) are kept from the push on, `released` segments are released; `notes` tell it, and
    what else there was to tell of the evaluation."""

    members: pa.Table
    released: tuple[str, ...]
    notes: tuple[str, ...]


def decided(workspace: Workspace, store: Store | None) -> Mapping[str, Decided]:
    """Segment -> who was frozen. Without `store` the workspace's own state is opened, if there is one."""
    from connector.state.open import exists

    if not any(_by_rule(segment) for segment in workspace.config.segments.values()):
        return {}
    if store is not None:
        return _decided(workspace, store)
    if not exists(workspace.state_url):
        return {}
    with open_state(workspace) as opened:
        return _decided(workspace, opened)


def _decided(workspace: Workspace, store: Store) -> Mapping[str, Decided]:
    from connector.sources.model import Decided

    segments = workspace.config.segments
    return {
        name: Decided(at, store.frozen.members(name))
        for name, at in store.frozen.since().items()
        if name in segments and _by_rule(segments[name])
    }


def due(workspace: Workspace, store: Store, evaluation: Evaluation, forgotten: pa.Array) -> Freezing:
    """What a push of this moment freezes: segments that it sends, those that are sent nowhere included. Who is
    `forgotten` is not kept, and a segment in which nobody is waits."""
    import pyarrow as pa

    from connector.core.schemas import FROZEN
    from connector.segments.kept import waiting
    from connector.state.frozen import counted

    parts = [FROZEN.empty_table()]
    for name, column in evaluation.undecided.items():
        if sent(workspace, workspace.config.segments[name]):
            parts.append(_members(name, evaluation.table.filter(column), forgotten))
    members = pa.concat_tables(parts)
    kept = counted(members)
    notes = [note for note in evaluation.notes if note not in map(waiting, kept)]
    notes += [f"{name} is frozen by this push: members kept: {number:,}." for name, number in kept.items()]
    released = _released(workspace, store)
    notes += [
        f"{name} is no longer frozen: this push releases its members and uses its rule again." for name in released
    ]
    return Freezing(members, released, tuple(notes))


def taken_back(workspace: Workspace, store: Store, run: RunInfo) -> tuple[str, ...]:
    """The segments that undoing `run` releases: those it froze, if undo reaches all that they are sent to."""
    chosen = {destination.name for destination in workspace.destinations()}
    segments = workspace.config.segments
    return tuple(
        name
        for name in store.frozen.by_run(run.id)
        if _named(workspace, name)
        and (name not in segments or {entry.destination for entry in segments[name].send_to} <= chosen)
    )


def _members(name: str, table: pa.Table, forgotten: pa.Array) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    from connector.core.schemas import FROZEN

    kept = table.filter(pc.invert(pc.is_in(table.column("email"), value_set=forgotten)))
    known = "person" in kept.column_names
    person = kept.column("person") if known else pa.nulls(kept.num_rows, pa.string())
    return pa.table([pa.repeat(name, kept.num_rows), kept.column("email"), person], schema=FROZEN)


def _released(workspace: Workspace, store: Store) -> tuple[str, ...]:
    segments = workspace.config.segments
    held = [name for name in store.frozen.since() if name in segments and _named(workspace, name)]
    return tuple(name for name in held if not _by_rule(segments[name]))


def sent(workspace: Workspace, segment: Segment) -> bool:
    """Whether this push applies the segment: --only and --to reach it, and it is not paused."""
    chosen = {destination.name for destination in workspace.destinations()}
    reached = not segment.send_to or any(entry.destination in chosen for entry in segment.send_to)
    return reached and not segment.paused and _named(workspace, segment.name)


def _named(workspace: Workspace, name: str) -> bool:
    patterns = workspace.options.only
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _by_rule(segment: Segment) -> bool:
    """Frozen by the state; a list of members is a decision by itself."""
    return segment.frozen and segment.members_from is None
