"""Undo, drift, adopt, forget, rejects, hold: on the rehearsal platforms, in this process."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from connector import rehearse
from connector.app import planning, pushing, upkeep
from connector.app.workspace import Workspace, open_state
from connector.cli import main
from connector.core.errors import Unsafe
from connector.core.plan import Plan
from connector.core.schemas import CONTACT_SCHEMA
from connector.push.run import RunResult
from connector.rehearsal.core.world import KEYS
from connector.report import plan as plan_report
from connector.report import upkeep as report
from connector.state.base import Store
from tests.path import platforms
from tests.path.small import PLATFORMS, Small, small

PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob", "cleo", "dan")}
ALL = "\n  all: {when: {plan: paid}, send_to: {mailchimp: {tag: All}}}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path) as made:
        yield made


EVERYWHERE = "{mailchimp: {tag: VIP}, klaviyo: {list: VIP, tag: vip}, hubspot: {list: VIP, tag: Vip}}"
MAILCHIMP = "{mailchimp: {tag: VIP}}"  # where one is enough: Klaviyo's and HubSpot's jobs take their time


def vip(*names: str, more: str = "", send: str = EVERYWHERE) -> str:
    """A segment of these people, sent to every kind of target."""
    shown = ", ".join(name.title() for name in names)
    return f"\n  vip: {{when: {{name: [{shown}]}}, {more}send_to: {send}}}"


def held(world: Small) -> dict[str, set[str]]:
    """Every target that has members, read without the connector."""
    url = world.running.url
    klaviyo_lists, klaviyo_tags = platforms.klaviyo(url)
    hubspot_lists, hubspot_tags = platforms.hubspot(url)
    found: dict[str, set[str]] = {}
    for name, targets in (
        ("mailchimp tag", platforms.mailchimp(url)),
        ("klaviyo list", klaviyo_lists),
        ("klaviyo tag", klaviyo_tags),
        ("hubspot list", hubspot_lists),
        ("hubspot tag", hubspot_tags),
    ):
        found |= {f"{name} {target}": set(members) for target, members in targets.items() if members}
    return found


def do(world: Small, make: Callable[[Workspace, Store], Plan], **options: Any) -> tuple[Plan, RunResult]:
    with world.open(**options) as workspace, open_state(workspace) as store:
        made = make(workspace, store)
        pushing.guard(workspace, made)
        return made, pushing.push(workspace, store, made)


def undo(world: Small, run: str = "last", **options: Any) -> tuple[Plan, RunResult]:
    return do(world, lambda workspace, store: upkeep.undo(workspace, store, run), **options)


def drift(world: Small) -> list[Any]:
    with world.open() as workspace, open_state(workspace) as store:
        return upkeep.drift(workspace, store)


def emails(*names: str) -> set[str]:
    return {PEOPLE[name] for name in names}


# -- undo -------------------------------------------------------------------------------------------------------------


def test_undo_after_push_is_as_before_and_undoing_the_undo_as_after(world: Small) -> None:
    world.write(PEOPLE, vip("ann", "bob", "cleo", "dan"))
    world.push()
    world.write(PEOPLE, vip("ann", "bob"))
    world.push()
    before = held(world)
    assert before["hubspot tag Vip"] == emails("ann", "bob")
    world.write(PEOPLE, vip("bob", "cleo", "dan"))
    world.push()
    after = held(world)
    assert after != before
    plan, result = undo(world)
    assert result.exit_code == 0 and held(world) == before
    assert plan_report.totals(plan)["irreversible"] == 0
    undo(world)
    assert held(world) == after
    assert not drift_found(world), "the ledger and the platforms agree"


def drift_found(world: Small) -> list[Any]:
    return [item for item in drift(world) if item]


@pytest.mark.long
def test_undo_gives_fields_their_former_values(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    renamed = {"anna": PEOPLE["ann"], "bob": PEOPLE["bob"], "cleo": PEOPLE["cleo"], "dan": PEOPLE["dan"]}
    world.write(renamed)
    world.push()
    assert world.mailchimp_member(PEOPLE["ann"])["merge_fields"]["FNAME"] == "Anna"
    plan, _ = undo(world)
    assert {row["email"] for row in plan.changes.to_pylist()} == emails("ann")
    assert world.mailchimp_member(PEOPLE["ann"])["merge_fields"]["FNAME"] == "Ann"
    with world.open() as workspace, open_state(workspace) as store:
        sent = {row["email"]: row["fields"] for row in store.ledger("mailchimp").contacts.to_pylist()}
    assert json.loads(sent[PEOPLE["ann"]])["FNAME"] == "Ann"


@pytest.mark.long
def test_contacts_that_were_created_stay_and_are_named_beforehand(world: Small) -> None:
    world.write(PEOPLE)
    forward, _ = world.push()
    assert plan_report.totals(forward)["irreversible"] == 12
    assert "irreversible: 12 (12 new contacts stay)" in plan_report.text(forward, ZoneInfo("UTC"))
    with pytest.raises(Unsafe):
        undo(world)
    plan, _ = undo(world, allow=("empty",), reason="test")
    assert held(world) == {}
    assert "mailchimp: 4 contacts that the run created stay: nothing here deletes people" in plan.notes
    assert len(platforms.mailchimp_statuses(world.running.url)) == 4


def test_what_a_later_run_changed_is_left_alone(world: Small) -> None:
    world.to = ("mailchimp",)
    world.write(PEOPLE, vip("bob", send=MAILCHIMP))
    world.push()
    world.write(PEOPLE, vip("ann", "bob", "cleo", send=MAILCHIMP))
    _, second = world.push()
    world.write(PEOPLE, vip("bob", "cleo", send=MAILCHIMP))
    world.push()
    plan, _ = undo(world, second.run_id)
    assert held(world)["mailchimp tag VIP"] == emails("bob")
    assert {row["email"] for row in plan.changes.to_pylist() if row["kind"]} == emails("cleo")
    assert any("1 was changed again since that run" in note for note in plan.notes)


def test_nobody_comes_back_who_opted_out_or_lost_consent_since(world: Small) -> None:
    world.write(PEOPLE, vip("ann", "bob", "cleo", "dan"))
    world.push()
    world.write(PEOPLE, vip("dan"))
    world.push()
    for platform in PLATFORMS:
        world.unsubscribe(platform, PEOPLE["ann"])
    world.write(PEOPLE, vip("dan"), refused=["bob"])
    plan, _ = undo(world)
    blocked = {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()}
    assert blocked == {(PEOPLE["ann"], "unsubscribed"), (PEOPLE["bob"], "no_consent")}
    assert set(map(frozenset, held(world).values())) == {frozenset(emails("cleo", "dan"))}
    assert platforms.mailchimp_statuses(world.running.url)[PEOPLE["ann"]] == "unsubscribed"


@pytest.mark.long
def test_only_one_segment_is_taken_back(world: Small) -> None:
    both = vip("ann", "bob") + "\n  other: {when: {name: [Cleo, Dan]}, send_to: {mailchimp: {tag: Other}}}"
    world.write(PEOPLE, vip("ann") + "\n  other: {when: {name: [Cleo]}, send_to: {mailchimp: {tag: Other}}}")
    world.push()
    world.write(PEOPLE, both)
    world.push()
    undo(world, only=("other",))
    now = held(world)
    assert now["mailchimp tag Other"] == emails("cleo") and now["mailchimp tag VIP"] == emails("ann", "bob")


# -- drift and adopt --------------------------------------------------------------------------------------------------


def others_tag(world: Small, email: str, active: bool, tag: str = "VIP") -> None:
    found = platforms.get(f"{world.running.url}{world.audience()}/segments", platforms.MAILCHIMP, count=1000)
    (number,) = [item["id"] for item in found["segments"] if item["name"] == tag]
    body = {"members_to_add" if active else "members_to_remove": [email]}
    world._send("POST", f"{world.audience()}/segments/{number}", platforms.MAILCHIMP, body)


@pytest.mark.long
def test_drift_names_what_others_did_and_writes_nothing(world: Small) -> None:
    world.write(PEOPLE, vip("ann", "bob") + ALL)
    world.push()
    assert not drift_found(world)
    others_tag(world, PEOPLE["cleo"], True)
    others_tag(world, PEOPLE["ann"], False)
    writes, state = world.running.writes(), Path(world.folder, ".connector/rehearsal/state.db").read_bytes()
    (found,) = drift_found(world)
    assert (found.destination, found.name) == ("mailchimp", "VIP")
    assert (found.added, found.removed, found.ours, found.members) == ((PEOPLE["cleo"],), (PEOPLE["ann"],), 2, 2)
    assert world.running.writes() == writes
    assert Path(world.folder, ".connector/rehearsal/state.db").read_bytes() == state
    text = report.drift_text([found], verbose=True)
    assert "+1" in text and "c…@example.com" in text and PEOPLE["cleo"] not in text
    assert "people_added" not in report.drift_json([found], verbose=False)["targets"][0]
    world.push()
    assert PEOPLE["cleo"] in held(world)["mailchimp tag VIP"], "not ours, so not touched"


def test_adopt_takes_over_without_a_change_and_leaves_strangers(world: Small) -> None:
    world.write(PEOPLE, vip("ann", "bob") + ALL)
    world.push()
    others_tag(world, PEOPLE["cleo"], True)
    others_tag(world, PEOPLE["dan"], True)
    world.write(PEOPLE, vip("ann", "bob", "cleo") + ALL)
    writes = world.running.writes()
    plan, result = do(world, upkeep.adopt)
    assert result.exit_code == 0 and world.running.writes() == writes
    assert [(row["op"], row["email"]) for row in plan.changes.to_pylist()] == [("adopt", PEOPLE["cleo"])]
    world.write(PEOPLE, vip("ann") + ALL)
    world.push()
    assert held(world)["mailchimp tag VIP"] == emails("ann", "dan"), "cleo was ours, dan is not"


@pytest.mark.long
def test_undoing_an_adoption_only_releases(world: Small) -> None:
    world.write(PEOPLE, vip("ann", "bob") + ALL)
    world.push()
    others_tag(world, PEOPLE["cleo"], True)
    world.write(PEOPLE, vip("ann", "bob", "cleo") + ALL)
    do(world, upkeep.adopt)
    writes = world.running.writes()
    plan, _ = undo(world)
    assert [(row["op"], row["email"]) for row in plan.changes.to_pylist()] == [("disown", PEOPLE["cleo"])]
    assert world.running.writes() == writes
    world.write(PEOPLE, vip("ann") + ALL)
    world.push()
    assert held(world)["mailchimp tag VIP"] == emails("ann", "cleo")


# -- rejects ----------------------------------------------------------------------------------------------------------

FAKE = {"ann": "ann@example.com", "fake": "fake.person@example.com"}


def rejected(world: Small) -> list[dict[str, Any]]:
    with world.open() as workspace, open_state(workspace) as store:
        rows: list[dict[str, Any]] = store.rejects("mailchimp").to_pylist()
        return rows


def test_a_refused_person_is_tried_again_only_when_their_row_changes(world: Small) -> None:
    world.to = ("mailchimp",)
    world.write(FAKE)
    _, first = world.push()
    assert first.exit_code == 1
    (reject,) = [row for row in rejected(world) if row["op"] == "create"]
    assert reject["code"] == "looks_fake" and reject["row_hash"]
    writes = world.running.writes()
    for _ in range(2):
        plan, again = world.push()
        assert again.exit_code == 0
        assert {row["reason"] for row in plan.blocked.to_pylist()} == {"rejected"}
    assert world.running.writes() == writes, "one rejected request only"
    world.write({"ann": FAKE["ann"], "real": FAKE["fake"]})
    _, changed = world.push()
    assert changed.exit_code == 1 and world.running.writes()["mailchimp"] == writes["mailchimp"] + 1


def test_rejects_retry_tries_once_more(world: Small) -> None:
    world.to = ("mailchimp",)
    world.write(FAKE)
    world.push()
    with world.open(only=("readers",), to=("mailchimp",)) as workspace, open_state(workspace) as store:
        assert upkeep.retry(workspace, store) == len(rejected(world)) > 0
    writes = world.running.writes()["mailchimp"]
    world.push()
    assert world.running.writes()["mailchimp"] == writes + 1
    world.push()
    assert world.running.writes()["mailchimp"] == writes + 1


def test_rejects_say_what_to_do(world: Small) -> None:
    world.to = ("mailchimp",)
    world.write(FAKE)
    world.push()
    with world.open() as workspace, open_state(workspace) as store:
        found = {"mailchimp": store.rejects("mailchimp")}
    text = report.rejects_text(found, verbose=False)
    assert "To do: check the address in the CRM." in text and "fake.person" not in text
    assert report.rejects_json(found)["rejects"][0]["next_step"] == "check the address in the CRM"


# -- forget -----------------------------------------------------------------------------------------------------------


def forget(world: Small, email: str) -> upkeep.Forgotten:
    with world.open() as workspace, open_state(workspace) as store:
        return upkeep.forget(workspace, store, email)


def state_bytes(world: Small) -> bytes:
    return b"".join(path.read_bytes() for path in Path(world.folder, ".connector/rehearsal").glob("state.db*"))


def test_a_forgotten_person_leaves_no_trace_and_does_not_come_back(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    assert PEOPLE["ann"].encode() in state_bytes(world)
    found = forget(world, " Ann@Example.com ")
    assert set(found.held) == set(PLATFORMS)
    text = report.forget_text(found.held, found.platforms)
    assert "Delete permanently" in text and "ann@" not in text
    assert PEOPLE["ann"].encode() not in state_bytes(world)
    before, writes = held(world), world.running.writes()
    for _ in range(2):
        plan, _ = world.push()
        assert not plan.changes.num_rows
        assert {(row["email"], row["reason"]) for row in plan.blocked.to_pylist()} == {
            (PEOPLE["ann"], "forgotten_here")
        }
    assert held(world) == before and world.running.writes() == writes
    assert PEOPLE["ann"].encode() not in state_bytes(world)
    assert "forgotten here" in plan_report.text(plan, ZoneInfo("UTC"))


def test_a_platforms_news_does_not_bring_a_forgotten_person_into_the_state(world: Small) -> None:
    world.write(PEOPLE)
    world.push()
    forget(world, PEOPLE["ann"])
    world.unsubscribe_mailchimp(PEOPLE["ann"])
    world.push()
    with world.open() as workspace, open_state(workspace) as store:
        assert PEOPLE["ann"] not in store.ledger("mailchimp").contacts["email"].to_pylist()


# -- hold -------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_hold_keeps_people_from_bouncing(world: Small) -> None:
    world.to = ("mailchimp",)

    def push(day: int, *names: str, refused: tuple[str, ...] = ()) -> Plan:
        world.write(PEOPLE, vip(*names, more="hold: 7 days, ", send=MAILCHIMP), refused=refused)
        return world.push(as_of=f"2026-11-{day:02}T09:00")[0]

    def there() -> set[str]:
        (found,) = set(map(frozenset, held(world).values()))
        return set(found)

    push(1, "ann", "bob", "cleo")
    plan = push(3, "ann")
    assert {(row["op"], row["reason"]) for row in plan.blocked.to_pylist()} == {("remove", "hold")}
    assert there() == emails("ann", "bob", "cleo")
    push(4, "ann", refused=("cleo",))
    assert there() == emails("ann", "bob"), "an opt-out is never held back"
    push(8, "ann")
    assert there() == emails("ann")
    assert {row["reason"] for row in push(10, "ann", "bob").blocked.to_pylist()} == {"hold"}
    assert there() == emails("ann")
    push(15, "ann", "bob")
    assert there() == emails("ann", "bob")


# -- guards -----------------------------------------------------------------------------------------------------------


def test_a_segment_has_guards_of_its_own(world: Small) -> None:
    world.to = ("mailchimp",)
    strict = vip("ann", "bob", more="guards: {adds: 2}, ", send=MAILCHIMP)
    world.write(PEOPLE, strict)
    do(world, planning.plan)
    world.write(PEOPLE, vip("ann", "bob", "cleo", "dan", more="guards: {adds: 1}, ", send=MAILCHIMP))
    with pytest.raises(Unsafe) as refused:
        do(world, planning.plan)
    assert set(refused.value.guards) == {"adds"}
    do(world, planning.plan, allow=("adds",), reason="agreed")
    with world.open() as workspace, open_state(workspace) as store:
        assert dict(store.runs(1)[0].allowed) == {"adds": "agreed"}
    world.write(PEOPLE, vip("nobody", more="guards: {empty: false}, ", send=MAILCHIMP))
    do(world, planning.plan)
    assert held(world) == {}


# -- privacy ----------------------------------------------------------------------------------------------------------


@dataclass
class Command:
    """The command line in this process."""

    world: Small
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self.monkeypatch.chdir(self.world.folder)
        self.monkeypatch.setattr("sys.argv", ["sync", *words, "--rehearse"])
        with pytest.raises(SystemExit) as ended:
            main.main()
        out = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out.out, out.err


@pytest.fixture
def sync(world: Small, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(world, capsys, monkeypatch)


def test_no_artefact_of_a_push_holds_a_key_and_talk_holds_no_address(world: Small, sync: Command) -> None:
    world.write(PEOPLE | {"fake": "fake.person@example.com"})
    told = ""
    for words in (
        ["plan", "--out", "today.plan", "-v"],
        ["push", "--plan", "today.plan", "--yes", "-v"],
        ["rejects", "-v"],
        ["drift", "-v"],
        ["runs", "-v"],
        ["status", "-v"],
        ["plan", "-v", "--format", "json"],
        ["undo", "nothing", "-v"],
        ["push", "--to", "elsewhere", "-v"],
        ["forget", "no address", "--yes", "-v"],
    ):
        _, out, err = sync(*words)
        told += err + ("" if words[0] == "rejects" else out)
        assert not [key for key in KEYS.values() if key in out + err], words
    told = told.replace("Write ada@example.com.", "")  # how an address is written
    assert not re.findall(r"[\w.]{2,}@example\.com", told), "addresses in full only where they were asked for"
    files = [path for path in world.folder.rglob("*") if path.is_file() and not path.name.startswith("platforms.db")]
    assert {"today.plan", "state.db"} <= {path.name for path in files}
    for path in files:
        assert not [key for key in KEYS.values() if key.encode() in path.read_bytes()], path.name
        if path.name == "today.plan" or path.name.startswith("state.db"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name
    assert stat.S_IMODE((world.folder / ".connector").stat().st_mode) == 0o700


def test_a_key_that_is_refused_is_in_no_message(world: Small, sync: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"mailchimp": "wrongwrongwrong-us1", "klaviyo": "pk_wrongwrong", "hubspot": "pat-wrongwrong"}
    monkeypatch.setattr(rehearse, "key", wrong.__getitem__)
    world.write(PEOPLE)
    for platform, key in wrong.items():
        code, out, err = sync("push", "--yes", "-v", "--to", platform)
        assert code == 4 and err and "Traceback" not in err and key not in out + err


def test_formulas_and_markup_of_the_export_are_harmless(world: Small, sync: Command) -> None:
    hostile = ["=cmd|calc@example.com", "+1@example.com", "-2@example.com"]
    tag = "\n  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: '<img src=x>'}}}"
    world.write({f"p{n}": email for n, email in enumerate(hostile)}, tag)
    _, out, _ = sync("members", "readers", "--format", "csv")
    assert "+1@example.com" in out and not [line for line in out.splitlines() if line[:1] in "=+-@"]
    assert sync("push", "--yes", "--to", "mailchimp")[0] in (0, 1)
    page = requests.get(f"{world.running.url}/", timeout=300).text
    assert "&lt;img src=x&gt;" in page and "<img" not in page


def test_the_commands_end_as_they_should(world: Small, sync: Command) -> None:
    world.to = ("mailchimp",)
    world.write(PEOPLE, vip("ann", "bob", send=MAILCHIMP) + ALL)
    assert sync("undo", "last")[0] == 3, "nothing was pushed yet"
    assert sync("drift")[0] == 0
    assert sync("push", "--yes")[0] == 0
    assert sync("undo", "last")[0] == 3, "a guard refuses"
    assert sync("undo", "20990101-000000-ffff", "--yes")[0] == 4
    others_tag(world, PEOPLE["cleo"], True)
    code, out, _ = sync("drift", "--format", "json")
    assert code == 10 and json.loads(out)["targets"][1]["added"] == 1 and PEOPLE["cleo"] not in out
    assert sync("rejects", "again")[0] == 2
    assert sync("rejects", "retry")[:2] == (0, "No rejects to try again.\n")
    assert sync("forget", PEOPLE["ann"])[0] == 3, "a pipe is refused"
    code, out, _ = sync("forget", PEOPLE["ann"], "--yes")
    assert code == 0 and "Delete permanently" in out
    code, out, _ = sync("undo", "last", "--yes", "--allow", "empty", "--reason", "a test", "--format", "json")
    assert code == 0 and json.loads(out)["run"]["state"] == "done"
    assert "empty overridden: a test" in sync("runs")[1]
    assert held(world)["mailchimp tag VIP"] == {PEOPLE["ann"], PEOPLE["cleo"]}, "ann is forgotten, cleo is others'"
    assert sync("adopt", "--yes", "--to", "mailchimp")[0] == 0


def test_the_write_ahead_log_is_private_too(world: Small) -> None:
    world.write(PEOPLE)
    with world.open() as workspace, open_state(workspace) as store:
        store.observe("mailchimp", CONTACT_SCHEMA.empty_table(), cursor=workspace.now())
        modes: Mapping[str, int] = {
            path.name: stat.S_IMODE(path.stat().st_mode)
            for path in Path(world.folder, ".connector/rehearsal").glob("state.db*")
        }
    assert set(modes.values()) == {0o600} and any(name.endswith("-wal") for name in modes)
