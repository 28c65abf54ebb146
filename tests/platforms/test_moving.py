"""Pages that are cut by offset move while they are read: who is changed meanwhile goes to the end, and the others move
up."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.app.workspace import Options, adapter, open_workspace
from connector.core.model import Kind
from connector.platforms.base import Adapter
from tests.path.platforms import HUBSPOT, MAILCHIMP
from tests.path.small import Small, small
from tests.path.test_brevo import World
from tests.path.test_brevo import world as _brevo

PEOPLE = 2500
EVERYBODY = {f"person{number}@example.com" for number in range(PEOPLE)}


brevo = _brevo  # the fixture


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        made.write({"ann": "ann@example.com"})
        yield made


@pytest.fixture
def mailchimp(world: Small) -> Iterator[Adapter]:
    with open_workspace(Options(file=world.folder / "segments.yaml", rehearse=True), threading.Event()) as workspace:
        yield adapter(workspace, workspace.config.destinations["mailchimp"])


def write(world: Small, numbers: range, **more: Any) -> None:
    members = [{"email_address": f"person{number}@example.com", "status": "subscribed", **more} for number in numbers]
    for start in range(0, len(members), 500):
        body = {"members": members[start : start + 500], "update_existing": True}
        world._send("POST", world.audience(), MAILCHIMP, body)


@pytest.fixture
def hubspot(world: Small) -> Iterator[Adapter]:
    with open_workspace(Options(file=world.folder / "segments.yaml", rehearse=True), threading.Event()) as workspace:
        yield adapter(workspace, workspace.config.destinations["hubspot"])


@pytest.mark.parametrize("seconds", ["one millisecond", "several"])
@pytest.mark.sweep(keep=1)
def test_nobody_is_lost_in_a_search(world: Small, hubspot: Adapter, seconds: str) -> None:
    people, ids = [f"person{number}@example.com" for number in range(700)], []
    for start in range(0, 700, 100):
        inputs = [{"properties": {"email": email}} for email in people[start : start + 100]]
        path = "/crm/v3/objects/contacts/batch/create"
        ids += [one["id"] for one in world._send("POST", path, HUBSPOT, {"inputs": inputs})["results"]]
    if seconds != "several":
        with sqlite3.connect(world.folder / ".connector/rehearsal/platforms.db") as db:
            db.execute("UPDATE hs_contact SET modified = (SELECT max(modified) FROM hs_contact)")
    tables = hubspot.statuses(datetime.now(UTC) - timedelta(hours=1))
    found = set(next(tables)["email"].to_pylist())
    inputs = [{"id": key, "properties": {"firstname": "New"}} for key in ids[:100]]
    world._send("POST", "/crm/v3/objects/contacts/batch/update", HUBSPOT, {"inputs": inputs})
    found |= {email for table in tables for email in table["email"].to_pylist()}
    assert found == set(people)


@pytest.mark.parametrize(("seconds", "changed"), [("one second", 1200), ("three seconds", 300)])
def test_nobody_is_lost(world: Small, mailchimp: Adapter, seconds: str, changed: int) -> None:
    for start in range(0, PEOPLE, 900):
        if seconds != "one second":
            world.running.settings(clock_ahead_s=start / 10)
        write(world, range(start, min(start + 900, PEOPLE)))
    world.running.settings(clock_ahead_s=600)
    tables = mailchimp.statuses(None)
    found = set(next(tables)["email"].to_pylist())
    write(world, range(changed), merge_fields={"FNAME": "New"})
    found |= {email for table in tables for email in table["email"].to_pylist()}
    assert found == EVERYBODY


def test_nobody_is_lost_in_a_tag_that_becomes_smaller(world: Small, mailchimp: Adapter) -> None:
    write(world, range(PEOPLE))
    tags, people = f"{world.audience()}/segments", sorted(EVERYBODY)
    tag = world._send("POST", tags, MAILCHIMP, {"name": "Readers", "static_segment": []})["id"]
    for start in range(0, PEOPLE, 500):
        world._send("POST", f"{tags}/{tag}", MAILCHIMP, {"members_to_add": people[start : start + 500]})
    tables = mailchimp.members(Kind.TAG, str(tag))
    found = set(next(tables)["email"].to_pylist())
    gone = [f"person{number}@example.com" for number in range(300)]
    world._send("POST", f"{tags}/{tag}", MAILCHIMP, {"members_to_remove": gone})
    found |= {email for table in tables for email in table["email"].to_pylist()}
    assert found >= EVERYBODY - set(gone)


def test_nobody_is_lost_in_a_list_of_brevo_that_becomes_smaller(brevo: World) -> None:
    brevo.write({"ann": "ann@example.com"})
    folder = brevo.call("POST", "contacts/folders", {"name": "Folder"})["id"]
    key = brevo.call("POST", "contacts/lists", {"name": "Readers", "folderId": folder})["id"]
    people = [f"person{number}@example.com" for number in range(1200)]
    body = {"jsonBody": [{"email": email} for email in people], "listIds": [key]}
    job = brevo.call("POST", "contacts/import", body)["processId"]
    while brevo.call("GET", f"processes/{job}")["status"] != "completed":
        pass
    with brevo.opened() as workspace:
        tables = adapter(workspace, workspace.config.destinations["brevo"]).members(Kind.LIST, str(key))
        found = set(next(tables)["email"].to_pylist())
        for start in range(0, 300, 150):
            brevo.call("POST", f"contacts/lists/{key}/contacts/remove", {"emails": people[start : start + 150]})
        found |= {email for table in tables for email in table["email"].to_pylist()}
    assert found >= set(people[300:])


def test_no_open_is_lost(world: Small, hubspot: Adapter) -> None:
    people = [f"person{number}@example.com" for number in range(600)]
    inputs = [{"properties": {"email": email}} for email in people]
    for start in range(0, 600, 100):
        path = "/crm/v3/objects/contacts/batch/create"
        world._send("POST", path, HUBSPOT, {"inputs": inputs[start : start + 100]})
    at = datetime.now(UTC).isoformat()
    happened = [{"email": email, "did": kind, "at": at} for email in people for kind in ("send", "open")]
    world.running.engage(hubspot=happened)
    since = datetime.now(UTC) - timedelta(hours=2)
    tables = hubspot.engagement(since, datetime.now(UTC) + timedelta(hours=1))
    found = set(next(tables)["email"].to_pylist())
    world.running.engage(hubspot=[{"email": email, "did": "open", "at": at} for email in people[:150]])
    found |= {email for table in tables for email in table["email"].to_pylist()}
    assert found == set(people)
