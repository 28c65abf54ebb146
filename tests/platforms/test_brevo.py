"""The Brevo adapter, request by request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
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
from connector.core.events import Event, RequestSent
from connector.core.model import Kind, NewContacts, Op, Outcome, Status, Target
from connector.core.schemas import BATCH_SCHEMA
from connector.platforms.base import Batch, Done, Job
from connector.platforms.brevo import facts, jobs, wire
from connector.platforms.brevo.adapter import Brevo
from tests.platforms.clock import TurnedClock

HOST = "https://api.brevo.com/v3"
VIP = Target("brevo", Kind.LIST, "VIP")
ATTRIBUTES = {
    "attributes": [
        {"name": "FIRSTNAME", "category": "normal", "type": "text"},
        {"name": "OPTED", "category": "normal", "type": "boolean"},
        {"name": "LTV", "category": "normal", "type": "float"},
        {"name": "BIRTHDAY", "category": "normal", "type": "date"},
        {"name": "GENDER", "category": "category", "type": "category"},
        {"name": "SEGMENT_TAGS", "category": "normal", "type": "text"},
    ]
}
EVENTS: list[Event] = []


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.get(f"{HOST}/contacts/attributes", json=ATTRIBUTES)
        mock.get(f"{HOST}/contacts/lists", json={"lists": [{"id": 9, "name": facts.WORKING_LIST}], "count": 1})
        yield mock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def brevo(clock: TurnedClock) -> Brevo:
    EVENTS.clear()
    destination = Destination(name="brevo", platform="brevo", secret=Secret(variable="BREVO_API_KEY"))
    return Brevo(destination, "xkeysib-test", clock=clock, listener=EVENTS.append)


def batch(op: Op, rows: list[dict[str, Any]], target: Target | None = None, **more: Any) -> Batch:
    full = [{name: row.get(name) for name in BATCH_SCHEMA.names} for row in rows]
    table = pa.Table.from_pylist(full, schema=BATCH_SCHEMA)
    return Batch(op, target, "7" if target else None, table, **more)


def contact(key: int, blocked: object = False, tags: str = "", **more: Any) -> dict[str, Any]:
    attributes = {"FIRSTNAME": f"P{key}"} | ({"SEGMENT_TAGS": tags} if tags else {})
    return {
        "id": key,
        "email": f"P{key}@example.com",
        "emailBlacklisted": blocked,
        "listIds": [],
        "listUnsubscribed": None,
        "attributes": attributes,
    } | more


def page(http: responses.RequestsMock, *rows: Any, count: int | None = None, path: str = "/contacts") -> None:
    body = {"contacts": list(rows), "count": len(rows) if count is None else count}
    http.get(f"{HOST}{path}", json=body)


def row(key: int, **more: Any) -> dict[str, Any]:
    fields = more.pop("fields", None)
    return {
        "email": f"p{key}@example.com",
        "remote_id": str(key),
        "fields": json.dumps(fields) if fields else None,
        **more,
    }


def sent(http: responses.RequestsMock, method: str, path: str = "") -> list[Any]:
    """Bodies of the requests of a method whose address ends so."""
    made = [call.request for call in http.calls if call.request.method == method]
    return [json.loads(each.body or "null") for each in made if urlsplit(each.url or "").path.endswith(path)]


def asked(http: responses.RequestsMock, path: str) -> list[dict[str, list[str]]]:
    """Queries of the readings of an address."""
    made = [call.request for call in http.calls if call.request.method == "GET"]
    return [parse_qs(urlsplit(each.url or "").query) for each in made if urlsplit(each.url or "").path == f"/v3{path}"]


def outcomes(answer: Done | Job) -> list[tuple[Outcome, str]]:
    assert isinstance(answer, Done)
    return [(one.outcome, one.code) for one in sorted(answer.outcomes, key=lambda one: one.index)]


# -- reading ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "status"),
    [(False, Status.SUBSCRIBED), (True, Status.UNSUBSCRIBED), (None, Status.SUPPRESSED), ("no", Status.SUPPRESSED)],
)
def test_only_a_plain_false_is_mailable(brevo: Brevo, http: responses.RequestsMock, said: object, status: str) -> None:
    page(http, contact(1, said, tags=";a;b%3Bc;"))
    (table,) = brevo.statuses(None)
    (found,) = table.to_pylist()
    assert (found["email"], found["remote_id"], found["status"]) == ("p1@example.com", "1", status)
    assert found["tags"] == ["a", "b;c"]


def test_statuses_ask_for_what_changed_and_pages_overlap(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, *(contact(n) for n in range(1000)), count=1500)
    page(http, *(contact(n) for n in range(950, 1500)), count=1500)
    tables = list(brevo.statuses(datetime(2026, 1, 5, 9, 30, tzinfo=UTC)))
    assert sum(table.num_rows for table in tables) == 1550
    queries = asked(http, "/contacts")
    assert [each["offset"] for each in queries] == [["0"], ["950"]]
    assert {(each["modifiedSince"][0], each["sort"][0], each["limit"][0]) for each in queries} == {
        ("2026-01-05T09:30:00.000Z", "asc", "1000")
    }


def test_one_address_is_asked_for_and_is_in_no_report(brevo: Brevo, http: responses.RequestsMock) -> None:
    http.get(f"{HOST}/contacts/p1%2Ba%40example.com", json=contact(1, email="p1+a@example.com"))
    (table,) = brevo.lookup(["p1+a@example.com"])
    assert table.num_rows == 1
    assert [event.path for event in EVENTS if isinstance(event, RequestSent)] == ["/contacts/{email}"]


@pytest.mark.parametrize(
    ("count", "wanted", "there", "pages", "single"),
    [(900, 900, 0, 1, 0), (2500, 30, 0, 3, 0), (90_000, 3, 0, 1, 3), (90_000, 3, 80_000, 0, 3)],
)
def test_lookup_takes_the_way_with_fewer_requests(
    brevo: Brevo, http: responses.RequestsMock, count: int, wanted: int, there: int, pages: int, single: int
) -> None:
    for start in range(0, min(count, 3000), 950):
        page(http, *(contact(n + 10_000) for n in range(start, min(start + 1000, count))), count=count)
    for n in range(wanted):
        http.get(f"{HOST}/contacts/p{n}%40example.com", json={"code": "document_not_found", "message": ""}, status=404)
    list(brevo.lookup([f"p{n}@example.com" for n in range(wanted)], there))
    assert len(asked(http, "/contacts")) == pages
    assert len(http.calls) - pages == single


def test_members_of_a_tag_are_found_among_everybody(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1, tags=";a;"), contact(2, tags=";ab;"), contact(3))
    (table,) = brevo.members(Kind.TAG, "a")
    assert table.to_pylist() == [{"email": "p1@example.com", "remote_id": "1"}]


def test_every_tag_exists_once_its_attribute_does(brevo: Brevo, http: responses.RequestsMock) -> None:
    found = brevo.targets(frozenset(Kind))
    assert (Kind.TAG, "whatever") in found and found[Kind.LIST, facts.WORKING_LIST] == "9"
    http.replace(responses.GET, f"{HOST}/contacts/attributes", json={"attributes": []})
    assert (Kind.TAG, "whatever") not in brevo.targets(frozenset(Kind))


def test_check_names_fields_that_brevo_would_ignore(brevo: Brevo, http: responses.RequestsMock) -> None:
    http.get(f"{HOST}/account", json={"companyName": "Shop", "email": "a@example.com", "organization_id": "o1"})
    page(http)
    found = brevo.check(dict.fromkeys(("FIRSTNAME", "firstname", "NOPE", "GENDER", "EMAIL", "SEGMENT_TAGS"), "x"))
    assert [problem.split('"')[1] for problem in found.problems] == [
        "firstname",
        "NOPE",
        "GENDER",
        "EMAIL",
        "SEGMENT_TAGS",
    ]
    assert "FIRSTNAME" in found.problems[0]


# -- creating -----------------------------------------------------------------------------------------------------


def test_one_contact_is_created_in_one_request(brevo: Brevo, http: responses.RequestsMock) -> None:
    http.post(f"{HOST}/contacts", json={"id": 5}, status=201)
    fields = {"FIRSTNAME": "Ann", "OPTED": False, "LTV": 1.5, "BIRTHDAY": "1990-02-03T00:00:00Z"}
    made = brevo.push(batch(Op.CREATE, [row(1, fields=fields, tags_add=["a"])], join=("3",)))
    assert isinstance(made, Done) and made.outcomes[0].remote_id == "5"
    values = {"FIRSTNAME": "Ann", "OPTED": False, "LTV": 1.5, "BIRTHDAY": "1990-02-03", "SEGMENT_TAGS": ";a;"}
    wanted = {"email": "p1@example.com", "attributes": values, "updateEnabled": True, "listIds": [3]}
    assert sent(http, "POST") == [wanted]


def test_many_are_imported_as_text_and_no_request_speaks_of_the_blocklist(
    brevo: Brevo, http: responses.RequestsMock
) -> None:
    http.post(f"{HOST}/contacts/import", json={"processId": 77}, status=202)
    rows = [row(1, fields={"OPTED": False, "LTV": 10.0}), row(2, fields={"FIRSTNAME": "B"}, tags_add=["a", "b;c"])]
    assert brevo.push(batch(Op.CREATE, rows)) == Job("77", 0.5)
    (body,) = sent(http, "POST")
    assert body == {
        "jsonBody": [
            {"email": "p1@example.com", "attributes": {"OPTED": "false", "LTV": "10"}},
            {"email": "p2@example.com", "attributes": {"FIRSTNAME": "B", "SEGMENT_TAGS": ";a;b%3Bc;"}},
        ],
        "updateExistingContacts": True,
        "emptyContactsAttributes": False,
        "disableNotification": True,
        "listIds": [9],
    }
    assert brevo.push(batch(Op.CREATE, rows, join=("3", "4"))) == Job("77", 1.0)
    assert sent(http, "POST")[1]["listIds"] == [3, 4]


def test_the_first_import_makes_the_working_list(brevo: Brevo, http: responses.RequestsMock) -> None:
    http.replace(responses.GET, f"{HOST}/contacts/lists", json={"count": 0})
    http.get(f"{HOST}/contacts/folders", json={"folders": [{"id": 2, "name": "First"}], "count": 1})
    http.post(f"{HOST}/contacts/import", json={"processId": 77}, status=202)
    brevo.push(batch(Op.CREATE, [row(1), row(2)]))
    assert sent(http, "POST")[0]["newList"] == {"listName": facts.WORKING_LIST, "folderId": 2}


@pytest.mark.parametrize("status", [NewContacts.TRANSACTIONAL, NewContacts.PENDING])
def test_nobody_is_created_in_another_state(brevo: Brevo, status: NewContacts) -> None:
    assert brevo.capabilities.new_contacts == {NewContacts.SKIP, NewContacts.SUBSCRIBED}
    with pytest.raises(NotSent, match="skip or subscribed"):
        brevo.push(batch(Op.CREATE, [row(1, new_status=str(status))]))


def test_fields_that_would_be_ignored_and_texts_that_are_too_long_are_not_sent(
    brevo: Brevo, http: responses.RequestsMock
) -> None:
    with pytest.raises(Refused) as refused:
        brevo.push(batch(Op.CREATE, [row(1, fields={"NOPE": "x"})]))
    assert refused.value.code == "attribute"
    with pytest.raises(BadRecords) as bad:
        brevo.push(batch(Op.CREATE, [row(1), row(2, fields={"FIRSTNAME": "x" * 10_001})]))
    assert list(bad.value.culprits) == [1]
    assert sent(http, "POST") == []


def test_an_import_over_8_mb_is_halved(brevo: Brevo, http: responses.RequestsMock) -> None:
    rows = [row(n, fields={"FIRSTNAME": "x" * 9000}) for n in range(1000)]
    with pytest.raises(TooLarge):
        brevo.push(batch(Op.CREATE, rows))
    assert sent(http, "POST") == []


def test_a_declined_creation_is_the_persons_or_the_lists_fault(brevo: Brevo, http: responses.RequestsMock) -> None:
    no = {"code": "invalid_parameter", "message": "Invalid email address p1@example.com"}
    http.post(f"{HOST}/contacts", json=no, status=400)
    assert outcomes(brevo.push(batch(Op.CREATE, [row(1)]))) == [(Outcome.REJECTED, "invalid_parameter")]
    http.get(f"{HOST}/contacts/lists/3", json={"code": "document_not_found", "message": ""}, status=404)
    with pytest.raises(Refused) as gone:
        brevo.push(batch(Op.CREATE, [row(1)], join=("3",)))
    assert gone.value.code == "not_found" and "@" not in str(gone.value)
    http.post(f"{HOST}/contacts/import", json=no, status=400)
    with pytest.raises(BadRecords) as some:
        brevo.push(batch(Op.CREATE, [row(1), row(2)]))
    assert some.value.culprits == {}


# -- updating -----------------------------------------------------------------------------------------------------


def test_one_contact_is_updated_by_id(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1, tags=";a;b;"))
    http.put(f"{HOST}/contacts/1", status=204)
    changed = row(1, fields={"FIRSTNAME": None, "OPTED": True}, tags_add=["c"], tags_remove=["a"])
    assert outcomes(brevo.push(batch(Op.UPDATE, [changed]))) == [(Outcome.APPLIED, "")]
    assert sent(http, "PUT") == [{"attributes": {"FIRSTNAME": "", "OPTED": True, "SEGMENT_TAGS": ";b;c;"}}]
    assert asked(http, "/contacts")[0]["ids"] == ["1"]


@pytest.mark.parametrize("more", [[], [row(2, fields={"FIRSTNAME": "B"})]])
def test_a_contact_that_an_update_would_create_is_named_and_nothing_is_sent(
    brevo: Brevo, http: responses.RequestsMock, more: list[Any]
) -> None:
    page(http, contact(2))
    with pytest.raises(BadRecords) as bad:
        brevo.push(batch(Op.UPDATE, [row(1, fields={"FIRSTNAME": "A"}), *more]))
    assert {index: found for index, (found, _) in bad.value.culprits.items()} == {0: "not_held"}
    assert sent(http, "POST") == sent(http, "PUT") == []


def test_a_contact_with_another_address_is_updated_alone_by_its_id(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1, email="new@example.com"), contact(2))
    page(http, contact(1, email="new@example.com"))
    http.put(f"{HOST}/contacts/1", status=204)
    one, other = row(1, fields={"FIRSTNAME": "A"}), row(2, fields={"FIRSTNAME": "B"})
    with pytest.raises(BadRecords) as bad:
        brevo.push(batch(Op.UPDATE, [one, other]))
    assert bad.value.culprits == {} and sent(http, "POST") == sent(http, "PUT") == []
    assert outcomes(brevo.push(batch(Op.UPDATE, [one]))) == [(Outcome.APPLIED, "")]


def test_an_import_that_clears_carries_every_attribute_of_every_row(brevo: Brevo, http: responses.RequestsMock) -> None:
    one, two = contact(1, tags=";a;"), contact(2)
    page(http, one | {"attributes": one["attributes"] | {"OPTED": False, "LTV": 12.0, "BIRTHDAY": "1990-01-02"}}, two)
    http.post(f"{HOST}/contacts/import", json={"processId": 77}, status=202)
    rows = [row(1, fields={"FIRSTNAME": None}), row(2, fields={"OPTED": True, "LTV": 3.5}, tags_add=["b"])]
    brevo.push(batch(Op.UPDATE, rows))
    (body,) = sent(http, "POST")
    assert body["emptyContactsAttributes"] is True
    assert [each["attributes"] for each in body["jsonBody"]] == [
        {"FIRSTNAME": "", "OPTED": "false", "LTV": "12", "SEGMENT_TAGS": ";a;"},
        {"FIRSTNAME": "P2", "OPTED": "true", "LTV": "3.5", "SEGMENT_TAGS": ";b;"},
    ]


@pytest.mark.parametrize(("count", "readings"), [(90_000, 51), (500, 1)])
def test_the_proof_takes_the_way_with_fewer_requests(
    brevo: Brevo, http: responses.RequestsMock, count: int, readings: int
) -> None:
    people = [contact(n) for n in range(1, 501)]
    http.get(f"{HOST}/contacts", json={"contacts": people * 2 if count > 1000 else people, "count": count})
    http.post(f"{HOST}/contacts/import", json={"processId": 77}, status=202)
    others = [contact(n) for n in range(1001, 2001)] if count > 1000 else []
    if others:
        http.reset()
        http.get(f"{HOST}/contacts/attributes", json=ATTRIBUTES)
        http.get(f"{HOST}/contacts/lists", json={"lists": [{"id": 9, "name": facts.WORKING_LIST}], "count": 1})
        http.post(f"{HOST}/contacts/import", json={"processId": 77}, status=202)
        http.add_callback(responses.GET, f"{HOST}/contacts", lambda request: _by_ids_or(request.url, others, count))
    brevo.push(batch(Op.UPDATE, [row(n, fields={"FIRSTNAME": "A"}) for n in range(1, (1001 if others else 501))]))
    assert len(asked(http, "/contacts")) == readings
    assert len(sent(http, "POST", "/import")) == 1


def _by_ids_or(url: str, others: list[Any], count: int) -> tuple[int, dict[str, str], str]:
    keys = parse_qs(urlsplit(url).query).get("ids")
    found = [contact(int(key)) for key in keys] if keys else others
    return 200, {}, json.dumps({"contacts": found, "count": len(found) if keys else count})


# -- lists --------------------------------------------------------------------------------------------------------


def test_adding_spares_who_left_opted_out_or_is_gone(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1), contact(2, listIds=[7]), contact(3, listUnsubscribed=[7]), contact(4, blocked=True))
    http.post(f"{HOST}/contacts/lists/7/contacts/add", json={"contacts": {"success": [1], "failure": []}}, status=201)
    assert outcomes(brevo.push(batch(Op.ADD, [row(n) for n in range(1, 6)], VIP))) == [
        (Outcome.APPLIED, ""),
        (Outcome.UNCHANGED, ""),
        (Outcome.SKIPPED, "left_list"),
        (Outcome.SKIPPED, "opted_out"),
        (Outcome.REJECTED, "not_held"),
    ]
    assert sent(http, "POST") == [{"ids": [1]}]


def test_nobody_to_add_sends_nothing(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1, listIds=[7]))
    assert outcomes(brevo.push(batch(Op.ADD, [row(1)], VIP))) == [(Outcome.UNCHANGED, "")]
    assert sent(http, "POST") == []


ALREADY = {"code": "invalid_parameter", "message": "Contact already in list and/or does not exist"}


def test_a_failure_is_looked_into(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(1), contact(2), contact(3))
    page(http, contact(1, listIds=[7]), contact(3))
    http.post(f"{HOST}/contacts/lists/7/contacts/add", json=ALREADY, status=400)
    assert outcomes(brevo.push(batch(Op.ADD, [row(1), row(2), row(3)], VIP))) == [
        (Outcome.UNCHANGED, ""),
        (Outcome.REJECTED, "not_held"),
        (Outcome.FAILED, "not_changed"),
    ]


def test_removing_is_done_when_nobody_is_there_any_more(brevo: Brevo, http: responses.RequestsMock) -> None:
    page(http, contact(2), contact(3, listIds=[7]))
    answer = {"contacts": {"success": [1], "failure": [2, 3, 4]}}
    http.post(f"{HOST}/contacts/lists/7/contacts/remove", json=answer, status=201)
    assert outcomes(brevo.push(batch(Op.REMOVE, [row(n) for n in range(1, 5)], VIP))) == [
        (Outcome.APPLIED, ""),
        (Outcome.UNCHANGED, ""),
        (Outcome.FAILED, "not_changed"),
        (Outcome.UNCHANGED, ""),
    ]


def test_a_stranger_in_the_answer_is_no_outcome(brevo: Brevo, http: responses.RequestsMock) -> None:
    http.post(f"{HOST}/contacts/lists/7/contacts/remove", json={"contacts": {"success": [1, 99]}}, status=201)
    with pytest.raises(ContractError):
        brevo.push(batch(Op.REMOVE, [row(1)], VIP))


def test_a_list_without_an_answer_is_looked_for_before_it_is_made_again(
    brevo: Brevo, http: responses.RequestsMock
) -> None:
    http.get(f"{HOST}/contacts/folders", json={"folders": [{"id": 2, "name": "First"}], "count": 1})
    http.post(f"{HOST}/contacts/lists", json={}, status=500)
    http.replace(responses.GET, f"{HOST}/contacts/lists", json={"lists": [], "count": 0})
    http.get(f"{HOST}/contacts/lists", json={"lists": [{"id": 12, "name": "VIP"}], "count": 1})
    assert brevo.ensure_targets([VIP]) == {VIP: "12"}
    assert len(sent(http, "POST")) == 1


# -- opting out ---------------------------------------------------------------------------------------------------


def test_unsubscribing_goes_by_id_and_creates_nobody(brevo: Brevo, http: responses.RequestsMock) -> None:
    assert brevo.capabilities.operations[Op.UNSUBSCRIBE, None].max_batch == 1
    http.put(f"{HOST}/contacts/1", status=204)
    http.put(f"{HOST}/contacts/2", json={"code": "document_not_found", "message": ""}, status=404)
    assert outcomes(brevo.push(batch(Op.UNSUBSCRIBE, [row(1)]))) == [(Outcome.APPLIED, "")]
    assert outcomes(brevo.push(batch(Op.UNSUBSCRIBE, [row(2)]))) == [(Outcome.SKIPPED, "not_held")]
    assert outcomes(brevo.push(batch(Op.UNSUBSCRIBE, [row(3) | {"remote_id": None}]))) == [
        (Outcome.SKIPPED, "not_held")
    ]
    assert sent(http, "PUT") == [{"emailBlacklisted": True}] * 2


@pytest.mark.parametrize("op", [Op.MOVE, Op.RETIRE, Op.RESTORE])
def test_what_would_lift_a_blocklisting_or_cannot_be_taken_back_is_not_offered(brevo: Brevo, op: Op) -> None:
    with pytest.raises(NotSent):
        brevo.push(batch(op, [row(1)]))


# -- processes ----------------------------------------------------------------------------------------------------


def process(http: responses.RequestsMock, status: str, **reports: str | None) -> None:
    body: dict[str, Any] = {"id": 77, "name": jobs.IMPORT, "status": status}
    http.get(f"{HOST}/processes/77", json=body | ({"info": {"import": reports}} if reports else {}))


@pytest.mark.parametrize("word", ["queued", "in_process", "processing", "brand_new"])
def test_a_process_is_polled_ever_more_seldom(brevo: Brevo, http: responses.RequestsMock, word: str) -> None:
    process(http, word)
    made = batch(Op.CREATE, [row(1), row(2)])
    waits = []
    for _ in range(9):
        answer = brevo.poll("77", made)
        assert isinstance(answer, Job)
        waits.append(answer.wait)
    assert waits == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_who_is_refused_by_an_import_is_read_from_its_reports(brevo: Brevo, http: responses.RequestsMock) -> None:
    process(http, "completed", invalid_emails="https://files.example.com/a.csv", duplicate_phone_id=None)
    http.get("https://files.example.com/a.csv", body='EMAIL;ERROR\r\n"P2@example.com";invalid\r\n')
    found = outcomes(brevo.poll("77", batch(Op.CREATE, [row(1), row(2)])))
    assert found == [(Outcome.APPLIED, ""), (Outcome.REJECTED, "invalid_email")]
    download = next(call.request for call in http.calls if "files.example.com" in (call.request.url or ""))
    assert "api-key" not in download.headers


def test_a_report_about_strangers_leaves_doubt(brevo: Brevo, http: responses.RequestsMock) -> None:
    process(http, "completed", invalid_emails="https://files.example.com/a.csv")
    http.get("https://files.example.com/a.csv", body="nothing that helps")
    found = outcomes(brevo.poll("77", batch(Op.CREATE, [row(1), row(2)])))
    assert found == [(Outcome.UNKNOWN, "unnamed_failures")] * 2


def test_a_broken_process_failed_and_an_unknown_one_is_unknown(brevo: Brevo, http: responses.RequestsMock) -> None:
    made = batch(Op.CREATE, [row(1)])
    process(http, "failed")
    assert outcomes(brevo.poll("77", made)) == [(Outcome.FAILED, "failed")]
    http.get(f"{HOST}/processes/78", json={"code": "document_not_found", "message": ""}, status=404)
    with pytest.raises(Unanswered):
        brevo.poll("78", made)


def test_imports_that_are_not_over_are_told(brevo: Brevo, http: responses.RequestsMock) -> None:
    rows = [
        {"id": 3, "name": jobs.IMPORT, "status": "queued"},
        {"id": 2, "name": "CONTACT_EXPORT", "status": "queued"},
        {"id": 1, "name": jobs.IMPORT, "status": "completed"},
    ]
    http.get(f"{HOST}/processes", json={"processes": rows, "count": 3})
    assert brevo.unfinished() == {"3": None}


# -- errors and limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"code": "unauthorized", "message": "Key not found"}, Auth),
        (403, {"code": "permission_denied", "message": "It is under validation, ann@example.com"}, MissingScope),
        (404, {"code": "document_not_found", "message": "no"}, Gone),
        (402, {"code": "not_enough_credits", "message": "ann@example.com"}, AccountLimit),
        (500, {}, Unanswered),
        (503, {}, Retryable),
        (200, {"contacts": [{"id": "x"}], "count": 1}, ContractError),
        (200, [], ContractError),
    ],
)
def test_errors_by_status(brevo: Brevo, http: responses.RequestsMock, status: int, body: Any, kind: type) -> None:
    http.get(f"{HOST}/contacts", json=body, status=status)
    with pytest.raises(DestinationError) as error:
        list(brevo.statuses(None))
    assert "It says: It is under validation, (address)" in str(error.value) or status != 403
    assert type(error.value) is kind and "@" not in str(error.value) and "xkeysib-test" not in str(error.value)


def test_a_throttle_is_waited_for_as_long_as_brevo_says(
    brevo: Brevo, http: responses.RequestsMock, clock: TurnedClock
) -> None:
    no = {"code": "too_many_requests", "message": "slow down"}
    http.get(f"{HOST}/contacts", json=no, status=429, headers={"x-sib-ratelimit-reset": "37"})
    page(http, contact(1))
    assert sum(table.num_rows for table in brevo.statuses(None)) == 1
    assert 37 <= sum(clock.slept) < 45


def test_an_allowance_that_is_used_up_is_told_and_not_waited_for(
    brevo: Brevo, http: responses.RequestsMock, clock: TurnedClock
) -> None:
    no = {"code": "too_many_requests", "message": "slow down"}
    http.get(f"{HOST}/processes/77", json=no, status=429, headers={"x-sib-ratelimit-reset": "1800"})
    with pytest.raises(Retryable, match="30 minutes"):
        brevo.poll("77", batch(Op.CREATE, [row(1)]))
    assert sum(clock.slept) == 0


def test_the_connector_sends_eight_requests_a_second_one_by_one(
    brevo: Brevo, http: responses.RequestsMock, clock: TurnedClock
) -> None:
    page(http)
    for _ in range(30):
        list(brevo.statuses(None))
    assert len(asked(http, "/contacts")) == 30
    assert clock.time - 1000 >= 29 / 8


# -- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tags", [["a"], ["a;b", "a%3Bb", "%"], ["ä", "x y"]])
def test_tags_survive_their_text(tags: list[str]) -> None:
    text = wire.tag_text(tags)
    assert text.startswith(";") and text.endswith(";")
    held = wire.Contact.model_validate(contact(1, tags=text))
    assert wire.tags(held, "SEGMENT_TAGS") == tags


@pytest.mark.parametrize(
    ("value", "kind", "plain", "typed"),
    [
        (True, "boolean", "true", True),
        (False, "boolean", "false", False),
        (12.0, "float", "12", 12.0),
        (0.1, "float", "0.1", 0.1),
        (5, "text", "5", "5"),
        ("2026-01-02T03:04:05Z", "date", "2026-01-02", "2026-01-02"),
        (None, "float", "", ""),
        ("x", "float", "x", "x"),
    ],
)
def test_values(value: object, kind: str, plain: str, typed: object) -> None:
    assert wire.plain(value, kind) == plain
    found = wire.typed(value, kind)
    assert found == typed and type(found) is type(typed)
