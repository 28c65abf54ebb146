"""The plan of an account holds so many contacts: nobody is added beyond it, and who is there can still be changed."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connector.rehearsal.core.process import Running
from tests.path.platforms import BREVO, HUBSPOT, KLAVIYO, MAILCHIMP
from tests.rehearsal.test_unlike import CONTACTS, ask

ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))
FULL = "contact limit of your plan"


@pytest.fixture
def empty(rehearsal: Running) -> Running:
    rehearsal.reset(samples=False, limits=False)
    return rehearsal


def allow(running: Running, platform: str, most: int | None) -> None:
    running.settings(contacts_allowed={platform: most})


def refused(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 402 and FULL in answer.text, answer.text
    body: dict[str, Any] = answer.json()
    return body


# -- the setting --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [{"mailchump": 1}, {"brevo": -1}, {"brevo": 1.5}, {"brevo": "1"}, {"brevo": True}, 5, [1]]
)
def test_a_senseless_limit_is_refused(rehearsal: Running, value: Any) -> None:
    answer = requests.post(f"{rehearsal.url}/_rehearsal/settings", json={"contacts_allowed": value}, timeout=300)
    assert answer.status_code == 400
    assert "mailchimp, klaviyo, hubspot, brevo" in answer.json()["error"] and "whole number" in answer.json()["error"]


@pytest.mark.parametrize("value", [-1, "5", True, None])
def test_a_senseless_lag_is_refused(rehearsal: Running, value: Any) -> None:
    answer = requests.post(f"{rehearsal.url}/_rehearsal/settings", json={"lag_s": value}, timeout=300)
    assert answer.status_code == 400 and "lag_s" in answer.json()["error"]


# -- Mailchimp ----------------------------------------------------------------------------------------------------


def audience(running: Running) -> str:
    return f"/3.0/lists/{ask(running, MAILCHIMP, 'GET', '/3.0/lists').json()['lists'][0]['id']}"


def row(email: str, **more: Any) -> dict[str, Any]:
    return {"email_address": email, "status_if_new": "subscribed", "status": "subscribed", **more}


def test_mailchimp(empty: Running) -> None:
    allow(empty, "mailchimp", 2)
    there = audience(empty)
    assert ask(empty, MAILCHIMP, "POST", f"{there}/members", row(ANN)).ok
    both = {"members": [row(BEA), row(CID)], "update_existing": True}
    body = refused(ask(empty, MAILCHIMP, "POST", there, both))
    assert body["status"] == 402 and body["title"] == "Payment Required"
    assert ask(empty, MAILCHIMP, "GET", f"{there}/members").json()["total_items"] == 1  # nothing of it was done
    changed = {"members": [row(ANN, merge_fields={"FNAME": "Ann"}), row(BEA)], "update_existing": True}
    assert ask(empty, MAILCHIMP, "POST", there, changed).json()["total_updated"] == 1
    refused(ask(empty, MAILCHIMP, "PUT", f"{there}/members/{CID}", row(CID)))
    refused(ask(empty, MAILCHIMP, "POST", f"{there}/members", row(CID)))
    assert ask(empty, MAILCHIMP, "PATCH", f"{there}/members/{ANN}", {"merge_fields": {"FNAME": "A"}}).ok
    assert ask(empty, MAILCHIMP, "DELETE", f"{there}/members/{ANN}").ok  # archived contacts do not count
    assert ask(empty, MAILCHIMP, "PUT", f"{there}/members/{CID}", row(CID)).ok
    refused(ask(empty, MAILCHIMP, "PUT", f"{there}/members/{ANN}", row(ANN)))  # out of the archive again
    allow(empty, "mailchimp", None)
    assert ask(empty, MAILCHIMP, "PUT", f"{there}/members/{ANN}", row(ANN)).ok


def test_a_batch_of_mailchimp_tells_which_operation_was_refused(empty: Running) -> None:
    allow(empty, "mailchimp", 1)
    empty.settings(polls=1)
    path = f"{audience(empty).removeprefix('/3.0')}/members"
    bodies = [f'{{"email_address": "{email}", "status": "subscribed"}}' for email in (ANN, BEA)]
    batch = {"operations": [{"method": "POST", "path": path, "body": body} for body in bodies]}
    key = ask(empty, MAILCHIMP, "POST", "/3.0/batches", batch).json()["id"]
    found = ask(empty, MAILCHIMP, "GET", f"/3.0/batches/{key}").json()
    assert (found["status"], found["errored_operations"]) == ("finished", 1)
    assert ask(empty, MAILCHIMP, "GET", f"{audience(empty)}/members").json()["total_items"] == 1


# -- HubSpot ------------------------------------------------------------------------------------------------------


def inputs(*emails: str) -> dict[str, Any]:
    return {"inputs": [{"properties": {"email": email}, "objectWriteTraceId": email} for email in emails]}


def test_hubspot(empty: Running) -> None:
    allow(empty, "hubspot", 2)
    key = ask(empty, HUBSPOT, "POST", CONTACTS, {"properties": {"email": ANN}}).json()["id"]
    body = refused(ask(empty, HUBSPOT, "POST", f"{CONTACTS}/batch/create", inputs(BEA, CID)))
    assert body["status"] == "error" and body["correlationId"]
    assert len(ask(empty, HUBSPOT, "GET", CONTACTS).json()["results"]) == 1
    assert ask(empty, HUBSPOT, "POST", f"{CONTACTS}/batch/create", inputs(BEA)).status_code == 201
    refused(ask(empty, HUBSPOT, "POST", CONTACTS, {"properties": {"email": CID}}))
    upsert = {"inputs": [{"id": email, "idProperty": "email", "properties": {}} for email in (ANN, CID)]}
    refused(ask(empty, HUBSPOT, "POST", f"{CONTACTS}/batch/upsert", upsert))
    assert ask(empty, HUBSPOT, "PATCH", f"{CONTACTS}/{key}", {"properties": {"firstname": "Ann"}}).ok
    change = {"inputs": [{"id": key, "properties": {"firstname": "A"}}]}
    assert ask(empty, HUBSPOT, "POST", f"{CONTACTS}/batch/update", change).status_code == 200
    assert ask(empty, HUBSPOT, "DELETE", f"{CONTACTS}/{key}").ok
    assert ask(empty, HUBSPOT, "POST", CONTACTS, {"properties": {"email": CID}}).ok


# -- Klaviyo ------------------------------------------------------------------------------------------------------


def profile(email: str, **more: Any) -> dict[str, Any]:
    return {"type": "profile", "attributes": {"email": email, **more}}


def job(kind: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": {"profiles": {"data": list(rows)}}}}


def bulk(running: Running, *rows: dict[str, Any]) -> requests.Response:
    return ask(running, KLAVIYO, "POST", "/api/profile-bulk-import-jobs", job("profile-bulk-import-job", *rows))


def test_klaviyo(empty: Running) -> None:
    allow(empty, "klaviyo", 1)
    key = ask(empty, KLAVIYO, "POST", "/api/profiles", {"data": profile(ANN)}).json()["data"]["id"]
    body = refused(ask(empty, KLAVIYO, "POST", "/api/profiles", {"data": profile(BEA)}))
    assert (body["errors"][0]["status"], body["errors"][0]["code"]) == (402, "payment_required")
    refused(ask(empty, KLAVIYO, "POST", "/api/profile-import", {"data": profile(BEA)}))
    path, kind = "/api/profile-subscription-bulk-create-jobs", "profile-subscription-bulk-create-job"
    refused(ask(empty, KLAVIYO, "POST", path, job(kind, profile(BEA))))
    change = {"data": profile(ANN, first_name="Ann") | {"id": key}}
    assert ask(empty, KLAVIYO, "PATCH", f"/api/profiles/{key}", change).ok
    assert len(ask(empty, KLAVIYO, "GET", "/api/profiles").json()["data"]) == 1


def test_a_job_of_klaviyo_is_refused_when_it_is_asked_for(empty: Running) -> None:
    allow(empty, "klaviyo", 2)
    assert bulk(empty, profile(ANN)).status_code == 202
    refused(bulk(empty, profile(ANN), profile(BEA), profile(CID)))  # the first job has yet to be done
    path, kind = "/api/profile-suppression-bulk-create-jobs", "profile-suppression-bulk-create-job"
    assert bulk(empty, profile(BEA)).status_code == 202
    refused(bulk(empty, profile(CID)))
    assert bulk(empty, profile(ANN, first_name="Ann"), profile(BEA)).status_code == 202
    empty.settings(patience_s=0, clock_ahead_s=60)  # all jobs are over
    refused(bulk(empty, profile(CID)))
    assert ask(empty, KLAVIYO, "POST", path, job(kind, profile(ANN))).status_code == 202  # suppressed ones do not count
    assert bulk(empty, profile(CID)).status_code == 202


# -- Brevo --------------------------------------------------------------------------------------------------------


def test_brevo(empty: Running) -> None:
    allow(empty, "brevo", 2)
    assert ask(empty, BREVO, "POST", "/v3/contacts", {"email": ANN}).status_code == 201
    lists = ask(empty, BREVO, "POST", "/v3/contacts/lists", {"name": "Readers", "folderId": 1}).json()["id"]

    def imported(*emails: str) -> requests.Response:
        body = {"jsonBody": [{"email": email} for email in emails], "listIds": [lists]}
        return ask(empty, BREVO, "POST", "/v3/contacts/import", body)

    body = refused(imported(ANN, BEA, CID))
    assert body["code"] == "not_enough_credits"
    key = imported(ANN, BEA, "nobody@nowhere.invalid").json()["processId"]
    refused(imported(CID))  # the import before has yet to be done
    assert ask(empty, BREVO, "POST", "/v3/contacts", {"email": ANN, "updateEnabled": True}).status_code == 204
    assert ask(empty, BREVO, "PUT", f"/v3/contacts/{ANN}", {"emailBlacklisted": True}).status_code == 204
    empty.settings(polls=0)
    refused(imported(CID))
    allow(empty, "brevo", 3)
    assert imported(CID).status_code == 202
    ask(empty, BREVO, "GET", f"/v3/processes/{key}")  # is done now
    refused(ask(empty, BREVO, "POST", "/v3/contacts", {"email": "dan@example.com"}))
