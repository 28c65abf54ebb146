"""The rehearsed Mailchimp keeps the vendor's rules, over real HTTP."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from mailchimp_marketing import Client
from mailchimp_marketing.api_client import ApiClientError

from connector.rehearsal.core.process import Running
from connector.rehearsal.core.world import KEYS
from tests import specs

KEY = KEYS["mailchimp"]
CONTACT = {"company": "Test Ltd", "address1": "1 Street", "city": "Oslo", "country": "NO"}
NEW_LIST = {
    "name": "Second",
    "contact": CONTACT,
    "permission_reminder": "You asked.",
    "campaign_defaults": {"from_name": "T", "from_email": "t@example.com", "subject": "", "language": "en"},
    "email_type_option": False,
}


class Api:
    """Calls to the audience Newsletter: `api("GET", "members", count=5)`."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.root, self.session = f"{url}/3.0", session
        self.audience: str = session.get(f"{self.root}/lists").json()["lists"][0]["id"]
        self.base = f"{self.root}/lists/{self.audience}"

    def send(self, method: str, path: str = "", body: object = None, **query: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.base}/{path}".rstrip("/")
        return self.session.request(method, url, json=body, params=query, timeout=300)

    def __call__(self, method: str, path: str = "", body: object = None, **query: Any) -> Any:
        answer = self.send(method, path, body, **query)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def batch(self, *rows: dict[str, Any], update: bool = False, **query: Any) -> Any:
        return self("POST", "", {"members": list(rows), "update_existing": update}, **query)

    def status(self, email: str) -> str:
        return str(self("GET", f"members/{md5(email)}")["status"])

    def tag(self, name: str, *emails: str) -> int:
        return int(self("POST", "segments", {"name": name, "static_segment": list(emails)})["id"])


def md5(email: str) -> str:
    return hashlib.md5(email.encode(), usedforsecurity=False).hexdigest()


def row(email: str, status: str | None = "subscribed", **more: Any) -> dict[str, Any]:
    return {"email_address": email} | ({} if status is None else {"status": status}) | more


@pytest.fixture
def api(rehearsal: Running) -> Iterator[Api]:
    with requests.Session() as session:
        session.auth = ("any", KEY)
        yield Api(rehearsal.url, session)


@pytest.mark.parametrize(
    ("headers", "status", "title"),
    [
        ({}, 401, "API Key Missing"),
        ({"Authorization": "Basic eDp3cm9uZy11czE="}, 401, "API Key Invalid"),
        ({"Authorization": "Basic %%%"}, 401, "API Key Invalid"),
        ({"Authorization": f"Bearer {KEY}x"}, 401, "API Key Invalid"),
        ({"Authorization": f"Bearer {'0123456789abcdef' * 2}"}, 401, "API Key Invalid"),  # without its data center
        ({"Authorization": f"Bearer {KEY}"}, 200, None),
        ({"Authorization": f"Bearer {'0' * 32}-us1"}, 200, None),  # for clients that look at its form
        ({"Authorization": f"Bearer {'0' * 31}1-us1"}, 401, "API Key Invalid"),
    ],
)
def test_keys(rehearsal: Running, headers: dict[str, str], status: int, title: str | None) -> None:
    answer = requests.get(f"{rehearsal.url}/3.0/ping", headers=headers, timeout=300)
    assert (answer.status_code, answer.json().get("title")) == (status, title)
    if title:
        assert answer.headers["content-type"].startswith("application/problem+json")
        assert answer.json()["status"] == status


def test_unknown_paths_and_methods(api: Api) -> None:
    assert api.send("GET", "nothing").status_code == 501
    assert api.send("PUT", "members").status_code == 405
    assert api.send("GET", f"{api.root}/lists/ffffffffff/members").json()["title"] == "Resource Not Found"
    answer = api.session.post(api.base, data="{", timeout=300)
    assert (answer.status_code, answer.json()["title"]) == (400, "Bad Request")


