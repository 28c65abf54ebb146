"""The outside world of each platform: people who sign up, leave, bounce; and what the platform holds, by plain HTTP.

A platform joins the conformance suite with one Kit in KITS. Owns: writing statuses behind the connector's back, and
reading memberships, fields and consent. Must not: use an adapter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import requests

from connector.core.model import Status
from connector.rehearsal.core.process import Running

Json = dict[str, Any]


def batched(emails: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    return (emails[at : at + most] for at in range(0, len(emails), most))


class Kit:
    """One platform. `kinds` are the targets that it offers, `field` one of its fields, `policies` its new_contacts;
    `statuses` are the states that people can be in, besides the seeded ones."""

    name: ClassVar[str]
    headers: ClassVar[Mapping[str, str]]
    kinds: ClassVar[tuple[str, ...]]
    field: ClassVar[str]
    policies: ClassVar[tuple[str, ...]]
    statuses: ClassVar[tuple[str, ...]]
    seeded: ClassVar[Mapping[str, str]]  # address -> the status it has from the start
    refused: ClassVar[str]  # an address that is one for us, and none for this platform
    cap: ClassVar[int]  # the largest batch of the operation with the smallest one
    secret: ClassVar[str] = "api_key"
    extra: ClassVar[Mapping[str, str]] = {}  # more keys of the destination in segments.yaml
    creates: ClassVar[str] = "transactional"  # the policy that creates, and asks for the least
    created: ClassVar[Status] = Status.NEVER_SUBSCRIBED  # how whoever was created by it reads
    tags_are_property: ClassVar[bool] = True

    def __init__(self, running: Running) -> None:
        self.running = running
        self._session = requests.Session()
        self._session.headers.update(self.headers)
        self._session.trust_env = False

    def close(self) -> None:
        self._session.close()

    def make(self, status: str, emails: Sequence[str]) -> None:
        """Bring people into a status; what the platform forbids (a resubscription, say) just does not happen."""
        raise NotImplementedError

    def members(self, kind: str, name: str) -> set[str]:
        """Who is in a target; nobody when there is none of that name."""
        raise NotImplementedError

    def values(self) -> dict[str, str]:
        """Address -> the value of `field`, "" when it has none."""
        raise NotImplementedError

    def subscribed(self) -> set[str]:
        """Who agreed to marketing mail, as the platform has it, and has not said no since."""
        raise NotImplementedError

    def said_no(self) -> set[str]:
        """Who must not be mailed, whatever anybody's export says."""
        raise NotImplementedError

    def _call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = self._session.request(method, self.running.url + path, json=body, params=query, timeout=30)
        if answer.status_code == 404:
            return None
        assert answer.status_code < 500, answer.text
        return answer.json() if answer.content else None


class Mailchimp(Kit):
    name = "mailchimp"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer rehearsal-us1"}
    kinds = ("tag",)
    field = "FNAME"
    policies = ("skip", "transactional", "pending", "subscribed")
    statuses = ("absent", "subscribed", "pending", "transactional", "unsubscribed", "cleaned", "archived", "forgotten")
    seeded: ClassVar[Mapping[str, str]] = {"greta@example.com": "unsubscribed", "ines@example.com": "cleaned"}
    refused = "fake.person@example.com"
    cap = 500
    tags_are_property = False
    extra: ClassVar[Mapping[str, str]] = {"audience": "Newsletter"}

    def __init__(self, running: Running) -> None:
        super().__init__(running)
        self._root = f"/3.0/lists/{self._call('GET', '/3.0/lists')['lists'][0]['id']}"

    def make(self, status: str, emails: Sequence[str]) -> None:
        if status == "absent":
            return
        first = {"archived": "subscribed", "forgotten": "subscribed"}.get(status, status)
        for some in batched(emails, 500):
            rows = [{"email_address": email, "status": first} for email in some]
            self._call("POST", self._root, {"members": rows, "update_existing": True})
        for email in emails if status in ("archived", "forgotten") else ():
            one = f"{self._root}/members/{hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()}"
            how = ("DELETE", one) if status == "archived" else ("POST", f"{one}/actions/delete-permanent")
            self._call(*how)

    def members(self, kind: str, name: str) -> set[str]:
        tags = {tag["name"]: tag["id"] for tag in self._pages(f"{self._root}/segments", "segments", type="static")}
        if name not in tags:
            return set()
        every = {f"include_{which}": "true" for which in ("cleaned", "transactional", "unsubscribed")}
        path = f"{self._root}/segments/{tags[name]}/members"
        return {one["email_address"] for one in self._pages(path, "members", **every)}

    def values(self) -> dict[str, str]:
        return {one["email_address"]: one["merge_fields"]["FNAME"] for one in self._people()}

    def subscribed(self) -> set[str]:
        return {one["email_address"] for one in self._people() if one["status"] == "subscribed"}

    def said_no(self) -> set[str]:
        gone = {one["email_address"] for one in self._pages(f"{self._root}/members", "members", status="archived")}
        return gone | {one["email_address"] for one in self._people() if one["status"] in ("unsubscribed", "cleaned")}

    def _people(self) -> Iterator[Json]:
        return self._pages(f"{self._root}/members", "members")

    def _pages(self, path: str, key: str, **query: Any) -> Iterator[Json]:
        offset = 0
        while rows := self._call("GET", path, count=1000, offset=offset, **query)[key]:
            yield from rows
            offset += len(rows)


