"""The journal of a run on an SQL database: intentions, outcomes, and what is unknown.

Owns: steps, batches and the outcomes of changes. Must not: send, decide what a failure means, touch the ledger
except through settle.

UNKNOWN is not stored: it is a change without outcome in a batch that has left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.core.model import BLOCKED, Kind, Op, Outcome, Status, quoted
from connector.core.schemas import RECORDS
from connector.state import abandon, inherited, left, retired, shared, stages
from connector.state.base import BatchState, JournalBatch, RunState, Step
from connector.state.drivers.driver import Driver
from connector.state.lease import Lease
from connector.state.settle import raise_revision, record, refuse_fields, settle
from connector.state.times import micros

_SEQ_EMAIL = pa.schema([("seq", pa.int64()), ("email", pa.string())])
_IN_DOUBT = f"state IN ('{BatchState.SENT}', '{BatchState.POLLING}')"
_OPEN = "outcome IS NULL AND carrier IS NULL"

_SELECT_RECORDS = """
    SELECT c.seq, c.email, k.remote_id, c.fields, t.tags_add, t.tags_remove, c.new_status, c.consent_at,
           c.consent_source, c.seen
    FROM change c LEFT JOIN contact k ON k.destination = ? AND k.email = coalesce(c.old_email, c.email)
    LEFT JOIN (
        SELECT r.carrier, group_concat(CASE s.op WHEN 'add' THEN s.target END, char(31)) AS tags_add,
               group_concat(CASE s.op WHEN 'remove' THEN s.target END, char(31)) AS tags_remove
        FROM change r JOIN step s ON s.id = r.step AND s.kind = 'tag'
        WHERE r.carrier BETWEEN ? AND ? AND r.outcome IS NULL GROUP BY r.carrier
    ) t ON t.carrier = c.seq
    WHERE c.seq BETWEEN ? AND ? AND c.outcome IS NULL AND c.carrier IS NULL"""

# CROSS JOIN keeps SQLite from walking through the changes of all runs. It builds an index on `carriers` by itself.
_CARRY = """
    WITH carriers AS MATERIALIZED (
        SELECT x.seq, x.email FROM step s CROSS JOIN change x ON x.seq BETWEEN s.first_seq AND s.last_seq
        WHERE s.run_id = ? AND s.destination = ? AND s.op IN ('create', 'update') AND x.outcome IS NULL)
    UPDATE change SET carrier = carriers.seq FROM carriers
    WHERE change.email = carriers.email AND carrier IS NULL AND outcome IS NULL AND change.seq BETWEEN ? AND ?"""

# Those who were created without their fields, which the platform refused.
_WITHOUT_FIELDS = f"""
    SELECT count(*) FROM reject r WHERE r.destination = ? AND r.run_id = ? AND r.op = '{Op.UPDATE}' AND r.email IN (
        SELECT email FROM change
        WHERE seq BETWEEN ? AND ? AND outcome IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}'))"""
# The same for the list ADDs of contacts whose CREATE has not left yet.
_BOTH = """
    SELECT count(*) FROM (SELECT email FROM change WHERE seq BETWEEN ? AND ?) made
    JOIN (SELECT email FROM change WHERE seq BETWEEN ? AND ?) added ON added.email = made.email"""
_JOIN = """
    WITH made AS MATERIALIZED (SELECT seq, email FROM change WHERE seq BETWEEN ? AND ? AND outcome IS NULL)
    UPDATE change SET carrier = made.seq FROM made
    WHERE change.email = made.email AND carrier IS NULL AND outcome IS NULL AND change.seq BETWEEN ? AND ?"""

_SKIP_UNCREATED = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'not_created'
    WHERE seq BETWEEN ? AND ? AND {_OPEN} AND email IN (
        SELECT x.email FROM step s CROSS JOIN change x ON x.seq BETWEEN s.first_seq AND s.last_seq
        WHERE s.run_id = ? AND s.destination = ? AND s.op IN ('create', 'move')
        AND x.outcome NOT IN ('{Outcome.APPLIED}', '{Outcome.UNCHANGED}'))"""

_SKIP_CARRIED = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'not_created' WHERE outcome IS NULL AND carrier IN (
        SELECT seq FROM change WHERE seq BETWEEN ? AND ? AND code = 'not_created')"""

