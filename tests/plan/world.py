"""Small ledgers and desired tables for the tests of the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connector.config.sections.models import Destination, Secret
from connector.core.model import Kind, NewContacts, Op, SyncMode, Target
from connector.core.plan import Plan
from connector.core.schemas import LEDGER_CONTACTS, LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS
from connector.plan.assemble import assemble
from connector.plan.desired import counted, part
from connector.plan.diff.compare import DestinationState
from connector.plan.routes import Route, Routing
from connector.platforms.base import Capabilities, OpSpec, TagStyle
from connector.state.base import Ledger

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def capabilities(style: TagStyle = TagStyle.MEMBERSHIP, batch: int = 500) -> Capabilities:
    spec = OpSpec(batch, None, "email", False, False, False, True, "test")
    keys = [(Op.CREATE, None), (Op.UPDATE, None)]
    keys += [(op, kind) for op in (Op.ADD, Op.REMOVE) for kind in Kind]
    return Capabilities(
        "test", style, dict.fromkeys(keys, spec), None, frozenset(NewContacts), (), 4, True, False, False, None, False
    )


def desired(people: Mapping[str, Mapping[str, Any]], segments: Sequence[str]) -> pa.Table:
    """{email: {"in": [segments], "consent": bool, "at": datetime, values …}}."""
    columns: dict[str, Any] = {
        "email": pa.array(list(people), pa.string()),
        "consent": pa.array([person.get("consent", True) for person in people.values()], pa.bool_()),
        "consent_at": pa.array([person.get("at") for person in people.values()], pa.timestamp("us", tz="UTC")),
        "consent_source": pa.array(["form" for _ in people], pa.string()),
    }
    for name in segments:
        columns[f"in:{name}"] = pa.array([name in person.get("in", ()) for person in people.values()], pa.bool_())
    for name in {key for person in people.values() for key in person} - {"in", "consent", "at"}:
        columns[f"value:{name}"] = pa.array([person.get(name) for person in people.values()])
    return pa.table(columns)


def ledger(
    contacts: Mapping[str, Mapping[str, Any]] | None = None,
    members: Mapping[tuple[str, str], Sequence[str]] | None = None,
    rejects: Sequence[Mapping[str, Any]] = (),
    revision: int = 7,
) -> Ledger:
    """contacts: {email: {status, fields …}}; members: {(kind, name): emails}."""
    contacts, members = contacts or {}, members or {}
    ids = {email: number for number, email in enumerate(contacts, 1)}
    rows = [{"id": ids[email], "email": email, **known} for email, known in contacts.items()]
    targets = [{"id": n, "kind": kind, "name": name, "remote_id": str(n)} for n, (kind, name) in enumerate(members, 1)]
    pairs = [
        {"target": number, "contact": ids[email]}
        for number, emails in enumerate(members.values(), 1)
        for email in emails
    ]
    return Ledger(
        destination="dest",
        revision=revision,
        cursor=None,
        contacts=pa.Table.from_pylist(rows, LEDGER_CONTACTS),
        memberships=pa.Table.from_pylist(pairs, LEDGER_MEMBERSHIPS),
        targets=pa.Table.from_pylist(targets, LEDGER_TARGETS),
        rejects=pa.Table.from_pylist(list(rejects), REJECTS),
    )


def routing(
    *routes: tuple[str, str, str],
    mode: SyncMode = SyncMode.MIRROR,
    enriched: Sequence[str] = (),
    **settings: Any,
) -> Routing:
    """routes: (segment, kind, target name)."""
    destination = Destination(name="dest", platform="mailchimp", secret=Secret(variable="KEY"), **settings)
    return Routing(
        destination,
        tuple(Route(segment, Target("dest", Kind(kind), name), mode) for segment, kind, name in routes),
        tuple(enriched),
        (),
    )


def plan(table: pa.Table, route: Routing, held: Ledger, **more: Any) -> Plan:
    found = more.pop("observed", [])
    observed = pa.table(
        {
            "number": pa.array([number for number, _ in found], pa.int64()),
            "email": pa.array([email for _, email in found], pa.string()),
        }
    )
    known = {name: more.pop(name) for name in ("recent", "forgotten") if name in more}
    new = frozenset(more.pop("new_targets", ()))
    state = DestinationState(route, held, more.pop("can", capabilities()), observed, new, **known)
    return assemble([part(table, state)], as_of=NOON, made_at=NOON, export=more.pop("export", counted(table)), **more)


def changes(made: Plan) -> set[tuple[str, str | None, str]]:
    """(op, target, email) of every change."""
    return {(row["op"], row["target"], row["email"]) for row in made.changes.to_pylist()}


def blocked(made: Plan) -> set[tuple[str, str, str]]:
    """(target, email, reason) of every blocked add."""
    return {(row["target"], row["email"], row["reason"]) for row in made.blocked.to_pylist()}
