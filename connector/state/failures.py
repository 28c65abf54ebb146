"""Changes that fail again and again: how often and since when, and from when on they need a person.

Owns: the table `failure`, every statement about it, and how it is read beside what was refused. Must not: decide what
is FAILED, open a transaction.

A change that failed is tried by every run, since most troubles pass. One that failed on TIMES runs in a row, or for
longer than AGE, is parked like a refused one (code CODE): it is sent again when the person's row changes, or after
`sync rejects retry`. Troubles of the connection or the platform need both, so that one bad night parks nobody. Not
counted is what lies with the account or the configuration, and is told for the destination as a whole. What takes
somebody out (removals, unsubscribes, archiving) and a change of address are counted and never parked: every run tries
them, and tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pyarrow as pa

from connector.core.counts import count_of
from connector.core.model import Op, Outcome, quoted
from connector.core.schemas import FAILURES, REJECTS
from connector.state.drivers.driver import Driver

TIMES, AGE = 5, timedelta(days=7)
CODE = "keeps_failing"
_FORGET = timedelta(days=30)  # not asked for in between: counted from one again
_NOT_COUNTED = (
    "account_limit", "target_gone", "not_offered", "abandoned", "daily_limit", "unknown_field", "read_only_field",
)  # fmt: skip
_PASSING = (
    "", "retryable", "no_answer", "rate_limit", "throttled", "blocked", "unreachable", "garbled", "locked", "migrating",
    "endless", "slow_job", "job_gone", "download", "408", "423", "429", "477",
)  # fmt: skip
WAITING = (Op.CREATE, Op.UPDATE, Op.ADD)  # what is parked; the others take somebody out, or follow an address

TABLES = (
    """CREATE TABLE failure(
        destination TEXT NOT NULL, email TEXT NOT NULL, op TEXT NOT NULL, kind TEXT NOT NULL, target TEXT NOT NULL,
        code TEXT, row_hash TEXT, run_id TEXT NOT NULL, times INTEGER NOT NULL, first_at INTEGER NOT NULL,
        at INTEGER NOT NULL, PRIMARY KEY(destination, email, op, kind, target)) WITHOUT ROWID""",
)

_NAMES = ("destination", "email", "op", "kind", "target")
_KEY = ", ".join(_NAMES)
_OVER = f"DELETE FROM failure WHERE ({_KEY}) IN (SELECT {_KEY} FROM temp.result WHERE outcome <> '{Outcome.FAILED}')"
_FIRST = f"""coalesce(excluded.row_hash, '') <> coalesce(failure.row_hash, '')
            OR excluded.at - failure.at > {_FORGET // timedelta(microseconds=1)}"""
_COUNT = f"""
    INSERT INTO failure({_KEY}, code, row_hash, run_id, times, first_at, at)
    SELECT {_KEY}, coalesce(code, ''), row_hash, ?, 1, ?, ? FROM temp.result
    WHERE outcome = '{Outcome.FAILED}' AND coalesce(code, '') NOT IN ({quoted(_NOT_COUNTED)})
    ON CONFLICT({_KEY}) DO UPDATE SET
        times = CASE WHEN {_FIRST} THEN 1 WHEN excluded.run_id = failure.run_id THEN failure.times
                ELSE failure.times + 1 END,
        first_at = CASE WHEN {_FIRST} THEN excluded.first_at ELSE failure.first_at END,
        code = excluded.code, row_hash = excluded.row_hash, run_id = excluded.run_id, at = excluded.at"""
_OLD = f"f.times > 1 AND f.at - f.first_at > {AGE // timedelta(microseconds=1)}"
_TIRED = f"""CASE WHEN f.code IN ({quoted(_PASSING)}) OR f.code LIKE '5__' THEN f.times >= {TIMES} AND {_OLD}
             ELSE f.times >= {TIMES} OR {_OLD} END"""
_PARKED = f"""EXISTS (SELECT 1 FROM reject r WHERE r.destination = f.destination AND r.email = f.email AND r.op = f.op
             AND r.kind = f.kind AND r.target = f.target AND r.code = '{CODE}' AND r.row_hash IS NOT NULL)"""
_FAILED = f"SELECT {_KEY} FROM temp.result WHERE outcome = '{Outcome.FAILED}'"
_UNPARK = f"DELETE FROM reject WHERE code = '{CODE}' AND ({_KEY}) IN ({_FAILED})"
_PARK = f"""
    INSERT INTO reject({_KEY}, code, detail, row_hash, run_id, at)
    SELECT f.destination, f.email, f.op, f.kind, f.target, '{CODE}', f.code, f.row_hash, f.run_id, f.at FROM failure f
    WHERE (f.destination, f.email, f.op, f.kind, f.target) IN ({_FAILED}) AND f.op IN ({quoted(WAITING)}) AND {_TIRED}
    ON CONFLICT({_KEY}) DO UPDATE SET
        code = excluded.code, detail = excluded.detail, row_hash = excluded.row_hash, run_id = excluded.run_id,
        at = excluded.at"""


def settle(db: Driver, run_id: str, at: int, failed: int) -> None:
    """What is in temp.result, of which so many FAILED. Inside the caller's transaction."""
    db.run(_OVER)
    if failed:
        db.run(_COUNT, [run_id, at, at])
        db.run(_UNPARK)
        db.run(_PARK)


def known(db: Driver) -> bool:
    """Whether any failure is counted: most states have none."""
    return bool(db.rows("SELECT count(*) FROM failure")[0][0])


def needing(db: Driver, destination: str | None) -> pa.Table:
    """FAILURES: those that need a person. What waits counts until somebody asks for another try, what is tried all the
    same for as long as it is asked for."""
    recent = f"f.at > (SELECT max(at) FROM failure) - {AGE // timedelta(microseconds=1)}"
    where = f"({_TIRED}) AND CASE WHEN f.op IN ({quoted(WAITING)}) THEN {_PARKED} ELSE {recent} END"
    values = [] if destination is None else [destination]
    where += "" if destination is None else " AND f.destination = ?"
    sql = f"SELECT {_KEY}, code, run_id, times, first_at, at FROM failure f WHERE {where}"
    return db.table(sql, FAILURES, values, order=_KEY)


def rejects(db: Driver, destination: str | None) -> pa.Table:
    """REJECTS: what was refused, and what fails, with what is known of it. What is tried all the same has no row hash,
    so that it is. A change of address is left to its contact."""
    where, values = ("WHERE destination = ?", [destination]) if destination is not None else ("", [])
    refused = db.table(f"SELECT * FROM reject {where}", REJECTS, values, order=_KEY)
    found = needing(db, destination)
    if not found.num_rows:
        return refused
    rows = {tuple(row[name] for name in _NAMES): row for row in found.to_pylist()}
    parked = refused.to_pylist()
    for row in parked:
        failure = rows.pop(tuple(row[name] for name in _NAMES), None)
        if row["code"] == CODE and failure is not None:
            row["detail"] = _detail(failure)
    tried = [row for row in rows.values() if row["op"] not in (*WAITING, Op.MOVE)]
    parked += [{**row, "code": CODE, "detail": _detail(row), "row_hash": None} for row in tried]
    return pa.Table.from_pylist(parked, REJECTS)


def _detail(row: Mapping[str, Any]) -> str:
    runs = count_of(row["times"], "run")
    return f"failed on {runs} since {row['first_at']:%Y-%m-%d}, the last time: {row['code'] or 'unsaid'}"
