"""A value that a platform refuses, drops or does not change concerns that field alone: the others are set, it is told
per person with field and value, and not sent again before the row changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.app.workspace import open_state
from connector.report.upkeep import rejects_text
from tests.path.platforms import HUBSPOT, KLAVIYO
from tests.path.small import Small, document, small
from tests.path.test_gone import tagged

TAG = "\n  first: {when: {plan: paid}, send_to: {PLATFORM: {tag: First}}}"
EMAILS = [f"{name}@example.com" for name in ("ann", "bob", "cleo")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--polls", "0") as made:
        yield made


def write(world: Small, platform: str, fields: str, *rows: str, segments: str = TAG) -> None:
    """Rows: name, then stage, for EMAILS in order."""
    lines = [f"{n},{email},{row},paid,yes,2026-01-05" for n, (email, row) in enumerate(zip(EMAILS, rows, strict=False))]
    (world.folder / "people.csv").write_text("\n".join(["Id,Email,Name,Stage,Plan,Opt in,Opted in at", *lines]) + "\n")
    text = document(segments.replace("PLATFORM", platform), to=(platform,))
    old = "firstname: name" if platform == "hubspot" else "first_name: name"
    (world.folder / "segments.yaml").write_text(text.replace(old, fields))


def rejects(world: Small, platform: str) -> list[dict[str, Any]]:
    with world.open() as workspace, open_state(workspace) as store:
        found = {platform: store.rejects(platform)}
    return [*found[platform].to_pylist(), {"text": rejects_text(found, verbose=True)}]


def hubspot(world: Small, email: str) -> dict[str, Any]:
    path = f"/crm/v3/objects/contacts/{email}?idProperty=email&properties=firstname,lifecyclestage"
    found: dict[str, Any] = world._send("GET", path, HUBSPOT)["properties"]
    return found


@pytest.mark.parametrize("tags", [True, False], ids=["tags ride", "fields alone"])
@pytest.mark.sweep(keep=1)
def test_a_stage_that_hubspot_keeps_is_told_and_left_alone(world: Small, tags: bool) -> None:
    both = "firstname: name, lifecyclestage: stage"
    more = TAG + TAG.replace("first", "second").replace("First", "Second") if tags else TAG
    write(world, "hubspot", both, "Ann,customer", "Bob,customer", "Cleo,lead")
    assert world.push(to=("hubspot",))[1].exit_code == 0
    write(world, "hubspot", both, "Ann,customer", "Robert,lead", "Cleo,customer", segments=more)
    _, result = world.push(to=("hubspot",))
    assert (result.exit_code, result.errors) == (1, {})
    assert result.counts["hubspot"]["update"]["rejected"] == 1
    assert hubspot(world, "bob@example.com")["firstname"] == "Robert"
    if tags:
        assert tagged(world, "hubspot", "Second") == set(EMAILS)
    told, text = rejects(world, "hubspot")
    assert (told["email"], told["op"], told["code"]) == ("bob@example.com", "update", "value_kept")
    assert "lifecyclestage: “lead” was sent. HubSpot has “customer”." in text["text"]
    assert not world.push(to=("hubspot",))[0].changes.num_rows
    write(world, "hubspot", both, "Ann,customer", "Bob,customer", "Cleo,customer", segments=more)
    plan, result = world.push(to=("hubspot",))
    assert result.exit_code == 0 and [row["email"] for row in plan.changes.to_pylist()] == ["bob@example.com"]
    assert rejects(world, "hubspot")[:-1] == []


def test_only_the_refused_field_is_left_out(world: Small) -> None:
    both = "firstname: name, lifecyclestage: stage"
    write(world, "hubspot", both, "Ann,lead", "Bob,nonsense")
    _, result = world.push(to=("hubspot",))
    assert (result.exit_code, result.errors) == (1, {})
    assert hubspot(world, "bob@example.com")["firstname"] == "Bob"
    write(world, "hubspot", both, "Anna,silly", "Bob,nonsense")
    _, result = world.push(to=("hubspot",))
    assert result.exit_code == 1
    found = hubspot(world, "ann@example.com")
    assert (found["firstname"], found["lifecyclestage"]) == ("Anna", "lead")
    *rows, text = rejects(world, "hubspot")
    assert {row["email"]: row["op"] for row in rows} == dict.fromkeys(EMAILS[:2], "update")
    assert "lifecyclestage: “silly” is not taken." in text["text"] and "firstname" not in text["text"]
    assert not world.push(to=("hubspot",))[0].changes.num_rows


@pytest.mark.long
def test_a_phone_number_that_is_none_is_not_sent_to_klaviyo(world: Small) -> None:
    """It drops such a number without a word, and takes two people with one number for one profile."""
    both = "first_name: name, phone_number: stage"
    write(world, "klaviyo", both, "Ann,+493012345678", "Bob,030 1234567", "Cleo,+493012345678")
    plan, result = world.push(to=("klaviyo",))
    (told,) = [note for note in plan.notes if "phone numbers" in note]  # before it is sent
    assert "(phone_number, column stage)" in told and "1 not as E.164" in told and "1 that another person has" in told
    assert (result.exit_code, result.errors) == (1, {})
    assert tagged(world, "klaviyo", "First") == set(EMAILS)
    profiles = [one["attributes"] for one in world._send("GET", "/api/profiles?page[size]=100", KLAVIYO)["data"]]
    assert {one["email"]: (one["first_name"], one["phone_number"]) for one in profiles} == {
        EMAILS[0]: ("Ann", "+493012345678"), EMAILS[1]: ("Bob", None), EMAILS[2]: ("Cleo", None)
    }  # fmt: skip
    *rows, text = rejects(world, "klaviyo")
    assert {row["email"]: row["code"] for row in rows} == {
        EMAILS[1]: "invalid_phone_number", EMAILS[2]: "duplicate_phone_number"
    }  # fmt: skip
    assert "phone_number: “030 1234567” is not taken. Klaviyo takes E.164" in text["text"]
    assert not world.push(to=("klaviyo",))[0].changes.num_rows
    write(world, "klaviyo", both, "Ann,+493012345678", "Bob,+493012345678", "Cleo,+493012345679")
    _, result = world.push(to=("klaviyo",))  # now only Klaviyo knows that the number is Ann's
    assert (result.exit_code, result.errors) == (1, {})
    assert {row["email"]: row["code"] for row in rejects(world, "klaviyo")[:-1]} == {
        EMAILS[1]: "duplicate_phone_number"
    }
