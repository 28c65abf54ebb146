"""The rehearsed Brevo over real HTTP: its rules, its shapes, and Brevo's own client against it."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from connector.rehearsal.core.process import Running

ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))
BLOCKED, LEFT = "bv.blocklisted@example.com", "bv.left@example.com"
NEWSLETTER = 1


class Brevo:
    """Short words for the requests of these tests."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.key = "xkeysib-rehearsal"

    def ask(self, method: str, path: str, body: object = None, **query: Any) -> requests.Response:
        url = f"{self.running.url}/v3/{path}"
        return requests.request(method, url, json=body, params=query, headers={"api-key": self.key}, timeout=300)

    def done(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        answer = self.ask(method, path, body, **query)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, body: object = None, **query: Any) -> tuple[int, str]:
        answer = self.ask(method, path, body, **query)
        assert set(answer.json()) >= {"code", "message"}
        return answer.status_code, answer.json()["code"]

    def person(self, email: str) -> Any:
        return self.done("GET", f"contacts/{email}")

    def imported(self, *rows: Any, **more: Any) -> Any:
        """The finished process."""
        key = self.done("POST", "contacts/import", {"jsonBody": list(rows), "listIds": [NEWSLETTER]} | more)[
            "processId"
        ]
        for _ in range(5):
            found = self.done("GET", f"processes/{key}")
            if found["status"] == "completed":
                return found
        raise AssertionError("the process does not end")


def row(email: str, **attributes: Any) -> dict[str, Any]:
    return {"email": email, "attributes": attributes}


@pytest.fixture
def brevo(rehearsal: Running) -> Brevo:
    rehearsal.settings(limits=False)
    return Brevo(rehearsal)


# -- contacts -----------------------------------------------------------------------------------------------------


def test_a_contact_is_mailable_from_the_start_and_its_id_stays(brevo: Brevo) -> None:
    key = brevo.done("POST", "contacts", {"email": " Ann@Example.com ", "attributes": {"FIRSTNAME": "Ann"}})["id"]
    found = brevo.person(ANN)
    assert (found["id"], found["emailBlacklisted"], found["attributes"]) == (key, False, {"FIRSTNAME": "Ann"})
    assert brevo.refused("POST", "contacts", {"email": ANN}) == (400, "duplicate_parameter")
    assert brevo.ask("POST", "contacts", {"email": ANN, "updateEnabled": True}).status_code == 204
    assert brevo.done("PUT", f"contacts/{key}", {"attributes": {"EMAIL": BEA}}) is None
    assert brevo.person(BEA)["id"] == brevo.done("GET", f"contacts/{key}")["id"] == key
    assert brevo.refused("GET", f"contacts/{ANN}") == (404, "document_not_found")
    assert brevo.refused("PUT", "contacts/999", {}) == (404, "document_not_found")


def test_another_address_lifts_the_blocklisting(brevo: Brevo) -> None:
    key = brevo.person(BLOCKED)["id"]
    brevo.done("PUT", f"contacts/{key}", {"attributes": {"FIRSTNAME": "B"}})
    assert brevo.person(BLOCKED)["emailBlacklisted"] is True
    brevo.done("PUT", f"contacts/{key}", {"attributes": {"EMAIL": BEA}})
    assert brevo.person(BEA)["emailBlacklisted"] is False


def test_unknown_attributes_and_wrong_types_are_ignored_silently(brevo: Brevo) -> None:
    wrong = {"NOPE": "x", "firstname": "x", "FIRSTNAME": 5, "LTV": "many", "OPT_IN": "perhaps", "BIRTHDAY": "05/01/90"}
    brevo.done("POST", "contacts", {"email": ANN, "attributes": wrong})
    assert brevo.person(ANN)["attributes"] == {}
    right = {"FIRSTNAME": "Ann", "LTV": 5, "OPT_IN": False, "BIRTHDAY": "1990-01-05"}
    brevo.done("PUT", f"contacts/{ANN}", {"attributes": right})
    assert brevo.person(ANN)["attributes"] == right | {"LTV": 5.0}
    brevo.done("PUT", f"contacts/{ANN}", {"attributes": {"FIRSTNAME": "", "OPT_IN": None}})
    assert set(brevo.person(ANN)["attributes"]) == {"LTV", "BIRTHDAY"}


def test_pages_are_by_creation_and_filtered_by_id_and_change(brevo: Brevo) -> None:
    keys = [brevo.done("POST", "contacts", {"email": f"p{n}@example.com"})["id"] for n in range(5)]
    page = brevo.done("GET", "contacts", limit=2, offset=1, sort="asc", modifiedSince="2026-01-01T00:00:00.000Z")
    assert page["count"] >= 5 and len(page["contacts"]) == 2
    assert [one["id"] for one in brevo.done("GET", "contacts", ids=keys[:2], sort="asc")["contacts"]] == keys[:2]
    assert [one["id"] for one in brevo.done("GET", "contacts", limit=1)["contacts"]] == keys[-1:]
    assert brevo.refused("GET", "contacts", ids=list(range(21))) == (400, "out_of_range")
    assert brevo.refused("GET", "contacts", limit=1001) == (400, "out_of_range")
    later = "2999-01-01T00:00:00Z"
    assert brevo.done("GET", "contacts", modifiedSince=later) == {"contacts": [], "count": 0}
    assert brevo.refused("GET", "contacts", modifiedSince="yesterday") == (400, "invalid_parameter")


