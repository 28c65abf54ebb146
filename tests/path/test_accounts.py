"""The account behind a key is the state's, on every way; two destinations of one account do not fight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests

from connector.app import cleaning, planning, pushing, upkeep
from connector.app.workspace import Options, Workspace, open_state, open_workspace
from connector.core.errors import ConfigError, DestinationError, MissingScope, OtherAccount, Refused
from connector.core.events import Event, Notice
from connector.plan import saved
from connector.state.base import Store
from tests.path.platforms import MAILCHIMP
from tests.path.small import PLATFORMS, Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo")}
OURS = {"mailchimp": "rehearsal0000000000000001", "klaviyo": "RHRSAL", "hubspot": "4242424"}
OTHERS = {"mailchimp": "another000000000000000001", "klaviyo": "OTHER1", "hubspot": "999"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits") as made:
        made.write(PEOPLE)
        yield made


def switch(world: Small, platform: str, account: str | None = None) -> None:
    """The key belongs to another account now, in which the same people happen to be."""
    world.running.settings(accounts={platform: OTHERS[platform] if account is None else account})


def reads(world: Small, platform: str, since: int = 0) -> list[str]:
    """What was asked of a platform, without what names its account."""
    asked = [item for item in world.running.requests(100_000) if item["platform"] == platform]
    paths = [item["path"] for item in reversed(asked)]
    return [path for path in paths if path not in ("/3.0/", "/3.0", "/3.0/lists") and "account" not in path][since:]


def undo(workspace: Workspace, store: Store) -> Any:
    return upkeep.undo(workspace, store, "last")


COMMANDS: dict[str, Callable[[Workspace, Store], Any]] = {
    "plan": planning.plan,
    "refresh": planning.refreshed,
    "undo": undo,
    "cleanup": cleaning.cleanup,
    "adopt": upkeep.adopt,
    "drift": upkeep.drift,
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.sweep(keep=2)
def test_another_account_is_refused_before_anything_is_read(world: Small, platform: str, command: str) -> None:
    world.push()
    switch(world, platform)
    before, writes = len(reads(world, platform)), world.running.writes()
    with world.open(to=(platform,)) as workspace, open_state(workspace) as store:
        state = store.ledger(platform)
        with pytest.raises(OtherAccount) as refused:
            COMMANDS[command](workspace, store)
        assert store.ledger(platform) == state
    assert refused.value.exit_code == 4 and refused.value.destination == platform
    text = str(refused.value)
    assert OTHERS[platform] in text and "--state .connector/" in text and "state.db" in text
    assert OURS[platform] in text
    assert reads(world, platform, before) == [] and world.running.writes() == writes


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_plan_that_is_older_than_the_key_is_not_applied(world: Small, platform: str) -> None:
    with world.open() as workspace, open_state(workspace) as store:
        saved.save(planning.plan(workspace, store), world.folder / "a.plan")
    switch(world, platform)
    writes = world.running.writes()[platform]
    with world.open() as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, saved.load(world.folder / "a.plan"))
    assert result.exit_code == 4 and isinstance(result.errors[platform], OtherAccount)
    assert set(result.errors) == {platform}, "the others are done"
    assert world.running.writes()[platform] == writes


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_resume_reads_and_sends_nothing_there(world: Small, platform: str) -> None:
    real = pushing.adapter

    def broken(workspace: Any, destination: Any) -> Any:
        found = real(workspace, destination)
        if destination.name == platform:
            found.push = refuse
        return found

    def refuse(*_: Any) -> None:
        raise DestinationError(f"{platform}: out of order", destination=platform)

    with patch.object(pushing, "adapter", side_effect=broken):
        assert world.push()[1].exit_code == 4
    switch(world, platform)
    before, writes = len(reads(world, platform)), world.running.writes()[platform]
    with world.open() as workspace, open_state(workspace) as store:
        result = pushing.resume(workspace, store)
    assert result is not None and result.exit_code == 4 and isinstance(result.errors[platform], OtherAccount)
    assert reads(world, platform, before) == [] and world.running.writes()[platform] == writes
    switch(world, platform, OURS[platform])
    with world.open() as workspace, open_state(workspace) as store:
        again = pushing.resume(workspace, store)
    assert again is not None and again.exit_code == 0


def test_another_audience_of_the_same_name_is_another_account(world: Small) -> None:
    world.push()
    url = f"{world.running.url}/3.0/lists"
    (audience,) = requests.get(url, headers=MAILCHIMP, timeout=300).json()["lists"]
    keys = ("name", "contact", "permission_reminder", "campaign_defaults", "email_type_option")
    body = {key: audience[key] for key in keys if key in audience}
    requests.post(url, json=body, headers=MAILCHIMP, timeout=300).raise_for_status()
    with pytest.raises(Refused, match="which audience"):
        world.plan(to=("mailchimp",))
    requests.delete(f"{url}/{audience['id']}", headers=MAILCHIMP, timeout=300).raise_for_status()
    with pytest.raises(OtherAccount, match=f"{audience['id']}.*audience"):
        world.plan(to=("mailchimp",))


def test_an_audience_that_is_renamed_stays_the_same(world: Small) -> None:
    world.push()
    path = world.running.url + world.audience()
    requests.patch(path, json={"name": "Letters"}, headers=MAILCHIMP, timeout=300).raise_for_status()
    file = world.folder / "segments.yaml"
    file.write_text(file.read_text().replace("audience: Newsletter", "audience: Letters"))
    assert not world.plan(to=("mailchimp",)).changes.num_rows
    with world.open() as workspace, open_state(workspace) as store:
        assert "Letters" in store.accounts.known()["mailchimp"].name


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.sweep(keep=1)
def test_a_key_that_may_not_tell_goes_on_only_where_nothing_is_known(world: Small, platform: str) -> None:
    switch(world, platform, "")
    told: list[Event] = []
    with world.open(to=(platform,), listener=told.append) as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, planning.plan(workspace, store))
        assert result.exit_code == 0 and store.accounts.known() == {}
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert len(notices) == 1 and "may not name its account" in notices[0]
    switch(world, platform)
    world.plan(to=(platform,))
    switch(world, platform, "")
    with pytest.raises(MissingScope, match="whether the key opens that account is unknown") as refused:
        world.plan(to=(platform,))
    assert refused.value.exit_code == 4


def test_a_state_of_before_learns_its_accounts(world: Small) -> None:
    world.push()
    with world.open() as workspace, open_state(workspace) as store:
        store._db.run("UPDATE destination SET account = NULL")  # type: ignore[attr-defined]
    world.plan()
    with world.open() as workspace, open_state(workspace) as store:
        assert {name: known.id.partition("/")[0] for name, known in store.accounts.known().items()} == OURS


def test_one_request_tells_and_none_of_them_writes(world: Small) -> None:
    with world.open() as workspace, open_state(workspace) as store:
        made = planning.plan(workspace, store)
        pushing.push(workspace, store, made)
    asked = [item["path"] for item in world.running.requests(100_000)]
    for path in ("/api/accounts", "/account-info/2026-03/details"):
        assert asked.count(path) == 1
    assert len([path for path in asked if path in ("/3.0/", "/3.0")]) == 1
    for name, wanted in made.requests.items():
        assert world.running.writes()[name] == wanted


# -- a new state ------------------------------------------------------------------------------------------------------


def test_a_new_state_is_named_in_the_plan(world: Small) -> None:
    for _ in range(2):
        (note,) = [note for note in world.plan().notes if "state is new" in note]
        assert "state.db" in note and all(name in note for name in PLATFORMS)
    world.push()
    assert not [note for note in world.plan().notes if "state is new" in note]


# -- two destinations of one account ----------------------------------------------------------------------------------

TWO = """
version: 1
sources:
  contacts: {{file: people.csv, email: Email, id: Id}}
