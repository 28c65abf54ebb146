"""Plan, push, resume, doctor: what involves the platforms.

Owns: the order of these steps. Must not: print, or hold the logic of a plan or a run.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from connector.app import freezing, observing
from connector.app.desk import evaluate
from connector.app.workspace import Workspace, adapter
from connector.errors import ConfigError, DestinationError, Stale, Unsafe

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.models import Destination
    from connector.plan import build
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

    store.require_finished()
    notes = refresh(workspace, store)
    made = plan(workspace, store, limit, take_over=True)
    return replace(made, notes=(*notes, *made.notes))


def plan(workspace: Workspace, store: Store, limit: int | None = None, *, take_over: bool = False) -> Plan:
    """What a push would do now. Reads the exports and the platforms; writes nothing to a platform. With `take_over`
    targets that we wrote to are read again, and whoever is desired and there already is adopted.

    Raises PlanError when an unfinished run must be resumed first."""
    from connector.plan import build, rows
    from connector.segments.names import asked_of_platforms

    store.require_finished()
    config, now = workspace.config, datetime.now(UTC)
    chosen = workspace.destinations()
    asked = asked_of_platforms(config)  # of those that --to leaves out, what was last read
    with ThreadPoolExecutor(max(1, len(chosen)), thread_name_prefix="plan") as pool:
        first = {item.name: pool.submit(_held, workspace, store, now, item) for item in chosen if item.name in asked}
        held = {name: reading.result() for name, reading in first.items()}
        later = {item.name: pool.submit(_held, workspace, store, now, item) for item in chosen if item.name not in held}
        evaluation = evaluate(workspace, store)
        held |= {name: reading.result() for name, reading in later.items()}
        beside = partial(_side, workspace, store, now, evaluation.table, take_over)
        sides = list(pool.map(beside, chosen, [held[item.name] for item in chosen]))
    forgotten = rows.forgotten(evaluation.table.column("email").combine_chunks(), *store.upkeep.tombstones())
    frozen = freezing.due(workspace, store, evaluation, forgotten)
    return build.build(
        evaluation.table,
        sides,
        as_of=workspace.as_of,
        made_at=now,
        contacts_before=store.last_contacts(),
        limit=limit,
        notes=frozen.notes,
        frozen=frozen.members,
        released=frozen.released,
    )


def _held(workspace: Workspace, store: Store, now: datetime, destination: Destination) -> tuple[bool, Ledger]:
    """What changed on the platform is read, then the ledger; whether everybody was read just now."""
    complete = observing.read(workspace, store, destination.name, adapter(workspace, destination), now)
    return complete, store.ledger(destination.name)


def _side(
    workspace: Workspace,
    store: Store,
    now: datetime,
    desired: pa.Table,
    take_over: bool,
    destination: Destination,
    held: tuple[bool, Ledger],
) -> build.Side:
    """One destination's part of the plan: people and targets nobody has asked about yet are looked up there."""
    import pyarrow.compute as pc

    from connector.plan import build, hold, moves, observe, rows
    from connector.plan.routes import route

    (complete, ledger), connected = held, adapter(workspace, destination)
    routing = route(workspace.config, destination, workspace.options.only)
    tombstones = store.upkeep.tombstones()
    forgotten = rows.forgotten(desired.column("email").combine_chunks(), *tombstones)
    unknown = moves.strangers(desired, ledger)
    people = unknown.column("email").filter(observe.wanted(unknown, routing)).combine_chunks()
    people = people.filter(pc.invert(pc.is_in(people, value_set=forgotten)))
    if observe.contacts(store, ledger, connected, people, now, workspace.options.listener, complete):
        ledger = store.ledger(destination.name)
    observe.people(store, ledger, unknown)
    returned = rows.forgotten(ledger.contacts.column("email").combine_chunks(), *tombstones)
    if len(returned):
        store.upkeep.sweep(destination.name, returned)
        ledger = store.ledger(destination.name)
    known = replace(ledger, targets=ledger.targets.slice(0, 0)) if take_over else ledger
    seen, new_targets = observe.targets(store, connected, routing, known)
    recent = hold.recent(store, routing, workspace.ago)
    return build.Side(routing, ledger, connected.capabilities, seen, new_targets, recent, forgotten)


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
    from connector.sources import members
    from connector.sources.catalog import catalog
    from connector.sources.discover import fingerprint

    config = workspace.config
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    found = catalog(config.model_copy(update={"sources": sources}), workspace.as_of)
    inputs = {f"source {name}": fingerprint(info.files) for name, info in found.items()}
    inputs |= {f"members of {name}": fingerprint(files) for name, files in members.files(config).items()}
    return inputs | {config.path.name: fingerprint([config.path])}


def guard(workspace: Workspace, plan: Plan) -> None:
    """Raises Unsafe for every guard that --allow does not lift."""
    standing = [hit for hit in plan.guards if hit.name not in workspace.options.allow]
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
            frozen=plan.frozen,
            released=plan.released,
        )
        adapters = {name: adapter(workspace, workspace.config.destinations[name]) for name in plan.revisions}
        return apply(store, run, adapters, workspace.options.listener, workspace.stop)


def resume(workspace: Workspace, store: Store) -> RunResult | None:
    """Finish the run that was cut off; None when there is none."""
    from connector.push.run import resume as resume_run

    open_run = store.unfinished()
    if open_run is None:
        return None
    adapters = {name: adapter(workspace, item) for name, item in workspace.config.destinations.items()}
    with store.lease("resume"):
        return resume_run(store, adapters, workspace.options.listener, workspace.stop)
