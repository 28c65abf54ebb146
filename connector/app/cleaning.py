"""`sync cleanup`: who is archived and whose tags are taken off, shown as a plan; the list of them is written first.

Owns: the order of these steps, and the file of who is archived. Must not: print, or choose anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app import accounts, lifecycle, observing, pushing
from connector.app.apart import Apart
from connector.app.offline import decisive
from connector.app.workspace import Workspace, adapter, require_keys
from connector.core.errors import Interrupted, PlanError
from connector.core.model import Status

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.core.plan import Plan
    from connector.lifecycle.cleanup import Findings
    from connector.push.run import RunResult
    from connector.state.base import Store


PREFIX = "cleanup-"


@dataclass(frozen=True, slots=True)
class Cleaning:
    """The plan, and all that was found: per destination FINDINGS (lifecycle/retiring.py), orphaned targets and people
    held twice, and rows of the export that no platform gets (reason -> rows)."""

    plan: Plan
    sides: tuple[Findings, ...]
    orphans: Mapping[str, tuple[str, ...]]
    twice: Mapping[str, int]
    invalid: Mapping[str, int]


def cleanup(workspace: Workspace, store: Store) -> Cleaning:
    """Read the exports and the platforms, and find. Raises PlanError while a run is unfinished."""
    from connector.lifecycle import cleanup as plans
    from connector.lifecycle import machine, retiring
    from connector.plan.assemble import assemble
    from connector.plan.desired import counted
    from connector.plan.routes import route
    from connector.push import recheck_query

    require_keys(workspace)
    store.require_finished()
    config, now, new = workspace.config, workspace.now(), accounts.new(workspace, store)
    policies = lifecycle.policies(workspace)
    apart = Apart(together=workspace.options.require_all or bool(policies))  # a click counts on any platform
    for item in pushing.everywhere(workspace) if policies else workspace.destinations():
        connected = adapter(workspace, item)
        apart.tried(item.name, partial(observing.read, workspace, store, item.name, connected, everything=True))
    apart.require(len(workspace.destinations()) - len(apart.found))
    evaluation, loaded = decisive(workspace, store)
    desired = evaluation.table
    sides = []
    for item in workspace.destinations():
        if item.name in apart.found:
            continue
        can, ledger = adapter(workspace, item).capabilities, store.ledger(item.name)
        held, people = lifecycle.here(policies, item.name), machine.PEOPLE.empty_table()
        if held:
            people = lifecycle.decide(workspace, store, desired, ledger, can, held)
            lifecycle.mark(store, item.name, people)
        do = retiring.actions(item.name, held, config.cleanup, can)
        most = retiring.most(held, people, desired.num_rows)
        engagement = store.engagement(item.name)[0]
        told = _told(store, people, item.name)
        found = retiring.find(people, desired, ledger, engagement, do, most, told)
        staying = retiring.staying(people, told, do)
        active = recheck_query.anywhere(ledger.contacts, store.activity())
        count, seen = plans.held(desired, ledger), recheck_query.seen(ledger.contacts, active)
        sides.append(plans.Findings(route(config, item), ledger, can, do, found, count, seen, staying))
    said = lifecycle.told(workspace, store, desired, policies) if policies else ()
    notes = (*new, *evaluation.warnings, *said)
    made = assemble(
        [plans.part(side, lifecycle.here(policies, side.ledger.destination)) for side in sides],
        as_of=workspace.as_of,
        made_at=now,
        export=counted(desired),
        before=store.last_export(),
        notes=notes,
        findings=evaluation.findings,
        prefix=PREFIX,
        unread=apart.unread,
        kinds=apart.kinds,
    )
    orphans = {side.ledger.destination: plans.orphans(side, config.lifecycle) for side in sides}
    twice = {side.ledger.destination: _twice(side.ledger.contacts) for side in sides}
    return Cleaning(made, tuple(sides), orphans, twice, _reasons(loaded.quarantine))


def apply(workspace: Workspace, store: Store, cleaning: Cleaning) -> tuple[RunResult, Path | None]:
    """Write down who is to be archived, suppressed or unsubscribed, then do it. The guards must have been asked before.

    The list is there before the first request. Afterwards it tells what became of everybody, and why not; a plan that
    is refused leaves none."""
    path = write(workspace, cleaning, _forgotten(store, cleaning))
    try:
        result = pushing.push(workspace, store, cleaning.plan)
    except (PlanError, Interrupted):  # no run was opened
        if path is not None:
            path.unlink()
        raise
    tell(store, cleaning)
    return result, write(workspace, cleaning, _erased(store, cleaning), _outcomes(store, result.run_id))


def _told(store: Store, people: pa.Table, destination: str) -> pa.Array:
    """The addresses in the last stage that an earlier cleanup told of."""
    import pyarrow.compute as pc

    entries = store.stages(destination)
    known = pc.and_(pc.is_valid(entries["told_at"]), pc.is_null(entries["left_at"]))
    ripe = people["email"].filter(people["ripe"])
    return ripe.filter(pc.is_in(ripe, value_set=entries["email"].filter(known).combine_chunks())).combine_chunks()


def tell(store: Store, cleaning: Cleaning) -> None:
    """Once it has been said who stays in the last stage because the platform archives nobody, it is not said again."""
    from connector.lifecycle.cleanup import only_told

    staying = {side.ledger.destination: only_told(side) for side in cleaning.sides}
    if any(len(emails) for emails in staying.values()):
        with store.lease("cleanup"):
            for name, emails in staying.items():
                store.upkeep.tell(name, emails)


def _forgotten(store: Store, cleaning: Cleaning) -> Mapping[str, pa.Array]:
    """Destination -> addresses of people who were forgotten since the plan."""
    from connector.plan.rows import forgotten

    known = store.upkeep.tombstones()
    return {side.ledger.destination: forgotten(side.found["email"].combine_chunks(), *known) for side in cleaning.sides}


def _erased(store: Store, cleaning: Cleaning) -> Mapping[str, pa.Array]:
    """Those too that the platform does not hold any more: nobody keeps a list of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    gone, found = pa.array([str(Status.ABSENT), str(Status.FORGOTTEN)]), {}
    for name, forgotten in _forgotten(store, cleaning).items():
        contacts = store.ledger(name).contacts
        lost = contacts["email"].filter(pc.is_in(contacts["status"], value_set=gone)).combine_chunks()
        found[name] = pa.concat_arrays([forgotten.cast(pa.string()), lost])
    return found


