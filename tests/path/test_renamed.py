"""Names that were changed in the vendor's UI: a target is its id, and its name is a label."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.app import upkeep
from connector.app.workspace import open_state
from connector.core.errors import Refused
from connector.reconcile.drift import Drift
from connector.report.upkeep import drift_text
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP
from tests.path.small import Small, small
from tests.path.test_gone import PEOPLE, hubspot_id, tagged

TAG = "\n  readers: {when: {name: {is: NAMES}}, send_to: {PLATFORM: {KIND: Readers}}}"
OTHER = "\n  others: {when: {name: {exists: true}}, send_to: {PLATFORM: {tag: Others}}}"
CASES = [("mailchimp", "tag"), ("klaviyo", "list"), ("hubspot", "list"), ("hubspot", "tag")]
PROPERTY = "/crm/v3/properties/contacts/segment_tags"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


def write(world: Small, platform: str, kind: str, names: str, name: str = "Readers") -> None:
    text = TAG.replace("NAMES", names).replace("PLATFORM", platform).replace("KIND", kind).replace("Readers", name)
    world.write(PEOPLE, text.replace("is: [", "in: ["))


def rename(world: Small, platform: str, kind: str, old: str, new: str) -> None:
    """As anybody may in the vendor's pages."""
    send = world._send
    if platform == "mailchimp":
        path = f"{world.audience()}/segments"
        tags = send("GET", f"{path}?type=static&count=1000", MAILCHIMP)["segments"]
        number = next(tag["id"] for tag in tags if tag["name"] == old)
        send("PATCH", f"{path}/{number}", MAILCHIMP, {"name": new})
    elif platform == "klaviyo":
        lists = send("GET", "/api/lists", KLAVIYO)["data"]
        number = next(one["id"] for one in lists if one["attributes"]["name"] == old)
        body = {"data": {"type": "list", "id": number, "attributes": {"name": new}}}
        send("PATCH", f"/api/lists/{number}", KLAVIYO, body)
    elif kind == "list":
        lists = send("POST", "/crm/v3/lists/search", HUBSPOT, {"count": 500})["lists"]
        number = next(one["listId"] for one in lists if one["name"] == old)
        send("PUT", f"/crm/v3/lists/{number}/update-list-name?listName={new}", HUBSPOT)
    else:
        options = send("GET", PROPERTY, HUBSPOT)["options"]
        changed = [one | {"label": new if one["label"] == old else one["label"]} for one in options]
        send("PATCH", PROPERTY, HUBSPOT, {"options": changed})


def make(world: Small, platform: str, kind: str, name: str) -> None:
    """A target of this name that is not ours. A HubSpot option has another value than its label."""
    send = world._send
    if platform == "mailchimp":
        send("POST", f"{world.audience()}/segments", MAILCHIMP, {"name": name, "static_segment": []})
    elif platform == "klaviyo":
        send("POST", "/api/lists", KLAVIYO, {"data": {"type": "list", "attributes": {"name": name}}})
    elif kind == "list":
        body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
        send("POST", "/crm/v3/lists", HUBSPOT, body)
    else:
        option = {"label": name, "value": f"value_of_{name}".lower(), "displayOrder": -1, "hidden": False}
        found = requests.get(world.running.url + PROPERTY, headers=HUBSPOT, timeout=300)
        if found.ok:
            send("PATCH", PROPERTY, HUBSPOT, {"options": [*found.json()["options"], option]})
        else:
            place = {"type": "enumeration", "fieldType": "checkbox", "groupName": "contactinformation"}
            body = {"name": "segment_tags", "label": "Segment tags", **place, "options": [option]}
            send("POST", "/crm/v3/properties/contacts", HUBSPOT, body)


def members(world: Small, platform: str, kind: str, *names: str) -> set[str]:
    """Who is in the target, whatever it is called now; a HubSpot tag is looked at by its internal value."""
    return {one.partition("@")[0] for name in names for one in tagged(world, platform, name)}


def drift(world: Small, platform: str) -> Drift:
    with world.open(to=(platform,)) as workspace, open_state(workspace) as store:
        (found,) = upkeep.drift(workspace, store)
    assert found.members == found.ours - len(found.removed) - found.hidden + len(found.added) + found.strangers
    return found


def readdress(world: Small, platform: str, old: str, new: str) -> None:
    if platform == "mailchimp":
        world._send("PATCH", f"{world.audience()}/members/{old}", MAILCHIMP, {"email_address": new})
    elif platform == "hubspot":
        path = f"/crm/v3/objects/contacts/{hubspot_id(world, old)}"
        world._send("PATCH", path, HUBSPOT, {"properties": {"email": new}})
    else:
        path = f'/api/profiles?filter=equals(email,"{old}")'
        number = world._send("GET", path, KLAVIYO)["data"][0]["id"]
        body = {"data": {"type": "profile", "id": number, "attributes": {"email": new}}}
        world._send("PATCH", f"/api/profiles/{number}", KLAVIYO, body)


OPTIONS: dict[str, Any] = {"allow": ("removes", "empty", "adds"), "reason": "a test"}


