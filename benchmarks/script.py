"""What a careful team writes without the connector: one script per platform, on the vendor's own client and its
batch endpoints. It finds the audience and the tag or list, reads who is there (so that nobody who opted out is
touched), creates the rest and adds everybody. It keeps no ledger, so a second run does all of it again.

Owns: the yardstick of `make bench`. Must not: use the connector.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "Everyone"


def people(export: Path) -> list[dict[str, str]]:
    with export.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def parts(rows: list[Any], size: int) -> Iterator[list[Any]]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def mailchimp(url: str, rows: list[dict[str, str]]) -> None:
    from mailchimp_marketing import Client

    client = Client({"api_key": "rehearsal-us1", "server": "us1"})
    client.api_client.host = f"{url}/3.0"
    audience = client.lists.get_all_lists(count=1000)["lists"][0]["id"]
    tags = client.lists.list_segments(audience, type="static", count=1000)["segments"]
    tag = next((found["id"] for found in tags if found["name"] == NAME), None)
    if tag is None:
        tag = client.lists.create_segment(audience, {"name": NAME, "static_segment": []})["id"]
    held = {}
    for status in (None, "archived", "cleaned"):
        offset = 0
        while True:
            more = {"status": status} if status else {}
            page = client.lists.get_list_members_info(audience, count=1000, offset=offset, **more)["members"]
            held |= {member["email_address"]: member["status"] for member in page}
            offset += 1000
            if len(page) < 1000:
                break
    rows = [row for row in rows if held.get(row["Email"], "subscribed") == "subscribed"]
    for part in parts(rows, 500):
        members = [
            {
                "email_address": row["Email"],
                "status": "subscribed",
                "merge_fields": {"FNAME": row["First name"], "LNAME": row["Last name"]},
            }
            for row in part
        ]
        client.lists.batch_list_members(audience, {"members": members, "update_existing": True})
    for part in parts(rows, 500):
        emails = [row["Email"] for row in part]
        client.lists.batch_segment_members({"members_to_add": emails}, audience, str(tag))


def klaviyo(url: str, rows: list[dict[str, str]]) -> None:
    from klaviyo_api import KlaviyoAPI

    client = KlaviyoAPI("pk_rehearsal", max_delay=60, max_retries=3, test_host=url)
    lists = client.Lists.get_lists().data
    found = next((item.id for item in lists if item.attributes.name == NAME), None)
    if found is None:
        found = client.Lists.create_list({"data": {"type": "list", "attributes": {"name": NAME}}}).data.id
    suppressed = set()
    cursor = None
    while True:
        more = {"page_cursor": cursor} if cursor else {}
        page = client.Profiles.get_profiles(
            additional_fields_profile=["subscriptions"],
            fields_profile=["email", "subscriptions"],
            page_size=100,
            **more,
        )
        page = page if isinstance(page, dict) else page.to_dict()  # sparse answers come as plain dicts
        for profile in page["data"]:
            if profile["attributes"]["subscriptions"]["email"]["marketing"]["suppression"]:
                suppressed.add(profile["attributes"]["email"])
        if not page["links"].get("next"):
            break
        # the client cuts the cursor out of a whole address only when that begins with https
        cursor = page["links"]["next"].split("page%5Bcursor%5D=")[1].split("&")[0]
    rows = [row for row in rows if row["Email"] not in suppressed]
    for part in parts(rows, 10_000):
        profiles = [
            {
                "type": "profile",
                "attributes": {"email": row["Email"], "first_name": row["First name"], "last_name": row["Last name"]},
            }
            for row in part
        ]
        body = {
            "data": {
                "type": "profile-bulk-import-job",
                "attributes": {"profiles": {"data": profiles}},
                "relationships": {"lists": {"data": [{"type": "list", "id": found}]}},
            }
        }
        job = client.Profiles.bulk_import_profiles(body).data.id
        while client.Profiles.get_bulk_import_profiles_job(job).data.attributes.status != "complete":
            time.sleep(0.5)
        client.Profiles.get_errors_for_bulk_import_profiles_job(job)


def hubspot(url: str, rows: list[dict[str, str]]) -> None:
    from hubspot import HubSpot
    from hubspot.crm import contacts, lists
    from urllib3.util.retry import Retry

    # 190 requests in ten seconds are soon sent; without this the client raises at the first 429
    patience = Retry(total=20, status_forcelist=(429,), backoff_factor=0.5, backoff_max=5, allowed_methods=None)
    client = HubSpot(access_token="pat-rehearsal", host=url, retry=patience)
    search = lists.ListSearchRequest(
        query=NAME, count=500, offset=0, additional_properties=[], processing_types=["MANUAL"]
    )
    found = next(
        (item.list_id for item in client.crm.lists.lists_api.do_search(search).lists if item.name == NAME), None
    )
    if found is None:
        request = lists.ListCreateRequest(name=NAME, object_type_id="0-1", processing_type="MANUAL")
        found = client.crm.lists.lists_api.create(request).list.list_id
    held: dict[str, tuple[str, bool]] = {}
    after = None
    while True:
        more = {"after": after} if after else {}
        page = client.crm.contacts.basic_api.get_page(limit=100, properties=["email", "hs_email_optout"], **more)
        for contact in page.results:
            held[contact.properties["email"]] = (contact.id, contact.properties.get("hs_email_optout") == "true")
        if not page.paging:
            break
        after = page.paging.next.after
    ids = [held[row["Email"]][0] for row in rows if row["Email"] in held and not held[row["Email"]][1]]
    values = {row["Email"]: {"firstname": row["First name"], "lastname": row["Last name"]} for row in rows}
    for part in parts([row["Email"] for row in rows if row["Email"] not in held], 100):
        new = [contacts.SimplePublicObjectBatchInputForCreate(properties={"email": e} | values[e]) for e in part]
        body = contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs=new)
        ids += [contact.id for contact in client.crm.contacts.batch_api.create(body).results]
    for part in parts([e for e, (_, out) in held.items() if e in values and not out], 100):
        old = [contacts.SimplePublicObjectBatchInput(id=held[e][0], properties=values[e]) for e in part]
        client.crm.contacts.batch_api.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs=old))
    for part in parts(ids, 10_000):
        client.crm.lists.memberships_api.add(found, part)


PLATFORMS = {"mailchimp": mailchimp, "klaviyo": klaviyo, "hubspot": hubspot}
