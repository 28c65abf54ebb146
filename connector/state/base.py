"""The store as the rest of the house sees it: the ledger, the runs, the lease and the journal of a run.

Owns: the values that leave a store, and the Store and Journal protocols. Must not: know a database or a plan's
class (a plan's parts come as arguments), send anything, decide what to send.

Every address in here is already normalised. Times are aware datetimes in UTC; in Arrow, timestamp(us, UTC).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from connector.core.model import Kind, Op, Status
from connector.core.plan import Export, Moment
from connector.core.schemas import FAILURES, FORMER, LEDGER_FIELDS, LEDGER_MEMBERSHIPS, LEFT_LISTS, OURS

if TYPE_CHECKING:
    from connector.state.accounts import Accounts
    from connector.state.attempts import Attempts
    from connector.state.frozen import Frozen
    from connector.state.history import History
    from connector.state.project import Project
    from connector.state.upkeep import Upkeep


class RunState(StrEnum):
    """OPEN: running, or its process died. FAILED: a destination could not be worked with, changes are left."""

    OPEN = "open"
    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    ABANDONED = "abandoned"  # a later run replaced it, nothing of it being unknown; or `sync abandon` gave it up


class BatchState(StrEnum):
    """PLANNED has not left. SENT and POLLING have left and are unknown until they are DONE. ABANDONED have left, and
    nobody will ask: the ledger does not claim what they hold, and jobs of theirs may still be open."""

    PLANNED = "planned"
    SENT = "sent"
    POLLING = "polling"
    DONE = "done"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Ledger:
    """What one destination has confirmed that we did, and what was last observed of its contacts."""

    destination: str
    revision: int
    cursor: datetime | None  # up to where `statuses` has been read
    contacts: pa.Table  # LEDGER_CONTACTS
    memberships: pa.Table  # LEDGER_MEMBERSHIPS
    targets: pa.Table  # LEDGER_TARGETS
    rejects: pa.Table  # REJECTS
    whole: bool = False  # everybody that the platform holds has been read, not only those we asked for
    doubtful: pa.Table = field(default_factory=LEDGER_MEMBERSHIPS.empty_table)  # sent, never answered: there or not
    doubtful_fields: pa.Table = field(default_factory=LEDGER_FIELDS.empty_table)  # sent, never answered
    left: pa.Table = field(default_factory=LEFT_LISTS.empty_table)  # who unsubscribed from which list
    ours: pa.Table = field(default_factory=OURS.empty_table)  # who is archived or suppressed, provably by us
    failing: pa.Table = field(default_factory=FAILURES.empty_table)  # what needs a person
    former: pa.Table = field(default_factory=FORMER.empty_table)  # whose addresses were, before contacts were moved

    def possible(self) -> pa.Table:
        """LEDGER_MEMBERSHIPS, with those that may be there."""
        return pa.concat_tables([self.memberships, self.doubtful])


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run. `summary` is {destination: {op: {outcome | "unsent": count}}}; `allowed` is guard -> reason."""

    id: str
    plan_id: str
    as_of: datetime
    made_at: datetime
    started_at: datetime
    finished_at: datetime | None
    state: RunState
    contacts: int
    summary: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    allowed: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0  # people of its plan who had been forgotten
    abandoned: str = ""  # the reason of `sync abandon`


@dataclass(frozen=True, slots=True)
class Counts:
    """What `status` shows of one destination."""

    destination: str
    revision: int
    contacts: int  # known, without those the platform does not hold
    members: Mapping[tuple[Kind, str], int]
    rejects: int
    failing: int  # changes that need a person, parked or not
    cursor: datetime | None
    last_run: RunInfo | None


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one target in one destination of a run: the changes first_seq … last_seq."""

    id: int
    run_id: str
    destination: str
    op: Op
    kind: Kind | None
    target: str | None
    first_seq: int
    last_seq: int

    @property
    def key(self) -> tuple[Op, Kind | None]:
        """The operation as the platforms' capabilities name it."""
        return self.op, self.kind

    def __str__(self) -> str:
        return f"{self.kind} “{self.target}” {self.op}" if self.kind else str(self.op)


@dataclass(frozen=True, slots=True)
class JournalBatch:
    """A request's worth of a step: those of its changes first_seq … last_seq that have no outcome yet."""

    id: int
    step: Step
    first_seq: int
    last_seq: int
    size: int
    state: BatchState
    job: str | None