def _outcomes(store: Store, run_id: str) -> pa.Table:
    """What became of everybody in the run who was to be archived, suppressed or unsubscribed (RUN_CHANGES)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    done = store.run_changes(run_id)
    return done.filter(pc.is_in(done["op"], value_set=pa.array([str(op) for op in pushing.FINAL])))


def write(
    workspace: Workspace, cleaning: Cleaning, forgotten: Mapping[str, pa.Array], done: pa.Table | None = None
) -> Path | None:
    """Everybody who is to be archived, suppressed or unsubscribed, but for those of `forgotten` (destination ->
    addresses), with all that is needed to bring them back, and with what became of them (`done`, RUN_CHANGES). Readable
    by its owner alone. None when there is nobody."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    from connector.core import files
    from connector.lifecycle.cleanup import OUTCOMES, listed

    tables = []
    for side in cleaning.sides:
        name, outcomes = side.ledger.destination, None
        if done is not None:
            outcomes = done.filter(pc.equal(done["destination"], name)).select(OUTCOMES.names)
        tables.append(listed(side, forgotten[name], outcomes))
    table = pa.concat_tables(tables)
    path = _folder(workspace) / f"retired-{workspace.as_of:%Y-%m-%d}-{cleaning.plan.id.removeprefix(PREFIX)}.csv"
    if not table.num_rows:
        path.unlink(missing_ok=True)
        return None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.replacing(path) as file:
        csv.write_csv(_worded(table), file)
    return path


def _folder(workspace: Workspace) -> Path:
    return Path(workspace.config.folder, ".connector", *(["rehearsal"] if workspace.options.rehearse else []))


def _worded(table: pa.Table) -> pa.Table:
    """The codes of `reason` as words."""
    import pyarrow as pa

    from connector.report.cleanup import reason

    words = pa.array([reason(code) if code else None for code in table["reason"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("reason"), "reason", words)


def _twice(contacts: pa.Table) -> int:
    """People of the CRM that the platform holds under several addresses."""
    import pyarrow.compute as pc

    known = contacts.filter(pc.and_(pc.is_valid(contacts["person"]), pc.not_equal(contacts["status"], "absent")))
    sizes = known.group_by("person").aggregate([("email", "count")])
    return int(pc.sum(pc.greater(sizes["email_count"], 1)).as_py() or 0)


def _reasons(quarantine: pa.Table) -> dict[str, int]:
    import pyarrow.compute as pc

    mine = quarantine.filter(pc.equal(quarantine["source"], "contacts"))
    rows = mine.group_by("reason").aggregate([("row", "count")]).sort_by("reason").to_pylist()
    return {row["reason"]: row["row_count"] for row in rows}
