"""Klaviyo: its kit.

Owns: what others do there, and what it holds, by plain HTTP. Must not: use an adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tests.conformance.kits.base import NEITHER, NO, YES, Json, Kit, Meaning, Pace, batched


class Klaviyo(Kit):
    name = "klaviyo"
    headers: ClassVar[Mapping[str, str]] = {
        "Authorization": "Klaviyo-API-Key pk_rehearsal",
        "revision": "2026-07-15",
        "content-type": "application/vnd.api+json",
    }
    kinds = ("list", "tag")
    field = "first_name"
    other_field = "favourite"  # a custom property
    policies = ("skip", "transactional")
    merges = True
    statuses = ("absent", "subscribed", "never", "unsubscribed", "suppressed")
    meanings: ClassVar[Mapping[str, Meaning]] = {
        "absent": NEITHER,
        "subscribed": YES,
        "never": NEITHER,
        "unsubscribed": NO,
        "suppressed": NO,
        "bounced": NO,
        "complained": NO,
        "invalid": NO,
    }
    seeded: ClassVar[Mapping[str, str]] = {
        "kl.bounced@example.com": "bounced",
        "kl.complained@example.com": "complained",
        "kl.invalid@example.com": "invalid",
    }
    refused = "person@nowhere.invalid"
    cap = 1000
    page = 100
    targets_page = 10
    paces = (Pace("/api/profile-bulk-import-jobs", 10, 1.0, "unfinished"), Pace("/api/lists", 75, 1.0, "targets"))

    def make(self, status: str, emails: Sequence[str]) -> None:
        if status == "absent":
            return
        kind = {
            "subscribed": "profile-subscription-bulk-create-job",
            "unsubscribed": "profile-subscription-bulk-delete-job",
            "suppressed": "profile-suppression-bulk-create-job",
        }.get(status)
        if kind is None:
            self._job("profile-bulk-import-job", emails)
        for some in batched(emails, 100) if kind else ():  # these create profiles that Klaviyo does not hold
            self._job(str(kind), some, "SUBSCRIBED" if status == "subscribed" else "")

    def _job(self, kind: str, emails: Sequence[str], consent: str = "") -> None:
        more = {"subscriptions": {"email": {"marketing": {"consent": consent}}}} if consent else {}
        rows = [{"type": "profile", "attributes": {"email": email, **more}} for email in emails]
        self._call("POST", f"/api/{kind}s", {"data": {"type": kind, "attributes": {"profiles": {"data": rows}}}})

    def delete(self, emails: Sequence[str]) -> None:
        for email in emails:
            profile = {"type": "profile", "attributes": {"email": email}}
            job = {"type": "data-privacy-deletion-job", "attributes": {"profile": {"data": profile}}}
            self._call("POST", "/api/data-privacy-deletion-jobs", {"data": job})

    def drop(self, name: str) -> None:
        self._call("DELETE", f"/api/lists/{self._lists()[name]}")

    def _lists(self) -> dict[str, str]:
        return {one["attributes"]["name"]: one["id"] for one in self._pages("/api/lists")}

    def members(self, kind: str, name: str) -> set[str]:
        if kind == "tag":
            held = ((one, (one["properties"] or {}).get("segment_tags") or ()) for one in self._people())
            return {one["email"] for one, tags in held if name in tags}
        lists = self._lists()
        if name not in lists:
            return set()
        path = f"/api/lists/{lists[name]}/profiles"
        return {one["attributes"]["email"] for one in self._pages(path, **{"page[size]": 100})}

    def values(self, field: str = "") -> dict[str, str]:
        found = ((one, one["properties"] if field == self.other_field else one) for one in self._people())
        return {one["email"]: (values or {}).get(field or self.field) or "" for one, values in found}

    def subscribed(self) -> set[str]:
        return {email for email, one in self._marketing() if one["consent"] == "SUBSCRIBED" and not one["suppression"]}

    def said_no(self) -> set[str]:
        return {email for email, one in self._marketing() if one["consent"] == "UNSUBSCRIBED" or one["suppression"]}

    def standing(self) -> dict[str, str]:
        return {
            email: " ".join([one["consent"], *(each["reason"] for each in one["suppression"])])
            for email, one in self._marketing()
        }

    def move(self, email: str, new: str) -> None:
        (profile,) = self._call("GET", "/api/profiles", filter=f'equals(email,"{email}")')["data"]
        data = {"type": "profile", "id": profile["id"], "attributes": {"email": new}}
        self._call("PATCH", f"/api/profiles/{profile['id']}", {"data": data})

    def leave(self, email: str, name: str) -> bool:
        kind = "profile-subscription-bulk-delete-job"
        rows = [{"type": "profile", "attributes": {"email": email}}]
        data = {
            "type": kind,
            "attributes": {"profiles": {"data": rows}},
            "relationships": {"list": {"data": {"type": "list", "id": self._lists()[name]}}},
        }
        self._call("POST", f"/api/{kind}s", {"data": data})
        return True

    def merge(self, kept: str, gone: str) -> None:
        ids = {one["attributes"]["email"]: one["id"] for one in self._pages("/api/profiles", **{"page[size]": 100})}
        source = {"profiles": {"data": [{"type": "profile", "id": ids[gone]}]}}
        body = {"type": "profile-merge", "id": ids[kept], "relationships": source}
        self._call("POST", "/api/profile-merge", {"data": body})

    def fill(self, email: str, value: str) -> None:
        attributes = {"email": email, "properties": {self.other_field: value}}
        self._call("POST", "/api/profile-import", {"data": {"type": "profile", "attributes": attributes}})

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
