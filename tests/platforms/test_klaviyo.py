"""The Klaviyo adapter, request by request."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest
import requests
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
from connector.core.model import Kind, NewContacts, Op, Outcome, Status, Target
from connector.core.schemas import BATCH_SCHEMA, CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import Batch, Done, Job
from connector.platforms.klaviyo import changed
from connector.platforms.klaviyo.adapter import Klaviyo
from connector.platforms.klaviyo.adapter import _row as klaviyo_row
from connector.platforms.klaviyo.facts import windows
from connector.vendors.klaviyo import KLAVIYO
from tests import specs
from tests.platforms.clock import TurnedClock

HOST = "https://a.klaviyo.com"
IMPORT = f"{HOST}/api/profile-bulk-import-jobs"
VIP = Target("klaviyo", Kind.LIST, "VIP")


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def klaviyo(clock: TurnedClock) -> Klaviyo:
    return _adapter(clock)


def _adapter(clock: TurnedClock, **settings: str) -> Klaviyo:
    destination = Destination(
        name="klaviyo", platform="klaviyo", secret=Secret(variable="KLAVIYO_API_KEY"), settings=settings
    )
    return Klaviyo(destination, "pk_test", clock=clock, listener=silent)


def _batch(op: Op, rows: list[dict[str, Any]], target: Target | None = None, target_id: str | None = None) -> Batch:
    full = [{name: row.get(name) for name in BATCH_SCHEMA.names} for row in rows]
    return Batch(op, target, target_id, pa.Table.from_pylist(full, schema=BATCH_SCHEMA))


def _profile(email: str, tags: Any = None, **marketing: Any) -> dict[str, Any]:
    consent = {"can_receive_email_marketing": True, "consent": "NEVER_SUBSCRIBED", "suppression": []} | marketing
    return {
        "type": "profile",
        "id": "ID-" + email.partition("@")[0].lower(),
        "attributes": {
            "email": email,
            "properties": {} if tags is None else {"segment_tags": tags, "other": 1},
            "subscriptions": {"email": {"marketing": consent}},
        },
        "links": {"self": ""},
    }


def _known(name: str, **more: Any) -> dict[str, Any]:
    """A record of somebody that Klaviyo holds under the id of `_profile`."""
    return {"email": f"{name}@example.com", "remote_id": f"ID-{name}", **more}


def _hold(http: responses.RequestsMock, *gone: str, tags: Mapping[str, Any] | None = None) -> None:
    """Klaviyo holds every id that it is asked for, but those of `gone`."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        wanted = parse_qs(urlsplit(request.url or "").query)["filter"][0]
        names = [key.removeprefix("ID-") for key in json.loads(wanted.removeprefix("any(id,").removesuffix(")"))]
        assert len(names) <= 100
        found = [_profile(f"{name}@example.com", (tags or {}).get(name)) for name in names if name not in gone]
        return 200, {}, json.dumps(_page(found))

    http.add_callback(responses.GET, f"{HOST}/api/profiles", answer)


def _page(rows: list[Any], cursor: str | None = None) -> dict[str, Any]:
    links = {"self": HOST} | ({"next": f"{HOST}/api/x?page%5Bcursor%5D={cursor}&page%5Bsize%5D=100"} if cursor else {})
    return {"data": rows, "links": links}


def _job(status: str, **counts: Any) -> dict[str, Any]:
    about = {"status": status, "created_at": "2026-11-21T00:00:00+00:00", "total_count": 3} | counts
    return {"data": {"type": "profile-bulk-import-job", "id": "JOB1", "attributes": about, "links": {"self": ""}}}


def _sent(http: responses.RequestsMock, at: int = 0) -> Any:
    return json.loads(http.calls[at].request.body or "null")


def _query(http: responses.RequestsMock, at: int = 0) -> dict[str, str]:
    found = parse_qs(urlsplit(http.calls[at].request.url or "").query)
    return {name: values[0] for name, values in found.items()}


def _rows(sent: Any) -> list[Any]:
    found: list[Any] = sent["data"]["attributes"]["profiles"]["data"]
    return found


def _errors(*errors: Mapping[str, Any]) -> dict[str, Any]:
    full = [
        {"id": "1", "code": "invalid", "title": "Invalid input.", "detail": "ann@example.com is bad"} | dict(e)
        for e in errors
    ]
    return {"errors": full}


def _pointer(index: int, field: str) -> dict[str, Any]:
    return {"source": {"pointer": f"/data/attributes/profiles/data/{index}/attributes/{field}"}}


# ---------------------------------------------------------------- create and update


