"""The HubSpot adapter, request by request. Every request is held against HubSpot's document where that is at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
import responses

from connector.config.sections.models import Destination, Secret
from connector.core.errors import (
    AccountLimit,
    Auth,
    BadRecords,
    ContractError,
    DestinationError,
    Gone,
    MissingScope,
    NotSent,
    Refused,
    Retryable,
    TooLarge,
    Unanswered,
)
from connector.core.events import silent
from connector.core.model import Kind, Op, Outcome, Target
from connector.core.schemas import BATCH_SCHEMA
from connector.platforms.base import Batch, Done
from connector.platforms.hubspot import wire
from connector.platforms.hubspot.adapter import HubSpot
from tests.platforms.clock import TurnedClock

API = "https://api.hubapi.com"
CONTACTS = f"{API}/crm/objects/2026-03/contacts"
CREATE, UPDATE, READ, SEARCH = (
    f"{CONTACTS}/{part}" for part in ("batch/create", "batch/update", "batch/read", "search")
)
LISTS = f"{API}/crm/lists/2026-03"
PROPERTIES = f"{API}/crm/properties/2026-03/contacts"
DETAILS = f"{API}/account-info/2026-03/details"
VIP = Target("hubspot", Kind.LIST, "VIP")
GOLD = Target("hubspot", Kind.TAG, "gold")
NOW = "2026-11-21T10:00:00.000Z"

OPT_OUT = f"{API}/communication-preferences/2026-03/statuses/batch/unsubscribe-all"
OPTED_OUT = f"{OPT_OUT}/read"


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(OPTED_OUT, json={"status": "COMPLETE", "results": []})  # asked before every creation
        yield mock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def hubspot(clock: TurnedClock) -> HubSpot:
    return _adapter(clock)


def _adapter(clock: TurnedClock, **settings: str) -> HubSpot:
    secret = Secret(variable="HUBSPOT_TOKEN")
    destination = Destination(name="hubspot", platform="hubspot", secret=secret, settings=settings)
    return HubSpot(destination, "pat-secret", clock=clock, listener=silent)


def _batch(op: Op, rows: list[dict[str, Any]], target: Target | None = None) -> Batch:
    full = [{name: row.get(name) for name in BATCH_SCHEMA.names} for row in rows]
    return Batch(op, target, "7" if target else None, pa.Table.from_pylist(full, schema=BATCH_SCHEMA))


def _row(number: int, **more: Any) -> dict[str, Any]:
    return {"email": f"p{number}@example.com", "remote_id": str(number)} | more


def _contact(number: int, email: str | None = None, **properties: Any) -> dict[str, Any]:
    named = {"email": email or f"p{number}@example.com", "lastmodifieddate": NOW} | properties
    return {"id": str(number), "properties": named, "createdAt": NOW, "updatedAt": NOW, "archived": False}


def _page(*contacts: dict[str, Any], after: str | None = None, **more: Any) -> dict[str, Any]:
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return {"results": list(contacts)} | paging | more


def _batch_answer(*results: Any, errors: Any = ()) -> dict[str, Any]:
    body = {"status": "COMPLETE", "results": list(results), "startedAt": NOW, "completedAt": NOW}
    return body | ({"errors": list(errors), "numErrors": len(errors)} if errors else {})


def _error(category: str, context: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "status": "error",
        "category": category,
        "message": "p1@example.com is bad",
        "context": context or {},
    } | more


def _listed(*faults: dict[str, Any]) -> str:
    """Property errors as HubSpot writes them: codes in a JSON list at the end of the message."""
    return "Property values were not valid: " + json.dumps(list(faults))


def _property(name: str, kind: str = "string", field: str = "text", **more: Any) -> dict[str, Any]:
    about = {"name": name, "label": name, "type": kind, "fieldType": field, "groupName": "contactinformation"}
    return about | {"description": "", "options": []} | more


def _tags(*options: tuple[str, str], **more: Any) -> dict[str, Any]:
    listed = [{"label": label, "value": value, "hidden": False, "displayOrder": 1} for label, value in options]
    return _property("segment_tags", "enumeration", "checkbox", options=listed, **more)


def _properties(http: responses.RequestsMock, *definitions: dict[str, Any]) -> None:
    http.get(PROPERTIES, json={"results": [_property("firstname"), *definitions]})


def _list(key: str, name: str, how: str = "MANUAL") -> dict[str, Any]:
    about = {"listId": key, "name": name, "objectTypeId": "0-1", "processingType": how}
    return about | {"listVersion": 1, "processingStatus": "COMPLETE", "additionalProperties": {}}


def _found(*lists: dict[str, Any], more: bool = False) -> dict[str, Any]:
    return {"lists": list(lists), "hasMore": more, "offset": len(lists), "total": len(lists)}


def _sent(http: responses.RequestsMock, number: int = -1) -> Any:
    return json.loads(http.calls[number].request.body)


def _asked(http: responses.RequestsMock) -> list[str]:
    return [f"{call.request.method} {urlsplit(call.request.url).path.split('/2026-03')[-1]}" for call in http.calls]


def _rows(tables: Iterator[pa.Table]) -> list[dict[str, Any]]:
    return [row for table in tables for row in table.to_pylist()]


def _outcomes(done: Any) -> dict[int, tuple[str, str]]:
    assert isinstance(done, Done)
    assert len({one.index for one in done.outcomes}) == len(done.outcomes)
    return {one.index: (str(one.outcome), one.code) for one in done.outcomes}


# -- creating -----------------------------------------------------------------------------------------------------


def test_create_body(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    dated = [_property("joined", "date"), _property("seen", "datetime"), _property("vip", "bool")]
    _properties(http, _tags(("gold", "g1"), ("a;b", "a%3Bb")), *dated)
    results = [_contact(11) | {"objectWriteTraceId": "0"}, _contact(12) | {"objectWriteTraceId": "1"}]
    http.post(CREATE, json=_batch_answer(*results), status=201)
    fields = {"firstname": "Ä", "joined": "2026-01-02T23:00:00", "seen": "2026-01-02", "vip": True, "ltv": 12.5, "n": 3}
    first = {"email": "a@example.com", "fields": json.dumps(fields), "tags_add": ["gold", "a;b"]}
    done = hubspot.push(_batch(Op.CREATE, [first, {"email": "b@example.com", "new_status": "transactional"}]))
    expected = {"email": "a@example.com", "firstname": "Ä", "joined": "2026-01-02", "seen": "2026-01-02T00:00:00Z"}
    expected |= {"vip": "true", "ltv": "12.5", "n": "3", "segment_tags": "g1;a%3Bb"}
    assert _sent(http) == {
        "inputs": [
            {"properties": expected, "associations": [], "objectWriteTraceId": "0"},
            {"properties": {"email": "b@example.com"}, "associations": [], "objectWriteTraceId": "1"},
        ]
    }
    assert isinstance(done, Done)
    assert [(one.index, one.outcome, one.remote_id) for one in done.outcomes] == [
        (0, Outcome.APPLIED, "11"),
        (1, Outcome.APPLIED, "12"),
    ]


def test_partial_create(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    errors = [
        _error("CONFLICT", {"objectWriteTraceId": ["1"], "existingId": ["99"]}),
        _error("VALIDATION_ERROR", {"objectWriteTraceId": ["2"]}, errors=[{"message": "m", "code": "INVALID_EMAIL"}]),
        _error("VALIDATION_ERROR", {"objectWriteTraceId": ["3"]}, message=_listed({"error": "INVALID_OPTION"})),
        _error("VALIDATION_ERROR", {"objectWriteTraceId": ["4"]}, errors=[{"message": "m", "code": "SOME_NEW_RULE"}]),
    ]
    held = _contact(1, "P0@Example.com")  # without a trace id: told by its address
    http.post(CREATE, json=_batch_answer(held, errors=errors), status=207)
    done = hubspot.push(_batch(Op.CREATE, [{"email": f"p{n}@example.com"} for n in range(6)]))
    assert _outcomes(done) == {
        0: ("applied", ""),
        1: ("failed", "exists"),
        2: ("rejected", "invalid_email"),
        3: ("rejected", "invalid_option"),
        4: ("rejected", "some_new_rule"),
        5: ("unknown", "no_answer"),
    }
    assert isinstance(done, Done)
    assert [one.remote_id for one in done.outcomes if one.code == "exists"] == ["99"]
    assert "p1@example.com" not in str(done)


@pytest.mark.parametrize(("op", "cap"), [(Op.CREATE, 100), (Op.UPDATE, 100), (Op.ADD, 10_000)])
def test_caps(http: responses.RequestsMock, hubspot: HubSpot, op: Op, cap: int) -> None:
    http.post(CREATE, json=_batch_answer(), status=201)
    http.post(UPDATE, json=_batch_answer())
    http.put(f"{LISTS}/7/memberships/add", json={})
    _properties(http)
    rows = [_row(n, fields='{"firstname": "A"}') for n in range(1, cap + 2)]
    target = VIP if op is Op.ADD else None
    assert hubspot.push(_batch(op, [], target)) == Done(())
    assert len(http.calls) == 0
    assert len(_outcomes(hubspot.push(_batch(op, rows[:1], target)))) == 1
    assert len(_outcomes(hubspot.push(_batch(op, rows[:cap], target)))) == cap
    with pytest.raises(NotSent):
        hubspot.push(_batch(op, rows, target))


@pytest.mark.parametrize("status", ["subscribed", "pending", "skip"])
def test_create_subscribes_nobody(http: responses.RequestsMock, hubspot: HubSpot, status: str) -> None:
    with pytest.raises(NotSent):
        hubspot.push(_batch(Op.CREATE, [{"email": "a@example.com", "new_status": status}]))
    assert len(http.calls) == 0


def test_operations_that_do_not_exist(hubspot: HubSpot) -> None:
    for op, target in ((Op.RETIRE, None), (Op.ADD, GOLD), (Op.ADOPT, None)):
        with pytest.raises(NotSent):
            hubspot.push(_batch(op, [_row(1)], target))
    with pytest.raises(ContractError):
        hubspot.poll("job", _batch(Op.CREATE, []))
    with pytest.raises(NotSent):
        hubspot.push(_batch(Op.UPDATE, [{"email": "a@example.com"}]))


def test_a_create_without_answer_is_not_sent_again(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(CREATE, body=responses.ConnectionError("reset"))
    with pytest.raises(Unanswered):
        hubspot.push(_batch(Op.CREATE, [{"email": "a@example.com"}]))
    assert len(http.calls) == 2  # the question about opt-outs, and one creation


# -- updating -----------------------------------------------------------------------------------------------------


def test_update_appends_tags_and_clears_with_nothing(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http, _tags(("gold", "gold"), ("new", "n")))
    http.post(UPDATE, json=_batch_answer(_contact(1), _contact(2)))
    rows = [
        _row(1, tags_add=["gold", "new"], fields='{"email": "other@example.com", "firstname": null}'),
        _row(2, fields='{"firstname": "B"}'),
        _row(3),
        _row(2, fields='{"firstname": "C"}'),
    ]
    outcomes = _outcomes(hubspot.push(_batch(Op.UPDATE, rows)))
    assert _sent(http) == {
        "inputs": [
            {"id": "1", "properties": {"firstname": "", "segment_tags": ";gold;n"}, "objectWriteTraceId": "0"},
            {"id": "2", "properties": {"firstname": "B"}, "objectWriteTraceId": "1"},
        ]
    }
    assert outcomes == {0: ("applied", ""), 1: ("applied", ""), 2: ("unchanged", ""), 3: ("rejected", "duplicate")}


def test_removing_a_tag_rewrites_the_value(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http, _tags(("gold", "g"), ("new", "n"), ("old", "o")))
    held = [_contact(1, segment_tags="x;g;o"), _contact(2, segment_tags="g"), _contact(3, segment_tags=None)]
    http.post(READ, json=_batch_answer(*held))
    http.post(UPDATE, json=_batch_answer(_contact(1), _contact(2), _contact(3), _contact(4)))
    rows = [
        _row(1, tags_add=["new", "old"], tags_remove=["gold"]),
        _row(2, tags_remove=["gold"]),
        _row(3, tags_remove=["gold"]),
        _row(4, tags_add=["new"]),
        _row(5, tags_remove=["never an option"]),
    ]
    outcomes = _outcomes(hubspot.push(_batch(Op.UPDATE, rows)))
    assert [one["properties"]["segment_tags"] for one in _sent(http)["inputs"]] == ["x;o;n", "", "", ";n"]
    assert [one["id"] for one in _sent(http, -2)["inputs"]] == ["1", "2", "3"]
    assert "idProperty" not in _sent(http, -2)
    assert outcomes[4] == ("unchanged", "")
    assert sum(call.request.url == UPDATE for call in http.calls) == 1


def test_update_of_somebody_who_is_gone(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    gone = _error("OBJECT_NOT_FOUND", {"ids": ["2", "3"]})
    http.post(UPDATE, json=_batch_answer(_contact(1), errors=[gone]), status=207)
    rows = [_row(n, fields='{"firstname": "A"}') for n in (1, 2, 3)]
    expected = {0: ("applied", ""), 1: ("rejected", "not_held"), 2: ("rejected", "not_held")}
    assert _outcomes(hubspot.push(_batch(Op.UPDATE, rows))) == expected


def test_a_merged_contact_is_known_by_its_trace(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    http.post(UPDATE, json=_batch_answer(_contact(500) | {"objectWriteTraceId": "0"}))
    done = hubspot.push(_batch(Op.UPDATE, [_row(1, fields='{"firstname": "A"}')]))
    assert isinstance(done, Done)
    assert (done.outcomes[0].outcome, done.outcomes[0].remote_id) == (Outcome.APPLIED, "500")


def test_a_refused_batch_names_whose_value_it_was(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    fault = {"error": "INVALID_OPTION", "name": "firstname", "propertyValue": "bad"}
    http.post(UPDATE, json=_error("VALIDATION_ERROR", message=_listed(fault)), status=400)
    rows = [_row(1), _row(2, fields='{"firstname": "ok"}'), _row(3, fields='{"firstname": "bad"}')]
    with pytest.raises(BadRecords) as caught:
        hubspot.push(_batch(Op.UPDATE, rows))
    assert {index: code for index, (code, _) in caught.value.culprits.items()} == {2: "invalid_option"}
    assert "bad" not in str(caught.value)


def test_a_refused_batch_without_a_name(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(CREATE, json=_error("CONFLICT"), status=409)
    with pytest.raises(BadRecords) as caught:
        hubspot.push(_batch(Op.CREATE, [{"email": "p1@example.com"}, {"email": "p2@example.com"}]))
    assert (caught.value.culprits, caught.value.code) == ({}, "exists")
    with pytest.raises(BadRecords) as caught:
        hubspot.push(_batch(Op.CREATE, [{"email": "p1@example.com"}]))
    assert caught.value.culprits[0][0] == "exists"
    assert "p1@example.com" not in str(caught.value)


@pytest.mark.parametrize("code", ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"])
@pytest.mark.parametrize("status", [400, 207])
def test_a_fault_of_the_fields_parks_nobody(
    http: responses.RequestsMock, hubspot: HubSpot, code: str, status: int
) -> None:
    _properties(http)
    error = _error("VALIDATION_ERROR", {"objectWriteTraceId": ["0"]}, message=_listed({"error": code, "name": "ltv"}))
    http.post(CREATE, json=error if status == 400 else _batch_answer(errors=[error]), status=status)
    with pytest.raises(Refused, match="ltv") as caught:
        hubspot.push(_batch(Op.CREATE, [{"email": "a@example.com", "fields": '{"ltv": 1}'}]))
    assert not isinstance(caught.value, BadRecords)


# -- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["recordsIdsAdded", "recordIdsAdded"])
def test_list_add(http: responses.RequestsMock, hubspot: HubSpot, spelling: str) -> None:
    answer = {spelling: ["1", 4], "recordIdsMissing": ["3"]}
    http.put(f"{LISTS}/7/memberships/add", json=answer)
    http.post(READ, json=_batch_answer())
    rows = [_row(1), _row(2), _row(3), _row(4), _row(1)]
    outcomes = _outcomes(hubspot.push(_batch(Op.ADD, rows, VIP)))
    assert _sent(http, 0) == ["1", "2", "3", "4"]
    states = [outcomes[index] for index in range(5)]
    assert states == [("applied", ""), ("unchanged", ""), ("rejected", "not_held"), ("applied", ""), ("applied", "")]


def test_a_list_that_does_not_know_a_contact_yet(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    """Its index lags. What it says of one that was merged into another, or deleted, is true."""
    http.put(f"{LISTS}/7/memberships/add", json={"recordIdsMissing": ["1", "2", "3"]})
    http.post(READ, json=_batch_answer(_contact(1), _contact(9)))
    outcomes = _outcomes(hubspot.push(_batch(Op.ADD, [_row(1), _row(2), _row(3)], VIP)))
    assert [one["id"] for one in _sent(http)["inputs"]] == ["1", "2", "3"]
    states = [outcomes[index] for index in range(3)]
    assert states == [("skipped", "not_visible"), ("rejected", "not_held"), ("rejected", "not_held")]


def test_list_remove(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.put(f"{LISTS}/7/memberships/remove", json={"recordIdsRemoved": ["1"], "recordIdsMissing": ["3"]})
    outcomes = _outcomes(hubspot.push(_batch(Op.REMOVE, [_row(1), _row(2), _row(3)], VIP)))
    assert list(outcomes.values()) == [("applied", ""), ("unchanged", ""), ("unchanged", "not_held")]


def test_a_list_that_was_deleted(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.put(f"{LISTS}/7/memberships/add", json=_error("OBJECT_NOT_FOUND"), status=404)
    with pytest.raises(Refused) as caught:
        hubspot.push(_batch(Op.ADD, [_row(1)], VIP))
    assert caught.value.code == "not_found"


# -- targets ------------------------------------------------------------------------------------------------------


def test_targets_in_bulk(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http, _tags(("Gold", "g1")))
    http.post(f"{LISTS}/search", json=_found(_list("1", "A"), _list("2", "B", "DYNAMIC"), more=True))
    http.post(f"{LISTS}/search", json=_found(_list("3", "C", "SNAPSHOT")))
    found = hubspot.targets(frozenset(Kind))
    assert found == {(Kind.TAG, "Gold"): "g1", (Kind.LIST, "A"): "1", (Kind.LIST, "C"): "3"}
    assert [_sent(http, number)["offset"] for number in (-2, -1)] == [0, 2]


def test_the_tag_property_is_made_when_missing(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    http.get(f"{PROPERTIES}/segment_tags", json=_error("OBJECT_NOT_FOUND"), status=404)
    http.post(PROPERTIES, json=_tags(("gold", "gold")), status=201)
    assert hubspot.ensure_targets([GOLD, GOLD]) == {GOLD: "gold"}
    sent = _sent(http)
    assert (sent["fieldType"], sent["type"], sent["groupName"]) == ("checkbox", "enumeration", "contactinformation")
    assert [(one["label"], one["value"]) for one in sent["options"]] == [("gold", "gold")]
    count = len(http.calls)
    assert hubspot.ensure_targets([GOLD]) == {GOLD: "gold"}
    assert len(http.calls) == count


def test_an_archived_tag_property_comes_back_with_its_options(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    http.get(f"{PROPERTIES}/segment_tags", json=_error("OBJECT_NOT_FOUND"), status=404)
    http.post(PROPERTIES, json=_tags(("old", "old")), status=201)  # restored, without the new option
    http.get(f"{PROPERTIES}/segment_tags", json=_tags(("old", "old")))
    http.patch(f"{PROPERTIES}/segment_tags", json=_tags(("old", "old"), ("gold", "gold")))
    assert hubspot.ensure_targets([GOLD]) == {GOLD: "gold"}


def test_options_are_merged_never_dropped(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    hidden = {"label": "Old", "value": "o1", "hidden": True, "displayOrder": 4, "description": "d"}
    plain = {"label": "Plain", "value": "p1", "hidden": False}
    fresh = _tags()
    fresh["options"] = [hidden, plain]
    _properties(http, _tags(("Old", "o1")))  # read at the start; since then somebody added "Plain"
    http.get(f"{PROPERTIES}/segment_tags", json=fresh)
    http.patch(f"{PROPERTIES}/segment_tags", json=_tags(("Old", "o1"), ("Plain", "p1"), ("gold", "gold")))
    plain_target = Target("hubspot", Kind.TAG, "Plain")
    assert hubspot.ensure_targets([GOLD, plain_target]) == {GOLD: "gold", plain_target: "p1"}
    assert _sent(http)["options"] == [
        hidden,
        plain | {"displayOrder": -1, "description": ""},
        {"label": "gold", "value": "gold", "hidden": False, "displayOrder": -1, "description": ""},
    ]


def test_a_tag_property_made_by_somebody_else_meanwhile(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http)
    http.get(f"{PROPERTIES}/segment_tags", json=_error("OBJECT_NOT_FOUND"), status=404)
    http.post(PROPERTIES, json=_error("OBJECT_ALREADY_EXISTS"), status=409)
    http.get(f"{PROPERTIES}/segment_tags", json=_tags(("gold", "theirs")))
    assert hubspot.ensure_targets([GOLD]) == {GOLD: "theirs"}


@pytest.mark.parametrize(
    "definition",
    [_property("segment_tags"), _tags(modificationMetadata={"readOnlyOptions": True})],
)
def test_a_property_that_cannot_hold_tags(
    http: responses.RequestsMock, hubspot: HubSpot, definition: dict[str, Any]
) -> None:
    _properties(http, definition)
    http.get(f"{PROPERTIES}/segment_tags", json=definition)
    with pytest.raises(Refused, match="tag_property"):
        hubspot.ensure_targets([GOLD])


def test_lists_are_found_or_made(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    other = Target("hubspot", Kind.LIST, "Other")
    http.post(f"{LISTS}/search", json=_found(_list("5", "Other")))
    http.post(LISTS, json={"list": _list("7", "VIP")})
    assert hubspot.ensure_targets([VIP, other]) == {VIP: "7", other: "5"}
    assert _sent(http) == {"name": "VIP", "objectTypeId": "0-1", "processingType": "MANUAL"}


def test_a_list_made_meanwhile(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    odd = Target("hubspot", Kind.LIST, "A/B & ü")
    http.post(f"{LISTS}/search", json=_found())
    http.post(LISTS, json=_error("VALIDATION_ERROR", subCategory="ILS.DUPLICATE_LIST_NAMES"), status=400)
    http.get(f"{LISTS}/object-type-id/0-1/name/A%2FB%20%26%20%C3%BC", json={"list": _list("9", "A/B & ü")})
    assert hubspot.ensure_targets([odd]) == {odd: "9"}


def test_a_list_that_fills_itself(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(f"{LISTS}/search", json=_found(_list("5", "VIP", "DYNAMIC")))
    with pytest.raises(Refused, match="fills itself"):
        hubspot.ensure_targets([VIP])


@pytest.mark.parametrize("name", ["VIP", "a;b", "100 %", "%3B", "é; %25;", " "])
def test_option_values_are_reversible(name: str) -> None:
    assert wire.tag_name(wire.option_value(name)) == name
    assert ";" not in wire.option_value(name)


# -- reading ------------------------------------------------------------------------------------------------------


def test_an_empty_portal_costs_one_request(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.get(CONTACTS, json=_page())
    assert _rows(hubspot.lookup([f"p{n}@example.com" for n in range(5000)])) == []
    assert len(http.calls) == 1
    assert list(hubspot.lookup([])) == []
    assert len(http.calls) == 1


def test_a_small_portal_is_read_whole(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.get(CONTACTS, json=_page(_contact(1), after="1"))
    http.get(CONTACTS, json=_page(_contact(2)))
    found = _rows(hubspot.lookup([f"p{n}@example.com" for n in range(2, 400)]))
    assert [row["email"] for row in found] == ["p1@example.com", "p2@example.com"]
    assert _asked(http) == ["GET /contacts", "GET /contacts"]
    assert parse_qs(urlsplit(http.calls[0].request.url).query)["limit"] == ["100"]


def test_a_large_portal_is_asked_in_batches(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(READ, json=_batch_answer(_contact(2), errors=[_error("OBJECT_NOT_FOUND", {"ids": ["p3"]})]), status=207)
    found = _rows(hubspot.lookup(["p2@example.com", "p3@example.com"]))
    assert [row["remote_id"] for row in found] == ["2"]
    sent = _sent(http)
    assert (sent["idProperty"], [one["id"] for one in sent["inputs"]]) == (
        "email",
        ["p2@example.com", "p3@example.com"],
    )
    list(hubspot.lookup([f"p{n}@example.com" for n in range(250)], there=250))
    assert len(http.calls) == 1 + 3
    assert {"hs_email_optout", "segment_tags", "hs_additional_emails"} <= set(sent["properties"])


@pytest.mark.parametrize(("size", "pages", "reads"), [(1900, 3, 0), (500_000, 1, 20)])
def test_many_emails_ask_for_the_size_first(
    http: responses.RequestsMock, hubspot: HubSpot, size: int, pages: int, reads: int
) -> None:
    http.get(CONTACTS, json=_page(_contact(900_001), after="1"))
    http.get(CONTACTS, json=_page(_contact(900_002), after="2"))
    http.get(CONTACTS, json=_page(_contact(900_003)))
    http.post(SEARCH, json=_page(total=size))
    http.post(READ, json=_batch_answer())
    list(hubspot.lookup([f"p{n}@example.com" for n in range(2000)]))
    assert (_asked(http).count("GET /contacts"), _asked(http).count("POST /contacts/batch/read")) == (pages, reads)
    assert _asked(http).count("POST /contacts/search") == 1


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({}, "never_subscribed"),
        ({"hs_email_optout": "false"}, "never_subscribed"),
        ({"hs_email_optout": "true", "hs_email_bad_address": "true"}, "unsubscribed"),
        ({"hs_email_bad_address": "true"}, "bounced"),
        ({"hs_email_hard_bounce_reason_enum": "UNKNOWN_USER"}, "bounced"),
        ({"hs_email_quarantined": "true"}, "suppressed"),
    ],
)
def test_statuses_of_contacts(
    http: responses.RequestsMock, hubspot: HubSpot, properties: dict[str, str], status: str
) -> None:
    http.get(CONTACTS, json=_page(_contact(1, **properties)))
    (row,) = _rows(hubspot.statuses(None))
    assert (row["status"], row["status_at"], row["tags"]) == (status, None, [])


def test_every_address_leads_to_the_contact(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    _properties(http, _tags(("Gold one", "g1")))
    held = _contact(
        1, "Main@Example.com", hs_additional_emails="Two@example.com;main@example.com", segment_tags="g1;x%3By"
    )
    http.post(READ, json=_batch_answer(held, _contact(2, email=None) | {"properties": {"email": None}}))
    found = _rows(hubspot.lookup(["two@example.com"]))
    assert [(row["email"], row["remote_id"]) for row in found] == [("main@example.com", "1"), ("two@example.com", "1")]
    assert found[0]["tags"] == ["Gold one", "x;y"]


def test_what_changed_is_searched_in_windows(
    http: responses.RequestsMock, hubspot: HubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.platforms.hubspot.portal.SEARCH_CAP", 2)
    http.post(SEARCH, json=_page(_contact(1), after="2", total=3))
    later = "2026-11-21T11:00:00.000Z"
    http.post(SEARCH, json=_page(_contact(2, lastmodifieddate=later), total=1))
    found = _rows(islice(hubspot.statuses(datetime(2026, 11, 21, 9, 0, tzinfo=UTC)), 5))  # an endless loop fails too
    assert [row["remote_id"] for row in found] == ["1", "2"]
    starts = [_sent(http, n)["filterGroups"][0]["filters"][0] for n in (0, 1)]
    assert starts[0]["value"] == str(int(datetime(2026, 11, 21, 8, 0, tzinfo=UTC).timestamp() * 1000))
    assert starts[1]["value"] == str(int(datetime(2026, 11, 21, 10, 0, tzinfo=UTC).timestamp() * 1000))
    assert {start["propertyName"] for start in starts} == {"lastmodifieddate"}
    assert (_sent(http, 0)["limit"], "after" in _sent(http, 0)) == (200, False)


def test_more_than_a_search_can_hold_in_one_instant(
    http: responses.RequestsMock, hubspot: HubSpot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.platforms.hubspot.portal.SEARCH_CAP", 1)
    http.post(SEARCH, json=_page(_contact(1), after="1", total=9))
    http.get(CONTACTS, json=_page(_contact(3)))
    found = _rows(hubspot.statuses(datetime(2026, 11, 21, 9, 0, tzinfo=UTC)))
    assert [row["remote_id"] for row in found][-1] == "3"
    assert _asked(http) == [*["POST /contacts/search"] * 3, "GET /contacts"]  # from its start, its moment, everybody


def test_members_of_a_list_and_of_a_tag(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    one, two = ({"recordId": key, "membershipTimestamp": NOW} for key in ("1", "2"))
    http.get(f"{LISTS}/7/memberships", json=_page(one, after="1"))
    http.get(f"{LISTS}/7/memberships", json=_page(two))
    assert [row["remote_id"] for row in _rows(hubspot.members(Kind.LIST, "7"))] == ["1", "2"]
    assert parse_qs(urlsplit(http.calls[1].request.url).query) == {"limit": ["250"], "after": ["1"]}
    _properties(http, _tags(("Gold", "g")))
    http.get(CONTACTS, json=_page(_contact(1, segment_tags="gg"), _contact(2, segment_tags="x;g")))
    assert _rows(hubspot.members(Kind.TAG, "g")) == [{"email": "p2@example.com", "remote_id": "2"}]


# -- checking -----------------------------------------------------------------------------------------------------


def test_check(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.get(DETAILS, json={"portalId": 42, "timeZone": "Europe/Berlin", "uiDomain": "app.hubspot.com"})
    fixed = _property("score", calculated=True)
    _properties(http, fixed, _property("id", modificationMetadata={"readOnlyValue": True}), _property("segment_tags"))
    http.get(CONTACTS, json=_page())
    http.post(f"{LISTS}/search", json=_found())
    account = hubspot.check({"firstname": "first_name", "ltv": "x", "score": "x", "id": "x", "email": "email"})
    assert (account.name, account.facts["timeZone"]) == ("HubSpot portal 42", "Europe/Berlin")
    assert [problem.split(" ")[2] for problem in account.problems[:3]] == ["ltv", "score", "id"]
    assert len(account.problems) == 5  # email, and the tag property that is a text
    writing = [call for call in http.calls if not re.search(r"/search|batch/.*read", call.request.url)]
    assert {call.request.method for call in writing} == {"GET"}


def test_check_names_missing_scopes(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.get(DETAILS, json={"portalId": 42})
    part = {"message": "m", "context": {"requiredGranularScopes": ["crm.schemas.contacts.read"]}}
    http.get(PROPERTIES, json=_error("MISSING_SCOPES", errors=[part]), status=403)
    assert "crm.schemas.contacts.read" in hubspot.check({"firstname": "x"}).problems[0]


def test_settings(http: responses.RequestsMock, clock: TurnedClock) -> None:
    http.post(f"{API}/crm/v3/objects/contacts/batch/read", json=_batch_answer())
    list(_adapter(clock, version="v3", tag_property="my_tags").lookup(["a@example.com"]))
    assert "my_tags" in _sent(http)["properties"]
    assert http.calls[0].request.headers["Authorization"] == "Bearer pat-secret"
    with pytest.raises(Refused, match="professional"):
        _adapter(clock, tier="gold")
    assert _adapter(clock, tier="free").capabilities.limits[0].requests == 100


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "code"),
    [
        (401, {"category": "INVALID_AUTHENTICATION"}, {}, Auth, "token"),
        (
            403,
            {"category": "MISSING_SCOPES", "context": {"missingScopes": ["crm.lists.write"]}},
            {},
            MissingScope,
            "missing_scopes",
        ),
        (404, {}, {}, Gone, "not_found"),
        (413, {}, {}, TooLarge, "too_large"),
        (402, {"message": "no"}, {}, AccountLimit, "account_limit"),
        (429, {"policyName": "DAILY"}, {}, AccountLimit, "daily_limit"),
        (429, {"policyName": "TEN_SECONDLY_ROLLING"}, {}, Retryable, "rate_limit"),
        (423, {}, {}, Retryable, "locked"),
        (477, {}, {"Retry-After": "40"}, Retryable, "migrating"),
        (477, {}, {"Retry-After": "86400"}, Refused, "later"),
        (500, {}, {}, Unanswered, "500"),
        (503, {}, {}, Retryable, "503"),
        (504, {}, {}, Unanswered, "504"),
        (418, {}, {}, ContractError, "418"),
    ],
)
def test_errors(
    http: responses.RequestsMock,
    hubspot: HubSpot,
    status: int,
    body: dict[str, Any],
    headers: dict[str, str],
    kind: type[DestinationError],
    code: str,
) -> None:
    http.put(f"{LISTS}/7/memberships/add", json=_error("X") | body, status=status, headers=headers)
    with pytest.raises(kind) as caught:
        hubspot.push(_batch(Op.ADD, [_row(1)], VIP))
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert caught.value.destination == "hubspot"
    assert "p1@example.com" not in str(caught.value)
    assert "pat-secret" not in str(caught.value)
    tried = len(http.calls)
    assert tried > 1 if isinstance(caught.value, Retryable) else tried == 1


@pytest.mark.parametrize(
    ("policy", "headers", "seconds"),
    [
        ("TEN_SECONDLY_ROLLING", {}, 10.0),
        ("TEN_SECONDLY_ROLLING", {"X-HubSpot-RateLimit-Interval-Milliseconds": "4000"}, 4.0),
        ("SECONDLY", {}, 1.0),
        ("", {"Retry-After": "3"}, 3.0),
    ],
)
def test_a_throttle_waits_as_long_as_it_says(
    http: responses.RequestsMock,
    hubspot: HubSpot,
    clock: TurnedClock,
    policy: str,
    headers: dict[str, str],
    seconds: float,
) -> None:
    http.put(f"{LISTS}/7/memberships/add", json={"policyName": policy}, status=429, headers=headers)
    http.put(f"{LISTS}/7/memberships/add", json={"recordsIdsAdded": ["1"]})
    started = clock.now()
    assert _outcomes(hubspot.push(_batch(Op.ADD, [_row(1)], VIP))) == {0: ("applied", "")}
    assert seconds <= clock.now() - started <= seconds * 1.5 + 1


@pytest.mark.parametrize("text", ["<html>", '{"results": ['])
def test_garbled_answers(http: responses.RequestsMock, hubspot: HubSpot, text: str) -> None:
    http.post(CREATE, body=text, status=201)
    with pytest.raises(Unanswered):
        hubspot.push(_batch(Op.CREATE, [{"email": "a@example.com"}]))
    assert len(http.calls) == 2  # the question about opt-outs, and one creation
    http.put(f"{LISTS}/7/memberships/add", json=["not", "an", "object"])
    with pytest.raises(ContractError):
        hubspot.push(_batch(Op.ADD, [_row(1)], VIP))


def test_searches_have_their_own_limit(http: responses.RequestsMock, hubspot: HubSpot, clock: TurnedClock) -> None:
    http.post(SEARCH, json=_page())
    started = clock.now()
    for _ in range(11):
        list(hubspot.statuses(datetime(2026, 11, 21, tzinfo=UTC)))
    assert 2.0 <= clock.now() - started < 3.0


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (None, "", ""),
        (False, "bool", "false"),
        (10.0, "number", "10"),
        (1e21, "number", "1000000000000000000000"),
        (1e-7, "number", "0.0000001"),
        (["a", "b"], "enumeration", "a;b"),
        ("2026-11-21", "date", "2026-11-21"),
        ("2026-11-21T23:30:00+01:00", "date", "2026-11-21"),
        ("2026-11-21 23:30:00", "datetime", "2026-11-21T23:30:00Z"),
        ("2026-11-21T23:30:00+01:00", "datetime", "2026-11-21T23:30:00+01:00"),
        ("2026-11-21 is a day", "string", "2026-11-21 is a day"),
    ],
)
def test_values_on_the_wire(value: object, kind: str, written: str) -> None:
    assert wire.text(value, kind) == written


# -- who is gone --------------------------------------------------------------------------------------------------


def test_only_those_named_as_found_nowhere_were_erased(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    """1 lies in the recycle bin, 2 has another address, 3 was merged into 9, 4 was erased; of 5 no answer says
    anything."""

    def missing(*numbers: int) -> dict[str, Any]:
        return _error("OBJECT_NOT_FOUND", {"ids": [str(number) for number in numbers]})

    http.post(f"{READ}?archived=true", json=_batch_answer(_contact(1), errors=[missing(2, 3, 4)]))
    http.post(READ, json=_batch_answer(_contact(2), _contact(9), errors=[missing(4)]))
    assert hubspot.erased(["1", "2", "3", "4", "5", "4"]) == {"4"}
    sent = [json.loads(call.request.body or "")["inputs"] for call in http.calls]
    assert [[each["id"] for each in one] for one in sent] == [["1", "2", "3", "4", "5"], ["2", "3", "4"]]


# -- opting out ---------------------------------------------------------------------------------------------------


def _told(*emails: str, errors: Any = ()) -> dict[str, Any]:
    return _batch_answer(*({"subscriberIdString": email} for email in emails), errors=errors)


def _unsubscribe(*numbers: int) -> Batch:
    return _batch(Op.UNSUBSCRIBE, [_row(number) for number in numbers])


def test_only_contacts_that_are_mailed_there_are_opted_out(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    """HubSpot takes an opt-out for any address: it is asked right before which it holds, and what they said."""
    second = _contact(2, "other@example.com", hs_additional_emails="p2@example.com")
    states = [
        _contact(1),
        second,
        _contact(4, hs_email_optout="true"),
        _contact(5, hs_email_bad_address="true"),
        _contact(6, hs_email_quarantined="true"),
        _contact(7, "P7@Example.com"),
    ]
    http.post(READ, json=_batch_answer(*states))
    http.post(OPT_OUT, json=_told("p1@example.com", "P7@Example.com"))
    assert _outcomes(hubspot.push(_unsubscribe(1, 2, 3, 4, 5, 6, 7))) == {
        0: ("applied", ""),
        1: ("skipped", "second_address"),
        2: ("skipped", "not_held"),
        3: ("unchanged", ""),
        4: ("skipped", "said_no"),
        5: ("skipped", "said_no"),
        6: ("applied", ""),
    }
    assert _sent(http) == {"inputs": ["p1@example.com", "p7@example.com"]}
    assert parse_qs(urlsplit(http.calls[-1].request.url).query) == {"channel": ["EMAIL"]}
    assert [call.request.method for call in http.calls] == ["POST", "POST"]


def test_nobody_to_opt_out_sends_nothing(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(READ, json=_batch_answer(_contact(1, hs_email_optout="true")))
    assert _outcomes(hubspot.push(_unsubscribe(1, 2))) == {0: ("unchanged", ""), 1: ("skipped", "not_held")}
    assert [call.request.url for call in http.calls] == [READ]


def test_who_was_opted_out_is_in_the_answer(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    """Status 200 with errors in it; those it names nowhere stay unknown."""
    errors = [
        _error("VALIDATION_ERROR", {"inputs": ["p2@example.com"]}),
        _error("RATE_LIMITS", {"ids": ["P3@example.com"]}),
        _error("VALIDATION_ERROR", {"what": ["nobody@example.com"]}),
    ]
    http.post(READ, json=_batch_answer(*map(_contact, range(1, 5))))
    http.post(OPT_OUT, json=_told("p1@example.com", "stranger@example.com", errors=errors))
    assert _outcomes(hubspot.push(_unsubscribe(1, 2, 3, 4))) == {
        0: ("applied", ""),
        1: ("rejected", "invalid_value"),
        2: ("failed", "rate_limit"),
        3: ("unknown", "no_answer"),
    }


def test_an_opt_out_refused_as_a_whole_is_halved(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(READ, json=_batch_answer(*map(_contact, range(1, 4))))
    http.post(OPT_OUT, status=400, json=_error("VALIDATION_ERROR"))
    with pytest.raises(BadRecords) as caught:
        hubspot.push(_unsubscribe(1, 2, 3))
    assert caught.value.culprits == {}
    with pytest.raises(BadRecords) as caught:
        hubspot.push(_unsubscribe(9, 2))
    assert list(caught.value.culprits) == [1] and "@" not in str(caught.value)


def test_a_token_that_may_not_opt_out_says_which_scope(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    scope = "communication_preferences.statuses.batch.write"
    missing = {"message": "scopes", "code": "MISSING_SCOPES", "context": {"requiredGranularScopes": [scope]}}
    http.post(READ, json=_batch_answer(_contact(1)))
    http.post(OPT_OUT, status=403, json=_error("MISSING_SCOPES", errors=[missing]))
    with pytest.raises(Auth, match=scope):
        hubspot.push(_unsubscribe(1))


@pytest.mark.parametrize(("version", "path"), [("v3", "v4"), ("2026-09", "2026-09")])
def test_the_version_of_opting_out(http: responses.RequestsMock, clock: TurnedClock, version: str, path: str) -> None:
    contacts = "crm/v3/objects/contacts" if version == "v3" else f"crm/objects/{version}/contacts"
    http.post(f"{API}/{contacts}/batch/read", json=_batch_answer(_contact(1)))
    http.post(OPT_OUT.replace("2026-03", path), json=_told("p1@example.com"))
    assert _outcomes(_adapter(clock, version=version).push(_unsubscribe(1))) == {0: ("applied", "")}


def test_the_cap_of_opting_out(http: responses.RequestsMock, hubspot: HubSpot) -> None:
    http.post(READ, json=_batch_answer(*map(_contact, range(100))))
    http.post(OPT_OUT, json=_told(*(f"p{number}@example.com" for number in range(100))))
    assert set(_outcomes(hubspot.push(_unsubscribe(*range(100)))).values()) == {("applied", "")}
    with pytest.raises(NotSent):
        hubspot.push(_unsubscribe(*range(101)))
    assert len(http.calls) == 2
