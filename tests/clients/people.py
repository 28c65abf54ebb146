"""The invented people that the platforms hold when a client begins, and what they hold afterwards, by plain HTTP.

Owns: filling a rehearsal, and complete sets of what it holds. Must not: use a client, or the connector's adapters.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import requests

from connector.rehearsal.core.process import Running
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP, get

COUNT = 2330  # more than one page, and no multiple of one, for every client
PEOPLE = [f"p{number:04d}@example.com" for number in range(COUNT - 2)] + ["a_b@example.com", "axb@example.com"]
READERS = PEOPLE[:1510]  # in the list or tag "Readers"
LEFT = PEOPLE[7::10]  # opted out on Mailchimp
NAMED = {PEOPLE[0]: "50% off", PEOPLE[1]: "50 euros off"}  # signs that a search must take as they are
CONTACTS = "/crm/v3/objects/contacts"


def send(running: Running, headers: dict[str, str], method: str, path: str, body: Any = None) -> Any:
    answer = requests.request(method, running.url + path, headers=headers, json=body, timeout=300)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def first(email: str) -> str:
    return NAMED.get(email, f"First {email.partition('@')[0]}")


# -- Mailchimp ----------------------------------------------------------------------------------------------------


def audience(running: Running) -> str:
    return str(get(f"{running.url}/3.0/lists", MAILCHIMP)["lists"][0]["id"])


def fill_mailchimp(running: Running) -> None:
    left, readers = set(LEFT), set(READERS)
    rows = [
        {
            "email_address": email,
            "status": "unsubscribed" if email in left else "subscribed",
            "merge_fields": {"FNAME": first(email)},
            "tags": ["Readers"] if email in readers else [],
        }
        for email in PEOPLE
    ]
    for start in range(0, COUNT, 500):
        body = {"members": rows[start : start + 500], "sync_tags": True}
        send(running, MAILCHIMP, "POST", f"/3.0/lists/{audience(running)}", body)


def mailchimp_member(running: Running, email: str) -> dict[str, Any]:
    return get(f"{running.url}/3.0/lists/{audience(running)}/members/{quote(email)}", MAILCHIMP)


# -- Klaviyo ------------------------------------------------------------------------------------------------------


def fill_klaviyo(running: Running) -> None:
    made = {"data": {"type": "list", "attributes": {"name": "Readers"}}}
    key = send(running, KLAVIYO, "POST", "/api/lists", made)["data"]["id"]
    import_klaviyo(running, READERS, key)
    import_klaviyo(running, PEOPLE[len(READERS) :])


def import_klaviyo(running: Running, people: list[str], key: str = "") -> None:
    rows = [{"type": "profile", "attributes": {"email": email, "first_name": first(email)}} for email in people]
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
    if key:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": key}]}}
    job = send(running, KLAVIYO, "POST", "/api/profile-bulk-import-jobs", {"data": data})["data"]["id"]
    path = f"/api/profile-bulk-import-jobs/{job}"
    while send(running, KLAVIYO, "GET", path)["data"]["attributes"]["status"] != "complete":
        time.sleep(0.05)


def klaviyo_pages(running: Running, path: str, **query: Any) -> list[dict[str, Any]]:
    """Everything, along the links."""
    found, link = [], f"{running.url}{path}"
    while link:
        page = get(link, KLAVIYO, **query)
        found += page["data"]
        link, query = page["links"].get("next", ""), {}
    return found


def klaviyo_profiles(running: Running) -> dict[str, dict[str, Any]]:
    """Address -> profile."""
    query = {"page[size]": 100, "additional-fields[profile]": "subscriptions"}
    return {one["attributes"]["email"]: one for one in klaviyo_pages(running, "/api/profiles", **query)}


def klaviyo_members(running: Running, name: str) -> set[str]:
    keys = [one["id"] for one in klaviyo_pages(running, "/api/lists") if one["attributes"]["name"] == name]
    pages = klaviyo_pages(running, f"/api/lists/{keys[0]}/profiles", **{"page[size]": 100})
    return {one["attributes"]["email"] for one in pages}


# -- HubSpot ------------------------------------------------------------------------------------------------------


def fill_hubspot(running: Running) -> None:
    ids: dict[str, str] = {}
    for start in range(0, COUNT, 100):
        rows = [
            {"properties": {"email": email, "firstname": first(email)}, "objectWriteTraceId": email}
            for email in PEOPLE[start : start + 100]
        ]
        made = send(running, HUBSPOT, "POST", f"{CONTACTS}/batch/create", {"inputs": rows})["results"]
        ids |= {one["properties"]["email"]: one["id"] for one in made}
    body = {"name": "Readers", "objectTypeId": "0-1", "processingType": "MANUAL"}
    key = send(running, HUBSPOT, "POST", "/crm/v3/lists", body)["list"]["listId"]
    send(running, HUBSPOT, "PUT", f"/crm/v3/lists/{key}/memberships/add", [ids[email] for email in READERS])