class Klaviyo(Kit):
    name = "klaviyo"
    headers: ClassVar[Mapping[str, str]] = {
        "Authorization": "Klaviyo-API-Key pk_rehearsal",
        "revision": "2026-07-15",
        "content-type": "application/vnd.api+json",
    }
    kinds = ("list", "tag")
    field = "first_name"
    policies = ("skip", "transactional")
    statuses = ("absent", "subscribed", "never", "unsubscribed", "suppressed")
    seeded: ClassVar[Mapping[str, str]] = {
        "kl.bounced@example.com": "bounced",
        "kl.complained@example.com": "complained",
        "kl.invalid@example.com": "invalid",
    }
    refused = "person@nowhere.invalid"
    cap = 1000

    def make(self, status: str, emails: Sequence[str]) -> None:
        if status == "absent":
            return
        self._job("profile-bulk-import-job", emails)
        kind = {
            "subscribed": "profile-subscription-bulk-create-job",
            "unsubscribed": "profile-subscription-bulk-delete-job",
            "suppressed": "profile-suppression-bulk-create-job",
        }.get(status)
        for some in batched(emails, 100) if kind else ():
            self._job(str(kind), some, "SUBSCRIBED" if status == "subscribed" else "")

    def _job(self, kind: str, emails: Sequence[str], consent: str = "") -> None:
        more = {"subscriptions": {"email": {"marketing": {"consent": consent}}}} if consent else {}
        rows = [{"type": "profile", "attributes": {"email": email, **more}} for email in emails]
        self._call("POST", f"/api/{kind}s", {"data": {"type": kind, "attributes": {"profiles": {"data": rows}}}})

    def members(self, kind: str, name: str) -> set[str]:
        if kind == "tag":
            held = ((one, (one["properties"] or {}).get("segment_tags") or ()) for one in self._people())
            return {one["email"] for one, tags in held if name in tags}
        lists = {one["attributes"]["name"]: one["id"] for one in self._pages("/api/lists")}
        if name not in lists:
            return set()
        path = f"/api/lists/{lists[name]}/profiles"
        return {one["attributes"]["email"] for one in self._pages(path, **{"page[size]": 100})}

    def values(self) -> dict[str, str]:
        return {one["email"]: one["first_name"] or "" for one in self._people()}

    def subscribed(self) -> set[str]:
        return {email for email, one in self._marketing() if one["consent"] == "SUBSCRIBED" and not one["suppression"]}

    def said_no(self) -> set[str]:
        return {email for email, one in self._marketing() if one["consent"] == "UNSUBSCRIBED" or one["suppression"]}

    def _marketing(self) -> Iterator[tuple[str, Json]]:
        return ((one["email"], one["subscriptions"]["email"]["marketing"]) for one in self._people())

    def _people(self) -> Iterator[Json]:
        query = {"page[size]": 100, "additional-fields[profile]": "subscriptions"}
        return (one["attributes"] for one in self._pages("/api/profiles", **query))

    def _pages(self, path: str, **query: Any) -> Iterator[Json]:
        while path:
            page = self._call("GET", path, **query)
            yield from page["data"]
            path, query = (page["links"].get("next") or "").removeprefix(self.running.url), {}


