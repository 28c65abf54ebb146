"""HubSpot: contacts, static lists, and tags as the options of one multi-checkbox property.

Owns: which of HubSpot's requests serve the adapter contract, and its limits. Must not: diff, retry, sleep, log, store,
subscribe anybody or touch an opt-out. Facts are of 2026-11-21, from developers.hubspot.com/docs.

- CREATE gives every input its own objectWriteTraceId: only then one bad record does not refuse the other 99.
- UPDATE goes by record id; an email as id does nothing there, and a secondary address would become the primary one.
- Adding tags appends (";a;b"); taking one away has no syntax, so the value is read and rewritten as a whole.
- RETIRE is not offered: the API cannot undo an opt-out or take a contact out of the recycle bin, and the marketing
  status is read-only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from connector.config.models import Destination
from connector.errors import (
    Auth,
    BadRecords,
    ContractError,
    DestinationError,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.events import Listener
from connector.model import Kind, NewContacts, Op, Outcome, Target
from connector.platforms import hubspot_wire as wire
from connector.platforms.base import (
    MEMBER_SCHEMA,
    Account,
    Batch,
    Capabilities,
    Done,
    Job,
    OpSpec,
    RecordOutcome,
    TagStyle,
    Window,
)
from connector.platforms.http import Http, Reply
from connector.platforms.limits import Clock, Limiter

BASE_URL = "https://api.hubapi.com"
VERSION = "2026-03"
TAG_PROPERTY = "segment_tags"
BATCH, PAGE, SEARCH_PAGE, LIST_PAGE, MEMBER_PAGE = 100, 100, 200, 500, 250
MEMBERSHIP_BATCH = 10_000  # no cap is documented; 100,000 is remembered, and a body of 10,000 ids is about 150 kB
SEARCH_CAP = 10_000  # results of one search; further pages are refused
SEARCH_LAG = timedelta(hours=1)  # the search index runs behind; what is read twice does no harm
CONCURRENCY = 8
PATIENCE = 900  # seconds; a longer wait that HubSpot asks for ends the run instead
PER_TEN_SECONDS = {"free": 100, "starter": 100, "professional": 190, "enterprise": 190, "add-on": 250, "oauth": 110}
_DOCS = "https://developers.hubspot.com/docs/api-reference/latest/crm"
_ONE_BATCH = {"max_bytes": None, "asynchronous": False, "silent": False}
_BY_ID = {"addressed_by": "id", "replayable": True}


class _Declined(Refused):
    """A 400 or 409. `faults` are its codes: push() knows the records and can name the culprits."""

    def __init__(self, message: str, found: list[wire.Fault], destination: str) -> None:
        self.faults = found
        super().__init__(message, destination=destination, code=wire.meaning(found)[1])


def capabilities(tier: str) -> Capabilities:
    """What HubSpot offers. `tier` names the account's limit, see PER_TEN_SECONDS."""
    contacts, lists = f"{_DOCS}/objects/contacts/guide (2026-11-21)", f"{_DOCS}/lists/guide (2026-11-21)"
    members = OpSpec(MEMBERSHIP_BATCH, atomic=False, source=lists, **_ONE_BATCH, **_BY_ID)  # type: ignore[arg-type]
    create = OpSpec(
        BATCH, None, "email", asynchronous=False, atomic=False, silent=False, replayable=False, source=contacts
    )
    update = OpSpec(BATCH, atomic=True, source=contacts, **_ONE_BATCH, **_BY_ID)  # type: ignore[arg-type]
    return Capabilities(
        platform="hubspot",
        tag_style=TagStyle.PROPERTY,
        operations={
            (Op.CREATE, None): create,
            (Op.UPDATE, None): update,
            (Op.ADD, Kind.LIST): members,
            (Op.REMOVE, Kind.LIST): members,
        },
        retire=None,
        new_contacts=frozenset({NewContacts.SKIP, NewContacts.TRANSACTIONAL}),
        limits=(Window(PER_TEN_SECONDS[tier], 10.0),),
        concurrency=CONCURRENCY,
        subscribes_on_create=False,
    )


