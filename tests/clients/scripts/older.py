"""Python clients of which people still run an older version, or that the vendor did not write.

Owns: `older.py NAME`, what each one saw, as lines like those of steps.cjs. Must not: import anything of this
repository; it runs in the environment of that client.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

URL = os.environ["REHEARSAL_URL"]
NEW = [f"n{number}@example.com" for number in range(120)]
Steps = Iterator[tuple[str, Callable[[], Any]]]


def mailchimp3() -> Steps:
    from mailchimp3 import MailChimp  # type: ignore[import-not-found]

    client = MailChimp(mc_api=os.environ["MAILCHIMP_KEY"], mc_user="anybody")
    client.base_url = f"{URL}/3.0/"
    (audience,) = (one["id"] for one in client.lists.all()["lists"])
    members, changed = client.lists.members, hashlib.md5(b"p0000@example.com", usedforsecurity=False).hexdigest()
    rows = [{"email_address": email, "status": "subscribed"} for email in NEW]
    yield "ping", lambda: client.ping.get()["health_status"]
    yield (
        "everybody",
        lambda: {one["email_address"]: one["status"] for one in members.all(audience, get_all=True)["members"]},
    )
    yield "created", lambda: client.lists.update_members(audience, {"members": rows})["total_created"]
    yield "updated", lambda: members.update(audience, changed, {"merge_fields": {"FNAME": "Older"}})["full_name"]
    yield (
        "searched",
        lambda: [one["email_address"] for one in client.search_members.get(query="a_b")["full_search"]["members"]],
    )


def klaviyo() -> Steps:
    from klaviyo_api import KlaviyoAPI  # type: ignore[import-untyped]

    client = KlaviyoAPI("pk_rehearsal", max_retries=2, max_delay=3, test_host=URL)

    def everybody() -> list[str]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = client.Profiles.get_profiles(page_size=100, **cursor)
            found += [one.attributes.email for one in page.data]
            if not page.links.next:
                return found
            cursor = {"page_cursor": page.links.next.split("page%5Bcursor%5D=")[1].split("&")[0]}

    def created() -> int:
        rows = [{"type": "profile", "attributes": {"email": email}} for email in NEW]
        body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": rows}}}}
        job = client.Profiles.bulk_import_profiles(body).data.id
        while (found := client.Profiles.get_bulk_import_profiles_job(job).data.attributes).status != "complete":
            pass
        return int(found.completed_count)

    yield "account", lambda: client.Accounts.get_accounts().data[0].id
    yield "everybody", everybody
    yield "created", created


def hubspot() -> Steps:
    import hubspot  # type: ignore[import-untyped]
    from hubspot.crm import contacts  # type: ignore[import-untyped]

    def api(package: Any, name: str, config: dict[str, Any]) -> Any:
        configuration = package.Configuration(host=URL)
        configuration.access_token = config["access_token"]
        return getattr(package, name)(api_client=package.ApiClient(configuration=configuration))

    client = hubspot.HubSpot(access_token="pat-rehearsal", api_factory=api)
    inputs = [{"properties": {"email": email}, "associations": []} for email in NEW]

    def created() -> int:
        batches = [inputs[start : start + 100] for start in range(0, len(inputs), 100)]
        wanted = contacts.BatchInputSimplePublicObjectInputForCreate
        return sum(len(client.crm.contacts.batch_api.create(wanted(inputs=rows)).results) for rows in batches)

    yield "everybody", lambda: [one.properties["email"] for one in client.crm.contacts.get_all(properties=["email"])]
    yield "created", created


for step, run in {"mailchimp3": mailchimp3, "klaviyo": klaviyo, "hubspot": hubspot}[sys.argv[1]]():
    try:
        line = {"step": step, "value": run()}
    except Exception as error:  # noqa: BLE001  the next step is tried, too
        line = {"step": step, "error": f"{type(error).__name__}: {error}"[:500]}
    sys.stdout.write(json.dumps(line) + "\n")
