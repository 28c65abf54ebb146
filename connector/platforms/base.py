"""The adapter contract: what the core may ask of a platform, and the facts it acts on.

Owns: Capabilities and OpSpec (facts, no behaviour), Batch and its column layout, the outcomes, the
Adapter protocol. Must not: send anything, name a platform, diff, retry, sleep, log or store.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import pyarrow as pa

from connector.core import scrub
from connector.core.errors import ContractError, NotSent, Retryable, Unanswered
from connector.core.model import RETIRED, Kind, NewContacts, Op, Outcome, Status, Target

# Codes of an outcome that say: the platform holds no such contact, or erased it for good. That is a fact about the
# ledger and no refusal of a person, so the core makes it SKIPPED (push/batches.py) and forgets the contact.
NOT_HELD, ERASED = "not_held", "forgotten"
NOT_VISIBLE = "not_visible"  # held, but the platform's index does not show it yet: SKIPPED, and tried again next time
# A refusal of the person, not of a field: sending the contact without its fields would change nothing.
OF_THE_PERSON = frozenset(
    ("invalid_email", "compliance", "looks_fake", "duplicate", "missing_required_field", NOT_HELD, ERASED)
)
# A record was refused because of the account: its plan is full, or its allowance used up. FAILED, so nobody is parked.
ACCOUNT_LIMIT = "account_limit"
_ACCOUNT_LIMIT = re.compile(
    r"\b(contact|account|plan|subscriber|record|object|portal|usage|quota|credit)s?\b[^.]{0,40}\b(limit|quota|allowance)"
    r"|\b(limit|quota|allowance)\b[^.]{0,40}\b(contacts?|accounts?|plan|subscribers?|portal|credits?)\b"
    r"|\b(upgrade|exceeds?)\b[^.]{0,40}\bplan\b|(CONTACT|OBJECT|RECORD|ACCOUNT|PORTAL)S?_LIMIT",
    re.IGNORECASE,
)
LEFT_LIST = "left_list"  # the person unsubscribed from that list: no refusal either, and SKIPPED


def of_account(*words: str) -> bool:
    """Whether a platform's words say that the account's plan is full: where it has no status or code for it. A 402, and
    what a vendor documents (a code, the name of a policy), is raised as AccountLimit."""
    return any(_ACCOUNT_LIMIT.search(text) for text in words)


@contextmanager
def before_sending() -> Iterator[None]:
    """Around all that an adapter checks and reads before its writing request: an answer that is missing or strange
    then leaves nothing unknown."""
    try:
        yield
    except Unanswered as error:
        raise Retryable(
            str(error), destination=error.destination, code=error.code, retry_after=error.retry_after
        ) from None
    except ContractError as error:
        raise NotSent(str(error), destination=error.destination, code=error.code) from None


class TagStyle(StrEnum):
    """MEMBERSHIP: a tag has members, written with ADD and REMOVE like a list. PROPERTY: a tag is a
    value inside a contact's property, written with CREATE and UPDATE (tags_add, tags_remove)."""

    MEMBERSHIP = "membership"
    PROPERTY = "property"


@dataclass(frozen=True, slots=True)
class OpSpec:
    """The facts of one operation. `source` is the vendor's page, with the date it was read."""

    max_batch: int  # records in one request
    max_bytes: int | None  # cap on the body, when the platform states one
    addressed_by: str  # "email" or "id"
    asynchronous: bool  # the answer is a job that is polled; the adapter never sends again what had no answer
    atomic: bool  # one bad record refuses the whole batch
    silent: bool  # unknown records are ignored without a word
    replayable: bool  # sending the same batch twice has the effect of sending it once (a job: when the first is over)
    source: str


@dataclass(frozen=True, slots=True)
class RetireSpec:
    """How a contact is archived or suppressed, and whether that can be undone through the API."""

    action: str  # archive | suppress
    reversible: bool
    how_to_undo: str
    source: str

    @property
    def leads_to(self) -> Status:
        """The status after it was done."""
        return RETIRED[self.action]


class Engagement(StrEnum):
    """How a platform tells of opens and clicks in bulk. EVENTS: what happened in a stretch of time, counted by us.
    TOTALS: one row per contact, where `sends` are those since the last open or click; a later reading replaces it."""

    EVENTS = "events"
    TOTALS = "totals"


@dataclass(frozen=True, slots=True)
class Window:
    """At most `requests` in any `seconds`."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Every field is a fact that the core acts on."""

    platform: str
    tag_style: TagStyle
    # Keys: (Op.CREATE, None), (Op.UPDATE, None), (Op.ADD, Kind.TAG), (Op.REMOVE, Kind.LIST), (Op.RETIRE, None) …
    # A missing key: the platform does not offer it. (Op.UNSUBSCRIBE, None): only contacts that it holds, nobody is
    # created, and what became of each is known.
    operations: Mapping[tuple[Op, Kind | None], OpSpec]
    retire: RetireSpec | None
    new_contacts: frozenset[NewContacts]  # the policies that make sense here
    limits: tuple[Window, ...]  # of writing requests, for the forecast
    concurrency: int  # requests in flight at once
    subscribes_on_create: bool  # CREATE can make somebody subscribed
    create_joins_lists: bool  # CREATE can put all of its records into lists (Batch.join)
    declares_tags: bool  # property tags must be declared first: one writing request for all new ones of a run
    engagement: Engagement | None  # None: not offered in bulk
    gone_is_final: bool  # a contact that was held and is absent was erased, or has another address: never created again


