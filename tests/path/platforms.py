"""Reads the rehearsal platforms with plain HTTP, not through the connector's adapters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

MAILCHIMP = {"Authorization": "Bearer rehearsal-us1"}
KLAVIYO = {
    "Authorization": "Klaviyo-API-Key pk_rehearsal",
    "revision": "2026-07-15",
    "accept": "application/vnd.api+json",
}
HUBSPOT = {"Authorization": "Bearer pat-rehearsal"}
BREVO = {"api-key": "xkeysib-rehearsal"}


def get(url: str, headers: dict[str, str], **query: Any) -> dict[str, Any]:
    answer = requests.get(url, headers=headers, params=query, timeout=300)
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def mailchimp(url: str) -> dict[str, set[str]]:
    """Tag -> addresses."""
    audience = get(f"{url}/3.0/lists", MAILCHIMP, count=1000)["lists"][0]["id"]
    tags = get(f"{url}/3.0/lists/{audience}/segments", MAILCHIMP, type="static", count=1000)["segments"]
    return {tag["name"]: set(_tagged(f"{url}/3.0/lists/{audience}/segments/{tag['id']}/members")) for tag in tags}


def _tagged(url: str) -> Iterator[str]:
    offset = 0
    while members := get(url, MAILCHIMP, count=1000, offset=offset)["members"]:
        yield from (member["email_address"].lower() for member in members)
        offset += 1000


def mailchimp_statuses(url: str, status: str = "") -> dict[str, str]:
    """Address -> status of everybody in the audience, or of those with one status (archived ones only so)."""
    audience = get(f"{url}/3.0/lists", MAILCHIMP, count=1000)["lists"][0]["id"]
    found: dict[str, str] = {}
    query: dict[str, Any] = {"count": 1000} | ({"status": status} if status else {})
    while members := get(f"{url}/3.0/lists/{audience}/members", MAILCHIMP, offset=len(found), **query)["members"]:
        found |= {member["email_address"].lower(): member["status"] for member in members}
    return found


def _klaviyo_pages(link: str | None, **query: Any) -> Iterator[dict[str, Any]]:
    while link:
        page = get(link, KLAVIYO, **query)
        yield from page["data"]
        link, query = page["links"].get("next"), {}


def klaviyo(url: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(list -> addresses, tag -> addresses)."""
    lists = {}
    for item in _klaviyo_pages(f"{url}/api/lists"):
        members = _klaviyo_pages(f"{url}/api/lists/{item['id']}/profiles", **{"page[size]": 100})
        lists[item["attributes"]["name"]] = {profile["attributes"]["email"] for profile in members}
    tags: dict[str, set[str]] = {}
    for profile in _klaviyo_pages(f"{url}/api/profiles", **{"page[size]": 100}):
        for tag in profile["attributes"]["properties"].get("segment_tags") or []:
            tags.setdefault(tag, set()).add(profile["attributes"]["email"])
    return lists, tags


def hubspot(url: str) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(list -> addresses, tag option -> addresses)."""
    emails: dict[str, str] = {}
    tags: dict[str, set[str]] = {}
    after: str | None = "0"
    while after:
        query = {"limit": 100, "properties": "email,segment_tags"} | ({"after": after} if after != "0" else {})
        page = get(f"{url}/crm/v3/objects/contacts", HUBSPOT, **query)
        for contact in page["results"]:
            emails[contact["id"]] = contact["properties"]["email"]
            for tag in filter(None, (contact["properties"].get("segment_tags") or "").split(";")):
                tags.setdefault(tag, set()).add(contact["properties"]["email"])
        after = page.get("paging", {}).get("next", {}).get("after")
    found = requests.post(f"{url}/crm/v3/lists/search", json={"count": 500}, headers=HUBSPOT, timeout=300).json()
    lists = {item["name"]: set(_hubspot_members(url, item["listId"], emails)) for item in found["lists"]}
    return lists, tags


def hubspot_properties(url: str, *names: str) -> dict[str, dict[str, str | None]]:
    """Address -> these properties of its contact."""
    found: dict[str, dict[str, str | None]] = {}
    query: dict[str, Any] = {"limit": 100, "properties": ",".join(("email", *names))}
    while query:
        page = get(f"{url}/crm/v3/objects/contacts", HUBSPOT, **query)
        found |= {contact["properties"]["email"]: contact["properties"] for contact in page["results"]}
        after = page.get("paging", {}).get("next", {}).get("after")
        query = query | {"after": after} if after else {}
    return found


def hubspot_optouts(url: str) -> set[str]:
    """Contacts that are opted out of all email."""
    held = hubspot_properties(url, "hs_email_optout")
    return {email for email, properties in held.items() if properties.get("hs_email_optout") == "true"}


def _hubspot_members(url: str, identity: str, emails: dict[str, str]) -> Iterator[str]:
    after: str | None = ""
    while after is not None:
        query = {"limit": 250} | ({"after": after} if after else {})
        page = get(f"{url}/crm/v3/lists/{identity}/memberships", HUBSPOT, **query)
        yield from (emails[member["recordId"]] for member in page["results"])
        after = page.get("paging", {}).get("next", {}).get("after")
