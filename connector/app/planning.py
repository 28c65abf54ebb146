"""Makes the plan: the export is evaluated while the platforms and the ledger are read, then the two are compared.

Owns: the order of these steps, and what happens side by side. Must not: print, send, or hold the logic of a plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from connector.app import accounts, freezing, lifecycle, measuring, observing
from connector.app.offline import decisive
from connector.app.workspace import Workspace, adapter
from connector.core.errors import Refused

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.sections.models import Destination
    from connector.core.plan import Export, Moment, Plan
    from connector.lifecycle.policy import Policy
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
    for name, connected in list(adapters.items()):
        try:
            verify(store, name, connected, workspace.reading)
        except Refused:
            if len(adapters) == 1:
                raise
            del adapters[name]  # the plan asks again, and tells of it
            continue
        pending_jobs.wait(name, connected, workspace.reading, WallClock(workspace.stop))
    return reconcile.refresh(store, adapters, workspace.reading)


def plan(
    workspace: Workspace, store: Store, limit: int | None = None, *, take_over: bool = False, learn: bool = True
) -> Plan:
    """What a push would do now. Reads the exports and the platforms; writes nothing to a platform. With `take_over`
    targets that we wrote to are read again, and whoever is desired and there already is adopted. `limit` cuts the plan
    to so many people per destination, after its guards have looked at the whole. `learn`: it may be pushed, so it has
    what the history learns then.

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
        unread=asked.unread,
        moment=asked.moment,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """What segments and stages ask of the chosen destinations, and of which export; `unread` as in Plan."""

    parts: Sequence[Part]
    made_at: datetime
    export: Export
    notes: Sequence[str]
    frozen: freezing.Freezing
    findings: Sequence[str]
    unread: Mapping[str, str]
    moment: Moment | None


def ask(
    workspace: Workspace, store: Store, *, take_over: bool = False, former: bool = False, learn: bool = False
) -> Asked:
    """Reads the exports and the platforms, and compares. `take_over` and `learn` as for `plan`; with `former`, members
    who are not desired are taken over as well.

    Raises PlanError when an unfinished run must be resumed first."""
    from connector.plan.desired import counted

    store.require_finished()
    new = accounts.new(workspace, store)
    policy = lifecycle.policy(workspace, whole=False)
    planning = _Planning(workspace, store, workspace.now(), policy, take_over)
    evaluation, forgotten, compared, unread = planning.read()
    accounts.refuse_shared(workspace, store)
    people = evaluation.table
    for one in compared:
        for name, column in one.staged.columns.items() if one.staged else ():
            people = people.append_column(name, column)
    frozen = freezing.due(workspace, store, evaluation, forgotten)
    short = () if policy is None else lifecycle.told(workspace, store, people, policy)
    parts = [_part(people, one, policy) for one in compared]
    if former:
        parts = [_with_former(store, people, part, one) for part, one in zip(parts, compared, strict=True)]
    return Asked(
        parts,
        planning.now,
        counted(people),
        (*new, *frozen.notes, *short),
        frozen,
        evaluation.findings,
        unread,
        measuring.moment(workspace, store, evaluation, forgotten) if learn else None,
    )


@dataclass(frozen=True, slots=True)
class _Compared:
    """What is compared at one destination; `staged` when there is a lifecycle."""

    state: DestinationState
    staged: Staged | None


def _alone(readings: Mapping[str, Future[_T]], refused: dict[str, Refused]) -> dict[str, _T]:
    """What was read of each destination. One that the platform refused, because something that the file names is not
    there, is told in `refused`, and is missing here; any other trouble is raised."""
    found = {}
    for name, reading in readings.items():
        try:
            found[name] = reading.result()
        except Refused as error:
            refused[name] = error
    return found


