"""Answers that misled real clients: nothing is taken and then ignored, and what is not here says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from connector.rehearsal.core.process import Running
from tests.path.platforms import BREVO, HUBSPOT, KLAVIYO, MAILCHIMP

CONTACTS = "/crm/v3/objects/contacts"


def ask(running: Running, headers: dict[str, str], method: str, path: str, body: Any = None) -> requests.Response:
    url = path if path.startswith("http") else running.url + path
    return requests.request(method, url, headers=headers, json=body, timeout=300)


@pytest.mark.parametrize(
    ("headers", "path"),
    [(MAILCHIMP, "/3.0/automations"), (KLAVIYO, "/api/coupons"), (HUBSPOT, "/crm/v3/owners"),
     (BREVO, "/v3/smtp/emails"), (HUBSPOT, "/contacts/v1/lists"), (HUBSPOT, "/oauth/v1/token")],
)  # fmt: skip
def test_what_the_rehearsal_does_not_have_says_so(rehearsal: Running, headers: dict[str, str], path: str) -> None:
    """A 404 would look as if the platform had the endpoint, and nothing in it."""
    answer = ask(rehearsal, headers, "GET", path)
    assert answer.status_code == 501
    assert f"The rehearsal does not have this endpoint: GET {path}" in answer.text


def test_the_link_to_the_next_page_leads_there(rehearsal: Running) -> None:
    """dlt follows `link`, and stopped after the first page."""
    for n in range(3):
        ask(rehearsal, HUBSPOT, "POST", CONTACTS, {"properties": {"email": f"more{n}@example.com"}})
    seen, link = [], f"{CONTACTS}?limit=2&properties=email"
    while link:
        page = ask(rehearsal, HUBSPOT, "GET", link).json()
        seen += [one["id"] for one in page["results"]]
        link = page.get("paging", {}).get("next", {}).get("link", "")
    assert len(seen) == len(set(seen)) > 3


def test_nothing_is_taken_and_ignored(rehearsal: Running) -> None:
    assert ask(rehearsal, HUBSPOT, "GET", f"{CONTACTS}?propertiesWithHistory=email").status_code == 501
    assert ask(rehearsal, HUBSPOT, "GET", f"{CONTACTS}?associations=companies,spaceships").status_code == 400
    answer = ask(rehearsal, HUBSPOT, "GET", f"{CONTACTS}?associations=companies,notes").json()
    assert not any("associations" in one for one in answer["results"])  # there are no such objects
    assert ask(rehearsal, HUBSPOT, "POST", "/crm/v3/lists/search", {"sort": "HS_SIZE"}).status_code == 501
    assert ask(rehearsal, KLAVIYO, "GET", "/api/profiles?include=lists").status_code == 501
    assert ask(rehearsal, KLAVIYO, "GET", "/api/profiles?additional-fields[profile]=shoe_size").status_code == 400
    answer = ask(rehearsal, KLAVIYO, "GET", "/api/profiles?fields[profile]=email,shoe_size")
    assert answer.status_code == 400 and "shoe_size" in answer.text
    address = ask(rehearsal, KLAVIYO, "GET", "/api/accounts").json()["data"][0]["attributes"]["contact_information"]
    assert address["street_address"]["country"]


def test_events_are_filtered_by_timestamp(rehearsal: Running) -> None:
    earlier, later = (datetime.now(UTC).replace(microsecond=0) - timedelta(days=days) for days in (2, 1))
    happened = [{"email": "ada@example.com", "did": "click", "at": at.isoformat()} for at in (earlier, later)]
    profile = {"type": "profile", "attributes": {"email": "ada@example.com"}}
    ask(rehearsal, KLAVIYO, "POST", "/api/profiles", {"data": profile})
    answer = requests.post(f"{rehearsal.url}/_rehearsal/engagement", json={"klaviyo": happened}, timeout=300)
    assert answer.ok
    path = f"/api/events?filter=greater-or-equal(timestamp,{int(later.timestamp())})"
    found = ask(rehearsal, KLAVIYO, "GET", path).json()["data"]
    assert [datetime.fromisoformat(one["attributes"]["datetime"]) for one in found] == [later]


def test_a_click_told_of_late_does_not_move_the_last_one_back(rehearsal: Running) -> None:
    made = ask(rehearsal, HUBSPOT, "POST", CONTACTS, {"properties": {"email": "ada@example.com"}}).json()["id"]
    for day in (21, 20):
        happened = [{"email": "ada@example.com", "did": "click", "at": f"2026-11-{day}T10:00:00+00:00"}]
        sent = requests.post(f"{rehearsal.url}/_rehearsal/engagement", json={"hubspot": happened}, timeout=300)
        assert sent.ok
    path = f"{CONTACTS}/{made}?properties=hs_email_last_click_date,hs_email_click"
    found = ask(rehearsal, HUBSPOT, "GET", path).json()["properties"]
    assert (found["hs_email_last_click_date"][:10], found["hs_email_click"]) == ("2026-11-21", "2")


def test_a_renamed_list_was_updated_and_a_search_takes_signs_as_they_are(rehearsal: Running) -> None:
    body = {"name": "50% off", "objectTypeId": "0-1", "processingType": "MANUAL"}
    made = ask(rehearsal, HUBSPOT, "POST", "/crm/v3/lists", body).json()["list"]
    rehearsal.settings(clock_ahead_s=3600)
    ask(rehearsal, HUBSPOT, "PUT", f"/crm/v3/lists/{made['listId']}/update-list-name?listName=60%25 off")
    after = ask(rehearsal, HUBSPOT, "GET", f"/crm/v3/lists/{made['listId']}").json()["list"]
    assert after["name"] == "60% off" and after["updatedAt"] > made["updatedAt"]

    def found(text: str) -> list[str]:
        return [
            one["name"]
            for one in ask(rehearsal, HUBSPOT, "POST", "/crm/v3/lists/search", {"query": text}).json()["lists"]
        ]

    def sorted_by(sort: str) -> list[str]:
        answer = ask(rehearsal, HUBSPOT, "POST", "/crm/v3/lists/search", {"sort": sort}).json()
        return [one["listId"] for one in answer["lists"]]

    ask(rehearsal, HUBSPOT, "POST", "/crm/v3/lists", body | {"name": "Later"})
    rehearsal.settings(clock_ahead_s=7200)
    ask(rehearsal, HUBSPOT, "PUT", f"/crm/v3/lists/{made['listId']}/update-list-name?listName=60%25 off")
    assert sorted_by("HS_UPDATED_AT")[-1] == sorted_by("-HS_UPDATED_AT")[0] == made["listId"]
    assert found("%") == found("OFF") == ["60% off"] and found("_") == []


def test_a_search_of_contacts_takes_signs_as_they_are(rehearsal: Running) -> None:
    """`%` and `_` stood for anything."""
    rehearsal.settings(limits=False)
    options = [{"label": one, "value": one, "displayOrder": 0, "hidden": False} for one in ("VIP_A", "VIPxA")]
    tag = {"name": "kinds", "label": "Kinds", "type": "enumeration", "fieldType": "checkbox"}
    tag |= {
        "groupName": "contactinformation",
        "options": options,
    }
    assert ask(rehearsal, HUBSPOT, "POST", "/crm/v3/properties/contacts", tag).ok
    for email, name, kind in (("a_b@example.com", "50% off", "VIP_A"), ("axb@example.com", "50 off", "VIPxA")):
        body = {"properties": {"email": email, "firstname": name, "kinds": kind}}
        assert ask(rehearsal, HUBSPOT, "POST", CONTACTS, body).ok

    def found(name: str = "", operator: str = "", **asked: Any) -> list[str]:
        filters = [{"propertyName": name, "operator": operator} | asked] if name else []
        body = {"filterGroups": [{"filters": filters}], "properties": ["email"]} | ({} if name else asked)
        answer = ask(rehearsal, HUBSPOT, "POST", f"{CONTACTS}/search", body).json()
        return [one["properties"]["email"] for one in answer["results"]]

    assert found(query="a_b") == found(query="50% OFF") == ["a_b@example.com"]
    assert found("firstname", "CONTAINS_TOKEN", value="50%") == ["a_b@example.com"]
    assert found("firstname", "CONTAINS_TOKEN", value="5_") == []
    assert found("firstname", "CONTAINS_TOKEN", value="50*off") == ["a_b@example.com", "axb@example.com"]
    assert found("kinds", "IN", values=["VIP_A"]) == ["a_b@example.com"]
