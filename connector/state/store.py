"""The store on an SQL database: ledger in bulk, runs and rejects.

Owns: reads and writes of everything but the journal of a run. Must not: send, or keep a secret.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from connector.core.errors import PlanError, Stale, StateError
from connector.core.model import Kind, Status
from connector.core.plan import Export, Moment
from connector.core.schemas import (
    LEDGER_CONTACTS,
    LEDGER_FIELDS,
    LEDGER_MEMBERSHIPS,
    LEDGER_TARGETS,
    PEOPLE,
    RUN_CHANGES,
    STAGE_ENTRIES,
)
from connector.state import activity, failures, former, history, left, observed, retired, targets, tombstones
from connector.state import stages as stage_entries
from connector.state.accounts import Accounts
from connector.state.attempts import Attempts
from connector.state.base import Counts, Journal, Ledger, RunInfo, RunState
from connector.state.drivers.driver import Driver
from connector.state.drivers.sqlite import Database
from connector.state.frozen import Frozen, freeze, release
from connector.state.journal import SqlJournal
from connector.state.lease import Lease
from connector.state.project import Project
from connector.state.schema import migrate
from connector.state.settle import TEMPORARY, unpark_lost
from connector.state.steps import load_changes
from connector.state.times import instant, micros
from connector.state.upkeep import Upkeep

_PEOPLE = "UPDATE contact SET person = ? WHERE destination = ? AND email = ?"
_RUN_COLUMNS = (
    "id, plan_id, as_of, made_at, started_at, coalesce(finished_at, -1), state, contacts, summary, allowed, left_out, "
    "coalesce(abandoned, '')"
)
_IN_DOUBT = """EXISTS (SELECT 1 FROM batch b JOIN step s ON s.id = b.step
                       WHERE s.run_id = run.id AND b.state IN ('sent', 'polling'))"""


class SqlStore:
    """connector.state.base.Store."""

    def __init__(self, place: Path | Driver, now: Callable[[], datetime] | None = None) -> None:
        self._db: Driver = Database(place) if isinstance(place, Path) else place
        self._now = now = now or self._db.now
        try:
            migrate(self._db, micros(now()))
            for statement in TEMPORARY:
                self._db.run(statement)
        except BaseException:
            self._db.close()
            raise
        self._lease = Lease(self._db, now)
        self._journal = SqlJournal(self._db, self._lease, now)
        self.upkeep = Upkeep(self._db, self._lease, now)
        self.frozen = Frozen(self._db)
        self.history = history.History(self._db)
        self.accounts = Accounts(self._db)
        self.attempts = Attempts(self._db)
        self.project = Project(self._db, str(self._db.path))

    @property
    def journal(self) -> Journal:
        return self._journal

    @property
    def place(self) -> str:
        return str(self._db.path)

    def close(self) -> None:
        self._db.close()

    def lease(self, holder: str) -> AbstractContextManager[None]:
        return self._lease.hold(holder)

    @contextmanager
    def noting(self) -> Iterator[Attempts]:
        yield self.attempts

    def require_lease(self) -> None:
        self._lease.require()

    def require_free(self) -> None:
        self._lease.require_free()

    def ledger(self, destination: str) -> Ledger:
        db, here = self._db, [destination]
        with db.transaction(writes=False):
            revision, cursor, whole = self._state_of(destination)
            contacts = f"SELECT {', '.join(LEDGER_CONTACTS.names)} FROM contact WHERE destination = ?"
            mine = "(SELECT id FROM target WHERE destination = ?)"
            members = f"SELECT target_id AS target, contact_id AS contact FROM {{}} WHERE target_id IN {mine}"
            # What nobody can take from a contact that is not there; see settle.py.
            there = "AND NOT EXISTS (SELECT 1 FROM contact k WHERE k.id = contact_id AND k.lost = 1)"
            doubtful = f"{members.format('membership_doubt')} {there}"
            fields = (
                "SELECT d.contact_id AS contact, d.fields FROM field_doubt d "
                "CROSS JOIN contact k ON k.id = d.contact_id WHERE k.destination = ?"
            )
            named = "SELECT id, kind, name, remote_id FROM target WHERE destination = ?"
            return Ledger(
                destination,
                revision,
                cursor,
                db.table(contacts, LEDGER_CONTACTS, here),
                db.table(members.format("membership"), LEDGER_MEMBERSHIPS, here),
                db.table(named, LEDGER_TARGETS, here, order="id"),
                self.rejects(destination),
                whole,
                db.table(doubtful, LEDGER_MEMBERSHIPS, here),
                db.table(fields, LEDGER_FIELDS, here),
                left.table(db, destination),
                retired.table(db, destination),
                self.failing(destination),
                former.read(db, destination),
            )

    def revisions(self, destinations: Sequence[str]) -> dict[str, int]:
        known = dict(self._db.rows("SELECT name, revision FROM destination"))
        return {name: known.get(name, 0) for name in destinations}

    def observe(
        self, destination: str, contacts: pa.Table, *, cursor: datetime | None = None, whole: bool = False
    ) -> None:
        with self._db.transaction():
            observed.enter(self._db, destination, contacts)
            if cursor is not None:
                activity.timed(self._db, destination, micros(cursor))
                self._db.run(
                    "INSERT INTO destination(name, cursor, whole) VALUES (?, ?, ?) "
                    "ON CONFLICT(name) DO UPDATE SET cursor = excluded.cursor, "
                    "whole = CASE WHEN excluded.whole = 1 THEN 1 ELSE destination.whole END",
                    [destination, micros(cursor), int(whole)],
                )

    def saw_targets(self, destination: str, ids: Mapping[tuple[Kind, str], str]) -> None:
        left.saw(self._db, destination, ids)

    def seen_lists(self, destination: str) -> dict[tuple[Kind, str], str]:
        return left.seen(self._db, destination)

    def note_retired(self, destination: str, contacts: pa.Table) -> None:
        with self._db.transaction():
            self._lease.check()
            retired.note(self._db, destination, contacts)

    def left_lists(self, destination: str) -> pa.Table:
        with self._db.transaction(writes=False):
            return left.table(self._db, destination)

    def reading(self, destination: str) -> tuple[datetime | None, bool]:
        return self._state_of(destination)[1:]

    def remember_people(self, destination: str, people: pa.Table) -> None:
        known = people.select(PEOPLE.names).cast(PEOPLE)
        columns = [known.column("person"), pa.repeat(destination, known.num_rows), known.column("email")]
        with self._db.transaction():
            self._db.load(_PEOPLE, pa.table(columns, names=["person", "destination", "email"]))

    def engagement(self, destination: str) -> tuple[pa.Table, datetime | None]:
        return activity.read(self._db, destination)

    def engage(
        self,
        destination: str,
        table: pa.Table,
        *,
        until: datetime,
        totals: bool = False,
        swept: bool = False,
        days: pa.Table | None = None,
    ) -> None:
        activity.note(self._db, destination, table, until=until, totals=totals, swept=swept, days=days)

    def marks(self, destination: str) -> pa.Table:
        return activity.marks(self._db, destination)

    def mark(self, destination: str, table: pa.Table) -> None:
        activity.mark(self._db, destination, table)

    def swept(self, destination: str) -> datetime | None:
        return activity.swept(self._db, destination)

    def activity(self) -> pa.Table:
        return activity.everywhere(self._db)

    def stages(self, destination: str) -> pa.Table:
        sql = f"SELECT {', '.join(STAGE_ENTRIES.names)} FROM stage_entry WHERE destination = ?"
        return self._db.table(sql, STAGE_ENTRIES, [destination])

    def remember_targets(self, destination: str, ids: Mapping[tuple[Kind, str], str]) -> None:
        targets.remember(self._db, destination, ids)

    def target_ids(self, destination: str) -> dict[tuple[Kind, str], str]:
        return targets.ids(self._db, destination)

    def forget_target(self, destination: str, kind: Kind, name: str) -> None:
        targets.forget(self._db, destination, kind, name)

    def open_run(
        self,
        *,
        plan_id: str,
        as_of: datetime,
        made_at: datetime,
        changes: pa.Table,
        revisions: Mapping[str, int],
        export: Export,
        allowed: Mapping[str, str] | None = None,
        frozen: pa.Table | None = None,
        released: Sequence[str] = (),
        stages: pa.Table | None = None,
        moment: Moment | None = None,
    ) -> str:
        now = self._now()
        run_id = f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        with self._db.transaction():
            self._lease.check()
            self.require_finished()
            self._db.run("UPDATE run SET state = ? WHERE state = ?", [RunState.ABANDONED, RunState.FAILED])
            self._refuse_stale(revisions)
            changes, stages, frozen, left_out = tombstones.honour(self._db, changes, stages, frozen)
            self._db.run(
                "INSERT INTO run(id, plan_id, as_of, made_at, started_at, state, contacts, consenting, summary, "
                "allowed, left_out) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, ?)",
                [
                    run_id,
                    plan_id,
                    *(micros(moment) for moment in (as_of, made_at, now)),
                    RunState.OPEN,
                    export.contacts,
                    export.consenting,
                    json.dumps(dict(allowed or {})),
                    left_out,
                ],
            )
            load_changes(self._db, run_id, changes)
            stage_entries.load(self._db, run_id, stages)
            unpark_lost(self._db)
            release(self._db, released)
            if frozen is not None:
                freeze(self._db, run_id, as_of, frozen)
            if moment is not None:
                history.enter(self._db, moment, as_of, now, export.contacts, run_id)
        return run_id

    def learn(self, moment: Moment, as_of: datetime, contacts: int) -> bool:
        with self._db.transaction():
            self._lease.check()
            return history.enter(self._db, moment, as_of, self._now(), contacts)

    def require_finished(self) -> None:
        states = f"state IN ('{RunState.OPEN}', '{RunState.INTERRUPTED}')"
        sql = f"SELECT id FROM run WHERE {states} OR (state = '{RunState.FAILED}' AND {_IN_DOUBT}) LIMIT 1"
        if self._db.rows(sql):
            self.require_free()
        for (run_id,) in self._db.rows(sql):  # the one at work may just have ended it
            raise PlanError(
                f"Run {run_id} was cut off. Finish it first: sync resume. "
                f"If that cannot work any more, give it up: sync abandon {run_id} --reason “…”."
            )

    def last_export(self) -> Export | None:
        found = self._db.rows("SELECT contacts, coalesce(consenting, -1) FROM run ORDER BY rowid DESC LIMIT 1")
        return Export(found[0][0], None if found[0][1] < 0 else found[0][1]) if found else None

    def last_moment(self) -> datetime | None:
        return activity.last_moment(self._db)

    def unfinished(self) -> RunInfo | None:
        states = f"'{RunState.OPEN}', '{RunState.INTERRUPTED}', '{RunState.FAILED}'"
        found = self._runs(f"WHERE state IN ({states}) ORDER BY rowid DESC LIMIT 1")
        return found[0] if found else None

    def runs(self, limit: int = 20) -> list[RunInfo]:
        return self._runs("ORDER BY rowid DESC LIMIT ?", limit)

    def run(self, run_id: str) -> RunInfo:
        found = self._runs("WHERE id = ?", run_id)
        if not found:
            raise StateError(f"No run {run_id} in the state {self._db.path}. `sync runs` lists them.")
        return found[0]

    def run_changes(self, run_id: str) -> pa.Table:
        sql = (
            "SELECT c.seq, s.destination, s.op, s.kind, s.target, c.email, c.fields, c.previous, c.outcome, c.code "
            "FROM step s JOIN change c ON c.seq BETWEEN s.first_seq AND s.last_seq WHERE s.run_id = ?"
        )
        schema = pa.schema([("seq", pa.int64()), *RUN_CHANGES])
        return self._db.table(sql, schema, [run_id], order="seq").drop_columns("seq")

    def rejects(self, destination: str | None = None) -> pa.Table:
        return failures.rejects(self._db, destination)

    def failing(self, destination: str) -> pa.Table:
        return failures.needing(self._db, destination)

    def counts(self, destination: str) -> Counts:
        db, here = self._db, [destination]
        members = (
            "SELECT t.kind, t.name, (SELECT count(*) FROM membership m WHERE m.target_id = t.id) "
            "FROM target t WHERE t.destination = ? ORDER BY t.kind, t.name"
        )
        known = f"SELECT count(*) FROM contact WHERE destination = ? AND coalesce(status, '') <> '{Status.ABSENT}'"
        last = "WHERE id IN (SELECT run_id FROM step WHERE destination = ?) ORDER BY rowid DESC LIMIT 1"
        with db.transaction(writes=False):
            revision, cursor, _whole = self._state_of(destination)
            return Counts(
                destination,
                revision,
                db.rows(known, here)[0][0],
                {(Kind(kind), name): count for kind, name, count in db.rows(members, here)},
                db.rows("SELECT count(*) FROM reject WHERE destination = ?", here)[0][0],
                self.failing(destination).num_rows,
                cursor,
                next(iter(self._runs(last, destination)), None),
            )

    def _state_of(self, destination: str) -> tuple[int, datetime | None, bool]:
        sql = "SELECT revision, coalesce(cursor, -1), whole FROM destination WHERE name = ?"
        for revision, cursor, whole in self._db.rows(sql, [destination]):
            return revision, None if cursor == -1 else instant(cursor), bool(whole)
        return 0, None, False

    def _runs(self, rest: str, *values: object) -> list[RunInfo]:
        return [_run_info(row) for row in self._db.rows(f"SELECT {_RUN_COLUMNS} FROM run {rest}", values)]

    def _refuse_stale(self, revisions: Mapping[str, int]) -> None:
        now = self.revisions(list(revisions))
        moved = [name for name, revision in revisions.items() if now[name] != revision]
        if moved:
            raise Stale(f"The ledger of {', '.join(moved)} has changed since this plan was made. Plan again.")


def _run_info(row: tuple[Any, ...]) -> RunInfo:
    run_id, plan_id, as_of, made_at, started_at, finished_at, state, contacts, summary, allowed, left_out, why = row
    return RunInfo(
        id=run_id,
        plan_id=plan_id,
        as_of=instant(as_of),
        made_at=instant(made_at),
        started_at=instant(started_at),
        finished_at=None if finished_at == -1 else instant(finished_at),
        state=RunState(state),
        contacts=contacts,
        summary=json.loads(summary),
        allowed=json.loads(allowed),
        left_out=left_out,
        abandoned=why,
    )
