"""A field value that is refused blocks no tag, list or removal of that person, neither now nor while it is parked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from connector.app.workspace import open_state
from tests.path.small import Small, document, small
from tests.path.test_gone import tagged

NAMES = ("ann", "bob", "cleo", "dan")
EVERYBODY = {f"{name}@example.com" for name in NAMES}
FIELDS = {"klaviyo": "first_name: name", "hubspot": "lifecyclestage: name", "mailchimp": "FNAME: name"}
REFUSED = {"klaviyo": "x" * 100_001, "hubspot": "nonsense", "mailchimp": "x" * 300}
OUT = "\n  out: {when: {plan: paid, name: {is: nobody}}, send_to: {PLATFORM: {tag: First}}}"
IN = "\n  first: {when: {plan: paid}, send_to: {PLATFORM: {tag: First}}}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


def write(world: Small, platform: str, segments: str, values: Mapping[str, str]) -> None:
    rows = [f"{n},{name}@example.com,{values.get(name, 'lead')},paid,yes,2026-01-05" for n, name in enumerate(NAMES)]
    (world.folder / "people.csv").write_text("\n".join(["Id,Email,Name,Plan,Opt in,Opted in at", *rows]) + "\n")
    text = document(segments.replace("PLATFORM", platform), to=(platform,))
    text = text.replace("firstname: name", FIELDS["hubspot"])
    (world.folder / "segments.yaml").write_text(text)


@pytest.mark.parametrize("platform", ["klaviyo", "hubspot", "mailchimp"])
@pytest.mark.sweep(keep=1)
def test_the_rest_of_the_person_goes_on(world: Small, platform: str) -> None:
    everything = {"to": (platform,), "allow": ("removes", "empty", "adds"), "reason": "a test"}
    write(world, platform, IN, {})
    assert world.push(to=(platform,))[1].exit_code == 0
    bad = {"bob": REFUSED[platform]}
    more = IN + "\n  more: {when: {plan: paid}, send_to: {PLATFORM: {tag: More}}}"
    write(world, platform, more, bad)
    plan, result = world.push(to=(platform,))
    assert {row["email"] for row in plan.changes.to_pylist() if row["op"] == "update"} == {"bob@example.com"} | (
        set() if platform == "mailchimp" else EVERYBODY
    )
    assert result.errors == {} and result.exit_code == 1
    assert result.counts[platform]["update"].pop("rejected") == 1
    assert result.counts[platform]["add"] == {"applied": 4}
    assert tagged(world, platform, "More") == EVERYBODY
    with world.open() as workspace, open_state(workspace) as store:
        (reject,) = store.rejects(platform).to_pylist()
        assert (reject["op"], reject["kind"]) == ("update", None) and reject["code"]
    plan, result = world.push(to=(platform,))
    assert not plan.changes.num_rows
    write(world, platform, OUT + more.replace(IN, "") + IN.replace("first", "third").replace("First", "Third"), bad)
    plan, result = world.push(**everything)  # the value is parked, and still nothing else waits
    assert (result.exit_code, result.errors) == (0, {})
    assert (tagged(world, platform, "First"), tagged(world, platform, "Third")) == (set(), EVERYBODY)
    write(world, platform, OUT + more.replace(IN, ""), {"bob": "customer"})
    plan, result = world.push(**everything)
    assert "bob@example.com" in {row["email"] for row in plan.changes.to_pylist() if row["fields"]}
    assert result.exit_code == 0


@pytest.mark.parametrize("platform", ["klaviyo", "hubspot", "mailchimp"])
@pytest.mark.sweep(keep=1)
def test_who_is_new_is_created_without_the_value(world: Small, platform: str) -> None:
    """With one refused value nobody is left out: the person, tags and lists come, and the value is parked."""
    lists = "\n  all: {when: {plan: paid}, send_to: {PLATFORM: {list: All}}}"
    more = "" if platform == "mailchimp" else lists
    write(world, platform, IN + more, {"bob": REFUSED[platform]})
    _, result = world.push(to=(platform,))
    assert (result.exit_code, result.errors) == (1, {})
    assert tagged(world, platform, "First") == EVERYBODY
    if more:
        assert tagged(world, platform, "All") == EVERYBODY
    with world.open() as workspace, open_state(workspace) as store:
        (reject,) = store.rejects(platform).to_pylist()
        assert (reject["email"], reject["op"], reject["kind"]) == ("bob@example.com", "update", None) and reject["code"]
    plan, _ = world.push(to=(platform,))
    assert not plan.changes.num_rows
    write(world, platform, IN + more, {"bob": "customer"})
    plan, result = world.push(to=(platform,))
    assert [row["op"] for row in plan.changes.to_pylist()] == ["update"] and result.exit_code == 0
