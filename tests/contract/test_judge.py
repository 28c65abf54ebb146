"""The judge itself: every way to be outside a document is noticed, and each correction is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.contract import corrections, documents
from tests.contract.judge import Exchange, answer_faults, request_faults
from tests.contract.plugin import Record

pytestmark = pytest.mark.skipif(bool(documents.missing()), reason=documents.missing())

JSON, PROBLEM, API = "application/json", "application/problem+json", "application/vnd.api+json"
AUTH = {
    "mailchimp": {"authorization": "Basic"},
    "klaviyo": {"authorization": "Klaviyo-API-Key", "revision": "2026-07-15", "content-type": API},
    "hubspot": {"authorization": "Bearer"},
}
CONTACTS = "/crm/objects/2026-03/contacts"
LIST = {"data": {"type": "list", "attributes": {"name": "VIP"}}}
MEMBER = {"email_address": "ann@example.com", "merge_fields": {}}


def sent(vendor: str, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Exchange:
    named = AUTH[vendor] | {name.replace("_", "-"): value for name, value in headers.items()}
    return Exchange(vendor, method, path, query, named, "" if body is None else json.dumps(body))


def answered(made: Exchange, status: int, body: Any, media: str = JSON) -> Exchange:
    return replace(made, status=status, answer=body, answer_headers={"content-type": media})


READ = sent("mailchimp", "GET", "/3.0/lists", query="count=10")
CREATE = sent("klaviyo", "POST", "/api/lists", LIST)
SEARCH = {"limit": 1, "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]}


@pytest.mark.parametrize(
    "made",
    [
        READ,
        CREATE,
        sent("mailchimp", "POST", "/3.0/lists/a1", {"members": [MEMBER]}),
        sent("klaviyo", "GET", "/api/profiles", query="page[size]=100&additional-fields[profile]=subscriptions"),
        sent("hubspot", "GET", CONTACTS, query="properties=email&properties=firstname&archived=false"),
        sent("hubspot", "PUT", "/crm/lists/2026-03/7/memberships/add", ["1", "2"]),
    ],
    ids=str,
)
def test_valid_requests_have_no_faults(made: Exchange) -> None:
    assert request_faults(made) == []


BATCH = {"operations": [{"method": "DELETE", "path": "/lists/a1/membres/5f"}]}


@pytest.mark.parametrize(
    ("made", "fault"),
    [
        (replace(READ, path="/3.0/list"), "no such operation"),
        (replace(READ, method="PUT"), "no such operation"),
        (replace(READ, query="counts=10"), "query counts: not documented"),
        (replace(READ, query="count=ten"), "query count: not of type integer"),
        (replace(READ, query="count=1001"), "query count: (whole)"),
        (replace(READ, query="count=1&count=2"), "query count: not of type integer"),
        (replace(READ, headers={}), "credentials: none"),
        (replace(READ, headers={"authorization": "Klaviyo-API-Key"}), "credentials: Klaviyo-API-Key"),
        (replace(READ, headers=AUTH["mailchimp"] | {"accept": "text/csv"}), "header accept"),
        (replace(READ, body="{}"), "body: not documented"),
        (
            replace(CREATE, headers={"authorization": "Klaviyo-API-Key", "content-type": API}),
            "header revision: missing",
        ),
        (replace(CREATE, headers=AUTH["klaviyo"] | {"content-type": JSON}), "body: application/json"),
        (replace(CREATE, body=""), "body: missing"),
        (sent("klaviyo", "POST", "/api/lists", {"data": {"type": "list"}}), "body data"),
        (sent("klaviyo", "POST", "/api/lists", {"data": LIST["data"] | {"id": "1"}}), "body data"),
        (sent("mailchimp", "POST", "/3.0/lists/a1", {"members": [MEMBER | {"tags": ["VIP"]}]}), "body members/*"),
        (sent("mailchimp", "POST", "/3.0/lists/a1", {"members": [MEMBER | {"status": "archived"}]}), "body members/*"),
        (sent("mailchimp", "POST", "/3.0/lists/a1/segments/1", {"members_to_add": "ann"}), "body members_to_add"),
        (sent("mailchimp", "POST", "/3.0/batches", BATCH), "no such operation"),
        (sent("hubspot", "PUT", "/crm/lists/2026-03/7/memberships/add", [1]), "body *"),
        (sent("hubspot", "POST", f"{CONTACTS}/search", {"sort": []}), "body (whole)"),
    ],
)
def test_every_way_to_be_outside_is_a_fault(made: Exchange, fault: str) -> None:
    assert any(found.startswith(fault) for found in request_faults(made)), request_faults(made)


PROFILE = {"type": "profile", "id": "1", "attributes": {}, "links": {"self": "https://a.klaviyo.com/api/profiles/1"}}
GONE = sent("klaviyo", "DELETE", "/api/lists/1/relationships/profiles", {"data": [{"type": "profile", "id": "1"}]})


@pytest.mark.parametrize(
    "made",
    [
        answered(READ, 200, {"lists": "none"}),
        answered(READ, 200, {"lists": [], "total_items": 0}, "text/plain"),
        answered(READ, 200, None),
        answered(READ, 500, ["?"], PROBLEM),
        answered(sent("klaviyo", "GET", "/api/profiles/1"), 200, {"data": PROFILE | {"type": "person"}}, API),
        answered(GONE, 204, {"data": []}, API),
        answered(GONE, 302, None),
        answered(sent("hubspot", "GET", CONTACTS), 200, {"results": [{"id": 7}]}),
        answered(sent("hubspot", "GET", f"{CONTACTS}/x/y"), 200, {}),
    ],
)
def test_answers_that_the_document_does_not_have_are_faults(made: Exchange) -> None:
    assert answer_faults(made)


def test_right_answers_have_no_faults() -> None:
    assert answer_faults(answered(READ, 200, {"lists": [], "total_items": 0})) == []
    assert answer_faults(answered(GONE, 204, None)) == []


def _contact(**properties: Any) -> dict[str, Any]:
    at = "2026-11-21T10:00:00.000Z"
    return {"id": "1", "properties": properties, "createdAt": at, "updatedAt": at, "archived": False}


def _held(**more: Any) -> Exchange:
    body = {"new_members": [], "updated_members": [MEMBER | more], "errors": []}
    return answered(sent("mailchimp", "POST", "/3.0/lists/a1", {"members": []}), 200, body)


MEMBERS = sent("klaviyo", "GET", "/api/lists/1/profiles", query="fields[profile]=email")
SELF = {"self": "https://a.klaviyo.com/api"}
PENDING = {"id": "b1", "status": "pending", "completed_at": ""}
CAMPAIGN = {
    "type": "campaign",
    "id": "C1",
    "attributes": {
        "name": "Spring",
        "status": "Sent",
        "archived": False,
        "audiences": {"included": ["L1"]},
        "send_options": {"use_smart_sending": True},
        "send_strategy": {"method": "immediate"},
        "created_at": "2026-11-01T08:00:00+00:00",
        "updated_at": "2026-11-01T08:00:00+00:00",
    },
    "links": {"self": "https://a.klaviyo.com/api/campaigns/C1"},
}
EXAMPLES = {
    "merge values": _held(merge_fields={"FNAME": "Ann"}),
    "empty times": answered(sent("mailchimp", "GET", "/3.0/batches/b1"), 200, PENDING),
    "result files": answered(
        sent("mailchimp", "GET", "/mailchimp-batch-results/1.tar.gz"), 200, {}, "application/x-gzip"
    ),
    "batch parameters": sent(
        "mailchimp",
        "POST",
        "/3.0/batches",
        {
            "operations": [
                {"method": "PATCH", "path": "/lists/a1/members/5f", "params": {"skip_merge_validation": "true"}}
                | {"body": '{"status": "unsubscribed"}'}
            ]
        },
    ),
    "bearer": replace(READ, headers={"authorization": "Bearer"}),
    "chosen fields": answered(READ, 200, {"total_items": 1}),
    "archived": _held(status="archived"),
    "sparse fields": answered(MEMBERS, 200, {"data": [PROFILE], "links": SELF}, API),
    "send options": answered(sent("klaviyo", "GET", "/api/campaigns"), 200, {"data": [CAMPAIGN], "links": SELF}, API),
    "unset properties": answered(sent("hubspot", "GET", CONTACTS), 200, {"results": [_contact(firstname=None)]}),
    "search": sent("hubspot", "POST", f"{CONTACTS}/search", SEARCH),
    "versions": sent("hubspot", "GET", "/crm/v3/objects/contacts"),
    "without a document": answered(sent("hubspot", "GET", "/communication-preferences/v3/definitions"), 200, {}),
    "the edge": answered(READ, 403, {"bytes": 60}, "text/html"),
}


@pytest.fixture
def fresh() -> Iterator[None]:
    """Documents read again, in the test and after it."""
    documents.of.cache_clear()
    yield
    documents.of.cache_clear()


def test_the_list_of_corrections_is_short_and_explained() -> None:
    assert len(corrections.CORRECTIONS) < 15
    assert {one.name for one in corrections.CORRECTIONS} == set(EXAMPLES)
    assert all(len(one.reason) > 60 for one in corrections.CORRECTIONS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_correction_is_needed(name: str, fresh: None, monkeypatch: pytest.MonkeyPatch) -> None:
    made = EXAMPLES[name]
    judge = answer_faults if made.status else request_faults
    assert judge(made) == []
    without = tuple(one for one in corrections.CORRECTIONS if one.name != name)
    monkeypatch.setattr(corrections, "CORRECTIONS", without)
    documents.of.cache_clear()
    assert judge(replace(made))  # one that has not found its operation yet


def test_what_a_rehearsal_process_wrote_down_is_judged(tmp_path: Path) -> None:
    line = {
        "platform": "mailchimp",
        "method": "GET",
        "path": "/3.0/lists",
        "query": "count=5000",
        "template": "/3.0/lists",
        "headers": {"authorization": "Basic", "user-agent": "segment-connector/0"},
        "body": "",
        "status": 200,
        "fault": "",
        "answer_headers": {"content-type": JSON},
        "answer": {"lists": 1},
    }
    kept = Record(tmp_path)
    (tmp_path / "1.jsonl").write_text(json.dumps(line) + "\n" + json.dumps(line) + "\n" + '{"half')
    verdict = kept.judge()
    assert (verdict.requests, verdict.answers) == (2, 2)
    assert sorted(fault.split(": ")[2] for fault in verdict.faults) == ["answer", "request"]
    assert kept.judge().requests == 2  # what was read once is not read again