def test_create_sends_attributes_location_properties_and_tags(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.post(IMPORT, json=_job("queued"), status=202)
    fields = {
        "first_name": "Ann",
        "location.city": "Oslo",
        "phone_number": "+4712345678",
        "ltv": 12.5,
        "properties.vip": True,
        "unused": None,
        "last_name": None,
        "external_id": None,
    }
    row = {"email": "ann@example.com", "fields": json.dumps(fields), "tags_add": ["vip", "vip", "new"]}
    assert klaviyo.push(_batch(Op.CREATE, [row | {"new_status": "transactional"}])) == Job("JOB1", 0.1)
    assert _rows(_sent(http)) == [
        {
            "type": "profile",
            "attributes": {
                "email": "ann@example.com",
                "first_name": "Ann",
                "last_name": "",
                "location": {"city": "Oslo"},
                "phone_number": "+4712345678",
                "properties": {"ltv": 12.5, "vip": True, "segment_tags": ["vip", "new"]},
            },
            "meta": {"patch_properties": {"unset": ["unused"]}},
        }
    ]
    assert "relationships" not in _sent(http)["data"]


def test_headers_name_the_revision_and_refuse_another(http: responses.RequestsMock, clock: TurnedClock) -> None:
    http.post(IMPORT, json=_job("queued"), status=202)
    _adapter(clock, revision="2026-10-15").push(_batch(Op.CREATE, [{"email": "ann@example.com"}]))
    headers = http.calls[0].request.headers
    assert headers["Authorization"] == "Klaviyo-API-Key pk_test"
    assert headers["revision"] == "2026-10-15"
    assert headers["X-Klaviyo-Revision-Fall-Forward-Opt-Out"] == "1"
    assert headers["Content-Type"] == headers["Accept"] == "application/vnd.api+json"


@pytest.mark.parametrize("status", ["subscribed", "pending"])
def test_create_never_subscribes(http: responses.RequestsMock, klaviyo: Klaviyo, status: str) -> None:
    with pytest.raises(NotSent):
        klaviyo.push(_batch(Op.CREATE, [{"email": "ann@example.com", "new_status": status}]))
    assert len(http.calls) == 0
    assert klaviyo.capabilities.new_contacts == {NewContacts.SKIP, NewContacts.TRANSACTIONAL}


def test_update_writes_tags_as_a_whole_so_that_a_replay_doubles_nothing(
    http: responses.RequestsMock, klaviyo: Klaviyo
) -> None:
    _hold(http, tags={"ann": ["old", "theirs"], "bo": "single"})
    http.post(IMPORT, json=_job("queued"), status=202)
    batch = _batch(
        Op.UPDATE,
        [
            _known("ann", tags_add=["new", "theirs"], tags_remove=["old"]),
            _known("bo", tags_add=["vip"], tags_remove=[]),
            _known("cy", fields='{"ltv": 1}'),
        ],
    )
    klaviyo.push(batch)
    assert _query(http)["filter"] == 'any(id,["ID-ann","ID-bo","ID-cy"])'
    assert [(row["id"], row["attributes"]) for row in _rows(_sent(http, 1))] == [  # an address could create somebody
        ("ID-ann", {"properties": {"segment_tags": ["theirs", "new"]}}),
        ("ID-bo", {"properties": {"segment_tags": ["single", "vip"]}}),
        ("ID-cy", {"properties": {"ltv": 1}}),
    ]
    assert not any("append" in json.dumps(row) for row in _rows(_sent(http, 1)))


def test_the_last_tag_leaves_an_empty_list(http: responses.RequestsMock, clock: TurnedClock) -> None:
    profile = _profile("ann@example.com")
    profile["attributes"]["properties"] = {"labels": ["vip"]}
    http.get(f"{HOST}/api/profiles", json=_page([profile]))
    http.post(IMPORT, json=_job("queued"), status=202)
    _adapter(clock, tag_property="labels").push(_batch(Op.UPDATE, [_known("ann", tags_remove=["vip"])]))
    assert _rows(_sent(http, 1))[0]["attributes"]["properties"] == {"labels": []}


ONLY_CREATE_CREATES: list[tuple[Op, Target | None, dict[str, Any]]] = [
    (Op.UPDATE, None, {"tags_add": ["vip"]}),
    (Op.UPDATE, None, {"fields": '{"ltv": 1}'}),
    (Op.MOVE, None, {}),
    (Op.ADD, VIP, {}),
    (Op.RETIRE, None, {}),
    (Op.RESTORE, None, {}),
]


@pytest.mark.parametrize(("op", "target", "more"), ONLY_CREATE_CREATES)
def test_who_is_gone_is_not_sent(
    http: responses.RequestsMock, klaviyo: Klaviyo, op: Op, target: Target | None, more: dict[str, Any]
) -> None:
    _hold(http, "bo")
    with pytest.raises(BadRecords) as caught:
        klaviyo.push(_batch(op, [_known(name, **more) for name in ("ann", "bo")], target, target and "L1"))
    assert {index: code for index, (code, _) in caught.value.culprits.items()} == {1: "not_held"}
    assert [call.request.method for call in http.calls] == ["GET"]


@pytest.mark.parametrize(("op", "target", "more"), ONLY_CREATE_CREATES)
def test_without_an_id_nothing_but_a_create_is_sent(
    http: responses.RequestsMock, klaviyo: Klaviyo, op: Op, target: Target | None, more: dict[str, Any]
) -> None:
    with pytest.raises(NotSent):
        klaviyo.push(_batch(op, [_known("ann", **more) | {"remote_id": None}], target, target and "L1"))
    assert len(http.calls) == 0
    assert klaviyo.capabilities.operations[op, target.kind if target else None].addressed_by == "id"


@pytest.mark.parametrize(
    ("status", "body", "expected"), [(500, "", Retryable), (200, {"data": 1}, NotSent)], ids=["no answer", "strange"]
)
def test_a_reading_that_fails_before_the_request_leaves_nothing_unknown(
    http: responses.RequestsMock, klaviyo: Klaviyo, status: int, body: Any, expected: type[DestinationError]
) -> None:
    http.get(f"{HOST}/api/profiles", json=body, status=status)
    with pytest.raises(expected) as caught:
        klaviyo.push(_batch(Op.UPDATE, [_known("ann", fields='{"ltv": 1}')]))
    assert type(caught.value) is expected
    assert {call.request.method for call in http.calls} == {"GET"}


def test_of_two_rows_of_one_profile_that_of_its_present_address_is_sent(
    http: responses.RequestsMock, klaviyo: Klaviyo
) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([_profile("new@example.com")]))
    rows = [{"email": f"{name}@example.com", "remote_id": "ID-new", "tags_add": ["vip"]} for name in ("old", "new")]
    with pytest.raises(BadRecords) as caught:
        klaviyo.push(_batch(Op.UPDATE, rows))
    assert {index: code for index, (code, _) in caught.value.culprits.items()} == {0: "duplicate"}


