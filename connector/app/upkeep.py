"""Undo, drift, adopt, forget, and rejects that are to be tried again.

Owns: the order of these steps. Must not: print, or hold the logic of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from connector.app import freezing, observing, planning
from connector.app.apart import Apart
from connector.app.offline import evaluate
from connector.app.workspace import Workspace, adapter, require_keys
from connector.core.errors import ConnectorError, PlanError

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.sections.models import Destination
    from connector.core.model import Target
    from connector.core.plan import Plan
    from connector.plan.routes import Routing
    from connector.reconcile.drift import Drift
    from connector.state.base import RunInfo, Store

LAST = "last"


def undo(workspace: Workspace, store: Store, run_id: str) -> Plan:
    """The plan that takes a run back; "last" is the latest one. Reads the export, for consent, and the platforms'
    news; pushed like any plan. Raises PlanError, StateError for a run that is not known."""
    from connector.plan import undo as inverse
    from connector.plan.assemble import assemble
    from connector.plan.desired import counted

    require_keys(workspace)
    store.require_finished()
    run = _latest(store) if run_id == LAST else store.run(run_id)
    done, now = store.run_changes(run.id), datetime.now(UTC)
    if store.upkeep.is_pruned(run.id):
        raise PlanError(f"The changes of run {run.id} were deleted by `sync prune`, so it cannot be taken back.")
    touched = set(done.column("destination").to_pylist())
    missing = sorted(touched - workspace.config.destinations.keys())
    if missing:
        raise PlanError(f"Run {run.id} went to {', '.join(missing)}, which segments.yaml no longer has. Put it back.")
    evaluation = evaluate(workspace, store, leave_out=True)
    sides, apart = [], Apart(workspace.options.require_all)
    for destination in workspace.destinations():
        if destination.name in touched:
            connected = adapter(workspace, destination)
            if (
                apart.tried(destination.name, partial(observing.read, workspace, store, destination.name, connected))
                is None
            ):
                continue
            routing, only = _routing(workspace, destination.name)
            sides.append(inverse.Undone(routing, store.ledger(destination.name), connected.capabilities, only))
    apart.require(len(sides))
    released = freezing.taken_back(workspace, store, run)
    thawed = (f"{name}: frozen by that run, and no longer once this is pushed." for name in released)
    made = assemble(
        [inverse.part(done, evaluation.table, side, workspace.as_of) for side in sides],
        as_of=workspace.as_of,
        made_at=now,
        export=counted(evaluation.table),
        before=store.last_export(),
        notes=(*evaluation.warnings, inverse.again(run.id), *thawed),
        findings=evaluation.findings,
        released=released,
        unread=apart.unread,
        kinds=apart.kinds,
    )
    return replace(made, id=f"undo-{run.id}")


def _latest(store: Store) -> RunInfo:
    runs = store.runs(1)
    if not runs:
        raise PlanError("Nothing was pushed yet, so there is nothing to take back.")
    return runs[0]


def _routing(workspace: Workspace, destination: str) -> tuple[Routing, frozenset[Target] | None]:
    """All routes of a destination, and the targets that --only chooses; None without it."""
    from connector.plan.routes import route

    config, patterns = workspace.config, workspace.options.only
    routing = route(config, config.destinations[destination])
    if not patterns:
        return routing, None
    chosen = (item for item in routing.routes if any(fnmatchcase(item.segment, pattern) for pattern in patterns))
    return routing, frozenset(item.target for item in chosen)


def drift(workspace: Workspace, store: Store, apart: Apart | None = None) -> list[Drift]:
    """What others changed in our targets. Reads the platforms, writes nothing anywhere. Destinations that could not be
    read are in `apart`; raises DestinationError when that is all of them, or without `apart`."""
    require_keys(workspace)
    chosen, apart = workspace.destinations(), apart or Apart(together=True)
    found = [apart.tried(item.name, partial(_drift, workspace, store, item)) for item in chosen]
    apart.require(len(chosen) - len(apart.found))
    return _unnamed(store, [target for targets in found for target in targets or ()])


def _drift(workspace: Workspace, store: Store, destination: Destination) -> list[Drift]:
    from connector.reconcile.account import verify
    from connector.reconcile.drift import find

    _, only = _routing(workspace, destination.name)
    names = None if only is None else frozenset((str(target.kind), target.name) for target in only)
    connected = adapter(workspace, destination)
    verify(store, destination.name, connected, workspace.options.listener)
    return find(connected, store.ledger(destination.name), names, workspace.reading)


def _unnamed(store: Store, found: list[Drift]) -> list[Drift]:
    """Forgotten people are still in our targets, until they are erased there: they are no drift, and not named."""
    import pyarrow as pa

    from connector.plan.rows import forgotten

    known = store.upkeep.tombstones()
    added = pa.array([email for item in found for email in item.added], pa.string())
    out = set(forgotten(added, *known).to_pylist())
    return [replace(item, added=tuple(email for email in item.added if email not in out)) for item in found]


def adopt(workspace: Workspace, store: Store, *, former: bool = False) -> Plan:
    """A plan that only records: those who are desired and already in the target become ours; nothing is sent. With
    `former`, members who are not desired as well: everything the platforms hold is read first."""
    import pyarrow.compute as pc

    from connector.core.model import Op
    from connector.core.schemas import BLOCKED_SCHEMA, STAGE_MOVES
    from connector.plan.assemble import assemble

    store.require_finished()
    notes = planning.refresh(workspace, store) if former else []
    asked = planning.ask(workspace, store, take_over=True, former=former)
    parts = [
        replace(
            part,
            changes=part.changes.filter(pc.equal(part.changes["op"], str(Op.ADOPT))),
            blocked=BLOCKED_SCHEMA.empty_table(),
            stages=STAGE_MOVES.empty_table(),
            in_lifecycle=None,
        )
        for part in asked.parts
    ]
    return assemble(
        parts,
        as_of=workspace.as_of,
        made_at=asked.made_at,
        export=asked.export,
        notes=(*notes, *asked.notes),
        findings=asked.findings,
        prefix="adopt-",
        unread=asked.apart.unread,
        kinds=asked.apart.kinds,
        skipped=asked.skipped,
    )


@dataclass(frozen=True, slots=True)
class Forgotten:
    """`held`: destination -> the status we last knew, of the platforms that hold the person still; `addresses`: how
    many the state knew of the person, the one that was named included."""

    held: dict[str, str]
    platforms: Mapping[str, str]
    addresses: int = 1


def forget(workspace: Workspace, store: Store, email: str) -> Forgotten:
    """Remove a person from the state for good. Raises PlanError while a run is unfinished."""
    store.require_finished()
    address = normalised(email)
    persons = _persons(workspace, store, address)
    with store.lease("forget"):
        addresses = store.upkeep.addresses(address, persons)
        held = store.upkeep.forget(address, persons)
    config = workspace.config
    platforms = {name: config.destinations[name].platform for name in held if name in config.destinations}
    return Forgotten(held, platforms, len(addresses))


def _persons(workspace: Workspace, store: Store, email: str) -> list[str]:
    """The CRM's id of the person, if the export can be read and names one: they may come back under another address."""
    import pyarrow.compute as pc

    try:
        table = evaluate(workspace, store, leave_out=True).table
    except ConnectorError:
        return []
    if "person" not in table.column_names:
        return []
    found = table.filter(pc.equal(table.column("email"), email)).column("person")
    return [str(person) for person in found.drop_null().to_pylist()]