def test_edge_answers_under_load(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(faults="blocked@1,throttle@2,unavailable@3")
    answers = [api.send("GET", f"{api.root}/ping") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [403, 429, 503]
    assert answers[0].headers["content-type"] == answers[2].headers["content-type"] == "text/html"
    assert "retry-after" not in {name.lower() for answer in answers for name in answer.headers}


def test_audiences(api: Api) -> None:
    assert api.send("POST", f"{api.root}/lists", NEW_LIST | {"contact": {}}).status_code == 400
    made = api("POST", f"{api.root}/lists", NEW_LIST)
    names = [one["name"] for one in api("GET", f"{api.root}/lists", count=1000)["lists"]]
    assert names == ["Newsletter", "Second"]
    assert api("GET", f"{api.root}/lists", email="ada@example.com")["total_items"] == 1
    assert made["stats"]["member_count"] == 0
    api("DELETE", f"{api.root}/lists/{made['id']}")
    assert api("GET", f"{api.root}/lists", fields="total_items") == {"total_items": 1}


def test_members_hide_archived_unless_asked(api: Api) -> None:
    shown = {one["email_address"]: one["status"] for one in api("GET", "members", count=1000)["members"]}
    assert set(shown.values()) == {"subscribed", "unsubscribed", "cleaned", "pending", "transactional"}
    assert "jonas@example.com" not in shown
    archived = api("GET", "members", status="archived")["members"]
    assert [one["email_address"] for one in archived] == ["jonas@example.com"]
    assert api.send("GET", "members", status="gone").status_code == 400


def test_pages(api: Api) -> None:
    for start in range(0, 1500, 500):
        api.batch(*(row(f"p{number}@example.com") for number in range(start, start + 500)))
    assert len(api("GET", "members")["members"]) == 10
    first = api("GET", "members", count=5000)
    assert (len(first["members"]), first["total_items"]) == (1000, 1509)  # silently cut
    rest = api("GET", "members", count=1000, offset=1000)["members"]
    emails = {one["email_address"] for one in first["members"] + rest}
    assert len(emails) == 1509
    assert api.send("GET", "members", count="many").status_code == 400


def test_fields_and_exclude_fields(api: Api) -> None:
    only = api("GET", "members", fields="members.email_address,members.stats.avg_open_rate,total_items", count=1)
    assert set(only) == {"members", "total_items"}
    assert only["members"] == [{"email_address": "ada@example.com", "stats": {"avg_open_rate": 0.55}}]
    less = api("GET", "members", exclude_fields="members._links,members.location.latitude,_links", count=1)
    assert "_links" not in less and "_links" not in less["members"][0]
    assert "longitude" in less["members"][0]["location"] and "latitude" not in less["members"][0]["location"]


def test_since_is_exclusive_to_the_second(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(clock_ahead_s=100)
    api.batch(row("late@example.com"))
    moment = api("GET", f"members/{md5('late@example.com')}")["last_changed"]
    assert moment.endswith("+00:00") and "." not in moment
    query = {"sort_field": "last_changed", "sort_dir": "ASC"}
    assert api("GET", "members", since_last_changed=moment, **query)["total_items"] == 0
    before = api("GET", "members", since_last_changed="2025-01-01T00:00:00Z", count=100, **query)["members"]
    changes = [one["last_changed"] for one in before]
    assert changes == sorted(changes) and changes[-1] == moment
    assert api("GET", "members", before_last_changed=moment)["total_items"] == 9
    assert api.send("GET", "members", since_last_changed="yesterday").status_code == 400


def test_batch_answers_per_row(api: Api) -> None:
    answer = api.batch(
        row("new@example.com", merge_fields={"FNAME": "New", "LTV": "12.50"}),
        row("ada@example.com"),
        row("no address"),
        row("fake@example.com"),
        row("toomany.lists@example.com"),
    )
    assert (answer["total_created"], answer["total_updated"], answer["error_count"]) == (1, 0, 4)
    assert answer["new_members"][0]["merge_fields"]["LTV"] == 12.5
    codes = {error["email_address"]: error["error_code"] for error in answer["errors"]}
    assert codes["ada@example.com"] == "ERROR_CONTACT_EXISTS"
    assert codes["fake@example.com"] == codes["no address"] == codes["toomany.lists@example.com"] == "ERROR_GENERIC"


def test_batch_of_only_bad_rows_is_still_200(api: Api) -> None:
    answer = api.send("POST", "", {"members": [row("nobody")]})
    assert (answer.status_code, answer.json()["error_count"]) == (200, 1)


@pytest.mark.parametrize(("size", "status"), [(0, 200), (500, 200), (501, 400)])
def test_batch_cap(api: Api, size: int, status: int) -> None:
    rows = [row(f"p{number}@example.com") for number in range(size)]
    assert api.send("POST", "", {"members": rows}).status_code == status


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (row("x@example.com", ""), "status"),
        (row("x@example.com", "archived"), "status"),
        ({"status": "subscribed"}, "email_address"),
        (row("x@example.com", merge_fields={"FNAME": None}), "merge_fields.FNAME"),
        (row("x@example.com", merge_fields={"FNAME": True}), "merge_fields.FNAME"),
        (row("x@example.com", timestamp_opt="soon"), "timestamp_opt"),
    ],
)
def test_a_row_outside_the_schema_refuses_the_batch(api: Api, bad: dict[str, Any], field: str) -> None:
    answer = api.send("POST", "", {"members": [row("good@example.com"), bad]})
    assert (answer.status_code, answer.json()["title"]) == (400, "Invalid Resource")
    assert answer.json()["errors"][0]["field"] == f"members.item:1.{field}"
    assert api.send("GET", "members/good@example.com").status_code == 404


def test_an_address_twice_refuses_the_batch(api: Api) -> None:
    rows = (row("Twice@example.com", "transactional"), row("twice@example.com", "subscribed"))
    assert api.send("POST", "", {"members": rows}).status_code == 400
    answer = api.batch(*rows, skip_duplicate_check="true")
    assert (answer["total_created"], answer["error_count"]) == (1, 0)
    assert api.status("twice@example.com") == "transactional"  # the first one counts


def test_update_without_status_leaves_the_status(api: Api) -> None:
    rows = [row(f"{name}@example.com", None, merge_fields={"LTV": 7}) for name in ("ada", "greta", "ines", "farid")]
    answer = api.batch(*rows, update=True)
    assert {one["email_address"].partition("@")[0]: one["status"] for one in answer["updated_members"]} == {
        "ada": "subscribed",
        "greta": "unsubscribed",
        "ines": "cleaned",
        "farid": "pending",
    }
    assert {one["merge_fields"]["LTV"] for one in answer["updated_members"]} == {7}


def test_update_without_status_creates_nobody(api: Api) -> None:
    answer = api.batch(row("stranger@example.com", None, merge_fields={"LTV": 7}), update=True)
    assert answer["total_created"] == 0
    assert "could not be validated" in answer["errors"][0]["error"]
    assert api.send("GET", "members/stranger@example.com").status_code == 404


def test_update_without_status_leaves_the_archive(api: Api) -> None:
    api.batch(row("jonas@example.com", None, status_if_new="subscribed"), update=True)
    assert api.status("jonas@example.com") == "archived"
    api.batch(row("jonas@example.com", "subscribed"), update=True)
    assert api.status("jonas@example.com") == "subscribed"


@pytest.mark.parametrize("who", ["greta", "ines"])
@pytest.mark.parametrize("wanted", ["subscribed", "transactional"])
def test_no_way_back_for_those_who_opted_out(api: Api, who: str, wanted: str) -> None:
    email = f"{who}@example.com"
    before = api.status(email)
    answer = api.batch(row(email, wanted), update=True)
    assert answer["error_count"] == 1 and "compliance state" in answer["errors"][0]["error"]
    single = api.send("PATCH", f"members/{md5(email)}", {"status": "subscribed"})
    assert (single.status_code, single.json()["title"]) == (400, "Member In Compliance State")
    assert api.status(email) == before
    api.batch(row(email, "pending"), update=True)  # a confirmation mail is the way
    assert api.status(email) == "pending"


def test_archiving_forgets_no_opt_out(api: Api) -> None:
    api("DELETE", f"members/{md5('greta@example.com')}")
    answer = api.batch(row("greta@example.com"), update=True)
    assert answer["error_count"] == 1
    assert api.status("greta@example.com") == "archived"


def test_erased_people_never_return(api: Api) -> None:
    hashed = md5("ada@example.com")
    assert api.send("POST", "members/ada@example.com/actions/delete-permanent").status_code == 404  # hash only
    assert api.send("POST", f"members/{hashed}/actions/delete-permanent").status_code == 204
    for status in ("subscribed", "pending", "transactional"):
        assert api.batch(row("ada@example.com", status), update=True)["error_count"] == 1
    single = api.send("PUT", f"members/{hashed}", row("ada@example.com", None, status_if_new="pending"))
    assert single.json()["title"] == "Forgotten Email Not Subscribed"
    assert api("GET", "segments")["segments"][0]["member_count"] == 1  # was tagged


def test_merge_values(api: Api) -> None:
    bad = {
        "LTV": "much",
        "LASTORDER": "last week",
        "BIRTHDAY": "13/40",
        "PLAN": "gold",
        "FNAME": "x" * 256,
        "LNAME": {"a": 1},
    }
    rows = [row(f"p{tag}@example.com", merge_fields={tag: value}) for tag, value in bad.items()]
    answer = api.batch(*rows)
    assert [error["field"] for error in answer["errors"]] == list(bad)
    assert all(error["field_message"] for error in answer["errors"])
    good = {"LTV": -3, "LASTORDER": "2026-11-01", "BIRTHDAY": "02/29", "PLAN": "team", "FNAME": "", "UNKNOWN": "x"}
    member = api.batch(row("good@example.com", merge_fields=good))["new_members"][0]
    assert member["merge_fields"] == {
        "FNAME": "",
        "LNAME": "",
        "LTV": -3,
        "ORDERS": "",
        "LASTORDER": "2026-11-01",
        "COUNTRY": "",
        "PLAN": "team",
        "BIRTHDAY": "02/29",
    }
    cleared = api.batch(row("good@example.com", None, merge_fields={"LTV": ""}), update=True)
    assert cleared["updated_members"][0]["merge_fields"]["LTV"] == ""


def test_a_new_required_field_breaks_every_row(api: Api) -> None:
    made = api("POST", "merge-fields", {"name": "Shop", "type": "text", "tag": "SHOP", "required": True})
    rows = (row("new@example.com"), row("ada@example.com", None))
    answer = api.batch(*rows, update=True)
    assert [error["field"] for error in answer["errors"]] == ["SHOP", "SHOP"]
    assert api.batch(*rows, update=True, skip_merge_validation="true")["error_count"] == 0
    api("PATCH", f"merge-fields/{made['merge_id']}", {"name": "Shop", "required": False})
    assert api.batch(row("next@example.com"))["error_count"] == 0


def test_merge_fields(api: Api) -> None:
    fields = api("GET", "merge-fields", count=1000)["merge_fields"]
    assert [field["tag"] for field in fields][:3] == ["FNAME", "LNAME", "LTV"]
    for body in ({"name": "x", "type": "emoji"}, {"name": "x", "type": "text", "tag": "TOO_LONG_TAG"}, {"name": "x"}):
        assert api.send("POST", "merge-fields", body).status_code == 400
    assert "already exists" in api.send("POST", "merge-fields", {"name": "x", "type": "text", "tag": "ltv"}).text
    made = api("POST", "merge-fields", {"name": "x", "type": "text"})
    assert made["tag"] == f"MMERGE{made['merge_id']}"
    api("DELETE", f"merge-fields/{made['merge_id']}")
    assert api.send("GET", f"merge-fields/{made['merge_id']}").status_code == 404


def test_tags_are_static_segments(api: Api) -> None:
    assert api.send("POST", "segments", {"name": "VIP"}).status_code == 400  # neither options nor static_segment
    vip = api.tag("VIP")
    assert "already exists" in api.send("POST", "segments", {"name": "VIP", "static_segment": []}).text
    answer = api(
        "POST",
        f"segments/{vip}",
        {"members_to_add": ["ADA@example.com", "greta@example.com", "stranger@example.com", "jonas@example.com", "?"]},
    )
    added = sorted(member["email_address"] for member in answer["members_added"])
    assert (added, answer["total_added"]) == (["ada@example.com", "greta@example.com"], 2)
    assert (answer["error_count"], answer["errors"]) == (0, [])  # strangers and the archived: not a word
    again = api("POST", f"segments/{vip}", {"members_to_add": ["ada@example.com", "bruno@example.com"]})
    assert again["errors"][0]["email_addresses"] == ["ada@example.com"]
    assert "already exist in the static segment" in again["errors"][0]["error"]
    removed = api("POST", f"segments/{vip}", {"members_to_remove": ["ada@example.com", "chiara@example.com"]})
    assert [member["email_address"] for member in removed["members_removed"]] == ["ada@example.com"]
    assert removed["errors"][0]["email_addresses"] == ["chiara@example.com"]
    assert (removed["total_removed"], removed["error_count"]) == (1, 1)


@pytest.mark.parametrize("key", ["members_to_add", "members_to_remove"])
def test_a_tag_batch_of_only_strangers_is_refused(api: Api, key: str) -> None:
    vip = api.tag("VIP", "ada@example.com")
    answer = api.send("POST", f"segments/{vip}", {key: ["stranger@example.com", "jonas@example.com"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, key)


@pytest.mark.parametrize("key", ["members_to_add", "members_to_remove"])
def test_tag_batch_cap(api: Api, key: str) -> None:
    vip = api.tag("VIP")
    assert api.send("POST", f"segments/{vip}", {key: ["ada@example.com"] * 500}).status_code == 200
    assert api.send("POST", f"segments/{vip}", {key: ["ada@example.com"] * 501}).status_code == 400


def test_segment_members_show_subscribed_people_unless_asked(api: Api) -> None:
    vip = api.tag("VIP", "ada@example.com", "greta@example.com", "ines@example.com", "elif@example.com")
    assert api("GET", f"segments/{vip}/members")["total_items"] == 1
    everybody = {f"include_{status}": "true" for status in ("unsubscribed", "cleaned", "transactional")}
    assert api("GET", f"segments/{vip}/members", **everybody)["total_items"] == 4
    assert api("GET", f"segments/{vip}", **everybody)["member_count"] == 4
    api("DELETE", f"members/{md5('ada@example.com')}")
    assert api("GET", f"segments/{vip}/members")["total_items"] == 0


def test_segments_are_renamed_replaced_deleted(api: Api) -> None:
    vip = api.tag("VIP", "ada@example.com")
    api("PATCH", f"segments/{vip}", {"name": "Best", "static_segment": ["bruno@example.com"]})
    members = api("GET", f"segments/{vip}/members")["members"]
    assert [member["email_address"] for member in members] == ["bruno@example.com"]
    assert api("GET", "tag-search", name="be")["tags"] == [{"id": vip, "name": "Best"}]
    api("DELETE", f"segments/{vip}/members/{md5('bruno@example.com')}")
    assert api("GET", f"segments/{vip}")["member_count"] == 0
    api("DELETE", f"segments/{vip}")
    assert api.send("POST", f"segments/{vip}", {"members_to_add": []}).status_code == 404
    assert api("GET", "segments", type="saved")["total_items"] == 0


def test_member_tags(api: Api) -> None:
    path = f"members/{md5('ada@example.com')}/tags"
    body = {"tags": [{"name": "Made here", "status": "active"}, {"name": "Met at the fair", "status": "inactive"}]}
    assert api.send("POST", path, body).status_code == 204
    assert [tag["name"] for tag in api("GET", path)["tags"]] == ["Made here"]
    assert api.send("POST", "members/ada@example.com/tags", body).status_code == 404  # the hash only
    assert api.send("POST", path, {"tags": [{"name": "x", "status": "on"}]}).status_code == 400


def test_a_member_shows_fifty_tags(api: Api) -> None:
    tags = [{"name": f"t{number}", "status": "active"} for number in range(60)]
    api("POST", f"members/{md5('bruno@example.com')}/tags", {"tags": tags})
    member = api("GET", "members/bruno@example.com")
    assert (len(member["tags"]), member["tags_count"]) == (50, 61)


def test_sync_tags_replaces_all_tags(api: Api) -> None:
    body = {"members": [row("ada@example.com", None)], "update_existing": True}
    api("POST", "", body)
    assert api("GET", "members/ada@example.com")["tags_count"] == 1
    api("POST", "", body | {"sync_tags": True})
    assert api("GET", "members/ada@example.com")["tags_count"] == 0


def test_single_members(api: Api) -> None:
    made = api("POST", "members", row("Solo@example.com", tags=["A", "B"]))
    assert (made["id"], made["tags_count"]) == (md5("solo@example.com"), 2)
    exists = api.send("POST", "members", row("solo@example.com"))
    assert (exists.status_code, exists.json()["title"]) == (400, "Member Exists")
    put = api("PUT", f"members/{made['id']}", row("solo@example.com", None, status_if_new="pending", tags=["C"]))
    assert (put["status"], put["tags_count"]) == ("subscribed", 2)  # tags in a PUT are ignored
    assert api("GET", f"members/{made['contact_id']}")["id"] == made["id"]
    api("PATCH", f"members/{made['id']}", {"status": "unsubscribed"})
    assert api("GET", "members", status="unsubscribed", unsubscribed_since="2026-01-01T00:00:00Z")["total_items"] == 1
    assert api.send("DELETE", f"members/{made['id']}").status_code == 204
    for gone in (made["id"], md5("ines@example.com"), md5("farid@example.com")):  # archived, cleaned, pending
        assert api.send("DELETE", f"members/{gone}").status_code == 405
    assert api.send("PATCH", f"members/{md5('stranger@example.com')}", {}).status_code == 404


def test_batches_are_asynchronous(rehearsal: Running, api: Api) -> None:
    operations = [
        {"method": "DELETE", "path": f"/lists/{api.audience}/members/{md5(email)}", "operation_id": email}
        for email in ("ada@example.com", "stranger@example.com")
    ]
    body = json.dumps(row("x@example.com"))
    operations.append({"method": "POST", "path": f"lists/{api.audience}/members", "body": body})
    batch = api("POST", f"{api.root}/batches", {"operations": operations})
    assert (batch["status"], batch["total_operations"], batch["response_body_url"]) == ("pending", 3, "")
    link = f"{api.root}/batches/{batch['id']}"
    assert api("GET", link)["status"] == "preprocessing"
    assert api.status("ada@example.com") == "subscribed"
    done = api("GET", link)
    assert (done["status"], done["finished_operations"], done["errored_operations"]) == ("finished", 3, 1)
    assert api.status("ada@example.com") == "archived"
    answer = requests.get(done["response_body_url"], timeout=300)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(answer.content))) as tar:
        rows = next(json.load(tar.extractfile(one) or io.BytesIO()) for one in tar.getmembers() if one.isfile())
    assert {one["operation_id"]: one["status_code"] for one in rows} == {
        "ada@example.com": 204,
        "stranger@example.com": 404,
        "": 200,
    }
    assert json.loads(rows[1]["response"])["title"] == "Resource Not Found"


def test_result_links_want_no_key_and_expire(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(polls=0)
    link = f"{api.root}/batches/{api('POST', f'{api.root}/batches', {'operations': []})['id']}"
    url = api("GET", link)["response_body_url"]
    assert requests.get(url, timeout=300).status_code == 200
    assert api.send("GET", url).status_code == 400  # the key goes along
    rehearsal.settings(clock_ahead_s=700)
    assert requests.get(url, timeout=300).status_code == 403
    assert requests.get(api("GET", link)["response_body_url"], timeout=300).status_code == 200


def test_batches_are_checked_and_cancelled(api: Api) -> None:
    operation = {"method": "GET", "path": "/ping"}
    root = f"{api.root}/batches"
    assert api.send("POST", root, {"operations": [operation] * 1001}).status_code == 400
    assert api.send("POST", root, {"operations": [operation | {"body": {}}]}).status_code == 400
    assert api.send("POST", root, {"operations": [{"method": "HEAD", "path": "/ping"}]}).status_code == 400
    made = api("POST", root, {"operations": [operation] * 1000})
    assert api("GET", root)["total_items"] == 1
    api("DELETE", f"{root}/{made['id']}")
    assert api.send("GET", f"{root}/{made['id']}").status_code == 404


@specs.needed
def test_answers_fit_the_vendors_document(rehearsal: Running, api: Api) -> None:
    rehearsal.settings(polls=0)
    vip = api.tag("VIP")
    batch = api("POST", f"{api.root}/batches", {"operations": []})["id"]
    hashed = md5("bruno@example.com")
    calls: list[tuple[str, str, object]] = [
        ("GET", f"{api.root}", None),
        ("GET", f"{api.root}/ping", None),
        ("GET", f"{api.root}/lists", None),
        ("POST", f"{api.root}/lists", NEW_LIST),
        ("GET", "", None),
        ("POST", "", {"members": [row("a@example.com"), row("greta@example.com")]}),
        ("GET", "members", None),
        ("POST", "members", row("b@example.com")),
        ("GET", f"members/{hashed}", None),
        ("PATCH", f"members/{hashed}", {"vip": True}),
        ("GET", f"members/{hashed}/tags", None),
        ("GET", f"members/{hashed}/activity", None),
        ("GET", f"{api.root}/search-members?query=bruno", None),
        ("GET", "segments", None),
        ("GET", f"segments/{vip}", None),
        ("POST", f"segments/{vip}", {"members_to_add": ["ada@example.com"]}),
        ("GET", f"segments/{vip}/members", None),
        ("GET", "tag-search", None),
        ("GET", "merge-fields", None),
        ("POST", "merge-fields", {"name": "x", "type": "text"}),
        ("GET", f"{api.root}/batches", None),
        ("GET", f"{api.root}/batches/{batch}", None),
        ("GET", "members/nobody", None),
    ]
    for method, path, body in calls:
        specs.check_answer("mailchimp", api.send(method, path, body))


def test_the_vendors_own_client(api: Api) -> None:
    client = Client()
    client.set_config({"api_key": KEY})
    client.api_client.host = api.root
    assert client.ping.get()["health_status"]
    lists, audience = client.lists, client.lists.get_all_lists()["lists"][0]["id"]
    answer = lists.batch_list_members(audience, {"members": [row("c@example.com")], "update_existing": True})
    assert answer["total_created"] == 1
    segment = lists.create_segment(audience, {"name": "From the client", "static_segment": []})["id"]
    added = lists.batch_segment_members({"members_to_add": ["c@example.com"]}, audience, segment)
    assert added["total_added"] == 1
    members = lists.get_segment_members_list(audience, segment, count=1000)
    assert [member["email_address"] for member in members["members"]] == ["c@example.com"]
    lists.delete_list_member(audience, md5("c@example.com"))
    with pytest.raises(ApiClientError) as caught:
        lists.get_list_member(audience, md5("nobody@example.com"))
    assert caught.value.status_code == 404
