"""HubSpot: contacts, static lists, and tags as the options of one multi-checkbox property.

Owns: how HubSpot serves the adapter contract. Must not: diff, retry, sleep, log, store, subscribe anybody or lift an
opt-out. Facts are of 2026-11-21, from developers.hubspot.com/docs.

- CREATE gives every input its own objectWriteTraceId: only then one bad record does not refuse the other 99.
- UPDATE goes by record id; an email as id does nothing there, and a secondary address would become the primary one.
- Only CREATE creates: batch/update answers 207 with OBJECT_NOT_FOUND for an id that HubSpot does not hold
  (…/latest/crm/objects/contacts/guide), the memberships of a list name it in recordIdsMissing (…/crm/lists/guide), and
  an opt-out follows a reading. batch/upsert, which would create, is not used.
- Adding tags appends (";a;b"); taking one away has no syntax, so the value is read and rewritten as a whole.
- RETIRE is not offered: the API cannot undo an opt-out or take a contact out of the recycle bin, and the marketing
  status is read-only. UNSUBSCRIBE opts out of all email, when that is what the file says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from connector.config.sections.models import Destination
from connector.core.errors import MissingScope
from connector.core.events import Listener
from connector.core.model import Kind, NewContacts, Op, Outcome, Target
from connector.core.schemas import MEMBER_SCHEMA
from connector.platforms.base import (
    Account,
    Batch,
    Capabilities,
    Done,
    Engagement,
    Identity,
    Job,
    OpSpec,
    RecordOutcome,
    TagStyle,
    Window,
    before_sending,
)
from connector.platforms.campaigns import CampaignReport
from connector.platforms.http.limits import Clock
from connector.platforms.hubspot import campaigns, changed, engagement, errors, optout, wire
from connector.platforms.hubspot.names import Existing
from connector.platforms.hubspot.portal import CONCURRENCY, PAGE, SEARCH_CAP, Among, Json, Portal
from connector.vendors.hubspot import HUBSPOT

BATCH = 100
MEMBERSHIP_BATCH = 10_000  # no cap is documented; 100,000 is remembered, and a body of 10,000 ids is about 150 kB
SEARCH_LAG = timedelta(hours=1)  # the search index runs behind; what is read twice does no harm
# Its size is not documented; 100 is that of all other batches.
_OPT_OUT = (
    "https://developers.hubspot.com/docs/api-reference/2026-03/communication-preferences/status/batch/"
    "unsubscribe-contacts-batch (2026-11-21)"
)
_DOCS = "https://developers.hubspot.com/docs/api-reference/latest/crm"


def capabilities(limits: tuple[Window, ...]) -> Capabilities:
    """What HubSpot offers."""

    def spec(cap: int, by: str, page: str, *, atomic: bool, replayable: bool) -> OpSpec:
        return OpSpec(cap, None, by, False, atomic, False, replayable, f"{_DOCS}/{page} (2026-11-21)")

    members = spec(MEMBERSHIP_BATCH, "id", "lists/guide", atomic=False, replayable=True)
    return Capabilities(
        platform=HUBSPOT.name,
        tag_style=TagStyle.PROPERTY,
        operations={
            (Op.CREATE, None): spec(BATCH, "email", "objects/contacts/guide", atomic=False, replayable=False),
            (Op.UPDATE, None): spec(BATCH, "id", "objects/contacts/guide", atomic=True, replayable=True),
            (Op.MOVE, None): spec(BATCH, "id", "objects/contacts/guide", atomic=True, replayable=True),
            (Op.UNSUBSCRIBE, None): OpSpec(BATCH, None, "email", False, False, False, True, _OPT_OUT),
            (Op.ADD, Kind.LIST): members,
            (Op.REMOVE, Kind.LIST): members,
        },
        retire=None,
        new_contacts=HUBSPOT.new_contacts,
        limits=limits,
        concurrency=CONCURRENCY,
        subscribes_on_create=False,
        create_joins_lists=False,
        declares_tags=True,
        engagement=Engagement.TOTALS,
        gone_is_final=False,  # deleted contacts lie in the recycle bin, and `erased` tells those erased for good
    )


class HubSpot:
    """One portal. Settings: `version`, `tier` and `tag_property`, see hubspot_portal.py."""

    def __init__(self, destination: Destination, secret: str, *, clock: Clock, listener: Listener) -> None:
        self._name = destination.name
        self._portal = Portal(destination, secret, clock, listener)
        self._refusals = self._portal.refusals
        self._tag = self._portal.tag_property
        self.capabilities = capabilities(self._portal.limits)
        self._identity: Identity | None = None
        self._lists: list[Json] | None = None  # as `targets` found them, for the `ensure_targets` that follows

    # -- reading --------------------------------------------------------------------------------------------------

    def check(self, fields: Mapping[str, str]) -> Account:
        details = self._portal.account()
        problems: list[str] = []
        definitions: Mapping[str, Any] | None = None
        try:
            definitions = self._portal.definitions()
        except MissingScope as error:
            problems.append(f"The contact properties cannot be read, so `fields` were not compared. {error}")
        if definitions is not None:
            problems += [problem for name in fields if (problem := self._field_problem(name, definitions.get(name)))]
            if self._tag in definitions and not wire.holds_tags(definitions[self._tag]):
                problems.append(f"Contact property {self._tag} cannot hold tags. Choose another `tag_property:`.")
        known = ("accountType", "timeZone", "dataHostingLocation")
        facts = {str(key): str(details[key]) for key in known if key in details}
        name = f"HubSpot portal {details.get('portalId', '')}"
        options = wire.choices(definitions or {}, fields)
        return Account(name, str(details.get("uiDomain", "")), tuple(problems), facts, options)

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        """See Adapter."""
        return self._portal.lacking(rights)

    def identity(self) -> Identity:
        """The portal: its details need no scope but `oauth`, which every app has (accountInfo, 2026-03)."""
        if self._identity is None:
            self._identity = self._portal.identity()
        return self._identity

    def now(self) -> datetime:
        """See Adapter."""
        return self._portal.now(self.identity)

    def _field_problem(self, name: str, definition: Mapping[str, Any] | None) -> str:
        if name == self._tag:
            return f"{name} holds the tags. Remove it from `fields`, or choose another `tag_property:`."
        if name == "email":
            return "email is the contact's identity at HubSpot. Remove it from `fields`."
        if definition is None:
            return f"Contact property {name} does not exist. Create it in HubSpot, or correct `fields`."
        if definition.get("calculated") or (definition.get("modificationMetadata") or {}).get("readOnlyValue"):
            return f"Contact property {name} is read-only at HubSpot. Remove it from `fields`."
        return ""

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        options = self._portal.options() if Kind.TAG in kinds else None
        lists = {}
        if Kind.LIST in kinds:
            self._lists = self._portal.lists()
            lists = {str(item["name"]): str(item["listId"]) for item in self._lists if wire.is_static(item)}
        return Existing(lists, options)

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """See Adapter. Lists are asked for by id; tags by the internal value of their option."""
        self._portal.recall({name: value for (kind, name), value in targets.items() if kind is Kind.TAG})

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        """Pages through the portal while that is cheaper than asking for the emails 100 at a time: not for 100, nor
        when it is known to be larger."""
        missing = set(emails)
        if len(missing) <= BATCH or there >= len(missing):
            yield from self._by_email(sorted(missing))
            return
        body = self._portal.page()
        yield self._contacts(body, missing)
        after = wire.after(body)
        pages = -(-len(emails) // PAGE) if after and self._paging_is_cheaper(len(missing)) else 0
        while after and missing and pages > 0:
            body = self._portal.page(after)
            yield self._contacts(body, missing)
            after, pages = wire.after(body), pages - 1
        if after and missing:
            yield from self._by_email(sorted(missing))

    def _paging_is_cheaper(self, missing: int) -> bool:
        """Both ways read 100 at once. Above 1,000 it is worth a request to know how many contacts there are."""
        if missing <= 10 * PAGE:
            return missing > BATCH
        return self._portal.size() <= missing + PAGE

    def _by_email(self, emails: list[str]) -> Iterator[pa.Table]:
        chunks = [emails[start : start + BATCH] for start in range(0, len(emails), BATCH)]
        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            yield from pool.map(lambda chunk: self._contacts(self._portal.by_email(chunk)), chunks)
        finally:
            pool.shutdown(cancel_futures=True)

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """See Adapter. Communication preferences belong to addresses."""
        for start in range(0, len(emails), BATCH):
            yield optout.table(self._portal.opted_out(emails[start : start + BATCH]))

    def erased(self, remote_ids: Sequence[str]) -> frozenset[str]:
        """See KeepsDeleted."""
        return self._portal.erased(remote_ids)

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        if since is None:
            yield from self._everybody()
            return
        for body in changed.since(self._portal, int((since - SEARCH_LAG).timestamp() * 1000)):
            yield self._contacts(body)

    def engagement(self, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
        """Of everybody, or of those with an event since, if one search can find them all."""
        if since is not None:
            among = Among(engagement.filters(since - SEARCH_LAG), engagement.PROPERTIES)
            bodies = changed.since(self._portal, 0, among)
            first = next(bodies)
            if int(first.get("total") or 0) <= SEARCH_CAP:
                yield engagement.table(first["results"])
                yield from (engagement.table(body["results"]) for body in bodies)
                return
        for body in self._portal.pages(engagement.PROPERTIES):
            yield engagement.table(body["results"])

    def campaigns(self, since: datetime, until: datetime) -> Iterator[CampaignReport]:
        """See Campaigns. Those to lists."""
        return campaigns.reports(self._portal.emails(since, campaigns.PROPERTIES), since, until)

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        if kind is Kind.TAG:
            for page in self._portal.pages():
                held = [one for one in page["results"] if remote_id in wire.values(one, self._tag)]
                yield self._contacts({"results": held}).select(MEMBER_SCHEMA.names)
            return
        for ids in self._portal.memberships(remote_id):
            yield pa.table({"email": [None] * len(ids), "remote_id": ids}, schema=MEMBER_SCHEMA)

    def _everybody(self) -> Iterator[pa.Table]:
        for body in self._portal.pages():
            yield self._contacts(body)

    def _contacts(self, body: Mapping[str, Any], missing: set[str] | None = None) -> pa.Table:
        """A page as CONTACT_SCHEMA; those that it names are taken out of `missing`."""
        table = wire.contacts_table(body.get("results") or (), self._tag, lambda: self._portal.options().tag)
        if missing is not None:
            missing.difference_update(table.column("email").to_pylist())
        return table

    # -- writing --------------------------------------------------------------------------------------------------

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        tags = [target for target in targets if target.kind is Kind.TAG]
        lists = [target for target in targets if target.kind is Kind.LIST]
        ids: dict[Target, str] = {}
        if tags:
            options = self._portal.ensure_options([target.name for target in tags])
            ids |= {target: value for target in tags if (value := options.value(target.name))}
        if lists:
            # A list that came since `targets` was asked is found when its name turns out to be taken.
            known = self._portal.lists() if self._lists is None else self._lists
            found, self._lists = {str(item["name"]): item for item in known}, None
            ids |= {target: self._portal.ensure_list(target.name, found.get(target.name)) for target in lists}
        return ids

    def push(self, batch: Batch) -> Done | Job:
        spec = self.capabilities.operations.get((batch.op, batch.target.kind if batch.target else None))
        if spec is None or batch.records.num_rows > spec.max_batch:
            raise self._refusals.not_sent(f"{batch.records.num_rows} records of {batch.op} in one batch")
        records = batch.records.to_pylist()
        if not records:
            return Done(())
        if batch.op is Op.CREATE:
            return self._create(records)
        if batch.op is Op.UNSUBSCRIBE:
            return self._unsubscribe([str(record["email"]) for record in records])
        if not all(record["remote_id"] for record in records):
            raise self._refusals.not_sent(f"{batch.op} of a record without id")
        if batch.op is Op.MOVE:
            return self._move(records)
        if batch.op is Op.UPDATE:
            return self._update(records)
        return self._membership(batch, [str(record["remote_id"]) for record in records])

    def unfinished(self) -> Mapping[str, datetime | None]:
        """See Adapter. Every request is over when it is answered."""
        return {}

    def poll(self, job: str, batch: Batch) -> Done | Job:
        raise self._refusals.bug("no operation of HubSpot is asynchronous")

    def _create(self, records: list[dict[str, Any]]) -> Done:
        """HubSpot keeps opt-outs for addresses without a contact, too: it is asked right before."""
        if any(record["new_status"] not in (None, NewContacts.TRANSACTIONAL) for record in records):
            raise self._refusals.not_sent("a contact cannot be created as subscribed or pending")
        with before_sending():
            kinds, adds = self._kinds(records), self._options(records, "tags_add")
            out = optout.out(self._portal.opted_out([record["email"] for record in records]))
        told = (Outcome.SKIPPED, "opted_out", "HubSpot keeps an opt-out of the address")
        done = [RecordOutcome(index, *told) for index, one in enumerate(records) if one["email"].lower() in out]
        inputs: list[Json] = []
        sent: list[int] = []
        for index, record in enumerate(records):
            if record["email"].lower() in out:
                continue
            sent.append(index)
            properties = {"email": record["email"]} | wire.field_values(record["fields"], kinds)
            if adds[index]:
                properties[self._tag] = ";".join(adds[index])
            inputs.append({"properties": properties, "associations": [], "objectWriteTraceId": str(index)})
        index_of = {str(index): index for index in range(len(records))}
        index_of |= {f"email:{record['email']}": index for index, record in enumerate(records)}
        return Done((*done, *(self._write("create", inputs, index_of, sent) if inputs else ())))

    def _update(self, records: list[dict[str, Any]]) -> Done:
        """A row without a change is UNCHANGED; of two rows for one contact (its second address) the first is sent."""
        with before_sending():
            kinds, adds = self._kinds(records), self._options(records, "tags_add")
            removes = self._options(records, "tags_remove")
            read = [one["remote_id"] for one, gone in zip(records, removes, strict=True) if gone]
            current = self._portal.tags_of(read)
        inputs, sent, index_of, done = [], list[int](), dict[str, int](), list[RecordOutcome]()
        for index, record in enumerate(records):
            identity = str(record["remote_id"])
            properties = wire.field_values(record["fields"], kinds)
            if removes[index]:
                properties[self._tag] = wire.rewritten(current.get(identity, ""), adds[index], removes[index])
            elif adds[index]:
                properties[self._tag] = "".join(f";{value}" for value in adds[index])
            if f"id:{identity}" in index_of:
                done.append(RecordOutcome(index, Outcome.REJECTED, "duplicate", "another row is the same contact"))
            elif not properties:
                done.append(RecordOutcome(index, Outcome.UNCHANGED))
            else:
                inputs.append({"id": identity, "properties": properties, "objectWriteTraceId": str(index)})
                index_of |= {f"id:{identity}": index, str(index): index}
                sent.append(index)
        return Done((*done, *(self._write("update", inputs, index_of, sent) if inputs else ())))

    def _move(self, records: list[dict[str, Any]]) -> Done:
        """Another primary address. HubSpot keeps opt-outs by address; who opted out is not moved (plan/moves.py)."""
        inputs = [
            {
                "id": str(record["remote_id"]),
                "properties": {"email": record["email"]},
                "objectWriteTraceId": str(index),
            }
            for index, record in enumerate(records)
        ]
        index_of = {key: index for index, one in enumerate(inputs) for key in (f"id:{one['id']}", str(index))}
        return Done(self._write("update", inputs, index_of, range(len(inputs))))

    def _unsubscribe(self, emails: Sequence[str]) -> Done:
        """Those that HubSpot holds, under the address that it mails, and who have not opted out: asked right before."""
        with before_sending():
            sent, left = optout.judge(emails, self._portal.by_email(emails)["results"])
        if not sent:
            return Done(tuple(left))
        try:
            body = self._portal.opt_out([emails[index] for index in sent])
        except errors.Declined as error:
            raise optout.refused(error, sent, self._name) from None
        return Done((*left, *optout.outcomes(body, emails, sent)))

    def _write(
        self, verb: str, inputs: list[dict[str, Any]], index_of: Mapping[str, int], sent: Sequence[int]
    ) -> tuple[RecordOutcome, ...]:
        """`sent` are the records' indexes in the order of `inputs`."""
        try:
            body = self._portal.write(verb, inputs)
        except errors.Declined as error:
            raise self._refusals.of_batch(error, inputs, sent) from None
        own = ("email", self._tag)
        values = ({name: value for name, value in one["properties"].items() if name not in own} for one in inputs)
        done = errors.outcomes(body, index_of, dict(zip(sent, values, strict=True)))
        if all(one.code in ("unknown_field", "read_only_field") for one in done):
            raise self._refusals.of_fields(errors.faults(body["errors"][0]))
        return tuple(done)

    def _membership(self, batch: Batch, ids: list[str]) -> Done:
        verb = "add" if batch.op is Op.ADD else "remove"
        body = self._portal.change_memberships(str(batch.target_id), verb, list(dict.fromkeys(ids)))
        held = self._portal.holds(errors.missing(body)) if verb == "add" else ()
        return Done(tuple(errors.membership_outcomes(body, verb, ids, held)))

    def _kinds(self, records: list[dict[str, Any]]) -> Mapping[str, str]:
        """Types of the properties, when some record has a value whose spelling depends on them (a day or a time)."""
        if not any(wire.DATED.search(record["fields"] or "") for record in records):
            return {}
        return {name: str(one.get("type") or "") for name, one in self._portal.definitions().items()}

    def _options(self, records: list[dict[str, Any]], column: str) -> list[list[str]]:
        """Per record the options of its tags. A tag to remove that has no option is nobody's."""
        if not any(record[column] for record in records):
            return [[] for _ in records]
        known = self._portal.options()
        unknown = {tag for record in records for tag in record[column] or () if not known.value(tag)}
        if unknown and column == "tags_add":
            known = self._portal.ensure_options(sorted(unknown))
        return [known.values(record[column] or ()) for record in records]
