"""Brevo as an adapter: import processes for many contacts, one request for a single one, lists by id, tags in an
attribute.

Owns: which request an operation is. Must not: diff, retry, sleep, log, store. Never sends `emailBlacklisted: false`,
`forceMerge`, or a new address of a contact.

Facts: developers.brevo.com reference, guides and changelog, the help centre, and the vendor's client brevo-python
5.1.0, read 2026-11-28. [U] marks what none of them says.

Decisions
- Opt-outs. `emailBlacklisted` is one. Why is not told in bulk, so it always reads as unsubscribed. An import does not
  lift it: a blocklisted contact can be resubscribed only by itself (help centre, “Blocklist, unblock, or resubscribe
  contacts”). Somebody may leave a single list (`listUnsubscribed`); whether adding them again undoes that is not said
  [U], so before ADD the contacts are read by id, and those are refused.
- CREATE: a new contact at Brevo is mailable, and there is no state for held but not mailable; to create somebody
  blocklisted would record an opt-out that nobody made. So new_contacts is skip or subscribed, the latter with dated
  proof. One contact is `POST /contacts` and answers at once with the id; more are an import, into the lists that they
  shall join or else a working list, since an import must have one.
- UPDATE: `PUT /contacts/{id}`, which cannot create, is for one contact. `POST /contacts/batch` was retired on
  2026-10-30 (changelog 2026-05-12). So more are an import, which would create: proof.py shows before that each is held
  under its address. A contact that is erased between the proof and the import (seconds) would come back.
- Clearing in an import (`emptyContactsAttributes`) erases whatever a row leaves out and another one has [U: JSON rows
  become a table]. So then every row carries every attribute, with the present value where nothing changes.
- MOVE is not offered: an address that changes resubscribes a blocklisted contact (reference “Update a contact”, note).
  The core then takes the old address out of our targets, and creates the new one by policy.
- UNSUBSCRIBE is `emailBlacklisted: true` by id, one contact a request; it creates nobody. RETIRE is not offered: there
  is no archive, and the API can only blocklist or delete.
- Tags are `;a;b;` in a text attribute. Multiple-choice takes lists when one contact is written; for an import nothing
  says so [U], and values of another type are ignored without an error.
- statuses: a contact's modification date changes on any update, a subscription change included (changelog 2026-10-14).
  Who was deleted is not reported.
- Engagement: per contact or per campaign only, so none.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from connector.config.sections.models import Destination
from connector.core.errors import Gone, MissingScope, NotSent, Unanswered
from connector.core.events import Listener
from connector.core.model import Kind, NewContacts, Op, Outcome, Target
from connector.core.schemas import MEMBER_SCHEMA
from connector.platforms import phones
from connector.platforms.base import Account, Batch, Done, Identity, Job, RecordOutcome
from connector.platforms.brevo import campaigns, errors, jobs, proof, wire
from connector.platforms.brevo.client import Client
from connector.platforms.brevo.facts import CAPABILITIES, POLL_FIRST, POLL_MOST, TAG_ATTRIBUTE
from connector.platforms.brevo.lists import Lists
from connector.platforms.brevo.lookup import lookup
from connector.platforms.brevo.writing import Writing
from connector.platforms.campaigns import CampaignReport
from connector.platforms.http.limits import Clock
from connector.platforms.rights import Probe, lacking
from connector.vendors.brevo import BREVO


class Brevo:
    """One Brevo account. Setting: tag_property, the attribute that holds the tags."""

    capabilities = CAPABILITIES

    def __init__(self, destination: Destination, secret: str, *, clock: Clock, listener: Listener) -> None:
        self._name = destination.name
        self._tag = destination.settings.get("tag_property", TAG_ATTRIBUTE).upper()
        self._client = Client(destination, secret, clock, listener)
        self._lists = Lists(self._client)
        self._writing = Writing(self._client, self._lists, self._tag)
        self._asked: dict[str, int] = {}  # process -> how often it was asked about
        self._lock = threading.Lock()
        self._identity: Identity | None = None

    # ------------------------------------------------------------ reading

    def check(self, fields: Mapping[str, str]) -> Account:
        """See Adapter."""
        about = self._client.account()
        problems: list[str] = []
        try:
            known = self._client.attributes()
        except MissingScope as error:
            problems.append(f"The attributes cannot be read, so `fields` were not compared. {error}")
        else:
            found = (wire.field_problem(name, known, self._tag) for name in fields)
            problems += [problem for problem in found if problem]
            if self._tag in known and known[self._tag].type != "text":
                problems.append(f"Attribute {self._tag} is not a text. Choose another one with tag_property.")
        name = _name(about)
        facts = {"organization_id": about.organization_id or ""}
        return Account(name, f"Brevo account of {name}", tuple(problems), facts)

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        """See Adapter. What would make a list or change a contact is not asked for: one key opens everything."""
        asked: dict[str, Probe] = {
            "contacts": self._client.page,
            "attributes": self._client.attributes,
            "lists": self._client.lists,
        }
        return lacking(asked, rights)

    def identity(self) -> Identity:
        """See Adapter. GET /account, organization_id (reference “Get your account information”, read 2026-11-28)."""
        if self._identity is None:
            about = self._client.account()
            if not about.organization_id:
                raise errors.shape(self._name, "account")
            self._identity = Identity(about.organization_id, _name(about))
        return self._identity

    def now(self) -> datetime:
        """See Adapter."""
        return self._client.now(self.identity)

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        """See Adapter. Any text is a tag, so once there is the attribute every tag exists."""
        held = {(Kind.LIST, name): key for name, key in self._lists.found().items()} if Kind.LIST in kinds else {}
        if Kind.TAG in kinds and self._tag in self._client.attributes():
            return _WithTags(held)
        return held

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """See Adapter. Lists are asked for by id; a tag is its own value."""

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        """See Adapter. One request makes the attribute for all tags."""
        if any(target.kind is Kind.TAG for target in targets):
            self._writing.ensure_attribute()
        lists = self._lists.ensure([target.name for target in targets if target.kind is Kind.LIST])
        return {target: lists[target.name] if target.kind is Kind.LIST else target.name for target in targets}

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        """See Adapter."""
        return lookup(self._client, emails, there, self._tag)

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """See Adapter. Opt-outs belong to contacts."""
        return iter(())

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        """See Adapter. Contacts that were deleted are not told."""
        for page in self._client.pages(since=since):
            yield wire.contacts(page.contacts, self._tag)

    def engagement(self, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
        """See Adapter. Not offered (Capabilities.engagement)."""
        raise errors.bug(self._name, "does not read engagement")

    def campaigns(self, since: datetime, until: datetime) -> Iterator[CampaignReport]:
        """See Campaigns. Those to lists."""
        return campaigns.reports(self._client.campaigns(since, until), since, until)

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        """See Adapter. The members of a tag are found by reading everybody."""
        if kind is Kind.LIST:
            for page in self._client.members(remote_id):
                yield wire.contacts(page.contacts, self._tag).select(MEMBER_SCHEMA.names)
            return
        for page in self._client.pages():
            tagged = [one for one in page.contacts if remote_id in wire.tags(one, self._tag)]
            yield wire.contacts(tagged, self._tag).select(MEMBER_SCHEMA.names)

    # ------------------------------------------------------------ writing

    def push(self, batch: Batch) -> Done | Job:
        """See Adapter. Raises NotSent for what this adapter does not offer, or a batch over the cap."""
        spec = self.capabilities.operations.get((batch.op, batch.target.kind if batch.target else None))
        if spec is None or batch.records.num_rows > spec.max_batch:
            raise errors.bug(self._name, f"cannot {batch.op} {batch.records.num_rows} records at once")
        records = batch.records.to_pylist()
        if not records:
            return Done(())
        if batch.op in (Op.CREATE, Op.UPDATE):
            phones.check(records, BREVO, self._name)
        if batch.op is Op.CREATE:
            if any(record["new_status"] not in (None, NewContacts.SUBSCRIBED) for record in records):
                text = (
                    f"{self._name}: Brevo has no contacts that may not be mailed: new_contacts is skip or subscribed."
                )
                raise NotSent(text, destination=self._name, code="new_contacts")
            return self._started(self._writing.create(records, batch.join))
        if batch.op is Op.UNSUBSCRIBE:
            return self._unsubscribe(records[0]["remote_id"])
        if not all(record["remote_id"] for record in records):
            raise errors.bug(self._name, "needs the ids of the contacts")
        if batch.op is Op.UPDATE:
            return self._started(self._writing.update(records))
        if batch.target_id is None:
            raise errors.bug(self._name, "needs the id of the list")
        keys = [str(record["remote_id"]) for record in records]
        return (
            self._lists.add(batch.target_id, keys) if batch.op is Op.ADD else self._lists.remove(batch.target_id, keys)
        )

    def poll(self, job: str, batch: Batch) -> Done | Job:
        """See Adapter. A process that Brevo no longer knows is Unanswered."""
        try:
            process = self._client.process(job)
        except Gone:
            text = f"{self._name}: Brevo no longer knows the import; what it did is not known."
            raise Unanswered(text, destination=self._name, code="job_gone") from None
        if not jobs.over(process):
            return self._started(job)
        self._asked.pop(job, None)
        if process.status in jobs.BROKEN:
            return jobs.alike(batch, Outcome.FAILED, process.status, f"Brevo's import was {process.status}")
        return self._judge(process, batch)

    def unfinished(self) -> Mapping[str, datetime | None]:
        """See Adapter. When a process was taken is not told."""
        return {str(process.id): None for process in self._client.open_processes()}

    def _judge(self, process: wire.Process, batch: Batch) -> Done:
        """The outcomes of a process that ended. A report that names nobody of the batch makes all UNKNOWN."""
        mine, bad = set(batch.records.column("email").to_pylist()), dict[str, str]()
        for code, url in jobs.reports(process).items():
            named = jobs.refused(self._client.download(url)) & mine
            if not named:
                return jobs.alike(batch, Outcome.UNKNOWN, "unnamed_failures", "Brevo did not name those it refused")
            bad |= dict.fromkeys(named, code)
        return jobs.outcomes(batch, bad)

    def _started(self, answer: Done | str) -> Done | Job:
        if isinstance(answer, Done):
            return answer
        with self._lock:
            asked = self._asked[answer] = min(10, self._asked.get(answer, -1) + 1)
        return Job(answer, min(POLL_MOST, POLL_FIRST * 2**asked))

    def _unsubscribe(self, key: str | None) -> Done:
        skipped = Done((RecordOutcome(0, Outcome.SKIPPED, *proof.GONE),))
        if not key:
            return skipped
        try:
            self._writing.put(key, {"emailBlacklisted": True})
        except Gone:
            return skipped
        return Done((RecordOutcome(0, Outcome.APPLIED),))


class _WithTags(dict[tuple[Kind, str], str]):
    """Targets, and every tag there could be."""

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or (isinstance(key, tuple) and key[0] is Kind.TAG)

    def __missing__(self, key: tuple[Kind, str]) -> str:
        if key[0] is Kind.TAG:
            return key[1]
        raise KeyError(key)


def _name(about: wire.Account) -> str:
    return about.companyName or about.organization_id or "Brevo account"