def test_tags_are_read_a_hundred_at_a_time(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    names = [f"p{number}" for number in range(250)]
    _hold(http, tags={name: ["held"] for name in names})
    http.post(IMPORT, json=_job("queued"), status=202)
    klaviyo.push(_batch(Op.UPDATE, [_known(name, tags_add=["vip"]) for name in names]))
    assert [call.request.method for call in http.calls] == ["GET"] * 3 + ["POST"]
    assert {tuple(row["attributes"]["properties"]["segment_tags"]) for row in _rows(_sent(http, 3))} == {
        ("held", "vip")
    }


# ---------------------------------------------------------------- sizes


def test_nothing_to_send_sends_nothing(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    assert klaviyo.push(_batch(Op.CREATE, [])) == Done(())
    assert len(http.calls) == 0


@pytest.mark.parametrize(
    ("op", "target", "cap"),
    [(Op.CREATE, None, 10_000), (Op.ADD, VIP, 10_000), (Op.REMOVE, VIP, 1000), (Op.RETIRE, None, 100)],
)
def test_a_full_batch_is_one_request_and_one_more_is_refused(
    http: responses.RequestsMock, klaviyo: Klaviyo, op: Op, target: Target | None, cap: int
) -> None:
    http.post(IMPORT, json=_job("queued"), status=202)
    http.delete(f"{HOST}/api/lists/L1/relationships/profiles", status=204)
    http.post(f"{HOST}/api/profile-suppression-bulk-create-jobs", json=_job("queued"), status=202)
    _hold(http)
    rows = [_known(f"p{number}") for number in range(cap + 1)]
    klaviyo.push(_batch(op, rows[:cap], target, target and "L1"))
    with pytest.raises(NotSent):
        klaviyo.push(_batch(op, rows, target, target and "L1"))
    assert len([call for call in http.calls if call.request.method != "GET"]) == 1
    reads = [call for call in http.calls if call.request.method == "GET"]
    assert len(reads) == (math.ceil(cap / 100) if op in (Op.ADD, Op.RETIRE) else 0)


def test_a_profile_over_100_kb_is_named_before_anything_is_sent(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    rows = [{"email": "ann@example.com"}, {"email": "bo@example.com", "fields": json.dumps({"long": "x" * 100_001})}]
    with pytest.raises(BadRecords) as caught:
        klaviyo.push(_batch(Op.CREATE, rows))
    assert list(caught.value.culprits) == [1]
    assert len(http.calls) == 0


def test_a_body_over_5_mb_is_too_large(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    rows = [{"email": f"p{n}@example.com", "fields": json.dumps({"long": "x" * 90_000})} for n in range(60)]
    with pytest.raises(TooLarge):
        klaviyo.push(_batch(Op.CREATE, rows))
    assert len(http.calls) == 0


# ---------------------------------------------------------------- lists


def test_adding_more_than_the_list_takes_is_an_import_by_id(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    _hold(http)
    http.post(IMPORT, json=_job("queued"), status=202)
    rows = [_known(f"p{number}") for number in range(1001)]
    assert klaviyo.push(_batch(Op.ADD, rows, VIP, "L1")) == Job("JOB1", 0.1)
    assert _sent(http, -1)["data"]["relationships"] == {"lists": {"data": [{"type": "list", "id": "L1"}]}}
    assert _rows(_sent(http, -1))[:2] == [
        {"type": "profile", "id": "ID-p0", "attributes": {}},
        {"type": "profile", "id": "ID-p1", "attributes": {}},
    ]


@pytest.mark.parametrize(("op", "method"), [(Op.ADD, "POST"), (Op.REMOVE, "DELETE")])
def test_known_ids_go_to_the_list_itself(http: responses.RequestsMock, klaviyo: Klaviyo, op: Op, method: str) -> None:
    _hold(http)
    http.add(method, f"{HOST}/api/lists/L1/relationships/profiles", status=204)
    done = klaviyo.push(_batch(op, [_known("ann"), _known("bo")], VIP, "L1"))
    assert _sent(http, -1) == {"data": [{"type": "profile", "id": "ID-ann"}, {"type": "profile", "id": "ID-bo"}]}
    assert isinstance(done, Done)
    assert [(each.index, each.outcome) for each in done.outcomes] == [(0, Outcome.APPLIED), (1, Outcome.APPLIED)]


def test_removing_without_an_id_is_a_bug_upstream(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    with pytest.raises(NotSent):
        klaviyo.push(_batch(Op.REMOVE, [{"email": "ann@example.com"}], VIP, "L1"))
    assert len(http.calls) == 0


def test_tags_are_no_membership(klaviyo: Klaviyo) -> None:
    with pytest.raises(NotSent):
        klaviyo.push(_batch(Op.ADD, [{"email": "ann@example.com"}], Target("klaviyo", Kind.TAG, "vip"), "vip"))


def test_retire_is_over_when_the_job_is_accepted(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    _hold(http)
    http.post(f"{HOST}/api/profile-suppression-bulk-create-jobs", json=_job("processing"), status=202)
    done = klaviyo.push(_batch(Op.RETIRE, [_known("ann") | {"email": "as.it.was@example.com"}]))
    assert isinstance(done, Done) and done.outcomes[0].outcome is Outcome.APPLIED
    assert _rows(_sent(http, 1)) == [{"type": "profile", "attributes": {"email": "ann@example.com"}}]


# ---------------------------------------------------------------- jobs

THREE = [{"email": f"{name}@example.com"} for name in ("ann", "bo", "cy")]


@pytest.mark.parametrize("status", ["queued", "processing", "something new"])
def test_a_job_that_works_is_asked_again_ever_more_slowly(
    http: responses.RequestsMock, klaviyo: Klaviyo, status: str
) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job(status))
    answers = [klaviyo.poll("JOB1", _batch(Op.CREATE, THREE)) for _ in range(6)]
    assert answers == [Job("JOB1", wait) for wait in (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)]


def test_a_finished_job_without_failures_needs_no_more_reading(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("complete", completed_count=3, failed_count=0))
    done = klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert isinstance(done, Done) and {each.outcome for each in done.outcomes} == {Outcome.APPLIED}
    assert len(http.calls) == 1


def test_import_errors_name_people_by_address_or_by_place(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    by_address = {"code": "invalid", "original_payload": {"type": "profile", "attributes": {"email": "CY@example.com"}}}
    by_place = {"code": "duplicate_profile"} | _pointer(1, "email")
    http.get(f"{IMPORT}/JOB1", json=_job("complete", failed_count=2))
    errors = [
        {"type": "import-error", "id": str(n), "attributes": each} for n, each in enumerate((by_address, by_place))
    ]
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page(errors[:1], "two"))
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page(errors[1:]))
    done = klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert isinstance(done, Done)
    assert [(each.outcome, each.code) for each in done.outcomes] == [
        (Outcome.APPLIED, ""),
        (Outcome.REJECTED, "duplicate"),
        (Outcome.REJECTED, "invalid"),
    ]
    assert _query(http, 2)["page[cursor]"] == "two"
    assert "example.com" not in " ".join(each.detail for each in done.outcomes)


def test_an_error_about_a_stranger_breaks_the_contract(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("complete", failed_count=1))
    stranger = {"code": "invalid", "original_payload": {"email": "zoe@example.com"}}
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page([{"id": "1", "attributes": stranger}]))
    with pytest.raises(ContractError) as caught:
        klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert "zoe" not in str(caught.value)


@pytest.mark.parametrize(
    "counts",
    [{"completed_count": 2}, {"completed_count": 0}, {"total_count": 2}, {"completed_count": 1, "failed_count": 1}],
)
def test_counts_that_leave_somebody_out_prove_nothing(
    http: responses.RequestsMock, klaviyo: Klaviyo, counts: dict[str, int]
) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("complete", **{"failed_count": 0, **counts}))
    named = {"code": "invalid"} | _pointer(0, "email")
    errors = [{"id": "1", "attributes": named}] if counts.get("failed_count") else []
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page(errors))
    done = klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert isinstance(done, Done)
    found = sorted(each.outcome for each in done.outcomes)
    assert found == sorted([Outcome.REJECTED] * len(errors) + [Outcome.UNKNOWN] * (3 - len(errors)))


def test_failures_that_nobody_names_leave_the_rest_unknown(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("complete", failed_count=2))
    named = {"code": "invalid"} | _pointer(0, "email")
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page([{"id": "1", "attributes": named}]))
    done = klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert isinstance(done, Done)
    assert [each.outcome for each in done.outcomes] == [Outcome.REJECTED, Outcome.UNKNOWN, Outcome.UNKNOWN]


def test_a_cancelled_job_is_tried_by_the_next_run(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("cancelled"))
    done = klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))
    assert isinstance(done, Done) and {each.outcome for each in done.outcomes} == {Outcome.FAILED}


