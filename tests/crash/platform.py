"""The platform of the random histories: statuses, members, and jobs that run late.

Owns: what it holds and who put it there. Must not: be kinder than the real ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from connector.core.errors import Unanswered
from connector.core.model import BLOCKED, Kind, Op, Outcome, Status
from connector.core.schemas import CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import NOT_HELD, Batch, Done, Job, RecordOutcome, TagStyle
from tests.crash.circumstances import ADDRESSES, PERSON, TARGETS
from tests.push.fake import FakePlatform


@dataclass
class Platform(FakePlatform):
    """The fake with statuses. Worse than the real ones: creating somebody subscribes them, whatever they said; and a
    job whose number nobody heard runs when it likes. (Of jobs only the statuses are spared, as Klaviyo does: nobody
    can take back a job that was accepted before an opt-out.)"""

    status: dict[str, str] = field(default_factory=dict)
    given: set[tuple[Kind, str, str]] = field(default_factory=set)  # memberships it ever took, from anybody
    theirs: set[tuple[Kind, str, str]] = field(default_factory=set)  # those that others put there
    removed: set[tuple[Kind, str, str]] = field(default_factory=set)  # that we asked to remove
    queue: dict[str, Batch] = field(default_factory=dict)
    over: dict[str, Done] = field(default_factory=dict)
    unheard: frozenset[str] = frozenset()  # nothing about these people is answered
    taken: bool = False  # but done all the same
    made: int = 0  # contacts
    pestered: set[str] = field(default_factory=set)  # who had opted out when they were to be added
    left: set[str] = field(default_factory=set)  # ids of contacts that unsubscribed from the list
    was: dict[str, str] = field(default_factory=dict)  # an address that the ledger knew -> the id it belonged to
    kept: set[str] = field(default_factory=set)  # opt-outs of addresses that no contact has any more
    aliases: dict[str, str] = field(default_factory=dict)  # an address of a merged contact -> the one that it shows
    renamed: list[tuple[str, str]] = field(default_factory=list)  # by others
    forgotten: set[str] = field(default_factory=set)  # addresses that may not be sent
    reappeared: set[str] = field(default_factory=set)  # who was erased or forgotten, and sent all the same
    gone: set[str] = field(default_factory=set)  # ids of contacts that were erased for good
    exported: set[str] = field(default_factory=set)  # addresses of which the connector knows whose they are

    def mute(self, about: frozenset[str], taken: bool) -> None:
        self.unheard, self.taken = about, taken

    def _silence(self, batch: Batch) -> None:
        if self.unheard & set(batch.records.column("email").to_pylist()):
            raise Unanswered("the connection broke", code="no_answer")

    def push(self, batch: Batch) -> Done | Job:
        for row in batch.records.to_pylist():
            self._judge(batch, row)
        if not self.taken:
            self._silence(batch)
        spec = self.capabilities.operations[batch.op, batch.target.kind if batch.target else None]
        answer = self._enqueue(batch) if spec.asynchronous else super().push(batch)
        self._silence(batch)
        return answer

    def _judge(self, batch: Batch, row: dict[str, Any]) -> None:
        """Note what must not be asked for."""
        email = row["email"]
        adding = batch.op in (Op.CREATE, Op.ADD) or row["tags_add"]
        if adding and self.status.get(email) in BLOCKED:
            self.pestered.add(email)
        if batch.op is Op.ADD and batch.target and batch.target.kind is Kind.LIST and self._left(email):
            self.pestered.add(email)
        if email in self.forgotten:
            self.reappeared.add(email)
        if batch.op is Op.CREATE and email not in self.contacts and email in self.was:
            now = [one for one, held in self.contacts.items() if held["id"] == self.was[email]]
            if any(self.status[one] in BLOCKED for one in now):
                self.pestered.add(email)
            if self.capabilities.gone_is_final or self.was[email] in self.gone:
                self.reappeared.add(email)
        if batch.op is Op.CREATE and email not in self.contacts:
            other = next(one for one in ADDRESSES[PERSON[email]] if one != email)
            if other in self.exported and other not in self.contacts and self.was.get(other) in self.gone:
                self.reappeared.add(email)

    def _left(self, email: str) -> bool:
        return email in self.contacts and self.contacts[email]["id"] in self.left

    def readdress(self, old: str, new: str, *, known: bool) -> None:
        """Others give a contact another address. `known`: the ledger has it under the old one."""
        if old not in self.contacts or new in self.contacts or new in self.aliases:
            return
        if known:
            self.was[old] = self.contacts[old]["id"]
        self.move({"email": new, "remote_id": self.contacts[old]["id"]})
        self.renamed.append((old, new))

    def erase(self, email: str, *, known: bool, restorable: bool) -> None:
        if known:
            self.was[email] = self.contacts[email]["id"]
        if self.capabilities.gone_is_final or not restorable:
            self.gone.add(self.contacts[email]["id"])
        if self.status.pop(email) in BLOCKED and not self.capabilities.gone_is_final:
            self.kept |= {email, *(alias for alias, shown in self.aliases.items() if shown == email)}  # as HubSpot does
        del self.contacts[email]
        self.aliases = {alias: shown for alias, shown in self.aliases.items() if shown != email}
        for group in self.groups.values():
            group.discard(email)

    def merge(self, kept: str, gone: str, *, known: bool) -> None:
        """Others make one contact of two. Its other address answers for it, or belongs to nobody, as with Klaviyo."""
        if known:
            self.was[gone] = self.contacts[gone]["id"]
        lost, status = self.contacts.pop(gone), self.status.pop(gone)
        if status in BLOCKED:
            self.status[kept] = status
        self.contacts[kept]["tags"] |= lost["tags"]
        for group in self.groups.values():
            if gone in group:
                group.symmetric_difference_update({gone, *({kept} - group)})
        for taken in (self.given, self.theirs):
            taken |= {(kind, name, one) for kind, name, email in taken if email in (kept, gone) for one in (kept, gone)}
        for alias, shown in self.aliases.items():
            self.aliases[alias] = kept if shown == gone else shown
        if not self.capabilities.gone_is_final:
            self.aliases[gone] = kept

    def leave(self, email: str) -> None:
        if self.capabilities.gone_is_final:  # as those do that tell
            self.left.add(self.contacts[email]["id"])
            self.groups.get(TARGETS["b"], set()).discard(email)

    def opted_out(self, emails: Any) -> Any:
        kept = [{"email": email, "status": str(Status.UNSUBSCRIBED)} for email in emails if email in self.kept]
        yield pa.Table.from_pylist(kept, schema=CONTACT_SCHEMA)

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
        emails = tuple(email for email in emails if email not in self.aliases)
        new = [email for email in emails if email not in self.contacts]
        super().hold(*emails)
        for email in new:  # no id is given out twice, though an address may be
            self.made += 1
            self.contacts[email]["id"] = f"id-{self.made}"
            self.status[email] = str(Status.UNSUBSCRIBED if email in self.kept else Status.SUBSCRIBED)

    def move(self, row: dict[str, Any]) -> None:
        """Another address for the contact of an id, with all that it has."""
        new = row["email"]
        for old in [email for email, held in self.contacts.items() if held["id"] == row["remote_id"] and email != new]:
            self.contacts[new], self.status[new] = self.contacts.pop(old), self.status.pop(old)
            if new in self.kept:  # an opt-out belongs to the address
                self.status[new] = str(Status.UNSUBSCRIBED)
            self.aliases = {alias: new if shown == old else shown for alias, shown in self.aliases.items()}
            self.aliases.pop(new, None)
            for group in self.groups.values():
                if old in group:
                    group.remove(old)
                    group.add(new)  # where somebody else's contact of this address is, too, perhaps
            for known in (self.given, self.theirs):
                known |= {(kind, name, new) for kind, name, email in known if email == old}

    def rows(self, emails: list[str]) -> pa.Table:
        found = [
            {
                "email": email,
                "remote_id": self.contacts[shown]["id"],
                "status": self.status[shown],
                "tags": sorted(self.contacts[shown]["tags"]),
                "left": self._lists_left(shown),
            }
            for email, shown in ((email, self.aliases.get(email, email)) for email in emails)
            if shown in self.contacts
        ]
        return pa.Table.from_pylist(found, schema=CONTACT_SCHEMA)

    def _lists_left(self, email: str) -> list[str] | None:
        if not self.capabilities.gone_is_final:
            return None
        kind, name = TARGETS["b"]
        return [f"{kind}:{name}"] if self._left(email) else []

    def lookup(self, emails: Any, there: int = 0) -> Any:
        yield self.rows(list(emails))

    def statuses(self, since: datetime | None) -> Any:
        yield self.rows([*self.contacts, *self.aliases])

    def members(self, kind: Kind, remote_id: str) -> Any:
        emails = sorted(self.groups[kind, remote_id.partition(":")[2]])
        yield pa.Table.from_pylist([{"email": email, "remote_id": None} for email in emails], schema=MEMBER_SCHEMA)

    def _take(self, batch: Batch, index: int, row: dict[str, Any]) -> RecordOutcome:
        if batch.op is Op.MOVE and row["email"] not in self.bad:
            if row["remote_id"] not in {held["id"] for held in self.contacts.values()}:
                return RecordOutcome(index, Outcome.REJECTED, NOT_HELD)
            self.move(row)
        asked = row["email"]
        row = {**row, "email": self._shown(batch, row)}
        if batch.op is Op.CREATE and row["email"] in self.kept:
            return RecordOutcome(index, Outcome.SKIPPED, "opted_out")
        there = batch.target is not None and row["email"] in self.members_of(batch.target.kind, batch.target.name)
        outcome = super()._take(batch, index, row)
        email = row["email"]
        if outcome.outcome is Outcome.APPLIED:
            added = [(Kind.TAG, tag) for tag in row["tags_add"] or ()]
            gone = [(Kind.TAG, tag) for tag in row["tags_remove"] or ()]
            if batch.target is not None:
                (added if batch.op is Op.ADD else gone).append((batch.target.kind, batch.target.name))
            named = [asked, email, *(alias for alias, shown in self.aliases.items() if shown == email)]
            self.given |= {(*target, one) for target in added for one in named}
            self.removed |= {(*target, asked if asked not in self.aliases else email) for target in gone}
            if batch.op is Op.ADD and there:  # property tags do not tell
                return replace(outcome, outcome=Outcome.UNCHANGED)
        return outcome

    def _shown(self, batch: Batch, row: dict[str, Any]) -> str:
        """The present address of the contact that a record is about."""
        spec = self.capabilities.operations[batch.op, batch.target.kind if batch.target else None]
        if spec.addressed_by == "id" and batch.op is not Op.MOVE:
            return next((email for email, held in self.contacts.items() if held["id"] == row["remote_id"]), "")
        return str(self.aliases.get(row["email"], row["email"]))

    def join(self, kind: Kind, name: str, email: str) -> None:
        """Somebody else adds a contact."""
        if kind is Kind.TAG and self.capabilities.tag_style is TagStyle.PROPERTY:
            self.contacts[email]["tags"].add(name)
        else:
            self.groups.setdefault((kind, name), set()).add(email)
        for one in [email, *(alias for alias, shown in self.aliases.items() if shown == email)]:
            self.given.add((kind, name, one))
            self.theirs.add((kind, name, one))


class KeepsDeleted(Platform):
    """As HubSpot: who was deleted can be restored, and may be created again; who was erased may not, but is."""

    def erased(self, remote_ids: Sequence[str]) -> frozenset[str]:
        return frozenset(remote_ids) & self.gone
