"""What a platform told about contacts, into the ledger.

Owns: the statements that enter a reading (CONTACT_SCHEMA). Must not: open a transaction, decide what follows from it.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.model import BLOCKED, Status, quoted
from connector.core.schemas import CONTACT_SCHEMA
from connector.state import activity, left, tombstones
from connector.state.drivers.driver import Driver

_BLOCKED = quoted(BLOCKED)
_KEPT = f"(excluded.status = '{Status.ABSENT}' AND contact.status IN ({_BLOCKED}))"
OBSERVED = ("email", "remote_id", "status", "status_at", "tags")
_OBSERVE = f"""
    INSERT INTO contact(destination, email, remote_id, status, status_at, tags, held_before)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT(destination, email) DO UPDATE SET
        remote_id = coalesce(excluded.remote_id, contact.remote_id),
        status_at = CASE WHEN excluded.status IS NULL OR {_KEPT} THEN contact.status_at ELSE excluded.status_at END,
        tags = CASE WHEN excluded.status = '{Status.ABSENT}' THEN NULL ELSE coalesce(excluded.tags, contact.tags) END,
        held_before = CASE WHEN excluded.held_before = 1 THEN 1 ELSE contact.held_before END,
        returned_at = {activity.RETURNED},
        lost = CASE WHEN excluded.held_before = 1 AND excluded.remote_id IS NOT NULL
               AND excluded.status <> '{Status.FORGOTTEN}' THEN 0 ELSE contact.lost END,
        status = CASE WHEN {_KEPT} THEN contact.status ELSE coalesce(excluded.status, contact.status) END"""

# A status belongs to the id. Where an address is absent, only a blocked status of its id counts.
_SAME_ID = f"""
    UPDATE contact SET status = ?, status_at = ?
    WHERE destination IS ? AND remote_id = ? AND email <> ? AND (coalesce(status, '') <> '{Status.ABSENT}' OR ? = 1)"""


def enter(db: Driver, destination: str, contacts: pa.Table) -> None:
    """CONTACT_SCHEMA, `left` may be missing. Forgotten people are left out. Inside the caller's transaction."""
    if "left" not in contacts.column_names:
        contacts = contacts.append_column(CONTACT_SCHEMA.field("left"), left.untold(contacts.num_rows))
    known = contacts.select(CONTACT_SCHEMA.names).cast(CONTACT_SCHEMA)
    known = known.filter(pc.not_equal(known.column("email"), ""))  # null is filtered out as well
    email, remote_id, status, status_at, tags, _left = known.columns
    destinations = pa.repeat(destination, known.num_rows)
    held = pc.fill_null(pc.not_equal(status, str(Status.ABSENT)), False).cast(pa.int64())
    email = pc.utf8_lower(email)
    columns = [destinations, email, remote_id, status, status_at, pc.binary_join(tags, "\x1f"), held]
    blocked = pc.is_in(status, value_set=pa.array(sorted(map(str, BLOCKED)))).cast(pa.int64())
    names = ["status", "status_at", "destination", "remote_id", "email", "blocked"]
    shared = pa.table([status, status_at, destinations, remote_id, email, blocked], names=names)
    shared = shared.filter(pc.and_(pc.equal(held, 1), pc.is_valid(remote_id)))
    found = pa.table(columns, names=["destination", *OBSERVED, "held_before"])
    stones = tombstones.read(db)
    db.load(_OBSERVE, stones.without(found))
    left.observe(db, destination, stones.without(known.set_column(0, "email", email)))
    db.load(_SAME_ID, shared)