def test_a_job_that_is_gone_is_unanswered(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_errors({"code": "not_found"}), status=404)
    with pytest.raises(Unanswered):
        klaviyo.poll("JOB1", _batch(Op.CREATE, THREE))


def test_a_field_that_an_import_cannot_clear_is_noted(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{IMPORT}/JOB1", json=_job("complete", total_count=2, failed_count=0))
    rows = [{"email": "ann@example.com", "fields": '{"phone_number": null}'}, {"email": "bo@example.com"}]
    done = klaviyo.poll("JOB1", _batch(Op.UPDATE, rows))
    assert isinstance(done, Done)
    assert [(each.outcome, each.code) for each in done.outcomes] == [
        (Outcome.APPLIED, "not_cleared"),
        (Outcome.APPLIED, ""),
    ]


# ---------------------------------------------------------------- errors


def test_pointers_name_the_bad_records(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    body = _errors(_pointer(1, "email"), _pointer(2, "phone_number"))
    http.post(IMPORT, json=body, status=400)
    with pytest.raises(BadRecords) as caught:
        klaviyo.push(_batch(Op.CREATE, THREE))
    codes = {index: code for index, (code, _) in caught.value.culprits.items()}
    assert codes == {1: "invalid_email", 2: "invalid_phone_number"}
    assert "ann@" not in str(caught.value) + repr(caught.value.culprits)


def test_a_fault_of_the_request_is_nobodys(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    body = _errors(_pointer(1, "email"), {"source": {"pointer": "/data/relationships/lists"}})
    http.post(IMPORT, json=body, status=400)
    with pytest.raises(Refused) as caught:
        klaviyo.push(_batch(Op.CREATE, THREE))
    assert not isinstance(caught.value, BadRecords)
    assert "/data/relationships/lists" in str(caught.value) and "ann@" not in str(caught.value)


HTML = "<html>challenge</html>"


@pytest.mark.parametrize(
    ("status", "answer", "expected", "code"),
    [
        (401, _errors({"code": "not_authenticated"}), Auth, "not_authenticated"),
        (402, _errors({"code": "payment_required"}), AccountLimit, "account_limit"),
        (403, _errors({"code": "permission_denied"}), MissingScope, "permission_denied"),
        (403, HTML, Retryable, "blocked"),
        (404, _errors({"code": "not_found"}), Gone, "not_found"),
        (409, _errors({"code": "duplicate_profile"}), BadRecords, "duplicate_profile"),
        (410, _errors({"code": "gone"}), Refused, "gone"),
        (413, HTML, TooLarge, "too_large"),
        (429, _errors({"code": "throttled"}), Retryable, "throttled"),
        (500, HTML, Unanswered, "500"),
        (503, HTML, Retryable, "503"),
        (524, "", Unanswered, "524"),
        (202, '{"data": {"id": "J', Unanswered, "garbled"),
        (202, {"data": []}, ContractError, "shape"),
        (302, "", ContractError, "302"),
    ],
)
def test_answers_become_errors_by_status_and_code(
    http: responses.RequestsMock,
    klaviyo: Klaviyo,
    status: int,
    answer: Any,
    expected: type[DestinationError],
    code: str,
) -> None:
    http.post(IMPORT, body=answer if isinstance(answer, str) else json.dumps(answer), status=status)
    with pytest.raises(expected) as caught:
        klaviyo.push(_batch(Op.CREATE, THREE))
    assert type(caught.value) is expected
    assert caught.value.code == code
    assert caught.value.destination == "klaviyo"
    assert "pk_test" not in str(caught.value) and "example.com" not in str(caught.value)


def test_429_waits_as_long_as_klaviyo_says(http: responses.RequestsMock, klaviyo: Klaviyo, clock: TurnedClock) -> None:
    http.post(IMPORT, json=_errors({"code": "throttled"}), status=429, headers={"Retry-After": "7"})
    http.post(IMPORT, json=_job("queued"), status=202)
    assert isinstance(klaviyo.push(_batch(Op.CREATE, THREE)), Job)
    assert 7 <= sum(clock.slept) < 9


def test_a_used_up_day_is_not_waited_for(http: responses.RequestsMock, klaviyo: Klaviyo, clock: TurnedClock) -> None:
    http.post(IMPORT, json=_errors({"code": "throttled"}), status=429, headers={"Retry-After": "40000"})
    with pytest.raises(Refused) as caught:
        klaviyo.push(_batch(Op.CREATE, THREE))
    assert caught.value.code == "daily_limit" and "11.1 hours" in str(caught.value)
    assert clock.slept == []


# ---------------------------------------------------------------- reading people


def _emails(tables: Iterator[pa.Table]) -> list[str]:
    found: list[str] = []
    for table in tables:
        assert table.schema == CONTACT_SCHEMA
        found += table.column("email").to_pylist()
    return found


def test_an_empty_account_is_read_in_one_request(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([]))
    assert _emails(klaviyo.lookup([f"p{n}@example.com" for n in range(5000)])) == []
    assert len(http.calls) == 1
    assert _query(http) == {
        "additional-fields[profile]": "subscriptions",
        "fields[profile]": "email,properties,subscriptions",
        "page[size]": "100",
    }


def test_a_large_account_is_asked_for_those_not_yet_seen(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    more = [f"p{n}@example.com" for n in range(98)]
    http.get(f"{HOST}/api/profiles", json=_page([_profile("Ann@example.com"), _profile("zoe@example.com")], "c1"))
    http.get(f"{HOST}/api/profiles", json=_page([_profile(one) for one in more], "c2"))
    http.get(f"{HOST}/api/profiles", json=_page([_profile("bo@example.com")]))
    found = _emails(klaviyo.lookup(["ann@example.com", 'b"o\\@example.com', "cy@example.com", *more]))
    assert found == ["ann@example.com", "zoe@example.com", *more, "bo@example.com"]
    assert "filter" not in _query(http, 0)
    assert _query(http, 2)["filter"] == 'any(email,["b\\"o\\\\@example.com","cy@example.com"])'


@pytest.mark.parametrize(("wanted", "there"), [(100, 0), (300, 300)])
def test_who_cannot_be_a_small_account_is_asked_at_once(
    http: responses.RequestsMock, klaviyo: Klaviyo, wanted: int, there: int
) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([]))
    assert _emails(klaviyo.lookup([f"p{n}@example.com" for n in range(wanted)], there)) == []
    assert ["filter" in _query(http, at) for at in range(len(http.calls))] == [True] * (wanted // 100)


def test_reading_stops_when_everybody_is_found(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([_profile("ann@example.com")], "c1"))
    http.get(f"{HOST}/api/profiles", json=_page([_profile(f"p{n}@example.com") for n in range(100)], "c2"))
    found = _emails(klaviyo.lookup(["ann@example.com", *(f"p{n}@example.com" for n in range(100))]))
    assert (len(found), len(http.calls)) == (101, 2)


def test_a_filter_stays_short_enough_for_an_address_line(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([_profile("x@example.com")], "c1"))
    http.get(f"{HOST}/api/profiles", json=_page([]))
    list(klaviyo.lookup([f"{'long' * 60}{n}@example.com" for n in range(60)]))
    assert max(len(call.request.url or "") for call in http.calls) < 8000
    assert len(http.calls) > 2


WHEN = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
STAMP = "2026-02-03T04:05:06+00:00"


@pytest.mark.parametrize(
    ("marketing", "status", "at"),
    [
        ({"consent": "SUBSCRIBED", "consent_timestamp": STAMP}, Status.SUBSCRIBED, WHEN),
        ({"consent": "NEVER_SUBSCRIBED"}, Status.NEVER_SUBSCRIBED, None),
        ({"consent": "UNSUBSCRIBED", "consent_timestamp": STAMP}, Status.UNSUBSCRIBED, WHEN),
        ({"consent": "A NEW WORD"}, Status.NEVER_SUBSCRIBED, None),
        ({"suppression": [{"reason": "UNSUBSCRIBE", "timestamp": STAMP}]}, Status.UNSUBSCRIBED, WHEN),
        ({"suppression": [{"reason": "HARD_BOUNCE", "timestamp": STAMP}]}, Status.BOUNCED, WHEN),
        ({"suppression": [{"reason": "INVALID_EMAIL", "timestamp": STAMP}]}, Status.BOUNCED, WHEN),
        ({"suppression": [{"reason": "SPAM_COMPLAINT", "timestamp": STAMP}]}, Status.COMPLAINED, WHEN),
        ({"suppression": [{"reason": "USER_SUPPRESSED", "timestamp": STAMP}]}, Status.SUPPRESSED, WHEN),
        ({"suppression": [{"reason": "A NEW REASON", "timestamp": STAMP}]}, Status.SUPPRESSED, WHEN),
        ({"consent": "SUBSCRIBED", "can_receive_email_marketing": False}, Status.SUPPRESSED, None),
        (
            {
                "consent": "SUBSCRIBED",
                "suppression": [
                    {"reason": "USER_SUPPRESSED", "timestamp": None},
                    {"reason": "UNSUBSCRIBE", "timestamp": STAMP},
                ],
            },
            Status.UNSUBSCRIBED,
            WHEN,
        ),
    ],
)
def test_a_platforms_no_outweighs_any_consent(
    http: responses.RequestsMock, klaviyo: Klaviyo, marketing: dict[str, Any], status: Status, at: datetime | None
) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([_profile("ann@example.com", ["a", "a", "b"], **marketing)]))
    row = next(klaviyo.statuses(None)).to_pylist()[0]
    assert (row["status"], row["status_at"], row["tags"]) == (str(status), at, ["a", "b"])
    assert row["remote_id"] == "ID-ann"


def test_a_profile_without_subscriptions_is_not_taken_for_reachable(
    http: responses.RequestsMock, klaviyo: Klaviyo
) -> None:
    profile = _profile("ann@example.com")
    profile["attributes"]["subscriptions"] = None
    http.get(f"{HOST}/api/profiles", json=_page([profile]))
    assert next(klaviyo.statuses(None)).to_pylist()[0]["status"] == str(Status.SUPPRESSED)
    del profile["attributes"]["subscriptions"]
    http.replace(responses.GET, f"{HOST}/api/profiles", json=_page([profile]))
    with pytest.raises(ContractError):
        list(klaviyo.statuses(None))


def test_changes_are_what_was_updated_and_what_was_suppressed(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    phone_only = _profile("x@example.com")
    phone_only["attributes"]["email"] = None
    mail, after = "subscriptions.email.marketing", "2026-02-03T04:05:06Z"
    of_list = f'greater-than({mail}.list_suppressions.timestamp,{after}),equals({mail}.list_suppressions.list_id,"L1")'
    answers = {
        f"greater-than(updated,{after})": [_profile("ann@example.com"), phone_only],
        f"greater-than({mail}.suppression.timestamp,{after})": [_profile("bo@example.com")],
        of_list: [_profile("cleo@example.com")],
    }
    for filter_, profiles in answers.items():
        asked = responses.matchers.query_param_matcher({"filter": filter_}, strict_match=False)
        http.get(f"{HOST}/api/profiles", json=_page(profiles), match=[asked])
    klaviyo.recall({(Kind.LIST, "Readers"): "L1", (Kind.TAG, "vip"): "vip"})
    assert _emails(klaviyo.statuses(WHEN)) == ["ann@example.com", "bo@example.com", "cleo@example.com"]
    sorts = {_query(http, at)["filter"]: _query(http, at).get("sort") for at in range(3)}
    assert sorts == dict(zip(answers, ("updated", None, None), strict=True))


def test_pages_that_go_round_in_circles_are_noticed(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/profiles", json=_page([], "same"))
    with pytest.raises(ContractError):
        list(klaviyo.statuses(None))


def test_members_of_a_list_and_of_a_tag(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/lists/L1/profiles", json=_page([_profile("Ann@example.com")], "c1"))
    http.get(f"{HOST}/api/lists/L1/profiles", json=_page([_profile("bo@example.com")]))
    http.get(
        f"{HOST}/api/profiles", json=_page([_profile("ann@example.com", ["vip"]), _profile("bo@example.com", ["vi"])])
    )
    in_list = pa.concat_tables(klaviyo.members(Kind.LIST, "L1"))
    assert in_list.schema == MEMBER_SCHEMA
    assert in_list.to_pydict() == {"email": ["ann@example.com", "bo@example.com"], "remote_id": ["ID-ann", "ID-bo"]}
    assert pa.concat_tables(klaviyo.members(Kind.TAG, "vip")).column("email").to_pylist() == ["ann@example.com"]


# ---------------------------------------------------------------- targets and account


def _list(number: int, name: str) -> dict[str, Any]:
    return {"type": "list", "id": f"L{number}", "attributes": {"name": name}}


def test_targets_are_paged_by_ten_and_the_oldest_of_a_name_counts(
    http: responses.RequestsMock, klaviyo: Klaviyo
) -> None:
    http.get(f"{HOST}/api/lists", json=_page([_list(1, "VIP"), _list(2, "Other")], "c1"))
    http.get(f"{HOST}/api/lists", json=_page([_list(3, "VIP")]))
    assert klaviyo.targets(frozenset({Kind.LIST, Kind.TAG})) == {(Kind.LIST, "VIP"): "L1", (Kind.LIST, "Other"): "L2"}
    assert _query(http, 0) == {"page[size]": "10", "sort": "created"}
    assert klaviyo.targets(frozenset({Kind.TAG})) == {}


def test_only_missing_lists_are_created_and_tags_need_no_creation(
    http: responses.RequestsMock, klaviyo: Klaviyo
) -> None:
    new, tag = Target("klaviyo", Kind.LIST, "New"), Target("klaviyo", Kind.TAG, "vip")
    http.get(f"{HOST}/api/lists", json=_page([_list(1, "VIP")]))
    http.post(f"{HOST}/api/lists", json={"data": _list(7, "New")}, status=201)
    assert klaviyo.ensure_targets([VIP, new, tag]) == {VIP: "L1", new: "L7", tag: "vip"}
    assert _query(http)["filter"] == 'any(name,["VIP","New"])'
    assert _sent(http, 1) == {"data": {"type": "list", "attributes": {"name": "New"}}}
    assert len(http.calls) == 2


def test_a_list_whose_creation_got_no_answer_is_looked_for(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/lists", json=_page([]))
    http.post(f"{HOST}/api/lists", body=requests.ConnectionError("reset"))
    http.get(f"{HOST}/api/lists", json=_page([_list(9, "VIP")]))
    assert klaviyo.ensure_targets([VIP]) == {VIP: "L9"}
    assert [call.request.method for call in http.calls] == ["GET", "POST", "GET"]


def test_a_list_that_was_not_created_is_tried_again(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/lists", json=_page([]))
    http.post(f"{HOST}/api/lists", status=500)
    http.post(f"{HOST}/api/lists", json={"data": _list(9, "VIP")}, status=201)
    assert klaviyo.ensure_targets([VIP]) == {VIP: "L9"}
    http.replace(responses.POST, f"{HOST}/api/lists", status=500)
    with pytest.raises(Unanswered):
        klaviyo.ensure_targets([VIP])
    assert [call.request.method for call in http.calls].count("POST") == 2 + 3


def _account(http: responses.RequestsMock) -> None:
    about = {"contact_information": {"organization_name": "Acme"}, "timezone": "Europe/Berlin"}
    http.get(f"{HOST}/api/accounts", json=_page([{"type": "account", "id": "AbC123", "attributes": about}]))


def test_check_names_the_account_and_writes_nothing(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    _account(http)
    http.get(re.compile(f"{HOST}/api/(lists|profiles)"), json=_page([]))
    account = klaviyo.check({"first_name": "first_name", "Favourite colour": "colour", "location.city": "city"})
    assert (account.name, account.problems) == ("Acme", ())
    assert account.facts["timezone"] == "Europe/Berlin"
    assert {call.request.method for call in http.calls} == {"GET"}


def test_check_finds_doubtful_fields(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    _account(http)
    names = ["email", "segment_tags", "FirstName", "location.planet"]
    problems = klaviyo.check(dict.fromkeys(names, "x")).problems
    assert len(problems) == 4
    assert 'did you mean "first_name"' in problems[2]


def test_a_probe_that_fails_otherwise_accuses_nobody(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    http.get(f"{HOST}/api/lists", json=_errors({"code": "internal"}), status=500)
    http.get(
        f"{HOST}/api/profiles", json=_errors({"code": "permission_denied", "detail": "no, ann@example.com"}), status=403
    )
    http.patch(f"{HOST}/api/profiles/0", json=_errors({"code": "not_found"}), status=404)
    (said,) = klaviyo.lacking(["lists:read", "profiles:read", "profiles:write"]).values()
    assert "It says: no, (address)" in said


def test_a_tier_caps_every_endpoint() -> None:
    assert [each.requests for each in windows("klaviyo", "S")["import"]] == [3, 60]
    assert [each.requests for each in windows("klaviyo", "S")["accounts"]] == [1, 15]
    assert [each.requests for each in windows("klaviyo", "XL")["profiles"]] == [75, 750]
    with pytest.raises(Refused, match="XS, S, M, L, XL"):
        windows("klaviyo", "XXL")


# ---------------------------------------------------------------- the vendor's document

CALLS: list[tuple[str, Callable[[Klaviyo], Any]]] = [
    ("accounts", lambda each: each.check({})),
    ("profiles", lambda each: list(each.statuses(None))),
    ("profiles", lambda each: list(each.statuses(WHEN))),
    ("profiles", lambda each: list(each.lookup(["ann@example.com", "bo@example.com"]))),
    ("profiles", lambda each: each.poll("JOB1", _batch(Op.CREATE, THREE))),
    (
        "profiles",
        lambda each: each.push(
            _batch(
                Op.CREATE,
                [
                    {
                        "email": "ann@example.com",
                        "fields": '{"ltv": 1, "old": null, "location.latitude": 1.5, "phone_number": "+4712345678"}',
                        "tags_add": ["vip"],
                    }
                ],
            )
        ),
    ),
    ("profiles", lambda each: each.push(_batch(Op.UPDATE, [_known("ann", tags_add=["vip"])]))),
    ("profiles", lambda each: each.push(_batch(Op.UPDATE, [_known("ann", fields='{"ltv": 1}')]))),
    ("profiles", lambda each: each.push(_batch(Op.MOVE, [_known("ann")]))),
    ("profiles", lambda each: each._import([klaviyo_row("ID-ann", {})], ["L1"])),
    ("profiles", lambda each: each.push(_batch(Op.RETIRE, [_known("ann")]))),
    ("lists", lambda each: each.targets(frozenset({Kind.LIST}))),
    ("lists", lambda each: each.ensure_targets([VIP])),
    ("lists", lambda each: list(each.members(Kind.LIST, "L1"))),
    ("lists", lambda each: each.push(_batch(Op.ADD, [_known("ann")], VIP, "L1"))),
    ("lists", lambda each: each.push(_batch(Op.REMOVE, [_known("ann")], VIP, "L1"))),
]


@specs.needed
@pytest.mark.parametrize(("name", "call"), CALLS, ids=range(len(CALLS)))
def test_requests_are_valid_under_the_vendors_document(
    http: responses.RequestsMock, klaviyo: Klaviyo, name: str, call: Callable[[Klaviyo], Any]
) -> None:
    _account(http)
    http.get(re.compile(f"{HOST}/api/profiles"), json=_page([_profile("ann@example.com")]))
    http.get(re.compile(f"{HOST}/api/lists/L1/profiles"), json=_page([]))
    http.get(re.compile(f"{HOST}/api/lists"), json=_page([]))
    http.get(f"{IMPORT}/JOB1", json=_job("complete", failed_count=1))
    named = {"code": "invalid"} | _pointer(0, "email")
    http.get(f"{IMPORT}/JOB1/import-errors", json=_page([{"id": "1", "attributes": named}]))
    http.post(re.compile(f"{HOST}/api/.*jobs"), json=_job("queued"), status=202)
    http.post(f"{HOST}/api/lists", json={"data": _list(1, "VIP")}, status=201)
    http.add("POST", f"{HOST}/api/lists/L1/relationships/profiles", status=204)
    http.add("DELETE", f"{HOST}/api/lists/L1/relationships/profiles", status=204)
    call(klaviyo)
    assert len(http.calls) > 0
    for made in http.calls:
        specs.check_request("klaviyo", made.request)


def test_messages_name_settings_that_the_file_has(klaviyo: Klaviyo) -> None:
    """`revision` and `tier` stand at the destination itself; nothing is called `settings`."""
    assert {"revision", "tier", "tag_property"} == set(KLAVIYO.settings)
    with pytest.raises(Refused, match="`tier:` “gold”"):
        windows("kl", "gold")


def test_a_missing_scope_is_told_in_the_words_of_klaviyo(http: responses.RequestsMock, klaviyo: Klaviyo) -> None:
    said = {"code": "permission_denied", "title": "No", "detail": "The key lacks the scope lists:write."}
    http.get(f"{HOST}/api/lists", status=403, json={"errors": [said]})
    with pytest.raises(MissingScope, match="It says: The key lacks the scope lists:write"):
        klaviyo.targets(frozenset({Kind.LIST}))


def test_a_list_that_is_gone_does_not_end_the_reading_of_changes() -> None:
    """How Klaviyo answers a filter with an unknown list is not documented: a refusal is believed only of a list that is
    still there."""

    def read(query: Mapping[str, Any]) -> Iterator[pa.Table]:
        if "deleted" in query["filter"] or "odd" in query["filter"]:
            raise Refused("no", destination="klaviyo", code="invalid")
        yield pa.table({"email": [query["filter"].partition("(")[2].partition(",")[0]]})

    def exists(key: str) -> None:
        if key == "deleted":
            raise Gone("gone", destination="klaviyo", code="not_found")

    told = changed.since(read, "2026-11-29T00:00:00Z", ["deleted", "kept"], exists)
    scopes = ("suppression", "list_suppressions")
    asked = ["updated", *(f"subscriptions.email.marketing.{scope}.timestamp" for scope in scopes)]
    assert [table["email"][0].as_py() for table in told] == asked
    with pytest.raises(Refused):
        list(changed.since(read, "2026-11-29T00:00:00Z", ["odd"], exists))