@dataclass(frozen=True, slots=True)
class Batch:
    """A request's worth of one operation on one target. `records` has BATCH_SCHEMA."""

    op: Op
    target: Target | None
    target_id: str | None  # the platform's id of the target, from ensure_targets
    records: pa.Table
    join: tuple[str, ...] = ()  # CREATE: ids of lists that every record joins in the same request


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """What happened to record `index`. `code` is machine-readable and stable, `detail` is plain words
    without an address, scrubbed here. `remote_id` is set when the platform told a new id. `fields` are those of the
    record, by the platform's names, whose values were not taken; the others may be sent without them."""

    index: int
    outcome: Outcome
    code: str = ""
    detail: str = ""
    remote_id: str | None = None
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code:
            object.__setattr__(self, "code", scrub.code(self.code))
        if self.detail:
            object.__setattr__(self, "detail", scrub.scrub(self.detail))


@dataclass(frozen=True, slots=True)
class Done:
    """The batch is over: exactly one outcome per record, in any order."""

    outcomes: tuple[RecordOutcome, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """The platform took the batch and works on it; ask again with `poll` after `wait` seconds."""

    id: str
    wait: float = 1.0


@dataclass(frozen=True, slots=True)
class Choices:
    """A field that takes one of these values, or `several` of them. `labels`: what people read there -> the value,
    where the two differ."""

    values: frozenset[str]
    several: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """What `check` found. `problems` are plain sentences: what is missing and what to do. `options`: what those of the
    fields take that are choices. All that is shown is scrubbed here."""

    name: str
    detail: str
    problems: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Choices] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", scrub.scrub(self.name))
        object.__setattr__(self, "detail", scrub.scrub(self.detail))
        object.__setattr__(self, "problems", tuple(scrub.scrub(problem, 1000) for problem in self.problems))
        object.__setattr__(self, "facts", {name: scrub.scrub(fact) for name, fact in self.facts.items()})


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose contacts a key opens. `id` never changes there and is no other's (with several audiences in an account it
    holds the audience's id too); `name` is for people, without a secret or an address."""

    id: str
    name: str


class Adapter(Protocol):
    """One configured account on one platform. Raises only DestinationError and its subclasses."""

    capabilities: Capabilities

    def check(self, fields: Mapping[str, str]) -> Account:
        """Credentials, account, audience, and that every platform field in `fields` (platform name ->
        column) exists and that no other is required. Writes nothing. Which rights the key lacks: see `lacking`."""

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        """Which of these rights (names of the vendor's facts) the key lacks -> what the platform says of it. Changes
        nothing: a writing endpoint is asked for something that names no record, so that all but the right of it is
        refused, or that does nothing."""

    def identity(self) -> Identity:
        """The account, cheaply: asked before anything is read or sent, one request, remembered. Writes nothing.
        Raises MissingScope when the key is right but may not tell."""

    def now(self) -> datetime:
        """The platform's present moment, as its answers tell it; at most one request. All that is asked by time
        (`statuses`, `engagement`, `unfinished`) is in this clock, never in the machine's."""

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        """Every existing target of these kinds: (kind, name) -> remote id. Read in bulk, writes nothing."""

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """The targets of the ledger, (kind, name) -> remote id, told before anything is read or sent. Somebody may have
        changed their names there: what is read and sent under these names concerns these ids. Asks nothing."""

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        """Create what is missing (found again first, so twice is once); target -> remote id."""

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        """Those of `emails` that the platform holds, in tables of CONTACT_SCHEMA. Emails not yielded are
        not held. Chooses the cheaper way by itself: asking in batches, or reading everything. May yield
        contacts that were not asked for. `there`: it holds about so many contacts at least, as far as is known."""

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """Those of `emails`, which no contact has, that the platform keeps an opt-out of all the same: CONTACT_SCHEMA,
        without an id. Asked for those who are about to be created. Nothing where opt-outs belong to contacts."""

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        """Every contact that changed on the platform after `since`, new ones included (None: everybody it
        holds), CONTACT_SCHEMA. May repeat a contact; the later row is the newer."""

    def engagement(self, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
        """What contacts did with our mail from `since` (None: as far back as is sensible) until just before `until`,
        in tables of ENGAGEMENT_SCHEMA. Asked only when rules need it."""

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        """Who is in a target now, in tables of MEMBER_SCHEMA."""

    def push(self, batch: Batch) -> Done | Job:
        """Send exactly one writing request. May read first what it must rewrite as a whole.

        Only CREATE may create: whatever else is sent to an endpoint that creates a missing contact follows a reading
        that found the contact by its id; those it did not find are NOT_HELD. What is found wrong before the request
        leaves is raised as NotSent (see `before_sending`)."""

    def poll(self, job: str, batch: Batch) -> Done | Job:
        """Ask once how the job stands."""

    def unfinished(self) -> Mapping[str, datetime | None]:
        """The jobs that the platform has taken and not ended, from any sender: id -> when it took them, if it says.
        Nothing on a platform without jobs, or one that does not let jobs overtake each other."""


@runtime_checkable
class KeepsDeleted(Protocol):
    """An adapter where `gone_is_final` is not true: what is deleted can be restored there for a while."""

    def erased(self, remote_ids: Sequence[str]) -> frozenset[str]:
        """Those of these ids, of contacts that are not found under their address, that the platform says it neither
        holds under another one nor keeps to be restored: nobody is to bring these people back."""
