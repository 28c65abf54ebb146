"""Push, resume, abandon: a plan is guarded, compared with its inputs and applied.

Owns: the order of these steps. Must not: print, or hold the logic of a plan or a run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace, adapter, require_keys
from connector.core.errors import ConfigError, Refused, Stale, Unsafe
from connector.core.model import Op
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    from connector.config.sections.models import Destination
    from connector.core.plan import GuardHit, Plan
    from connector.push.run import RunResult
    from connector.state.base import RunInfo, Store


FINAL = (Op.RETIRE, Op.UNSUBSCRIBE)  # before these every platform is asked


def bound(workspace: Workspace, make: Callable[[], Plan]) -> Plan:
    """The plan that `make` makes, with the content hashes of its files as they were before it read them: ready to be
    saved. A file that changes meanwhile makes it stale."""
    from connector.plan.saved import with_inputs

    inputs = _inputs(workspace)
    return with_inputs(make(), inputs)


def check_saved(workspace: Workspace, plan: Plan) -> None:
    """Raises Stale when segments.yaml or an export is not what the saved plan was made from. One that was never bound
    to them has just been made."""
    if not plan.inputs:
        return
    now = _inputs(workspace)
    moved = sorted(name for name in {*now, *plan.inputs} if now.get(name) != plan.inputs.get(name))
    if moved:
        raise Stale(f"The saved plan no longer fits: {', '.join(moved)} changed since it was made. Plan again.")


def _inputs(workspace: Workspace) -> dict[str, str]:
    from connector.app.offline import described
    from connector.sources import members
    from connector.sources.files.discover import fingerprint
    from connector.sources.warehouse import local

    config = workspace.config
    sources = {name: source.model_copy(update={"max_age": None}) for name, source in config.sources.items()}
    found = described(config.model_copy(update={"sources": sources}), workspace.as_of)
    inputs = {f"source {name}": fingerprint(info.files) for name, info in found.items()}
    if (file := local.file_of(config)) is not None:
        inputs["engine"] = fingerprint([file])
    inputs |= {f"members of {name}": fingerprint(files) for name, files in members.files(config).items()}
    return inputs | {config.path.name: fingerprint([config.path])}


def permitted(workspace: Workspace, plan: Plan) -> Plan:
    """The plan without the destinations that a guard keeps out. Raises Unsafe when that is all of it, when a guard
    judges the export (it holds for all), and with --require-all; Interrupted when the user asked to stop."""
    from connector.plan.guards.rules import WHOLE

    if workspace.options.require_all and plan.unread:
        raise Refused(" ".join(plan.unread.values()), destination=next(iter(plan.unread)))
    hits = standing(workspace, plan)
    held_back = {name: " ".join(hit.message for hit in hits if hit.destination == name) for name in _named(hits)}
    some = plan.without(held_back)
    whole = any(hit.name in WHOLE or hit.destination not in plan.revisions for hit in hits)
    if whole or workspace.options.require_all or not (some.changes.num_rows or some.stages.num_rows):
        guard(workspace, plan)
    workspace.go_on()
    return some if held_back else plan


def _named(hits: Sequence[GuardHit]) -> list[str]:
    return list(dict.fromkeys(hit.destination for hit in hits))


def standing(workspace: Workspace, plan: Plan) -> list[GuardHit]:
    """The guards that --allow does not override."""
    return [hit for hit in plan.guards if hit.name not in workspace.options.allow]


def guard(workspace: Workspace, plan: Plan) -> None:
    """Raises Unsafe for every guard that --allow does not override, and Interrupted when the user asked to stop."""
    workspace.go_on()
    hits = standing(workspace, plan)
    if hits:
        names = list(dict.fromkeys(hit.name for hit in hits))
        again = f"sync {workspace.options.command} {' '.join(f'--allow {name}' for name in names)} --reason “…”"
        raise Unsafe("\n".join([*(hit.message for hit in hits), f"To go ahead all the same: {again}"]), names)


def rules(workspace: Workspace) -> dict[tuple[str, str, str], str]:
    """(destination, kind, target) -> the segments, or stages of the lifecycle, that fill it."""
    config, found = workspace.config, dict[tuple[str, str, str], str]()
    for segment in config.segments.values():
        for entry in segment.send_to:
            for kind, name in entry.targets:
                key = (entry.destination, f"{kind}", name)
                found[key] = f"{found[key]}, {segment.name}" if key in found else f"segment {segment.name}"
    stages = [stage for policy in config.lifecycle for stage in (*policy.stages, policy.returned)]
    for stage in stages:
        for what, target in (("tag", stage.tag), ("list", stage.list_)) if stage else ():
            for destination in config.destinations if target else ():
                found.setdefault((destination, what, f"{target}"), f"lifecycle {getattr(stage, 'name', 'returned')}")
    return found


def push(workspace: Workspace, store: Store, plan: Plan) -> RunResult:
    """Open a run for the plan and apply it, however the plan came about. Raises Unsafe, Stale."""
    from connector.push.run import apply

    guard(workspace, plan)
    check_saved(workspace, plan)
    overridden = dict.fromkeys(workspace.options.allow, workspace.options.reason or "")
    asked = asked_of(workspace, plan)
    with store.lease("push"):
        store.project.bind(workspace.config.project, workspace.config.path.name)
        run = store.open_run(
            plan_id=plan.id,
            as_of=plan.as_of,
            made_at=plan.made_at,
            changes=plan.changes,
            revisions=plan.revisions,
            export=plan.export,
            allowed=overridden,
            frozen=plan.frozen,
            released=plan.released,
            stages=plan.stages,
            moment=plan.moment,
        )
        adapters = {name: adapter(workspace, workspace.config.destinations[name]) for name in asked}
        result = apply(store, run, adapters, workspace.options.listener, workspace.stop)
    return replace(
        result, unread=plan.unread, held_back=plan.held_back, skipped=plan.skipped, planned=list(plan.revisions)
    )


def unchanged(workspace: Workspace, store: Store, plan: Plan) -> None:
    """A push that has nothing to send is a moment of the history all the same."""
    if plan.moment.segments.num_rows and not plan.unread and not plan.held_back:
        check_saved(workspace, plan)
        with store.lease("push"):
            store.learn(plan.moment, plan.as_of, plan.export.contacts)


def asked_of(workspace: Workspace, plan: Plan) -> list[str]:
    """The destinations whose platforms a run of the plan calls: all of the file before somebody is archived, since a
    click on any of them counts. Raises ConfigError when one has no key, before anything is opened."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ops = pa.array([str(op) for op in FINAL])
    if not pc.any(pc.is_in(plan.changes["op"], value_set=ops)).as_py():
        return list(plan.revisions)
    return list(dict.fromkeys([*plan.revisions, *(item.name for item in everywhere(workspace))]))


