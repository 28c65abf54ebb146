"""HubSpot: its kit.

Owns: what others do there, and what it holds, by plain HTTP. Must not: use an adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tests.conformance.kits.base import NEITHER, NO, Json, Kit, Meaning, Pace, batched


class HubSpot(Kit):
    name = "hubspot"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer pat-rehearsal"}
    kinds = ("list", "tag")
    field = "firstname"
    other_field = "jobtitle"
    policies = ("skip", "transactional")
    statuses = ("absent", "never", "subscribed", "opted_out")
    meanings: ClassVar[Mapping[str, Meaning]] = {
        "absent": NEITHER,
        "never": NEITHER,
        "subscribed": NEITHER,  # consent is kept by type of subscription; the contact itself does not say
        "opted_out": NO,
        "bounced": NO,
        "bad address": NO,
        "quarantined": NO,
    }
    seeded: ClassVar[Mapping[str, str]] = {
        "carla.opted-out@example.com": "opted_out",
        "dinesh.bounced@example.com": "bounced",
        "ewa.bad-address@example.com": "bad address",
        "femi.quarantined@example.com": "quarantined",
    }
    refused = "person@example.xn--p1ai"
    cap = 100
    page = 250
    targets_page = 500
    paces = (
        Pace(r"(?!.*/contacts/search).*", 190, 10.0, "targets"),
        Pace(r"/crm/objects/.*/search", 5, 1.0, "statuses"),
    )
    declares = True
    secret = "access_token"
    merges = True
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

    def delete(self, emails: Sequence[str]) -> None:
        for email in emails:
            self._call("POST", f"{self._contacts}/gdpr-delete", {"objectId": email, "idProperty": "email"})

    def replace(self, email: str) -> None:
        """An address that was erased for good is refused; this one lies in the recycle bin."""
        ids = {one["email"]: key for key, one in self._people()}
        self._call("DELETE", f"{self._contacts}/{ids[email]}")
        self.make("subscribed", [email])

    def drop(self, name: str) -> None:
        found = self._call("GET", f"/crm/lists/2026-03/object-type-id/0-1/name/{name}")
        self._call("DELETE", f"/crm/lists/2026-03/{found['list']['listId']}")

    def drop_tag(self, name: str) -> None:
        path = "/crm/properties/2026-03/contacts/segment_tags"
        left = [each for each in self._call("GET", path)["options"] if each["value"] != name]
        self._call("PATCH", path, {"options": left})

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

    def values(self, field: str = "") -> dict[str, str]:
        name = field or self.field
        return {one["email"]: one[name] or "" for _, one in self._people(name)}

    def subscribed(self) -> set[str]:
        return {one["subscriberIdString"] for one in self._statuses() if one["status"] == "SUBSCRIBED"} - self.said_no()

    def said_no(self) -> set[str]:
        names = ("hs_email_optout", "hs_email_bad_address", "hs_email_quarantined", "hs_email_hard_bounce_reason_enum")
        held = self._people(*names)
        return {one["email"] for _, one in held if any(one[name] not in (None, "", "false") for name in names)}

    def standing(self) -> dict[str, str]:
        names = ("hs_email_optout", "hs_email_bad_address", "hs_email_quarantined", "hs_email_hard_bounce_reason_enum")
        types: dict[str, list[str]] = {}
        for one in self._statuses():
            types.setdefault(one["subscriberIdString"], []).append(f"{one['subscriptionId']}={one['status']}")
        return {
            one["email"]: " ".join([*(f"{name}={one[name]}" for name in names), *sorted(types.get(one["email"], ()))])
            for _, one in self._people(*names)
        }

    def move(self, email: str, new: str) -> None:
        self._call("PATCH", f"{self._contacts}/{email}", {"properties": {"email": new}}, idProperty="email")

    def opt_out_without_contact(self, email: str) -> bool:
        self._call("POST", f"{self._preferences}/statuses/batch/unsubscribe-all", {"inputs": [email]}, channel="EMAIL")
        return True

    def merge(self, kept: str, gone: str) -> None:
        ids = {one["email"]: key for key, one in self._people()}
        self._call("POST", f"{self._contacts}/merge", {"primaryObjectId": ids[kept], "objectIdToMerge": ids[gone]})

    def fill(self, email: str, value: str) -> None:
        body = {"properties": {self.other_field: value}}
        self._call("PATCH", f"{self._contacts}/{email}", body, idProperty="email")

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