class HubSpot(Kit):
    name = "hubspot"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer pat-rehearsal"}
    kinds = ("list", "tag")
    field = "firstname"
    policies = ("skip", "transactional")
    statuses = ("absent", "never", "subscribed", "opted_out")
    seeded: ClassVar[Mapping[str, str]] = {
        "carla.opted-out@example.com": "opted_out",
        "dinesh.bounced@example.com": "bounced",
        "ewa.bad-address@example.com": "bad address",
        "femi.quarantined@example.com": "quarantined",
    }
    refused = "person@example.xn--p1ai"
    cap = 100
    secret = "access_token"
    _contacts = "/crm/objects/2026-03/contacts"
    _preferences = "/communication-preferences/2026-03"

    def make(self, status: str, emails: Sequence[str]) -> None:
        if status == "absent":
            return
        for some in batched(emails, 100):
            new = [{"properties": {"email": one}, "objectWriteTraceId": one} for one in some]
            self._call("POST", f"{self._contacts}/batch/create", {"inputs": new})
            if status == "opted_out":
                path = f"{self._preferences}/statuses/batch/unsubscribe-all"
                self._call("POST", path, {"inputs": some}, channel="EMAIL")
            elif status == "subscribed":
                self._call(
                    "POST", f"{self._preferences}/statuses/batch/write", {"inputs": [self._yes(e) for e in some]}
                )

    def _yes(self, email: str) -> Json:
        return {
            "subscriberIdString": email,
            "channel": "EMAIL",
            "subscriptionId": self._subscription(),
            "statusState": "SUBSCRIBED",
        }

    def _subscription(self) -> int:
        found = self._call("GET", f"{self._preferences}/definitions")
        return int(found["results"][0]["id"])

    def members(self, kind: str, name: str) -> set[str]:
        if kind == "tag":
            held = ((one["email"], (one["segment_tags"] or "").split(";")) for _, one in self._people("segment_tags"))
            return {email for email, tags in held if name in tags}
        found = self._call("GET", f"/crm/lists/2026-03/object-type-id/0-1/name/{name}")
        if found is None:
            return set()
        emails = {key: one["email"] for key, one in self._people()}
        path = f"/crm/lists/2026-03/{found['list']['listId']}/memberships"
        return {emails[one["recordId"]] for one in self._pages(path, limit=250)}

    def values(self) -> dict[str, str]:
        return {one["email"]: one["firstname"] or "" for _, one in self._people("firstname")}

    def subscribed(self) -> set[str]:
        return {one["subscriberIdString"] for one in self._statuses() if one["status"] == "SUBSCRIBED"} - self.said_no()

    def said_no(self) -> set[str]:
        names = ("hs_email_optout", "hs_email_bad_address", "hs_email_quarantined", "hs_email_hard_bounce_reason_enum")
        held = self._people(*names)
        return {one["email"] for _, one in held if any(one[name] not in (None, "", "false") for name in names)}

    def _statuses(self) -> Iterator[Json]:
        emails = [one["email"] for _, one in self._people()]
        for some in batched(emails, 100):
            path = f"{self._preferences}/statuses/batch/read"
            for found in self._call("POST", path, {"inputs": some}, channel="EMAIL")["results"]:
                yield from found.get("statuses", [found])

    def _people(self, *properties: str) -> Iterator[tuple[str, Json]]:
        found = self._pages(self._contacts, limit=100, properties=["email", *properties])
        return ((one["id"], one["properties"]) for one in found)

    def _pages(self, path: str, **query: Any) -> Iterator[Json]:
        after: str | None = None
        while True:
            page = self._call("GET", path, **query, **({"after": after} if after else {}))
            yield from page["results"]
            after = page.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return


class Brevo(Kit):
    """Whoever is new at Brevo may be mailed; one who may not be is blocklisted."""

    name = "brevo"
    headers: ClassVar[Mapping[str, str]] = {"api-key": "xkeysib-rehearsal"}
    kinds = ("list", "tag")
    field = "FIRSTNAME"
    policies = ("skip", "subscribed")
    statuses = ("absent", "subscribed", "unsubscribed", "deleted")
    seeded: ClassVar[Mapping[str, str]] = {"bv.blocklisted@example.com": "unsubscribed"}
    refused = "person@nowhere.invalid"
    cap = 150
    creates = "subscribed"
    created = Status.SUBSCRIBED

    def make(self, status: str, emails: Sequence[str]) -> None:
        """Whoever is made subscribed stays blocklisted if they are: only a person lifts that."""
        for email in emails if status != "absent" else ():
            self._call("POST", "/v3/contacts", {"email": email, "updateEnabled": True})
            if status == "unsubscribed":
                self._call("PUT", f"/v3/contacts/{email}", {"emailBlacklisted": True})
            elif status == "deleted" and email not in self.said_no():
                self._call("DELETE", f"/v3/contacts/{email}")

    def members(self, kind: str, name: str) -> set[str]:
        if kind == "tag":
            held = ((one["email"], one["attributes"].get("SEGMENT_TAGS") or "") for one in self._people())
            return {email for email, text in held if name in text.split(";")}
        lists = {one["name"]: one["id"] for one in self._pages("/v3/contacts/lists", "lists", 50)}
        if name not in lists:
            return set()
        return {one["email"] for one in self._pages(f"/v3/contacts/lists/{lists[name]}/contacts", "contacts", 500)}

    def values(self) -> dict[str, str]:
        return {one["email"]: one["attributes"].get("FIRSTNAME", "") for one in self._people()}

    def subscribed(self) -> set[str]:
        return {one["email"] for one in self._people() if not one["emailBlacklisted"]}

    def said_no(self) -> set[str]:
        return {one["email"] for one in self._people() if one["emailBlacklisted"]}

    def _people(self) -> Iterator[Json]:
        return self._pages("/v3/contacts", "contacts", 1000)

    def _pages(self, path: str, key: str, most: int) -> Iterator[Json]:
        offset = 0
        while rows := self._call("GET", path, limit=most, offset=offset, sort="asc")[key]:
            yield from rows
            offset += len(rows)


KITS: dict[str, type[Kit]] = {kit.name: kit for kit in (Mailchimp, Klaviyo, HubSpot, Brevo)}