class Journal(Protocol):
    """The intentions and outcomes of a run. Every method commits before it returns, and needs the lease."""

    def destinations(self, run_id: str) -> list[str]:
        """Those with changes that have no outcome yet."""

    def steps(self, run_id: str, destination: str) -> list[Step]: ...

    def open_counts(self, steps: Sequence[Step]) -> Mapping[int, int]:
        """Step id -> changes that have neither an outcome nor a carrier. Steps with none are left out."""

    def carry(self, run_id: str, destination: str) -> int:
        """Let every tag change ride in the open CREATE or UPDATE of its contact; how many found none."""

    def join(self, run_id: str, destination: str) -> list[int]:
        """Let the list ADDs of created contacts ride in their CREATE, for each list that all of them join; the ids
        of those ADDs' steps. Decided by the plan alone, so it is the same whenever it is asked."""

    def skip_uncreated(self, run_id: str, destination: str) -> int:
        """SKIPPED "not_created" for whatever else was planned for contacts whose CREATE or MOVE did not come about."""

    def skip_refusing(self, run_id: str, destination: str) -> None:
        """SKIPPED "opted_out" for CREATEs, MOVEs (either address), ADDs, ADOPTs, RESTOREs and UNSUBSCRIBEs of contacts
        that have a blocked status by now, and for their UPDATEs: no fields, but removals that ride in one are sent. Not
        where that may be what an UNSUBSCRIBE did before its answer was lost, and no MOVE that is seen to be done."""

    def settle_shared(self, run_id: str, destination: str) -> None:
        """When all was answered: what is known of rows that are one contact (state/shared.py)."""

    def record(self, run_id: str, destination: str) -> None:
        """Enter into the ledger what sends nothing, ADOPT and DISOWN, of a run. After `skip_refusing`."""

    def cut(self, step: Step, size: int) -> list[JournalBatch]:
        """The open changes of a step as planned batches, each full but the last."""

    def halve(self, batch: JournalBatch) -> list[JournalBatch]:
        """Two planned batches in place of one that did not fit."""

    def records(self, batch: JournalBatch) -> pa.Table:
        """RECORDS, in the order of `seq`."""

    def without_id(self, step: Step) -> pa.Table:
        """`seq`, `email` of the open changes whose contact has no remote id in the ledger."""

    def open_changes(self, step: Step) -> pa.Table:
        """`seq`, `email` of the open changes."""

    def refuse_fields(self, batch: JournalBatch, answers: pa.Table) -> None:
        """Park the fields of these UPDATEs (ANSWERS, all REJECTED) and leave the rest of them open: they stay REJECTED
        when they are answered, and what rides in them gets the answer's outcome."""

    def sent(self, batch: JournalBatch) -> None:
        """The intention: committed before the request leaves."""

    def polling(self, batch: JournalBatch, job: str) -> None: ...

    def reopen(self, batch: JournalBatch) -> None:
        """The platform did not take it: planned again."""

    def settle(
        self,
        step: Step,
        answers: pa.Table,
        *,
        batch: JournalBatch | None = None,
        then: BatchState = BatchState.DONE,
        retired: Status | None = None,
    ) -> None:
        """Outcomes (ANSWERS), what they mean for the ledger, its revision and the batch's state in one transaction.

        The changes that ride in an answered one share its outcome. `retired` is the status that RETIRE or UNSUBSCRIBE
        leads to."""

    def in_doubt(self, run_id: str, destination: str) -> list[JournalBatch]:
        """Batches that left and have no outcome."""

    def counts(self, run_id: str) -> dict[str, dict[str, dict[str, int]]]:
        """destination -> op -> outcome -> changes; "unknown" was sent without an answer, "unsent" never left."""

    def finish(self, run_id: str, state: RunState, summary: Mapping[str, Any]) -> None: ...

    def abandon(self, run_id: str, reason: str) -> None:
        """Give up an unfinished run, in one transaction. What left without an outcome is FAILED "abandoned": its
        memberships are neither claimed nor denied, its fields unknown, so the next plan asks for them again. What never
        left is dropped. The summary keeps both counts, "unknown" and "unsent". Raises PlanError for a run that is
        over."""

    def jobs_abandoned(self, destination: str) -> bool:
        """Whether jobs of an abandoned run may still be open there."""

    def jobs_over(self, destination: str) -> None:
        """They are not any more."""


