"""The HubSpot rehearsal platform over HTTP. Every answer is held against the vendor's own document at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from connector.rehearsal.core.process import Running
from connector.rehearsal.core.world import Request, Settings, World, open_state
from connector.rehearsal.hubspot import routes
from tests.rehearsal.conftest import in_a_second

CONTACTS, LISTS = "/crm/objects/2026-03/contacts", "/crm/lists/2026-03"
PROPERTIES, PREFERENCES = "/crm/properties/2026-03/contacts", "/communication-preferences/2026-03"


class Api:
    """A plain HTTP client."""

    def __init__(self, url: str, key: str = "pat-rehearsal") -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {key}"

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self.session.request(method, self.url + path, json=body, params=query, timeout=300)

    def create(self, *emails: str, **properties: str) -> list[str]:
        inputs = [{"properties": {"email": email} | properties} for email in emails]
        return [each["id"] for each in self("POST", f"{CONTACTS}/batch/create", {"inputs": inputs}).json()["results"]]

    def make_list(self, name: str = "VIP") -> str:
        body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
        found: str = self("POST", LISTS, body).json()["list"]["listId"]
        return found

    def held(self, *emails: str) -> dict[str, dict[str, Any]]:
        """Properties by primary address."""
        names = ["email", "firstname", "hs_additional_emails", "lifecyclestage", "hs_email_optout", "tags"]
        body = {"idProperty": "email", "inputs": [{"id": each} for each in emails], "properties": names}
        found = self("POST", f"{CONTACTS}/batch/read", body).json()["results"]
        return {each["properties"]["email"]: each["properties"] for each in found}


@pytest.fixture
def api(rehearsal: Running) -> Api:
    return Api(rehearsal.url)


def _codes(answer: requests.Response) -> list[str]:
    return [each["code"] for each in answer.json().get("errors", [])]


# ---------------------------------------------------------------- auth, versions, limits


def test_the_key_is_a_bearer_token(rehearsal: Running, api: Api) -> None:
    answer = Api(rehearsal.url, "pat-wrong")("GET", CONTACTS)
    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert api("GET", CONTACTS).status_code == 200


def test_a_readonly_key_may_not_write(rehearsal: Running) -> None:
    api = Api(rehearsal.url, "pat-rehearsal-readonly")
    assert api("GET", CONTACTS).status_code == 200
    answer = api("POST", CONTACTS, {"properties": {"email": "ann@example.com"}})
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")


@pytest.mark.parametrize(
    "path",
    [
        "/crm/v3/objects/contacts",
        "/crm/objects/2026-09/contacts",
        "/crm/objects/2026-03/0-1",
        "/crm/v3/properties/contacts",
        "/crm/properties/2026-09/contacts",
        "/account-info/v3/details",
        "/account-info/2026-03/details",
        "/account-info/2026-03/api-usage/daily/private-apps",
        f"{PREFERENCES}/definitions",
        "/communication-preferences/v4/definitions",
        "/communication-preferences/v3/definitions",
    ],
)
def test_old_and_dated_paths_are_served(api: Api, path: str) -> None:
    assert api("GET", path).status_code == 200


def test_unknown_paths_versions_and_methods(api: Api) -> None:
    assert api("GET", "/crm/objects/2020-01/contacts").status_code == 404
    assert api("GET", "/crm/nothing/here").json()["status"] == "error"
    assert api("PUT", CONTACTS).status_code == 405


def test_limits_tell_their_state_until_they_are_reached(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(limit_scale=0.02)  # 3 of 190 in ten seconds
    answers = [api("GET", CONTACTS) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["X-HubSpot-RateLimit-Remaining"] for each in answers[:3]] == ["2", "1", "0"]
    assert answers[0].headers["X-HubSpot-RateLimit-Max"] == "3"
    refused = answers[3].json()
    assert (refused["policyName"], refused["errorType"]) == ("TEN_SECONDLY_ROLLING", "RATE_LIMIT")
    assert "Retry-After" not in answers[3].headers


def test_searches_have_a_limit_of_their_own(api: Api) -> None:
    answers = in_a_second(lambda: api("POST", f"{CONTACTS}/search", {}), 6)
    assert [each.status_code for each in answers] == [200] * 5 + [429]
    assert answers[5].json()["policyName"] == "SECONDLY"
    assert "X-HubSpot-RateLimit-Max" not in answers[0].headers
    assert api("GET", CONTACTS).status_code == 200


def test_the_day_has_a_limit_too() -> None:
    world = World(open_state(":memory:"), Settings(tiers={"hubspot": "free"}))
    routes.install(world)
    world.db.execute("INSERT INTO hs_usage VALUES (?, 249999)", (world.now().date().isoformat(),))
    request = Request("GET", CONTACTS, headers={"authorization": "Bearer pat-rehearsal"})
    assert routes.guard(world, request) is None
    assert request.reply_headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    refused = routes.guard(world, request)
    assert refused is not None and (refused.status, refused.body["policyName"]) == (429, "DAILY")


def test_faults_look_like_hubspots(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(faults="error@1,unavailable@2,throttle@3,blocked@4")
    answers = [api.session.get(api.url + CONTACTS) for _ in range(5)]
    assert [each.status_code for each in answers] == [500, 503, 429, 502, 200]
    assert answers[2].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert "json" not in answers[3].headers["content-type"]


# ---------------------------------------------------------------- contacts


def test_the_seed_has_people_who_may_not_be_mailed(api: Api) -> None:
    names = "email,hs_email_optout,hs_email_hard_bounce_reason_enum,hs_email_open"
    rows = [each["properties"] for each in api("GET", CONTACTS, limit=100, properties=names).json()["results"]]
    assert all(row["email"].endswith("@example.com") for row in rows)
    assert [row["email"] for row in rows if row["hs_email_optout"] == "true"] == ["carla.opted-out@example.com"]
    assert sum(row["hs_email_hard_bounce_reason_enum"] is not None for row in rows) == 1
    assert rows[0]["hs_email_open"] == "12" and "firstname" not in rows[0]


def test_paging_is_by_id_and_capped_at_100(api: Api) -> None:
    first = api("GET", CONTACTS, limit=4).json()
    second = api("GET", CONTACTS, limit=4, after=first["paging"]["next"]["after"]).json()
    ids = [each["id"] for each in first["results"] + second["results"]]
    assert ids == sorted(set(ids), key=int) and len(ids) == 6 and "paging" not in second
    assert api("GET", CONTACTS, limit=101).status_code == 400


def test_a_batch_holds_100(api: Api) -> None:
    rows = [{"properties": {"email": f"p{n}@example.com"}} for n in range(101)]
    for action in ("create", "update", "upsert", "archive", "read"):
        assert api("POST", f"{CONTACTS}/batch/{action}", {"inputs": rows}).status_code == 400
    assert api("POST", f"{CONTACTS}/batch/create", {"inputs": rows[:100]}).status_code == 201


def test_creation_is_all_or_nothing_and_names_the_first_culprit_only(api: Api) -> None:
    rows = [{"properties": {"email": each}} for each in ("new@example.com", "Ada.Lindqvist@example.com", "bad@@x")]
    answer = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    assert "Existing ID: 101" in answer.json()["message"] and "bad@@x" not in answer.text
    assert api.held("new@example.com") == {}


def test_with_trace_ids_each_record_fails_alone(api: Api) -> None:
    emails = ("new@example.com", "ada.lindqvist@example.com", "bad@@x", "new@example.com")
    rows = [{"objectWriteTraceId": f"t{n}", "properties": {"email": each}} for n, each in enumerate(emails)]
    answer = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    body = answer.json()
    assert answer.status_code == 207 and body["numErrors"] == 3
    assert [each["objectWriteTraceId"] for each in body["results"]] == ["t0"]
    failed = {each["context"]["objectWriteTraceId"][0]: each["category"] for each in body["errors"]}
    assert failed == {"t1": "CONFLICT", "t2": "VALIDATION_ERROR", "t3": "CONFLICT"}
    assert next(each for each in body["errors"] if each["errors"])["errors"][0]["code"] == "INVALID_EMAIL"
    assert list(api.held("new@example.com")) == ["new@example.com"]


def test_trace_ids_count_only_when_every_input_has_its_own(api: Api) -> None:
    rows = [{"objectWriteTraceId": "same", "properties": {"email": each}} for each in ("a@example.com", "bad@@x")]
    assert api("POST", f"{CONTACTS}/batch/create", {"inputs": rows}).status_code == 400
    assert api.held("a@example.com") == {}


def test_an_unknown_property_refuses_the_whole_batch_even_with_trace_ids(api: Api) -> None:
    rows: list[dict[str, Any]] = [
        {"objectWriteTraceId": "t0", "properties": {"email": "a@example.com"}},
        {"objectWriteTraceId": "t1", "properties": {"email": "b@example.com", "shoe_size": "42"}},
    ]
    answer = api("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert answer.status_code == 400 and _codes(answer) == ["PROPERTY_DOESNT_EXIST"]
    assert api.held("a@example.com") == {}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("email", "not an address", "INVALID_EMAIL"),
        ("email", "two@example.com,three@example.com", "INVALID_EMAIL"),
        ("lifecyclestage", "astronaut", "INVALID_OPTION"),
        ("annualrevenue", "a lot", "INVALID_NUMBER"),
        ("hs_email_optout", "true", "READ_ONLY_VALUE"),
        ("hs_marketable_status", "false", "READ_ONLY_VALUE"),
        ("lastmodifieddate", "2026-01-01", "READ_ONLY_VALUE"),
    ],
)
def test_values_are_validated(api: Api, name: str, value: str, code: str) -> None:
    answer = api("POST", CONTACTS, {"properties": {"email": "ann@example.com"} | {name: value}})
    assert answer.status_code == 400 and _codes(answer) == [code]
    assert answer.json()["errors"][0]["context"] == {"propertyName": [name]}


def test_addresses_are_lower_cased_and_unique_with_secondary_ones(api: Api) -> None:
    [number] = api.create(" Ann@Example.COM ")
    assert list(api.held("ANN@example.com")) == ["ann@example.com"]
    assert api("POST", CONTACTS, {"properties": {"email": "ann@example.com"}}).status_code == 409
    assert api("POST", CONTACTS, {"properties": {"email": "bela.private@example.com"}}).status_code == 409
    taken = {"inputs": [{"id": number, "properties": {"email": "ada.lindqvist@example.com"}}]}
    assert api("POST", f"{CONTACTS}/batch/update", taken).status_code == 409


def test_a_secondary_address_finds_its_contact_but_not_in_a_search(api: Api) -> None:
    assert list(api.held("bela.private@example.com")) == ["bela.farkas@example.com"]
    one = api("GET", f"{CONTACTS}/bela.private@example.com", idProperty="email")
    assert one.json()["id"] == "102"
    assert _search(api, ("email", "EQ", "bela.private@example.com")) == []
    assert _search(api, ("hs_additional_emails", "EQ", "bela.private@example.com")) == ["bela.farkas@example.com"]


def test_writing_the_secondary_address_as_email_rewrites_the_primary_one(api: Api) -> None:
    body = {"inputs": [{"id": "102", "properties": {"email": "bela.private@example.com"}}]}
    assert api("POST", f"{CONTACTS}/batch/update", body).status_code == 200
    assert list(api.held("bela.private@example.com")) == ["bela.private@example.com"]


def test_reading_a_batch_names_those_who_are_missing(api: Api) -> None:
    body: dict[str, Any] = {
        "idProperty": "email",
        "inputs": [{"id": "ada.lindqvist@example.com"}, {"id": "no@example.com"}],
    }
    answer = api("POST", f"{CONTACTS}/batch/read", body)
    assert answer.status_code == 207 and len(answer.json()["results"]) == 1
    assert answer.json()["errors"][0]["context"] == {"ids": ["no@example.com"]}
    body["inputs"].pop()
    assert api("POST", f"{CONTACTS}/batch/read", body).status_code == 200


def test_updates_go_by_record_id(api: Api) -> None:
    [number] = api.create("ann@example.com", firstname="Ann")
    by_email = {"inputs": [{"idProperty": "email", "id": "ann@example.com", "properties": {"firstname": "Bo"}}]}
    assert api("POST", f"{CONTACTS}/batch/update", by_email).status_code == 400
    twice = {"inputs": [{"id": number, "properties": {}}] * 2}
    assert api("POST", f"{CONTACTS}/batch/update", twice).status_code == 400
    mixed = {"inputs": [{"id": number, "properties": {"firstname": ""}}, {"id": "999", "properties": {}}]}
    answer = api("POST", f"{CONTACTS}/batch/update", mixed)
    assert answer.status_code == 207
    assert answer.json()["errors"][0]["context"] == {"ids": ["999"]}
    assert api.held("ann@example.com")["ann@example.com"]["firstname"] is None


def test_the_lifecycle_stage_moves_forward_only(api: Api) -> None:
    [number] = api.create("ann@example.com", lifecyclestage="lead")
    for stage, expected in (("customer", "customer"), ("subscriber", "customer"), ("", None)):
        api("PATCH", f"{CONTACTS}/{number}", {"properties": {"lifecyclestage": stage}})
        assert api.held("ann@example.com")["ann@example.com"]["lifecyclestage"] == expected


def test_upsert_says_who_is_new(api: Api) -> None:
    emails = ("ada.lindqvist@example.com", "new@example.com")
    rows = [{"idProperty": "email", "id": each, "properties": {"firstname": "X"}} for each in emails]
    body = api("POST", f"{CONTACTS}/batch/upsert", {"inputs": rows}).json()
    assert [each["new"] for each in body["results"]] == [False, True]
    assert {each["firstname"] for each in api.held(*emails).values()} == {"X"}


def test_an_archived_contact_leaves_lists_and_frees_its_address(api: Api) -> None:
    [number], listed = api.create("ann@example.com"), api.make_list()
    api("PUT", f"{LISTS}/{listed}/memberships/add", [number])
    assert api("POST", f"{CONTACTS}/batch/archive", {"inputs": [{"id": number}]}).status_code == 204
    assert api.held("ann@example.com") == {}
    assert api("GET", f"{LISTS}/{listed}/memberships").json()["results"] == []
    assert [each["id"] for each in api("GET", CONTACTS, archived="true").json()["results"]] == [number]
    assert api.create("ann@example.com") != [number]


def test_an_erased_address_is_blocked_even_if_nobody_had_it(api: Api) -> None:
    for email in ("ada.lindqvist@example.com", "nobody@example.com"):
        body = {"objectId": email, "idProperty": "email"}
        assert api("POST", f"{CONTACTS}/gdpr-delete", body).status_code == 204
        assert api("POST", CONTACTS, {"properties": {"email": email}}).status_code == 400


def test_an_erased_address_may_come_back_through_the_api(rehearsal: Running, api: Api) -> None:
    """As the knowledge base says, unlike the reference."""
    rehearsal.settings(erased_return=True)
    api("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "ada.lindqvist@example.com", "idProperty": "email"})
    assert api("POST", CONTACTS, {"properties": {"email": "ada.lindqvist@example.com"}}).status_code == 201


def test_the_recycle_bin_is_read_by_id_and_holds_nobody_who_was_erased(api: Api) -> None:
    [kept], [deleted], [erased], [merged] = (api.create(f"{name}@example.com") for name in ("ann", "bob", "cid", "dan"))
    api("POST", f"{CONTACTS}/merge", {"primaryObjectId": kept, "objectIdToMerge": merged})
    for number in (deleted, erased):
        api("DELETE", f"{CONTACTS}/{number}")
    api("POST", f"{CONTACTS}/gdpr-delete", {"objectId": erased})
    body = {"inputs": [{"id": number} for number in (kept, deleted, erased, merged)]}

    def told(**query: str) -> tuple[list[str], set[str]]:
        found = api("POST", f"{CONTACTS}/batch/read", body, **query).json()
        return [each["id"] for each in found["results"]], set(found["errors"][0]["context"]["ids"])

    assert told(archived="true") == ([deleted], {kept, erased, merged})
    assert told() == ([kept], {deleted, erased})


# ---------------------------------------------------------------- search


def _search(api: Api, *filters: tuple[str, str, Any], **more: Any) -> list[str]:
    tests = []
    for name, operator, value in filters:
        key = "values" if operator in ("IN", "NOT_IN") else "value"
        tests.append({"propertyName": name, "operator": operator} | ({} if value is None else {key: value}))
    body = {"filterGroups": [{"filters": tests}], "properties": ["email"], "limit": 200} | more
    answer = api("POST", f"{CONTACTS}/search", body)
    assert answer.status_code == 200, answer.text
    return [each["properties"]["email"] for each in answer.json()["results"]]


def test_search_filters_by_type(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(limits=False)
    api.create("ann@example.com", annualrevenue="9")
    api.create("bo@example.com", annualrevenue="100", lifecyclestage="lead")
    assert _search(api, ("annualrevenue", "GT", "10")) == ["bo@example.com"]
    assert _search(api, ("annualrevenue", "LTE", 9)) == ["ann@example.com"]
    between = {"propertyName": "annualrevenue", "operator": "BETWEEN", "value": "10", "highValue": "100"}
    assert _search(api, filterGroups=[{"filters": [between]}]) == ["bo@example.com"]
    assert _search(api, ("email", "EQ", "ANN@example.com")) == ["ann@example.com"]
    assert _search(api, ("lifecyclestage", "IN", ["lead", "customer"])) == [
        "ada.lindqvist@example.com",
        "bo@example.com",
    ]
    assert _search(api, ("hs_email_optout", "HAS_PROPERTY", None)) == ["carla.opted-out@example.com"]
    assert len(_search(api, ("annualrevenue", "NOT_HAS_PROPERTY", None))) == 6
    assert _search(api, ("email", "CONTAINS_TOKEN", "*bounced*")) == ["dinesh.bounced@example.com"]


def test_search_finds_what_changed_since_in_order(rehearsal: Running, api: Api) -> None:
    before = datetime.now(UTC)
    api.create("ann@example.com", "bo@example.com")
    rehearsal.settings(clock_ahead_s=60)
    api("PATCH", f"{CONTACTS}/102", {"properties": {"firstname": "Changed"}})
    since = str(int(before.timestamp() * 1000))
    sorts = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    found = _search(api, ("lastmodifieddate", "GTE", since), sorts=sorts)
    assert found == ["ann@example.com", "bo@example.com", "bela.farkas@example.com"]
    down = _search(api, ("lastmodifieddate", "GTE", before.isoformat()), sorts=["-lastmodifieddate"])
    assert (down[0], set(down)) == (found[2], set(found))


def test_search_pages_and_its_caps(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(limits=False)
    first = api("POST", f"{CONTACTS}/search", {"limit": 4}).json()
    second = api("POST", f"{CONTACTS}/search", {"limit": 4, "after": first["paging"]["next"]["after"]}).json()
    assert (first["total"], len(second["results"]), "paging" in second) == (6, 2, False)
    one = {"propertyName": "email", "operator": "HAS_PROPERTY"}
    for bad in (
        {"limit": 201},
        {"limit": 100, "after": "9901"},
        {"after": "x"},
        {"filterGroups": [{"filters": [one]}] * 6},
        {"filterGroups": [{"filters": [one] * 7}]},
        {"sorts": ["email", "city"]},
        {"filterGroups": [{"filters": [{"propertyName": "shoe_size", "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": "email", "operator": "LIKE", "value": "1"}]}]},
    ):
        assert api("POST", f"{CONTACTS}/search", bad).status_code == 400, bad
    assert api("POST", f"{CONTACTS}/search", {"limit": 200, "after": "9800"}).status_code == 200


# ---------------------------------------------------------------- properties and tags


def _tag_property(api: Api, *values: str) -> None:
    options = [{"value": each, "label": each.title(), "displayOrder": -1, "hidden": False} for each in values]
    body = {"name": "tags", "label": "Tags", "type": "enumeration", "fieldType": "checkbox", "options": options}
    assert api("POST", PROPERTIES, body | {"groupName": "contactinformation"}).status_code == 201


def test_a_checkbox_appends_with_a_leading_semicolon_and_else_overwrites(api: Api) -> None:
    _tag_property(api, "a", "b", "c")
    [number] = api.create("ann@example.com")
    for value, expected in ((";a", "a"), (";b;a", "a;b"), ("c;b", "c;b"), (";a", "c;b;a"), ("", None)):
        answer = api("PATCH", f"{CONTACTS}/{number}", {"properties": {"tags": value}})
        assert (answer.status_code, api.held("ann@example.com")["ann@example.com"]["tags"]) == (200, expected)
    wrong = api("PATCH", f"{CONTACTS}/{number}", {"properties": {"tags": ";a;nope"}})
    assert wrong.status_code == 400 and _codes(wrong) == ["INVALID_OPTION"]


def test_patching_options_replaces_the_whole_list(api: Api) -> None:
    _tag_property(api, "a", "b")
    only = [{"value": "c", "label": "C", "displayOrder": 0, "hidden": False}]
    assert api("PATCH", f"{PROPERTIES}/tags", {"options": only}).status_code == 200
    assert [each["value"] for each in api("GET", f"{PROPERTIES}/tags").json()["options"]] == ["c"]
    assert api("POST", CONTACTS, {"properties": {"email": "a@example.com", "tags": "a"}}).status_code == 400
    assert api("PATCH", f"{PROPERTIES}/tags", {"options": only * 2}).status_code == 400
    assert api("PATCH", f"{PROPERTIES}/email", {"options": only}).status_code == 400


def test_properties_are_created_once_archived_and_brought_back(api: Api) -> None:
    _tag_property(api, "a")
    body = {
        "name": "tags",
        "label": "T",
        "type": "enumeration",
        "fieldType": "checkbox",
        "groupName": "contactinformation",
    }
    assert api("POST", PROPERTIES, body).status_code == 409
    assert api("DELETE", f"{PROPERTIES}/tags").status_code == 204
    assert api("GET", f"{PROPERTIES}/tags").status_code == 404
    assert api("GET", f"{PROPERTIES}/tags", archived="true").json()["archived"] is True
    assert api("POST", PROPERTIES, body).status_code == 201
    assert api("GET", f"{PROPERTIES}/tags").json()["archived"] is False
    for bad in ({"name": "Bad Name"}, {"name": "x", "fieldType": "number"}, {"name": "x", "groupName": "nope"}):
        assert api("POST", PROPERTIES, body | bad).status_code == 400
    assert api("DELETE", f"{PROPERTIES}/email").status_code == 400


def test_definitions_tell_what_is_read_only(api: Api) -> None:
    found = {each["name"]: each for each in api("GET", PROPERTIES).json()["results"]}
    read_only = {name for name, each in found.items() if each["modificationMetadata"]["readOnlyValue"]}
    assert {"hs_email_optout", "hs_email_last_open_date", "lastmodifieddate"} <= read_only
    assert not {"email", "firstname", "lifecyclestage"} & read_only
    both = api("POST", f"{PROPERTIES}/batch/read", {"inputs": [{"name": "email"}, {"name": "nope"}], "archived": False})
    assert both.status_code == 207 and len(both.json()["results"]) == 1


# ---------------------------------------------------------------- lists


def test_members_are_ids_and_each_is_accounted_for(api: Api) -> None:
    ids, listed = api.create("ann@example.com", "bo@example.com"), api.make_list()
    first = api("PUT", f"{LISTS}/{listed}/memberships/add", [ids[0]]).json()
    assert first == {"recordsIdsAdded": [ids[0]], "recordIdsRemoved": [], "recordIdsMissing": []}
    again = api("PUT", f"{LISTS}/{listed}/memberships/add", [*ids, "999999"]).json()
    assert again == {"recordsIdsAdded": [ids[1]], "recordIdsRemoved": [], "recordIdsMissing": ["999999"]}
    gone = api("PUT", f"{LISTS}/{listed}/memberships/remove", [ids[0], "101"]).json()
    assert gone == {"recordsIdsAdded": [], "recordIdsRemoved": [ids[0]], "recordIdsMissing": []}
    assert api("PUT", f"{LISTS}/{listed}/memberships/add", ["ann@example.com"]).status_code == 400


def test_add_and_remove_needs_both_keys(api: Api) -> None:
    ids, listed = api.create("ann@example.com", "bo@example.com"), api.make_list()
    path = f"{LISTS}/{listed}/memberships/add-and-remove"
    assert api("PUT", path, {"recordIdsToAdd": ids}).status_code == 400
    api("PUT", path, {"recordIdsToAdd": ids, "recordIdsToRemove": []})
    body = api("PUT", path, {"recordIdsToAdd": ["101"], "recordIdsToRemove": ids}).json()
    assert (body["recordsIdsAdded"], body["recordIdsRemoved"]) == (["101"], ids)


def test_memberships_page_by_250(api: Api) -> None:
    listed, ids = api.make_list(), []
    for start in range(0, 300, 100):
        ids += api.create(*(f"p{n}@example.com" for n in range(start, start + 100)))
    api("PUT", f"{LISTS}/{listed}/memberships/add", ids)
    first = api("GET", f"{LISTS}/{listed}/memberships", limit=250).json()
    second = api("GET", f"{LISTS}/{listed}/memberships", limit=250, after=first["paging"]["next"]["after"]).json()
    assert [each["recordId"] for each in first["results"] + second["results"]] == ids
    assert "paging" not in second
    assert api("GET", f"{LISTS}/{listed}/memberships", limit=251).status_code == 400


def test_a_dynamic_list_takes_nobody_from_outside(api: Api) -> None:
    found = api("GET", f"{LISTS}/object-type-id/0-1/name/Everyone%20in%20Malm%C3%B6").json()["list"]
    assert (found["processingType"], found["size"]) == ("DYNAMIC", 1)
    assert api("PUT", f"{LISTS}/{found['listId']}/memberships/add", ["101"]).status_code == 400


def test_list_names_are_unique_and_found(api: Api) -> None:
    listed = api.make_list("VIP")
    body = {"name": "vip", "objectTypeId": "0-1", "processingType": "MANUAL"}
    assert api("POST", LISTS, body).json()["subCategory"] == "ILS.DUPLICATE_LIST_NAMES"
    assert api("GET", f"{LISTS}/object-type-id/0-1/name/VIP").json()["list"]["listId"] == listed
    assert api("GET", f"{LISTS}/object-type-id/0-1/name/nope").status_code == 404
    search = {"query": "vi", "count": 500, "offset": 0, "processingTypes": ["MANUAL", "SNAPSHOT"]}
    assert [each["name"] for each in api("POST", f"{LISTS}/search", search).json()["lists"]] == ["VIP"]
    assert api("POST", f"{LISTS}/search", {"count": 501}).status_code == 400
    assert api("DELETE", f"{LISTS}/{listed}").status_code == 204
    assert api("GET", f"{LISTS}/{listed}").status_code == 404
    assert api("PUT", f"{LISTS}/{listed}/restore").status_code == 204
    assert api("GET", LISTS, listIds=listed).json()["lists"][0]["name"] == "VIP"


# ---------------------------------------------------------------- subscriptions


def test_opting_out_of_everything_shows_on_the_contact(rehearsal: Running, api: Api) -> None:
    [number] = api.create("ann@example.com")
    rehearsal.settings(clock_ahead_s=60)
    emails = {"inputs": ["ann@example.com", "bad@@x"]}
    answer = api("POST", f"{PREFERENCES}/statuses/batch/unsubscribe-all", emails, channel="EMAIL", verbose="true")
    assert answer.status_code == 200 and answer.json()["numErrors"] == 1
    contact = api("GET", f"{CONTACTS}/{number}", properties="hs_email_optout,hs_email_optout_1001").json()
    assert contact["properties"]["hs_email_optout"] == contact["properties"]["hs_email_optout_1001"] == "true"
    assert contact["updatedAt"] > contact["createdAt"]
    wide = api("POST", f"{PREFERENCES}/statuses/batch/unsubscribe-all/read", {"inputs": ["ann@example.com"]})
    assert wide.json()["results"][0]["wideStatuses"][0]["status"] == "UNSUBSCRIBED"


def _subscribe(api: Api, state: str) -> str:
    row = {"subscriberIdString": "carla.opted-out@example.com", "channel": "EMAIL", "subscriptionId": 1001}
    answer = api("POST", f"{PREFERENCES}/statuses/batch/write", {"inputs": [row | {"statusState": state}]})
    reason: str = answer.json()["results"][0]["setStatusSuccessReason"]
    return reason


def test_writing_subscribed_lifts_an_opt_out(api: Api) -> None:
    """The trap: nothing but this call brings somebody back, and it asks no questions."""
    assert _subscribe(api, "UNSUBSCRIBED") == "NO_STATUS_CHANGE"
    assert _subscribe(api, "SUBSCRIBED") == "RESUBSCRIBE_OCCURRED"
    assert api.held("carla.opted-out@example.com")["carla.opted-out@example.com"]["hs_email_optout"] is None
    read = api(
        "POST", f"{PREFERENCES}/statuses/batch/read", {"inputs": ["carla.opted-out@example.com"]}, channel="EMAIL"
    )
    assert [each["status"] for each in read.json()["results"][0]["statuses"]] == ["SUBSCRIBED", "NOT_SPECIFIED"]


def test_v3_cannot_resubscribe(api: Api) -> None:
    body = {"emailAddress": "carla.opted-out@example.com", "subscriptionId": "1001"}
    assert api("POST", "/communication-preferences/v3/subscribe", body).status_code == 400
    body["emailAddress"] = "ada.lindqvist@example.com"
    assert api("POST", "/communication-preferences/v3/unsubscribe", body).json()["status"] == "NOT_SUBSCRIBED"


# ---------------------------------------------------------------- the rest


def test_reads_through_post_do_not_count_as_writes(rehearsal: Running, api: Api) -> None:
    before = rehearsal.writes()["hubspot"]
    api.held("ada.lindqvist@example.com")
    api("POST", f"{CONTACTS}/search", {})
    api("POST", f"{LISTS}/search", {"offset": 0})
    assert rehearsal.writes()["hubspot"] == before
    api.create("ann@example.com")
    assert rehearsal.writes()["hubspot"] == before + 1


def test_the_page_shows_contacts_lists_and_tags(rehearsal: Running, api: Api) -> None:
    _tag_property(api, "a", "b")
    [number] = api.create("ann@example.com", tags="a")
    listed = api.make_list("<b>VIP</b>")
    api("PUT", f"{LISTS}/{listed}/memberships/add", [number])
    shown = rehearsal.state()["platforms"]["hubspot"]
    assert shown["contacts"] == {"bounced": 2, "contact": 3, "opted out": 1, "quarantined": 1}
    targets = {(each["kind"], each["name"]): each["members"] for each in shown["targets"]}
    assert targets["manual list", "<b>VIP</b>"] == 1
    assert (targets["tag in tags", "A"], targets["tag in tags", "B"]) == (1, 0)
    for key in (f"list:{listed}", "tag:tags:a"):
        page = requests.get(f"{rehearsal.url}/_rehearsal/target", {"platform": "hubspot", "key": key}).text
        assert "ann@example.com" in page and "<b>VIP" not in page


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_vendors_own_client_works_unchanged(rehearsal: Running) -> None:
    vendor = pytest.importorskip("hubspot")
    from hubspot.crm import contacts, lists, properties

    client = vendor.HubSpot(access_token="pat-rehearsal", host=rehearsal.url)
    tag = properties.PropertyCreate(
        name="tags",
        label="Tags",
        type="enumeration",
        field_type="checkbox",
        group_name="contactinformation",
        options=[properties.OptionInput(label="VIP", value="vip", display_order=0, hidden=False)],
    )
    assert client.crm.properties.core_api.create("contacts", tag).name == "tags"
    inputs = [
        contacts.SimplePublicObjectBatchInputForCreate(
            associations=[], properties={"email": f"p{n}@example.com", "tags": ";vip"}, object_write_trace_id=str(n)
        )
        for n in range(3)
    ]
    made = client.crm.contacts.batch_api.create(contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs))
    ids = [each.id for each in made.results]
    wanted = contacts.BatchReadInputSimplePublicObjectId(
        id_property="email",
        inputs=[contacts.SimplePublicObjectId(id="p1@example.com")],
        properties=["tags"],
        properties_with_history=[],
    )
    assert client.crm.contacts.batch_api.read(wanted).results[0].properties["tags"] == "vip"
    request = lists.ListCreateRequest(name="VIP", object_type_id="0-1", processing_type="MANUAL")
    listed = client.crm.lists.lists_api.create(request).list.list_id
    added = client.crm.lists.memberships_api.add(listed, ids)
    assert added.records_ids_added == ids
    assert [each.record_id for each in client.crm.lists.memberships_api.get_page(listed).results] == ids
    search = contacts.PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "tags", "operator": "IN", "values": ["vip"]}]}],
        sorts=["email"],
        properties=["email"],
        limit=10,
        after="0",
    )
    assert client.crm.contacts.search_api.do_search(search).total == 3
    assert len(client.crm.contacts.get_all()) == 9
    client.crm.contacts.basic_api.archive(ids[0])
    assert client.crm.lists.lists_api.get_by_id(listed).list.size == 2


# ---------------------------------------------------------------- merging


def test_a_merged_contact_keeps_its_id_and_answers_to_both_addresses(api: Api) -> None:
    kept, gone = api.create("kept@example.com", firstname="Kept") + api.create("gone@example.com", jobtitle="Cook")
    members = f"{LISTS}/{api.make_list()}/memberships"
    api("PUT", f"{members}/add", [gone])
    body = {"primaryObjectId": kept, "objectIdToMerge": gone}
    answer = api("POST", f"{CONTACTS}/merge", body)
    assert answer.status_code == 200 and answer.json()["id"] == kept
    found = api.held("gone@example.com")["kept@example.com"]
    assert (found["hs_object_id"], found["firstname"]) == (kept, "Kept")
    assert found["hs_additional_emails"] == "gone@example.com"
    assert [one["recordId"] for one in api("GET", members).json()["results"]] == [kept]
    assert api("GET", f"{CONTACTS}/{gone}").json()["id"] == kept
    assert api("POST", f"{CONTACTS}/merge", body).status_code == 400


def test_who_opted_out_is_opted_out_when_merged(api: Api) -> None:
    kept, gone = api.create("kept@example.com", "gone@example.com")
    path = f"{PREFERENCES}/statuses/batch/unsubscribe-all"
    api("POST", path, {"inputs": ["gone@example.com"]}, channel="EMAIL")
    api("POST", f"{CONTACTS}/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})
    assert api.held("kept@example.com")["kept@example.com"]["hs_email_optout"] == "true"