# What RESTORE is there to lift, and what UNSUBSCRIBE may have done before its answer was lost: no reason to skip.
_OURS = {Op.RESTORE: Status.SUPPRESSED, Op.UNSUBSCRIBE: Status.UNSUBSCRIBED}
# A job that is being worked on keeps its records: its answer counts them. What rides is skipped by itself: a contact
# that opted out gets no tag, but what else the carrier brings still holds.
_BLOCKED = f"""
      IN (SELECT email FROM contact WHERE destination = ? AND status <> ?
          AND status IN ({quoted(BLOCKED)}))
      AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.state = '{BatchState.POLLING}'
                      AND coalesce(change.carrier, change.seq) BETWEEN b.first_seq AND b.last_seq)"""
_SKIP_REFUSING = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'opted_out'
    WHERE seq BETWEEN ? AND ? AND outcome IS NULL AND {{address}} {_BLOCKED}"""
# An opt-out may belong to the address, and would not go along. A contact that has the new one already has moved.
_STILL_THERE = """
    AND NOT EXISTS (SELECT 1 FROM contact was JOIN contact now USING (destination, remote_id)
                    WHERE was.destination = ? AND was.email = change.old_email AND now.email = change.email)"""

_SKIP_RIDING = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'opted_out' WHERE outcome IS NULL AND carrier IN (
        SELECT seq FROM change WHERE seq BETWEEN ? AND ? AND code = 'opted_out')"""

# The fields of a contact that opted out are not sent. An UPDATE that carries removals of tags goes without them. A
# request that was never answered may have written them.
_FIELDS_UNKNOWN = f"""
    INSERT OR IGNORE INTO field_doubt(contact_id, fields)
    SELECT k.id, change.fields FROM change JOIN contact k ON k.destination = ? AND k.email = change.email
    WHERE change.seq BETWEEN ? AND ? AND {_OPEN} AND change.fields IS NOT NULL
      AND EXISTS (SELECT 1 FROM batch b WHERE b.state = '{BatchState.SENT}'
                  AND change.seq BETWEEN b.first_seq AND b.last_seq)
      AND change.email {_BLOCKED}"""
_DROP_FIELDS = f"""
    UPDATE change SET fields = NULL WHERE seq BETWEEN ? AND ? AND {_OPEN} AND fields IS NOT NULL AND email {_BLOCKED}"""
_SKIP_EMPTY = f"""
    UPDATE change SET outcome = '{Outcome.SKIPPED}', code = 'opted_out'
    WHERE seq BETWEEN ? AND ? AND {_OPEN} AND fields IS NULL AND email {_BLOCKED}
      AND NOT EXISTS (SELECT 1 FROM change r WHERE r.carrier = change.seq AND r.outcome IS NULL)"""

# A contact that opted out since was perhaps added all the same, by a request that was never answered.
_DOUBT_SKIPPED = f"""
    INSERT OR IGNORE INTO membership_doubt(target_id, contact_id)
    SELECT t.id, k.id FROM step s CROSS JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq
    JOIN target t ON t.destination = s.destination AND t.kind = s.kind AND t.name = s.target
    JOIN contact k ON k.destination = s.destination AND k.email = c.email
    WHERE s.run_id = ? AND s.destination = ? AND s.op = '{Op.ADD}'
    AND c.code IN ('opted_out', '{left.CODE}') AND EXISTS (
        SELECT 1 FROM batch b WHERE b.state = '{BatchState.SENT}'
        AND coalesce(c.carrier, c.seq) BETWEEN b.first_seq AND b.last_seq)"""

_CUT = f"""
    INSERT INTO batch(step, first_seq, last_seq, size, state)
    SELECT ?, min(seq), max(seq), count(*), '{BatchState.PLANNED}'
    FROM (SELECT seq, (row_number() OVER (ORDER BY seq) - 1) / ? AS part
          FROM change WHERE seq BETWEEN ? AND ? AND {_OPEN}) parts
    GROUP BY part ORDER BY part"""

_UNSENT = "unsent"
_KNOWN = tuple(outcome for outcome in Outcome if outcome is not Outcome.UNKNOWN)
_OUTCOMES = f"""
    SELECT {", ".join(f"count(*) FILTER (WHERE outcome = '{outcome}')" for outcome in _KNOWN)}, count(*)
    FROM change WHERE seq BETWEEN ? AND ?"""