class Store(Protocol):
    """Thread-safe. Raises only StateError and its subclasses, and PlanError where it says so."""

    accounts: Accounts
    attempts: Attempts
    upkeep: Upkeep
    frozen: Frozen
    history: History
    project: Project

    @property
    def place(self) -> str:
        """For people: where this state is, without a secret."""

    @property
    def journal(self) -> Journal: ...

    def ledger(self, destination: str) -> Ledger:
        """Bulk Arrow, one consistent moment. A destination never seen has revision 0 and empty tables."""

    def revisions(self, destinations: Sequence[str]) -> dict[str, int]: ...

    def observe(
        self, destination: str, contacts: pa.Table, *, cursor: datetime | None = None, whole: bool = False
    ) -> None:
        """Remember ids, statuses and tags (OBSERVED; later rows win; rows without email and of forgotten people are
        ignored; null keeps what was known). Never touches fields, memberships or the revision. "absent" forgets the
        tags; it does not overwrite a blocked status. A status belongs to the platform's id: it holds for every address
        under which the id is known. `whole`: with this, everybody that the platform holds has been read."""

    def saw_targets(self, destination: str, ids: Mapping[tuple[Kind, str], str]) -> None:
        """These targets exist on the platform, whether or not we have written to them: (kind, name) -> remote id."""

    def seen_lists(self, destination: str) -> dict[tuple[Kind, str], str]:
        """The lists among them."""

    def note_retired(self, destination: str, contacts: pa.Table) -> None:
        """These (CONTACT_SCHEMA) were found archived or suppressed right after our request. Before its outcome is
        settled: those who were so already are left out."""

    def left_lists(self, destination: str) -> pa.Table:
        """LEFT_LISTS: who unsubscribed from which list of those that are known by name, as in Ledger.left."""

    def reading(self, destination: str) -> tuple[datetime | None, bool]:
        """Up to where `statuses` has been read, and whether everybody has been."""

    def remember_people(self, destination: str, people: pa.Table) -> None:
        """Who the known contacts of these addresses are in the CRM (PEOPLE); others are ignored."""

    def engagement(self, destination: str) -> tuple[pa.Table, datetime | None]:
        """What is known of the contacts' engagement (ENGAGEMENT), and up to where it has been read."""

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
        """Add what happened since the last reading (ENGAGEMENT): the later of each time, the sum of each count, but
        `sends` restart with an open or click. With `totals` the counts replace what was known. `swept`: what the
        platform delivered late, up to `until`, is in it. `days` (MAIL_DAYS) are added to what is known of days."""

    def marks(self, destination: str) -> pa.Table:
        """MARKS: when people were last active, and how many mails they had got by then."""

    def mark(self, destination: str, table: pa.Table) -> None:
        """Enter MARKS."""

    def swept(self, destination: str) -> datetime | None:
        """Up to where opens and clicks were read for those delivered late; None: never."""

    def activity(self) -> pa.Table:
        """ACTIVITY of everybody on every platform, as last read."""

    def stages(self, destination: str) -> pa.Table:
        """STAGE_ENTRIES of everybody, past and present."""

    def remember_targets(self, destination: str, ids: Mapping[tuple[Kind, str], str]) -> None: ...

    def target_ids(self, destination: str) -> dict[tuple[Kind, str], str]:
        """The remote ids known so far."""

    def forget_target(self, destination: str, kind: Kind, name: str) -> None:
        """The platform does not hold this target any more: its id and memberships leave the ledger."""

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
        """Journal a plan's changes, in one transaction; the run's id, sortable by time. `stages` (STAGE_MOVES) come
        about with the outcomes of their changes. Nothing about forgotten people is written.

        `moment` enters the history as of `as_of`, unless that has gone on since it was compared.

        `frozen` (frozen.FROZEN) are segments whose members are kept from now on, `released` those released. Needs the
        lease. Raises Stale when a revision moved or a segment is frozen already, PlanError while another run is
        unfinished."""

    def learn(self, moment: Moment, as_of: datetime, contacts: int) -> bool:
        """Enter a moment in the history without a run; False when it has gone on meanwhile. Needs the lease."""

    def require_finished(self) -> None:
        """Raises PlanError while a run must be resumed first: it was cut off, or has unknown outcomes. Raises
        LeaseHeld when another process is still at work on it.

        A FAILED run without unknown outcomes may also be replaced by a new plan, which holds what it left undone."""

    def unfinished(self) -> RunInfo | None:
        """The latest run that `resume` would go on with."""

    def last_moment(self) -> datetime | None:
        """The latest --as-of of any run; None before the first."""

    def last_export(self) -> Export | None:
        """What the last run was made from, for the guards that compare with it."""

    def runs(self, limit: int = 20) -> list[RunInfo]:
        """The latest first."""

    def run(self, run_id: str) -> RunInfo: ...

    def run_changes(self, run_id: str) -> pa.Table:
        """RUN_CHANGES, in the order they were journalled."""

    def rejects(self, destination: str | None = None) -> pa.Table:
        """REJECTS: people a platform refused, until their row changes or the change succeeds."""

    def failing(self, destination: str) -> pa.Table:
        """FAILURES: changes that failed so often, or for so long, that they need a person."""

    def counts(self, destination: str) -> Counts: ...

    def lease(self, holder: str) -> AbstractContextManager[None]:
        """Hold the state for one process. Raises LeaseHeld, naming who holds it and since when."""

    def require_free(self) -> None:
        """Raises LeaseHeld when another process works on the state right now, naming it. Takes nothing."""

    def require_lease(self) -> None:
        """Before every request that changes a platform; cheap. Raises LeaseLost unless this process provably holds the
        lease right now: its last confirmed renewal is younger than the lease."""

    def noting(self) -> AbstractContextManager[Attempts]:
        """To write down an attempt and what was told of it, also while another process holds the state. Where the state
        is a file that travels, raises StateError while it is held."""

    def close(self) -> None: ...