def test_an_opt_out_moves_the_modification_date(brevo: Brevo) -> None:
    brevo.done("POST", "contacts", {"email": ANN})
    before = brevo.person(ANN)["modifiedAt"]
    brevo.running.settings(clock_ahead_s=60)
    brevo.done("PUT", f"contacts/{ANN}", {"emailBlacklisted": True})
    assert brevo.person(ANN)["modifiedAt"] > before


def test_the_retired_endpoint_is_gone(brevo: Brevo) -> None:
    assert brevo.ask("POST", "contacts/batch", {"contacts": []}).status_code in (405, 501)


# -- lists --------------------------------------------------------------------------------------------------------


def test_members_come_and_go_150_at_a_time(brevo: Brevo) -> None:
    key = brevo.done("POST", "contacts/lists", {"name": "Made", "folderId": 1})["id"]
    ids = [brevo.done("POST", "contacts", {"email": email})["id"] for email in (ANN, BEA)]
    path = f"contacts/lists/{key}/contacts"
    changed = brevo.done("POST", f"{path}/add", {"ids": [*ids, 999]})["contacts"]
    assert (changed["success"], changed["failure"]) == (ids, [999])
    assert brevo.refused("POST", f"{path}/add", {"ids": ids}) == (400, "invalid_parameter")
    assert brevo.refused("POST", f"{path}/add", {"ids": list(range(151))}) == (400, "invalid_parameter")
    assert [one["email"] for one in brevo.done("GET", path, sort="asc")["contacts"]] == [ANN, BEA]
    assert brevo.done("POST", f"{path}/remove", {"emails": [ANN, CID]})["contacts"]["failure"] == [CID]
    assert brevo.person(BEA)["listIds"] == [key] and brevo.person(ANN)["listIds"] == []
    assert brevo.refused("GET", path, limit=501) == (400, "out_of_range")
    assert brevo.refused("POST", "contacts/lists/999/contacts/add", {"ids": ids}) == (404, "document_not_found")
    assert brevo.refused("POST", "contacts/lists", {"name": "X", "folderId": 99}) == (404, "document_not_found")
    assert brevo.refused("POST", "contacts/lists", {"name": "X"}) == (400, "missing_parameter")


def test_joining_a_list_again_undoes_leaving_it(brevo: Brevo) -> None:
    """Which is why the connector looks before it adds."""
    assert brevo.person(LEFT)["listUnsubscribed"] == [NEWSLETTER]
    brevo.done("POST", f"contacts/lists/{NEWSLETTER}/contacts/add", {"emails": [LEFT]})
    assert brevo.person(LEFT)["listUnsubscribed"] == []


# -- attributes ---------------------------------------------------------------------------------------------------


def test_attributes_are_made_once_and_in_capitals(brevo: Brevo) -> None:
    assert brevo.ask("POST", "contacts/attributes/normal/tags", {"type": "text"}).status_code == 201
    assert brevo.refused("POST", "contacts/attributes/normal/TAGS", {"type": "text"}) == (400, "duplicate_parameter")
    choice = {"type": "multiple-choice", "multiCategoryOptions": ["a", "b"]}
    brevo.done("POST", "contacts/attributes/normal/CHOICE", choice)
    brevo.done("PUT", "contacts/attributes/normal/CHOICE", {"multiCategoryOptions": ["c"]})
    held = {one["name"]: one for one in brevo.done("GET", "contacts/attributes")["attributes"]}
    assert held["CHOICE"]["multiCategoryOptions"] == ["a", "b", "c"] and held["TAGS"]["type"] == "text"
    brevo.done("POST", "contacts", {"email": ANN, "attributes": {"CHOICE": ["a", "x"], "TAGS": ";a;"}})
    assert brevo.person(ANN)["attributes"] == {"CHOICE": ["a"], "TAGS": ";a;"}
    brevo.done("DELETE", "contacts/attributes/normal/TAGS")
    assert brevo.person(ANN)["attributes"] == {"CHOICE": ["a"]}


# -- imports ------------------------------------------------------------------------------------------------------


def test_an_import_upserts_joins_and_reports(brevo: Brevo) -> None:
    brevo.done("POST", "contacts", {"email": ANN, "attributes": {"FIRSTNAME": "Old", "LTV": 1}})
    found = brevo.imported(row(ANN, FIRSTNAME="Ann"), row(BEA, LTV="2.5"), row("bad@nowhere.invalid"))
    assert brevo.person(ANN)["attributes"] == {"FIRSTNAME": "Ann", "LTV": 1.0}
    assert brevo.person(BEA)["attributes"] == {"LTV": 2.5} and brevo.person(BEA)["listIds"] == [NEWSLETTER]
    reports = found["info"]["import"]
    assert reports["duplicate_email_id"] is None
    assert "bad@nowhere.invalid" in requests.get(reports["invalid_emails"], timeout=300).text  # without a key
    assert brevo.done("GET", "processes")["processes"][0]["id"] == found["id"]


