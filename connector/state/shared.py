"""Rows that turned out to be one contact after the plan was made: merged there, or given the other's address.

Owns: that a run takes nothing from a contact that another of its rows keeps, and writes its fields once. What is left
out is planned again by the next push, which knows that the rows are one (plan/unite.py). Must not: open a transaction.
"""

from __future__ import annotations

from connector.core.model import Op, Outcome
from connector.state.drivers.driver import Driver

CODE = "one_contact"

_WAITS = """NOT EXISTS (SELECT 1 FROM batch b WHERE b.state = 'polling'
                        AND coalesce(change.carrier, change.seq) BETWEEN b.first_seq AND b.last_seq)"""
_SHARED = """
    SELECT 1 FROM contact WHERE destination = ? AND remote_id IS NOT NULL
    GROUP BY remote_id HAVING count(*) > 1 LIMIT 1"""
_OTHERS = """contact own CROSS JOIN contact other ON other.destination IS own.destination
             AND other.remote_id = own.remote_id AND other.id <> own.id"""
# What this run does about a target with another row of the contact, also under the address that it gets in this run;
# `ops` are quoted operations.
_ASKED = f"""
    SELECT 1 FROM step s CROSS JOIN change x ON x.seq BETWEEN s.first_seq AND s.last_seq
    WHERE s.run_id = ? AND s.destination = ? AND s.kind = ? AND s.target = ? AND x.email IN (
        SELECT other.email UNION ALL
        SELECT m.email FROM step v CROSS JOIN change m ON m.seq BETWEEN v.first_seq AND v.last_seq
        WHERE v.run_id = s.run_id AND v.destination = s.destination AND v.op = '{Op.MOVE}'
          AND m.old_email = other.email)
      AND s.op IN ({{ops}}) AND coalesce(x.outcome, '') <> '{Outcome.SKIPPED}'"""
_JOINS = _ASKED.format(ops=f"'{Op.ADD}', '{Op.ADOPT}'")
_LEAVES = _ASKED.format(ops=f"'{Op.REMOVE}', '{Op.DISOWN}'")
_KEPT = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND {_WAITS} AND email IN (
        SELECT own.email FROM {_OTHERS} WHERE own.destination = ? AND NOT EXISTS ({_LEAVES}) AND (
            EXISTS ({_JOINS}) OR EXISTS (
                SELECT 1 FROM membership m JOIN target t ON t.id = m.target_id
                WHERE m.contact_id = other.id AND t.destination = other.destination AND t.kind = ? AND t.name = ?)))"""
# The earlier UPDATE of two goes, or the one that has gone.
_TWICE = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND {_WAITS} AND EXISTS (
        SELECT 1 FROM {_OTHERS} CROSS JOIN change x ON x.email = other.email
        WHERE own.destination = ? AND own.email = change.email AND x.seq BETWEEN ? AND ? AND x.seq < change.seq)"""
_RIDING = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}' WHERE outcome IS NULL AND carrier IN (
        SELECT seq FROM change WHERE seq BETWEEN ? AND ? AND code = '{CODE}')"""
_EMPTY = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = '{CODE}'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND fields IS NULL AND {_WAITS}
      AND EXISTS (SELECT 1 FROM change r WHERE r.carrier = change.seq AND r.code = '{CODE}')
      AND NOT EXISTS (SELECT 1 FROM change r WHERE r.carrier = change.seq AND r.outcome IS NULL)"""
# A row whose address the platform does not hold, or for which no update went out (tags that are a property), of a
# contact that was removed under its other address.
_SETTLED = f"""
    DELETE FROM membership_doubt WHERE (target_id, contact_id) IN (
        SELECT t.id, own.id FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
        JOIN contact own ON own.destination = s.destination AND own.email = c.email
        JOIN contact other ON other.destination IS own.destination AND other.remote_id = own.remote_id
        JOIN change d ON d.seq BETWEEN s.first_seq AND s.last_seq AND d.email = other.email AND d.seq <> c.seq
        JOIN target t ON t.destination = s.destination AND t.kind = s.kind AND t.name = s.target
        WHERE s.run_id = ? AND s.destination = ? AND s.op = '{Op.REMOVE}' AND c.code IN ('not_held', 'no_carrier')
          AND d.outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}'))"""


def any_shared(db: Driver, destination: str) -> bool:
    """Has any contact several rows? Nearly never."""
    return bool(db.rows(_SHARED, [destination]))


def skip_kept(db: Driver, run_id: str, destination: str, kind: str, target: str, ends: tuple[int, int]) -> None:
    """Leave out of the REMOVEs from a target the rows of contacts that another row keeps in it."""
    asked = [run_id, destination, kind, target]
    db.run(_KEPT, [*ends, destination, *asked, *asked, kind, target])


def skip_twice(db: Driver, destination: str, ends: tuple[int, int]) -> None:
    """Leave out of the UPDATEs those of a contact that another row updates, and those that carry nothing any more."""
    db.run(_TWICE, [*ends, destination, *ends])
    db.run(_RIDING, [*ends])
    db.run(_EMPTY, [*ends])


def settle(db: Driver, run_id: str, destination: str) -> None:
    """Who was removed under one address is removed: what the other one may hold is no longer unknown."""
    db.run(_SETTLED, [run_id, destination])
