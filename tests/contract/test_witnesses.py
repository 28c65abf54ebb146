"""The vendors' own clients work against the rehearsal platforms, and read there what the connector pushed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import hubspot.communication_preferences as preferences
import openapi_client
import pytest
from hubspot.crm import contacts, lists, properties
from mailchimp_marketing.api_client import ApiClientError

from connector.rehearsal.core.process import Running, start
from tests.contract.clients import HubSpot, Klaviyo, Mailchimp
from tests.path import sample
from tests.path.conftest import Desk, pushed_desk

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
ANN, BEA, CID = (f"{name}@example.com" for name in ("ann", "bea", "cid"))


def until(done: Callable[[], Any], tries: int = 1200) -> Any:
    for _ in range(tries):
        if found := done():
            return found
        time.sleep(0.05)
    raise AssertionError("the job does not end")


# -- Mailchimp ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mailchimp(rehearsal: Running) -> Mailchimp:
    return Mailchimp(rehearsal.url)


def member(email: str, **more: Any) -> dict[str, Any]:
    return {"email_address": email, "status": "subscribed"} | more


def test_mailchimps_client_upserts_tags_and_pages(mailchimp: Mailchimp) -> None:
    people = [f"p{n}@example.com" for n in range(450)]
    body = {"members": [member(email, merge_fields={"FNAME": "P"}) for email in people], "update_existing": True}
    assert mailchimp.lists.batch_list_members(mailchimp.audience, body)["total_created"] == 450
    assert mailchimp.lists.batch_list_members(mailchimp.audience, body)["total_updated"] == 450
    tag = mailchimp.lists.create_segment(mailchimp.audience, {"name": "Made", "static_segment": []})["id"]
    change = mailchimp.lists.batch_segment_members
    assert change({"members_to_add": [*people, "nobody@example.com"]}, mailchimp.audience, tag)["total_added"] == 450
    assert change({"members_to_remove": people[:3]}, mailchimp.audience, tag)["total_removed"] == 3
    assert mailchimp.tags()["Made"] == set(people[3:])
    assert set(people) <= {email for email, status in mailchimp.statuses().items() if status == "subscribed"}


def test_mailchimps_client_polls_a_batch_that_archives(mailchimp: Mailchimp) -> None:
    mailchimp.lists.batch_list_members(mailchimp.audience, {"members": [member(ANN)]})
    gone = hashlib.md5(ANN.encode(), usedforsecurity=False).hexdigest()
    operation = {"method": "DELETE", "path": f"/lists/{mailchimp.audience}/members/{gone}"}
    job = mailchimp.client.batches.start({"operations": [operation]})["id"]
    status = mailchimp.client.batches.status
    done = until(lambda: found if (found := status(job))["status"] == "finished" else None)
    assert (done["finished_operations"], done["errored_operations"]) == (1, 0)
    assert mailchimp.lists.get_list_member(mailchimp.audience, gone)["status"] == "archived"


def test_mailchimps_client_reads_errors(mailchimp: Mailchimp) -> None:
    body = {"members": [member("bruno@example.com"), member("no address"), member(ANN)], "update_existing": False}
    answer = mailchimp.lists.batch_list_members(mailchimp.audience, body)
    assert (answer["total_created"], answer["error_count"]) == (1, 2)
    assert answer["errors"][0]["error_code"] == "ERROR_CONTACT_EXISTS"
    with pytest.raises(ApiClientError) as missing:
        mailchimp.lists.get_list_member(mailchimp.audience, "0" * 32)
    assert (missing.value.status_code, json.loads(missing.value.text)["status"]) == (404, 404)
    with pytest.raises(ApiClientError) as refused:
        mailchimp.lists.create_segment(mailchimp.audience, {})
    assert json.loads(refused.value.text)["title"] == "Invalid Resource"


# -- Klaviyo ------------------------------------------------------------------------------------------------------


@pytest.fixture
def klaviyo(rehearsal: Running) -> Klaviyo:
    rehearsal.settings(tiers={"klaviyo": "XL"}, limits=False)
    return Klaviyo(rehearsal.url)


def imported(klaviyo: Klaviyo, *people: dict[str, Any], into: str = "") -> Any:
    rows = [{"type": "profile", "attributes": person} for person in people]
    data: dict[str, Any] = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}
    if into:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": into}]}}
    job = klaviyo.profiles.bulk_import_profiles({"data": data}).data.id
    ask = klaviyo.profiles.get_bulk_import_profiles_job
    return until(lambda: found.data if (found := ask(job)).data.attributes.status == "complete" else None)


def new_list(klaviyo: Klaviyo, name: str) -> str:
    found: str = klaviyo.lists.create_list({"data": {"type": "list", "attributes": {"name": name}}}).data.id
    return found


def test_klaviyos_client_imports_lists_and_pages(klaviyo: Klaviyo) -> None:
    key = new_list(klaviyo, "Made")
    people = [f"p{n}@example.com" for n in range(230)]
    job = imported(klaviyo, *({"email": email, "properties": {"segment_tags": ["vip"]}} for email in people), into=key)
    assert (job.attributes.completed_count, job.attributes.failed_count) == (230, 0)
    assert klaviyo.members()["Made"] == klaviyo.tags()["vip"] == set(people)
    held = klaviyo.people()
    assert {held[email].subscriptions.email.marketing.consent for email in people} == {"NEVER_SUBSCRIBED"}
    ids = [one.id for one in klaviyo.profiles.get_profiles(filter=f'any(email,["{people[0]}","{people[1]}"])').data]
    klaviyo.lists.remove_profiles_from_list(key, {"data": [{"type": "profile", "id": each} for each in ids]})
    assert klaviyo.member_of(key) == set(people[2:])
    klaviyo.lists.add_profiles_to_list(key, {"data": [{"type": "profile", "id": ids[0]}]})
    assert len(klaviyo.member_of(key)) == 229


def test_klaviyos_client_reads_errors(klaviyo: Klaviyo) -> None:
    job = imported(klaviyo, {"email": ANN}, {"email": "bad@nowhere.invalid"})
    assert job.attributes.failed_count == 1
    errors = klaviyo.profiles.get_bulk_profile_import_job_import_errors(job.id).data
    assert errors[0].attributes.original_payload["email"] == "bad@nowhere.invalid"
    with pytest.raises(openapi_client.exceptions.BadRequestException) as refused:
        imported(klaviyo, {"email": ANN}, {"email": "no address"})
    pointer = json.loads(refused.value.body)["errors"][0]["source"]["pointer"]
    assert pointer == "/data/attributes/profiles/data/1/attributes/email"
    with pytest.raises(openapi_client.exceptions.NotFoundException):
        klaviyo.lists.get_list("NOLIST")


def test_klaviyos_client_waits_when_it_is_throttled(klaviyo: Klaviyo, rehearsal: Running) -> None:
    rehearsal.settings(faults="klaviyo:throttle@1")
    assert klaviyo.client.Accounts.get_accounts().data[0].id
    statuses = [one["status"] for one in rehearsal.requests(4) if one["path"] == "/api/accounts"]
    assert sorted(statuses) == [200, 429]


# -- HubSpot ------------------------------------------------------------------------------------------------------


@pytest.fixture
def portal(rehearsal: Running) -> HubSpot:
    return HubSpot(rehearsal.url)


def created(portal: HubSpot, *emails: str) -> Any:
    inputs = [
        contacts.SimplePublicObjectBatchInputForCreate(
            associations=[], properties={"email": email}, object_write_trace_id=str(index)
        )
        for index, email in enumerate(emails)
    ]
    return portal.contacts.batch_api.create(contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs))


def test_hubspots_client_creates_lists_and_pages(portal: HubSpot) -> None:
    people = [f"p{n:03d}@example.com" for n in range(260)]
    ids = [one.id for at in range(0, 260, 100) for one in created(portal, *people[at : at + 100]).results]
    wanted = lists.ListCreateRequest(name="Made", object_type_id="0-1", processing_type="MANUAL")
    key = portal.lists.lists_api.create(wanted).list.list_id
    assert portal.lists.memberships_api.add(key, ids).records_ids_added == ids
    both = lists.MembershipChangeRequest(record_ids_to_add=[], record_ids_to_remove=ids[:2])
    assert portal.lists.memberships_api.add_and_remove(key, both).record_ids_removed == ids[:2]
    assert portal.members()["Made"] == set(people[2:])
    assert portal.lists.lists_api.get_by_name("Made", "0-1").list.list_id == key


def test_hubspots_client_updates_tags_and_searches(portal: HubSpot) -> None:
    option = properties.OptionInput(label="VIP", value="VIP", display_order=0, hidden=False)
    tag = properties.PropertyCreate(
        name="segment_tags",
        label="Tags",
        type="enumeration",
        field_type="checkbox",
        group_name="contactinformation",
        options=[option],
    )
    portal.client.crm.properties.core_api.create("contacts", tag)
    ids = [one.id for one in created(portal, ANN, BEA).results]
    inputs = [contacts.SimplePublicObjectBatchInput(id=each, properties={"segment_tags": ";VIP"}) for each in ids]
    portal.contacts.batch_api.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs))
    assert portal.tags() == {"VIP": {ANN, BEA}}
    search = contacts.PublicObjectSearchRequest(
        filter_groups=[{"filters": [{"propertyName": "segment_tags", "operator": "IN", "values": ["VIP"]}]}],
        sorts=["email"],
        properties=["email"],
        limit=10,
        after="0",
    )
    assert portal.contacts.search_api.do_search(search).total == 2


def test_hubspots_client_reads_errors(portal: HubSpot) -> None:
    created(portal, ANN)
    mixed = created(portal, ANN, BEA)
    assert [one.properties["email"] for one in mixed.results] == [BEA]
    assert (mixed.num_errors, mixed.errors[0].category) == (1, "CONFLICT")
    with pytest.raises(contacts.exceptions.ApiException) as conflict:
        portal.contacts.basic_api.create(contacts.SimplePublicObjectInputForCreate(properties={"email": ANN}))
    assert (conflict.value.status, json.loads(conflict.value.body)["category"]) == (409, "CONFLICT")
    with pytest.raises(lists.exceptions.ApiException) as missing:
        portal.lists.lists_api.get_by_id("999")
    assert missing.value.status == 404


def test_hubspots_client_reads_and_writes_subscriptions(portal: HubSpot) -> None:
    """It calls v3, of which there is no document: here the client is the judge."""
    created(portal, ANN)
    defined = portal.client.communication_preferences.definition_api.get_page().subscription_definitions
    leave = preferences.PublicUpdateSubscriptionStatusRequest(email_address=ANN, subscription_id=defined[0].id)
    status = portal.client.communication_preferences.status_api
    assert status.unsubscribe(leave).status == "NOT_SUBSCRIBED"
    found = {one.id: one.status for one in status.get_email_status(ANN).subscription_statuses}
    assert found[defined[0].id] == "NOT_SUBSCRIBED"


# -- what the connector pushed ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Running]]:
    """The sample, pushed by the command; and the platforms as it left them."""
    desk = pushed_desk(tmp_path_factory.mktemp("witnessed"))
    place = desk.folder / ".connector" / "rehearsal" / "platforms.db"
    with start(place, "--no-limits") as running:
        yield desk, running


def expected(desk: Desk, position: int) -> dict[str, set[str]]:
    """Name of a target (its position in sample.TARGETS) -> addresses, worked out from the files."""
    people = sample.desired(desk.folder / "exports")
    return {names[position]: people[segment] for segment, names in sample.TARGETS.items()}


def test_mailchimps_client_reads_the_tags_that_were_pushed(pushed: tuple[Desk, Running]) -> None:
    desk, running = pushed
    client = Mailchimp(running.url)
    proved = sample.held_with_proof(desk.folder / "exports")
    found = client.tags()
    for tag, people in expected(desk, 0).items():
        assert found[tag] == people & proved


def test_klaviyos_client_reads_the_lists_and_tags_that_were_pushed(pushed: tuple[Desk, Running]) -> None:
    desk, running = pushed
    client = Klaviyo(running.url)
    found, tags = client.members(), client.tags()
    assert {name: found[name] for name in expected(desk, 1)} == expected(desk, 1)
    assert {name: tags[name] for name in expected(desk, 2)} == expected(desk, 2)


def test_hubspots_client_reads_the_lists_and_tags_that_were_pushed(pushed: tuple[Desk, Running]) -> None:
    desk, running = pushed
    client = HubSpot(running.url)
    found, tags = client.members(), client.tags()
    assert {name: found[name] for name in expected(desk, 3)} == expected(desk, 3)
    assert {name: tags[name] for name in expected(desk, 4)} == expected(desk, 4)
