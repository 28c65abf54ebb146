"""`sync report`: everything that is known of the segments, without a platform.

Owns: the order of these steps, and which columns a report reads beside those of the rules. Must not: print, render, or
write to the state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from connector.app import flows, lifecycle, measuring
from connector.app.offline import headers
from connector.app.workspace import Workspace, capabilities, matching, moment, open_state
from connector.core.errors import ConfigError
from connector.core.problem import Place, Problem
from connector.report.page.model import Blocked, Moves, Person, Quality, Side, Told

if TYPE_CHECKING:
    from connector.config.sections.models import Destination
    from connector.lifecycle.overview import Overview
    from connector.lifecycle.policy import Policies
    from connector.plan.part import Part
    from connector.plan.routes import Routing
    from connector.segments.evaluate import Evaluation
    from connector.segments.picture.roles import Roles
    from connector.sources.model import Loaded
    from connector.state.base import Ledger, Store

NAMED = 100  # contacts per list, with --people
DEFAULT = timedelta(days=30)  # of --since


def gather(workspace: Workspace, *, people: bool = False, since: str | None = None, campaigns: bool = False) -> Told:
    """From the exports and the state; no platform is called, but for its reports of `campaigns`. `people`: some
    addresses as well. `since`: a date, for who entered and left. Raises ConfigError for one that is none."""
    begin = _since(workspace, since)
    if begin > workspace.as_of:
        raise ConfigError([Problem(Place("--since"), "bad-moment", "--since lies after the moment of the report.")])
    from connector.app.alike import judged
    from connector.segments.advice.quality import alike
    from connector.segments.picture.grid import grid
    from connector.segments.picture.overlap import overlaps
    from connector.segments.picture.profiles import profiles

    names = matching(workspace.options.only, workspace.config.segments, "--only", "segment")
    with ExitStack() as stack:
        store = _state(stack, workspace)
        loaded, roles = _load(workspace, store)
        evaluation = _evaluate(workspace, loaded, roles)
        names = [name for name in names if name not in evaluation.left_out]
        columns = {role: f"also:{number}" for number, role in enumerate(roles.asked)}
        found = overlaps(evaluation, names)
        typical = profiles(evaluation, names, columns, workspace.as_of)
        cells = grid(evaluation, columns)
        quality = _quality(workspace, loaded)
        forgotten = _forgotten(store, evaluation.table)
        told = flows.measured(workspace, store, names, measuring.Read(loaded, evaluation), campaigns)
        before = flows.past(workspace, store, evaluation, forgotten, begin, NAMED if people else 0)
        sides = tuple(_sides(workspace, store, evaluation, forgotten, people)) if store is not None else ()
    looked = judged(workspace.config, told.performances)
    limit = workspace.config.quality.overlap
    members = {name: _members(evaluation, name) for name in names}
    agreed = {name: int(pc.sum(pc.and_(column, evaluation.table["consent"])).as_py() or 0)
              for name, column in members.items()}  # fmt: skip
    return Told(
        workspace.config,
        names,
        evaluation,
        workspace.as_of,
        agreed,
        int(pc.sum(evaluation.table["consent"]).as_py() or 0),
        roles,
        found,
        1.0 if limit is None else limit / 100,
        typical,
        cells,
        quality,
        sides,
        before,
        (list(alike(workspace.config, looked.rates)), looked.why),
        (told.performances, told.results, told.hints),
        flows.asked(workspace),
        store is not None,
        {name: _some(evaluation, column, forgotten) for name, column in members.items()} if people else None,
    )


def _since(workspace: Workspace, written: str | None) -> datetime:
    """The beginning of a date, or a moment; without one 30 days ago."""
    if written is None:
        return workspace.as_of - DEFAULT
    end = moment(written, workspace.config.zone)
    if len(written) > len("2026-11-01"):
        return end
    first = end.astimezone(workspace.config.zone).date()
    return datetime.combine(first, time(), workspace.config.zone).astimezone(UTC)


def _state(stack: ExitStack, workspace: Workspace) -> Store | None:
    from connector.state.open import exists

    return stack.enter_context(open_state(workspace)) if exists(workspace.state_url) else None


def _load(workspace: Workspace, store: Store | None) -> tuple[Loaded, Roles]:
    """As offline.load, with the columns that tell typical values, and those that are measured where somebody's history
    can be: so the exports are read once."""
    from connector.app.freezing import decided
    from connector.app.observing import last_read
    from connector.segments.names import CONTACTS, Names, needed
    from connector.segments.picture.roles import roles
    from connector.sources.load import load

    config, found = workspace.config, headers(workspace)
    names = Names(config, found)
    told = roles(config, names)
    wanted = dict(needed(config, found))
    columns = (names.column(CONTACTS, name) for name in told.asked.values() if not names.computed(name))
    wanted[CONTACTS] = wanted[CONTACTS] | {column for column in columns if column is not None}
    if store is not None and flows.asked(workspace):
        for source, more in measuring.wanted(config)(names).items():
            wanted[source] = wanted.get(source, frozenset()) | more
    loaded = load(config, found, workspace.as_of, wanted)
    loaded.observed, loaded.frozen = last_read(workspace, store), decided(workspace, store)
    return loaded, told


def _evaluate(workspace: Workspace, loaded: Loaded, roles: Roles) -> Evaluation:
    from connector.app.offline import evaluated
    from connector.segments.evaluate import Look

    return evaluated(workspace, loaded, Look(also=tuple(roles.asked.values())))


def _members(evaluation: Evaluation, name: str) -> pa.ChunkedArray:
    return evaluation.table[f"in:{name}"]


def _some(evaluation: Evaluation, members: pa.ChunkedArray, forgotten: pa.Array) -> list[str]:
    emails = evaluation.table["email"].filter(members)
    known = emails.filter(pc.invert(pc.is_in(emails, value_set=forgotten)))
    return [str(email) for email in known.take(pc.sort_indices(known).slice(0, NAMED)).to_pylist()]


def _forgotten(store: Store | None, desired: pa.Table) -> pa.Array:
    """Who must not come back, by address or by their id in the CRM; nothing is written down here."""
    from connector.plan import rows

    if store is None:
        return pa.array([], pa.string())
    known = store.upkeep.tombstones()
    by_address = rows.forgotten(desired["email"].combine_chunks(), *known)
    return pa.concat_arrays([by_address, rows.under_forgotten_ids(desired, *known)])


# ---- the exports


def _quality(workspace: Workspace, loaded: Loaded) -> Quality:
    from connector.sources.hygiene.report import filled

    taken = loaded.quarantine.group_by(["source", "reason"], use_threads=False).aggregate([([], "count_all")])
    reasons = sorted((row["source"], row["reason"], row["count_all"]) for row in taken.to_pylist())
    columns = [(one.source, one.column, one.filled, one.missing) for one in filled(loaded)]
    return Quality(loaded.rows, tuple(loaded.findings), reasons, columns, tuple(_files(workspace, loaded)))


def _files(workspace: Workspace, loaded: Loaded) -> Iterator[tuple[str, str, datetime]]:
    """The newest file of each source."""
    from connector.sources.files.discover import newest

    for name, info in loaded.catalog.items():
        if info.files:
            file, at = newest(info.files, workspace.config.zone)
            yield name, file.name, at


# ---- the destinations


def _sides(
    workspace: Workspace, store: Store, evaluation: Evaluation, forgotten: pa.Array, people: bool
) -> Iterator[Side]:
    """One after another: a ledger may be large."""
    policies = lifecycle.policies(workspace, whole=False)
    for destination in workspace.destinations():
        part, overview = _part(
            workspace, store, destination, evaluation, forgotten, lifecycle.here(policies, destination.name)
        )
        routes, sent = part.routing.routes, _sent(workspace, destination.name)
        chosen = matching(workspace.options.only, workspace.config.segments, "--only", "segment")
        yield Side(
            destination.name,
            destination.platform,
            store.counts(destination.name),
            _counted(part.ledger.contacts["status"]),
            sent | {(str(route.target.kind), route.target.name): route.segment for route in routes},
            frozenset(target for target, segment in sent.items() if segment not in chosen),
            frozenset(route.segment for route in routes) - workspace.config.segments.keys(),
            _moves(part.changes),
            tuple(_blocked(part.blocked)),
            overview,
            tuple(_named(part.blocked, forgotten)) if people else (),
        )


def _sent(workspace: Workspace, destination: str) -> dict[tuple[str, str], str]:
    """Target -> the segment of the file that is sent there, also one that is paused."""
    return {
        (str(kind), name): segment.name
        for segment in workspace.config.segments.values()
        for send in segment.send_to
        if send.destination == destination
        for kind, name in send.targets
    }


def _part(
    workspace: Workspace,
    store: Store,
    destination: Destination,
    evaluation: Evaluation,
    forgotten: pa.Array,
    held: Policies,
) -> tuple[Part, Overview | None]:
    """What the next push would do here, from what was last read, and where everybody stands in the lifecycle."""
    from connector.plan import desired as segments
    from connector.plan import gate, unite
    from connector.plan.diff import hold
    from connector.plan.diff.compare import DestinationState
    from connector.plan.person import NOBODY
    from connector.plan.routes import route

    routing = route(workspace.config, destination, workspace.options.only, evaluation.left_out)
    can, desired = capabilities(destination), evaluation.table
    ledger, overview = store.ledger(destination.name), None
    if held:
        routing, desired, overview = _staged(workspace, store, destination, desired, ledger, routing, held)
    recent = hold.recent(store, routing, workspace.ago)
    state = DestinationState(routing, ledger, can, NOBODY, frozenset(), recent, forgotten)
    return unite.part(gate.enforce(segments.part(desired, state))), overview


def _staged(
    workspace: Workspace,
    store: Store,
    destination: Destination,
    desired: pa.Table,
    ledger: Ledger,
    routing: Routing,
    held: Policies,
) -> tuple[Routing, pa.Table, Overview]:
    from connector.lifecycle import cleanup, overview, staging

    can = capabilities(destination)
    people = lifecycle.decide(workspace, store, desired, ledger, can, held)
    staged = staging.stage(desired, people, routing, held, can)
    engagement, until = store.engagement(destination.name)
    told = overview.Told(ledger.contacts, engagement, store.stages(destination.name), until is not None)
    export = overview.Exported(desired.num_rows, cleanup.held(desired, ledger))
    found = overview.overview(destination, people, told, held, export)
    for name, column in staged.columns.items():
        desired = desired.append_column(name, column)
    return staged.routing, desired, found


def _counted(status: pa.ChunkedArray) -> dict[str, int]:
    found = {row["values"] or "unknown": row["counts"] for row in pc.value_counts(status).to_pylist()}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _moves(changes: pa.Table) -> Mapping[tuple[str, str], Moves]:
    aimed = changes.filter(pc.is_valid(changes["kind"]))
    rows = aimed.group_by(["kind", "target", "op"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        counts.setdefault((row["kind"], row["target"]), {})[row["op"]] = row["count_all"]
    return {target: Moves(found.get("add", 0), found.get("remove", 0)) for target, found in counts.items()}


def _blocked(blocked: pa.Table) -> Sequence[Blocked]:
    """Contacts, not changes: somebody who is kept out of two targets counts once per reason."""
    rows = (
        blocked.group_by(["reason"], use_threads=False)
        .aggregate([("email", "count_distinct"), ("since", "max")])
        .to_pylist()
    )
    found = [Blocked(row["reason"], row["email_count_distinct"], row["since_max"]) for row in rows]
    return sorted(found, key=lambda one: (-one.contacts, one.reason))


def _named(blocked: pa.Table, forgotten: pa.Array) -> Sequence[Person]:
    known = blocked.filter(pc.invert(pc.is_in(blocked["email"], value_set=forgotten)))
    pairs = known.group_by(["email", "reason"], use_threads=False).aggregate([]).sort_by("email").slice(0, NAMED)
    return [Person(row["email"], row["reason"]) for row in pairs.to_pylist()]
