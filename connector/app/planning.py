"""Makes the plan: the export is evaluated while the platforms and the ledger are read, then the two are compared.

Owns: the order of these steps, and what happens side by side. Must not: print, send, or hold the logic of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from connector.app import accounts, freezing, lifecycle, measuring, observing
from connector.app.apart import Apart
from connector.app.offline import decisive
from connector.app.workspace import Workspace, adapter, require_keys
from connector.core.errors import DestinationError

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.sections.models import Destination
    from connector.core.plan import Export, Moment, Plan
    from connector.lifecycle.policy import Policies
    from connector.lifecycle.staging import Staged
    from connector.plan.diff.compare import DestinationState
    from connector.plan.part import Part
    from connector.plan.routes import Routing
    from connector.platforms.base import Adapter
    from connector.segments.evaluate import Evaluation
    from connector.state.base import Ledger, Store


_T = TypeVar("_T")


def refreshed(workspace: Workspace, store: Store, limit: int | None = None, *, learn: bool = True) -> Plan:
    """As `plan`, after the ledger was compared with everything the platforms hold (--refresh)."""
    require_keys(workspace)
    store.require_finished()
    notes = refresh(workspace, store)
    made = plan(workspace, store, limit, take_over=True, learn=learn)
    return replace(made, notes=(*notes, *made.notes))


def refresh(workspace: Workspace, store: Store) -> list[str]:
    """The ledger compared with everything that the chosen platforms hold; what it found, in sentences."""
    from connector.platforms.http.limits import WallClock
    from connector.push import pending_jobs
    from connector.reconcile import refresh as reconcile
    from connector.reconcile.account import verify

    adapters = {item.name: adapter(workspace, item) for item in workspace.destinations()}
    apart = Apart(workspace.options.require_all)  # the plan asks again, and tells of it

    def read(name: str, connected: Adapter) -> list[str]:
        verify(store, name, connected, workspace.reading)
        pending_jobs.wait(name, connected, workspace.reading, WallClock(workspace.stop))
        return reconcile.refresh(store, {name: connected}, workspace.reading)

    found = [apart.tried(name, partial(read, name, connected)) for name, connected in adapters.items()]
    apart.require(len(adapters) - len(apart.found))
    return [note for notes in found for note in notes or ()]


def plan(
    workspace: Workspace, store: Store, limit: int | None = None, *, take_over: bool = False, learn: bool = True
) -> Plan:
    """What a push would do now. Reads the exports and the platforms; writes nothing to a platform. With `take_over`
    targets that we wrote to are read again, and those desired and there already are adopted. `limit` cuts the plan
    to so many people per destination, after its guards have looked at the whole.
    `learn`: it may be pushed, so it has what the history learns then.

    Raises PlanError when an unfinished run must be resumed first."""
    from connector.plan.assemble import assemble

    asked = ask(workspace, store, take_over=take_over, learn=learn)
    return assemble(
        asked.parts,
        as_of=workspace.as_of,
        made_at=asked.made_at,
        export=asked.export,
        before=store.last_export(),
        notes=asked.notes,
        findings=asked.findings,
        frozen=asked.frozen.members,
        released=asked.frozen.released,
        limit=limit,
        unread=asked.apart.unread,
        kinds=asked.apart.kinds,
        moment=asked.moment,
        skipped=asked.skipped,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What segments and stages ask of the chosen destinations, and of which export; `apart` has those without a
    part. `skipped` are the segments of which nothing is known, and why."""

    parts: Sequence[Part]
    made_at: datetime
    export: Export
    notes: Sequence[str]
    frozen: freezing.Freezing
    findings: Sequence[str]
    apart: Apart
    moment: Moment | None
    skipped: Mapping[str, str]


