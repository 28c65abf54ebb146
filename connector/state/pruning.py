"""Old journals: what single changes of finished runs became is deleted, what a run did in all is kept.

Owns: which runs may be pruned, and the deleting. Must not: touch the ledger, or a run that somebody may go on with.
"""

from __future__ import annotations

from datetime import datetime

from connector.core.model import Op
from connector.state.drivers.driver import Driver
from connector.state.lease import Lease
from connector.state.times import micros

# Rejects name the run that they are of, and ask it for its people. A MOVE knows under which address somebody was
# before: those to be forgotten are found by it.
_OLD = f"""
    SELECT s.id FROM step s JOIN run r ON r.id = s.run_id
    WHERE r.state IN ('done', 'abandoned')
      AND s.op <> '{Op.MOVE}' AND r.as_of < ? AND coalesce(r.finished_at, r.started_at) < ?
      AND NOT EXISTS (SELECT 1 FROM reject j WHERE j.run_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM batch b JOIN step o ON o.id = b.step WHERE o.run_id = r.id
                      AND b.state IN ('sent', 'polling'))"""
_MARK = "pruned "


def prune(db: Driver, lease: Lease, before: datetime) -> int:
    """Delete the changes of runs that are over, and whose moment and end lie before `before`; how many."""
    with db.erasing():
        lease.check()
        db.run("CREATE TEMP TABLE IF NOT EXISTS pruned(id INTEGER PRIMARY KEY)")
        db.run("DELETE FROM pruned")
        db.run(f"INSERT INTO pruned(id) {_OLD}", [micros(before), micros(before)])
        runs = "SELECT run_id FROM step WHERE id IN (SELECT id FROM pruned)"
        mark = f"SELECT DISTINCT '{_MARK}' || run_id, CAST(? AS TEXT) FROM step WHERE id IN (SELECT id FROM pruned)"
        db.run(f"INSERT INTO setting(name, value) {mark} ON CONFLICT(name) DO NOTHING", [str(micros(before))])
        db.run(f"DELETE FROM stage_move WHERE run_id IN ({runs})")
        db.run("DELETE FROM batch WHERE step IN (SELECT id FROM pruned)")
        count = int(db.rows("SELECT count(*) FROM change WHERE step IN (SELECT id FROM pruned)")[0][0])
        db.run("DELETE FROM change WHERE step IN (SELECT id FROM pruned)")
        db.run("DELETE FROM step WHERE id IN (SELECT id FROM pruned)")
    db.shrink()
    return count


def is_pruned(db: Driver, run_id: str) -> bool:
    """Whether changes of this run were deleted, so that it cannot be taken back."""
    return bool(db.rows("SELECT 1 FROM setting WHERE name = ?", [_MARK + run_id]))