class HubSpot:
    """One portal. Settings: `version` (of the API's paths), `tier` (see PER_TEN_SECONDS), `tag_property`."""

    def __init__(self, destination: Destination, secret: str, *, clock: Clock, listener: Listener) -> None:
        self._name = destination.name
        tier = destination.settings.get("tier", "professional")
        if tier not in PER_TEN_SECONDS:
            raise Refused(
                f"{self._name}: settings.tier “{tier}” is not known. Use one of: {', '.join(PER_TEN_SECONDS)}.",
                destination=self._name,
                code="tier",
            )
        self.capabilities = capabilities(tier)
        self._paths = wire.paths(destination.settings.get("version", VERSION))
        self._tag = destination.settings.get("tag_property", TAG_PROPERTY)
        self._lock = threading.RLock()
        self._known: dict[str, dict[str, Any]] | None = None  # property definitions by name
        limiter = Limiter({"": self.capabilities.limits, "search": (Window(5, 1.0),)}, clock)
        self._http = Http(
            destination.name,
            destination.base_url or BASE_URL,
            {"Authorization": f"Bearer {secret}"},
            self._classify,
            limiter,
            CONCURRENCY,
            clock,
            listener,
        )

    # -- reading --------------------------------------------------------------------------------------------------

    def check(self, fields: Mapping[str, str]) -> Account:
        details = self._ask("GET", self._paths.account)
        problems: list[str] = []
        for read in (self._definitions, self._first_contact, lambda: self._lists("", 1)):
            try:
                read()
            except Auth as error:
                problems.append(str(error))
        if self._known is not None:
            problems += [sentence for name in fields if (sentence := self._field_problem(name))]
        portal = str(details.get("portalId", ""))
        facts = {key: str(details[key]) for key in ("accountType", "timeZone", "dataHostingLocation") if key in details}
        return Account(f"HubSpot portal {portal}", str(details.get("uiDomain", "")), tuple(problems), facts)

    def _first_contact(self) -> None:
        self._ask("GET", self._paths.contacts, query={"limit": 1})

    def _field_problem(self, name: str) -> str:
        definition = self._definitions().get(name)
        if name == self._tag:
            return f"{name} holds the tags; remove it from `fields`, or choose another settings.tag_property."
        if definition is None:
            return f"Contact property {name} does not exist. Create it in HubSpot, or correct `fields`."
        if definition.get("calculated") or (definition.get("modificationMetadata") or {}).get("readOnlyValue"):
            return f"Contact property {name} is read-only at HubSpot. Remove it from `fields`."
        return ""

    def targets(self, kinds: frozenset[Kind]) -> Mapping[tuple[Kind, str], str]:
        found: dict[tuple[Kind, str], str] = {}
        if Kind.TAG in kinds:
            found |= {
                (Kind.TAG, name): value for name, value in wire.labels(self._definitions().get(self._tag)).items()
            }
        if Kind.LIST in kinds:
            found |= {(Kind.LIST, str(item["name"])): str(item["listId"]) for item in self._lists() if _static(item)}
        return found

    def lookup(self, emails: Sequence[str]) -> Iterator[pa.Table]:
        missing = set(emails)
        if not missing:
            return
        reply = self._page(None)
        yield self._contacts(reply, missing)
        after = _after(reply)
        if after and self._paging_is_cheaper(len(missing), len(emails)):
            for _ in range(-(-len(emails) // PAGE)):
                reply = self._page(after)
                yield self._contacts(reply, missing)
                if (after := _after(reply)) is None:
                    return
        if after and missing:
            wanted = sorted(missing)
            chunks = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
            yield from self._in_parallel(chunks)

    def _paging_is_cheaper(self, missing: int, asked: int) -> bool:
        """Both ways read 100 at once. A search says how many there are; it is worth its request from 1,000 on."""
        if missing <= BATCH:
            return False
        if asked < 10 * PAGE:
            return True
        found = self._search([{"propertyName": "email", "operator": "HAS_PROPERTY"}], None, 1)
        return int(found.get("total", 0)) <= asked + PAGE

    def _in_parallel(self, chunks: list[list[str]]) -> Iterator[pa.Table]:
        pool = ThreadPoolExecutor(CONCURRENCY)
        try:
            yield from pool.map(lambda chunk: self._contacts(self._read(chunk, "email", self._wanted)), chunks)
        finally:
            pool.shutdown(cancel_futures=True)

    def statuses(self, since: datetime | None) -> Iterator[pa.Table]:
        if since is None:
            yield from self._everybody()
            return
        start = int((since - SEARCH_LAG).timestamp() * 1000)
        while True:
            newest, complete = start, False
            for body in self._changed(start):
                yield self._contacts(body)
                newest = max([newest, *map(wire.modified_ms, body["results"])])
                complete = _after(body) is None
            if complete:
                return
            if newest <= start:  # over 10,000 changed in one millisecond: a search cannot get past them
                yield from self._everybody()
                return
            start = newest

    def _changed(self, start: int) -> Iterator[dict[str, Any]]:
        """Pages of contacts changed at or after `start` (ms), the oldest first, up to the cap of one search."""
        after: str | None = None
        while after is None or int(after) < SEARCH_CAP:
            body = self._search([{"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(start)}], after)
            yield body
            if (after := _after(body)) is None:
                return

    def members(self, kind: Kind, remote_id: str) -> Iterator[pa.Table]:
        if kind is Kind.TAG:
            for page in self._pages():
                held = [one for one in page["results"] if remote_id in _values(one, self._tag)]
                yield self._contacts({"results": held}).select(MEMBER_SCHEMA.names)
            return
        after: str | None = None
        while True:
            query = {"limit": MEMBER_PAGE} | ({"after": after} if after else {})
            body = self._ask("GET", f"{self._paths.lists}/{remote_id}/memberships", query=query)
            ids = [str(one["recordId"]) for one in body["results"]]
            yield pa.table({"email": [None] * len(ids), "remote_id": ids}, schema=MEMBER_SCHEMA)
            if (after := _after(body)) is None:
                return

    def _everybody(self) -> Iterator[pa.Table]:
        for page in self._pages():
            yield self._contacts(page)

    def _pages(self) -> Iterator[dict[str, Any]]:
        after: str | None = None
        while True:
            body = self._page(after)
            yield body
            if (after := _after(body)) is None:
                return

    @property
    def _wanted(self) -> list[str]:
        return [*wire.STATE_PROPERTIES, self._tag]

    def _page(self, after: str | None) -> dict[str, Any]:
        query = {"limit": PAGE, "properties": self._wanted} | ({"after": after} if after else {})
        return self._ask("GET", self._paths.contacts, query=query)

    def _search(self, filters: list[dict[str, str]], after: str | None, limit: int = SEARCH_PAGE) -> dict[str, Any]:
        body = {
            "filterGroups": [{"filters": filters}],
            "properties": self._wanted,
            "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            "limit": limit,
        } | ({"after": after} if after else {})
        return self._ask("POST", f"{self._paths.contacts}/search", body=body, bucket="search")

    def _read(self, ids: Sequence[str], by: str, properties: Sequence[str]) -> dict[str, Any]:
        """Up to 100 contacts by "email" or "hs_object_id". Those that are not held are missing in `results`."""
        body: dict[str, Any] = {"inputs": [{"id": one} for one in ids], "properties": list(properties)}
        body |= {"propertiesWithHistory": []} | ({"idProperty": by} if by == "email" else {})
        return self._ask("POST", f"{self._paths.contacts}/batch/read", body=body)

    def _contacts(self, body: Mapping[str, Any], missing: set[str] | None = None) -> pa.Table:
        table = wire.contacts_table(body.get("results") or (), self._tag, self._labels)
        if missing is not None:
            missing.difference_update(table.column("email").to_pylist())
        return table

    def _definitions(self) -> dict[str, dict[str, Any]]:
        """Every contact property, read once."""
        with self._lock:
            if self._known is None:
                results = self._ask("GET", self._paths.properties)["results"]
                self._known = {str(one["name"]): one for one in results}
            return self._known

    def _labels(self) -> Mapping[str, str]:
        return wire.labels(self._definitions().get(self._tag))

    def _lists(self, query: str = "", count: int = LIST_PAGE) -> list[dict[str, Any]]:
        """Lists of contacts whose name contains `query`; all of them for ""; just the first with `count` 1."""
        found: list[dict[str, Any]] = []
        while True:
            body = {
                "query": query,
                "objectTypeId": wire.CONTACT_TYPE,
                "offset": len(found),
                "count": count,
                "processingTypes": ["MANUAL", "SNAPSHOT", "DYNAMIC"],
                "listIds": [],
                "additionalProperties": [],
            }
            page = self._ask("POST", f"{self._paths.lists}/search", body=body)
            found += page["lists"]
            if not page.get("hasMore") or not page["lists"] or count == 1:
                return found

    # -- writing --------------------------------------------------------------------------------------------------

    def ensure_targets(self, targets: Sequence[Target]) -> Mapping[Target, str]:
        tags = [target for target in targets if target.kind is Kind.TAG]
        lists = [target for target in targets if target.kind is Kind.LIST]
        ids: dict[Target, str] = {}
        if tags:
            options = self._ensure_options([target.name for target in tags])
            ids |= {target: options[target.name] for target in tags}
        if lists:
            found = {str(item["name"]): item for item in self._lists()}
            ids |= {target: self._ensure_list(target.name, found.get(target.name)) for target in lists}
        return ids

    def _ensure_list(self, name: str, found: Mapping[str, Any] | None) -> str:
        if found is None:
            body = {"name": name, "objectTypeId": wire.CONTACT_TYPE, "processingType": "MANUAL"}
            try:
                found = self._ask("POST", self._paths.lists, body=body, writes=True)["list"]
            except _Declined:  # made meanwhile, or its name is another list's
                path = f"{self._paths.lists}/object-type-id/{wire.CONTACT_TYPE}/name/{quote(name, safe='')}"
                found = self._ask("GET", path)["list"]
        if not _static(found):
            raise self._refused(
                f"list “{name}” fills itself by filters, so nobody can be added to it. Rename it in HubSpot, or use "
                "another name in segments.yaml.",
                "not_static",
            )
        return str(found["listId"])

    def _ensure_options(self, names: Sequence[str]) -> Mapping[str, str]:
        """Options for these tags. HubSpot replaces the whole list of options, so it is read anew before each write."""
        path = f"{self._paths.properties}/{self._tag}"
        with self._lock:
            known = self._labels()
            for _ in range(3):
                if all(name in known for name in names):
                    return known
                definition = self._definition()
                missing = [name for name in dict.fromkeys(names) if name not in wire.labels(definition)]
                if missing:
                    definition = self._write_options(path, definition, missing)
                if definition:
                    self._definitions()[self._tag] = definition
                    known = wire.labels(definition)
        raise self._refused(
            f"the options of property {self._tag} keep changing while they are written. Try again later.", "options"
        )

    def _definition(self) -> dict[str, Any] | None:
        """The tag property as it is now, None when there is none. Refuses one that cannot hold tags."""
        try:
            definition = self._ask("GET", f"{self._paths.properties}/{self._tag}")
        except Refused as error:
            if error.code != "not_found":
                raise
            return None
        metadata = definition.get("modificationMetadata") or {}
        if definition.get("fieldType") != "checkbox" or metadata.get("readOnlyOptions"):
            raise self._refused(
                f"contact property {self._tag} is not a multiple-checkbox property whose options can be changed. "
                "Choose another name with settings.tag_property.",
                "tag_property",
            )
        return definition

    def _write_options(self, path: str, definition: dict[str, Any] | None, missing: list[str]) -> dict[str, Any] | None:
        options = wire.merged_options(definition, missing)
        if definition is not None:
            return self._ask("PATCH", path, body={"options": options}, writes=True)
        body = {
            "name": self._tag,
            "label": "Segment tags",
            "type": "enumeration",
            "fieldType": "checkbox",
            "groupName": "contactinformation",
            "options": options,
        }
        try:
            return self._ask("POST", self._paths.properties, body=body, writes=True)
        except _Declined:  # made meanwhile: read it in the next round
            return None

    def push(self, batch: Batch) -> Done | Job:
        spec = self.capabilities.operations.get((batch.op, batch.target.kind if batch.target else None))
        if spec is None or batch.records.num_rows > spec.max_batch:
            raise self._bug(f"{batch.records.num_rows} records of {batch.op} in one batch")
        records = batch.records.to_pylist()
        if not records:
            return Done(())
        if batch.op is Op.CREATE:
            return self._create(records)
        if not all(record["remote_id"] for record in records):
            raise self._bug(f"{batch.op} of a record without id")
        if batch.op is Op.UPDATE:
            return self._update(records)
        return self._membership(batch, [str(record["remote_id"]) for record in records])

    def poll(self, job: str, batch: Batch) -> Done | Job:
        raise self._bug("no operation is asynchronous")

    def _create(self, records: list[dict[str, Any]]) -> Done:
        if any(record["new_status"] not in (None, NewContacts.TRANSACTIONAL) for record in records):
            raise self._bug("a contact cannot be created as subscribed or pending")
        kinds = self._kinds(records)
        values = self._tag_values(records, "tags_add")
        inputs = []
        for index, record in enumerate(records):
            properties = {"email": record["email"]} | wire.field_values(record["fields"], kinds)
            if values[index]:
                properties[self._tag] = ";".join(values[index])
            inputs.append({"properties": properties, "associations": [], "objectWriteTraceId": str(index)})
        index_of = {str(index): index for index in range(len(records))}
        index_of |= {f"email:{record['email']}": index for index, record in enumerate(records)}
        return self._write("create", inputs, index_of, list(range(len(records))))

    def _update(self, records: list[dict[str, Any]]) -> Done:
        """Rows without a change are UNCHANGED; of two rows for one contact (its second address) the first is sent."""
        kinds = self._kinds(records)
        adds, removes = self._tag_values(records, "tags_add"), self._tag_values(records, "tags_remove")
        current = self._current_tags([one["remote_id"] for one, gone in zip(records, removes, strict=True) if gone])
        inputs, sent, index_of, done = [], [], dict[str, int](), list[RecordOutcome]()
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
        if not inputs:
            return Done(tuple(done))
        return Done((*done, *self._write("update", inputs, index_of, sent).outcomes))

    def _write(self, verb: str, inputs: list[dict[str, Any]], index_of: dict[str, int], sent: list[int]) -> Done:
        """`sent` are the records' indexes in the order of `inputs`."""
        path = f"{self._paths.contacts}/batch/{verb}"
        try:
            body = self._ask("POST", path, body={"inputs": inputs}, writes=True, replayable=verb == "update")
        except _Declined as error:
            raise self._told(error, inputs, sent) from None
        done = wire.outcomes(body, index_of, sent)
        fields = {one.code for one in done if one.code in ("unknown_field", "read_only_field")}
        if fields and all(one.code in fields for one in done):
            raise self._field_fault(wire.faults(body["errors"][0]))
        return Done(tuple(done))

    def _told(self, error: _Declined, inputs: list[dict[str, Any]], sent: list[int]) -> Refused:
        """Which error a refused batch is: one of the configuration, or of some records."""
        if any(fault.code in wire.FIELD_FAULTS for fault in error.faults):
            return self._field_fault(error.faults)
        blamed = wire.culprits(error.faults, inputs)
        culprits = {sent[position]: reason for position, reason in blamed.items()}
        return BadRecords(str(error), culprits, destination=self._name, code=error.code)

    def _field_fault(self, found: list[wire.Fault]) -> Refused:
        names = ", ".join(sorted({fault.name for fault in found if fault.name})) or "one of `fields`"
        return self._refused(
            f"contact property {names} does not exist or is read-only. Create it in HubSpot or correct `fields`; "
            "`sync doctor` lists what is wrong.",
            wire.meaning(found)[1],
        )

    def _membership(self, batch: Batch, ids: list[str]) -> Done:
        verb = "add" if batch.op is Op.ADD else "remove"
        path = f"{self._paths.lists}/{batch.target_id}/memberships/{verb}"
        body = self._ask("PUT", path, body=list(dict.fromkeys(ids)), writes=True)
        # "recordsIdsAdded" is HubSpot's spelling; empty lists are left out of live answers
        keys = ("recordsIdsAdded", "recordIdsAdded") if verb == "add" else ("recordIdsRemoved",)
        changed = {str(one) for key in keys for one in body.get(key) or ()}
        absent = {str(one) for one in body.get("recordIdsMissing") or ()}
        gone = Outcome.REJECTED if verb == "add" else Outcome.UNCHANGED
        detail = "HubSpot does not hold this contact any more"

        def outcome(index: int, one: str) -> RecordOutcome:
            if one in changed:
                return RecordOutcome(index, Outcome.APPLIED)
            return RecordOutcome(index, gone, "not_held", detail) if one in absent else _unchanged(index)

        return Done(tuple(outcome(index, one) for index, one in enumerate(ids)))

    def _kinds(self, records: list[dict[str, Any]]) -> Mapping[str, str]:
        """Types of the properties, when some record has fields."""
        if not any(record["fields"] for record in records):
            return {}
        return {name: str(one.get("type") or "") for name, one in self._definitions().items()}

    def _tag_values(self, records: list[dict[str, Any]], column: str) -> list[list[str]]:
        """Per record the option values of its tags; a tag to remove that has no option is nobody's."""
        if not any(record[column] for record in records):
            return [[] for _ in records]
        known = self._labels()
        unknown = {tag for record in records for tag in record[column] or () if tag not in known}
        if unknown and column == "tags_add":
            known = self._ensure_options(sorted(unknown))
        return [[known[tag] for tag in record[column] or () if tag in known] for record in records]

    def _current_tags(self, ids: list[str]) -> dict[str, str]:
        if not ids:
            return {}
        results = self._read(list(dict.fromkeys(ids)), "hs_object_id", [self._tag])["results"]
        return {str(one["id"]): one["properties"].get(self._tag) or "" for one in results}

    # -- errors ---------------------------------------------------------------------------------------------------

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        reply = self._http.send(method, path, **options)
        if not isinstance(reply.body, dict):
            raise self._bug(f"{method} {path} answered {reply.status} without an object")
        return reply.body

    def _classify(self, reply: Reply) -> DestinationError | None:
        if 200 <= reply.status < 300:
            return None
        body = reply.body if isinstance(reply.body, dict) else {}
        if reply.status in (401, 403):
            return self._auth(reply.status, body)
        if reply.status in (423, 429, 477) or reply.status >= 500:
            return self._transient(reply, body)
        found = wire.faults(body)
        if reply.status in (400, 409):
            codes = ", ".join(dict.fromkeys(fault.code for fault in found)) or "no code"
            return _Declined(f"{self._name}: HubSpot refused the request ({codes}).", found, self._name)
        if reply.status == 404:
            return self._refused("HubSpot does not know what was asked for; was it deleted there?", "not_found")
        if reply.status == 413:
            return TooLarge(f"{self._name}: the request is too large.", destination=self._name, code="too_large")
        return None

    def _auth(self, status: int, body: Mapping[str, Any]) -> Auth:
        if status == 401:
            advice = "HubSpot does not accept the access token. Is it complete, and has it been rotated?"
            return Auth(f"{self._name}: {advice}", destination=self._name, code="token")
        scopes = ", ".join(_scopes(body)) or "see the app's scopes in HubSpot"
        advice = f"the access token may not do this. Add to the app: {scopes}."
        return Auth(f"{self._name}: {advice}", destination=self._name, code="missing_scopes")

    def _transient(self, reply: Reply, body: Mapping[str, Any]) -> DestinationError:
        policy = str(body.get("policyName") or "")
        if reply.status == 429 and policy == "DAILY":
            advice = "the portal's daily number of requests is used up. It starts anew at midnight in its time zone."
            return self._refused(advice, "daily_limit")
        wait = _wait(reply, policy)
        if wait is not None and wait > PATIENCE:
            return self._refused(
                f"HubSpot asks to come back in {wait / 3600:.1f} hours. Use `sync resume` then.", "later"
            )
        code = {423: "locked", 429: "rate_limit", 477: "migrating"}.get(reply.status, str(reply.status))
        # a gateway that gave up does not know whether the work behind it was done
        kind = Unanswered if reply.status in (502, 504, 520, 522, 524) else Retryable
        message = f"{self._name}: HubSpot answered {reply.status}; try again later."
        return kind(message, destination=self._name, code=code, retry_after=wait)

    def _refused(self, advice: str, code: str) -> Refused:
        return Refused(f"{self._name}: {advice}", destination=self._name, code=code)

    def _bug(self, what: str) -> ContractError:
        return ContractError(f"{self._name}: {what}; please report this.", destination=self._name, code="contract")


def _wait(reply: Reply, policy: str) -> float | None:
    """Seconds that HubSpot asks for. A 429 has no Retry-After; its window's length stands in a header."""
    told = reply.headers.get("Retry-After", "")
    if told.isdigit():
        return float(told)
    if reply.status == 423:
        return 2.0
    if reply.status != 429:
        return None
    if policy == "SECONDLY":
        return 1.0
    interval = reply.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "")
    return float(interval) / 1000 if interval.isdigit() else 10.0


def _scopes(body: Mapping[str, Any]) -> list[str]:
    places = [body, *(part for part in body.get("errors") or () if isinstance(part, dict))]
    contexts = [place["context"] for place in places if isinstance(place.get("context"), dict)]
    named = (context.get("missingScopes") or context.get("requiredGranularScopes") or () for context in contexts)
    return sorted({str(scope) for scopes in named for scope in scopes})


def _after(body: Mapping[str, Any]) -> str | None:
    after = ((body.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _static(item: Mapping[str, Any]) -> bool:
    return item.get("processingType") in ("MANUAL", "SNAPSHOT") and item.get("objectTypeId") == wire.CONTACT_TYPE


def _values(contact: Mapping[str, Any], name: str) -> list[str]:
    return ((contact.get("properties") or {}).get(name) or "").split(";")


def _unchanged(index: int) -> RecordOutcome:
    return RecordOutcome(index, Outcome.UNCHANGED)
