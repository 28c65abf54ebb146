"""Brevo from the export to the account and back, by the verbs that the commands call, over HTTP.

What others do meanwhile happens at the last moment before the requests: opting out, erasing, another address."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.app import planning, pushing, upkeep
from connector.app.workspace import Options, open_state, open_workspace
from connector.core.errors import ConfigError
from connector.core.model import Op, Outcome
from connector.core.plan import Plan
from connector.push.run import RunResult
from connector.rehearsal.core.process import Running, start

FILE = """
version: 1
sources:
  contacts: {{file: people.csv, email: Email, id: Id, columns: {{opt_in: {{type: boolean}}, ltv: {{type: number}}}}}}
consent:
  when: {{opt_in: true}}
  proof: {{at: opted_in_at}}
destinations:
  brevo:
    platform: brevo
    api_key: "${{BREVO_API_KEY}}"
    new_contacts: {new}
    fields: {{FIRSTNAME: name, LTV: ltv}}
segments:
  readers: {{when: {{plan: paid}}, send_to: {{brevo: {{list: Readers, tag: reader}}}}}}
  {more}
"""
EXTRA = "extra: {when: {plan: paid}, send_to: {brevo: {list: Extra, tag: extra}}}"
PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bea", "cid", "dan", "eve")}


class World:
    """A folder with an export and its segments.yaml, and the account."""

    def __init__(self, folder: Path, running: Running) -> None:
        self.folder, self.running = folder, running

    def write(
        self,
        people: Mapping[str, str],
        *,
        plans: Mapping[str, str] | None = None,
        ltv: str = "",
        more: str = "",
        new: str = "subscribed",
        renamed: str = "",
    ) -> None:
        lines = ["Id,Email,Name,Plan,Opt in,Opted in at,ltv"]
        for name, email in people.items():
            plan = (plans or {}).get(name, "paid")
            number = int.from_bytes(name.encode()) % 10**9
            lines.append(f"{number},{email},{renamed}{name.title()},{plan},yes,2026-01-05,{ltv}")
        (self.folder / "people.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "segments.yaml").write_text(FILE.format(more=more, new=new))

    def opened(self, **options: Any) -> Any:
        chosen = Options(file=self.folder / "segments.yaml", rehearse=True, **options)
        return open_workspace(chosen, threading.Event())

    def push(self, meanwhile: Any = None, **options: Any) -> tuple[Plan, RunResult]:
        with self.opened(**options) as workspace, open_state(workspace) as store:
            made = planning.plan(workspace, store)
            if meanwhile:
                meanwhile()
            return made, pushing.push(workspace, store, made)

    def writes(self) -> int:
        return self.running.writes()["brevo"]

    # -- the account, by plain HTTP

    def call(self, method: str, path: str, body: object = None, **query: Any) -> Any:
        url = f"{self.running.url}/v3/{path}"
        headers = {"api-key": "xkeysib-rehearsal"}
        answer = requests.request(method, url, json=body, params=query, headers=headers, timeout=300)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def people(self) -> dict[str, dict[str, Any]]:
        return {one["email"]: one for one in self.call("GET", "contacts", limit=1000)["contacts"]}

    def members(self, name: str) -> set[str]:
        lists = {one["name"]: one["id"] for one in self.call("GET", "contacts/lists", limit=50)["lists"]}
        if name not in lists:
            return set()
        return {
            one["email"] for one in self.call("GET", f"contacts/lists/{lists[name]}/contacts", limit=500)["contacts"]
        }

    def tagged(self, tag: str) -> set[str]:
        people = self.people().items()
        return {email for email, one in people if tag in one["attributes"].get("SEGMENT_TAGS", "").split(";")}

    def opt_out(self, email: str) -> None:
        self.call("PUT", f"contacts/{email}", {"emailBlacklisted": True})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    place = tmp_path / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db", "--no-samples") as running:
        (place / "address").write_text(running.url)
        running.settings(limits=False)
        yield World(tmp_path, running)


def test_plan_push_and_a_second_push_without_a_writing_request(world: World) -> None:
    world.write(PEOPLE, plans={"eve": "free"}, ltv="12.5")
    before = world.writes()
    plan, result = world.push()
    assert result.exit_code == 0, (result.counts, result.errors)
    readers = {email for name, email in PEOPLE.items() if name != "eve"}
    assert world.members("Readers") == world.tagged("reader") == set(world.people()) == readers
    assert world.people()["ann@example.com"]["attributes"] == {
        "FIRSTNAME": "Ann",
        "LTV": 12.5,
        "SEGMENT_TAGS": ";reader;",
    }
    assert world.writes() - before == plan.requests["brevo"]
    writes = world.writes()
    again, _ = world.push()
    assert again.changes.num_rows == 0 and world.writes() == writes


@pytest.mark.long
def test_values_change_and_are_cleared_in_one_import(world: World) -> None:
    world.write(PEOPLE, ltv="12.5")
    world.push()
    world.write(PEOPLE, renamed="New ")
    _, result = world.push()
    assert result.exit_code == 0
    for name, email in PEOPLE.items():
        attributes = world.people()[email]["attributes"]
        assert attributes == {"FIRSTNAME": f"New {name.title()}", "SEGMENT_TAGS": ";reader;"}
    assert world.push()[0].changes.num_rows == 0


def test_an_opt_out_between_two_pushes_and_one_between_plan_and_push(world: World) -> None:
    world.write(PEOPLE)
    world.push()
    world.opt_out("ann@example.com")
    world.write(PEOPLE, more=EXTRA, renamed="New ")
    plan, result = world.push(lambda: world.opt_out("bea@example.com"))
    assert result.exit_code == 0
    assert {row["email"] for row in plan.blocked.to_pylist()} == {"ann@example.com"}
    assert world.members("Extra") == world.tagged("extra") == {PEOPLE[name] for name in ("cid", "dan", "eve")}
    assert world.people()["ann@example.com"]["attributes"]["FIRSTNAME"] == "Ann"
    assert {email for email, one in world.people().items() if one["emailBlacklisted"]} == {
        "ann@example.com",
        "bea@example.com",
    }


@pytest.mark.long
def test_who_opted_out_is_taken_out_when_they_leave_the_segment_and_stays_blocklisted(world: World) -> None:
    world.write(PEOPLE)
    world.push()
    world.opt_out("ann@example.com")
    world.opt_out("bea@example.com")
    world.write(PEOPLE, plans={"ann": "free", "bea": "free"})
    _, result = world.push()
    assert result.exit_code == 0
    assert world.members("Readers") == world.tagged("reader") == {PEOPLE[name] for name in ("cid", "dan", "eve")}
    assert all(world.people()[PEOPLE[name]]["emailBlacklisted"] for name in ("ann", "bea"))


@pytest.mark.parametrize("erased", [("ann",), ("ann", "bea", "cid")])
@pytest.mark.sweep(keep=1)
def test_who_was_erased_meanwhile_does_not_come_back(world: World, erased: tuple[str, ...]) -> None:
    world.write(PEOPLE)
    world.push()

    def erase() -> None:
        for name in erased:
            world.call("DELETE", f"contacts/{PEOPLE[name]}")

    world.write(PEOPLE, more=EXTRA, renamed="New ")
    world.push(erase)
    gone = {PEOPLE[name] for name in erased}
    left = set(PEOPLE.values()) - gone
    assert set(world.people()) == left == world.members("Extra") == world.tagged("extra")
    world.push()
    assert set(world.people()) == left


@pytest.mark.parametrize("when", ["known", "unknown", "after the plan"])
def test_who_was_erased_does_not_come_back_under_another_address(world: World, when: str) -> None:
    """`known`: a push has noticed that they are gone, before the CRM gives them another address."""
    world.write(PEOPLE)
    world.push()

    def erase() -> None:
        world.call("DELETE", f"contacts/{PEOPLE['ann']}")

    if when != "after the plan":
        erase()
    if when == "known":
        world.write(PEOPLE, more=EXTRA, renamed="New ")
        world.push()
    world.write(PEOPLE | {"ann": "ann.new@example.com"})
    plan, result = world.push(erase if when == "after the plan" else None)
    assert result.exit_code == 0
    assert ("create" in plan.changes["op"].to_pylist()) == (when == "after the plan")
    plan, result = world.push()
    assert result.exit_code == 0 and not plan.changes.num_rows
    assert set(world.people()) == set(PEOPLE.values()) - {PEOPLE["ann"]}
    assert {row["reason"] for row in plan.blocked.to_pylist()} == {"gone"}


@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
@pytest.mark.parametrize("last", [False, True])
def test_of_several_former_contacts_the_last_one_tells_whether_somebody_is_gone(
    world: World, last: bool, when: str
) -> None:
    """Each new address of the CRM leaves a contact behind, and these are cleared away there."""
    ann = [PEOPLE["ann"], "ann.2@example.com", "ann.3@example.com"]
    for email in ann[:2]:
        world.write(PEOPLE | {"ann": email})
        world.push()
    world.write(PEOPLE | {"ann": ann[2]})

    def clear() -> None:
        world.call("DELETE", f"contacts/{ann[last]}")

    if when == "before the plan":
        clear()
    _, result = world.push(clear if when == "after the plan" else None)
    assert result.exit_code == 0 and (ann[2] in world.people()) is not last
    plan, _ = world.push()
    assert not plan.changes.num_rows and {row["reason"] for row in plan.blocked.to_pylist()} == (
        {"gone"} if last else set()
    )


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.sweep(keep=1)
def test_an_address_that_changed_at_brevo_is_not_made_a_second_contact(world: World, after: bool) -> None:
    world.write(PEOPLE)
    world.push()
    key = world.people()["ann@example.com"]["id"]

    def re_address() -> None:
        world.call("PUT", f"contacts/{key}", {"attributes": {"EMAIL": "ann.moved@example.com"}})
        world.opt_out("ann.moved@example.com")

    world.write(PEOPLE, more=EXTRA, renamed="New ")
    if not after:
        re_address()
    world.push(re_address if after else None)
    assert set(world.people()) == set(PEOPLE.values()) - {"ann@example.com"} | {"ann.moved@example.com"}
    moved = world.people()["ann.moved@example.com"]
    assert moved["emailBlacklisted"] and moved["attributes"]["FIRSTNAME"] == "Ann"
    assert "ann.moved@example.com" not in world.members("Extra") | world.tagged("extra")


@pytest.mark.long
def test_a_person_with_a_new_address_comes_again_and_keeps_an_opt_out(world: World) -> None:
    """Moving the contact would lift its blocklisting, so the old address leaves and the new one is a new contact."""
    world.write(PEOPLE)
    world.push()
    world.opt_out("ann@example.com")
    world.write(PEOPLE | {"ann": "ann.new@example.com", "bea": "bea.new@example.com"})
    plan, result = world.push()
    assert result.exit_code == 0 and str(Op.MOVE) not in plan.changes["op"].to_pylist()
    assert "ann.new@example.com" not in world.people() and world.people()["ann@example.com"]["emailBlacklisted"]
    assert "bea.new@example.com" in world.members("Readers") and "bea@example.com" not in world.members("Readers")


def test_nobody_is_created_without_proof_or_by_the_policy_skip(world: World) -> None:
    world.call("POST", "contacts", {"email": "ann@example.com"})
    world.write(PEOPLE, new="skip")
    _, result = world.push()
    assert result.exit_code == 0 and set(world.people()) == {"ann@example.com"}
    assert world.members("Readers") == {"ann@example.com"}
    world.write(PEOPLE)
    lines = (world.folder / "people.csv").read_text().replace("Bea,paid,yes,2026-01-05", "Bea,paid,yes,")
    (world.folder / "people.csv").write_text(lines)
    world.push()
    assert "bea@example.com" not in world.people() and "cid@example.com" in world.people()


@pytest.mark.long
def test_undo_takes_back_what_a_run_did(world: World) -> None:
    world.write(PEOPLE)
    world.push()
    world.write(PEOPLE, more=EXTRA)
    world.push()
    with world.opened(allow=("removes", "empty"), reason="test") as workspace, open_state(workspace) as store:
        plan = upkeep.undo(workspace, store, "last")
        pushing.push(workspace, store, plan)
    assert world.members("Extra") == world.tagged("extra") == set()
    assert world.members("Readers") == world.tagged("reader") == set(PEOPLE.values())


@pytest.mark.parametrize("fault", ["drop_after@w1", "drop_after@w3", "error_after@w1", "drop_before@w2", "garble@w1"])
@pytest.mark.sweep(keep=1)
def test_a_lost_answer_is_cleared_up(world: World, fault: str) -> None:
    world.write(PEOPLE)
    world.running.settings(faults=f"brevo:{fault}")
    world.push()
    world.running.settings(faults="")
    with world.opened() as workspace, open_state(workspace) as store:
        pushing.resume(workspace, store)
    _, result = world.push()
    assert result.exit_code == 0
    assert world.members("Readers") == world.tagged("reader") == set(world.people()) == set(PEOPLE.values())
    assert world.push()[0].changes.num_rows == 0


def test_a_rule_cannot_ask_for_opens_or_clicks(world: World) -> None:
    world.write(PEOPLE, more="silent: {when: {brevo.last_click_at: {exists: false}}, send_to: {brevo: {tag: silent}}}")
    with pytest.raises(ConfigError, match=r"brevo\.last_click_at.*no column"):
        world.push()
    world.write(PEOPLE, more="known: {when: {brevo.status: subscribed}, send_to: {brevo: {tag: known}}}")
    world.call("POST", "contacts", {"email": "ann@example.com"})
    world.push()
    assert world.tagged("known") == {"ann@example.com"}


def test_a_refused_address_stops_nobody(world: World) -> None:
    world.write(PEOPLE | {"zed": "zed@nowhere.invalid"})
    _, result = world.push()
    assert result.exit_code == 1
    assert any(found.get(Outcome.REJECTED) for found in result.counts["brevo"].values())
    assert world.members("Readers") == set(PEOPLE.values())
    assert world.push()[0].changes.num_rows == 0


@pytest.mark.long
def test_a_phone_number_that_is_none_is_not_sent(world: World) -> None:
    """Nor one that two people have; blanks and brackets are taken. The rest of the person is sent."""
    numbers = ["030 1234567", "+49 (0)30 1234567", "+493012345678", "00493012345678", "+493012345679"]
    world.write(PEOPLE)
    text = (world.folder / "people.csv").read_text().splitlines()
    rows = [f"{row},{number}" for row, number in zip(text, ["Phone", *numbers], strict=True)]
    (world.folder / "people.csv").write_text("\n".join(rows) + "\n")
    file = world.folder / "segments.yaml"
    file.write_text(file.read_text().replace("LTV: ltv", "SMS: phone"))
    plan, result = world.push()
    (told,) = [note for note in plan.notes if "phone numbers (SMS, column phone)" in note]
    assert "1 not as numbers with the country code" in told and "1 that another person has" in told
    assert world.members("Readers") == set(PEOPLE.values()) and (result.exit_code, result.errors) == (1, {})
    held = {email: one["attributes"].get("SMS") for email, one in world.people().items()}
    assert sorted(email for email, number in held.items() if not number) == ["ann@example.com", "dan@example.com"]
    assert world.push()[0].changes.num_rows == 0


@pytest.mark.long
def test_ordinary_traffic_meets_no_throttle(world: World) -> None:
    """Ten requests a second, and a hundred an hour about processes, are never exceeded by one command."""
    world.running.settings(limits=True, polls=3, patience_s=60)
    people = {f"p{n}": f"p{n}@example.com" for n in range(200)}
    world.write(people)
    world.push()
    world.write(people, more=EXTRA, renamed="New ")
    _, result = world.push(allow=("updates",), reason="test")
    assert result.exit_code == 0
    assert world.call("GET", "contacts", limit=1)["count"] == len(people)
    assert {one["status"] for one in world.running.requests(20_000) if one["platform"] == "brevo"} <= {
        200,
        201,
        202,
        204,
    }
