"""The lifecycle's stages in the state: entries, and the moves of a run that wait for the outcome of their change.

Owns: the statements that turn a move into an entry, in the transaction that settles the outcome. Must not: open a
transaction, decide who moves (connector/lifecycle does), send.

A move whose change was refused, skipped or never sent is no entry: the next run's plan asks for it again.
"""

from __future__ import annotations

import pyarrow as pa

from connector.core.model import Op, Outcome
from connector.core.schemas import STAGE_MOVES
from connector.state.drivers.driver import Driver

TABLES = ("ALTER TABLE stage_entry ADD COLUMN told_at INTEGER",)
_TELL = "UPDATE stage_entry SET told_at = ? WHERE destination = ? AND email = ? AND left_at IS NULL"
_DONE = f"outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}')"
_LOAD = f"""INSERT INTO stage_move(run_id, {", ".join(STAGE_MOVES.names)})
    VALUES ({", ".join("?" for _ in ("run_id", *STAGE_MOVES.names))})"""
# The change that carries a move. CROSS JOIN keeps SQLite from walking through the changes of all runs.
_LINK = """
    WITH carriers AS MATERIALIZED (
        SELECT c.seq, c.email, s.destination, s.op, coalesce(s.kind, '') AS kind, coalesce(s.target, '') AS target
        FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq WHERE s.run_id = ?)
    UPDATE stage_move SET seq = carriers.seq FROM carriers
    WHERE stage_move.email = carriers.email AND stage_move.destination = carriers.destination
      AND stage_move.op = carriers.op AND coalesce(stage_move.kind, '') = carriers.kind
      AND coalesce(stage_move.target, '') = carriers.target"""

_CONFIRMED = f"seq IN (SELECT seq FROM temp.result WHERE {_DONE})"
_ADOPTED = f"""run_id = ? AND seq IN (
    SELECT c.seq FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
    WHERE s.run_id = ? AND s.destination = ? AND s.op = '{Op.ADOPT}' AND c.outcome = '{Outcome.APPLIED}')"""
# Without a change of their own: once nothing of the run is left open at their destination.
_QUIET = """run_id = ? AND op IS NULL AND destination NOT IN (
    SELECT s.destination FROM step s WHERE s.run_id = ? AND EXISTS (
        SELECT 1 FROM change c WHERE c.seq BETWEEN s.first_seq AND s.last_seq AND c.outcome IS NULL))"""

_ENTER = (
    """UPDATE stage_entry SET left_at = m.entered_at, how = m.how FROM
        (SELECT destination, email, how, entered_at FROM stage_move WHERE {which}) m
        WHERE stage_entry.destination = m.destination AND stage_entry.email = m.email
          AND stage_entry.left_at IS NULL""",
    """INSERT INTO stage_entry(destination, email, stage, part, policy, began_at, entered_at, signal_at, status,
                             run_id)
        SELECT destination, email, stage, part, policy, began_at, entered_at, signal_at,
               (SELECT k.status FROM contact k WHERE k.destination = stage_move.destination
                  AND k.email = stage_move.email), run_id
        FROM stage_move WHERE stage IS NOT NULL AND {which}""",
    "DELETE FROM stage_move WHERE {which}",
)


def load(db: Driver, run_id: str, moves: pa.Table | None) -> None:
    """Write the moves of a run, after its changes; those of earlier runs that never came about are dropped."""
    db.run("DELETE FROM stage_move")
    if moves is None or not moves.num_rows:
        return
    known = moves.select(STAGE_MOVES.names).cast(STAGE_MOVES)
    db.load(_LOAD, known.add_column(0, "run_id", pa.repeat(run_id, known.num_rows)))
    db.run(_LINK, [run_id])


def settle(db: Driver) -> None:
    """Enter the moves whose changes are among the results just settled (temp.result of settle.py)."""
    _enter(db, _CONFIRMED, [])


def adopted(db: Driver, run_id: str, destination: str) -> None:
    """Enter the moves whose tag or list held the person before the run."""
    _enter(db, _ADOPTED, [run_id, run_id, destination])


def finish(db: Driver, run_id: str) -> None:
    """Enter the moves that need no change."""
    _enter(db, _QUIET, [run_id, run_id])


def tell(db: Driver, destination: str, emails: pa.Array, at: int) -> None:
    """A cleanup has told of these people, who are not archived on this platform."""
    size = len(emails)
    columns = [pa.repeat(at, size), pa.repeat(destination, size), emails]
    db.load(_TELL, pa.table(columns, names=["at", "destination", "email"]))


def _enter(db: Driver, which: str, parameters: list[str]) -> None:
    for statement in _ENTER:
        db.run(statement.format(which=which), parameters)
