"""Mailchimp: its kit.

Owns: what others do there, and what it holds, by plain HTTP. Must not: use an adapter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from connector.rehearsal.core.process import Running
from tests.conformance.kits.base import NEITHER, NO, YES, Json, Kit, Meaning, batched


class Mailchimp(Kit):
    name = "mailchimp"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer rehearsal-us1"}
    kinds = ("tag",)
    thing = "tag"
    field = "FNAME"
    other_field = "LNAME"
    policies = ("skip", "transactional", "pending", "subscribed")
    statuses = ("absent", "subscribed", "pending", "transactional", "unsubscribed", "cleaned", "archived", "forgotten")
    meanings: ClassVar[Mapping[str, Meaning]] = {
        "absent": NEITHER,
        "subscribed": YES,
        "pending": NEITHER,
        "transactional": NEITHER,
        "unsubscribed": NO,
        "cleaned": NO,
        "archived": NO,
        "forgotten": NO,
    }
    seeded: ClassVar[Mapping[str, str]] = {"greta@example.com": "unsubscribed", "ines@example.com": "cleaned"}
    refused = "fake.person@example.com"
    cap = 500
    page = 1000
    targets_page = 1000
    paces = ()  # no quota of requests per time, only connections
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
        if status == "archived":
            for email in emails:
                self._call("DELETE", self._member(email))
        elif status == "forgotten":
            self.delete(emails)

    def _member(self, email: str) -> str:
        return f"{self._root}/members/{hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()}"

    def delete(self, emails: Sequence[str]) -> None:
        for email in emails:
            self._call("POST", f"{self._member(email)}/actions/delete-permanent")

    def replace(self, email: str) -> None:
        """An address that was erased comes back by a form alone, which the rehearsal does not have."""
        self.move(email, f"left.{email}")
        self.make("subscribed", [email])

    def drop(self, name: str) -> None:
        self._call("DELETE", f"{self._root}/segments/{self._tags()[name]}")

    def _tags(self) -> dict[str, int]:
        return {tag["name"]: tag["id"] for tag in self._pages(f"{self._root}/segments", "segments", type="static")}

    def members(self, kind: str, name: str) -> set[str]:
        tags = self._tags()
        if name not in tags:
            return set()
        every = {f"include_{which}": "true" for which in ("cleaned", "transactional", "unsubscribed")}
        path = f"{self._root}/segments/{tags[name]}/members"
        return {one["email_address"] for one in self._pages(path, "members", **every)}

    def values(self, field: str = "") -> dict[str, str]:
        return {one["email_address"]: one["merge_fields"][field or self.field] for one in self._people()}

    def subscribed(self) -> set[str]:
        return {one["email_address"] for one in self._people() if one["status"] == "subscribed"}

    def said_no(self) -> set[str]:
        gone = {one["email_address"] for one in self._pages(f"{self._root}/members", "members", status="archived")}
        return gone | {one["email_address"] for one in self._people() if one["status"] in ("unsubscribed", "cleaned")}

    def standing(self) -> dict[str, str]:
        gone = self._pages(f"{self._root}/members", "members", status="archived")
        return {one["email_address"]: one["status"] for one in (*self._people(), *gone)}

    def move(self, email: str, new: str) -> None:
        self._call("PATCH", self._member(email), {"email_address": new})

    def fill(self, email: str, value: str) -> None:
        self._call("PATCH", self._member(email), {"merge_fields": {self.other_field: value}})

    def _people(self) -> Iterator[Json]:
        return self._pages(f"{self._root}/members", "members")

    def _pages(self, path: str, key: str, **query: Any) -> Iterator[Json]:
        offset = 0
        while rows := self._call("GET", path, count=1000, offset=offset, **query)[key]:
            yield from rows
            offset += len(rows)
