"""Brevo: its kit.

Owns: what others do there, and what it holds, by plain HTTP. Must not: use an adapter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from connector.core.model import Status
from tests.conformance.kits.base import NEITHER, NO, YES, Json, Kit, Meaning, Pace


class Brevo(Kit):
    """A new contact at Brevo may be mailed; one who may not be is blocklisted."""

    name = "brevo"
    headers: ClassVar[Mapping[str, str]] = {"api-key": "xkeysib-rehearsal"}
    kinds = ("list", "tag")
    field = "FIRSTNAME"
    other_field = "LASTNAME"
    policies = ("skip", "subscribed")
    statuses = ("absent", "subscribed", "unsubscribed", "deleted")
    meanings: ClassVar[Mapping[str, Meaning]] = {
        "absent": NEITHER,
        "subscribed": YES,
        "unsubscribed": NO,
        "deleted": NEITHER,  # nothing is kept of them
    }
    seeded: ClassVar[Mapping[str, str]] = {"bv.blocklisted@example.com": "unsubscribed"}
    refused = "person@nowhere.invalid"
    cap = 150
    page = 1000
    targets_page = 50
    paces = (Pace("/v3/contacts.*", 10, 1.0, "targets"), Pace("/v3/processes", 100, 3600.0, "unfinished"))
    declares = True
    address_paths = (r"/v3/contacts/[^/]+",)  # of one contact: GET /contacts/{identifier}
    creates = "subscribed"
    created = Status.SUBSCRIBED

    def make(self, status: str, emails: Sequence[str]) -> None:
        """A contact made subscribed stays blocklisted if it is: only the person undoes that."""
        for email in emails if status != "absent" else ():
            self._call("POST", "/v3/contacts", {"email": email, "updateEnabled": True})
            if status == "unsubscribed":
                self._call("PUT", f"/v3/contacts/{email}", {"emailBlacklisted": True})
            elif status == "deleted" and email not in self.said_no():
                self.delete([email])

    def delete(self, emails: Sequence[str]) -> None:
        for email in emails:
            self._call("DELETE", f"/v3/contacts/{email}")

    def drop(self, name: str) -> None:
        self._call("DELETE", f"/v3/contacts/lists/{self._lists()[name]}")

    def drop_tag(self, name: str) -> None:
        self._call("DELETE", "/v3/contacts/attributes/normal/SEGMENT_TAGS")

    def _lists(self) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self._pages("/v3/contacts/lists", "lists", 50)}

    def members(self, kind: str, name: str) -> set[str]:
        if kind == "tag":
            held = ((one["email"], one["attributes"].get("SEGMENT_TAGS") or "") for one in self._people())
            return {email for email, text in held if name in text.split(";")}
        lists = self._lists()
        if name not in lists:
            return set()
        return {one["email"] for one in self._pages(f"/v3/contacts/lists/{lists[name]}/contacts", "contacts", 500)}

    def values(self, field: str = "") -> dict[str, str]:
        return {one["email"]: one["attributes"].get(field or self.field, "") for one in self._people()}

    def subscribed(self) -> set[str]:
        return {one["email"] for one in self._people() if not one["emailBlacklisted"]}

    def said_no(self) -> set[str]:
        return {one["email"] for one in self._people() if one["emailBlacklisted"]}

    def standing(self) -> dict[str, str]:
        return {one["email"]: f"blocklisted={one['emailBlacklisted']}" for one in self._people()}

    def move(self, email: str, new: str) -> None:
        self._call("PUT", f"/v3/contacts/{email}", {"attributes": {"EMAIL": new}})

    def fill(self, email: str, value: str) -> None:
        self._call("PUT", f"/v3/contacts/{email}", {"attributes": {self.other_field: value}})

    def _people(self) -> Iterator[Json]:
        return self._pages("/v3/contacts", "contacts", 1000)

    def _pages(self, path: str, key: str, most: int) -> Iterator[Json]:
        offset = 0
        while rows := self._call("GET", path, limit=most, offset=offset, sort="asc")[key]:
            yield from rows
            offset += len(rows)
