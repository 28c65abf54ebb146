"""HubSpot's other objects are empty collections: clients that ask for deals or companies beside contacts go on."""

from __future__ import annotations

import pytest

from connector.rehearsal.core.process import Running
from tests.path.platforms import HUBSPOT
from tests.rehearsal.test_unlike import CONTACTS, ask

KINDS = ("companies", "deal", "tickets", "products", "line_items", "0-2", "Notes")
BASES = ("/crm/v3/objects", "/crm/objects/2026-03")


def contact(running: Running) -> str:
    return str(ask(running, HUBSPOT, "POST", CONTACTS, {"properties": {"email": "ann@example.com"}}).json()["id"])


@pytest.mark.parametrize("base", BASES)
def test_there_are_none(rehearsal: Running, base: str) -> None:
    for kind in KINDS:
        there = f"{base}/{kind}"
        assert ask(rehearsal, HUBSPOT, "GET", f"{there}?limit=100&archived=false").json() == {"results": []}
        assert ask(rehearsal, HUBSPOT, "POST", f"{there}/search", {"limit": 5}).json() == {"total": 0, "results": []}
        assert ask(rehearsal, HUBSPOT, "GET", f"{there}/123").status_code == 404
        answer = ask(rehearsal, HUBSPOT, "POST", f"{there}/batch/read", {"inputs": [{"id": "123"}], "properties": []})
        assert (answer.status_code, answer.json()["results"]) == (207, [])
        assert answer.json()["errors"][0]["context"] == {"ids": ["123"]}


@pytest.mark.parametrize("base", BASES)
def test_they_cannot_be_written(rehearsal: Running, base: str) -> None:
    there = f"{base}/deals"
    asked = [("POST", there), ("PATCH", f"{there}/1"), ("DELETE", f"{there}/1"), ("POST", f"{there}/batch/create"),
             ("PUT", "/crm/v4/objects/contacts/1/associations/companies/2"),
             ("POST", "/crm/v4/associations/contacts/companies/batch/create")]  # fmt: skip
    for method, path in asked:
        answer = ask(rehearsal, HUBSPOT, method, path, {"properties": {}})
        assert answer.status_code == 501
        assert f"The rehearsal does not have this endpoint: {method} {path}" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/crm/v4/objects/contacts/{}/associations/companies", "/crm/v3/objects/contact/{}/associations/0-3",
     "/crm/objects/2026-03/0-1/{}/associations/tickets"],
)  # fmt: skip
def test_a_contact_is_associated_with_none(rehearsal: Running, path: str) -> None:
    answer = ask(rehearsal, HUBSPOT, "GET", path.format(contact(rehearsal)))
    assert (answer.status_code, answer.json()) == (200, {"results": []})
    assert ask(rehearsal, HUBSPOT, "GET", path.format(99999)).status_code == 404


@pytest.mark.parametrize("base", ["/crm/v3/associations", "/crm/v4/associations", "/crm/associations/2026-03"])
def test_a_batch_tells_who_has_none(rehearsal: Running, base: str) -> None:
    key = contact(rehearsal)
    answer = ask(rehearsal, HUBSPOT, "POST", f"{base}/contacts/deals/batch/read", {"inputs": [{"id": key}]})
    assert (answer.status_code, answer.json()["results"]) == (207, [])
    (error,) = answer.json()["errors"]
    assert error["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"
    assert error["context"] == {"fromObjectId": [key], "fromObjectType": ["contact"], "toObjectType": ["deal"]}


def test_an_object_that_no_hubspot_has_is_an_error(rehearsal: Running) -> None:
    key = contact(rehearsal)
    paths = ("/crm/v3/objects/spaceships", "/crm/v3/objects/spaceships/1", f"{CONTACTS}?associations=spaceships",
             f"/crm/v4/objects/contacts/{key}/associations/spaceships", "/crm/objects/2026-03/2-12345")  # fmt: skip
    for path in paths:
        answer = ask(rehearsal, HUBSPOT, "GET", path)
        assert answer.status_code == 400 and "Unable to infer object type from: " in answer.json()["message"]
    body = {"inputs": [{"id": key}]}
    assert ask(rehearsal, HUBSPOT, "POST", "/crm/v4/associations/contacts/ships/batch/read", body).status_code == 400


def test_contacts_have_their_own_endpoints(rehearsal: Running) -> None:
    contact(rehearsal)
    for kind in ("contacts", "0-1"):
        assert ask(rehearsal, HUBSPOT, "GET", f"/crm/objects/2026-03/{kind}").json()["results"]
    assert ask(rehearsal, HUBSPOT, "GET", "/crm/v3/objects/contact").status_code == 501
