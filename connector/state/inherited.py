"""Opt-outs of a person under another address, looked at right before something is sent to the present one: under an
address that has left the export, and under one that the person's contact had before (former.py).

Owns: the statement that leaves such changes out. Must not: read a platform, decide for a plan (plan/diff/moves.py and
plan/gate.py do, by the same rule: a newer word of the present address counts more).
"""

from __future__ import annotations

from connector.core.model import NO_OF_PERSON, Op, Outcome, Status, quoted
from connector.state import former, retired
from connector.state.drivers.driver import Driver

_NO = quoted(NO_OF_PERSON)
_PRESENT = f"""
    {former.MOVED}, refusing(person, email) AS MATERIALIZED (
        SELECT person, email FROM contact WHERE destination = ? AND status IN ({_NO}) AND person IS NOT NULL
        UNION SELECT p.person, s.email FROM moved m CROSS JOIN contact p ON p.destination = ? AND p.email = m.present
        CROSS JOIN contact s ON s.destination = ? AND s.email = m.former
        WHERE p.person IS NOT NULL AND s.person IS NULL AND s.status IN ({_NO})
    ), inheriting(email, elsewhere) AS MATERIALIZED (
        SELECT k.email, r.email FROM refusing r JOIN contact k ON k.destination = ? AND k.person = r.person
        WHERE k.email <> r.email AND coalesce(k.status, '') <> '{Status.SUBSCRIBED}'
    )"""
# A job that is being worked on keeps its records.
_SKIP = f"""
    {_PRESENT}
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'opted_out' WHERE seq IN (
        SELECT c.seq FROM step s JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        WHERE s.run_id = ? AND s.destination = ? AND c.outcome IS NULL AND (
            s.op IN ('{Op.CREATE}', '{Op.ADD}') AND c.email IN (SELECT email FROM inheriting)
            OR s.op = '{Op.RESTORE}' AND c.email IN (
                SELECT email FROM inheriting WHERE elsewhere NOT IN ({retired.OURS_OF_DESTINATION})))
    ) AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.state = 'polling'
                      AND coalesce(change.carrier, change.seq) BETWEEN b.first_seq AND b.last_seq)"""


def skip(db: Driver, run_id: str, destination: str) -> None:
    """Leave out who is created, added or restored by this run and has opted out elsewhere; a suppression elsewhere that
    is ours keeps nobody suppressed. Inside the caller's transaction."""
    places = [destination] * 5
    if db.rows(f"{_PRESENT} SELECT 1 FROM inheriting LIMIT 1", places):
        db.run(_SKIP, [*places, run_id, destination, destination])
