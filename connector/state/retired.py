"""Which suppressions are ours: the platform's own time of each, read right after our request.

Owns: the table our_retirement, by the platform's ids, and every statement about it. A suppression of another time is
somebody else's, whatever we did before. Must not: ask a platform, decide what follows.
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import RETIRED, Outcome, quoted
from connector.core.schemas import OURS
from connector.state.drivers.driver import Driver
from connector.state.times import micros

TABLES = (
    """CREATE TABLE our_retirement(
        destination TEXT NOT NULL, contact TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY(destination, contact)) WITHOUT ROWID""",
)
CODE = "not_ours"  # of a change that was skipped
_STATUSES = quoted(RETIRED.values())
OURS_OF_DESTINATION = f"""
    SELECT k.email FROM our_retirement o
    CROSS JOIN contact k ON k.destination IS o.destination AND k.remote_id = o.contact AND k.status_at = o.at
    WHERE o.destination = ? AND k.status IN ({_STATUSES})"""
# Contacts with that status before our request had it from somebody else.
_NOTE = f"""
    INSERT INTO our_retirement(destination, contact, at) SELECT k.destination, k.remote_id, ? FROM contact k
    WHERE k.destination = ? AND k.remote_id = ? AND k.email = ? AND coalesce(k.status, '') NOT IN ({_STATUSES})
    ON CONFLICT(destination, contact) DO UPDATE SET at = excluded.at"""
_SKIP = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND email NOT IN ({OURS_OF_DESTINATION})
      AND email IN (SELECT email FROM contact WHERE destination = ? AND status IN ({_STATUSES}))"""


def note(db: Driver, destination: str, contacts: pa.Table) -> None:
    """`contacts` (CONTACT_SCHEMA) as they were found right after our request. Inside the caller's transaction, before
    the outcome is stored."""
    for row in contacts.select(["email", "remote_id", "status_at"]).to_pylist():
        if row["status_at"] is not None:
            db.run(_NOTE, [micros(row["status_at"]), destination, row["remote_id"], row["email"]])


def table(db: Driver, destination: str) -> pa.Table:
    """OURS of a destination."""
    return db.table(OURS_OF_DESTINATION, OURS, [destination])


def skip(db: Driver, destination: str, first: int, last: int) -> None:
    """Leave out of RESTOREs those that somebody else has suppressed. Inside the caller's transaction."""
    db.run(_SKIP, [first, last, destination, destination])


def forget(db: Driver, email: str) -> None:
    """Nothing is kept of a contact whose address is forgotten. Inside the caller's transaction."""
    mine = "k.destination = our_retirement.destination AND k.remote_id = our_retirement.contact"
    db.run(f"DELETE FROM our_retirement WHERE EXISTS (SELECT 1 FROM contact k WHERE {mine} AND k.email = ?)", [email])
