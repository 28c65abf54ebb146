"""The rehearsed Klaviyo over real HTTP: its rules, its shapes, and Klaviyo's own client against it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from connector.rehearsal.core.process import Running
from tests import specs
from tests.rehearsal.conftest import in_a_second

HEADERS = {"Authorization": "Klaviyo-API-Key pk_rehearsal", "revision": "2026-07-15"}
IMPORTS, LISTS, PROFILES = "profile-bulk-import-jobs", "lists", "profiles"
SUPPRESS, UNSUPPRESS = "profile-suppression-bulk-create-jobs", "profile-suppression-bulk-delete-jobs"
SUBSCRIBE, UNSUBSCRIBE = "profile-subscription-bulk-create-jobs", "profile-subscription-bulk-delete-jobs"
SEEDED = 7


class Klaviyo:
    """Short words for the requests of these tests."""

    def __init__(self, session: requests.Session, running: Running) -> None:
        self._session = session
        self.running = running

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None, **query: Any
    ) -> Any:
        url = f"{self.running.url}/api/{path}"
        params = {name.replace("__", "[") + ("]" if "__" in name else ""): value for name, value in query.items()}
        return self._session.request(
            method, url, json=body, params=params, headers=HEADERS | (headers or {}), timeout=300
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def profile(self, email: str) -> Any:
        found = self.get(PROFILES, filter=f'equals(email,"{email}")', additional_fields__profile="subscriptions")
        # the query name has a hyphen, which a keyword cannot have
        return found["data"][0] if found["data"] else None

    def marketing(self, email: str) -> Any:
        params = {"filter": f'equals(email,"{email}")', "additional-fields[profile]": "subscriptions"}
        url = f"{self.running.url}/api/{PROFILES}"
        answer = self._session.get(url, params=params, headers=HEADERS, timeout=300).json()
        return answer["data"][0]["attributes"]["subscriptions"]["email"]["marketing"]

    def list(self, name: str, process: str = "single_opt_in") -> str:
        body = {"data": {"type": "list", "attributes": {"name": name, "opt_in_process": process}}}
        answer = self.ask("POST", LISTS, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["id"])

    def start_import(self, rows: list[Any], *lists: str) -> Any:
        return self.ask("POST", IMPORTS, import_body(rows, *lists))

    def imported(self, rows: list[Any], *lists: str) -> Any:
        """The attributes of the finished job, and its id."""
        answer = self.start_import(rows, *lists)
        assert answer.status_code == 202, answer.text
        job = answer.json()["data"]
        for _ in range(10):
            if job["attributes"]["status"] == "complete":
                return job
            job = self.get(f"{IMPORTS}/{job['id']}")["data"]
        raise AssertionError("the job does not end")

    def everybody(self, path: str = PROFILES, **query: Any) -> list[Any]:
        found: list[Any] = []
        page = self.get(path, **query)
        while True:
            found += page["data"]
            following = page["links"].get("next")
            if not following:
                return found
            page = self._session.get(following, headers=HEADERS, timeout=300).json()


def import_body(rows: list[Any], *lists: str) -> dict[str, Any]:
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
    if lists:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": one} for one in lists]}}
    return {"data": data}


def row(email: str | None = None, meta: Any = None, **attributes: Any) -> dict[str, Any]:
    named = ({"email": email} if email else {}) | attributes
    return {"type": "profile", "attributes": named} | ({"meta": {"patch_properties": meta}} if meta else {})


def emails(*names: str) -> list[str]:
    return [f"{name}@example.com" for name in names]


def job_body(kind: str, people: list[str], list_id: str = "", consent: str = "", **more: Any) -> dict[str, Any]:
    given = {"subscriptions": {"email": {"marketing": {"consent": consent}}}} if consent else {}
    rows = [{"type": "profile", "attributes": {"email": email} | given} for email in people]
    data: dict[str, Any] = {"type": kind.removesuffix("s"), "attributes": {"profiles": {"data": rows}} | more}
    if list_id:
        data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return {"data": data}


def members_body(ids: list[str]) -> dict[str, Any]:
    return {"data": [{"type": "profile", "id": one} for one in ids]}


def pointers(answer: requests.Response) -> list[str]:
    return [one["source"].get("pointer", "") for one in answer.json()["errors"]]


@pytest.fixture
def klaviyo(rehearsal: Running) -> Iterator[Klaviyo]:
    rehearsal.settings(tiers={"klaviyo": "XL"})  # settings are merged, so a lower tier would outlive its test
    with requests.Session() as session:
        yield Klaviyo(session, rehearsal)


# -- door ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Authorization": "Klaviyo-API-Key pk_wrong"}, 401, "authentication_failed"),
        ({"revision": ""}, 400, "invalid"),
        ({"revision": "2026"}, 400, "invalid"),
        ({"revision": "2999-01-01"}, 400, "invalid"),
        ({"revision": "2023-10-15"}, 410, "revision_retired"),
        ({"revision": "2026-07-15.pre"}, 200, ""),
    ],
)
def test_key_and_revision(klaviyo: Klaviyo, headers: dict[str, str], status: int, code: str) -> None:
    answer = klaviyo.ask("GET", "accounts", headers=headers)
    assert answer.status_code == status
    assert not code or answer.json()["errors"][0]["code"] == code


@pytest.mark.parametrize("years", [-2, 3])
def test_the_revision_it_knows_is_taken_on_any_day(klaviyo: Klaviyo, years: int) -> None:
    klaviyo.running.settings(clock_ahead_s=years * 365 * 86_400)
    assert klaviyo.ask("GET", "accounts").status_code == 200


def test_unknown_paths_and_bodies(klaviyo: Klaviyo) -> None:
    assert klaviyo.ask("GET", "nothing").status_code == 501
    assert klaviyo.ask("DELETE", PROFILES).status_code == 405
    assert klaviyo.ask("GET", "profiles/nobody").json()["errors"][0]["code"] == "not_found"
    assert klaviyo.ask("POST", LISTS, {"data": {"type": "tag"}}).status_code == 400
    assert klaviyo.ask("POST", LISTS, ["no object"]).status_code == 400
    assert klaviyo.ask("POST", LISTS, {"data": {"type": "list", "attributes": {}}}).status_code == 400


def test_burst_limit(klaviyo: Klaviyo) -> None:
    first, second = in_a_second(lambda: klaviyo.ask("GET", "accounts"), 2)
    assert (first.status_code, second.status_code) == (200, 429)
    assert first.headers["RateLimit-Limit"] == "15"
    assert 0 < int(first.headers["RateLimit-Remaining"]) < 15
    assert second.json()["errors"][0]["code"] == "throttled"
    assert int(second.headers["Retry-After"]) >= 1
    assert not [name for name in second.headers if name.lower().startswith("ratelimit")]


def test_limits_count_per_endpoint_and_can_be_off(klaviyo: Klaviyo) -> None:
    klaviyo.ask("GET", "accounts")
    assert klaviyo.ask("GET", LISTS).status_code == 200
    klaviyo.running.settings(limits=False)
    assert {klaviyo.ask("GET", "accounts").status_code for _ in range(3)} == {200}


def test_a_lower_tier_holds_every_endpoint(klaviyo: Klaviyo) -> None:
    klaviyo.running.settings(tiers={"klaviyo": "XS"})
    assert [answer.status_code for answer in in_a_second(lambda: klaviyo.ask("GET", LISTS), 2)] == [200, 429]


@pytest.mark.parametrize(("kind", "status"), [("error", 500), ("unavailable", 503), ("throttle", 429)])
def test_faults_have_the_vendors_shape(klaviyo: Klaviyo, kind: str, status: int) -> None:
    klaviyo.running.settings(faults=f"klaviyo:{kind}@1")
    answer = klaviyo.ask("GET", LISTS)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["status"] == status
    klaviyo.running.settings(faults="klaviyo:blocked@1")
    blocked = klaviyo.ask("GET", LISTS)
    assert (blocked.status_code, blocked.headers["content-type"]) == (403, "text/html")


# -- reading ------------------------------------------------------------------------------------------------------


def test_profiles_are_paged_with_a_cursor(klaviyo: Klaviyo) -> None:
    klaviyo.imported([row(email) for email in emails(*(f"p{n:03d}" for n in range(230)))])
    found = klaviyo.everybody(page__size=100)
    assert len({one["id"] for one in found}) == len(found) == 230 + SEEDED
    assert klaviyo.ask("GET", PROFILES, page__size=101).status_code == 400
    assert klaviyo.ask("GET", PROFILES, page__cursor="https://a.example.com/?page=2").status_code == 400
    assert len(klaviyo.get(PROFILES)["data"]) == 20


@pytest.mark.parametrize("sort", ["email", "-email", "updated", "-created", "id"])
def test_sorted_paging_neither_skips_nor_repeats(klaviyo: Klaviyo, sort: str) -> None:
    klaviyo.imported([row(email) for email in emails(*(f"s{n:02d}" for n in range(15)))])
    found = klaviyo.everybody(page__size=4, sort=sort)
    values = [one["attributes"].get(sort.strip("-"), one["id"]) for one in found]
    assert len({one["id"] for one in found}) == 15 + SEEDED
    assert values == sorted(values, reverse=sort.startswith("-"))


def test_filters(klaviyo: Klaviyo) -> None:
    odd = 'o"dd\\name@example.com'.replace('"', "'")
    klaviyo.imported([row("a@example.com", external_id="x1"), row("b@example.com"), row(odd)])
    ask = functools.partial(klaviyo.get, PROFILES)
    assert len(ask(filter='any(email,["A@example.com","b@example.com","c@example.com"])')["data"]) == 2
    assert len(ask(filter='and(equals(email,"a@example.com"),equals(external_id,"x1"))')["data"]) == 1
    assert len(ask(filter='equals(email,"a@example.com"),equals(external_id,"x2")')["data"]) == 0
    escaped = odd.replace("\\", "\\\\")
    assert len(ask(filter=f'equals(email,"{escaped}")')["data"]) == 1
    assert len(ask(filter="greater-than(updated,2999-01-01T00:00:00Z)")["data"]) == 0


@pytest.mark.parametrize(
    "text",
    ['contains(email,"a")', "equals(email", 'equals(nothing,"a")', 'greater-than(updated,"soon")', "email", ")("],
)
def test_bad_filters(klaviyo: Klaviyo, text: str) -> None:
    answer = klaviyo.ask("GET", PROFILES, filter=text)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"]["parameter"] == "filter"


def test_a_filter_holds_at_most_100_values(klaviyo: Klaviyo) -> None:
    texts = [",".join(f'"{email}"' for email in emails(*(f"f{n}" for n in range(many)))) for many in (100, 101)]
    statuses = [klaviyo.ask("GET", PROFILES, filter=f"any(email,[{text}])").status_code for text in texts]
    assert statuses == [200, 400]


def test_suppression_filter_takes_no_sort(klaviyo: Klaviyo) -> None:
    text = "greater-than(subscriptions.email.marketing.suppression.timestamp,2000-01-01T00:00:00Z)"
    assert len(klaviyo.get(PROFILES, filter=text)["data"]) == 5
    assert klaviyo.ask("GET", PROFILES, filter=text, sort="updated").status_code == 400
    reason = 'equals(subscriptions.email.marketing.suppression.reason,"HARD_BOUNCE")'
    (found,) = klaviyo.get(PROFILES, filter=reason)["data"]
    assert found["attributes"]["email"] == "kl.bounced@example.com"


def test_subscriptions_and_sparse_fields(klaviyo: Klaviyo) -> None:
    url = f"{klaviyo.running.url}/api/profiles"
    plain = requests.get(url, headers=HEADERS, timeout=300).json()["data"][0]
    assert "subscriptions" not in plain["attributes"]
    params = {"additional-fields[profile]": "subscriptions", "fields[profile]": "email,subscriptions.email"}
    rich = requests.get(url, params=params, headers=HEADERS, timeout=300).json()["data"][0]
    assert set(rich["attributes"]) == {"email", "subscriptions"}


def test_seed_has_every_no(klaviyo: Klaviyo) -> None:
    said = {name: klaviyo.marketing(f"kl.{name}@example.com") for name in ("never", "unsubscribed", "bounced")}
    assert said["never"]["consent"] == "NEVER_SUBSCRIBED"
    assert said["never"]["can_receive_email_marketing"]
    assert said["unsubscribed"]["suppression"][0]["reason"] == "UNSUBSCRIBE"
    assert not said["bounced"]["can_receive_email_marketing"]


# -- import -------------------------------------------------------------------------------------------------------


def test_an_import_takes_effect_when_polled_often_enough(klaviyo: Klaviyo) -> None:
    job = klaviyo.start_import([row("new@example.com", first_name="Nia")]).json()["data"]
    assert job["attributes"]["status"] == "queued"
    states = [klaviyo.get(f"{IMPORTS}/{job['id']}")["data"]["attributes"]["status"]]
    assert klaviyo.profile("new@example.com") is None
    states.append(klaviyo.get(f"{IMPORTS}/{job['id']}")["data"]["attributes"]["status"])
    assert states == ["processing", "complete"]
    assert klaviyo.profile("new@example.com")["attributes"]["first_name"] == "Nia"
    assert klaviyo.get(f"{IMPORTS}/{job['id']}/profiles")["data"][0]["attributes"]["email"] == "new@example.com"


def test_an_import_that_nobody_polls_ends_too(klaviyo: Klaviyo) -> None:
    klaviyo.start_import([row("left@example.com")])
    assert klaviyo.profile("left@example.com") is None
    klaviyo.running.settings(clock_ahead_s=6)
    assert klaviyo.profile("left@example.com")


def test_polls_zero_means_at_once(klaviyo: Klaviyo) -> None:
    klaviyo.running.settings(polls=0)
    assert klaviyo.start_import([row("now@example.com")]).json()["data"]["attributes"]["status"] == "complete"


def test_one_bad_row_refuses_all_and_is_pointed_to(klaviyo: Klaviyo) -> None:
    rows = [row("good@example.com"), row("bad address"), row("x@example.com", shoe_size=4), row(), "no row"]
    answer = klaviyo.start_import(rows)
    assert answer.status_code == 400
    there = "/data/attributes/profiles/data"
    expected = [f"{there}/1/attributes/email", f"{there}/2/attributes/shoe_size", f"{there}/3/attributes", f"{there}/4"]
    assert pointers(answer) == expected
    klaviyo.running.settings(clock_ahead_s=60)
    assert klaviyo.profile("good@example.com") is None


@pytest.mark.parametrize(("many", "status"), [(0, 400), (1, 202), (10_000, 202), (10_001, 400)])
def test_import_caps(klaviyo: Klaviyo, many: int, status: int) -> None:
    assert klaviyo.start_import([row(f"c{n}@example.com") for n in range(many)]).status_code == status


def test_import_sizes(klaviyo: Klaviyo) -> None:
    big = klaviyo.start_import([row("big@example.com", properties={"text": "x" * 100_000})])
    assert pointers(big) == ["/data/attributes/profiles/data/0"]
    many = [row(f"m{n}@example.com", properties={"text": "x" * 90_000}) for n in range(60)]
    assert klaviyo.start_import(many).status_code == 413
    assert klaviyo.start_import([row("a@example.com")], "NOLIST").status_code == 400


def test_ten_thousand_profiles_in_one_import(klaviyo: Klaviyo) -> None:
    klaviyo.running.settings(polls=0)
    key = klaviyo.list("Many")
    rows = [row(f"t{n}@example.com", first_name="T", properties={"tags": ["a", "b"], "n": n}) for n in range(10_000)]
    for _ in range(2):  # the second round updates
        answer = klaviyo.start_import(rows, key)
        assert answer.json()["data"]["attributes"]["completed_count"] == 10_000
    assert klaviyo.running.state()["platforms"]["klaviyo"]["targets"]


def test_omitted_stays_null_is_ignored_in_bulk_and_clears_alone(klaviyo: Klaviyo) -> None:
    klaviyo.imported([row("u@example.com", first_name="Uma", title="Dr", properties={"a": 1, "b": 2})])
    klaviyo.imported([row("U@Example.com ", title=None, properties={"b": None, "c": 3})])
    attributes = klaviyo.profile("u@example.com")["attributes"]
    assert (attributes["first_name"], attributes["title"]) == ("Uma", "Dr")
    assert attributes["properties"] == {"a": 1, "b": 2, "c": 3}
    answer = klaviyo.ask("POST", "profile-import", {"data": row("u@example.com", title=None, properties={"b": None})})
    assert answer.status_code == 200
    assert answer.json()["data"]["attributes"]["title"] is None
    assert answer.json()["data"]["attributes"]["properties"] == {"a": 1, "c": 3}


def test_append_does_not_deduplicate(klaviyo: Klaviyo) -> None:
    for meta in ({"append": {"tags": "a"}}, {"append": {"tags": ["a", "b"]}}):
        klaviyo.imported([row("p@example.com", meta)])
    assert klaviyo.profile("p@example.com")["attributes"]["properties"] == {"tags": ["a", "a", "b"]}
    klaviyo.imported([row("p@example.com", {"unappend": {"tags": ["a"]}})])
    assert klaviyo.profile("p@example.com")["attributes"]["properties"] == {"tags": ["b"]}
    klaviyo.imported([row("p@example.com", {"unset": ["tags"]})])
    assert klaviyo.profile("p@example.com")["attributes"]["properties"] == {}


def test_errors_of_a_job(klaviyo: Klaviyo) -> None:
    klaviyo.imported([row("one@example.com", external_id="1"), row("two@example.com", external_id="2")])
    rows = [row("ok@example.com"), row("gone@nowhere.invalid"), row("one@example.com", external_id="2")]
    job = klaviyo.imported(rows)
    counts = [job["attributes"][name] for name in ("total_count", "completed_count", "failed_count")]
    assert counts == [3, 3, 2]
    found = klaviyo.everybody(f"{IMPORTS}/{job['id']}/import-errors", page__size=1)
    assert [one["attributes"]["code"] for one in found] == ["invalid", "duplicate_profile"]
    assert found[0]["attributes"]["original_payload"] == {"email": "gone@nowhere.invalid"}
    assert found[1]["attributes"]["source"]["pointer"].startswith("/data/attributes/profiles/data/2")
    assert klaviyo.profile("ok@example.com")


def test_import_subscribes_nobody(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Everyone")
    klaviyo.imported([row("kl.unsubscribed@example.com", first_name="X"), row("fresh@example.com")], key)
    assert klaviyo.marketing("fresh@example.com")["consent"] == "NEVER_SUBSCRIBED"
    assert klaviyo.marketing("kl.unsubscribed@example.com")["consent"] == "UNSUBSCRIBED"
    assert len(klaviyo.get(f"lists/{key}/profiles")["data"]) == 2


def test_invalid_phone_is_dropped_in_bulk_and_refused_alone(klaviyo: Klaviyo) -> None:
    klaviyo.imported([row("ph@example.com", phone_number="0123")])
    assert klaviyo.profile("ph@example.com")["attributes"]["phone_number"] is None
    assert (
        klaviyo.ask("POST", "profile-import", {"data": row("ph@example.com", phone_number="0123")}).status_code == 400
    )


def test_single_profiles(klaviyo: Klaviyo) -> None:
    made = klaviyo.ask("POST", PROFILES, {"data": row("single@example.com", external_id="s")})
    assert made.status_code == 201
    key = made.json()["data"]["id"]
    again = klaviyo.ask("POST", PROFILES, {"data": row("single@example.com")})
    assert (again.status_code, again.json()["errors"][0]["meta"]) == (409, {"duplicate_profile_id": key})
    changed = klaviyo.ask("PATCH", f"profiles/{key}", {"data": row(last_name="S") | {"id": key}})
    assert changed.json()["data"]["attributes"]["last_name"] == "S"
    assert klaviyo.ask("POST", "profile-import", {"data": row("other@example.com")}).status_code == 201
    torn = klaviyo.ask("POST", "profile-import", {"data": row("other@example.com", external_id="s")})
    assert torn.json()["errors"][0]["code"] == "duplicate_profile"


def test_erasing(klaviyo: Klaviyo) -> None:
    klaviyo.imported([row("gone@example.com")])
    profile = {"data": {"type": "profile", "attributes": {"email": "gone@example.com"}}}
    body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}}
    answer = klaviyo.ask("POST", "data-privacy-deletion-jobs", body)
    assert (answer.status_code, answer.content) == (202, b"")
    assert klaviyo.profile("gone@example.com") is None


# -- lists --------------------------------------------------------------------------------------------------------


def test_lists_come_ten_at_a_time(klaviyo: Klaviyo) -> None:
    klaviyo.running.settings(limits=False)  # ten a second may be made
    for number in range(11):
        klaviyo.list(f"L {number}")
    found = klaviyo.everybody(LISTS, sort="name")
    assert len(found) == 12
    assert klaviyo.ask("GET", LISTS, page__size=11).status_code == 400
    assert len(klaviyo.get(LISTS, filter='any(name,["L 1","L 2"])')["data"]) == 2


def test_list_lifecycle(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Old")
    body = {"data": {"type": "list", "id": key, "attributes": {"name": "New"}}}
    assert klaviyo.ask("PATCH", f"lists/{key}", body).json()["data"]["attributes"]["name"] == "New"
    assert klaviyo.ask("DELETE", f"lists/{key}").status_code == 204
    assert klaviyo.ask("GET", f"lists/{key}").status_code == 404


def test_members_are_added_and_removed_by_id(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Members")
    klaviyo.imported([row(email) for email in emails("m1", "m2", "m3")])
    ids = [klaviyo.profile(email)["id"] for email in emails("m1", "m2", "m3")]
    path = f"lists/{key}/relationships/profiles"
    for _ in range(2):  # the second time changes nothing
        assert klaviyo.ask("POST", path, members_body([*ids, "unknown"])).status_code == 204
    assert [one["id"] for one in klaviyo.everybody(path, page__size=2)] == ids
    assert klaviyo.ask("DELETE", path, members_body(ids[:2])).status_code == 204
    (left,) = klaviyo.get(f"lists/{key}/profiles")["data"]
    assert left["id"] == ids[2]
    assert left["attributes"]["joined_group_at"]
    assert klaviyo.get(f"profiles/{ids[2]}/relationships/lists")["data"] == [{"type": "list", "id": key}]


@pytest.mark.parametrize(("many", "status"), [(0, 400), (1, 204), (1000, 204), (1001, 400)])
def test_member_caps(klaviyo: Klaviyo, many: int, status: int) -> None:
    path = f"lists/{klaviyo.list('Caps')}/relationships/profiles"
    assert klaviyo.ask("POST", path, members_body([f"id{n}" for n in range(many)])).status_code == status


# -- consent ------------------------------------------------------------------------------------------------------


def test_subscribing_lifts_what_people_said(klaviyo: Klaviyo) -> None:
    people = [f"kl.{name}@example.com" for name in ("unsubscribed", "suppressed", "complained", "bounced")]
    answer = klaviyo.ask("POST", SUBSCRIBE, job_body(SUBSCRIBE, people, consent="SUBSCRIBED"))
    assert (answer.status_code, answer.content) == (202, b"")
    can = {email: klaviyo.marketing(email)["can_receive_email_marketing"] for email in people}
    assert list(can.values()) == [True, True, True, False]


def test_double_opt_in_waits(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Double", "double_opt_in")
    klaviyo.ask("POST", SUBSCRIBE, job_body(SUBSCRIBE, ["d@example.com"], key, consent="SUBSCRIBED"))
    assert klaviyo.marketing("d@example.com")["consent"] == "NEVER_SUBSCRIBED"
    assert klaviyo.get(f"lists/{key}/profiles")["data"] == []


def test_consent_older_than_an_unsubscribe_is_refused(klaviyo: Klaviyo) -> None:
    body = job_body(SUBSCRIBE, ["kl.unsubscribed@example.com"], consent="SUBSCRIBED", historical_import=True)
    marketing = body["data"]["attributes"]["profiles"]["data"][0]["attributes"]["subscriptions"]["email"]["marketing"]
    assert klaviyo.ask("POST", SUBSCRIBE, body).status_code == 400  # consented_at is missing
    marketing["consented_at"] = "2020-01-01T00:00:00Z"
    answer = klaviyo.ask("POST", SUBSCRIBE, body)
    assert answer.status_code == 400
    assert pointers(answer)[0].endswith("/0/attributes/subscriptions/email/marketing/consented_at")
    marketing["consented_at"] = "2999-01-01T00:00:00Z"
    assert klaviyo.ask("POST", SUBSCRIBE, body).status_code == 400


def test_unsubscribing_from_a_list_unsubscribes_strangers_from_everything(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Trap")
    klaviyo.imported([row("inside@example.com")], key)
    klaviyo.imported([row("outside@example.com")])
    body = job_body(UNSUBSCRIBE, emails("inside", "outside"), key, consent="UNSUBSCRIBED")
    assert klaviyo.ask("POST", UNSUBSCRIBE, body).status_code == 202
    inside, outside = klaviyo.marketing("inside@example.com"), klaviyo.marketing("outside@example.com")
    assert (inside["consent"], inside["list_suppressions"][0]["list_id"]) == ("NEVER_SUBSCRIBED", key)
    assert (outside["consent"], outside["suppression"][0]["reason"]) == ("UNSUBSCRIBED", "UNSUBSCRIBE")


def test_list_suppressions_are_found_of_one_list_only(klaviyo: Klaviyo) -> None:
    """Changelog of revision 2023-10-15: a list_id must be named, one date, and nothing of global suppressions."""
    key, other = klaviyo.list("Left"), klaviyo.list("Kept")
    klaviyo.imported([row("inside@example.com")], key)
    klaviyo.ask("POST", UNSUBSCRIBE, job_body(UNSUBSCRIBE, emails("inside"), key, consent="UNSUBSCRIBED"))
    mail = "subscriptions.email.marketing"
    since = f"greater-than({mail}.list_suppressions.timestamp,2020-01-01T00:00:00Z)"

    def found(filter_: str) -> Any:
        answer = klaviyo.ask("GET", "profiles", filter=filter_)
        return [one["attributes"]["email"] for one in answer.json()["data"]] if answer.ok else answer.status_code

    assert found(f'{since},equals({mail}.list_suppressions.list_id,"{key}")') == emails("inside")
    assert found(f'{since},equals({mail}.list_suppressions.list_id,"{other}")') == []
    everywhere = f'equals({mail}.suppression.reason,"UNSUBSCRIBE")'
    twice = f"{since},{since.replace('greater', 'less')}"
    for refused in (since, f"{since},{everywhere}", f'{twice},equals({mail}.list_suppressions.list_id,"{key}")'):
        assert found(refused) == 400


def test_suppression_and_back(klaviyo: Klaviyo) -> None:
    people = [*emails("new"), "kl.unsubscribed@example.com", "kl.suppressed@example.com"]
    before = klaviyo.profile("kl.unsubscribed@example.com")["attributes"]["updated"]
    answer = klaviyo.ask("POST", SUPPRESS, job_body(SUPPRESS, people))
    assert answer.status_code == 202
    job = answer.json()["data"]
    assert (job["attributes"]["skipped_count"], job["attributes"]["status"]) == (1, "queued")
    assert not klaviyo.marketing("new@example.com")["can_receive_email_marketing"]
    assert klaviyo.profile("kl.unsubscribed@example.com")["attributes"]["updated"] == before
    assert klaviyo.ask("POST", UNSUPPRESS, job_body(UNSUPPRESS, people)).status_code == 202
    assert klaviyo.marketing("new@example.com")["can_receive_email_marketing"]
    left = klaviyo.marketing("kl.unsubscribed@example.com")["suppression"]
    assert [one["reason"] for one in left] == ["UNSUBSCRIBE"]
    states = [klaviyo.get(f"{SUPPRESS}/{job['id']}")["data"]["attributes"]["status"] for _ in range(2)]
    assert states == ["processing", "complete"]


@pytest.mark.parametrize(("kind", "cap"), [(SUPPRESS, 100), (UNSUPPRESS, 100), (SUBSCRIBE, 1000), (UNSUBSCRIBE, 100)])
def test_consent_caps(klaviyo: Klaviyo, kind: str, cap: int) -> None:
    people = emails(*(f"k{n}" for n in range(cap + 1)))
    statuses = [klaviyo.ask("POST", kind, job_body(kind, people[:many])).status_code for many in (0, 1, cap, cap + 1)]
    assert statuses == [400, 202, 202, 400]


# -- the vendor's document and client -----------------------------------------------------------------------------


Step = Callable[[Klaviyo, str, str], requests.Response]
OPERATIONS: dict[str, Step] = {
    "accounts get accounts": lambda k, key, job: k.ask("GET", "accounts"),
    "profiles get profiles": lambda k, key, job: k.ask("GET", PROFILES),
    "profiles post profile-import": lambda k, key, job: k.ask("POST", "profile-import", {"data": row("i@example.com")}),
    "profiles post profiles": lambda k, key, job: k.ask("POST", PROFILES, {"data": row("kl.never@example.com")}),
    "profiles post profile-bulk-import-jobs": lambda k, key, job: k.start_import([row("j@example.com")], key),
    "profiles get profile-bulk-import-jobs": lambda k, key, job: k.ask("GET", IMPORTS),
    "profiles get profile-bulk-import-jobs/{job_id}": lambda k, key, job: k.ask("GET", f"{IMPORTS}/{job}"),
    "profiles get profile-bulk-import-jobs/{id}/import-errors": lambda k, key, job: k.ask(
        "GET", f"{IMPORTS}/{job}/import-errors"
    ),
    "profiles get profile-bulk-import-jobs/{id}/profiles": lambda k, key, job: k.ask(
        "GET", f"{IMPORTS}/{job}/profiles"
    ),
    "profiles post profile-suppression-bulk-create-jobs": lambda k, key, job: k.ask(
        "POST", SUPPRESS, job_body(SUPPRESS, ["z@example.com"])
    ),
    "profiles post profile-suppression-bulk-delete-jobs": lambda k, key, job: k.ask(
        "POST", UNSUPPRESS, job_body(UNSUPPRESS, ["z@example.com"])
    ),
    "lists get lists": lambda k, key, job: k.ask("GET", LISTS),
    "lists post lists": lambda k, key, job: k.ask(
        "POST", LISTS, {"data": {"type": "list", "attributes": {"name": "N"}}}
    ),
    "lists get lists/{id}/profiles": lambda k, key, job: k.ask("GET", f"lists/{key}/profiles"),
    "lists get lists/{id}/relationships/profiles": lambda k, key, job: k.ask(
        "GET", f"lists/{key}/relationships/profiles"
    ),
    "metrics get metrics": lambda k, key, job: k.ask("GET", "metrics"),
    "events get events": lambda k, key, job: k.ask("GET", "events", include="profile"),
}


@specs.needed
@pytest.mark.parametrize("operation", OPERATIONS)
def test_answers_fit_the_vendors_document(klaviyo: Klaviyo, operation: str) -> None:
    key = klaviyo.list("Shape")
    job = klaviyo.imported([row("shape@example.com"), row("bad@nowhere.invalid")], key)["id"]
    answer = OPERATIONS[operation](klaviyo, key, job)
    specs.check_answer("klaviyo", answer)
    assert answer.status_code < 300 or operation == "profiles post profiles"


def test_events(klaviyo: Klaviyo) -> None:
    names = {one["attributes"]["name"]: one["id"] for one in klaviyo.get("metrics")["data"]}
    found = klaviyo.get("events", filter=f'equals(metric_id,"{names["Opened Email"]}")', include="profile")
    assert found["included"][0]["attributes"]["email"] == "kl.subscribed@example.com"
    assert klaviyo.get("events", filter="greater-than(datetime,2999-01-01T00:00:00Z)")["data"] == []


@pytest.mark.filterwarnings("ignore")
def test_klaviyos_own_client(klaviyo: Klaviyo) -> None:
    from klaviyo_api import KlaviyoAPI

    client = KlaviyoAPI("pk_rehearsal", max_retries=1, test_host=klaviyo.running.url)
    assert client.Accounts.get_accounts().data[0].id
    made = client.Lists.create_list({"data": {"type": "list", "attributes": {"name": "Own"}}})
    key = made.data.id
    job = client.Profiles.bulk_import_profiles(import_body([row("own@example.com", first_name="Own")], key))
    for _ in range(5):
        state = client.Profiles.get_bulk_import_profiles_job(job.data.id)
        if state.data.attributes.status == "complete":
            break
    found = client.Profiles.get_profiles(
        filter='equals(email,"own@example.com")', additional_fields_profile=["subscriptions"], page_size=10
    )
    assert found.data[0].attributes.first_name == "Own"
    client.Lists.remove_profiles_from_list(key, members_body([found.data[0].id]))
    assert client.Lists.get_profiles_for_list(key).data == []
    client.Profiles.bulk_suppress_profiles(job_body(SUPPRESS, ["own@example.com"]))
    assert klaviyo.marketing("own@example.com")["suppression"]
    page = client.Profiles.get_profiles(page_size=3)
    cursor = page.links.next.split("page%5Bcursor%5D")[1]  # as the client does for an address with https
    following = client.Profiles.get_profiles(page_size=3, page_cursor=cursor)
    assert {one.id for one in page.data}.isdisjoint({one.id for one in following.data})


# -- the page -----------------------------------------------------------------------------------------------------


def test_overview_shows_lists_and_tags(klaviyo: Klaviyo) -> None:
    key = klaviyo.list("Shown")
    klaviyo.imported([row("o@example.com", properties={"segment_tags": ["vip", "<b>"]})], key)
    found = klaviyo.running.state()["platforms"]["klaviyo"]
    shown = {(one["kind"], one["name"]): one["members"] for one in found["targets"]}
    assert shown["list", "Shown"] == shown["tag", "vip"] == shown["tag", "<b>"] == 1
    assert found["contacts"]["HARD_BOUNCE"] == 1


def test_a_merged_profile_has_both_lists_and_values_and_the_source_is_gone(klaviyo: Klaviyo) -> None:
    kept, gone = (klaviyo.profile(f"kl.{name}@example.com")["id"] for name in ("subscribed", "suppressed"))
    source = {"profiles": {"data": [{"type": "profile", "id": gone}]}}
    body = {"data": {"type": "profile-merge", "id": kept, "relationships": source}}
    answer = klaviyo.ask("POST", "profile-merge", body)
    assert answer.status_code == 201 and answer.json()["data"]["id"] == kept
    assert klaviyo.profile("kl.suppressed@example.com") is None
    found = klaviyo.profile("kl.subscribed@example.com")
    assert (found["id"], found["attributes"]["first_name"]) == (kept, "Subscribed")
    (suppression,) = klaviyo.marketing("kl.subscribed@example.com")["suppression"]
    assert suppression["reason"] == "USER_SUPPRESSED"
    assert klaviyo.ask("POST", "profile-merge", body).status_code == 404