def ask(
    workspace: Workspace, store: Store, *, take_over: bool = False, former: bool = False, learn: bool = False
) -> Asked:
    """Reads the exports and the platforms, and compares. `take_over` and `learn` as for `plan`; with `former`, members
    who are not desired are taken over as well.

    Raises PlanError when an unfinished run must be resumed first."""
    from connector.plan.desired import counted

    require_keys(workspace)
    store.require_finished()
    new = accounts.new(workspace, store)
    policies = lifecycle.policies(workspace, whole=False)
    planning = _Planning(workspace, store, workspace.now(), policies, take_over)
    evaluation, forgotten, compared, apart = planning.read()
    accounts.refuse_shared(workspace, store)
    people = evaluation.table
    for one in compared:
        for name, column in one.staged.columns.items() if one.staged else ():
            people = people.append_column(name, column)
    frozen = freezing.due(workspace, store, evaluation, forgotten)
    short = lifecycle.told(workspace, store, people, policies) if policies else ()
    parts = [_part(people, one, policies) for one in compared]
    if former:
        parts = [_with_former(store, people, part, one) for part, one in zip(parts, compared, strict=True)]
    return Asked(
        parts,
        planning.now,
        counted(people),
        (*new, *frozen.notes, *short),
        frozen,
        evaluation.findings,
        apart,
        measuring.moment(workspace, store, evaluation, forgotten) if learn else None,
        {
            name: why
            for name, why in evaluation.left_out.items()
            if freezing.sent(workspace, workspace.config.segments[name])
        },
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """What is compared at one destination; `staged` when there is a lifecycle."""

    state: DestinationState
    staged: Staged | None


def _alone(readings: Mapping[str, Future[_T]], apart: Apart) -> dict[str, _T]:
    """What was read of each destination. One that cannot be worked with is told in `apart`, and is missing here; any
    other trouble is raised."""
    found = {}
    for name, reading in readings.items():
        try:
            found[name] = reading.result()
        except DestinationError as error:
            apart.note(name, error)
    return found


def _part(people: pa.Table, one: _Compared, policies: Policies) -> Part:
    """The changes that segments and stages ask of one destination."""
    from connector.lifecycle import staging
    from connector.plan import desired

    part = desired.part(people, one.state)
    if one.staged is None:
        return part
    return staging.staged(part, one.staged, lifecycle.here(policies, part.routing.destination.name))


def _with_former(store: Store, people: pa.Table, part: Part, one: _Compared) -> Part:
    """The part with members who are not desired, but for those who were forgotten."""
    from connector.plan import former, rows

    tombstones = store.upkeep.tombstones()
    return former.taken_over(part, people, one.state.observed, lambda emails: rows.forgotten(emails, *tombstones))


@dataclass(frozen=True, slots=True)
class _Planning:
    """What all destinations of one plan share."""

    workspace: Workspace
    store: Store
    now: datetime
    policies: Policies
    take_over: bool

    def read(self) -> tuple[Evaluation, pa.Array, Sequence[_Compared], Apart]:
        """The export, those of it who were forgotten, every destination's part, and which could not be read. What
        rules ask of a platform is read before they are evaluated, everything else meanwhile. While one that the
        lifecycle asks is not read, nobody is taken for silent anywhere.

        Raises DestinationError for a destination that rules ask, and when none is left."""
        from connector.plan import rows
        from connector.segments.names import asked_of_platforms

        chosen, by_rules = self.workspace.destinations(), asked_of_platforms(self.workspace.config)
        apart = Apart(self.workspace.options.require_all)
        asked = observing.asked(self.workspace.config)  # of those that --to leaves out, what was last read
        with ThreadPoolExecutor(max(1, len(chosen)), thread_name_prefix="plan") as pool:
            first = {item.name: pool.submit(self.held, item) for item in chosen if item.name in asked}
            held = {name: reading.result() for name, reading in first.items() if name in by_rules}
            held |= _alone({name: reading for name, reading in first.items() if name not in by_rules}, apart)
            others = {item.name: pool.submit(self.held, item) for item in chosen if item.name not in asked}
            evaluation, _ = decisive(self.workspace, self.store)
            emails = evaluation.table.column("email").combine_chunks()
            forgotten = rows.forgotten(emails, *self.store.upkeep.tombstones())
            held |= _alone(others, apart)
            unread = tuple(apart.found)
            compared = _alone(
                {
                    item.name: pool.submit(self.part, evaluation, forgotten, unread, item, *held[item.name])
                    for item in chosen
                    if item.name in held
                },
                apart,
            )
            apart.require(len(compared))
            return evaluation, forgotten, list(compared.values()), apart

    def held(self, destination: Destination) -> tuple[bool, Ledger]:
        """What changed on the platform is read, then the ledger; whether everybody was read just now."""
        connected = adapter(self.workspace, destination)
        complete = observing.read(self.workspace, self.store, destination.name, connected)
        return complete, self.store.ledger(destination.name)

    def part(
        self,
        evaluation: Evaluation,
        forgotten: pa.Array,
        unread: tuple[str, ...],
        destination: Destination,
        complete: bool,
        ledger: Ledger,
    ) -> _Compared:
        """People and targets that nobody has asked about yet are looked up on the platform. `unread` are other
        destinations, of which nothing new is known."""
        from connector.plan.diff import hold
        from connector.plan.diff.compare import DestinationState
        from connector.plan.routes import route
        from connector.reconcile import observe

        connected, desired = adapter(self.workspace, destination), evaluation.table
        routing = route(self.workspace.config, destination, self.workspace.options.only, evaluation.left_out)
        gone = observe.deleted(self.store, connected, routing, ledger)
        if self.store.revisions([destination.name])[destination.name] != ledger.revision:  # a target was forgotten
            ledger = self.store.ledger(destination.name)
        ledger = self._known(desired, forgotten, routing, ledger, connected, complete)
        staged = None
        if held := lifecycle.here(self.policies, destination.name):
            can = connected.capabilities
            staged = lifecycle.stage(self.workspace, self.store, desired, ledger, routing, can, held, unread)
            routing = staged.routing
        known = replace(ledger, targets=ledger.targets.slice(0, 0)) if self.take_over else ledger
        strangers: dict[int, int] = {}
        seen, new_targets = observe.targets(self.store, connected, routing, known, self.workspace.reading, strangers)
        if ledger.revision == 0:
            routing = replace(routing, notes=(*routing.notes, *accounts.outsiders(routing, desired, seen, strangers)))
        new_targets |= gone
        ledger = replace(ledger, left=self.store.left_lists(destination.name))  # of the targets just found, too
        recent = hold.recent(self.store, routing, self.workspace.ago)
        state = DestinationState(routing, ledger, connected.capabilities, seen, new_targets, recent, forgotten)
        return _Compared(state, staged)

    def _known(
        self,
        desired: pa.Table,
        forgotten: pa.Array,
        routing: Routing,
        ledger: Ledger,
        connected: Adapter,
        complete: bool,
    ) -> Ledger:
        """The ledger, with everybody in it that the plan needs."""
        import pyarrow.compute as pc

        from connector.plan.diff import moves
        from connector.reconcile import erased, observe

        store, name = self.store, ledger.destination
        unknown = moves.strangers(desired, ledger)
        people = unknown.column("email").filter(observe.wanted(unknown, routing)).combine_chunks()
        people = people.filter(pc.invert(pc.is_in(people, value_set=forgotten)))
        if observe.contacts(store, ledger, connected, people, self.workspace.reading, complete):
            ledger = store.ledger(name)
        if observe.opted_out(store, ledger, connected, desired, routing, forgotten, self.workspace.reading):
            ledger = store.ledger(name)
        observe.people(store, ledger, unknown)
        return erased.before_plan(store, ledger, connected, desired, routing, self.workspace.reading)
