"""Klaviyo as an adapter: profiles and lists over the bulk endpoints, tags as a list-valued custom property.

Owns: which request an operation is, its caps and limits. Must not: build bodies or read answers (klaviyo_wire),
diff, retry, sleep, log, store. Never calls the subscription endpoints: subscribing there lifts an unsubscribe.

Facts: developers.klaviyo.com reference 2026-07-15 and guides, read 2026-11-21.

Decisions
- CREATE and UPDATE are import jobs, which create or update ("an upsert": guide "Bulk Import Profiles API") and leave
  consent alone: who is new is never subscribed. So new_contacts is skip or transactional only.
- Only CREATE creates. Everything else that goes through an endpoint that makes a missing profile (UPDATE, MOVE, list
  ADD, and RETIRE and RESTORE, whose jobs name addresses) is addressed by the profile's id, and the ids are read, 100 a
  request, right before: who is not found is `not_held` and not sent. What an import does with an id that Klaviyo does
  not hold is not documented; the rehearsal creates. So the seconds between the reading and the import remain. The rows
  of UPDATE and ADD carry no address: whatever came of them then, an erased address could not come back with it.
- Whether `append` of patch_properties drops duplicates, and in which order it and `unappend` act, is not documented.
  So tags are written as a whole array: what CREATE brings, or for UPDATE what the profile holds now (read 100 at a
  time just before) with the changes. Sending that again changes nothing.
- LIST ADD: the list's own endpoint takes 1,000 ids, cannot create and answers at once, so it is used where it needs no
  more requests. One import job with the list takes 10,000, which is the size of a batch. Neither subscribes nor mails
  anybody. The list's endpoint says nothing of ids that it does not know, hence the reading before it too.
- RETIRE is over when the job is accepted: suppressions take hours, and its job then counts everything as skipped.
  RESTORE likewise; it lifts suppressions by hand or API, never an unsubscribe, bounce or complaint.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from connector.config.sections.models import Destination
from connector.core.counts import count_of
from connector.core.errors import BadRecords, ContractError, Gone, NotSent, Refused, Unanswered
from connector.core.events import Listener
from connector.core.model import Kind, NewContacts, Op, Outcome, Target
from connector.core.schemas import MEMBER_SCHEMA
from connector.platforms.base import NOT_HELD, Account, Batch, Done, Identity, Job, RecordOutcome, before_sending
from connector.platforms.campaigns import CampaignReport
from connector.platforms.http.client import Http, Reply
from connector.platforms.http.limits import Clock, Limiter
from connector.platforms.klaviyo import campaigns, changed, engagement, jobs, lists, phones, reading, scopes, wire
from connector.platforms.klaviyo import held as klaviyo_held
from connector.platforms.klaviyo.facts import (
    ADDRESS,
    CAPABILITIES,
    CONCURRENCY,
    FILTER_CAP,
    MEMBERS_CAP,
    PAGE,
    POLL_FIRST,
    POLL_MOST,
    REVISION,
    TAG_PROPERTY,
    windows,
)
from connector.platforms.phones import check as check_phones
from connector.vendors.klaviyo import KLAVIYO


class Klaviyo:
    """One Klaviyo account. Settings: revision, tag_property, tier (XS, S, M, L, XL)."""

    capabilities = CAPABILITIES

    def __init__(self, destination: Destination, secret: str, *, clock: Clock, listener: Listener) -> None:
        self._name = destination.name
        self._tag_property = destination.settings.get("tag_property", TAG_PROPERTY)
        self._identity: Identity | None = None
        self._lists: list[str] = []  # ids of ours
        self._about: wire.Resource | None = None
        self._asked: dict[str, int] = {}  # job -> how often it was asked about, at most 10
        self._http = Http(
            self._name,
            destination.base_url or ADDRESS,
            {
                KLAVIYO.auth_header: f"Klaviyo-API-Key {secret}",
                "revision": destination.settings.get("revision", REVISION),
                # Without this an unsupported revision is answered by another one without a word.
                "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1",
                "Accept": "application/vnd.api+json",
                "Content-Type": "application/vnd.api+json",
            },
            functools.partial(wire.trouble, self._name),
            Limiter(windows(self._name, destination.settings.get("tier", "XL")), clock),
            CONCURRENCY,
            clock,
            listener,
        )

    # ------------------------------------------------------------ reading

    def check(self, fields: Mapping[str, str]) -> Account:
        """See Adapter."""
        account = self._account()
        problems = [problem for name in fields if (problem := wire.field_problem(name, self._tag_property))]
        facts = {"account_id": account.id, "timezone": str(account.attributes.get("timezone", ""))}
        return Account(wire.account_name(account), f"Klaviyo account {account.id}", tuple(problems), facts)

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        """See Adapter."""
        return scopes.lacking(self._http, rights, self._account)

    def identity(self) -> Identity:
        """See Adapter."""
        if self._identity is None:
            account = self._account()
            self._identity = Identity(account.id, wire.account_name(account))
        return self._identity

    def now(self) -> datetime:
        """See Adapter."""
        return self._http.now(self.identity)

    def _account(self) -> wire.Resource:
        """Read once: of accounts one request a second is allowed."""
        if self._about is None:
            found = self._page("/api/accounts", {}, "accounts").data
            if not found or not found[0].id:
                raise ContractError(f"{self._name}: Klaviyo named no account.", destination=self._name, code="shape")
            self._about = found[0]
        return self._about

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        """See Adapter. Tags are values of a property, which Klaviyo cannot enumerate: only lists are found. Of several
        lists with one name the oldest counts."""
        return lists.found(self._pages) if Kind.LIST in kinds else {}

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """See Adapter. Lists are asked for by id; a tag is its own value."""
        self._lists = [key for (kind, _), key in targets.items() if kind is Kind.LIST]

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        """See Adapter. A tag needs no creation: its id is its name."""
        names = [target.name for target in targets if target.kind is Kind.LIST]
        held = lists.named(self._pages, names)
        for name in dict.fromkeys(names):
            if (Kind.LIST, name) not in held:
                held[Kind.LIST, name] = lists.create(self._pages, self._new_list, name)
        return {target: held.get((target.kind, target.name), target.name) for target in targets}

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        """See Adapter. Both ways tell of 100 a request. Where the account may be smaller than `emails`, everybody is
        read for as many pages as asking would need, and the rest is asked for: an empty account costs one request, and
        no account more than twice the cheaper way."""
        missing = dict.fromkeys(emails)
        cursor: str | None = None
        paging = len(emails) > FILTER_CAP and there < len(emails)
        for _ in range(math.ceil(len(emails) / FILTER_CAP) if paging else 0):
            page = self._page("/api/profiles", self._profile_query(cursor), "profiles")
            table = self._table(page)
            for email in table.column("email").to_pylist():
                missing.pop(email, None)
            yield table
            cursor = page.cursor
            if cursor is None or not missing:
                return
        yield from self._ask(list(missing))

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """See Adapter. Opt-outs belong to contacts."""
        return iter(())

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        """See Adapter. Who left a list is told of those that are ours (`recall`)."""
        if since is None:
            return self._profiles({})
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return changed.since(self._profiles, moment, self._lists, lambda key: self._must_exist([key]))

    def engagement(self, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
        """See Adapter."""

        def ask(path: str, query: Mapping[str, Any], bucket: str) -> Reply:
            return self._http.send("GET", path, query=query, bucket=bucket)

        return engagement.happened(ask, since, until, self._name)

    def campaigns(self, since: datetime, until: datetime) -> Iterator[CampaignReport]:
        """See Campaigns. Those to lists; a tag is a property here, which no campaign names."""
        return campaigns.reports(self._http, since, until)

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        """See Adapter. The members of a tag are found by reading every profile."""
        if kind is Kind.TAG:
            for table in self._profiles({}):
                rows = [row for row, held in enumerate(table.column("tags").to_pylist()) if remote_id in (held or [])]
                yield table.take(pa.array(rows, pa.int64())).select(MEMBER_SCHEMA.names)
            return
        query = {"fields[profile]": "email", "page[size]": PAGE}
        for page in self._pages(f"/api/lists/{quote(remote_id, safe='')}/profiles", query, "members"):
            emails = [str(each.attributes.get("email") or "").strip().lower() or None for each in page.data]
            yield pa.table({"email": emails, "remote_id": [each.id for each in page.data]}, schema=MEMBER_SCHEMA)

    # ------------------------------------------------------------ writing

    def push(self, batch: Batch) -> Done | Job:
        """See Adapter. Raises NotSent for what this adapter does not offer, or a batch over the cap."""
        spec = self.capabilities.operations.get((batch.op, batch.target.kind if batch.target else None))
        if spec is None or batch.records.num_rows > spec.max_batch:
            raise self._bug(f"cannot {batch.op} {batch.records.num_rows} records at once")
        records = batch.records.to_pylist()
        if not records:
            return Done(())
        if batch.op in (Op.CREATE, Op.UPDATE):
            check_phones(records, KLAVIYO, self._name)
        if batch.op is Op.CREATE:
            return self._import([self._new(record) for record in records], batch.join)
        ids = [str(record["remote_id"] or "") for record in records]
        if not all(ids) or (batch.target and batch.target_id is None):
            raise self._bug("needs the ids of the profiles and of the list")
        if batch.target_id is not None and batch.op is Op.REMOVE:
            return self._relate("DELETE", batch.target_id, ids, "members.remove")
        held = self._held(records, batch.target_id)
        if batch.target_id is not None:
            return self._add(batch.target_id, ids)
        if batch.op is Op.UPDATE:
            return self._import([self._known(record, held[record["remote_id"]]) for record in records], ())
        if batch.op is Op.MOVE:
            return self._import([_row(each["remote_id"], {"email": each["email"]}) for each in records], ())
        return self._suppress([held[key]["email"] for key in ids], lift=batch.op is Op.RESTORE)

    def poll(self, job: str, batch: Batch) -> Done | Job:
        """See Adapter. A job that Klaviyo no longer knows is Unanswered."""
        path = f"/api/profile-bulk-import-jobs/{quote(job, safe='')}"
        try:
            about = wire.read(wire.One, self._http.send("GET", path, bucket="import.job"), self._name).data.attributes
        except Gone:
            text = f"{self._name}: Klaviyo no longer knows the import job; what it did is not known."
            raise Unanswered(text, destination=self._name, code="job_gone") from None
        if about.get("status") not in ("complete", "cancelled"):
            return self._wait(job)
        self._asked.pop(job, None)
        if about["status"] == "cancelled":
            return jobs.alike(batch, Outcome.FAILED, "cancelled", "Klaviyo cancelled the import job")
        if about.get("failed_count") == 0 and not jobs.missing(about, batch):
            return jobs.done(batch, {})
        return self._judge(path, about, batch)

    def unfinished(self) -> Mapping[str, datetime | None]:
        """See Adapter. Imports do not keep their order, and an import may come long after it was accepted."""
        query = {
            "filter": wire.any_of("status", ("queued", "processing")),
            "fields[profile-bulk-import-job]": "status,created_at,total_count",
            "page[size]": PAGE,
        }
        pages = self._pages("/api/profile-bulk-import-jobs", query, "import.jobs")
        return {each.id: wire.instant(each.attributes.get("created_at")) for page in pages for each in page.data}

    def _wait(self, job: str) -> Job:
        asked = self._asked[job] = min(10, self._asked.get(job, 0) + 1)
        return Job(job, min(POLL_MOST, POLL_FIRST * 2**asked))

    def _judge(self, path: str, about: Mapping[str, Any], batch: Batch) -> Done:
        """The outcomes of a finished job with errors. Failures that no error names, and counts that leave somebody
        out, make the rest UNKNOWN."""
        rows = batch.records.select(["email", "remote_id", "fields"]).to_pylist()
        place = {row[key]: index for index, row in enumerate(rows) for key in ("email", "remote_id") if row[key]}
        bad: dict[int, RecordOutcome] = {}
        for page in self._pages(f"{path}/import-errors", {"page[size]": PAGE}, "import.errors"):
            for each in page.data:
                index = place.get(wire.named(each.attributes) or "", wire.index_of(each.attributes))
                if index is None or index >= len(rows):
                    text = f"{self._name}: an import error names nobody of the batch."
                    raise ContractError(text, destination=self._name, code="stranger")
                bad[index] = phones.shared(rows[index], jobs.refused(index, each.attributes))
        if int(about.get("failed_count") or 0) > len(bad):
            return jobs.alike(
                batch, Outcome.UNKNOWN, "unnamed_failures", "Klaviyo did not say whose import failed", bad
            )
        if jobs.missing(about, batch):
            return jobs.alike(
                batch, Outcome.UNKNOWN, "counts", "the import ended, but not for everybody it was for", bad
            )
        return jobs.done(batch, bad)

    def _new(self, record: Mapping[str, Any]) -> dict[str, Any]:
        if record["new_status"] not in (None, str(NewContacts.TRANSACTIONAL)):
            raise self._bug(f"cannot create a contact as {record['new_status']}")
        tags = list(dict.fromkeys(record["tags_add"] or []))
        return wire.profile({**record, "remote_id": None}, self._tag_property, tags or None)

    def _known(self, record: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
        """A row of an UPDATE. The tag property is written as a whole, from the tags that the profile holds now."""
        add, remove = record["tags_add"] or [], record["tags_remove"] or []
        whole = None
        if add or remove:
            whole = list(dict.fromkeys([tag for tag in held["tags"] or [] if tag not in remove] + add))
        return wire.profile(record, self._tag_property, whole)

    def _add(self, list_id: str, ids: Sequence[str]) -> Done | Job:
        if len(ids) <= MEMBERS_CAP:
            return self._relate("POST", list_id, ids, "members.add")
        return self._import([_row(key, {}) for key in ids], [list_id])

    def _held(self, records: Sequence[Mapping[str, Any]], list_id: str | None) -> klaviyo_held.Held:
        """What Klaviyo holds under the ids of the records now. Raises BadRecords for those that may not be sent, also
        because they unsubscribed from the list `list_id`."""
        with before_sending():
            tables = self._ask(list(dict.fromkeys(record["remote_id"] for record in records)), "id")
            held = {row["remote_id"]: row for table in tables for row in table.to_pylist()}
        culprits = klaviyo_held.culprits(records, held, list_id)
        if culprits:
            why = "not held by Klaviyo, not in the list any more by their own will, or twice in one batch"
            text = f"{self._name}: {count_of(len(culprits), 'contact is', 'contacts are')} {why}."
            raise BadRecords(text, culprits, destination=self._name, code=NOT_HELD)
        return held

    def _import(self, rows: Sequence[Mapping[str, Any]], joined: Sequence[str]) -> Job:
        wire.check_size(rows, self._name)
        body = wire.import_body(rows, joined)
        try:
            reply = self._write("POST", "/api/profile-bulk-import-jobs", body, "import", replayable=False)
        except Refused as refused:
            if not isinstance(refused, BadRecords) or not refused.culprits:
                self._must_exist(joined)
            raise
        return Job(wire.read(wire.One, reply, self._name).data.id, POLL_FIRST)

    def _must_exist(self, keys: Sequence[str]) -> None:
        """Raises Gone for a list that was deleted: an import says so by no code."""
        with before_sending():
            for each in keys:
                self._http.send("GET", f"/api/lists/{quote(each, safe='')}", bucket="lists")

    def _relate(self, method: str, list_id: str, ids: Sequence[str], bucket: str) -> Done:
        """Add profiles to a list or take them out; answered with 204 and nothing else."""
        path = f"/api/lists/{quote(list_id, safe='')}/relationships/profiles"
        self._write(method, path, {"data": [{"type": "profile", "id": each} for each in ids]}, bucket)
        return Done(tuple(RecordOutcome(index, Outcome.APPLIED) for index in range(len(ids))))

    def _suppress(self, emails: Sequence[str], lift: bool) -> Done:
        job = "profile-suppression-bulk-delete-job" if lift else "profile-suppression-bulk-create-job"
        self._write("POST", f"/api/{job}s", wire.suppression_body(emails, job), "suppress")
        return Done(tuple(RecordOutcome(index, Outcome.APPLIED) for index in range(len(emails))))

    # ------------------------------------------------------------ helpers

    def _profile_query(self, cursor: str | None = None) -> dict[str, Any]:
        query: dict[str, Any] = {
            "additional-fields[profile]": "subscriptions",
            "fields[profile]": "email,properties,subscriptions",
            "page[size]": PAGE,
        }
        return query | ({"page[cursor]": cursor} if cursor else {})

    def _table(self, page: wire.Page) -> pa.Table:
        return reading.contacts(page.data, self._tag_property, self._name)

    def _profiles(self, query: Mapping[str, Any]) -> Iterator[pa.Table]:
        for page in self._pages("/api/profiles", self._profile_query() | dict(query), "profiles"):
            yield self._table(page)

    def _ask(self, values: Sequence[str], by: str = "email") -> Iterator[pa.Table]:
        """Those of `values` that are held, 100 a request, several requests at once."""

        def ask(portion: Sequence[str]) -> pa.Table:
            query = self._profile_query() | {"filter": wire.any_of(by, portion)}
            return self._table(self._page("/api/profiles", query, "profiles"))

        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            yield from pool.map(ask, wire.portions(values, FILTER_CAP))
        finally:
            pool.shutdown(cancel_futures=True)

    def _new_list(self, body: object) -> str:
        reply = self._write("POST", "/api/lists", body, "lists.create", replayable=False)
        return wire.read(wire.One, reply, self._name).data.id

    def _page(self, path: str, query: Mapping[str, Any], bucket: str) -> wire.Page:
        return wire.read(wire.Page, self._http.send("GET", path, query=query, bucket=bucket), self._name)

    def _pages(self, path: str, query: Mapping[str, Any], bucket: str) -> Iterator[wire.Page]:
        cursor: str | None = None
        while True:
            page = self._page(path, dict(query) | ({"page[cursor]": cursor} if cursor else {}), bucket)
            yield page
            if page.cursor is None:
                return
            if page.cursor == cursor:
                text = f"{self._name}: Klaviyo answers the same page of {path} again and again."
                raise ContractError(text, destination=self._name, code="paging")
            cursor = page.cursor

    def _write(self, method: str, path: str, body: object, bucket: str, replayable: bool = True) -> Reply:
        return self._http.send(method, path, body=body, writes=True, replayable=replayable, bucket=bucket)

    def _bug(self, what: str) -> NotSent:
        return NotSent(f"{self._name}: the Klaviyo adapter {what}.", destination=self._name, code="bug")


def _row(key: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "profile", "id": key, "attributes": dict(attributes)}
