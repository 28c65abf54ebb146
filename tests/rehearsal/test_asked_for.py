"""Endpoints that other people's clients ask for, and the connector does not."""

from __future__ import annotations

from typing import Any

from connector.rehearsal.core.process import Running
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP
from tests.rehearsal.test_unlike import ask

ADA = "ada@example.com"


def event(unique: str = "", **more: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "properties": {"item": "Tea"},
        "metric": {"data": {"type": "metric", "attributes": {"name": "Placed Order"}}},
        "profile": {"data": {"type": "profile", "attributes": {"email": ADA}}},
    }
    return {"data": {"type": "event", "attributes": attributes | ({"unique_id": unique} if unique else {}) | more}}


def test_klaviyo_takes_events(rehearsal: Running) -> None:
    first = event("order-1", value=9.5, time="2020-11-20T10:00:00+01:00")
    for body in (first, event("order-1", value=1), event()):
        assert ask(rehearsal, KLAVIYO, "POST", "/api/events", body).status_code == 202
    metrics = ask(rehearsal, KLAVIYO, "GET", "/api/metrics").json()["data"]
    (metric,) = (one["id"] for one in metrics if one["attributes"]["name"] == "Placed Order")
    path = f'/api/events?filter=equals(metric_id,"{metric}")&include=profile,metric&sort=datetime'
    found = ask(rehearsal, KLAVIYO, "GET", path).json()
    told = [one["attributes"].get("email") or one["attributes"]["name"] for one in found["included"]]
    assert told == [ADA, "Placed Order"]
    assert [one["attributes"]["event_properties"] for one in found["data"]] == [
        {"item": "Tea", "$value": 9.5, "$event_id": "order-1"},
        {"item": "Tea"},
    ]
    assert found["data"][0]["attributes"]["datetime"].startswith("2020-11-20T09:00:00")


def test_klaviyo_refuses_what_is_no_event(rehearsal: Running) -> None:
    nobody = {"data": {"type": "profile", "attributes": {}}}
    nameless = {"data": {"type": "metric", "attributes": {}}}
    for body in (event(profile=nobody), event(metric=nameless), event(time="yesterday"), {"data": {"type": "event"}}):
        assert ask(rehearsal, KLAVIYO, "POST", "/api/events", body).status_code == 400
    assert ask(rehearsal, KLAVIYO, "POST", "/api/events", event(value_currency="EUR")).status_code == 501


def test_klaviyo_shows_that_lists_have_no_tags(rehearsal: Running) -> None:
    """A Singer tap asks for them."""
    found = ask(rehearsal, KLAVIYO, "GET", "/api/lists?include=tags").json()
    assert found["included"] == []
    assert [one["relationships"]["tags"]["data"] for one in found["data"]] == [[]] * len(found["data"])
    assert found["data"] and ask(rehearsal, KLAVIYO, "GET", "/api/lists?include=flow-triggers").status_code == 501


def members(running: Running) -> str:
    path = f"/3.0/lists/{ask(running, MAILCHIMP, 'GET', '/3.0/lists').json()['lists'][0]['id']}/members"
    for email, name in (("a_b@example.com", "Ann"), ("axb@example.com", "Annika")):
        body = {"email_address": email, "status": "subscribed", "merge_fields": {"FNAME": name, "LNAME": "Bell"}}
        assert ask(running, MAILCHIMP, "POST", path, body).ok
    return path


def test_mailchimp_searches_members(rehearsal: Running) -> None:
    members(rehearsal)

    def found(text: str) -> list[list[str]]:
        answer = ask(rehearsal, MAILCHIMP, "GET", f"/3.0/search-members?query={text}").json()
        kinds = (answer["exact_matches"], answer["full_search"])
        assert all(kind["total_items"] == len(kind["members"]) for kind in kinds)
        return [[one["email_address"] for one in kind["members"]] for kind in kinds]

    assert found("A_B@example.com") == [["a_b@example.com"], ["a_b@example.com"]]
    assert found("ann bell") == [[], ["a_b@example.com"]]
    assert found("annik") == [[], ["axb@example.com"]]
    assert found("nobody@example.com") == [[], []]
    assert ask(rehearsal, MAILCHIMP, "GET", "/3.0/search-members").status_code == 400


def test_mailchimp_tells_what_a_member_did(rehearsal: Running) -> None:
    path = members(rehearsal)
    days = {"send": "19", "open": "20", "click": "21"}
    rehearsal.engage(
        mailchimp=[
            {"email": "a_b@example.com", "did": did, "at": f"2026-11-{day}T10:00:00+00:00"} for did, day in days.items()
        ]
    )
    answer = ask(rehearsal, MAILCHIMP, "GET", f"{path}/a_b@example.com/activity").json()
    assert [one["action"] for one in answer["activity"]] == ["click", "open", "sent"]
    assert answer["activity"][0]["timestamp"] == "2026-11-21T10:00:00+00:00"
    answer = ask(rehearsal, MAILCHIMP, "GET", f"{path}/a_b@example.com/activity?action=open,sent").json()
    assert answer["total_items"] == 2
    assert ask(rehearsal, MAILCHIMP, "GET", f"{path}/nobody@example.com/activity").status_code == 404


def test_hubspot_has_no_custom_objects(rehearsal: Running) -> None:
    """A Singer tap asks for them before it brings contacts."""
    answer = ask(rehearsal, HUBSPOT, "GET", "/crm/v3/schemas")
    assert (answer.status_code, answer.json()) == (200, {"results": []})
