"""The platform's ids of our targets.

Owns: what is known of them, and forgetting a target that is gone there. Must not: send, or know a lease.
"""

from __future__ import annotations

from collections.abc import Mapping

from connector.core.model import Kind
from connector.state.drivers.driver import Driver
from connector.state.settle import raise_revision


def remember(db: Driver, destination: str, known: Mapping[tuple[Kind, str], str]) -> None:
    with db.transaction():
        for (kind, name), remote_id in known.items():
            db.run(
                "INSERT INTO target(destination, kind, name, remote_id) VALUES (?, ?, ?, ?) "
                "ON CONFLICT(destination, kind, name) DO UPDATE SET remote_id = excluded.remote_id",
                [destination, kind, name, remote_id],
            )


def ids(db: Driver, destination: str) -> dict[tuple[Kind, str], str]:
    sql = "SELECT kind, name, remote_id FROM target WHERE destination = ? AND remote_id IS NOT NULL"
    return {(Kind(kind), name): remote_id for kind, name, remote_id in db.rows(sql, [destination])}


def forget(db: Driver, destination: str, kind: Kind, name: str) -> None:
    """The target is gone there, and so is every membership of it."""
    this = "destination = ? AND kind = ? AND name = ?"
    with db.transaction():
        for table in ("membership", "membership_doubt"):
            db.run(
                f"DELETE FROM {table} WHERE target_id IN (SELECT id FROM target WHERE {this})",
                [destination, kind, name],
            )
        db.run(f"UPDATE target SET remote_id = NULL WHERE {this}", [destination, kind, name])
        db.run(f"DELETE FROM seen_target WHERE {this}", [destination, kind, name])
        raise_revision(db, destination)