def test_an_import_never_lifts_a_blocklisting(brevo: Brevo) -> None:
    brevo.imported(row(BLOCKED, FIRSTNAME="B"), emailBlacklist=False)
    assert brevo.person(BLOCKED)["emailBlacklisted"] is True
    brevo.imported(row(ANN), emailBlacklist=True)
    assert brevo.person(ANN)["emailBlacklisted"] is True


def test_empty_values_erase_only_when_asked_and_then_in_every_row(brevo: Brevo) -> None:
    for email in (ANN, BEA):
        brevo.done("POST", "contacts", {"email": email, "attributes": {"FIRSTNAME": "Old", "LTV": 1}})
    brevo.imported(row(ANN, FIRSTNAME=""), row(BEA, LTV="2"))
    assert brevo.person(ANN)["attributes"] == {"FIRSTNAME": "Old", "LTV": 1.0}
    brevo.imported(row(ANN, FIRSTNAME=""), row(BEA, LTV="2"), emptyContactsAttributes=True)
    assert brevo.person(ANN)["attributes"] == {}
    assert brevo.person(BEA)["attributes"] == {"LTV": 2.0}


def test_json_values_that_are_no_text_are_taken_for_empty_in_an_import(brevo: Brevo) -> None:
    brevo.done("POST", "contacts", {"email": ANN, "attributes": {"OPT_IN": True}})
    brevo.imported(row(ANN, OPT_IN=False))
    assert brevo.person(ANN)["attributes"] == {"OPT_IN": True}
    brevo.imported(row(ANN, OPT_IN="false"))
    assert brevo.person(ANN)["attributes"] == {"OPT_IN": False}


def test_what_an_import_needs(brevo: Brevo) -> None:
    rows = {"jsonBody": [row(ANN)]}
    assert brevo.refused("POST", "contacts/import", rows) == (400, "missing_parameter")
    assert brevo.refused("POST", "contacts/import", {"listIds": [1]}) == (400, "missing_parameter")
    assert brevo.refused("POST", "contacts/import", rows | {"listIds": [99]}) == (400, "invalid_parameter")
    nobody = {"jsonBody": [row("no address")], "listIds": [1]}
    assert brevo.refused("POST", "contacts/import", nobody) == (400, "invalid_parameter")
    new = {"fileBody": f"EMAIL;FIRSTNAME\n{ANN};Ann", "newList": {"listName": "Work", "folderId": 1}}
    key = brevo.done("POST", "contacts/import", new)["processId"]
    assert [brevo.done("GET", f"processes/{key}")["status"] for _ in range(2)] == ["in_process", "completed"]
    assert "Work" in {one["name"] for one in brevo.done("GET", "contacts/lists")["lists"]}
    assert brevo.person(ANN)["attributes"] == {"FIRSTNAME": "Ann"}


# -- the door -----------------------------------------------------------------------------------------------------


def test_a_wrong_key_and_unknown_paths(brevo: Brevo) -> None:
    assert brevo.done("GET", "account")["companyName"] == "Rehearsal Shop"
    assert brevo.refused("GET", "nothing") == (501, "not_in_rehearsal")
    brevo.key = "wrong"
    assert brevo.refused("GET", "account") == (401, "unauthorized")


def test_limits_are_told_and_held(brevo: Brevo) -> None:
    brevo.running.settings(limits=True)
    told = brevo.ask("GET", "contacts/folders").headers
    assert (told["x-sib-ratelimit-limit"], told["x-sib-ratelimit-remaining"]) == ("10", "9")
    brevo.running.settings(limit_scale=0.02)
    asked = [brevo.ask("GET", "processes") for _ in range(3)]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert asked[2].json()["code"] == "too_many_requests" and "retry-after" not in asked[2].headers
    assert 3000 < int(asked[2].headers["x-sib-ratelimit-reset"]) <= 3600


def test_the_page_counts_people_lists_and_tags(brevo: Brevo) -> None:
    brevo.done("POST", "contacts/attributes/normal/SEGMENT_TAGS", {"type": "text"})
    brevo.done("POST", "contacts", {"email": ANN, "attributes": {"SEGMENT_TAGS": ';vip;"x";'}})
    held = brevo.running.state()["platforms"]["brevo"]
    assert held["contacts"] == {"blocklisted": 1, "subscribed": 3}
    assert {(one["kind"], one["name"], one["members"]) for one in held["targets"]} == {
        ("list", "Newsletter", 2),
        ("tag", "vip", 1),
        ("tag", '"x"', 1),
    }