@pytest.mark.parametrize("taken", [False, True], ids=["renamed", "and its old name is another's"])
@pytest.mark.parametrize("names", ["[Bob, Cleo]", "[Bob]"], ids=["both", "removals alone"])
@pytest.mark.parametrize(("platform", "kind"), CASES)
@pytest.mark.sweep(keep=1)
def test_a_renamed_target_is_still_ours(world: Small, platform: str, kind: str, names: str, taken: bool) -> None:
    write(world, platform, kind, "[Ann, Bob]")
    assert world.push(to=(platform,))[1].exit_code == 0
    rename(world, platform, kind, "Readers", "Leser")
    if taken:
        make(world, platform, kind, "Readers")
    write(world, platform, kind, names)
    _, result = world.push(to=(platform,), **OPTIONS)
    assert (result.exit_code, result.errors) == (0, {})
    now = "Readers" if (platform, kind) == ("hubspot", "tag") else "Leser"
    assert members(world, platform, kind, now) == {name.strip("[] ").lower() for name in names.split(",")}
    plan, result = world.push(to=(platform,), **OPTIONS)
    assert not plan.changes.num_rows and result.exit_code == 0


@pytest.mark.parametrize("made", ["Readers", "READERS"])
@pytest.mark.parametrize(("platform", "kind"), CASES)
@pytest.mark.sweep(keep=1)
def test_a_target_that_was_there_before(world: Small, platform: str, kind: str, made: str) -> None:
    """Of the same name, or one that differs by case; then it is renamed."""
    make(world, platform, kind, made)
    write(world, platform, kind, "[Ann, Bob]")
    _, result = world.push(to=(platform,))
    assert (result.exit_code, result.errors) == (0, {})
    plan, _ = world.push(to=(platform,))
    assert not plan.changes.num_rows
    other = platform != "hubspot" and made != "Readers"  # names that differ by case are two there
    rename(world, platform, kind, "Readers" if other else made, "Leser")
    write(world, platform, kind, "[Bob, Cleo]")
    _, result = world.push(to=(platform,), **OPTIONS)
    assert (result.exit_code, result.errors) == (0, {})
    now = f"value_of_{made}".lower() if (platform, kind) == ("hubspot", "tag") else "Leser"
    assert members(world, platform, kind, now) == {"bob", "cleo"}


@pytest.mark.parametrize(("platform", "kind"), CASES)
@pytest.mark.sweep(keep=1)
def test_drift_says_what_it_is_called_now_and_its_sums_close(world: Small, platform: str, kind: str) -> None:
    write(world, platform, kind, "[Ann, Bob, Cleo]")
    assert world.push(to=(platform,))[1].exit_code == 0
    world.plan(to=(platform,))  # reads the ids that a create does not tell
    assert not drift(world, platform)
    rename(world, platform, kind, "Readers", "Leser")
    readdress(world, platform, PEOPLE["ann"], "anna@example.com")
    found = drift(world, platform)
    assert (found.renamed, found.gone, found.ours, found.members) == ("Leser", False, 3, 3)
    assert (found.added, found.removed, found.strangers) == ((), (), 0)
    assert "renamed to “Leser”" in drift_text([found], verbose=False)
    if platform == "mailchimp":
        world._send("DELETE", f"{world.audience()}/members/{PEOPLE['bob']}", MAILCHIMP)
        world.plan(to=(platform,))
        found = drift(world, platform)
        assert (found.ours, found.members, found.hidden, found.removed) == (3, 2, 1, ())
        assert "1 of ours archived" in drift_text([found], verbose=False)


@pytest.mark.parametrize(("platform", "kind"), CASES)
@pytest.mark.sweep(keep=1)
def test_two_names_of_one_target_are_refused(world: Small, platform: str, kind: str) -> None:
    """The file has the old name and the new one: each segment would take away those that the other adds."""
    write(world, platform, kind, "[Ann, Bob]")
    assert world.push(to=(platform,))[1].exit_code == 0
    rename(world, platform, kind, "Readers", "Leser")
    both = TAG + TAG.replace("readers", "leser").replace("Readers", "Leser").replace("NAMES", "[Cleo, Dan]")
    text = both.replace("NAMES", "[Ann, Bob]").replace("PLATFORM", platform).replace("KIND", kind)
    world.write(PEOPLE, text.replace("is: [", "in: ["))
    before = world.running.writes()
    with pytest.raises(Refused, match=r"“Readers” and .* “Leser” are one and the same there"):
        world.push(to=(platform,))
    assert world.running.writes() == before
    other = next(name for name in ("klaviyo", "hubspot") if name != platform)
    world.write(PEOPLE, text.replace("is: [", "in: [") + OTHER.replace("PLATFORM", other))
    plan, result = world.push()  # concerns this destination alone
    assert list(plan.unread) == [platform] and result.exit_code == 4
    assert {row["destination"] for row in plan.changes.to_pylist()} == {other}


@pytest.mark.parametrize(("platform", "kind"), CASES)
@pytest.mark.sweep(keep=1)
def test_adopting_finds_what_is_ours_under_another_name(world: Small, platform: str, kind: str) -> None:
    write(world, platform, kind, "[Ann, Bob]")
    assert world.push(to=(platform,))[1].exit_code == 0
    world.plan(to=(platform,))
    rename(world, platform, kind, "Readers", "Leser")
    with world.open(to=(platform,), allow=("empty",), reason="a test") as workspace, open_state(workspace) as store:
        plan = upkeep.adopt(workspace, store, former=True)
    assert not plan.changes.num_rows and not [note for note in plan.notes if "gone" in note or "deleted" in note]
