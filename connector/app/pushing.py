"""Plan, push, resume, doctor: what involves the platforms.

Owns: the order of these steps. Must not: print, or hold the logic of a plan or a run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from connector.app import lifecycle, observing
from connector.app.desk import evaluate
from connector.app.workspace import Workspace, adapter
from connector.errors import ConfigError, DestinationError, PlanError, Stale, Unsafe
from connector.problem import Place, Problem

if TYPE_CHECKING:
    from connector.lifecycle.staging import Staged
    from connector.plan.model import Plan
    from connector.push.run import RunResult
    from connector.report.doctor import Health
    from connector.state.base import Ledger, Store


def doctor(workspace: Workspace) -> list[Health]:
    """Every destination's keys, account, audience and fields; a destination that fails does not hide the others."""
    from connector.report.doctor import Health

    found = []
    for item in workspace.destinations():
        try:
            account = adapter(workspace, item).check(item.fields)
            found.append(Health(item.name, item.platform, account.name, account.detail, account.problems))
        except (ConfigError, DestinationError) as error:
            found.append(Health(item.name, item.platform, "", "", (str(error),)))
    return found


def refreshed(workspace: Workspace, store: Store, limit: int | None = None) -> Plan:
    """As `plan`, after the ledger was compared with everything the platforms hold (--refresh)."""
    from connector.app.refreshing import refresh

    refuse_unfinished(store)
    notes = refresh(workspace, store)
    made = plan(workspace, store, limit, take_over=True)
    return replace(made, notes=(*notes, *made.notes))


def plan(workspace: Workspace, store: Store, limit: int | None = None, *, take_over: bool = False) -> Plan:
    """What a push would do now. Reads the exports and the platforms; writes nothing to a platform. With `take_over`
    targets that we wrote to are read again, and whoever is desired and there already is adopted.

    Raises PlanError when an unfinished run must be resumed first."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from connector.lifecycle import staging
    from connector.plan import build, hold, observe, rows
    from connector.plan.routes import route

    refuse_unfinished(store)
    config, now = workspace.config, workspace.now()
    policy = lifecycle.policy(workspace, whole=False)
    asked = observing.asked(config)  # of those that --to leaves out, what was last read
    complete = {
        item.name: observing.read(workspace, store, item.name, adapter(workspace, item), now)
        for item in workspace.destinations()
        if item.name in asked
    }
    evaluation = evaluate(workspace, store)
    people, desired = evaluation.table, evaluation.table.column("email").combine_chunks()
    tombstones = store.upkeep.tombstones()
    forgotten = rows.forgotten(desired, *tombstones)
    sides: list[build.Side] = []
    staged: list[tuple[Staged, Ledger]] = []
    for destination in workspace.destinations():
        routing = route(config, destination, workspace.options.only)
        connected = adapter(workspace, destination)
        if destination.name not in complete:
            complete[destination.name] = observing.read(workspace, store, destination.name, connected, now)
        wanted = desired.filter(observe.wanted(evaluation.table, routing))
        wanted = wanted.filter(pc.invert(pc.is_in(wanted, value_set=forgotten)))
        observe.contacts(
            store, connected, destination.name, wanted, now, workspace.options.listener, complete[destination.name]
        )
        ledger = store.ledger(destination.name)
        observe.people(store, ledger, evaluation.table)
        returned = rows.forgotten(ledger.contacts.column("email").combine_chunks(), *tombstones)
        if len(returned):
            store.upkeep.sweep(destination.name, returned)
            ledger = store.ledger(destination.name)
        if policy is not None:
            side = lifecycle.stage(workspace, store, people, ledger, routing, connected.capabilities, policy)
            routing, staged = side.routing, [*staged, (side, ledger)]
            people = pa.table({**dict(zip(people.column_names, people.columns, strict=True)), **side.columns})
        known = replace(ledger, targets=ledger.targets.slice(0, 0)) if take_over else ledger
        seen, new_targets = observe.targets(store, connected, routing, known)
        recent = hold.recent(store, routing, workspace.ago)
        sides.append(build.Side(routing, ledger, connected.capabilities, seen, new_targets, recent, forgotten))
    last = store.last_contacts()
    made = build.build(
        people,
        sides,
        as_of=workspace.as_of,
        made_at=now,
        contacts_before=last,
        limit=limit,
        notes=evaluation.notes,
    )
    return made if policy is None else staging.finish(made, staged, people, policy)


def bind(workspace: Workspace, plan: Plan) -> Plan:
    """The plan with the content hashes of the files it was made from, ready to be saved."""
    from connector.plan.saved import with_inputs

    return with_inputs(plan, _inputs(workspace))


def check_saved(workspace: Workspace, plan: Plan) -> None:
    """Raises Stale when segments.yaml or an export is not what the saved plan was made from."""
    now = _inputs(workspace)
    moved = sorted(name for name in {*now, *plan.inputs} if now.get(name) != plan.inputs.get(name))
    if moved:
        raise Stale(f"The saved plan no longer fits: {', '.join(moved)} changed since it was made. Plan again.")


def _inputs(workspace: Workspace) -> dict[str, str]:
    from connector.sources.catalog import catalog
    from connector.sources.discover import fingerprint

    config = workspace.config
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    found = catalog(config.model_copy(update={"sources": sources}), workspace.as_of)
    inputs = {f"source {name}": fingerprint(info.files) for name, info in found.items()}
    return inputs | {config.path.name: fingerprint([config.path])}


def guard(workspace: Workspace, plan: Plan) -> None:
    """Raises Unsafe for every guard that --allow does not lift; lifting needs a reason."""
    allowed = set(workspace.options.allow)
    if allowed and not workspace.options.reason:
        raise ConfigError([Problem(Place("--allow"), "no-reason", "--allow needs --reason “why this is right”.")])
    standing = [hit for hit in plan.guards if hit.name not in allowed]
    if standing:
        raise Unsafe("\n".join(hit.message for hit in standing), [hit.name for hit in standing])


def push(workspace: Workspace, store: Store, plan: Plan) -> RunResult:
    """Open a run for the plan and apply it. The guards must have been asked before (`guard`)."""
    from connector.push.run import apply

    lifted = dict.fromkeys(workspace.options.allow, workspace.options.reason or "")
    with store.lease("push"):
        run = store.open_run(
            plan_id=plan.id,
            as_of=plan.as_of,
            made_at=plan.made_at,
            changes=plan.changes,
            revisions=plan.revisions,
            contacts=plan.contacts,
            allowed=lifted,
            stages=plan.stages,
        )
        adapters = {name: adapter(workspace, workspace.config.destinations[name]) for name in plan.revisions}
        return apply(store, run, adapters, workspace.options.listener, workspace.stop, now=workspace.now)


def resume(workspace: Workspace, store: Store) -> RunResult | None:
    """Finish the run that was cut off; None when there is none."""
    from connector.push.run import resume as resume_run

    open_run = store.unfinished()
    if open_run is None:
        return None
    adapters = {name: adapter(workspace, item) for name, item in workspace.config.destinations.items()}
    with store.lease("resume"):
        return resume_run(store, adapters, workspace.options.listener, workspace.stop)


def refuse_unfinished(store: Store) -> None:
    run = store.unfinished()
    if run is not None:
        raise PlanError(f"Run {run.id} was cut off. Finish it first: sync resume.")
