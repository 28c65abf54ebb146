"""`sync why`: everything that is known of one person, and what follows from it, without a platform.

Owns: the order of these steps, and where an address is looked for that is no contact. Must not: print, or decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connector.app import lifecycle
from connector.app.offline import headers
from connector.app.workspace import Workspace, capabilities, open_state
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem
from connector.report.why import Why

if TYPE_CHECKING:
    from connector.lifecycle.policy import Policies
    from connector.lifecycle.position import Position
    from connector.plan.person import Standing
    from connector.plan.routes import Routing
    from connector.platforms.base import Capabilities
    from connector.segments.explain.person import Explanation
    from connector.segments.explain.what_if import Assumption
    from connector.sources.columns.model import SourceInfo
    from connector.sources.model import Loaded
    from connector.state.base import Ledger, Store


def why(
    workspace: Workspace, written: str, assignments: Sequence[tuple[str, str]] = (), everything: bool = False
) -> Why:
    """`assignments` are (column or trait, value) to suppose; `everything`: also the columns that no rule uses.

    Raises ConfigError for a name or value that does not fit, and for a text that is no address and is found nowhere."""
    from connector.segments.explain import what_if
    from connector.segments.explain.identity import identity
    from connector.sources import emails

    email, _reason = emails.normalise(written)
    with ExitStack() as stack:
        store = _state(stack, workspace)
        loaded = _load(workspace, store, [name for name, _ in assignments], everything)
        given = what_if.read(workspace.config, loaded, workspace.as_of, assignments)
        sought = email or written.strip()
        found = identity(loaded, sought)
        quarantine = _quarantined(loaded, sought)
        if email is None and not quarantine:
            message = "This is not one e-mail address, and no row in the quarantine holds it. Write name@example.com."
            raise ConfigError([Problem(Place("EMAIL"), "bad-address", message)])
        before = _explain(workspace, loaded, sought, ()) if found and given else None
        explanation = _explain(workspace, loaded, sought, given) if found else None
        standings = _standings(workspace, store, loaded, sought, explanation)
        shown = tuple((item.name, item.value) for item in given)
        positions = {item.destination: place for item, place in standings if place is not None}
        here = tuple(item for item, _ in standings)
    return Why(sought, workspace.as_of, found, explanation, before, shown, here, quarantine, positions)


def _state(stack: ExitStack, workspace: Workspace) -> Store | None:
    from connector.state.open import exists

    return stack.enter_context(open_state(workspace)) if exists(workspace.state_url) else None


def _load(workspace: Workspace, store: Store | None, more: Sequence[str], everything: bool) -> Loaded:
    from connector.app.freezing import decided
    from connector.app.observing import last_read
    from connector.segments.names import needed
    from connector.sources.load import load

    found = headers(workspace)
    wanted = {source: set(columns) for source, columns in needed(workspace.config, found).items()}
    wanted["contacts"] |= set(found["contacts"].columns) if everything else _supposed(workspace, found, more)
    loaded = load(
        workspace.config,
        found,
        workspace.as_of,
        {source: frozenset(columns) for source, columns in wanted.items()},
        keep=True,
    )
    loaded.observed, loaded.frozen = last_read(workspace, store), decided(workspace, store)
    return loaded


def _supposed(workspace: Workspace, found: Mapping[str, SourceInfo], more: Sequence[str]) -> set[str]:
    """The columns of --set."""
    from connector.segments.explain.what_if import column_of
    from connector.segments.names import Names

    names = Names(workspace.config, found)
    return {name for name in (column_of(names, written) for written in more) if name not in names.traits}


def _explain(workspace: Workspace, loaded: Loaded, email: str, given: Sequence[Assumption]) -> Explanation:
    from connector.segments.explain.person import explain

    return explain(workspace.config, loaded, workspace.as_of, email, given)


def _quarantined(loaded: Loaded, text: str) -> tuple[tuple[str, int, str], ...]:
    """The rows without a person whose address cell holds the text, with the reason."""
    assert loaded.kept is not None
    con = loaded.connection.con
    rows = loaded.kept.places(con, loaded.kept.unusable(con, text))
    listed = loaded.quarantine.select(["source", "file", "row", "reason"]).to_pylist()
    reasons = {(row["file"], row["row"]): row["reason"] for row in listed if row["source"] == "contacts"}
    return tuple((file, row, reasons.get((file, row), "")) for file, row in rows.values())


def _standings(
    workspace: Workspace, store: Store | None, loaded: Loaded, email: str, explanation: Explanation | None
) -> tuple[tuple[Standing, Position | None], ...]:
    """Per destination what we hold and what the next push does, and the person's position in the lifecycle."""
    from connector.plan import rows
    from connector.plan.diff import hold
    from connector.plan.person import nowhere, siblings, standing, way
    from connector.plan.routes import route

    config = workspace.config
    chosen = workspace.destinations()
    ledgers = {item.name: store.ledger(item.name) if store is not None else nowhere(item.name) for item in chosen}
    desired = explanation.desired if explanation is not None else _successors(workspace, loaded, ledgers, email)
    alike = {name: siblings(ledger, email) for name, ledger in ledgers.items()}
    added = frozenset().union(*alike.values()) - frozenset(desired["email"].to_pylist())
    desired = _with(workspace, loaded, desired, added)
    forgotten = None
    if store is not None:
        known = store.upkeep.tombstones()
        by_address = rows.forgotten(desired["email"].combine_chunks(), *known)
        forgotten = pa.concat_arrays([by_address, rows.under_forgotten_ids(desired, *known)])
    found: list[tuple[Standing, Position | None]] = []
    policies = () if store is None else lifecycle.policies(workspace, whole=False)
    everybody = _everybody(workspace, loaded, desired) if policies else None
    for destination in chosen:
        routing = route(config, destination, workspace.options.only)
        can, ledger, position = capabilities(destination), ledgers[destination.name], None
        elsewhere = added - alike[destination.name]
        here = desired.filter(pc.invert(pc.is_in(desired["email"], value_set=pa.array(elsewhere, pa.string()))))
        mine = here
        if store is None:
            found.append((standing(mine, routing, ledger, can, email, None, forgotten), None))
            continue
        held = lifecycle.here(policies, destination.name)
        if held and everybody is not None:
            routing, mine, position = _moved(workspace, store, everybody, ledger, routing, can, held, (email, here))
        recent = hold.recent(store, routing, workspace.ago)
        stands = standing(mine, routing, ledger, can, email, recent, forgotten)
        found.append((replace(stands, way=way(store.stages(destination.name), email)), position))
    return tuple(found)


