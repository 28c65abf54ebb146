"""The Mailchimp adapter, request by request: exact bodies, paging, caps, partial failures and errors."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import responses
from responses import matchers

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
from connector.core.schemas import BATCH_SCHEMA, CONTACT_SCHEMA, MEMBER_SCHEMA
from connector.platforms.base import Batch, Done, Job, RecordOutcome
from connector.platforms.mailchimp import jobs
from connector.platforms.mailchimp.adapter import Mailchimp
from connector.platforms.registry import create
from tests.platforms.clock import TurnedClock

KEY = "0123456789abcdef-us21"
BASE = "https://us21.api.mailchimp.com/3.0"
LIST = f"{BASE}/lists/a1"
AUDIENCES = {"lists": [{"id": "a1", "name": "Newsletter"}, {"id": "b2", "name": "Shop"}], "total_items": 2}
VIP = Target("mc", Kind.TAG, "VIP")
CONSENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


class Bench:
    def __init__(self, key: str = KEY, **settings: Any) -> None:
        config = {"audience": "Newsletter", **settings}
        destination = Destination(name="mc", platform="mailchimp", secret=Secret(variable="MC_KEY"), **config)
        self.events: list[Event] = []
        self.clock = TurnedClock()
        self.adapter = Mailchimp(destination, key, clock=self.clock, listener=self.events.append)


@pytest.fixture
def web() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def audience(web: responses.RequestsMock) -> responses.RequestsMock:
    web.get(f"{BASE}/lists", json=AUDIENCES)
    return web


def batch(op: Op, *records: dict[str, Any], target: Target | None = None, target_id: str | None = None) -> Batch:
    return Batch(op, target, target_id, pa.Table.from_pylist(list(records), schema=BATCH_SCHEMA))


def tag(op: Op, *emails: str) -> Batch:
    return batch(op, *({"email": email} for email in emails), target=VIP, target_id="77")


def people(count: int) -> list[str]:
    return [f"p{number}@example.com" for number in range(count)]


def sent(web: responses.RequestsMock) -> Any:
    return json.loads(web.calls[-1].request.body)


def outcomes(done: Done | Job) -> list[tuple[Outcome, str]]:
    assert isinstance(done, Done)
    assert [outcome.index for outcome in done.outcomes] == list(range(len(done.outcomes)))
    return [(outcome.outcome, outcome.code) for outcome in done.outcomes]


def answer(
    new: list[dict[str, Any]] | None = None,
    updated: list[dict[str, Any]] | None = None,
    errors: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {"new_members": new or [], "updated_members": updated or [], "errors": errors or []}


def problem(status: int, title: str = "Trouble", **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": title, "status": status, "detail": "about ann@example.com", **more}


# ---------------------------------------------------------------- address and credentials


def test_the_key_names_the_data_center_and_goes_as_basic_auth(audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    Bench().adapter.targets(frozenset({Kind.TAG}))
    header = audience.calls[0].request.headers["Authorization"]
    assert base64.b64decode(header.removeprefix("Basic ")).endswith(f":{KEY}".encode())


@pytest.mark.parametrize("key", ["", "0123456789abcdef", "abc-", "abc-us21.example.com", "abc-us21/x"])
def test_a_key_without_a_data_center_is_an_auth_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(Auth) as caught:
        Bench(key)
    assert "${MC_KEY}" in str(caught.value)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("base", ["", "http://127.0.0.1:8000"])
def test_a_key_without_its_end_is_told_so_wherever_it_would_go(base: str) -> None:
    bare = "0123456789abcdef0123456789ABCDEF"
    with pytest.raises(Auth, match="the end of the Mailchimp API key is missing: a hyphen and a data center") as caught:
        Bench(bare, base_url=base or None)
    assert bare not in str(caught.value)


def test_an_oauth_token_goes_as_bearer_to_the_data_center_of_the_settings(web: responses.RequestsMock) -> None:
    web.get("https://us7.api.mailchimp.com/3.0/lists", json={"lists": [], "total_items": 0})
    with pytest.raises(Refused):
        Bench("token", settings={"data_center": "us7"}).adapter.targets(frozenset({Kind.TAG}))
    assert web.calls[0].request.headers["Authorization"] == "Bearer token"


@pytest.mark.parametrize("base", ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/3.0"])
def test_a_base_url_replaces_the_server(base: str, web: responses.RequestsMock) -> None:
    web.get("http://127.0.0.1:8000/3.0/lists", json={"lists": [], "total_items": 0})
    with pytest.raises(Refused):
        Bench("any", base_url=base).adapter.targets(frozenset({Kind.TAG}))


def test_the_registry_knows_it() -> None:
    destination = Destination(name="mc", platform="mailchimp", secret=Secret(variable="MC_KEY"))
    assert isinstance(create(destination, KEY, TurnedClock(), lambda event: None), Mailchimp)


# ---------------------------------------------------------------- audience, check


def ensure(bench: Bench) -> None:
    bench.adapter.targets(frozenset({Kind.TAG}))


@pytest.mark.parametrize("wanted", ["Newsletter", "a1"])
def test_the_audience_is_found_by_name_or_id_and_looked_up_once(wanted: str, audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    bench = Bench(audience=wanted)
    ensure(bench)
    ensure(bench)
    assert [call.request.path_url.split("?")[0] for call in audience.calls].count("/3.0/lists") == 1
    assert audience.calls[0].request.params["count"] == "1000"


def test_an_id_is_preferred_to_a_name_that_looks_like_it(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/lists", json={"lists": [{"id": "zz", "name": "a1"}, {"id": "a1", "name": "x"}], "total_items": 2})
    web.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    ensure(Bench(audience="a1"))


def test_an_unknown_audience_gets_a_hint(audience: responses.RequestsMock) -> None:
    with pytest.raises(Refused, match='Did you mean "Newsletter"') as caught:
        ensure(Bench(audience="Newsleter"))
    assert caught.value.code == "unknown_audience"


def test_audiences_of_one_name_must_be_told_apart_by_id(web: responses.RequestsMock) -> None:
    twice = [{"id": "a1", "name": "Newsletter"}, {"id": "b2", "name": "Newsletter"}]
    web.get(f"{BASE}/lists", json={"lists": twice, "total_items": 2})
    with pytest.raises(Refused, match=r"a1.*b2"):
        ensure(Bench())


def test_without_a_name_the_only_audience_is_meant(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/lists", json={"lists": [{"id": "a1", "name": "x"}], "total_items": 1})
    web.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    ensure(Bench(audience=None))


def merge_fields(web: responses.RequestsMock) -> None:
    fields = [
        {"tag": "FNAME", "name": "First", "type": "text", "required": False},
        {"tag": "BORN", "name": "Birthday", "type": "birthday", "required": False},
        {"tag": "SINCE", "name": "Since", "type": "date", "required": False},
        {"tag": "HOME", "name": "Home", "type": "address", "required": False},
        {"tag": "PHONE", "name": "Phone", "type": "phone", "required": True},
    ]
    web.get(f"{LIST}/merge-fields", json={"merge_fields": fields, "total_items": 5})


def test_check_names_account_and_audience(audience: responses.RequestsMock) -> None:
    audience.get(f"{BASE}/", json={"account_id": "x9", "account_name": "Acme", "role": "owner"})
    merge_fields(audience)
    account = Bench().adapter.check({"FNAME": "first_name", "PHONE": "phone"})
    assert (account.name, account.detail, account.problems) == ("Acme", "audience “Newsletter”", ())
    assert account.facts["audience_id"] == "a1"
    assert {call.request.method for call in audience.calls} == {"GET"}


def test_check_finds_missing_unfillable_and_required_fields(audience: responses.RequestsMock) -> None:
    audience.get(f"{BASE}/", json={})
    merge_fields(audience)
    problems = Bench().adapter.check({"FNAM": "first_name", "HOME": "home"}).problems
    assert len(problems) == 3
    assert "FNAM" in problems[0] and 'Did you mean "FNAME"' in problems[0]
    assert "HOME" in problems[1] and "address" in problems[1]
    assert "PHONE" in problems[2] and "requires" in problems[2]


def test_check_reports_an_unknown_audience_as_a_problem(audience: responses.RequestsMock) -> None:
    audience.get(f"{BASE}/", json={"account_name": "Acme"})
    (found,) = Bench(audience="Nope").adapter.check({}).problems
    assert "Nope" in found


def test_check_raises_for_a_wrong_key(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/", status=401, json=problem(401, "API Key Invalid"))
    with pytest.raises(Auth):
        Bench().adapter.check({})


# ---------------------------------------------------------------- targets


def test_targets_are_the_static_segments_and_the_older_of_two(audience: responses.RequestsMock) -> None:
    segments = [{"id": 9, "name": "VIP"}, {"id": 4, "name": "VIP"}, {"id": 5, "name": "New"}]
    audience.get(
        f"{LIST}/segments",
        json={"segments": segments, "total_items": 3},
        match=[matchers.query_param_matcher({"type": "static", "count": "1000", "offset": "0"}, strict_match=False)],
    )
    assert Bench().adapter.targets(frozenset(Kind)) == {(Kind.TAG, "VIP"): "4", (Kind.TAG, "New"): "5"}


def test_there_are_no_lists(web: responses.RequestsMock) -> None:
    assert Bench().adapter.targets(frozenset({Kind.LIST})) == {}
    assert len(web.calls) == 0


def test_only_missing_tags_are_created_and_empty(audience: responses.RequestsMock) -> None:
    new = Target("mc", Kind.TAG, "New")
    audience.get(f"{LIST}/segments", json={"segments": [{"id": 4, "name": "VIP"}], "total_items": 1})
    audience.post(f"{LIST}/segments", json={"id": 8, "name": "New"})
    assert Bench().adapter.ensure_targets([VIP, new]) == {VIP: "4", new: "8"}
    assert sent(audience) == {"name": "New", "static_segment": []}


def test_a_tag_whose_creation_was_not_answered_is_looked_for_before_anything_else(
    audience: responses.RequestsMock,
) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    audience.post(f"{LIST}/segments", status=500, json=problem(500))
    audience.get(f"{LIST}/segments", json={"segments": [{"id": 8, "name": "VIP"}], "total_items": 1})
    assert Bench().adapter.ensure_targets([VIP]) == {VIP: "8"}
    assert sum(call.request.method == "POST" for call in audience.calls) == 1


def test_a_list_is_refused(web: responses.RequestsMock) -> None:
    with pytest.raises(Refused, match="no lists"):
        Bench().adapter.ensure_targets([Target("mc", Kind.LIST, "VIP")])
    assert len(web.calls) == 0


# ---------------------------------------------------------------- reading contacts


def member(number: int, status: str = "subscribed", **more: Any) -> dict[str, Any]:
    return {
        "contact_id": f"id{number}",
        "email_address": f"P{number}@Example.com",
        "status": status,
        "last_changed": "2026-01-02T03:04:05+00:00",
        **more,
    }


def md5(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def serve_members(web: responses.RequestsMock, everybody: list[dict[str, Any]], archived: list[dict[str, Any]]) -> None:
    def page(request: Any) -> tuple[int, dict[str, str], str]:
        query = request.params
        assert int(query["count"]) <= 1000
        rows = archived if query.get("status") == "archived" else everybody
        start = int(query["offset"])
        shown = rows[start : start + int(query["count"])]
        return 200, {}, json.dumps({"members": shown, "total_items": len(rows)})

    def one(request: Any) -> tuple[int, dict[str, str], str]:
        key = request.path_url.partition("?")[0].rpartition("/")[2]
        held = {md5(row["email_address"]): row for row in [*everybody, *archived]}
        return (200, {}, json.dumps(held[key])) if key in held else (404, {}, json.dumps(problem(404)))

    web.assert_all_requests_are_fired = False  # one of the two
    web.add_callback(responses.GET, f"{LIST}/members", callback=page)
    web.add_callback(responses.GET, re.compile(f"{re.escape(LIST)}/members/[0-9a-f]{{32}}"), callback=one)


def read(tables: Iterator[pa.Table]) -> list[dict[str, Any]]:
    found = list(tables)
    assert all(table.schema == CONTACT_SCHEMA for table in found)
    return [row for table in found for row in table.to_pylist()]


def test_everybody_is_read_in_full_pages_and_the_archived_too(audience: responses.RequestsMock) -> None:
    serve_members(audience, [member(number) for number in range(2300)], [member(9999, "archived")])
    found = read(Bench().adapter.lookup(people(5)))
    assert {row["email"] for row in found} == {f"p{number}@example.com" for number in [*range(2300), 9999]}
    queries = [call.request.params for call in audience.calls if call.request.path_url.startswith("/3.0/lists/a1/m")]
    assert [(query["offset"], query.get("status")) for query in queries] == [
        ("0", None),
        ("950", None),  # 50 are read again: a member that changes meanwhile moves to the end, and the others move up
        ("1900", None),
        ("0", "archived"),
    ]
    for query in queries:
        assert (query["sort_field"], query["sort_dir"], query["count"]) == ("last_changed", "ASC", "1000")
        assert query["fields"].split(",") == [
            "members.contact_id", "members.email_address", "members.status", "members.last_changed", "total_items",
        ]  # fmt: skip


def test_a_few_are_asked_for_one_by_one_in_any_status(web: responses.RequestsMock) -> None:
    """Up to as many as the audience has pages, and one of archived members."""
    stats = {"member_count": 1000, "unsubscribe_count": 1000, "cleaned_count": 1}
    web.get(f"{BASE}/lists", json={"lists": [{"id": "a1", "name": "Newsletter", "stats": stats}], "total_items": 1})
    serve_members(web, [member(1), member(2, "unsubscribed"), member(5)], [member(3, "archived")])
    asked = ["P1@example.com", "p2@example.com", "p3@example.com", "p4@example.com"]
    found = read(Bench().adapter.lookup(asked))
    assert {row["email"]: row["status"] for row in found} == {
        "p1@example.com": "subscribed",
        "p2@example.com": "unsubscribed",
        "p3@example.com": "archived",
    }
    keys = [call.request.path_url.partition("?")[0].rpartition("/")[2] for call in web.calls[1:]]
    assert sorted(keys) == sorted(md5(email) for email in asked)
    assert len(read(Bench().adapter.lookup([*asked, "p5@example.com"]))) == 4  # five are more than three pages and one


@pytest.mark.parametrize("status", [200, 500])
def test_only_a_404_means_that_nobody_has_the_address(status: int, audience: responses.RequestsMock) -> None:
    audience.get(re.compile(f"{re.escape(LIST)}/members/.*"), status=status, json={})
    with pytest.raises(ContractError if status == 200 else Unanswered):
        list(Bench().adapter.lookup(["p1@example.com"]))


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001])
def test_paging_ends_where_the_audience_does(count: int, audience: responses.RequestsMock) -> None:
    serve_members(audience, [member(number) for number in range(count)], [])
    found = read(Bench().adapter.statuses(None))
    assert {row["remote_id"] for row in found} == {f"id{number}" for number in range(count)}


def test_nobody_is_missed_when_the_audience_moves_while_it_is_read(audience: responses.RequestsMock) -> None:
    everybody = [member(number) for number in range(1500)]
    serve_members(audience, everybody, [])
    tables = Bench().adapter.statuses(None)
    found = read(iter([next(tables)]))
    everybody.append(everybody.pop(10))  # changed: now the newest, and all behind it moved up by one
    found += read(tables)
    assert {row["remote_id"] for row in found} == {f"id{number}" for number in range(1500)}


def test_contacts_are_read_in_our_words(audience: responses.RequestsMock) -> None:
    statuses = ["subscribed", "pending", "transactional", "unsubscribed", "cleaned", "held_for_review"]
    everybody = [member(number, status) for number, status in enumerate(statuses)]
    everybody[1]["last_changed"] = ""
    everybody[2]["surprise"] = {"new": "field"}
    everybody.append({"contact_id": "sms", "email_address": "", "status": "subscribed", "last_changed": ""})
    serve_members(audience, everybody, [member(7, "archived")])
    found = read(Bench().adapter.statuses(None))
    assert [row["status"] for row in found] == [
        Status.SUBSCRIBED, Status.PENDING, Status.NEVER_SUBSCRIBED, Status.UNSUBSCRIBED, Status.BOUNCED,
        Status.SUPPRESSED, Status.ARCHIVED,
    ]  # fmt: skip
    assert found[0] == {
        "email": "p0@example.com",
        "remote_id": "id0",
        "status": "subscribed",
        "status_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "tags": None,
        "left": None,
    }
    assert found[1]["status_at"] is None


def test_changes_are_asked_for_with_an_overlap(audience: responses.RequestsMock) -> None:
    serve_members(audience, [], [])
    assert read(Bench().adapter.statuses(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))) == []
    queries = [call.request.params for call in audience.calls[1:]]
    assert [query["since_last_changed"] for query in queries] == ["2026-03-01T11:50:00+00:00"] * 2
    assert [query.get("status") for query in queries] == [None, "archived"]


def test_asking_for_nobody_asks_nothing(web: responses.RequestsMock) -> None:
    assert list(Bench().adapter.lookup([])) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"members": "x"}, {"members": [1]}, [], {"members": [member(1, last_changed="yesterday")]},
     {"members": [member(1, status=5)]}],
)  # fmt: skip
def test_answers_of_another_shape_are_a_contract_error(body: Any, audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/members", json=body)
    with pytest.raises(ContractError) as caught:
        list(Bench().adapter.statuses(None))
    assert "xample.com" not in str(caught.value)


def test_members_of_a_tag_are_all_of_them(audience: responses.RequestsMock) -> None:
    audience.get(
        f"{LIST}/segments/77/members", json={"members": [member(number) for number in range(1000)], "total_items": 1001}
    )
    audience.get(f"{LIST}/segments/77/members", json={"members": [member(1000)], "total_items": 1001})
    tables = list(Bench().adapter.members(Kind.TAG, "77"))
    assert all(table.schema == MEMBER_SCHEMA for table in tables)
    assert [table.num_rows for table in tables] == [1000, 1]
    assert tables[1].to_pylist() == [{"email": "p1000@example.com", "remote_id": "id1000"}]
    query = audience.calls[-1].request.params
    assert query["offset"] == "1000"
    assert {query[f"include_{which}"] for which in ("cleaned", "transactional", "unsubscribed")} == {"true"}


# ---------------------------------------------------------------- create, update


def test_create_sends_the_status_of_the_policy_and_dated_proof_only_for_subscribers(
    audience: responses.RequestsMock,
) -> None:
    new = [{"contact_id": f"id{n}", "email_address": f"P{n}@Example.com"} for n in range(3)]
    audience.post(LIST, json=answer(new=new), match=[matchers.query_param_matcher({"skip_merge_validation": "true"})])
    done = Bench().adapter.push(
        batch(
            Op.CREATE,
            {"email": "p0@example.com", "new_status": "subscribed", "consent_at": CONSENT, "fields": '{"FNAME": "A"}'},
            {"email": "p1@example.com", "new_status": "transactional", "consent_at": CONSENT},
            {"email": "p2@example.com", "new_status": "pending"},
        )
    )
    assert sent(audience) == {
        "members": [
            {
                "email_address": "p0@example.com",
                "status": "subscribed",
                "merge_fields": {"FNAME": "A"},
                "timestamp_signup": "2026-01-02T03:04:05+00:00",
                "timestamp_opt": "2026-01-02T03:04:05+00:00",
            },
            {"email_address": "p1@example.com", "status": "transactional", "merge_fields": {}},
            {"email_address": "p2@example.com", "status": "pending", "merge_fields": {}},
        ],
        "update_existing": False,
    }
    assert done == Done(tuple(RecordOutcome(n, Outcome.APPLIED, remote_id=f"id{n}") for n in range(3)))


@pytest.mark.parametrize("status", ["subscribed", "skip", "cleaned", None])
def test_a_create_that_the_gate_should_have_stopped_is_a_bug(status: str | None, web: responses.RequestsMock) -> None:
    web.assert_all_requests_are_fired = False
    web.get(f"{BASE}/lists", json=AUDIENCES)
    with pytest.raises(NotSent):
        Bench().adapter.push(batch(Op.CREATE, {"email": "a@example.com", "new_status": status}))
    assert not any(call.request.method == "POST" for call in web.calls)


def test_an_update_sends_no_status_and_nulls_as_empty(audience: responses.RequestsMock) -> None:
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    fields = {"FNAME": None, "LTV": 12.5, "OK": True, "LIKES": ["a", "b"]}
    done = Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com", "fields": json.dumps(fields)}))
    assert sent(audience) == {
        "members": [
            {
                "email_address": "a@example.com",
                "merge_fields": {"FNAME": "", "LTV": 12.5, "OK": "true", "LIKES": "a, b"},
            }
        ],
        "update_existing": True,
    }
    assert outcomes(done) == [(Outcome.APPLIED, "")]


def test_dates_are_spelled_as_their_field_wants_them(audience: responses.RequestsMock) -> None:
    merge_fields(audience)
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    at = "1990-12-24T10:00:00Z"
    update = batch(Op.UPDATE, {"email": "a@example.com", "fields": json.dumps({"BORN": at, "SINCE": at, "FNAME": at})})
    bench = Bench()
    bench.adapter.push(update)
    assert sent(audience)["members"][0]["merge_fields"] == {"BORN": "12/24", "SINCE": "1990-12-24", "FNAME": at}
    bench.adapter.push(update)
    assert sum("merge-fields" in call.request.url for call in audience.calls) == 1


@pytest.mark.parametrize(
    ("row", "outcome", "code"),
    [
        ({"error_code": "ERROR_CONTACT_EXISTS", "error": "…"}, Outcome.FAILED, "exists"),
        ({"error": "a@example.com is in a compliance state due to unsubscribe"}, Outcome.REJECTED, "compliance"),
        ({"error": "a@example.com was permanently deleted and cannot …"}, Outcome.REJECTED, "forgotten"),
        ({"error": "a@example.com looks fake or invalid, please …"}, Outcome.REJECTED, "looks_fake"),
        ({"error": "Please provide a valid email address."}, Outcome.REJECTED, "invalid_email"),
        ({"error": "… has signed up to a lot of lists very recently; …"}, Outcome.FAILED, "too_many_signups"),
        ({"error": "Your merge fields were invalid.", "field": "BORN"}, Outcome.REJECTED, "invalid_field"),
        ({"error": "No.", "field": "BORN", "field_message": "MM/DD"}, Outcome.REJECTED, "invalid_field"),
        ({"error": "No.", "field": "email_address"}, Outcome.REJECTED, "invalid_email"),
        ({"error": "Something new about a@example.com"}, Outcome.REJECTED, "refused"),
        ({"error_code": "ERROR_NEVER_SEEN"}, Outcome.REJECTED, "refused"),
        ({"error": None, "error_code": None}, Outcome.REJECTED, "refused"),
    ],
)
def test_rows_that_mailchimp_refused(
    row: dict[str, Any], outcome: Outcome, code: str, audience: responses.RequestsMock
) -> None:
    error = {"error_code": "ERROR_GENERIC", **row, "email_address": "A@example.com"}
    audience.post(LIST, json=answer(new=[{"contact_id": "x", "email_address": "b@example.com"}], errors=[error]))
    done = Bench().adapter.push(
        batch(
            Op.CREATE,
            {"email": "b@example.com", "new_status": "pending"},
            {"email": "a@example.com", "new_status": "pending"},
        )
    )
    assert outcomes(done) == [(Outcome.APPLIED, ""), (outcome, code)]
    assert "@" not in done.outcomes[1].detail  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["", "status", "status_if_new"])
def test_an_update_of_somebody_who_is_gone_is_not_held(field: str, audience: responses.RequestsMock) -> None:
    error = {"email_address": "a@example.com", "error": "The resource submitted could not be validated. For …"}
    audience.post(LIST, json=answer(errors=[{**error, "error_code": "ERROR_GENERIC", "field": field}]))
    done = Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))
    assert outcomes(done) == [(Outcome.REJECTED, "not_held")]


def test_an_update_that_created_somebody_is_not_passed_over(audience: responses.RequestsMock) -> None:
    audience.post(LIST, json=answer(new=[{"contact_id": "x", "email_address": "a@example.com"}]))
    done = Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))
    assert outcomes(done) == [(Outcome.FAILED, "created")]


def test_who_the_answer_leaves_out_is_unknown(audience: responses.RequestsMock) -> None:
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    done = Bench().adapter.push(batch(Op.UPDATE, {"email": "b@example.com"}, {"email": "a@example.com"}))
    assert outcomes(done) == [(Outcome.UNKNOWN, "no_outcome"), (Outcome.APPLIED, "")]


def test_a_stranger_in_the_answer_is_a_contract_error(audience: responses.RequestsMock) -> None:
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "who@example.com"}]))
    with pytest.raises(ContractError) as caught:
        Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))
    assert "who@" not in str(caught.value)


def test_a_create_without_an_answer_is_not_sent_again(audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=504, body="<html>timeout</html>")
    with pytest.raises(Unanswered):
        Bench().adapter.push(batch(Op.CREATE, {"email": "a@example.com", "new_status": "pending"}))
    assert sum(call.request.method == "POST" for call in audience.calls) == 1


def test_an_update_without_an_answer_is(audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=504, body="<html>timeout</html>")
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    assert outcomes(Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))) == [(Outcome.APPLIED, "")]


def test_an_empty_answer_to_a_write_is_no_answer(audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=200, body=b"")
    with pytest.raises(Unanswered):
        Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))


# ---------------------------------------------------------------- batches


def push_many(op: Op, count: int) -> Done | Job:
    records = [{"email": email, "new_status": "pending"} for email in people(count)]
    of_tag = op in (Op.ADD, Op.REMOVE)
    return Bench().adapter.push(batch(op, *records, target=VIP if of_tag else None, target_id="77" if of_tag else None))


@pytest.mark.parametrize(
    ("op", "cap"),
    [(Op.CREATE, 500), (Op.UPDATE, 500), (Op.ADD, 500), (Op.REMOVE, 500), (Op.RETIRE, 1000), (Op.UNSUBSCRIBE, 1000)],
)
def test_batches_go_up_to_their_cap_and_no_further(op: Op, cap: int, web: responses.RequestsMock) -> None:
    web.assert_all_requests_are_fired = False
    web.get(f"{BASE}/lists", json=AUDIENCES)
    web.post(LIST, json=answer())
    web.post(f"{LIST}/segments/77", json={"members_added": [], "members_removed": [], "errors": []})
    web.get(f"{LIST}/segments/77/members", json={"members": [], "total_items": 0})
    serve_members(web, [], [])
    web.post(f"{BASE}/batches", json={"id": "job1"})
    assert push_many(op, 0) == Done(())
    assert len(web.calls) == 0
    push_many(op, 1)
    push_many(op, cap)
    assert sum(call.request.method == "POST" for call in web.calls) == 2
    with pytest.raises(NotSent):
        push_many(op, cap + 1)
    assert sum(call.request.method == "POST" for call in web.calls) == 2
    kind = Kind.TAG if op in (Op.ADD, Op.REMOVE) else None
    assert Mailchimp.capabilities.operations[op, kind].max_batch == cap


@pytest.mark.parametrize(
    "bad",
    [
        tag(Op.ADD, "a@example.com", "a@example.com"),
        batch(Op.ADD, {"email": "a@example.com"}, target=VIP, target_id=None),
        batch(Op.ADD, {"email": "a@example.com"}, target=Target("mc", Kind.LIST, "x"), target_id="7"),
        batch(Op.ADOPT, {"email": "a@example.com"}),
    ],
    ids=["twice the same", "no id", "a list", "adopt"],
)
def test_what_is_no_batch_is_not_sent(bad: Batch) -> None:
    with pytest.raises(NotSent):
        Bench().adapter.push(bad)


# ---------------------------------------------------------------- tags


def test_adding_a_tag_tells_added_already_there_refused_and_ignored_apart(audience: responses.RequestsMock) -> None:
    body = {
        "members_added": [{"email_address": "A@Example.com", "surprise": 1}],
        "members_removed": [],
        "errors": [
            {"email_addresses": ["b@example.com"], "error": "Email addresses already exist in the static segment"},
            {"email_addresses": ["c@example.com"], "error": "Nope, c@example.com"},
        ],
    }
    audience.post(f"{LIST}/segments/77", json=body)
    audience.get(f"{LIST}/segments/77/members", json={"members": [], "total_items": 0})
    emails = [f"{letter}@example.com" for letter in "abcd"]
    done = Bench().adapter.push(tag(Op.ADD, *emails))
    assert json.loads(audience.calls[1].request.body) == {"members_to_add": emails}
    assert outcomes(done) == [
        (Outcome.APPLIED, ""),
        (Outcome.UNCHANGED, ""),
        (Outcome.REJECTED, "refused"),
        (Outcome.REJECTED, "not_held"),
    ]
    assert done.outcomes[2].detail == "Nope, (address)"  # type: ignore[union-attr]


def test_who_has_the_tag_already_without_a_word_is_found_by_one_reading(audience: responses.RequestsMock) -> None:
    """Not what was observed, but nothing in the reference promises the error rows."""
    audience.post(f"{LIST}/segments/77", json={"members_added": [], "errors": []})
    audience.get(f"{LIST}/segments/77/members", json={"members": [member(1), member(5)], "total_items": 2})
    done = Bench().adapter.push(tag(Op.ADD, "p1@example.com", "p2@example.com"))
    assert outcomes(done) == [(Outcome.UNCHANGED, ""), (Outcome.REJECTED, "not_held")]
    assert sum(call.request.method == "POST" for call in audience.calls) == 1


def test_removing_a_tag_from_who_is_gone_changes_nothing(audience: responses.RequestsMock) -> None:
    body = {
        "members_removed": [{"email_address": "a@example.com"}],
        "members_added": [],
        "errors": [
            {"email_addresses": ["b@example.com"], "error": "Email addresses do not exist in the static segment"}
        ],
    }
    audience.post(f"{LIST}/segments/77", json=body)
    serve_members(audience, [], [member(4, "archived")])
    emails = ["a@example.com", "b@example.com", "c@example.com", "p4@example.com"]
    done = Bench().adapter.push(tag(Op.REMOVE, *emails))
    (call,) = [call for call in audience.calls if call.request.method == "POST"]
    assert json.loads(call.request.body) == {"members_to_remove": emails}
    assert outcomes(done) == [
        (Outcome.APPLIED, ""),
        (Outcome.UNCHANGED, ""),
        (Outcome.UNCHANGED, "not_held"),
        (Outcome.SKIPPED, "archived"),  # has the tag again when it comes back
    ]


@pytest.mark.parametrize(
    ("op", "field", "outcome"),
    [(Op.ADD, "members_to_add", Outcome.REJECTED), (Op.REMOVE, "members_to_remove", Outcome.UNCHANGED)],
)
def test_a_batch_of_strangers_is_refused_as_a_whole_and_means_not_held(
    op: Op, field: str, outcome: Outcome, audience: responses.RequestsMock
) -> None:
    said = [{"field": field, "message": "None of the emails provided were subscribed to the list"}]
    audience.post(f"{LIST}/segments/77", status=400, json=problem(400, "Invalid Resource", errors=said))
    if op is Op.REMOVE:
        serve_members(audience, [], [])
    done = Bench().adapter.push(tag(op, "a@example.com", "b@example.com"))
    assert outcomes(done) == [(outcome, "not_held")] * 2


def test_a_tag_that_was_not_created_after_all_is_asked_for_again(audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    audience.post(f"{LIST}/segments", status=500, json=problem(500))
    audience.post(f"{LIST}/segments", json={"id": 8, "name": "VIP"})
    assert Bench().adapter.ensure_targets([VIP]) == {VIP: "8"}


def test_asking_for_a_tag_ends(audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    audience.post(f"{LIST}/segments", status=500, json=problem(500))
    with pytest.raises(Unanswered):
        Bench().adapter.ensure_targets([VIP])
    assert sum(call.request.method == "POST" for call in audience.calls) == 3


def test_a_tag_that_somebody_else_made_first_is_found(audience: responses.RequestsMock) -> None:
    audience.get(f"{LIST}/segments", json={"segments": [], "total_items": 0})
    audience.post(f"{LIST}/segments", status=400, json=problem(400))
    audience.get(f"{LIST}/segments", json={"segments": [{"id": 8, "name": "VIP"}], "total_items": 1})
    assert Bench().adapter.ensure_targets([VIP]) == {VIP: "8"}


def test_a_deleted_tag_is_refused(audience: responses.RequestsMock) -> None:
    audience.post(f"{LIST}/segments/77", status=404, json=problem(404, "Resource Not Found"))
    with pytest.raises(Refused) as caught:
        Bench().adapter.push(tag(Op.ADD, "a@example.com"))
    assert caught.value.code == "not_found"


# ---------------------------------------------------------------- archive


def results(rows: list[dict[str, Any]], name: str = "./abc.json") -> bytes:
    content = json.dumps(rows).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        folder = tarfile.TarInfo("./")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


RETIRE = batch(Op.RETIRE, *({"email": email} for email in people(4)))
GARBLED = results([])[:30] + b"\xff" * 20 + results([])[50:]
FILES = "https://files.example.com/result.tar.gz"


def finished(errored: int = 1, done: int = 4) -> dict[str, Any]:
    return {
        "id": "job1",
        "status": "finished",
        "total_operations": 4,
        "finished_operations": done,
        "errored_operations": errored,
        "response_body_url": f"{FILES}?signature=1",
    }


def test_retiring_archives_in_one_job(audience: responses.RequestsMock) -> None:
    audience.post(f"{BASE}/batches", json={"id": "job1", "status": "pending"})
    job = Bench().adapter.push(RETIRE)
    assert isinstance(job, Job)
    assert (job.id, job.wait > 0) == ("job1", True)
    digest = hashlib.md5(b"p0@example.com").hexdigest()
    operations = sent(audience)["operations"]
    assert len(operations) == 4
    assert operations[0] == {"method": "DELETE", "path": f"/lists/a1/members/{digest}", "operation_id": "0"}


@pytest.mark.parametrize("status", ["pending", "preprocessing", "started", "finalizing", "something new"])
def test_an_unfinished_job_is_asked_for_again(status: str, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/batches/job1", json={"id": "job1", "status": status})
    assert isinstance(Bench().adapter.poll("job1", RETIRE), Job)


def test_a_job_without_errors_needs_no_results(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/batches/job1", json=finished(errored=0))
    assert outcomes(Bench().adapter.poll("job1", RETIRE)) == [(Outcome.APPLIED, "")] * 4


def test_a_finished_job_with_errors_is_read(audience: responses.RequestsMock) -> None:
    rows = [
        {"status_code": 405, "operation_id": "2", "response": "{}"},
        {"status_code": 204, "operation_id": "0", "response": ""},
        {"status_code": 404, "operation_id": "1", "response": "{}"},
    ]
    audience.get(f"{BASE}/batches/job1", json=finished())
    audience.get(FILES, body=results(rows))
    serve_members(audience, [], [])
    bench = Bench()
    done = bench.adapter.poll("job1", RETIRE)
    assert outcomes(done) == [
        (Outcome.APPLIED, ""),
        (Outcome.UNCHANGED, "not_held"),
        (Outcome.REJECTED, "not_archivable"),
        (Outcome.UNKNOWN, "no_outcome"),
    ]
    download = next(call.request for call in audience.calls if call.request.url.startswith(FILES))
    assert "Authorization" not in download.headers
    assert not any("signature" in str(event) for event in bench.events)


@pytest.mark.parametrize("op", [Op.RETIRE, Op.UNSUBSCRIBE])
def test_who_is_known_by_id_is_named_by_it(op: Op) -> None:
    """An address may have gone to somebody else meanwhile."""
    (one,) = jobs.operations(batch(op, {"email": "a@example.com", "remote_id": "c7"}), "/lists/a1/members")
    assert one["path"] == "/lists/a1/members/c7"


def test_who_is_archived_already_needs_no_archiving(audience: responses.RequestsMock) -> None:
    rows = [{"status_code": 405, "operation_id": str(index)} for index in range(4)]
    audience.get(f"{BASE}/batches/job1", json=finished(errored=4))
    audience.get(FILES, body=results(rows))
    serve_members(audience, [], [member(1, "archived"), member(3, "archived")])
    assert outcomes(Bench().adapter.poll("job1", RETIRE)) == [
        (Outcome.REJECTED, "not_archivable"),
        (Outcome.UNCHANGED, "archived"),
        (Outcome.REJECTED, "not_archivable"),
        (Outcome.UNCHANGED, "archived"),
    ]


def test_transient_troubles_of_a_job_are_failed(web: responses.RequestsMock) -> None:
    rows = [{"status_code": 500, "operation_id": str(index)} for index in range(4)]
    web.get(f"{BASE}/batches/job1", json=finished(errored=4))
    web.get(FILES, body=results(rows))
    assert outcomes(Bench().adapter.poll("job1", RETIRE)) == [(Outcome.FAILED, "500")] * 4


@pytest.mark.parametrize(
    "body",
    [b"", b"no archive", results([])[:40], results([], "x.json")[:-30], GARBLED],
    ids=["empty", "no archive", "cut early", "cut late", "garbled"],
)
def test_results_that_cannot_be_read_are_asked_for_again(body: bytes, web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/batches/job1", json=finished())
    web.get(FILES, body=body)
    with pytest.raises(Retryable):
        Bench().adapter.poll("job1", RETIRE)


def test_a_job_that_mailchimp_forgot_is_unanswered(web: responses.RequestsMock) -> None:
    web.get(f"{BASE}/batches/job1", status=404, json=problem(404))
    with pytest.raises(Unanswered) as caught:
        Bench().adapter.poll("job1", RETIRE)
    assert caught.value.code == "job_gone"


UNSUBSCRIBE = batch(Op.UNSUBSCRIBE, *({"email": email} for email in people(6)))


def test_unsubscribing_changes_members_and_creates_none(audience: responses.RequestsMock) -> None:
    """PATCH answers 404 for addresses that the audience does not hold; a row of POST /lists would create them."""
    audience.post(f"{BASE}/batches", json={"id": "job1", "status": "pending"})
    assert isinstance(Bench().adapter.push(UNSUBSCRIBE), Job)
    digest = hashlib.md5(b"p0@example.com").hexdigest()
    operations = sent(audience)["operations"]
    assert len(operations) == 6
    assert operations[0] == {
        "method": "PATCH",
        "path": f"/lists/a1/members/{digest}",
        "operation_id": "0",
        "params": {"skip_merge_validation": "true"},
        "body": '{"status": "unsubscribed"}',
    }


def test_what_became_of_an_unsubscribe(web: responses.RequestsMock) -> None:
    compliance = json.dumps(
        {"title": "Member In Compliance State", "detail": "p2@example.com is in a compliance state"}
    )
    rows = [
        {"status_code": 200, "operation_id": "0", "response": "{}"},
        {"status_code": 404, "operation_id": "1", "response": "{}"},
        {"status_code": 400, "operation_id": "2", "response": compliance},
        {"status_code": 400, "operation_id": "3", "response": "{}"},
        {"status_code": 500, "operation_id": "4", "response": "{}"},
        {"status_code": 200, "operation_id": "99", "response": "{}"},
    ]
    web.get(f"{BASE}/batches/job1", json=finished(errored=4, done=6))
    web.get(FILES, body=results(rows))
    assert outcomes(Bench().adapter.poll("job1", UNSUBSCRIBE)) == [
        (Outcome.APPLIED, ""),
        (Outcome.SKIPPED, "not_held"),
        (Outcome.REJECTED, "compliance"),
        (Outcome.REJECTED, "refused"),
        (Outcome.FAILED, "500"),
        (Outcome.UNKNOWN, "no_outcome"),
    ]
    assert all(call.request.method == "GET" for call in web.calls)


# ---------------------------------------------------------------- errors of a request


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, BadRecords, "refused"),
        (401, Auth, "auth"),
        (402, AccountLimit, "account_limit"),
        (403, MissingScope, "forbidden"),
        (404, Gone, "not_found"),
        (405, Refused, "405"),
        (413, TooLarge, "413"),
        (414, TooLarge, "414"),
        (422, BadRecords, "refused"),
        (426, Refused, "426"),
    ],
)
def test_refusals(status: int, kind: type[DestinationError], code: str, audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=status, json=problem(status, "Title of it"))
    with pytest.raises(kind) as caught:
        Bench().adapter.push(batch(Op.UPDATE, {"email": "ann@example.com"}))
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.destination) == (code, "mc")
    assert "Title of it" in str(caught.value)
    assert "ann@" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert sum(call.request.method == "POST" for call in audience.calls) == 1


@pytest.mark.parametrize(
    "throttle",
    [
        {"status": 429, "json": problem(429, "Too Many Requests")},
        {"status": 429, "json": problem(429), "headers": {"Retry-After": "17"}},
        {"status": 403, "body": "<html>Forbidden</html>"},
        {"status": 403, "body": b""},
        {"status": 503, "body": "<html>Request Blocked</html>"},
        {"status": 500, "json": problem(500)},
        {"status": 502, "body": "<html>"},
        {"status": 200, "body": '{"new_members": ['},
    ],
    ids=["429", "429 told", "403 html", "403 empty", "503 html", "500", "502", "truncated"],
)
def test_transient_troubles_are_tried_again(throttle: dict[str, Any], audience: responses.RequestsMock) -> None:
    audience.post(LIST, **throttle)
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    bench = Bench()
    assert outcomes(bench.adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))) == [(Outcome.APPLIED, "")]
    told = throttle.get("headers", {}).get("Retry-After")
    assert sum(bench.clock.slept) >= float(told or 1)


def test_a_create_that_was_throttled_is_sent_again(audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=429, json=problem(429))
    audience.post(LIST, json=answer(new=[{"contact_id": "x", "email_address": "a@example.com"}]))
    create_one = batch(Op.CREATE, {"email": "a@example.com", "new_status": "pending"})
    assert outcomes(Bench().adapter.push(create_one)) == [(Outcome.APPLIED, "")]


def test_tries_end(audience: responses.RequestsMock) -> None:
    audience.post(LIST, status=403, body="<html>")
    with pytest.raises(Retryable) as caught:
        Bench().adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))
    assert caught.value.code == "throttled"
    assert sum(call.request.method == "POST" for call in audience.calls) == 6


def test_bad_records_are_named_by_their_place(audience: responses.RequestsMock) -> None:
    said = [
        {"field": "members.item:1.email_address", "message": "bob@example is no address"},
        {"field": "members.item:2.merge_fields.BORN", "message": "wrong"},
    ]
    audience.post(LIST, status=400, json=problem(400, "Invalid Resource", errors=said))
    with pytest.raises(BadRecords) as caught:
        Bench().adapter.push(batch(Op.UPDATE, *({"email": email} for email in people(3))))
    assert caught.value.culprits == {1: ("invalid_email", "(address) is no address"), 2: ("invalid_field", "wrong")}


def test_a_refusal_that_names_more_than_records_is_of_the_whole(audience: responses.RequestsMock) -> None:
    said = [{"field": "members.item:1.email_address", "message": "x"}, {"field": "update_existing", "message": "y"}]
    audience.post(LIST, status=400, json=problem(400, "Invalid Resource", errors=said))
    with pytest.raises(Refused) as caught:
        Bench().adapter.push(batch(Op.UPDATE, *({"email": email} for email in people(3))))
    assert type(caught.value) is Refused
    assert "update_existing" in str(caught.value)


def test_events_tell_writes_from_reads_and_hold_no_address(audience: responses.RequestsMock) -> None:
    audience.post(LIST, json=answer(updated=[{"contact_id": "x", "email_address": "a@example.com"}]))
    bench = Bench()
    bench.adapter.push(batch(Op.UPDATE, {"email": "a@example.com"}))
    told = [(event.path, event.writes) for event in bench.events if isinstance(event, RequestSent)]
    assert told == [("/lists", False), ("/lists/a1", True)]


def test_the_facts_say_what_the_core_needs() -> None:
    facts = Mailchimp.capabilities
    assert facts.new_contacts == frozenset(NewContacts)
    assert facts.concurrency <= 10
    assert not facts.operations[Op.CREATE, None].replayable
    assert facts.operations[Op.ADD, Kind.TAG].silent
    assert facts.operations[Op.RETIRE, None].asynchronous
    assert (Op.ADD, Kind.LIST) not in facts.operations
    assert facts.retire is not None
    assert facts.retire.action == "archive"
