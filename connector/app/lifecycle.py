"""The lifecycle in a plan: what the machine needs is brought together here, for `push`, `cleanup` and `lifecycle`.

Owns: the order of these steps. Must not: print, or decide who moves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from connector.app.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

    from connector.config.rules import Duration
    from connector.lifecycle.policy import Policy
    from connector.lifecycle.staging import Staged
    from connector.plan.routes import Routing
    from connector.platforms.base import Capabilities
    from connector.state.base import Ledger, Store


def policy(workspace: Workspace) -> Policy | None:
    """The file's policy at this moment; None without one, and with --only, which chooses segments."""
    from connector.lifecycle.policy import policy as at
    from connector.segments.windows import Clock

    section = workspace.config.lifecycle
    if section is None or workspace.options.only:
        return None
    clock = Clock.at(workspace.as_of, workspace.config.zone)

    def within(duration: Duration) -> datetime:
        return (clock.instants("within", duration).low or datetime.min).replace(tzinfo=UTC)

    return at(section, workspace.as_of, within, workspace.ago)


def clicks(workspace: Workspace, store: Store) -> pa.Table:
    """email, last_click_at: on any platform of the file, as last read."""
    import pyarrow as pa

    tables = [store.engagement(name)[0].select(["email", "last_click_at"]) for name in workspace.config.destinations]
    found = pa.concat_tables(tables).group_by("email").aggregate([("last_click_at", "max")])
    return found.rename_columns(["email", "last_click_at"])


def decide(workspace: Workspace, store: Store, desired: pa.Table, ledger: Ledger, held: Policy) -> pa.Table:
    """machine.PEOPLE of one destination."""
    from connector.lifecycle import machine

    name = ledger.destination
    engagement, _ = store.engagement(name)
    return machine.decide(desired, ledger.contacts, engagement, clicks(workspace, store), store.stages(name), held)


def stage(
    workspace: Workspace,
    store: Store,
    desired: pa.Table,
    ledger: Ledger,
    routing: Routing,
    can: Capabilities,
    held: Policy,
) -> Staged:
    """One destination's verdict and the routes of its stages."""
    from connector.lifecycle import staging

    return staging.stage(desired, decide(workspace, store, desired, ledger, held), routing, held, can)
