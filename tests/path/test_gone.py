"""Contacts that a platform no longer holds: nothing but a CREATE brings anybody back, and nobody else has to wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing, upkeep
from connector.app.workspace import open_state
from connector.core.plan import Plan
from connector.push.run import RunResult
from tests.path import platforms
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP
from tests.path.small import PLATFORMS, Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo", "dan")}
BOB = "bob@example.com"
TAGS = "\n  readers: {when: {plan: paid}, send_to: {PLATFORM: {tag: Readers}}}"
LISTS = "\n  readers: {when: {plan: paid}, send_to: {PLATFORM: {list: Readers}}}"
BOTH = "\n  readers: {when: {plan: paid}, send_to: {PLATFORM: {list: Readers, tag: Reader}}}"
MORE = "\n  more: {when: {plan: paid}, send_to: {PLATFORM: {KIND: More}}}"
ENRICH = "\n  readers: {when: {plan: paid}, send_to: {PLATFORM: {mode: enrich}}}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


def write(world: Small, segments: str, platform: str, *, new: str = "skip", renamed: bool = False) -> None:
    world.write(PEOPLE, segments.replace("PLATFORM", platform), new=new)
    if new == "skip":
        edit(world, "new_contacts: transactional", "new_contacts: skip")
    if renamed:
        path = world.folder / "people.csv"
        path.write_text(path.read_text().replace(",paid,", " II,paid,"))


def edit(world: Small, old: str, new: str, file: str = "segments.yaml") -> None:
    path = world.folder / file
    path.write_text(path.read_text().replace(old, new))


def first(world: Small, platform: str, segments: str, ids: bool = True) -> None:
    """`ids`: those that a create does not tell are read before anything else happens."""
    write(world, segments, platform, new="subscribed")
    assert world.push(to=(platform,))[1].exit_code == 0
    if ids:
        world.plan(to=(platform,))
    assert set(PEOPLE.values()) <= held(world, platform)


def held(world: Small, platform: str) -> set[str]:
    url = world.running.url
    if platform == "mailchimp":
        return set(platforms.mailchimp_statuses(url))
    if platform == "hubspot":
        return set(platforms.hubspot_properties(url))
    pages = platforms._klaviyo_pages(f"{url}/api/profiles", **{"page[size]": 100})
    return {str(profile["attributes"]["email"]) for profile in pages}


def hubspot_id(world: Small, email: str) -> str:
    body = {"inputs": [{"id": email}], "idProperty": "email", "properties": ["email"]}
    found = world._send("POST", "/crm/v3/objects/contacts/batch/read", HUBSPOT, body)
    return str(found["results"][0]["id"])


def erase(world: Small, platform: str, how: str = "") -> None:
    """As the vendors let anybody erase or delete a contact."""
    if platform == "klaviyo":
        profile = {"data": {"type": "profile", "attributes": {"email": BOB}}}
        body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}}
        world._send("POST", "/api/data-privacy-deletion-jobs", KLAVIYO, body)
    elif platform == "mailchimp":
        member = world.mailchimp_member(BOB)["id"]
        world._send("POST", f"{world.audience()}/members/{member}/actions/delete-permanent", MAILCHIMP)
    else:
        number = hubspot_id(world, BOB)
        if "deleted" in how:
            world._send("DELETE", f"/crm/v3/objects/contacts/{number}", HUBSPOT)
        if "erased" in how:
            world._send("POST", "/crm/v3/objects/contacts/gdpr-delete", HUBSPOT, {"objectId": number})


def tagged(world: Small, platform: str, name: str) -> set[str]:
    """Who is in the tag or list of this name."""
    if platform == "mailchimp":
        return platforms.mailchimp(world.running.url).get(name, set())
    lists, tags = getattr(platforms, platform)(world.running.url)
    return {*lists.get(name, set()), *tags.get(name, set())}


def outcomes(result: RunResult) -> set[str]:
    return {name for ops in result.counts.values() for counts in ops.values() for name in counts}


def of_bob(plan: Plan) -> list[str]:
    return [row["op"] for row in plan.changes.to_pylist() if row["email"] == BOB]


CASES = [
    ("klaviyo", "", TAGS, "tag"),
    ("klaviyo", "", LISTS, "list"),
    ("klaviyo", "", BOTH, "tag"),
    ("klaviyo", "", ENRICH, "list"),
    ("hubspot", "deleted", TAGS, "tag"),
    ("hubspot", "deleted", LISTS, "list"),
    ("hubspot", "erased", BOTH, "tag"),
    ("mailchimp", "", TAGS, "tag"),
]


@pytest.mark.parametrize("change", ["fields", "target", "both"])
@pytest.mark.parametrize(("platform", "how", "segments", "kind"), CASES)
@pytest.mark.sweep(keep=2)
def test_who_is_gone_is_skipped_and_everybody_else_goes_on(
    world: Small, platform: str, how: str, segments: str, kind: str, change: str
) -> None:
    first(world, platform, BOTH.replace("list: Readers, ", "") if segments is ENRICH else segments, change != "both")
    erase(world, platform, how)
    more = "" if change == "fields" else MORE.replace("KIND", kind)
    write(world, segments + more, platform, renamed=change != "target")
    _, result = world.push(to=(platform,))
    assert (result.exit_code, result.errors) == (0, {})
    assert outcomes(result) <= {"applied", "skipped"}
    assert held(world, platform) & set(PEOPLE.values()) == set(PEOPLE.values()) - {BOB}
    if more:
        assert tagged(world, platform, "More") == set(PEOPLE.values()) - {BOB}
    with world.open() as workspace, open_state(workspace) as store:
        assert store.rejects(platform).num_rows == 0
    plan, result = world.push(to=(platform,))
    assert not plan.changes.num_rows and result.exit_code == 0
    reasons = {row["reason"] for row in plan.blocked.to_pylist()}
    assert reasons <= {"not_held", "forgotten", "gone"} and (reasons or (segments is ENRICH and not more))
    assert BOB not in held(world, platform)


@pytest.mark.parametrize(("platform", "how"), [("hubspot", "deleted"), ("klaviyo", ""), ("mailchimp", "")])
@pytest.mark.sweep(keep=1)
def test_under_a_policy_that_creates_every_push_settles(world: Small, platform: str, how: str) -> None:
    segments = TAGS if platform == "mailchimp" else BOTH
    first(world, platform, segments)
    erase(world, platform, how)
    write(world, segments + MORE.replace("KIND", "tag"), platform, new="subscribed", renamed=True)
    _, result = world.push(to=(platform,))
    assert result.exit_code == 0 and BOB not in held(world, platform)
    for _ in range(2):
        plan, result = world.push(to=(platform,))
        assert result.exit_code == 0
    assert not plan.changes.num_rows


@pytest.mark.parametrize("exported", [True, False])
@pytest.mark.parametrize(("platform", "how", "segments"), [case[:3] for case in CASES if case[2] is not ENRICH])
@pytest.mark.sweep(keep=2)
def test_an_opt_out_that_is_erased_settles(
    world: Small, platform: str, how: str, segments: str, exported: bool
) -> None:
    """The opt-out outlives the contact; that the platform holds it no longer is known beside it."""
    first(world, platform, segments)
    world.unsubscribe(platform, BOB)
    world.plan(to=(platform,))
    erase(world, platform, how)
    write(world, segments, platform, new="subscribed")
    path = world.folder / "people.csv"
    others = [line for line in path.read_text().splitlines() if BOB not in line]
    bob = [line.replace(",paid,", ",free,") for line in path.read_text().splitlines() if BOB in line]
    path.write_text("\n".join([*others, *(bob if exported else []), ""]))
    _, result = world.push(to=(platform,), allow=("removes",), reason="test")
    assert result.exit_code == 0
    for _ in range(2):
        plan, result = world.push(to=(platform,))
        assert result.exit_code == 0 and of_bob(plan) == []
    assert BOB not in held(world, platform)


ERASED = [("hubspot", "erased"), ("hubspot", "deleted, then erased"), ("klaviyo", ""), ("mailchimp", "")]


@pytest.mark.parametrize("moved", ["", "later", "at once"])
@pytest.mark.parametrize(("platform", "how"), ERASED)
def test_a_policy_that_creates_brings_nobody_back_who_was_erased(
    world: Small, platform: str, how: str, moved: str
) -> None:
    """Though the platform would take them: HubSpot's API does, by its knowledge base. Nor under another address that
    the CRM gives the person."""
    world.running.settings(erased_return=True)
    segments, new = TAGS if platform == "mailchimp" else BOTH, "bob@new.example.com"
    first(world, platform, segments)
    erase(world, platform, how)
    write(world, segments + MORE.replace("KIND", "tag"), platform, new="subscribed", renamed=True)
    if moved != "at once":
        _, result = world.push(to=(platform,))  # finds out that he is gone
    if moved:
        edit(world, BOB, new, file="people.csv")
    for _ in range(3):
        plan, result = world.push(to=(platform,))
        assert result.exit_code == 0
    assert not plan.changes.num_rows
    assert held(world, platform) == set(PEOPLE.values()) - {BOB}
    reasons = {row["reason"] for row in plan.blocked.to_pylist() if row["email"] in (BOB, new)}
    assert reasons in ({"gone"}, {"forgotten"})


@pytest.mark.parametrize("moved", [False, True])
def test_who_is_erased_between_plan_and_push_is_not_created(world: Small, moved: bool) -> None:
    """HubSpot: deleted when the plan was made, which would create them again, and erased from the recycle bin then."""
    world.running.settings(erased_return=True)
    first(world, "hubspot", BOTH)
    number = hubspot_id(world, BOB)
    erase(world, "hubspot", "deleted")
    write(world, BOTH + MORE.replace("KIND", "tag"), "hubspot", new="subscribed", renamed=True)
    world.push(to=("hubspot",))
    if moved:
        edit(world, BOB, "bob@new.example.com", file="people.csv")
    with world.open(to=("hubspot",)) as workspace, open_state(workspace) as store:
        plan = planning.plan(workspace, store)
        assert "create" in {row["op"] for row in plan.changes.to_pylist()}
        world._send("POST", "/crm/v3/objects/contacts/gdpr-delete", HUBSPOT, {"objectId": number})
        result = pushing.push(workspace, store, plan)
    assert result.exit_code == 0 and outcomes(result) == {"skipped"}
    assert held(world, "hubspot") == set(PEOPLE.values()) - {BOB}


def test_undo_brings_nobody_back(world: Small) -> None:
    first(world, "klaviyo", BOTH)
    write(world, BOTH + MORE.replace("KIND", "list"), "klaviyo", renamed=True)
    world.push(to=("klaviyo",))
    write(world, BOTH, "klaviyo", renamed=True)
    world.push(to=("klaviyo",))  # takes More away
    erase(world, "klaviyo")
    with world.open(allow=("empty",), reason="test") as workspace, open_state(workspace) as store:
        for run in [info.id for info in store.runs()][:2]:
            plan = upkeep.undo(workspace, store, run)
            result = pushing.push(workspace, store, plan)
            assert result.exit_code == 0, result.errors
    assert BOB not in held(world, "klaviyo")


@pytest.mark.parametrize("platform", ["klaviyo", "hubspot"])
@pytest.mark.sweep(keep=1)
@pytest.mark.long
def test_an_old_state_that_parked_them_recovers(world: Small, platform: str) -> None:
    first(world, platform, BOTH)
    erase(world, platform, "deleted")
    write(world, BOTH, platform, renamed=True)
    world.push(to=(platform,))
    with world.open() as workspace, open_state(workspace) as store:
        sql = """INSERT OR REPLACE INTO reject(destination, email, op, kind, target, code, detail, row_hash, run_id, at)
                 SELECT ?, ?, 'update', '', '', 'not_held', '', NULL, id, 0 FROM run LIMIT 1"""
        store._db.run(sql, [platform, BOB])  # type: ignore[attr-defined]
    write(world, BOTH + MORE.replace("KIND", "tag"), platform, new="subscribed", renamed=True)
    plan, result = world.push(to=(platform,))
    assert ("create" in of_bob(plan)) is (platform == "hubspot")  # Klaviyo removes a profile only when it is erased
    assert result.exit_code == 0, json.dumps(result.counts)
    with world.open() as workspace, open_state(workspace) as store:
        assert store.rejects(platform).num_rows == 0
    plan, _ = world.push(to=(platform,))
    assert not plan.changes.num_rows


def test_every_platform_is_asked() -> None:
    assert {case[0] for case in CASES} == set(PLATFORMS)
