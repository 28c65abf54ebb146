"""The lifecycle in a plan: what the machine needs is brought together here, for `push`, `cleanup` and `lifecycle`.

Owns: the order of these steps. Must not: print, or decide who moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace, capabilities
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.language.rules import Duration
    from connector.lifecycle.overview import Overview
    from connector.lifecycle.people import Known
    from connector.lifecycle.policy import Policies
    from connector.lifecycle.staging import Staged
    from connector.plan.routes import Routing
    from connector.platforms.base import Capabilities
    from connector.state.base import Ledger, Store


def policies(workspace: Workspace, *, whole: bool = True) -> Policies:
    """The file's policies at this moment; none, unless `whole`, with --only, which chooses segments."""
    from connector.lifecycle.policy import policy
    from connector.segments.compile.windows import Clock

    sections = workspace.config.lifecycle
    if not sections or (workspace.options.only and not whole):
        return ()
    clock = Clock.at(workspace.as_of, workspace.config.zone)

    def within(duration: Duration) -> datetime:
        return (clock.instants("within", duration).low or datetime.min).replace(tzinfo=UTC)

    moment = workspace.as_of
    return [policy(section, moment, within, workspace.ago, number) for number, section in enumerate(sections)]


def here(held: Policies, destination: str) -> Policies:
    """Those that hold at a destination, in the order of the file."""
    return [one for one in held if one.at(destination)]


def clicks(workspace: Workspace, store: Store) -> pa.Table:
    """ACTIVITY on any platform of the file, as last read."""
    import pyarrow as pa
    import pyarrow.compute as pc

    known = store.activity()
    return known.filter(pc.is_in(known["destination"], value_set=pa.array(list(workspace.config.destinations))))


def known(
    workspace: Workspace, store: Store, desired: pa.Table, ledger: Ledger, can: Capabilities, held: Policies
) -> Known:
    """What the machine is told of one destination."""
    timeless = any(policy.timeless for policy in held)
    from connector.core.model import Op
    from connector.core.schemas import MARKS
    from connector.lifecycle.people import Known

    engagement, until = store.engagement(ledger.destination)
    return Known(
        desired,
        ledger.contacts,
        engagement,
        store.stages(ledger.destination),
        clicks(workspace, store),
        ledger.rejects,
        store.marks(ledger.destination) if timeless else MARKS.empty_table(),
        counted=until is not None,
        moves=(Op.MOVE, None) in can.operations,
        last_run=store.last_moment(),
        now=workspace.now(),
    )


def decide(
    workspace: Workspace, store: Store, desired: pa.Table, ledger: Ledger, can: Capabilities, held: Policies
) -> pa.Table:
    """machine.PEOPLE of one destination."""
    from connector.lifecycle import machine

    return machine.decide(known(workspace, store, desired, ledger, can, held), held)


def mark(store: Store, destination: str, people: pa.Table) -> None:
    """Remember how many mails people had got when they were last active, where a policy counts from there on."""
    import pyarrow.compute as pc

    found = people.filter(pc.is_valid(people["mark"])).select(["email", "signal", "mark"])
    if found.num_rows:
        store.mark(destination, found.rename_columns(["email", "at", "sends"]))


@dataclass(frozen=True, slots=True)
class Report:
    """What `sync lifecycle` tells; `policy` is the key of the policy in force, or of each."""

    sides: tuple[Overview, ...]
    policy: str
    notes: tuple[str, ...]


def report(workspace: Workspace, store: Store) -> Report:
    """From the export and what was last read of the platforms; none is called.

    Raises ConfigError when the file has no policy."""
    from connector.app.offline import evaluate, noted
    from connector.lifecycle import cleanup, overview

    held = policies(workspace)
    if not held:
        message = "There is no `lifecycle:` section. docs/lifecycle.md has one to copy."
        raise ConfigError([Problem(Place(workspace.config.path.as_posix()), "missing-key", message)])
    evaluation = noted(evaluate(workspace, store, leave_out=True))
    desired = evaluation.table
    sides = []
    for item in workspace.destinations():
        ledger, (engagement, until) = store.ledger(item.name), store.engagement(item.name)
        can = capabilities(item)
        if not (mine := here(held, item.name)):
            continue
        people = decide(workspace, store, desired, ledger, can, mine)
        entries = store.stages(item.name)
        export = overview.Exported(desired.num_rows, cleanup.held(desired, ledger))
        told_of = overview.Told(ledger.contacts, engagement, entries, until is not None)
        sides.append(overview.overview(item, people, told_of, mine, export))
    key = " ".join(policy.key for policy in held)
    return Report(tuple(sides), key, (*evaluation.warnings, *told(workspace, store, desired, held)))


def stage(
    workspace: Workspace,
    store: Store,
    desired: pa.Table,
    ledger: Ledger,
    routing: Routing,
    can: Capabilities,
    held: Policies,
    unread: tuple[str, ...] = (),
) -> Staged:
    """One destination's verdict and the routes of its stages. While others are `unread`, nobody is taken for silent."""
    from connector.lifecycle import staging

    people = decide(workspace, store, desired, ledger, can, held)
    mark(store, ledger.destination, people)
    return staging.stage(desired, people, routing, held, can, unread)


def told(workspace: Workspace, store: Store, desired: pa.Table, held: Policies) -> list[str]:
    """What a plan, a cleanup and the report say about all destinations."""
    from connector.lifecycle import staging

    return staging.told(desired, held, workspace.now(), store.last_moment())
