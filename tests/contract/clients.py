"""The vendors' own Python clients, and what they read from the rehearsal platforms.

Owns: pages through contacts, lists and tags with nothing but the vendors' code. Must not: use the connector's adapters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hubspot
import mailchimp_marketing
from hubspot.crm import lists as hubspot_lists
from klaviyo_api import KlaviyoAPI

TAGS = "segment_tags"
AnyStatus = {"include_cleaned": True, "include_transactional": True, "include_unsubscribed": True}


class Mailchimp:
    def __init__(self, url: str) -> None:
        self.client = mailchimp_marketing.Client()
        self.client.set_config({"api_key": "rehearsal-us1"})
        self.client.api_client.host = f"{url}/3.0"
        self.lists = self.client.lists
        self.audience: str = self.lists.get_all_lists(count=1000)["lists"][0]["id"]

    def statuses(self) -> dict[str, str]:
        """Address -> status of everybody who is not archived."""
        rows = self._pages(lambda **page: self.lists.get_list_members_info(self.audience, **page), "members")
        return {row["email_address"]: row["status"] for row in rows}

    def tags(self) -> dict[str, set[str]]:
        """Tag -> addresses."""
        rows = self._pages(lambda **page: self.lists.list_segments(self.audience, type="static", **page), "segments")
        return {row["name"]: self.tagged(row["id"]) for row in rows}

    def tagged(self, tag: str) -> set[str]:
        def read(**page: int) -> Any:
            return self.lists.get_segment_members_list(self.audience, tag, **AnyStatus, **page)

        return {row["email_address"] for row in self._pages(read, "members")}

    @staticmethod
    def _pages(read: Callable[..., Any], key: str) -> Iterator[dict[str, Any]]:
        offset = 0
        while rows := read(count=1000, offset=offset)[key]:
            yield from rows
            offset += len(rows)


class Klaviyo:
    def __init__(self, url: str) -> None:
        self.client = KlaviyoAPI("pk_rehearsal", max_retries=4, max_delay=3, test_host=url)
        self.profiles = self.client.Profiles
        self.lists = self.client.Lists

    def people(self) -> dict[str, Any]:
        """Address -> attributes, with properties and subscriptions."""

        def read(**page: Any) -> Any:
            return self.profiles.get_profiles(additional_fields_profile=["subscriptions"], page_size=100, **page)

        return {one.attributes.email: one.attributes for one in self._pages(read)}

    def tags(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for email, attributes in self.people().items():
            for tag in (attributes.properties or {}).get(TAGS) or ():
                found.setdefault(tag, set()).add(email)
        return found

    def members(self) -> dict[str, set[str]]:
        """List -> addresses."""
        names = {one.id: one.attributes.name for one in self._pages(self.lists.get_lists)}
        return {name: self.member_of(key) for key, name in names.items()}

    def member_of(self, key: str) -> set[str]:
        read = self.lists.get_profiles_for_list
        return {one.attributes.email for one in self._pages(lambda **page: read(key, page_size=100, **page))}

    @staticmethod
    def _pages(read: Callable[..., Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = read(**({"page_cursor": cursor} if cursor else {}))
            yield from page.data
            if not page.links or not page.links.next:
                return
            # the client cuts the cursor out of a whole address only when that begins with https
            cursor = page.links.next.split("page%5Bcursor%5D=")[1].split("&")[0]


class HubSpot:
    def __init__(self, url: str) -> None:
        self.client = hubspot.HubSpot(access_token="pat-rehearsal", host=url)
        self.contacts = self.client.crm.contacts
        self.lists = self.client.crm.lists

    def people(self, *properties: str) -> dict[str, Any]:
        """Address -> contact."""
        found = self.contacts.get_all(properties=["email", TAGS, *properties])
        return {one.properties["email"]: one for one in found}

    def tags(self) -> dict[str, set[str]]:
        """Option -> addresses."""
        found: dict[str, set[str]] = {}
        for email, one in self.people().items():
            for tag in filter(None, (one.properties.get(TAGS) or "").split(";")):
                found.setdefault(tag, set()).add(email)
        return found

    def members(self) -> dict[str, set[str]]:
        """List -> addresses."""
        emails = {one.id: email for email, one in self.people().items()}
        wanted = hubspot_lists.ListSearchRequest(
            query="", count=500, offset=0, processing_types=["MANUAL"], list_ids=[], additional_properties=[]
        )
        found = self.lists.lists_api.do_search(wanted).lists
        return {one.name: {emails[key] for key in self.member_of(one.list_id)} for one in found}

    def member_of(self, key: str) -> Iterator[str]:
        """Record ids."""
        after: str | None = None
        while True:
            page = self.lists.memberships_api.get_page(key, limit=250, **({"after": after} if after else {}))
            yield from (one.record_id for one in page.results)
            if not page.paging or not page.paging.next:
                return
            after = page.paging.next.after
