"""One HubSpot portal: each request that the adapter needs, with its paging, caps and limits.

Owns: the endpoints, the property definitions read once, the tag property and its options.
Must not: know a batch or an outcome, diff, retry, sleep, log, store.
Facts are of 2026-11-21 and from developers.hubspot.com/docs/api-reference/latest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from connector.config.sections.models import Destination
from connector.core.errors import Gone
from connector.core.events import Listener
from connector.platforms.base import Identity, Window
from connector.platforms.http.client import Http
from connector.platforms.http.limits import Clock, Limiter
from connector.platforms.hubspot import scopes, shapes, wire
from connector.platforms.hubspot.errors import Declined, Refusals
from connector.platforms.hubspot.names import Options
from connector.vendors.hubspot import HUBSPOT

BASE_URL = "https://api.hubapi.com"
VERSION = "2026-03"
TAG_PROPERTY = HUBSPOT.tag_property
PAGE, SEARCH_PAGE, LIST_PAGE, MEMBER_PAGE = 100, 200, 500, 250
SEARCH_CAP = 10_000  # results of one search; further pages are refused
CONCURRENCY = 20  # no cap is documented; this many requests of a second each fill the rate limit
SLACK = 1.05  # requests arrive at uneven distances: our windows are a little longer, or HubSpot's would overflow
PER_TEN_SECONDS = {"free": 100, "starter": 100, "professional": 190, "enterprise": 190, "add-on": 250, "oauth": 110}
Json = dict[str, Any]


def _longer(*windows: Window) -> tuple[Window, ...]:
    return tuple(Window(window.requests, window.seconds * SLACK) for window in windows)


@dataclass(frozen=True, slots=True)
class Among:
    """Those that any of the filterGroups finds, with other `properties` than usual."""

    groups: Sequence[Json]
    properties: Sequence[str] = ()


EVERYBODY = Among([{"filters": []}])


class Portal:
    """Settings: `version` (of the API's paths), `tier` (see PER_TEN_SECONDS), `tag_property`. Thread-safe."""

    def __init__(self, destination: Destination, secret: str, clock: Clock, listener: Listener) -> None:
        self.refusals = Refusals(destination.name)
        self.limits = (Window(self._requests(destination.settings.get("tier", "professional")), 10.0),)
        self.tag_property = destination.settings.get("tag_property", TAG_PROPERTY)
        self._paths = wire.paths(destination.settings.get("version", VERSION))
        self._wanted = [*wire.STATE_PROPERTIES, self.tag_property]
        self._lock = threading.RLock()
        self._known: dict[str, Json] | None = None
        self._recalled: dict[str, str] = {}
        self._options: tuple[Json | None, Options] | None = None
        self._http = Http(
            destination.name,
            destination.base_url or BASE_URL,
            {HUBSPOT.auth_header: f"Bearer {secret}"},
            self.refusals.classify,
            # searches have a limit of their own and do not count in the other
            Limiter({"": _longer(*self.limits), "search": _longer(Window(5, 1.0))}, clock),
            CONCURRENCY,
            clock,
            listener,
        )

    def _requests(self, tier: str) -> int:
        if tier not in PER_TEN_SECONDS:
            known = ", ".join(PER_TEN_SECONDS)
            raise self.refusals.refused(f"`tier:` “{tier}” is not known. Use one of: {known}.", "tier")
        return PER_TEN_SECONDS[tier]

    def _ask(self, method: str, path: str, shape: type[shapes.Answer], **options: Any) -> Json:
        """The answer as it came. Raises ContractError when it is not of this shape."""
        reply = self._http.send(method, path, **options)
        where = shapes.fault(shape, reply.body)
        if where:
            what = f"{method} {path} answered {reply.status}, not of the documented shape (at {where})"
            raise self.refusals.bug(what)
        body: Json = reply.body
        return body

    def account(self) -> Json:
        return self._ask("GET", self._paths.account, shapes.Answer)

    def now(self, ask: Callable[[], object]) -> datetime:
        """What time it is there."""
        return self._http.now(ask)

    def identity(self) -> Identity:
        number = self.account().get("portalId")
        if not number:
            raise self.refusals.bug("the portal's details name no portalId")
        return Identity(str(number), f"HubSpot portal {number}")

    def lacking(self, wanted: Collection[str]) -> Mapping[str, str]:
        """Which scopes the token lacks -> HubSpot's words."""
        return scopes.lacking(self._http, self._paths, wanted)

    # -- contacts -------------------------------------------------------------------------------------------------

    def page(self, after: str | None = None, limit: int = PAGE, properties: Sequence[str] = ()) -> Json:
        query = {"limit": limit, "properties": list(properties or self._wanted)} | ({"after": after} if after else {})
        return self._ask("GET", self._paths.contacts, shapes.Contacts, query=query)

    def pages(self, properties: Sequence[str] = ()) -> Iterator[Json]:
        """Every contact of the portal; with other `properties` than usual."""
        after: str | None = None
        while True:
            body = self.page(after, properties=properties)
            yield body
            if (after := wire.after(body)) is None:
                return

    def size(self) -> int:
        """About how many contacts there are: the search index runs behind."""
        return int(self._search([], None, 1).get("total") or 0)

    def changed(self, start: int, end: int | None = None, *, among: Among = EVERYBODY) -> Iterator[Json]:
        """Pages of contacts changed at or after `start` (ms), not after `end`, the oldest first, up to the cap of one
        search."""
        filters = [{"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(start)}]
        filters += [] if end is None else [filters[0] | {"operator": "LTE", "value": str(end)}]
        groups = [{"filters": [*filters, *group["filters"]]} for group in among.groups]
        after: str | None = None
        while after is None or int(after) < SEARCH_CAP:
            body = self._search(groups, after, SEARCH_PAGE, among.properties)
            yield body
            if (after := wire.after(body)) is None:
                return

    def _search(self, groups: list[Json], after: str | None, limit: int, properties: Sequence[str] = ()) -> Json:
        body = {
            "filterGroups": groups,
            "properties": list(properties or self._wanted),
            "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
            "limit": limit,
        } | ({"after": after} if after else {})
        return self._ask("POST", f"{self._paths.contacts}/search", shapes.Contacts, body=body, bucket="search")

    def by_email(self, emails: Sequence[str]) -> Json:
        """Up to 100 contacts; who is not held is missing in `results`."""
        return self._read({"idProperty": "email"}, emails, self._wanted)

    def tags_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Record id -> the tag property's value, of up to 100 contacts."""
        if not ids:
            return {}
        results = self._read({}, list(dict.fromkeys(ids)), [self.tag_property])["results"]
        return {str(one["id"]): (one.get("properties") or {}).get(self.tag_property) or "" for one in results}

    def holds(self, ids: Sequence[str]) -> set[str]:
        """Those that are contacts, also when the index does not show them yet; not the id of one that was merged."""
        asked = [list(ids[start : start + PAGE]) for start in range(0, len(ids), PAGE)]
        return {str(one["id"]) for some in asked for one in self._read({}, some, [])["results"]} & set(ids)

    def erased(self, ids: Sequence[str]) -> frozenset[str]:
        """Those that HubSpot names as found neither in the recycle bin, which keeps for 90 days what was not erased for
        good, nor elsewhere. The id of a merged contact gives what it was merged into.
        (knowledge.hubspot.com/records/restore-deleted-records, community.hubspot.com 1101616; 2026-11-30)"""
        left = list(dict.fromkeys(ids))
        for archived in (True, False):
            asked = [left[start : start + PAGE] for start in range(0, len(left), PAGE)]
            left = [one for some in asked for one in self._not_found(some, archived)]
        return frozenset(left)

    def _not_found(self, ids: list[str], archived: bool) -> list[str]:
        body = self._read({}, ids, [], archived=archived)
        named = {one for error in body.get("errors") or () for one in (error.get("context") or {}).get("ids") or ()}
        return [one for one in ids if one in named]

    def _read(
        self, by: dict[str, str], ids: Sequence[str], properties: Sequence[str], *, archived: bool = False
    ) -> Json:
        """`archived`: of the recycle bin alone."""
        inputs = [{"id": one} for one in ids]
        body = by | {"inputs": inputs, "properties": list(properties), "propertiesWithHistory": []}
        path, query = f"{self._paths.contacts}/batch/read", {"archived": "true"} if archived else {}
        return self._ask("POST", path, shapes.Read, query=query, body=body)

    def write(self, verb: str, inputs: list[Json]) -> Json:
        """batch/create or batch/update of up to 100. Raises Declined when the batch as a whole is refused."""
        path, body = f"{self._paths.contacts}/batch/{verb}", {"inputs": inputs}
        return self._ask("POST", path, shapes.Written, body=body, writes=True, replayable=verb == "update")

    def opt_out(self, emails: Sequence[str]) -> Json:
        """Out of all email, up to 100 addresses. Raises Declined when the batch as a whole is refused."""
        path, body = self._paths.opt_out, {"inputs": list(emails)}
        return self._ask("POST", path, shapes.OptedOut, query={"channel": "EMAIL"}, body=body, writes=True)

    def opted_out(self, emails: Sequence[str]) -> Json:
        """Which of up to 100 addresses are opted out of all email, whether or not a contact has them. A reading."""
        if not emails:
            return {"results": []}
        body = {"inputs": list(emails)}
        return self._ask("POST", self._paths.opted_out, shapes.WideStatuses, query={"channel": "EMAIL"}, body=body)

    # -- marketing emails -----------------------------------------------------------------------------------------

    def emails(self, since: datetime, properties: Sequence[str]) -> Iterator[Json]:
        """Pages of those that were published since, with their statistics."""
        at = (since - timedelta(seconds=1)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")  # exclusive
        query: Json = {"limit": PAGE, "isPublished": "true", "includeStats": "true", "publishedAfter": at}
        query["includedProperties"] = list(properties)
        while True:
            body = self._ask("GET", self._paths.emails, shapes.Emails, query=query)
            yield body
            if (after := wire.after(body)) is None:
                return
            query["after"] = after

    # -- lists ----------------------------------------------------------------------------------------------------

    def lists(self, count: int = LIST_PAGE) -> list[Json]:
        """Every list of contacts; only the first with `count` 1."""
        found: list[Json] = []
        while True:
            body = {
                "query": "",
                "objectTypeId": wire.CONTACT_TYPE,
                "offset": len(found),
                "count": count,
                "processingTypes": ["MANUAL", "SNAPSHOT", "DYNAMIC"],
                "listIds": [],
                "additionalProperties": [],
            }
            page = self._ask("POST", f"{self._paths.lists}/search", shapes.Lists, body=body)
            found += page["lists"]
            if not page.get("hasMore") or not page["lists"] or count == 1:
                return found

    def ensure_list(self, name: str, found: Mapping[str, Any] | None) -> str:
        """The id of the list, made when `found` is None. Refuses one that fills itself."""
        if found is None:
            body = {"name": name, "objectTypeId": wire.CONTACT_TYPE, "processingType": "MANUAL"}
            try:
                found = self._ask("POST", self._paths.lists, shapes.OneList, body=body, writes=True)["list"]
            except Declined:  # made meanwhile
                path = f"{self._paths.lists}/object-type-id/{wire.CONTACT_TYPE}/name/{quote(name, safe='')}"
                found = self._ask("GET", path, shapes.OneList)["list"]
        if not wire.is_static(found):
            advice = "Rename it in HubSpot, or use another name in segments.yaml."
            raise self.refusals.refused(
                f"list “{name}” fills itself by filters, so nobody can be added to it. {advice}", "not_static"
            )
        return str(found["listId"])

    def memberships(self, list_id: str) -> Iterator[list[str]]:
        """Record ids of the members, page by page."""
        after: str | None = None
        while True:
            query = {"limit": MEMBER_PAGE} | ({"after": after} if after else {})
            body = self._ask("GET", f"{self._paths.lists}/{list_id}/memberships", shapes.Memberships, query=query)
            yield [str(one["recordId"]) for one in body["results"]]
            if (after := wire.after(body)) is None:
                return

    def change_memberships(self, list_id: str, verb: str, ids: list[str]) -> Json:
        """`verb` is "add" or "remove"."""
        path = f"{self._paths.lists}/{list_id}/memberships/{verb}"
        return self._ask("PUT", path, shapes.Changed, body=ids, writes=True)

    # -- properties -----------------------------------------------------------------------------------------------

    def definitions(self) -> dict[str, Json]:
        """Every contact property by name, read once."""
        with self._lock:
            if self._known is None:
                found = self._ask("GET", self._paths.properties, shapes.Properties)["results"]
                self._known = {str(one["name"]): one for one in found}
            return self._known

    def recall(self, tags: Mapping[str, str]) -> None:
        """The options that the ledger has our tags under: they stay ours when somebody changes their labels."""
        with self._lock:
            self._recalled, self._options = dict(tags), None

    def options(self) -> Options:
        """The tag property's, as last read."""
        with self._lock:
            definition = self.definitions().get(self.tag_property)
            if self._options is None or self._options[0] is not definition:
                self._options = (definition, Options(definition, self._recalled))
            return self._options[1]

    def ensure_options(self, names: Sequence[str]) -> Options:
        """Options for these tags. HubSpot replaces the whole list of options, so it is read again before each write."""
        with self._lock:
            known = self.options()
            for _ in range(3):
                if all(known.value(name) for name in names):
                    return known
                definition = self._tag_definition()
                found = Options(definition, self._recalled)
                missing = [name for name in dict.fromkeys(names) if not found.value(name)]
                if missing:
                    definition = self._write_options(definition, missing)
                if definition:
                    self.definitions()[self.tag_property] = definition
                    known = self.options()
        advice = f"the options of property {self.tag_property} keep changing while they are written. Try again later."
        raise self.refusals.refused(advice, "options")

    def _tag_definition(self) -> Json | None:
        """The tag property as it is now, None when there is none. Refuses one that cannot hold tags."""
        try:
            definition = self._ask("GET", f"{self._paths.properties}/{self.tag_property}", shapes.Property)
        except Gone:
            return None
        if not wire.holds_tags(definition):
            raise self.refusals.refused(
                f"contact property {self.tag_property} is not a multiple-checkbox property whose options can be "
                "changed. Choose another name with `tag_property:` at the destination.",
                "tag_property",
            )
        return definition

    def _write_options(self, definition: Json | None, missing: list[str]) -> Json | None:
        options = wire.merged_options(definition, missing)
        if definition is not None:
            path = f"{self._paths.properties}/{self.tag_property}"
            return self._ask("PATCH", path, shapes.Property, body={"options": options}, writes=True)
        body = wire.tag_property(self.tag_property, options)
        try:
            return self._ask("POST", self._paths.properties, shapes.Property, body=body, writes=True)
        except Declined:  # made meanwhile: it is read in the next round
            return None
