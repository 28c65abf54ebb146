"""One person at one destination: what the ledger holds, and what the next push would do from there.

Owns: Standing, and the ledger cut down to one person. Must not: read a platform; what a push would do with
one person comes from the same diff and gate as for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.schemas import LEDGER_CONTACTS, LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS
from connector.plan import gate, unite
from connector.plan.desired import part as desired_part
from connector.plan.diff.compare import DestinationState
from connector.plan.routes import Routing
from connector.platforms.base import Capabilities
from connector.state.base import Ledger

NOBODY = pa.table({"number": pa.array([], pa.int64()), "email": pa.array([], pa.string())})


@dataclass(frozen=True, slots=True)
class Standing:
    """One person at one destination. `known` is False when the platform was never asked about them.

    `targets` are (kind, name) that we hold them in, `fields` what was sent and confirmed, `rejects` rows of REJECTS,
    `changes` and `blocked` what the next push would do and not do for segments: rows of plan.model's tables.
    `siblings` are addresses of other rows of the export that are the same contact there: changes are those of all."""

    destination: str
    platform: str
    known: bool
    status: str | None
    status_at: datetime | None
    remote_id: str | None
    targets: tuple[tuple[str, str], ...]
    fields: dict[str, Any]
    rejects: tuple[dict[str, Any], ...]
    changes: tuple[dict[str, Any], ...]
    blocked: tuple[dict[str, Any], ...]
    siblings: tuple[str, ...] = ()
    way: tuple[dict[str, Any], ...] = ()  # rows of STAGE_ENTRIES: the latest way through the lifecycle, oldest first


def standing(
    desired: pa.Table,
    routing: Routing,
    ledger: Ledger,
    capabilities: Capabilities,
    email: str,
    recent: pa.Table | None = None,
    forgotten: pa.Array | None = None,
) -> Standing:
    """`desired` are the rows of Evaluation.table of the person, of those with the same id in the CRM, and of its
    siblings; none when they are not in the export. `recent` and `forgotten` as in DestinationState."""
    mine = _cut(ledger, [email, *desired["email"].to_pylist()], _persons(desired))
    known = siblings(ledger, email)
    others = tuple(one for one in desired["email"].to_pylist() if one in known)
    everybody = {email, *known}
    state = DestinationState(routing, mine, capabilities, NOBODY, frozenset())
    state = state if recent is None else replace(state, recent=recent)
    state = state if forgotten is None else replace(state, forgotten=forgotten)
    part = unite.part(gate.enforce(desired_part(desired, state)))
    contact = next((row for row in mine.contacts.to_pylist() if row["email"] == email), None)
    return Standing(
        destination=routing.destination.name,
        platform=capabilities.platform,
        known=contact is not None and contact["status"] is not None,
        status=contact and contact["status"],
        status_at=contact and contact["status_at"],
        remote_id=contact and contact["remote_id"],
        targets=tuple(_targets(mine, contact["id"])) if contact else (),
        fields=json.loads(contact["fields"]) if contact and contact["fields"] else {},
        rejects=tuple(row for row in mine.rejects.to_pylist() if row["email"] == email),
        changes=tuple(row for row in part.changes.to_pylist() if everybody & {row["email"], row.get("old_email")}),
        blocked=tuple(row for row in part.blocked.to_pylist() if row["email"] == email),
        siblings=others,
    )


def siblings(ledger: Ledger, email: str) -> frozenset[str]:
    """The other addresses that are the same contact on the platform (unite.py)."""
    contacts = ledger.contacts
    ids = contacts["remote_id"].filter(pc.equal(contacts["email"], email)).drop_null().combine_chunks()
    found = contacts["email"].filter(pc.is_in(contacts["remote_id"], value_set=ids)).to_pylist() if len(ids) else []
    return frozenset(found) - {email}


def way(entries: pa.Table, email: str) -> tuple[dict[str, Any], ...]:
    """The latest way of a person through the stages, from STAGE_ENTRIES of a destination."""
    mine = entries.filter(pc.equal(entries["email"], email)).sort_by("entered_at").to_pylist()
    return tuple(row for row in mine if row["began_at"] == mine[-1]["began_at"])


def person_of(ledger: Ledger, email: str) -> str | None:
    """The CRM's id of the contact, as the ledger remembers it."""
    found = ledger.contacts.filter(pc.equal(ledger.contacts["email"], email))["person"].to_pylist()
    return next(iter(found), None)


def nowhere(destination: str) -> Ledger:
    """The ledger of a destination before anything was pushed."""
    empty = [schema.empty_table() for schema in (LEDGER_CONTACTS, LEDGER_MEMBERSHIPS, LEDGER_TARGETS, REJECTS)]
    return Ledger(destination, 0, None, *empty)


def _persons(desired: pa.Table) -> list[str]:
    """The ids of these people in the CRM."""
    return [found for found in desired["person"].to_pylist() if found] if "person" in desired.column_names else []


def _cut(ledger: Ledger, emails: Sequence[str], persons: Sequence[str]) -> Ledger:
    """The ledger with nobody in it but these, by their address or their id in the CRM; targets stay."""
    by_email = pc.is_in(ledger.contacts["email"], value_set=pa.array(emails, pa.string()))
    by_person = pc.is_in(ledger.contacts["person"], value_set=pa.array(persons, pa.string()))
    contacts = ledger.contacts.filter(pc.or_(by_email, by_person))
    mine = pc.is_in(ledger.memberships["contact"], value_set=contacts["id"].combine_chunks())
    rejects = ledger.rejects.filter(pc.is_in(ledger.rejects["email"], value_set=contacts["email"].combine_chunks()))
    return replace(ledger, contacts=contacts, memberships=ledger.memberships.filter(mine), rejects=rejects)


def _targets(mine: Ledger, contact: int) -> Sequence[tuple[str, str]]:
    names = {row["id"]: (row["kind"], row["name"]) for row in mine.targets.to_pylist()}
    held = [row["target"] for row in mine.memberships.to_pylist() if row["contact"] == contact]
    return sorted(names[target] for target in held if target in names)
