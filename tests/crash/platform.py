"""The platform of the random histories: statuses, members, and jobs that run late.

Owns: what it holds and who put it there. Must not: be kinder than the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.core.errors import Unanswered
from connector.core.model import Kind, Op, Outcome, Status
from connector.core.schemas import CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import Batch, Done, Job, RecordOutcome, TagStyle
from tests.push.fake import FakePlatform


@dataclass
class Platform(FakePlatform):
    """The fake with statuses. Worse than the real ones: creating somebody subscribes them, whatever they said; and a
    job whose number nobody heard runs when it likes. (Of jobs only the statuses are spared, as Klaviyo does: nobody
    can take back a job that was accepted before a no.)"""

    status: dict[str, str] = field(default_factory=dict)
    given: set[tuple[Kind, str, str]] = field(default_factory=set)  # memberships it ever took, from anybody
    theirs: set[tuple[Kind, str, str]] = field(default_factory=set)  # those that others put there
    removed: set[tuple[Kind, str, str]] = field(default_factory=set)  # that we asked to remove
    queue: dict[str, Batch] = field(default_factory=dict)
    over: dict[str, Done] = field(default_factory=dict)
    unheard: frozenset[str] = frozenset()  # nothing about these people is answered
    taken: bool = False  # but done all the same
    made: int = 0  # contacts
    pestered: set[str] = field(default_factory=set)  # who had said no when they were to be added

    def mute(self, about: frozenset[str], taken: bool) -> None:
        self.unheard, self.taken = about, taken

    def _silence(self, batch: Batch) -> None:
        if self.unheard & set(batch.records.column("email").to_pylist()):
            raise Unanswered("the connection broke", code="no_answer")

    def push(self, batch: Batch) -> Done | Job:
        for row in batch.records.to_pylist():
            adding = batch.op in (Op.CREATE, Op.ADD) or row["tags_add"]
            if adding and self.status.get(row["email"]) == Status.UNSUBSCRIBED:
                self.pestered.add(row["email"])
        if not self.taken:
            self._silence(batch)
        spec = self.capabilities.operations[batch.op, batch.target.kind if batch.target else None]
        answer = self._enqueue(batch) if spec.asynchronous else super().push(batch)
        self._silence(batch)
        return answer

    def _enqueue(self, batch: Batch) -> Job:
        self.sent.append(batch)
        call = len(self.sent)
        self._raise(self.trouble(call, batch))
        self.queue[f"job-{call}"] = batch
        self._raise(self.lost(call, batch))
        return Job(f"job-{call}", 2.0)

    def poll(self, job: str, batch: Batch) -> Done | Job:
        self.work(job)
        return self.over[job]

    def unfinished(self) -> dict[str, datetime | None]:
        open_ones: dict[str, datetime | None] = dict.fromkeys(self.queue)
        self.work(*open_ones)
        return open_ones

    def work(self, *jobs: str) -> None:
        for job in jobs:
            if job in self.queue:
                batch, before = self.queue.pop(job), dict(self.status)
                rows = enumerate(batch.records.to_pylist())
                self.over[job] = Done(tuple(self._take(batch, index, row) for index, row in rows))
                self.status |= before

    def hold(self, *emails: str) -> None:
        new = [email for email in emails if email not in self.contacts]
        super().hold(*emails)
        for email in new:  # no id is given out twice, though an address may be
            self.made += 1
            self.contacts[email]["id"] = f"id-{self.made}"
        self.status.update(dict.fromkeys(emails, str(Status.SUBSCRIBED)))

    def move(self, row: dict[str, Any]) -> None:
        """Another address for the contact of an id, with all that it has."""
        new = row["email"]
        for old in [email for email, held in self.contacts.items() if held["id"] == row["remote_id"] and email != new]:
            self.contacts[new], self.status[new] = self.contacts.pop(old), self.status.pop(old)
            for group in self.groups.values():
                if old in group:
                    group.symmetric_difference_update({old, new})
            for known in (self.given, self.theirs):
                known |= {(kind, name, new) for kind, name, email in known if email == old}

    def rows(self, emails: list[str]) -> pa.Table:
        found = [
            {
                "email": email,
                "remote_id": self.contacts[email]["id"],
                "status": self.status[email],
                "tags": sorted(self.contacts[email]["tags"]),
            }
            for email in emails
            if email in self.contacts
        ]
        return pa.Table.from_pylist(found, schema=CONTACT_SCHEMA)

    def lookup(self, emails: Any) -> Any:
        yield self.rows(list(emails))

    def statuses(self, since: datetime | None) -> Any:
        yield self.rows(list(self.contacts))

    def members(self, kind: Kind, remote_id: str) -> Any:
        emails = sorted(self.groups[kind, remote_id.partition(":")[2]])
        yield pa.Table.from_pylist([{"email": email, "remote_id": None} for email in emails], schema=MEMBER_SCHEMA)

    def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
        if batch.op is Op.MOVE and row["email"] not in self.bad:
            self.move(row)
        there = batch.target is not None and row["email"] in self.members_of(batch.target.kind, batch.target.name)
        outcome = super()._take(batch, index, row)
        email = row["email"]
        if outcome.outcome is Outcome.APPLIED:
            added = [(Kind.TAG, tag) for tag in row["tags_add"] or ()]
            gone = [(Kind.TAG, tag) for tag in row["tags_remove"] or ()]
            if batch.target is not None:
                (added if batch.op is Op.ADD else gone).append((batch.target.kind, batch.target.name))
            self.given |= {(*target, email) for target in added}
            self.removed |= {(*target, email) for target in gone}
            if batch.op is Op.ADD and there:  # property tags do not tell
                return replace(outcome, outcome=Outcome.UNCHANGED)
        return outcome

    def join(self, kind: Kind, name: str, email: str) -> None:
        """Somebody else adds a contact."""
        if kind is Kind.TAG and self.capabilities.tag_style is TagStyle.PROPERTY:
            self.contacts[email]["tags"].add(name)
        else:
            self.groups.setdefault((kind, name), set()).add(email)
        self.given.add((kind, name, email))
        self.theirs.add((kind, name, email))