_UNKNOWN = f"""
    SELECT s.destination, s.op, count(*)
    FROM batch b CROSS JOIN change r ON r.seq BETWEEN b.first_seq AND b.last_seq
    CROSS JOIN change c ON {{join}} JOIN step s ON s.id = c.step
    WHERE b.{_IN_DOUBT} AND r.{_OPEN.replace("carrier", "r.carrier")} AND s.run_id = ? GROUP BY 1, 2"""


class SqlJournal:
    """connector.state.base.Journal."""

    def __init__(self, db: Driver, lease: Lease, now: Callable[[], datetime]) -> None:
        self._db = db
        self._lease = lease
        self._now = now

    def destinations(self, run_id: str) -> list[str]:
        left = "EXISTS (SELECT 1 FROM change WHERE seq BETWEEN first_seq AND last_seq AND outcome IS NULL)"
        sql = f"SELECT DISTINCT destination FROM step WHERE run_id = ? AND {left} ORDER BY destination"
        return [name for (name,) in self._db.rows(sql, [run_id])]

    def steps(self, run_id: str, destination: str) -> list[Step]:
        return self._steps("run_id = ? AND destination = ?", run_id, destination)

    def open_counts(self, steps: Sequence[Step]) -> Mapping[int, int]:
        sql = f"SELECT count(*) FROM change WHERE seq BETWEEN ? AND ? AND {_OPEN}"
        counts = {step.id: self._db.rows(sql, [step.first_seq, step.last_seq])[0][0] for step in steps}
        return {step: count for step, count in counts.items() if count}

    def carry(self, run_id: str, destination: str) -> int:
        tags = [
            step for step in self.steps(run_id, destination) if step.kind is Kind.TAG and step.op in (Op.ADD, Op.REMOVE)
        ]
        with self._write():
            for step in tags:
                self._db.run(_CARRY, [run_id, destination, step.first_seq, step.last_seq])
        return sum(self.open_counts(tags).values())

    def join(self, run_id: str, destination: str) -> list[int]:
        steps = self.steps(run_id, destination)
        create = next((step for step in steps if step.op is Op.CREATE), None)
        if create is None:
            return []
        created, joined = [create.first_seq, create.last_seq], []
        with self._write():
            for step in steps:
                if step.op is Op.ADD and step.kind is Kind.LIST:
                    both = self._db.rows(_BOTH, [*created, step.first_seq, step.last_seq])[0][0]
                    if both == create.last_seq - create.first_seq + 1:
                        self._db.run(_JOIN, [*created, step.first_seq, step.last_seq])
                        joined.append(step.id)
        return joined

    def skip_uncreated(self, run_id: str, destination: str) -> int:
        skipped = 0
        with self._write():
            for step in self.steps(run_id, destination):
                if step.op in (Op.UPDATE, Op.ADD, Op.REMOVE):
                    self._db.run(_SKIP_UNCREATED, [step.first_seq, step.last_seq, run_id, destination])
                    skipped += self._db.changed()
                if step.op is Op.UPDATE:
                    self._db.run(_SKIP_CARRIED, [step.first_seq, step.last_seq])
                    skipped += self._db.changed()
        return skipped

    def skip_refusing(self, run_id: str, destination: str) -> None:
        # UPDATEs last: whether one of them still carries anything is known when the ADDs of tags have been skipped.
        steps = sorted(self.steps(run_id, destination), key=lambda step: step.op is Op.UPDATE)
        with self._write():
            inherited.skip(self._db, run_id, destination)
            one_contact = shared.any_shared(self._db, destination)
            for step in steps:
                ends = [step.first_seq, step.last_seq]
                if step.op in (Op.CREATE, Op.ADD, Op.ADOPT, Op.RESTORE, Op.UNSUBSCRIBE):
                    ours = str(_OURS.get(step.op, ""))
                    self._db.run(_SKIP_REFUSING.format(address="email"), [*ends, destination, ours])
                    self._db.run(_SKIP_RIDING, ends)
                elif step.op is Op.MOVE:
                    for address in ("old_email", "email"):  # somebody else may have the new one, and opted out
                        moving = _SKIP_REFUSING.format(address=address) + _STILL_THERE
                        self._db.run(moving, [*ends, destination, "", destination])
                elif step.op is Op.UPDATE:
                    self._db.run(_FIELDS_UNKNOWN, [destination, *ends, destination, ""])
                    self._db.run(_DROP_FIELDS, [*ends, destination, ""])
                    self._db.run(_SKIP_EMPTY, [*ends, destination, ""])
                if one_contact and step.op is Op.REMOVE:
                    key = (str(step.kind), step.target or "")
                    shared.skip_kept(self._db, run_id, destination, *key, (step.first_seq, step.last_seq))
                elif one_contact and step.op is Op.UPDATE:
                    shared.skip_twice(self._db, destination, (step.first_seq, step.last_seq))
                if step.op is Op.RESTORE:
                    retired.skip(self._db, destination, *ends)
                if step.op is Op.ADD and step.kind is Kind.LIST:
                    left.skip(self._db, run_id, destination, step.target or "", *ends)
            self._db.run(_DOUBT_SKIPPED, [run_id, destination])

    def record(self, run_id: str, destination: str) -> None:
        with self._write():
            record(self._db, run_id, destination)

    def settle_shared(self, run_id: str, destination: str) -> None:
        if shared.any_shared(self._db, destination):
            with self._write():
                shared.settle(self._db, run_id, destination)

    def cut(self, step: Step, size: int) -> list[JournalBatch]:
        with self._write():
            self._db.run("DELETE FROM batch WHERE step = ? AND state = ?", [step.id, BatchState.PLANNED])
            return self._cut(step, size, step.first_seq, step.last_seq)

    def halve(self, batch: JournalBatch) -> list[JournalBatch]:
        with self._write():
            count = self.records(batch).num_rows
            self._db.run("DELETE FROM batch WHERE id = ?", [batch.id])
            return self._cut(batch.step, (count + 1) // 2, batch.first_seq, batch.last_seq)

    def records(self, batch: JournalBatch) -> pa.Table:
        ends = [batch.first_seq, batch.last_seq]
        return self._db.table(_SELECT_RECORDS, RECORDS, [batch.step.destination, *ends, *ends], order="seq")

    def open_changes(self, step: Step) -> pa.Table:
        sql = f"SELECT seq, email FROM change WHERE seq BETWEEN ? AND ? AND {_OPEN}"
        return self._db.table(sql, _SEQ_EMAIL, [step.first_seq, step.last_seq], order="seq")

    def without_id(self, step: Step) -> pa.Table:
        sql = (
            "SELECT c.seq, coalesce(c.old_email, c.email) AS email FROM change c "
            "LEFT JOIN contact k ON k.destination = ? AND k.email = coalesce(c.old_email, c.email) "
            f"WHERE c.seq BETWEEN ? AND ? AND c.{_OPEN} AND k.remote_id IS NULL"
        )
        return self._db.table(sql, _SEQ_EMAIL, [step.destination, step.first_seq, step.last_seq], order="seq")

    def sent(self, batch: JournalBatch) -> None:
        with self._write():
            self._db.run(
                "UPDATE batch SET state = ?, job = NULL, sent_at = ?, attempts = attempts + 1 WHERE id = ?",
                [BatchState.SENT, micros(self._now()), batch.id],
            )

    @contextmanager
    def as_if_sent(self, steps: Iterable[int]) -> Iterator[None]:
        """Meanwhile all batches of these steps that have not left look as if they had. Nothing else may write."""
        batches = "SELECT id FROM batch WHERE step = ? AND state = ?"
        planned = [row for step in steps for row in self._db.rows(batches, [step, BatchState.PLANNED])]
        if not planned:
            yield
            return
        state = "UPDATE batch SET state = ?, sent_at = ? WHERE id = ?"
        with self._write():
            for (batch,) in planned:
                self._db.run(state, [BatchState.SENT, micros(self._now()), batch])
        try:
            yield
        finally:
            with self._db.transaction():
                for (batch,) in planned:
                    self._db.run(state, [BatchState.PLANNED, None, batch])

    def polling(self, batch: JournalBatch, job: str) -> None:
        with self._write():
            self._db.run("UPDATE batch SET state = ?, job = ? WHERE id = ?", [BatchState.POLLING, job, batch.id])

    def refuse_fields(self, batch: JournalBatch, answers: pa.Table) -> None:
        with self._write():
            refuse_fields(self._db, answers, batch.step.run_id, micros(self._now()))

    def reopen(self, batch: JournalBatch) -> None:
        with self._write():
            self._db.run("UPDATE batch SET state = ? WHERE id = ?", [BatchState.PLANNED, batch.id])

    def settle(
        self,
        step: Step,
        answers: pa.Table,
        *,
        batch: JournalBatch | None = None,
        then: BatchState = BatchState.DONE,
        retired: Status | None = None,
    ) -> None:
        at = micros(self._now())
        with self._write():
            settle(self._db, answers, step.run_id, at, retired)
            raise_revision(self._db, step.destination)
            if batch is not None:
                over = then is BatchState.DONE  # else the job's answer no longer fits the records that are left
                self._db.run(
                    "UPDATE batch SET state = ?, done_at = ?, job = CASE WHEN ? = 1 THEN job END WHERE id = ?",
                    [then, at if over else None, int(over), batch.id],
                )

    def in_doubt(self, run_id: str, destination: str) -> list[JournalBatch]:
        return [
            batch
            for step in self.steps(run_id, destination)
            for batch in self._batches(step, f"step = ? AND {_IN_DOUBT}")
        ]

    def counts(self, run_id: str) -> dict[str, dict[str, dict[str, int]]]:
        counts: dict[str, dict[str, Counter[str]]] = {}
        for step in self._steps("run_id = ?", run_id):
            *known, total = self._db.rows(_OUTCOMES, [step.first_seq, step.last_seq])[0]
            of = counts.setdefault(step.destination, {}).setdefault(step.op, Counter())
            of.update(dict(zip(_KNOWN, known, strict=True)))
            of[_UNSENT] += total - sum(known)
            about = [step.destination, run_id, step.first_seq, step.last_seq]
            if step.op is Op.CREATE and (count := self._db.rows(_WITHOUT_FIELDS, about)[0][0]):
                counts[step.destination].setdefault(Op.UPDATE, Counter())[Outcome.REJECTED] += count
        for join in ("c.seq = r.seq", "c.carrier = r.seq"):
            for destination, op, count in self._db.rows(_UNKNOWN.format(join=join), [run_id]):
                counts[destination][op].update({Outcome.UNKNOWN: count, _UNSENT: -count})
        return {
            destination: {op: {str(what): count for what, count in of.items() if count} for op, of in ops.items()}
            for destination, ops in counts.items()
        }

    def finish(self, run_id: str, state: RunState, summary: Mapping[str, Any]) -> None:
        with self._write():
            stages.finish(self._db, run_id)
            self._db.run(
                "UPDATE run SET state = ?, summary = ?, finished_at = ? WHERE id = ?",
                [state, json.dumps(summary), micros(self._now()), run_id],
            )

    def abandon(self, run_id: str, reason: str) -> None:
        with self._write():
            abandon.abandon(self._db, run_id, reason, self.counts(run_id), micros(self._now()))

    def jobs_abandoned(self, destination: str) -> bool:
        return abandon.jobs(self._db, destination, micros(self._now()))

    def jobs_over(self, destination: str) -> None:
        with self._write():
            abandon.jobs_over(self._db, destination)

    def _steps(self, where: str, *values: object) -> list[Step]:
        columns = "id, run_id, destination, op, coalesce(kind, ''), coalesce(target, ''), first_seq, last_seq"
        return [_step(row) for row in self._db.rows(f"SELECT {columns} FROM step WHERE {where} ORDER BY id", values)]

    def _cut(self, step: Step, size: int, first: int, last: int) -> list[JournalBatch]:
        newest = self._db.rows("SELECT coalesce(max(id), 0) FROM batch")[0][0]
        self._db.run(_CUT, [step.id, size, first, last])
        return self._batches(step, "step = ? AND id > ?", newest)

    def _batches(self, step: Step, where: str, *more: object) -> list[JournalBatch]:
        rows = self._db.rows(
            f"SELECT id, first_seq, last_seq, size, state, coalesce(job, '') FROM batch WHERE {where} ORDER BY id",
            [step.id, *more],
        )
        return [
            JournalBatch(number, step, first, last, size, BatchState(state), job or None)
            for number, first, last, size, state, job in rows
        ]

    @contextmanager
    def _write(self) -> Iterator[None]:
        with self._db.transaction():
            self._lease.check()
            yield


def _step(row: tuple[Any, ...]) -> Step:
    number, run_id, destination, op, kind, target, first, last = row
    return Step(number, run_id, destination, Op(op), Kind(kind) if kind else None, target or None, first, last)
