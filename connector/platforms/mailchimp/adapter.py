"""Mailchimp: one audience, its members, and its tags (which the API calls static segments).

Owns: which endpoint serves which verb of the contract, and the facts about them. Must not: diff, retry, sleep, store,
or know the shapes of bodies (wire) and errors (errors).

Nothing here subscribes anybody but a CREATE with dated proof: updates carry no status, tags are no subscription. The
only other status that is ever sent is that of an UNSUBSCRIBE.
Only CREATE creates: see known_member for UPDATE, jobs for what goes through /batches (PATCH and DELETE, which
answer 404); the members of a tag that the audience does not hold are ignored (api/list-segments). PUT is not used.
Tags and fields are written by address, which may have gone to somebody else since it was read: who is named by the
answer and not meant is taken out of the tag by a second request, at once (owners.py).
Facts: mailchimp.com/developer/marketing (OpenAPI 3.0.85) and what the wire module calls observed, read 2026-11-21.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from connector.config.sections.models import Destination
from connector.core.errors import ContractError, Gone, NotSent, Refused, Unanswered
from connector.core.events import Listener
from connector.core.model import Kind, Op, Outcome, Status, Target
from connector.core.problem import did_you_mean
from connector.platforms.base import Account, Batch, Done, Identity, Job, before_sending
from connector.platforms.campaigns import CampaignReport
from connector.platforms.http.client import Http
from connector.platforms.http.limits import Clock, Limiter
from connector.platforms.mailchimp import campaigns, engagement, jobs, lookup, owners, wire
from connector.platforms.mailchimp.errors import trouble
from connector.platforms.mailchimp.facts import BELOW_MANAGER, CAPABILITIES, CLOCK_SKEW, CONCURRENCY, PAGE, POLL_SECONDS
from connector.platforms.mailchimp.key import address, authorization
from connector.platforms.mailchimp.pages import Pages
from connector.vendors.mailchimp import MAILCHIMP


class Mailchimp:
    """One audience. The key's suffix names the data center; `settings.data_center` does for an OAuth token.

    The constructor raises Auth when there is neither, and sends nothing."""

    capabilities = CAPABILITIES

    def __init__(self, destination: Destination, secret: str, *, clock: Clock, listener: Listener) -> None:
        self._name = destination.name
        self._audience_wanted = destination.audience
        self._listener = listener
        self._lock = threading.RLock()  # held while ids are looked up, so that it happens once
        self._audience_found: dict[str, Any] | None = None
        self._identity: Identity | None = None
        self._types: dict[str, str] | None = None
        key = secret.strip()
        self._http = Http(
            self._name,
            address(destination, key),
            {MAILCHIMP.auth_header: authorization(key), "Accept": "application/json"},
            functools.partial(trouble, self._name, str(destination.secret)),
            Limiter({}, clock),
            CONCURRENCY,
            clock,
            listener,
            hint=f"The last part of the key in {destination.secret}, after the hyphen, must be its data center.",
        )
        self._pages = Pages(self._http, self._name, listener)

    # ------------------------------------------------------------ reading

    def identity(self) -> Identity:
        """The account and the audience: another one of the same name has another id."""
        if self._identity is None:
            root, audience = self._root(), self._audience()
            name = f"{root.get('account_name', '')}, audience “{audience.get('name')}”"
            self._identity = Identity(f"{root.get('account_id', '')}/{audience['id']}", name)
        return self._identity

    def now(self) -> datetime:
        """See Adapter."""
        return self._http.now(self.identity)

    def _root(self) -> dict[str, Any]:
        root = self._http.send("GET", "/", query={"fields": "account_id,account_name,role"}).body
        return root if isinstance(root, dict) else {}

    def check(self, fields: Mapping[str, str]) -> Account:
        root = self._root()
        name = str(root.get("account_name") or "")
        facts = {fact: str(root[fact]) for fact in ("account_id", "role") if root.get(fact)}
        try:
            audience = self._audience()
        except Refused as error:
            if error.code != "unknown_audience":
                raise
            return Account(name, "no audience", (str(error),), facts)
        facts |= {"audience": str(audience.get("name")), "audience_id": str(audience["id"])}
        known = {str(field.get("tag")): field for field in self._merge_fields()}
        problems, options = self._field_problems(fields, known), wire.choices(known, fields)
        return Account(name, f"audience “{audience.get('name')}”", problems, facts, options)

    def _field_problems(self, fields: Mapping[str, str], known: Mapping[str, Any]) -> tuple[str, ...]:
        problems = [
            f"The audience has no merge field “{tag}”, so contacts with it would be refused. Create it in Mailchimp "
            f"(Audience fields) or take it out of `fields`.{did_you_mean(tag, known)}"
            for tag in fields
            if tag not in known
        ]
        problems += [
            f"“{tag}” is an address field, which takes several values at once and cannot be filled from one column."
            for tag in fields
            if tag in known and known[tag].get("type") == "address"
        ]
        problems += [
            f"The audience requires the merge field “{tag}” ({field.get('name')}), and `fields` does not fill it. "
            "Contacts are sent without it, which Mailchimp accepts here but not in its forms; add it to `fields`."
            for tag, field in known.items()
            if field.get("required") and tag not in fields and tag != "EMAIL"
        ]
        return tuple(problems)

    def lacking(self, rights: Collection[str]) -> Mapping[str, str]:
        """See Adapter. The root says the user level of the key; another word than those that are known says nothing."""
        level = str(self._root().get("role") or "").lower()
        if level not in BELOW_MANAGER:
            return {}
        return dict.fromkeys(rights, f"{self._name}: the key is that of a user with the level {level}.")

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        if Kind.TAG not in kinds:
            return {}
        query = {"type": "static", "fields": "segments.id,segments.name,total_items"}
        found: dict[str, int] = {}
        for page in self._pages.by_offset(f"{self._path()}/segments", "segments", query):
            for segment in page:
                # Mailchimp allows two tags of one name (observed): the older one is meant, whatever the order.
                name, number = str(segment.get("name")), segment.get("id")
                if not isinstance(number, int):
                    raise self._strange("a tag in the answer has no number")
                found[name] = min(number, found.get(name, number))
        return {(Kind.TAG, name): str(number) for name, number in found.items()}

    def recall(self, targets: Mapping[tuple[Kind, str], str]) -> None:
        """See Adapter. Tags are asked for by id."""

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        found = dict(self.targets(frozenset(target.kind for target in targets)))
        for target in targets:
            if target.kind is not Kind.TAG:
                text = f"{self._name}: Mailchimp has tags, no lists. Send {target} as `tag:`."
                raise Refused(text, destination=self._name, code="unknown_kind")
            key = (target.kind, target.name)
            if key not in found:
                found[key] = self._create_tag(target.name)
        return {target: found[target.kind, target.name] for target in targets}

    def _create_tag(self, name: str) -> str:
        """A new, empty tag. After a lost answer, or when somebody else was faster, it is looked for before it is
        asked for again: there would be two of one name."""
        for last_try in (False, False, True):
            try:
                return self._post_tag(name)
            except (Unanswered, Refused) as error:
                found = self.targets(frozenset({Kind.TAG})).get((Kind.TAG, name))
                if found is not None:
                    return found
                if last_try or isinstance(error, Refused):
                    raise
        raise AssertionError("the last try returns or raises")

    def _post_tag(self, name: str) -> str:
        body = {"name": name, "static_segment": []}
        reply = self._http.send("POST", f"{self._path()}/segments", body=body, writes=True, replayable=False)
        number = self._answer(reply.body).get("id")
        if not isinstance(number, int):
            raise self._strange("the answer to a new tag has no number")
        return str(number)

    def lookup(self, emails: Sequence[str], there: int = 0) -> Iterator[pa.Table]:
        """There is no way to ask for many addresses at once: a few are asked for one by one, for more everybody is
        read, a thousand at a time."""
        if not emails:
            return iter(())
        if lookup.cheaper(len(emails), self._audience()):
            return lookup.one_by_one(self._http, self._path(), emails, self._name)
        return self.statuses(None)

    def _archived(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """Archived members, `emails` among them if they are."""
        if lookup.cheaper(len(emails), self._audience()):
            for table in self.lookup(emails):
                yield table.filter(pc.equal(table["status"], str(Status.ARCHIVED)))
            return
        yield from self._members({"status": "archived"})

    def opted_out(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        """See Adapter. Opt-outs belong to contacts."""
        return iter(())

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        """Archived members last: they are shown only when asked for by status, and one that is archived while we read
        is then seen as such."""
        # since_last_changed leaves its own second out, and counts by Mailchimp's clock.
        start = None if since is None else since.astimezone(UTC) - CLOCK_SKEW
        yield from self._members({}, start)
        yield from self._members({"status": "archived"}, start)

    def _members(self, query: Mapping[str, Any], since: datetime | None = None) -> Iterator[pa.Table]:
        fields = ",".join([*(f"members.{name}" for name in wire.MEMBER_FIELDS), "total_items"])
        pages = self._pages.by_change(f"{self._path()}/members", {**query, "fields": fields}, since)
        return (wire.contacts(page, self._name) for page in pages)

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        """All of them: Mailchimp shows only subscribed ones unless told otherwise. Archived ones are never shown."""
        query = {
            "fields": "members.contact_id,members.email_address,total_items",
            "include_cleaned": "true",
            "include_transactional": "true",
            "include_unsubscribed": "true",
        }
        path = f"{self._path()}/segments/{quote(remote_id, safe='')}/members"
        return (wire.tagged(page, self._name) for page in self._pages.by_offset(path, "members", query))

    def engagement(self, since: datetime | None, until: datetime) -> Iterator[pa.Table]:
        return engagement.happened(self._of_reports, self._path().removeprefix("/lists/"), since, until)

    def campaigns(self, since: datetime, until: datetime) -> Iterator[CampaignReport]:
        """See Campaigns. Those to tags of this audience."""
        return campaigns.reports(self._of_reports, self._path().removeprefix("/lists/"), since, until)

    def _of_reports(
        self, path: str, key: str, query: Mapping[str, Any], size: int | None
    ) -> Iterator[list[dict[str, Any]]]:
        return self._pages.by_offset(path, key, query, size=size or PAGE)

    def _merge_fields(self) -> list[dict[str, Any]]:
        names = ("tag", "name", "type", "required", "options")
        fields = ",".join([*(f"merge_fields.{name}" for name in names), "total_items"])
        pages = self._pages.by_offset(f"{self._path()}/merge-fields", "merge_fields", {"fields": fields})
        return [field for page in pages for field in page]

    def _field_types(self) -> Mapping[str, str]:
        with self._lock:
            if self._types is None:
                self._types = {str(field.get("tag")): str(field.get("type")) for field in self._merge_fields()}
            return self._types

    def _path(self) -> str:
        return f"/lists/{quote(str(self._audience()['id']), safe='')}"

    def _audience(self) -> dict[str, Any]:
        """The configured audience, by name or id; without one, the only one there is. Read once."""
        with self._lock:
            if self._audience_found is None:
                fields = ["lists.id", "lists.name", *(f"lists.stats.{name}" for name in lookup.STATS), "total_items"]
                query = {"fields": ",".join(fields)}
                audiences = [audience for page in self._pages.by_offset("/lists", "lists", query) for audience in page]
                self._audience_found = wire.audience(audiences, self._audience_wanted, self._name)
            return self._audience_found

    # ------------------------------------------------------------ writing

    def push(self, batch: Batch) -> Done | Job:
        spec = self.capabilities.operations.get((batch.op, batch.target.kind if batch.target else None))
        emails: list[str] = batch.records["email"].to_pylist()
        fits = spec is not None and len(emails) <= spec.max_batch and len(set(emails)) == len(emails)
        if not fits or (batch.target is not None and not batch.target_id):
            text = f"{self._name}: {len(emails)} records of {batch.op} for {batch.target} are no batch for Mailchimp."
            raise NotSent(text, destination=self._name, code="bad_batch")
        if not emails:
            return Done(())
        with before_sending():
            self._path()  # the audience is looked up once
        if batch.op in (Op.CREATE, Op.UPDATE):
            return self._push_members(batch)
        if batch.op in jobs.OPERATIONS:
            return self._push_operations(batch)
        return self._push_tag(batch, emails)

    def _push_members(self, batch: Batch) -> Done:
        creating = batch.op is Op.CREATE
        records = batch.records.to_pylist()
        with before_sending():
            types = self._field_types() if wire.has_dates(records) else {}
        items = [
            wire.new_member(record, types, self._name) if creating else wire.known_member(record, types)
            for record in records
        ]
        reply = self._http.send(
            "POST",
            self._path(),
            # A merge field that somebody made required must not stop everybody.
            query={"skip_merge_validation": "true"},
            body={"members": items, "update_existing": not creating},
            writes=True,
            replayable=not creating,
        )
        answer = self._answer(reply.body)
        outcomes = wire.member_outcomes(items, answer, creating, self._name)
        others = {} if creating else owners.not_meant(batch, wire.rows(answer, "updated_members", self._name))
        return Done(owners.judged(outcomes, batch, others))

    def _push_tag(self, batch: Batch, emails: Sequence[str]) -> Done:
        adding = batch.op is Op.ADD
        path = f"{self._path()}/segments/{quote(batch.target_id or '', safe='')}"
        body = {"members_to_add" if adding else "members_to_remove": emails}
        nobody: dict[str, Any] = {"members_added": [], "members_removed": [], "errors": []}
        try:
            answer = self._answer(self._http.send("POST", path, body=body, writes=True).body)
        except Refused as error:
            if error.code != "none_held":
                raise
            answer = nobody
        outcomes = wire.tag_outcomes(emails, answer, adding, self._name)
        if adding and (others := owners.not_meant(batch, wire.rows(answer, "members_added", self._name))):
            self._http.send("POST", path, body={"members_to_remove": sorted(others)}, writes=True)  # taken back at once
            outcomes = owners.judged(outcomes, batch, others)
        if adding and answer is nobody:
            return Done(outcomes)
        if not adding:  # an archived member is ignored too, and has the tag again when it comes back
            return Done(lookup.unless_in(self._archived, outcomes, emails, "not_held", "archived", Outcome.SKIPPED))
        # A contact that is not named is not held, or has the tag already without Mailchimp saying so.
        return Done(
            lookup.unless_in(lambda _: self.members(Kind.TAG, batch.target_id or ""), outcomes, emails, "not_held", "")
        )

    def _push_operations(self, batch: Batch) -> Job:
        """Requests of one member each; /batches takes a thousand of them as one job."""
        operations = jobs.operations(batch, f"{self._path()}/members")
        reply = self._http.send("POST", "/batches", body={"operations": operations}, writes=True, replayable=False)
        job = self._answer(reply.body).get("id")
        if not isinstance(job, str):
            raise self._strange("the answer to a batch has no id")
        return Job(job, POLL_SECONDS)

    def poll(self, job: str, batch: Batch) -> Done | Job:
        try:
            body = self._answer(self._http.send("GET", f"/batches/{quote(job, safe='')}").body)
        except Gone:
            text = f"{self._name}: Mailchimp does not know the batch any more (it keeps results for some days)."
            raise Unanswered(text, destination=self._name, code="job_gone") from None
        if body.get("status") != "finished":
            return Job(job, POLL_SECONDS)
        emails: list[str] = batch.records["email"].to_pylist()
        if body.get("errored_operations") == 0 and body.get("finished_operations") == len(emails):
            return Done(jobs.all_done(batch))
        # "finished" says nothing about success; the address of the results is short-lived, and new with each poll.
        results = self._http.download(str(body.get("response_body_url") or ""))
        if batch.op is Op.UNSUBSCRIBE:
            return Done(jobs.unsubscribed(results, emails, self._name))
        if batch.op is Op.MOVE:
            outcomes = wire.move_outcomes(results, emails, self._name)
            # One not found under the old address may have the new one already, by a try whose answer was lost.
            return Done(lookup.unless_in(self.lookup, outcomes, emails, "not_held", ""))
        outcomes = wire.archive_outcomes(results, emails, self._name)
        # "Not archivable" is also said of the archived, for instance by an earlier try whose answer was lost.
        return Done(lookup.unless_in(self._archived, outcomes, emails, "not_archivable", "archived"))

    def unfinished(self) -> Mapping[str, datetime | None]:
        """See Adapter. /batches cannot be asked by status."""
        fields = ",".join([*(f"batches.{name}" for name in ("id", "status", "submitted_at")), "total_items"])
        return wire.open_batches(
            row for page in self._pages.by_offset("/batches", "batches", {"fields": fields}) for row in page
        )

    def _strange(self, what: str) -> ContractError:
        text = f"{self._name}: {what}. Mailchimp changed, or this is not its address."
        return ContractError(text, destination=self._name, code="shape")

    def _answer(self, body: object) -> dict[str, Any]:
        """The answer to a writing request. Without one it may have been applied all the same."""
        if isinstance(body, dict):
            return body
        raise Unanswered(f"{self._name}: an empty answer.", destination=self._name, code="garbled")