def _part(people: pa.Table, one: _Compared, policy: Policy | None) -> Part:
    """The changes that segments and stages ask of one destination."""
    from connector.lifecycle import staging
    from connector.plan import desired

    part = desired.part(people, one.state)
    return part if one.staged is None or policy is None else staging.staged(part, one.staged, policy)


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
    policy: Policy | None
    take_over: bool

    def read(self) -> tuple[Evaluation, pa.Array, Sequence[_Compared], Mapping[str, str]]:
        """The export, those of it who were forgotten, every destination's part, and which were refused, with the
        reason. What rules ask of a platform is read before they are evaluated, everything else meanwhile.

        Raises Refused for a destination that rules ask, and when none is left."""
        from connector.plan import rows

        chosen = self.workspace.destinations()
        asked = observing.asked(self.workspace.config)  # of those that --to leaves out, what was last read
        with ThreadPoolExecutor(max(1, len(chosen)), thread_name_prefix="plan") as pool:
            first = {item.name: pool.submit(self.held, item) for item in chosen if item.name in asked}
            held = {name: reading.result() for name, reading in first.items()}
            others = {item.name: pool.submit(self.held, item) for item in chosen if item.name not in held}
            evaluation, _ = decisive(self.workspace, self.store)
            emails = evaluation.table.column("email").combine_chunks()
            forgotten = rows.forgotten(emails, *self.store.upkeep.tombstones())
            refused: dict[str, Refused] = {}
            held |= _alone(others, refused)
            compared = _alone(
                {
                    item.name: pool.submit(self.part, evaluation.table, forgotten, item, *held[item.name])
                    for item in chosen
                    if item.name in held
                },
                refused,
            )
            if refused and not compared:
                raise next(iter(refused.values()))
            return evaluation, forgotten, list(compared.values()), {name: str(why) for name, why in refused.items()}

    def held(self, destination: Destination) -> tuple[bool, Ledger]:
        """What changed on the platform is read, then the ledger; whether everybody was read just now."""
        connected = adapter(self.workspace, destination)
        complete = observing.read(self.workspace, self.store, destination.name, connected)
        return complete, self.store.ledger(destination.name)

    def part(
        self, desired: pa.Table, forgotten: pa.Array, destination: Destination, complete: bool, ledger: Ledger
    ) -> _Compared:
        """People and targets whom nobody has asked about yet are looked up on the platform."""
        from connector.plan.diff import hold
        from connector.plan.diff.compare import DestinationState
        from connector.plan.routes import route
        from connector.reconcile import observe

        connected = adapter(self.workspace, destination)
        routing = route(self.workspace.config, destination, self.workspace.options.only)
        gone = observe.deleted(self.store, connected, routing, ledger)
        ledger = ledger if not ledger.targets.num_rows else self.store.ledger(destination.name)
        ledger = self._known(desired, forgotten, routing, ledger, connected, complete)
        staged = None
        if self.policy is not None:
            can = connected.capabilities
            staged = lifecycle.stage(self.workspace, self.store, desired, ledger, routing, can, self.policy)
            routing = staged.routing
        unread = replace(ledger, targets=ledger.targets.slice(0, 0)) if self.take_over else ledger
        strangers: dict[int, int] = {}
        seen, new_targets = observe.targets(self.store, connected, routing, unread, self.workspace.reading, strangers)
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
        """The ledger, with everybody in it whom the plan needs."""
        import pyarrow.compute as pc

        from connector.plan.diff import moves
        from connector.reconcile import observe

        store, name = self.store, ledger.destination
        unknown = moves.strangers(desired, ledger)
        people = unknown.column("email").filter(observe.wanted(unknown, routing)).combine_chunks()
        people = people.filter(pc.invert(pc.is_in(people, value_set=forgotten)))
        if observe.contacts(store, ledger, connected, people, self.workspace.reading, complete):
            ledger = store.ledger(name)
        if observe.opted_out(store, ledger, connected, desired, routing, forgotten, self.workspace.reading):
            ledger = store.ledger(name)
        observe.people(store, ledger, unknown)
        return ledger