def _with(workspace: Workspace, loaded: Loaded, desired: pa.Table, emails: frozenset[str]) -> pa.Table:
    """`desired` with the rows of these addresses, as far as the export has them; usually there are none."""
    from connector.segments.evaluate import evaluate

    if not emails:
        return desired
    table = evaluate(workspace.config, loaded, workspace.as_of).table
    more = table.filter(pc.is_in(table["email"], value_set=pa.array(emails, pa.string())))
    return pa.concat_tables([desired, more.select(desired.column_names).cast(desired.schema)])


def _everybody(workspace: Workspace, loaded: Loaded, desired: pa.Table) -> pa.Table:
    """Evaluation.table, with the rows of `desired` as they are supposed to be: who moves depends on all people."""
    from connector.segments.evaluate import evaluate

    table = evaluate(workspace.config, loaded, workspace.as_of).table
    others = table.filter(pc.invert(pc.is_in(table["email"], value_set=desired["email"].combine_chunks())))
    return pa.concat_tables([desired.select(table.column_names).cast(table.schema), others])


def _moved(
    workspace: Workspace,
    store: Store,
    everybody: pa.Table,
    ledger: Ledger,
    routing: Routing,
    can: Capabilities,
    policies: Policies,
    who: tuple[str, pa.Table],
) -> tuple[Routing, pa.Table, Position | None]:
    """The routes of a destination and of its stages, the rows of `who` (the address, and its rows of Evaluation.table)
    for them, and where the person stands."""
    from connector.lifecycle import machine, staging
    from connector.lifecycle.position import position

    (email, desired), known = who, lifecycle.known(workspace, store, everybody, ledger, can, policies)
    people = machine.decide(known, policies)
    staged = staging.stage(everybody, people, routing, policies, can)
    table = everybody
    for name, column in staged.columns.items():
        table = table.append_column(name, column)
    mine = pc.is_in(table["email"], value_set=desired["email"].combine_chunks())
    return staged.routing, table.filter(mine), position(people, known, policies, email)


def _successors(workspace: Workspace, loaded: Loaded, ledgers: Mapping[str, Ledger], email: str) -> pa.Table:
    """Those who have the CRM's id that the ledgers remember of an address that has left the export: usually nobody."""
    from connector.plan.person import person_of
    from connector.segments.evaluate import evaluate

    everybody = evaluate(workspace.config, loaded, workspace.as_of).table
    persons = {person_of(ledger, email) for ledger in ledgers.values()} - {None}
    if "person" not in everybody.column_names:
        return everybody.slice(0, 0)
    return everybody.filter(pc.is_in(everybody["person"], value_set=pa.array(persons, pa.string())))