consent: none_needed
destinations:
  a: {{platform: klaviyo, api_key: "${{KL_A}}", base_url: "{url}", new_contacts: transactional}}
  b: {{platform: klaviyo, api_key: "${{{key}}}", base_url: "{url}", new_contacts: transactional}}
segments:
  readers: {{when: {{plan: paid}}, send_to: {{a: {{list: Readers}}}}}}
  buyers: {{when: {{plan: paid}}, send_to: {{b: {{list: {name}}}}}}}
"""


@pytest.mark.parametrize(("name", "chosen"), [("readers", ()), ("Readers", ("b",))])
def test_two_keys_of_one_account_may_not_write_one_list(
    world: Small, monkeypatch: pytest.MonkeyPatch, name: str, chosen: tuple[str, ...]
) -> None:
    for variable in ("KL_A", "KL_B"):
        monkeypatch.setenv(variable, "pk_rehearsal")
    file = world.folder / "segments.yaml"
    file.write_text(TWO.format(url=world.running.url, key="KL_B", name="Buyers"))
    plan(file)
    file.write_text(TWO.format(url=world.running.url, key="KL_B", name=name))
    writes = world.running.writes()
    with pytest.raises(ConfigError, match=r"segments.yaml:\d+:\d+: error\[same-target\].*one account: Rehearsal Shop"):
        plan(file, to=chosen)
    assert world.running.writes() == writes


def test_two_keys_of_one_account_may_not_have_one_stage(world: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would take the stage's tag from the other's people."""
    for variable in ("KL_A", "KL_B"):
        monkeypatch.setenv(variable, "pk_rehearsal")
    file = world.folder / "segments.yaml"
    stages = "signals: [opted_in_at], inactive: {after: 9 days}, stages: [{name: a, tag: A}]"
    text = TWO.format(url=world.running.url, key="KL_B", name="Buyers")
    file.write_text(f"{text}lifecycle: {{{stages}}}\n")
    with pytest.raises(ConfigError, match=r"segments.yaml:12:\d+: error\[same-target\]: .*The tag “A” .*one account: "):
        plan(file)
    file.write_text(f"{text}lifecycle: [{{for: b, {stages}}}]\n")
    plan(file)


def test_one_key_in_two_destinations_is_refused_by_check(world: Small) -> None:
    file = world.folder / "segments.yaml"
    file.write_text(TWO.format(url=world.running.url, key="KL_A", name="readers"))
    with pytest.raises(ConfigError, match=r"segments.yaml:\d+:\d+: error\[same-target\].*b, which is that of a too"):
        plan(file)
    file.write_text(TWO.format(url=world.running.url, key="KL_A", name="Buyers"))
    with open_workspace(Options(file=file)):
        pass


def test_a_rehearsal_is_one_account_whatever_the_keys(world: Small) -> None:
    file = world.folder / "segments.yaml"
    file.write_text(TWO.format(url=world.running.url, key="KL_B", name="Readers"))
    plan(file, rehearse=True)


def plan(file: Path, **options: Any) -> None:
    with open_workspace(Options(file=file, **options)) as workspace, open_state(workspace) as store:
        planning.plan(workspace, store)
