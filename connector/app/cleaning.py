"""`sync cleanup`: whom to let go and whose tags to take off, shown as a plan; the list of them is written first.

Owns: the order of these steps, and the file of who is let go. Must not: print, or choose anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connector.app import accounts, lifecycle, observing, pushing
from connector.app.offline import check
from connector.app.workspace import Workspace, adapter

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
    from connector.plan.routes import route
    from connector.push import recheck_query

    store.require_finished()
    config, now, new = workspace.config, workspace.now(), accounts.new(workspace, store)
    policy = lifecycle.policy(workspace)
    for item in workspace.destinations():
        observing.read(workspace, store, item.name, adapter(workspace, item), everything=True)
    evaluation, loaded = check(workspace, store)
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
        contacts=desired.num_rows,
        contacts_before=store.last_contacts(),
        notes=notes,
        prefix=PREFIX,
    )
    orphans = {side.ledger.destination: plans.orphans(side, config.lifecycle) for side in sides}
    twice = {side.ledger.destination: _twice(side.ledger.contacts) for side in sides}
    return Cleaning(made, tuple(sides), orphans, twice, _reasons(loaded.quarantine))


def apply(workspace: Workspace, store: Store, cleaning: Cleaning) -> tuple[RunResult, Path | None]:
    """Write down who is let go, then do it. The guards must have been asked before."""
    path = write(workspace, cleaning)
    return pushing.push(workspace, store, cleaning.plan), path


def write(workspace: Workspace, cleaning: Cleaning) -> Path | None:
    """Everybody who is about to be let go, with all that is needed to bring them back; readable by its owner alone.
    None when nobody is."""
    import pyarrow as pa
    from pyarrow import csv

    from connector.core import files
    from connector.lifecycle.cleanup import listed

    table = pa.concat_tables([listed(side) for side in cleaning.sides])
    if not table.num_rows:
        return None
    folder = Path(workspace.config.folder, ".connector", *(["rehearsal"] if workspace.options.rehearse else []))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"retired-{workspace.as_of:%Y-%m-%d}-{cleaning.plan.id.removeprefix(PREFIX)}.csv"
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
