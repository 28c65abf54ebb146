"""Sends the batches of one destination and settles every record: intention, request, outcome.

Owns: what each kind of trouble means for a batch, and how doubt ends. Must not: order steps (destination.py), know a
platform, retry a request (platforms/http/client.py has).

An intention is committed before a request leaves. So a batch that was sent and has no outcome is unknown, whether
its answer was lost or this process was; `resolve` treats both alike.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from connector.core.errors import (
    AccountLimit,
    BadRecords,
    ContractError,
    DestinationError,
    Gone,
    Interrupted,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.core.events import Listener, Progress
from connector.core.model import FOUND, Kind, Op, Outcome, Status
from connector.platforms.base import ACCOUNT_LIMIT, Adapter, Batch, Done, Job, OpSpec, of_account
from connector.platforms.http.limits import Clock
from connector.push import created, pending_jobs, proof
from connector.push.batches import alike, answers, as_batch, refused, refused_fields
from connector.push.recheck import Sparing
from connector.state.base import BatchState, JournalBatch, Step, Store

FAILURES_IN_A_ROW = 3
REFUSED_ALONE = 5
JOB_TRIES = 3  # how often a job without an answer is sent again
CREATE_TRIES = 3  # and a CREATE that the client may not repeat, each time without the people who are held by now
JOB_SECONDS = 2 * 3600  # a job that takes longer is left to `sync resume`

_LETTING_GO = (Op.RETIRE, Op.UNSUBSCRIBE)


@dataclass
class Halt:
    """Why nothing new is sent to a destination: the user, trouble of the destination, or a bug."""

    stop: threading.Event
    error: DestinationError | None = None
    bug: BaseException | None = None

    def __bool__(self) -> bool:
        return self.stop.is_set() or self.error is not None or self.bug is not None


@dataclass
class Delivery:
    """One destination of one run. `deliver` may be called from several threads."""

    store: Store
    adapter: Adapter
    listener: Listener
    clock: Clock
    halt: Halt
    target_ids: dict[Step, str] = field(default_factory=dict)
    joins: dict[Step, tuple[str, ...]] = field(default_factory=dict)
    totals: dict[Step, int] = field(default_factory=dict)
    sparing: Sparing | None = None  # asked before anybody is archived
    full: str = ""  # the platform's words, once the account's plan let no more in
    closed: bool = False  # it refused a whole batch of new contacts: no more are offered
    _failures: int = 0
    _alone: int = 0  # single records refused in a row
    _done: dict[Step, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def spec(self, step: Step) -> OpSpec:
        """Raises Refused when the platform does not offer the operation."""
        spec = self.adapter.capabilities.operations.get(step.key)
        if spec is None:
            text = f"{step.destination}: {self.adapter.capabilities.platform} does not offer “{step}”. Plan again."
            raise Refused(text, destination=step.destination, code="not_offered")
        return spec

    def deliver(self, batch: JournalBatch) -> None:
        """Send a batch and whatever it falls into; an unanswered one stays unknown."""
        todo = [batch]
        while todo and not self.halt:
            try:
                todo += self._send(todo.pop())
            except Unanswered:
                continue

    def resolve(self, batch: JournalBatch) -> None:
        """Resolve an unknown batch: ask for its job, look up those that it created, or send it again where that does
        no harm. What is still unanswered then is FAILED: the ledger does not claim it, the next run sees to it."""
        if batch.step.key not in self.adapter.capabilities.operations:  # so no request can have left
            self._settle(batch, alike(self.store.journal.records(batch), Outcome.FAILED, "not_offered"))
            return
        for chance in self._chances(batch):
            try:
                for part in chance():
                    self.deliver(part)
                return
            except Unanswered:
                continue
        if not self.halt:
            self._settle_held(batch)
            self._settle(batch, alike(self.store.journal.records(batch), Outcome.FAILED, "no_answer"))

    def settle(self, step: Step, table: pa.Table) -> None:
        """Outcomes that need no request."""
        if table.num_rows:
            self.store.journal.settle(step, table)
            self._tell(step, table.num_rows)

    def _chances(self, batch: JournalBatch) -> Iterator[Callable[[], list[JournalBatch]]]:
        if batch.job is not None:
            job = Job(batch.job, 0.0)
            yield lambda: self._receive(batch, self.store.journal.records(batch), lambda: job)
        spec = self.spec(batch.step)
        if spec.asynchronous:
            yield from self._chances_of_job(batch)
        elif spec.replayable:
            yield lambda: self._send(batch)
        elif batch.step.op is Op.CREATE:
            for _ in range(CREATE_TRIES):
                self._settle_held(batch)
                yield lambda: self._send(batch)

    def _chances_of_job(self, batch: JournalBatch) -> Iterator[Callable[[], list[JournalBatch]]]:
        """A job whose number was lost may be in the queue: before it is over, nothing is sent or given up."""
        for _ in range(JOB_TRIES):
            pending_jobs.wait(batch.step.destination, self.adapter, self.listener, self.clock)
            yield lambda: self._send(batch)
        pending_jobs.wait(batch.step.destination, self.adapter, self.listener, self.clock)

    def _send(self, batch: JournalBatch) -> list[JournalBatch]:
        """Raises Unanswered; any other trouble is settled here. Returns what is to be sent in its place."""
        records = self.store.journal.records(batch)
        if not records.num_rows:
            self._settle(batch, alike(records, Outcome.FAILED))
            return []
        if batch.step.op is Op.CREATE and self.closed and batch.state is BatchState.PLANNED:
            self._settle(batch, alike(records, Outcome.FAILED, ACCOUNT_LIMIT, self.full))
            return []
        if batch.step.op in _LETTING_GO:
            records = self._spare(batch, records)
        elif batch.step.op is Op.CREATE:
            records = self._offered(batch, records)
        if not records.num_rows:
            return []
        self.store.journal.sent(batch)
        made = self._made(batch, records)
        here = batch.step.destination
        return self._receive(batch, records, lambda: proof.push(self.store, self.adapter, here, made))

    def _spare(self, batch: JournalBatch, records: pa.Table) -> pa.Table:
        """Who is left of a batch that archives or suppresses, without those who were active or changed meanwhile."""
        if self.sparing is None:
            raise ContractError(f"{batch.step.destination}: nobody is archived without a recheck.", code="no_last_look")
        # Nobody is unsubscribed who is already; but one that reads so after a try without an answer may be our doing.
        first = batch.step.op is Op.UNSUBSCRIBE and batch.state is BatchState.PLANNED
        found = self.sparing.codes(records, None if first else self._retired(batch))
        if not found.num_rows:
            return records
        rest = found.num_rows < records.num_rows
        for code in dict.fromkeys(found["code"].to_pylist()):
            spared = alike(found.filter(pc.equal(found["code"], code)), Outcome.SKIPPED, code)
            self._settle(batch, spared, then=BatchState.PLANNED if rest else BatchState.DONE)
        return self.store.journal.records(batch)

    def _offered(self, batch: JournalBatch, records: pa.Table) -> pa.Table:
        """Who is left of a CREATE without those of a policy that the platform does not have: an older plan may ask for
        one. They were never sent, and are planned again."""
        known = pa.array(sorted(map(str, self.adapter.capabilities.new_contacts)), pa.string())
        strange = pc.and_(
            pc.is_valid(records["new_status"]), pc.invert(pc.is_in(records["new_status"], value_set=known))
        )
        found = records.filter(strange)
        if not found.num_rows:
            return records
        rest = found.num_rows < records.num_rows
        then = BatchState.PLANNED if rest else BatchState.DONE
        self._settle(batch, alike(found, Outcome.FAILED, "not_offered"), then=then)
        return self.store.journal.records(batch)

    def _retired(self, batch: JournalBatch) -> Status | None:
        if batch.step.op is Op.UNSUBSCRIBE:
            return Status.UNSUBSCRIBED
        retire = self.adapter.capabilities.retire
        return retire.leads_to if retire and batch.step.op is Op.RETIRE else None

    def _made(self, batch: JournalBatch, records: pa.Table) -> Batch:
        return as_batch(batch.step, records, self.target_ids.get(batch.step), self.joins.get(batch.step, ()))

    def _receive(self, batch: JournalBatch, records: pa.Table, ask: Callable[[], Done | Job]) -> list[JournalBatch]:
        polling = batch.job is not None
        try:
            answer = ask()
            polling = isinstance(answer, Job)
            known = answers(batch.step, records, self._wait(batch, records, answer))
            known = created.unless_new(self.store, batch.step, records, known)
            self._failures = self._alone = 0
            again = self._settle_told(batch, records, known, whole=records.num_rows)
            if known.num_rows < records.num_rows:
                raise Unanswered(f"{batch.step.destination}: the answer leaves out records.", code="left_out")
            return again
        except BadRecords as error:
            if not error.culprits and of_account(str(error)):
                self._stopped(batch, records, error)
                return []
            return self._without(batch, records, error)
        except TooLarge as error:
            return self._halve(batch, records, error)
        except Unanswered:
            raise
        except Retryable as error:
            self._failed(batch, records, error, polling)
        except Interrupted:
            self.halt.stop.set()
        except DestinationError as error:
            self._stopped(batch, records, error)
        return []

    def _wait(self, batch: JournalBatch, records: pa.Table, answer: Done | Job) -> Done:
        made = self._made(batch, records)
        started, known = self.clock.now(), batch.job
        while isinstance(answer, Job):
            if answer.id != known:
                self.store.journal.polling(batch, answer.id)
                known = answer.id
            if self.halt.stop.is_set():
                raise Interrupted("Stopped while the platform works on a job.")
            if self.clock.now() - started > JOB_SECONDS:
                here = batch.step.destination
                text = f"{here}: the platform has worked on “{batch.step}” for hours. `sync resume` asks again."
                raise Retryable(text, destination=here, code="slow_job")
            self.clock.sleep(answer.wait)
            answer = self.adapter.poll(answer.id, made)
        return answer

    def _without(self, batch: JournalBatch, records: pa.Table, error: BadRecords) -> list[JournalBatch]:
        """The culprits are parked and the rest is sent again; unnamed culprits are found by halving."""
        if not error.culprits:
            return self._halve(batch, records, error)
        try:
            rejected = created.unless_new(self.store, batch.step, records, refused(batch.step, records, error))
        except IndexError:
            text = f"{batch.step.destination}: the platform blames records of “{batch.step}” that were not sent."
            self._stopped(batch, records, ContractError(text, destination=batch.step.destination, code="culprits"))
            return []
        if self._not_the_person(batch, records, rejected, error):
            return []
        rest = rejected.num_rows < records.num_rows
        then = BatchState.PLANNED if rest else BatchState.DONE
        again = self._settle_told(batch, records, rejected, then=then)
        return again or ([replace(batch, job=None)] if rest else [])

    def _halve(self, batch: JournalBatch, records: pa.Table, error: Refused) -> list[JournalBatch]:
        if records.num_rows > 1:
            return self.store.journal.halve(batch)
        told = alike(records, Outcome.REJECTED, error.code or "refused", str(error))
        if isinstance(error, BadRecords) and self._not_the_person(batch, records, told, error):
            return []
        return self._settle_told(batch, records, told)

    def _not_the_person(self, batch: JournalBatch, records: pa.Table, told: pa.Table, error: BadRecords) -> bool:
        """Whether one record after the other was refused as a whole request: then it is not they, and the destination
        stops."""
        alone = records.num_rows == 1 and told["outcome"].to_pylist() == [str(Outcome.REJECTED)]
        if alone and not refused_fields(batch.step.op, records, told).num_rows:
            self._alone += 1
        stops = alone and self._alone >= REFUSED_ALONE
        if stops:
            self._stopped(batch, records, error)
        return stops

    def _settle_told(
        self,
        batch: JournalBatch,
        records: pa.Table,
        told: pa.Table,
        *,
        whole: int = 0,
        then: BatchState = BatchState.DONE,
    ) -> list[JournalBatch]:
        """Store outcomes; but a CREATE that was refused for its fields, or an UPDATE that brings tags, is sent again
        without them. Returns what is to be sent."""
        aside = refused_fields(batch.step.op, records, told)
        if not aside.num_rows:
            self._settle(batch, told, whole=whole, then=then)
            return []
        self.store.journal.refuse_fields(batch, aside)
        rest = told.filter(pc.invert(pc.is_in(told["seq"], value_set=aside["seq"].combine_chunks())))
        self._settle(batch, rest, whole=whole - aside.num_rows if whole else 0, then=BatchState.PLANNED)
        return [replace(batch, job=None)]

    def _failed(self, batch: JournalBatch, records: pa.Table, error: Retryable, polling: bool) -> None:
        """Tries are used up. A job may still finish, so its batch stays unknown until it can be asked for."""
        if polling:
            self.halt.error = error
            return
        self._settle(batch, alike(records, Outcome.FAILED, error.code or "retryable"))
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self.halt.error = error

    def _stopped(self, batch: JournalBatch, records: pa.Table, error: DestinationError) -> None:
        """The destination cannot be worked with. What it refused, and what never left, is planned again; a strange
        answer leaves the outcome unknown. A full plan lets nobody new in, but those who are there can be changed,
        taken out and archived."""
        if isinstance(error, ContractError):
            self.halt.error = error
        elif isinstance(error, Gone) and self._forget_gone(batch.step):
            self._settle(batch, alike(records, Outcome.FAILED, "target_gone"))
        elif batch.step.op is Op.CREATE and _is_full(error):
            said = str(error).rpartition(" It says: ")[2].removeprefix(f"{batch.step.destination}: ")
            self._settle(batch, alike(records, Outcome.FAILED, ACCOUNT_LIMIT, said))
            self.closed = True
        else:
            self.store.journal.reopen(batch)
            self.halt.error = error

    def _forget_gone(self, step: Step) -> bool:
        """Whether the target of the step is gone, or for a CREATE any list that its contacts join."""
        joined = self.joins.get(step, ())
        joins = [each for each, key in self.target_ids.items() if each.key == (Op.ADD, Kind.LIST) and key in joined]
        gone = [each for each in ([step] if step.kind is not None else joins) if self._forget(each)]
        return bool(gone)

    def _forget(self, step: Step) -> bool:
        """Whether the platform really holds the target no more; then the ledger does not either, and the next run
        makes it again with all its members."""
        assert step.kind is not None and step.target is not None
        held = self.adapter.targets(frozenset({step.kind}))
        gone = self.target_ids.get(step) not in [one for (kind, _), one in held.items() if kind is step.kind]
        if gone:
            self.store.forget_target(step.destination, step.kind, step.target)
        return gone

    def _settle_held(self, batch: JournalBatch) -> None:
        """For an unknown CREATE: those the platform holds now are FOUND, whether by us or by others, so that their
        fields and tags are written again; for a MOVE: those it holds under that address with the id of before (others
        may have made a contact of it). Not so where lists are joined with it: that somebody is held does not say that
        they are in them."""
        if batch.step.op not in (Op.CREATE, Op.MOVE) or self.joins.get(batch.step):
            return
        records = self.store.journal.records(batch)
        emails = records.column("email").combine_chunks()
        held = [pa.array([], pa.string())]
        names = ("email", "remote_id") if batch.step.op is Op.MOVE else ("email",)
        for table in self.adapter.lookup(emails.to_pylist()):
            self.store.observe(batch.step.destination, table)
            held.append(_key(table, names))
        found = records.filter(pc.is_in(_key(records, names), value_set=pa.concat_arrays(held), skip_nulls=True))
        code = FOUND if batch.step.op is Op.CREATE else ""
        self._settle(batch, alike(found, Outcome.APPLIED, code), whole=records.num_rows)

    def _settle(
        self, batch: JournalBatch, table: pa.Table, *, whole: int = 0, then: BatchState = BatchState.DONE
    ) -> None:
        """Store outcomes. Fewer than `whole` leave the rest of the batch unknown, as a batch of its own."""
        if table.num_rows < whole:
            then = BatchState.SENT
        over = table.filter(pc.equal(table["code"], ACCOUNT_LIMIT))["detail"]
        self.full = self.full or (over[0].as_py() if len(over) else "")
        self.store.journal.settle(batch.step, table, batch=batch, then=then, retired=self._retired(batch))
        self._tell(batch.step, table.num_rows)

    def _tell(self, step: Step, rows: int) -> None:
        with self._lock:
            done = self._done[step] = self._done.get(step, 0) + rows
        self.listener(Progress(step.destination, str(step), done, self.totals.get(step)))


def _is_full(error: DestinationError) -> bool:
    """Whether the account's plan holds no more contacts; not that an allowance of requests is used up."""
    if isinstance(error, AccountLimit):
        return error.code == ACCOUNT_LIMIT
    return isinstance(error, BadRecords) and of_account(str(error))


def _key(table: pa.Table, names: tuple[str, ...]) -> pa.Array:
    """The columns as one text; null where one of them is."""
    return pc.binary_join_element_wise(*(table.column(name) for name in names), "\x1f").combine_chunks()
