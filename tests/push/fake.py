"""A platform in memory with switches for trouble. Must not: be kinder than the real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from connector.core.errors import BadRecords, TooLarge, Unanswered
from connector.core.model import Kind, NewContacts, Op, Outcome, Target
from connector.core.schemas import CHANGE_SCHEMA, CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import (
    Account,
    Batch,
    Capabilities,
    Done,
    Identity,
    Job,
    OpSpec,
    RecordOutcome,
    RetireSpec,
    TagStyle,
    Window,
)

MOMENT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPEC = OpSpec(
    max_batch=10,
    max_bytes=None,
    addressed_by="email",
    asynchronous=False,
    atomic=False,
    silent=False,
    replayable=True,
    source="invented",
)


def capabilities(
    style: TagStyle = TagStyle.MEMBERSHIP,
    specs: Mapping[Op, Mapping[str, Any]] | None = None,
    concurrency: int = 3,
) -> Capabilities:
    """`specs` changes facts of single operations."""
    changed = {op: replace(SPEC, **dict((specs or {}).get(op, {}))) for op in Op}
    operations: dict[tuple[Op, Kind | None], OpSpec] = {
        (op, None): changed[op] for op in (Op.CREATE, Op.UPDATE, Op.RETIRE)
    }
    for kind in Kind:
        if kind is Kind.LIST or style is TagStyle.MEMBERSHIP:
            operations |= {(op, kind): changed[op] for op in (Op.ADD, Op.REMOVE)}
    return Capabilities(
        platform="fake",
        tag_style=style,
        operations=operations,
        retire=RetireSpec("archive", True, "", "invented"),
        new_contacts=frozenset(NewContacts),
        limits=(Window(100, 1.0),),
        concurrency=concurrency,
        subscribes_on_create=True,
        create_joins_lists=False,
        engagement=None,
        gone_is_final=False,
        declares_tags=False,
    )


@dataclass
class FakeClock:
    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class FakePlatform:
    capabilities: Capabilities = field(default_factory=capabilities)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[Kind, str], set[str]] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()  # people it refuses
    names_culprits: bool = True  # for atomic operations
    cap: int = 10**6  # more records than this are TooLarge
    polls: int = 0  # before a job is over
    left_out: set[str] = field(default_factory=set)  # no outcome for these, once
    trouble: Callable[[int, Batch], BaseException | None] = lambda call, batch: None  # before it takes the batch
    lost: Callable[[int, Batch], BaseException | None] = lambda call, batch: None  # after
    account: str = "1"
    sent: list[Batch] = field(default_factory=list)
    lookups: list[list[str]] = field(default_factory=list)
    jobs: dict[str, list[Any]] = field(default_factory=dict)
    earlier: list[dict[str, datetime | None]] = field(default_factory=list)  # jobs of before, at each look
    ensured: list[Target] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def hold(self, *emails: str) -> None:
        for email in emails:
            self.contacts.setdefault(email, {"id": f"id-{email}", "fields": "", "tags": set()})

    def members_of(self, kind: Kind, name: str) -> set[str]:
        if kind is Kind.TAG and self.capabilities.tag_style is TagStyle.PROPERTY:
            return {email for email, contact in self.contacts.items() if name in contact["tags"]}
        return self.groups.get((kind, name), set())

    def check(self, fields: Mapping[str, str]) -> Account:
        return Account("fake", "")

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        return {}

    def identity(self) -> Identity:
        return Identity(self.account, f"Account {self.account}")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        return iter(())

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        return {key: f"{key[0]}:{key[1]}" for key in self.groups if key[0] in kinds}

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """Targets are asked for by id."""

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        self.ensured += targets
        for target in targets:
            self.groups.setdefault((target.kind, target.name), set())
        return {target: f"{target.kind}:{target.name}" for target in targets}

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        self.lookups.append(sorted(emails))
        held = [email for email in emails if email in self.contacts]
        rows = [{"email": email, "remote_id": self.contacts[email]["id"], "status": "subscribed"} for email in held]
        if self.capabilities.tag_style is TagStyle.PROPERTY:
            rows = [row | {"tags": sorted(self.contacts[row["email"]]["tags"])} for row in rows]
        yield pa.Table.from_pylist(rows, schema=CONTACT_SCHEMA)

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        return iter(())

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        yield MEMBER_SCHEMA.empty_table()

    def push(self, batch: Batch) -> Done | Job:
        with self._lock:
            self.sent.append(batch)
            call = len(self.sent)
            self._raise(self.trouble(call, batch))
            spec = self.capabilities.operations[batch.op, batch.target.kind if batch.target else None]
            rows = batch.records.to_pylist()
            assert 0 < len(rows) <= spec.max_batch
            assert spec.addressed_by == "email" or all(row["remote_id"] for row in rows)
            assert batch.target is None or batch.target_id == f"{batch.target.kind}:{batch.target.name}"
            if len(rows) > self.cap:
                raise TooLarge("too large", code="too_large")
            if spec.atomic:
                self._refuse(rows)
            done = Done(tuple(self._take(batch, index, row) for index, row in enumerate(rows)))
            done = replace(
                done, outcomes=tuple(each for each in done.outcomes if not self._leaves_out(rows[each.index]))
            )
            self._raise(self.lost(call, batch))
            if not spec.asynchronous:
                return done
            job = f"job-{call}"
            self.jobs[job] = [self.polls, done]
            return Job(job, 2.0)

    def poll(self, job: str, batch: Batch) -> Done | Job:
        with self._lock:
            if job not in self.jobs:
                raise Unanswered("no such job", code="job_gone")
            self.jobs[job][0] -= 1
            return Job(job, 2.0) if self.jobs[job][0] >= 0 else self.jobs[job][1]

    def unfinished(self) -> Mapping[str, datetime | None]:
        with self._lock:
            return self.earlier.pop(0) if self.earlier else {}

    def _leaves_out(self, row: dict[str, Any]) -> bool:
        out = row["email"] in self.left_out
        self.left_out.discard(row["email"])
        return out

    def _raise(self, error: BaseException | None) -> None:
        if error is not None:
            raise error

    def _refuse(self, rows: list[dict[str, Any]]) -> None:
        culprits = {i: ("invalid_email", "not an address") for i, row in enumerate(rows) if row["email"] in self.bad}
        if culprits:
            raise BadRecords("refused", culprits if self.names_culprits else {}, code="bad_records")

    def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
        email = row["email"]
        if email in self.bad:
            return RecordOutcome(index, Outcome.REJECTED, "invalid_email", "not an address")
        if batch.op is Op.CREATE:
            if email in self.contacts and not self.capabilities.operations[Op.CREATE, None].replayable:
                return RecordOutcome(index, Outcome.REJECTED, "exists")
            self.hold(email)
        if email not in self.contacts:
            return RecordOutcome(index, Outcome.REJECTED, "not_held")
        contact = self.contacts[email]
        if batch.target is not None:
            group = self.groups[batch.target.kind, batch.target.name]
            (group.add if batch.op is Op.ADD else group.discard)(email)
        elif batch.op is Op.RETIRE:
            contact["archived"] = True
        else:
            contact["fields"] = row["fields"] or contact["fields"]
            contact["tags"] |= set(row["tags_add"] or ())
            contact["tags"] -= set(row["tags_remove"] or ())
        silent_about_ids = self.capabilities.operations[Op.CREATE, None].asynchronous
        return RecordOutcome(index, Outcome.APPLIED, remote_id=None if silent_about_ids else contact["id"])


def people(count: int, start: int = 0) -> list[str]:
    return [f"p{number:04}@example.com" for number in range(start, start + count)]


def change(op: Op, emails: Sequence[str], kind: Kind | None = None, target: str | None = None, **more: Any) -> pa.Table:
    """Changes of destination "d" unless told otherwise; CREATE and UPDATE with a field unless told otherwise."""
    if op in (Op.CREATE, Op.UPDATE):
        more = {"fields": '{"NAME":"Ann"}', **more}
    row = {"destination": "d", "op": str(op), "kind": kind and str(kind), "target": target, **more}
    return pa.Table.from_pylist([{**row, "email": email} for email in emails], schema=CHANGE_SCHEMA)
