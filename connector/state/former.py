"""Whose an address was, before the contact that had it got another one: an opt-out under it later is the person's.

Owns: the statement that finds it in the journal, where moves are never pruned (pruning.py). Must not: write, decide
what follows (plan/diff/moves.py does, and inherited.py right before sending).
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import Op, Outcome
from connector.core.schemas import FORMER
from connector.state.drivers.driver import Driver

# `moved` of a destination. Who moved twice is found under the present address from both former ones. UNION ends where
# addresses go in circles. CROSS JOIN, here and below, keeps SQLite from walking through all contacts or changes first.
MOVED = f"""
    WITH RECURSIVE direct(former, present) AS (
        SELECT c.old_email, c.email FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        WHERE s.destination = ? AND s.op = '{Op.MOVE}' AND c.outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')
    ), moved(former, present) AS (
        SELECT former, present FROM direct
        UNION SELECT m.former, d.present FROM moved m JOIN direct d ON d.former = m.present
    )"""
_FORMER = f"""
    {MOVED}
    SELECT DISTINCT m.former AS email, k.person FROM moved m CROSS JOIN contact k ON k.email = m.present
    WHERE k.destination = ? AND k.person IS NOT NULL AND m.former <> m.present"""


def read(db: Driver, destination: str) -> pa.Table:
    """FORMER of a destination."""
    return db.table(_FORMER, FORMER, [destination, destination])
