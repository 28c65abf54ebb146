"""Whose an address was, before the contact that had it got another one: an opt-out under it later is the person's.

Owns: the table former_address and its statements. Must not: decide what follows for a plan (plan/diff/moves.py does).
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import Op, Outcome
from connector.core.schemas import FORMER
from connector.state.drivers.driver import Driver

_TABLE = """CREATE TABLE former_address(
    destination TEXT NOT NULL, email TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY(destination, email, person))
    WITHOUT ROWID"""
_APPLIED = f"IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')"
# Inside a run, from the results that settle.py joins.
LEARN = f"""
    INSERT INTO former_address(destination, email, person)
    SELECT r.destination, r.old_email, k.person FROM temp.result r JOIN contact k ON k.id = r.contact_id
    WHERE r.op = '{Op.MOVE}' AND r.outcome {_APPLIED} AND k.person IS NOT NULL
    ON CONFLICT(destination, email, person) DO NOTHING"""
# Of contacts that were moved by versions without this table: moves are never pruned.
_FROM_JOURNAL = f"""
    INSERT INTO former_address(destination, email, person)
    SELECT s.destination, c.old_email, k.person FROM change c JOIN step s ON s.id = c.step
    JOIN contact k ON k.destination = s.destination AND k.email = c.email
    WHERE s.op = '{Op.MOVE}' AND c.outcome {_APPLIED} AND c.old_email IS NOT NULL AND k.person IS NOT NULL
    ON CONFLICT(destination, email, person) DO NOTHING"""


def create(db: Driver) -> None:
    """For a migration. Who may only read has it for this connection alone."""
    db.run(_TABLE.replace("CREATE TABLE", "CREATE TEMP TABLE") if db.read_only and db.narrows else _TABLE)
    db.run(_FROM_JOURNAL)


def read(db: Driver, destination: str) -> pa.Table:
    """FORMER of a destination."""
    return db.table("SELECT email, person FROM former_address WHERE destination = ?", FORMER, [destination])
