"""`sync cleanup`: whom to archive and whose tags to take off, shown as a plan; the list of them is written first.

Owns: the order of these steps, and the file of who is archived. Must not: print, or choose anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app import accounts, lifecycle, observing, pushing
from connector.app.offline import decisive
from connector.app.workspace import Workspace, adapter
from connector.core.errors import Interrupted, PlanError
from connector.core.model import Outcome

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

    store.require_finished()
    config, now, new = workspace.config, workspace.now(), accounts.new(workspace, store)
    policy = lifecycle.policy(workspace)
    for item in workspace.destinations():
        observing.read(workspace, store, item.name, adapter(workspace, item), everything=True)
    evaluation, loaded = decisive(workspace, store)
    desired = evaluation.table
    sides = []
    for item in workspace.destinations():
        can, ledger = adapter(workspace, item).capabilities, store.ledger(item.name)
        people = (
            machine.PEOPLE.empty_table()
            if policy is None
            else lifecycle.decide(workspace, store, desired, ledger, policy)
        )
        do = retiring.actions(item.name, policy, config.cleanup, can)
        most = retiring.most(policy, desired.num_rows)
        engagement = store.engagement(item.name)[0]
        found = retiring.find(people, desired, ledger, engagement, do, most)
        held, seen = plans.held(desired, ledger), recheck_query.seen(ledger.contacts, engagement)
        sides.append(plans.Findings(route(config, item), ledger, can, do, found, held, seen))
    notes = (*new, *evaluation.warnings)
    made = assemble(
        [plans.part(side, policy) for side in sides],
        as_of=workspace.as_of,
        made_at=now,
        export=counted(desired),
        before=store.last_export(),
        notes=notes,
        prefix=PREFIX,
    )
    orphans = {side.ledger.destination: plans.orphans(side, config.lifecycle) for side in sides}
    twice = {side.ledger.destination: _twice(side.ledger.contacts) for side in sides}
    return Cleaning(made, tuple(sides), orphans, twice, _reasons(loaded.quarantine))


def apply(workspace: Workspace, store: Store, cleaning: Cleaning) -> tuple[RunResult, Path | None]:
    """Write down who is archived, suppressed or unsubscribed, then do it. The guards must have been asked before.

    The list is there before the first request. Afterwards nobody is in it to whom nothing was done; a plan that is
    refused leaves none."""
    path = write(workspace, cleaning, _forgotten(store, cleaning))
    try:
        result = pushing.push(workspace, store, cleaning.plan)
    except (PlanError, Interrupted):  # no run was opened
        if path is not None:
            path.unlink()
        raise
    return result, write(workspace, cleaning, _skipped(store, result.run_id))


def _forgotten(store: Store, cleaning: Cleaning) -> Mapping[str, pa.Array]:
    """Destination -> addresses of people who were forgotten since the plan."""
    from connector.plan.rows import forgotten

    known = store.upkeep.tombstones()
    return {side.ledger.destination: forgotten(side.found["email"].combine_chunks(), *known) for side in cleaning.sides}


def _skipped(store: Store, run_id: str) -> Mapping[str, pa.Array]:
    """Destination -> addresses that the run left alone."""
    import pyarrow.compute as pc

    done = store.run_changes(run_id)
    left = done.filter(pc.equal(done["outcome"], str(Outcome.SKIPPED)))
    names = pc.unique(left["destination"]).to_pylist()
    return {name: left.filter(pc.equal(left["destination"], name))["email"].combine_chunks() for name in names}


def write(workspace: Workspace, cleaning: Cleaning, spared: Mapping[str, pa.Array]) -> Path | None:
    """Everybody who is archived, suppressed or unsubscribed, but for those of `spared` (destination -> addresses), with
    all that is needed to bring them back; readable by its owner alone. None when there is nobody."""
    import pyarrow as pa
    from pyarrow import csv

    from connector.core import files
    from connector.lifecycle.cleanup import listed

    nobody = pa.array([], pa.string())
    table = pa.concat_tables([listed(side, spared.get(side.ledger.destination, nobody)) for side in cleaning.sides])
    folder = Path(workspace.config.folder, ".connector", *(["rehearsal"] if workspace.options.rehearse else []))
    path = folder / f"retired-{workspace.as_of:%Y-%m-%d}-{cleaning.plan.id.removeprefix(PREFIX)}.csv"
    if not table.num_rows:
        path.unlink(missing_ok=True)
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with files.replacing(path) as file:
        csv.write_csv(table, file)
    return path


def _twice(contacts: pa.Table) -> int:
    """People of the CRM whom the platform holds under several addresses."""
    import pyarrow.compute as pc

    known = contacts.filter(pc.and_(pc.is_valid(contacts["person"]), pc.not_equal(contacts["status"], "absent")))
    sizes = known.group_by("person").aggregate([("email", "count")])
    return int(pc.sum(pc.greater(sizes["email_count"], 1)).as_py() or 0)


def _reasons(quarantine: pa.Table) -> dict[str, int]:
    import pyarrow.compute as pc

    mine = quarantine.filter(pc.equal(quarantine["source"], "contacts"))
    rows = mine.group_by("reason").aggregate([("row", "count")]).sort_by("reason").to_pylist()
    return {row["reason"]: row["row_count"] for row in rows}
