"""Singer taps of HubSpot and Klaviyo, whose hosts are fixed in their code.

Owns: what they discover and bring, compared with what the rehearsal holds. Must not: import a tap.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.clients import people
from tests.clients.desk import SCRIPTS, Client, Desk
from tests.clients.report import Failed
from tests.path import platforms
from tests.path.platforms import HUBSPOT, KLAVIYO

NOW = {"revision": "2026-07-15"}
SUPPRESSED, LEFT = people.PEOPLE[10:160], people.PEOPLE[200:245]  # by hand, and by themselves
Records = dict[str, list[dict[str, Any]]]


class Tap:
    """One tap with its config; whatever it waits for between two tries is left out."""

    def __init__(self, desk: Desk, **config: str) -> None:
        self._desk = desk
        self._programs = desk.programs()
        config |= {"start_date": "2026-01-01T00:00:00Z"}
        (desk.work / "config.json").write_text(json.dumps(config))

    def run(self, *options: str, **env: str) -> str:
        command = [str(self._programs / self._desk.client.name), "--config", "config.json", *options]
        return self._desk.redirected(command, REHEARSAL_HURRY="1", **env)

    def python(self, script: str) -> str:
        return self._desk.redirected([str(self._programs / "python"), str(SCRIPTS / script)])

    def sync(self, option: str, catalog: dict[str, Any], streams: Collection[str], **env: str) -> Records:
        """Stream -> records."""
        for stream in catalog["streams"]:
            (own,) = (one for one in stream["metadata"] if not one["breadcrumb"])
            own["metadata"]["selected"] = stream["stream"] in streams
        (self._desk.work / "catalog.json").write_text(json.dumps(catalog))
        found: Records = {}
        for line in self.run(option, "catalog.json", **env).splitlines():
            message = json.loads(line)
            if message["type"] == "RECORD":
                found.setdefault(message["stream"], []).append(message["record"])
        return found


def absent(desk: Desk, what: str, path: str, tap: Tap, *options: str, **env: str) -> None:
    """The tap asks for `path`, which answers 501, and ends there. Not every tap tells of the status."""
    try:
        tap.run(*options, **env)
    except Failed:
        answer = requests.get(desk.running.url + path, headers=KLAVIYO, timeout=300)
        if answer.status_code == 501:
            desk.report.missing(what, f"{path.partition('?')[0]} answers 501, and the tap ends")
        else:
            desk.report.fails(what, f"the tap ends, and {path} answers {answer.status_code}")
    else:
        desk.report.fails(what, "not in the rehearsal, and the tap did not notice")


def hubspot(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_hubspot(running)
    more = {f"List {number}" for number in range(260)}  # more than a page of lists
    for name in more:
        body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
        people.send(running, HUBSPOT, "POST", "/crm/v3/lists", body)
    tap = Tap(desk, api_key="pat-rehearsal")
    catalog = json.loads(tap.python("tap_hubspot_catalog.py"))
    found = tap.sync("--properties", catalog, ("contacts", "contact_lists", "list_memberships"))
    held = platforms.hubspot_properties(running.url, "firstname", "hs_object_id")
    names = {email: one["firstname"] for email, one in held.items()}
    readers = {held[email]["hs_object_id"] for email in people.READERS}
    email, first = "property_email", "property_firstname"
    same("discovers the fields of contacts", lambda: email in catalog["streams"][0]["schema"]["properties"])
    same(
        f"brings all {len(names)} contacts, with their names",
        lambda: {one[email]: one[first] for one in found["contacts"]},
        names,
    )
    same("brings each once", lambda: len(found["contacts"]), len(names))
    same("brings all 261 lists", lambda: {one["name"] for one in found["contact_lists"]}, more | {"Readers"})
    same("brings the members of the lists", lambda: {one["recordId"] for one in found["list_memberships"]}, readers)
    deals = "/properties/v1/deals/properties"
    absent(desk, "its whole discovery, with deals, companies and tickets", deals, tap, "--discover")


def klaviyo(desk: Desk) -> None:
    running, same = desk.running, desk.report.same
    people.fill_klaviyo(running)
    _suppress(desk)
    now = datetime.now(UTC).replace(microsecond=0)
    moments = [now - timedelta(hours=hour) for hour in range(450)]
    running.engage(klaviyo=[{"email": people.PEOPLE[0], "did": "open", "at": at.isoformat()} for at in moments])
    tap = Tap(desk, api_key="pk_rehearsal")
    _retired(desk, tap)
    raised = {"REHEARSAL_REVISION": NOW["revision"]}
    catalog = json.loads(tap.run("--discover", **raised))
    found = tap.sync("--catalog", catalog, ("open", "global_exclusions", "lists"), **raised)
    same(
        "with a revision of today: discovers streams, of metrics too",
        lambda: {"open", "click", "lists"} <= {one["stream"] for one in catalog["streams"]},
    )
    same(
        f"brings {len(moments)} events since a timestamp",
        lambda: {one["timestamp"] for one in found["open"]},
        {int(at.timestamp()) for at in moments},
    )
    same(
        "brings their profiles and metrics",
        lambda: {(one["profile"][0]["email"], one["metric"][0]["name"]) for one in found["open"]},
        {(people.PEOPLE[0], "Opened Email")},
    )
    same(
        f"brings all {len(SUPPRESSED) + len(LEFT)} who are suppressed",
        lambda: {one["email"] for one in found["global_exclusions"]},
        {*SUPPRESSED, *LEFT},
    )
    lists = [one["name"] for one in found["lists"]]
    same("brings the lists, with their tags, of which there are none", lambda: lists, ["Readers"])
    _select(desk, catalog, "campaigns")
    what, path = "stream campaigns, with `include` of tags and messages", "/api/campaigns?include=tags"
    absent(desk, what, path, tap, "--catalog", "catalog.json", **raised)


def _suppress(desk: Desk) -> None:
    kinds = {"profile-suppression-bulk-create-job": SUPPRESSED, "profile-subscription-bulk-delete-job": LEFT}
    for kind, emails in kinds.items():
        for start in range(0, len(emails), 100):
            rows = [{"type": "profile", "attributes": {"email": email}} for email in emails[start : start + 100]]
            body = {"data": {"type": kind, "attributes": {"profiles": {"data": rows}}}}
            people.send(desk.running, KLAVIYO, "POST", f"/api/{kind}s", body)


def _retired(desk: Desk, tap: Tap) -> None:
    """The newest version asks for a revision that Klaviyo's own rules have retired."""
    try:
        tap.run("--discover")
    except Failed as failed:
        known = "410" in str(failed)
        desk.report.same("as it is: revision 2024-10-15 is refused with 410, it was retired", lambda: known)
    else:
        desk.report.fails("as it is", "a retired revision was accepted")


def _select(desk: Desk, catalog: dict[str, Any], wanted: str) -> None:
    for stream in catalog["streams"]:
        (own,) = (one for one in stream["metadata"] if not one["breadcrumb"])
        own["metadata"]["selected"] = stream["stream"] == wanted
    (desk.work / "catalog.json").write_text(json.dumps(catalog))


CLIENTS = (
    Client("tap-hubspot", "pip", "tap-hubspot", "4.5.0", hubspot),
    Client("tap-klaviyo", "pip", "tap-klaviyo", "1.1.5", klaviyo),
)