def everywhere(workspace: Workspace) -> list[Destination]:
    """The chosen destinations, and all others of the file whose platform tells of clicks, whatever --to says. Raises
    ConfigError when one has no key."""
    chosen, found = workspace.destinations(), workspace.config.destinations.values()
    rehearsed = [item for item in found if not workspace.options.rehearse or item.name in workspace.addresses]
    others = [item for item in rehearsed if adapter(workspace, item).capabilities.engagement is not None]
    return [*chosen, *(item for item in others if item not in chosen)]


def resume(workspace: Workspace, store: Store) -> RunResult | None:
    """Finish the run that was cut off; None when there is none."""
    from connector.push.run import resume as resume_run

    open_run = store.unfinished()
    if open_run is None:
        return None
    require_keys(workspace)
    adapters = {name: adapter(workspace, item) for name, item in workspace.config.destinations.items()}
    with store.lease("resume"):
        return resume_run(store, adapters, workspace.options.listener, workspace.stop)


def abandon(workspace: Workspace, store: Store, run_id: str, reason: str) -> RunInfo:
    """Give up an unfinished run, without asking a platform; how it stands now. Its counts tell what is unknown and what
    was not sent. Raises PlanError for a run that is over, StateError for one that is not there."""
    if not reason.strip():
        raise ConfigError(
            [Problem(Place("--reason"), "no-reason", "A run is given up with a reason, and this is empty.")]
        )
    with store.lease("abandon"):
        store.project.require(workspace.config.project, workspace.config.path.name)
        store.run(run_id)
        store.journal.abandon(run_id, reason.strip())
    return store.run(run_id)
