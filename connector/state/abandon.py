"""A run that is given up: what it leaves in the journal and in the ledger.

Owns: its statements, and the mark of batches whose jobs may still be open. Must not: open a transaction, send, ask.

What left without an outcome is settled as FAILED (settle.py): the ledger neither claims nor denies it, so the next plan
sends it again or takes it back. A status that may have changed is read from the platform by every plan. What never left
stays without an outcome and is planned again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connector.core.errors import PlanError
from connector.core.model import Outcome
from connector.state import stages
from connector.state.base import BatchState, RunState
from connector.state.drivers.driver import Driver
from connector.state.settle import enter, raise_revision

CODE = "abandoned"

_UNFINISHED = (RunState.OPEN, RunState.INTERRUPTED, RunState.FAILED)
_OF_RUN = f"""state IN ('{BatchState.SENT}', '{BatchState.POLLING}')
    AND step IN (SELECT id FROM step WHERE run_id = ?)"""
_UNKNOWN = f"""
    INSERT INTO temp.answer
    SELECT DISTINCT c.seq, '{Outcome.FAILED}', '{CODE}', '', NULL, NULL
    FROM (SELECT first_seq, last_seq FROM batch WHERE {_OF_RUN}) b
    CROSS JOIN change c ON c.seq BETWEEN b.first_seq AND b.last_seq
    WHERE c.outcome IS NULL AND c.carrier IS NULL"""
_DESTINATIONS = f"""
    SELECT DISTINCT destination FROM step WHERE id IN (SELECT step FROM batch WHERE {_OF_RUN})"""
_OF_DESTINATION = f"""state = '{BatchState.ABANDONED}'
    AND step IN (SELECT id FROM step WHERE destination = ?)"""
_DAY = 86_400_000_000  # microseconds; a job that has not ended by then never will


def abandon(db: Driver, run_id: str, reason: str, counts: Mapping[str, Any], at: int) -> None:
    """`counts` are the journal's, from before. Raises PlanError for a run that is over."""
    for (state,) in db.rows("SELECT state FROM run WHERE id = ?", [run_id]):
        if state not in _UNFINISHED:
            raise PlanError(f"Run {run_id} is over ({state}): there is nothing to give up. `sync runs` lists all runs.")
    doubtful = [name for (name,) in db.rows(_DESTINATIONS, [run_id])]
    db.run("DELETE FROM temp.answer")
    db.run(_UNKNOWN, [run_id])
    enter(db, run_id, at, None)
    db.run(f"UPDATE batch SET state = '{BatchState.ABANDONED}' WHERE {_OF_RUN}", [run_id])
    for destination in doubtful:
        raise_revision(db, destination)
    stages.finish(db, run_id)
    db.run(
        "UPDATE run SET state = ?, summary = ?, finished_at = ?, abandoned = ? WHERE id = ?",
        [RunState.ABANDONED, json.dumps(counts), at, reason, run_id],
    )


def jobs(db: Driver, destination: str, at: int) -> bool:
    """Whether jobs of an abandoned run may still be open there."""
    sql = f"SELECT 1 FROM batch WHERE {_OF_DESTINATION} AND coalesce(sent_at, 0) > ? LIMIT 1"
    return bool(db.rows(sql, [destination, at - _DAY]))


def jobs_over(db: Driver, destination: str) -> None:
    """They have ended."""
    db.run(f"UPDATE batch SET state = '{BatchState.DONE}' WHERE {_OF_DESTINATION}", [destination])