def normalised(email: str) -> str:
    """As sources normalise addresses. Raises ConfigError for what is no address."""
    from connector.core.errors import ConfigError
    from connector.core.problem import Place, Problem
    from connector.sources.emails import normalise

    found, _reason = normalise(email)
    if found is None:
        raise ConfigError([Problem(Place("EMAIL"), "bad-address", "This is not an address. Write ada@example.com.")])
    return found


def retry(workspace: Workspace, store: Store) -> int:
    """Let the rejects of --to and --only be tried once more; how many."""
    import pyarrow as pa

    chosen = [_chosen(workspace, store, destination.name) for destination in workspace.destinations()]
    table = pa.concat_tables(chosen)
    with store.lease("rejects retry"):
        store.upkeep.retry(table)
    return int(table.num_rows)


def _chosen(workspace: Workspace, store: Store, destination: str) -> pa.Table:
    """With --only the rejects of these segments' targets, and of contacts that were refused on the way there."""
    import pyarrow as pa

    table = store.rejects(destination)
    _, only = _routing(workspace, destination)
    if only is None:
        return table
    names = {(str(target.kind), target.name) for target in only}
    people = {run: _people(store, run, destination, names) for run in set(table.column("run_id").to_pylist())}
    keep = [
        (row["kind"], row["target"]) in names if row["kind"] else row["email"] in people[row["run_id"]]
        for row in table.to_pylist()
    ]
    return table.filter(pa.array(keep, pa.bool_()))


def _people(store: Store, run: str, destination: str, names: set[tuple[str, str]]) -> set[str]:
    rows: Sequence[dict[str, str]] = (
        store.run_changes(run).select(["destination", "kind", "target", "email"]).to_pylist()
    )
    return {row["email"] for row in rows if row["destination"] == destination and (row["kind"], row["target"]) in names}
