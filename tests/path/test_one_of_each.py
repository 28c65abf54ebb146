"""A bad day: the platforms answer badly, and on each of them one contact was deleted, one label renamed, one list
deleted, and one value is not taken. Everybody else is served, and once the faults end nothing is left to do.

`FAULT_SEEDS=40 python -m pytest tests/path/test_one_of_each.py` runs that many seeds instead of one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.platforms.http.limits import WallClock
from connector.state.base import RunState
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP
from tests.path.small import Small, document, small
from tests.path.test_gone import BOB, erase, tagged
from tests.path.test_renamed import rename

FASTER = 600  # ten minutes of waiting take a second
SEEDS = range(1, int(os.environ.get("FAULT_SEEDS", "1")) + 1)
FAULTS = "error=0.03,error_after=0.02,throttle=0.05,drop_before=0.01,drop_after=0.01,garble=0.01"
NAMES = ("ann", "bob", "cleo", "dan", "eve")
NEW = tuple(f"new{n}" for n in range(40))
CAL = "cal@example.com"  # whose stage is no stage
RENAMED = (("mailchimp", "tag", "Readers"), ("klaviyo", "list", "Readers"), ("hubspot", "tag", "Reader"))
HELD = {
    "mailchimp": ("Leser", "Others"),
    "klaviyo": ("Leser", "reader", "Others"),
    # a tag of HubSpot is looked at by its internal value
    "hubspot": ("Readers", "Reader", "Others"),
}
SEGMENTS = """
  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}, klaviyo: {list: Readers, tag: reader}, \
hubspot: {list: Readers, tag: Reader}}}
  others: {when: {plan: paid}, send_to: {mailchimp: {tag: Others}, klaviyo: {list: Others}, hubspot: {list: Others}}}
"""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits are as long as ever, on a clock that runs faster."""
    sleep = WallClock.sleep
    monkeypatch.setattr(WallClock, "now", lambda self: time.monotonic() * FASTER)
    monkeypatch.setattr(WallClock, "sleep", lambda self, seconds: sleep(self, seconds / FASTER))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits", "--polls", "0") as made:
        yield made


def write(world: Small, names: tuple[str, ...], stages: dict[str, str]) -> None:
    rows = [
        f"{n},{name}@example.com,{stages.get(name, name)},{'lead' if name != 'cal' else 'nonsense'},paid,yes,2026-01-05"
        for n, name in enumerate(names)
    ]
    (world.folder / "people.csv").write_text("\n".join(["Id,Email,Name,Stage,Plan,Opt in,Opted in at", *rows]) + "\n")
    text = document(SEGMENTS)
    (world.folder / "segments.yaml").write_text(text.replace("firstname: name", "lifecyclestage: stage"))


def delete(world: Small, platform: str, name: str) -> None:
    """A tag of Mailchimp, a list elsewhere, in the vendor's pages."""
    send = world._send
    if platform == "mailchimp":
        path = f"{world.audience()}/segments"
        found = {tag["name"]: tag["id"] for tag in send("GET", f"{path}?type=static&count=1000", MAILCHIMP)["segments"]}
        send("DELETE", f"{path}/{found[name]}", MAILCHIMP)
    elif platform == "klaviyo":
        found = {one["attributes"]["name"]: one["id"] for one in send("GET", "/api/lists", KLAVIYO)["data"]}
        send("DELETE", f"/api/lists/{found[name]}", KLAVIYO)
    else:
        lists = send("POST", "/crm/v3/lists/search", HUBSPOT, {"count": 500})["lists"]
        found = {one["name"]: one["listId"] for one in lists}
        send("DELETE", f"/crm/v3/lists/{found[name]}", HUBSPOT)


def push(world: Small) -> int:
    """`sync push`, and `sync resume` while it asks for it; the exit code."""
    with world.open() as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, planning.plan(workspace, store))
        for _ in range(3):
            if result.state is RunState.DONE:
                break
            again = pushing.resume(workspace, store)
            assert again is not None
            result = again
        assert result.errors == {}
        return result.exit_code


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("quick")
def test_everybody_else_is_served(world: Small, seed: int) -> None:
    write(world, NAMES, {})
    assert push(world) == 0
    world.plan()  # reads the ids that a create does not tell
    for platform, kind, name in RENAMED:
        erase(world, platform, "deleted")
        delete(world, platform, "Others")
        rename(world, platform, kind, name, "Leser")
    write(world, (*NAMES, *NEW, "cal"), {"eve": "Eva", "dan": "x" * 300})
    world.running.settings(faults=FAULTS, fault_seed=seed)
    assert push(world) in (0, 1)
    world.running.settings(faults="")
    assert push(world) in (0, 1)
    before = world.running.writes()
    assert not world.plan().changes.num_rows and world.running.writes() == before
    everybody = {f"{name}@example.com" for name in (*NAMES, *NEW)} | {CAL}
    for platform, names in HELD.items():
        for name in names:
            assert everybody - tagged(world, platform, name) <= {BOB}, (platform, name)
