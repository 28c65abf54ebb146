"""Somebody merges a contact of ours into another one on the platform: the address that is gone there brings nobody
back, whatever the export says of the person meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.plan import Plan
from tests.path.platforms import HUBSPOT, KLAVIYO, get
from tests.path.small import Small, small

SEGMENTS = (
    "\n  readers: {when: {plan: paid}, send_to: {klaviyo: {list: Readers, tag: reader}, "
    "hubspot: {list: Readers, tag: Reader}}}"
)
PEOPLE = {name: f"{name}@example.com" for name in ("ann", "bob")}
ANN, LIVES, NEW = PEOPLE["ann"], "lives@example.com", "ann.new@example.com"


class World(Small):
    def profiles(self) -> dict[str, str]:
        """Address -> id at Klaviyo."""
        held = get(f"{self.running.url}/api/profiles", KLAVIYO, **{"page[size]": 100})["data"]
        return {one["attributes"]["email"]: one["id"] for one in held}

    def records(self) -> dict[str, str]:
        """The same at HubSpot."""
        held = get(f"{self.running.url}/crm/v3/objects/contacts", HUBSPOT, limit=100, properties="email")["results"]
        return {one["properties"]["email"]: one["id"] for one in held}

    def merge(self) -> None:
        """Ann's contact into one that the export does not know, and who opted out."""
        self._send("POST", "/api/profiles", KLAVIYO, {"data": {"type": "profile", "attributes": {"email": LIVES}}})
        self._send("POST", "/crm/v3/objects/contacts", HUBSPOT, {"properties": {"email": LIVES}})
        for platform in ("klaviyo", "hubspot"):
            self.unsubscribe(platform, LIVES)
        mine, theirs = self.profiles(), self.records()
        source = {"profiles": {"data": [{"type": "profile", "id": mine[ANN]}]}}
        body = {"data": {"type": "profile-merge", "id": mine[LIVES], "relationships": source}}
        self._send("POST", "/api/profile-merge", KLAVIYO, body)
        ids = {"primaryObjectId": theirs[LIVES], "objectIdToMerge": theirs[ANN]}
        self._send("POST", "/crm/v3/objects/contacts/merge", HUBSPOT, ids)

    def night(self, people: dict[str, str], *, refresh: bool = False) -> Plan:
        self.write(people, SEGMENTS)
        with self.open(allow=("removes", "updates"), reason="few people") as workspace, open_state(workspace) as store:
            plan = (planning.refreshed if refresh else planning.plan)(workspace, store)
            assert not pushing.push(workspace, store, plan).errors
            return plan


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with small(tmp_path) as made:
        world = World(made.folder, made.running)
        for _ in range(2):  # the second one reads the ids
            world.night(PEOPLE)
        world.merge()
        yield world


def blocked(plan: Plan, platform: str) -> set[tuple[str, str]]:
    return {(row["email"], row["reason"]) for row in plan.blocked.to_pylist() if row["destination"] == platform}


def test_who_was_merged_away_is_not_created_again_under_any_address(world: World) -> None:
    """HubSpot leads from the former address to the contact that has it now; Klaviyo to nobody."""
    moved = PEOPLE | {"ann": NEW}
    world.night(moved)
    last = world.night(moved)
    assert not last.changes.num_rows
    assert (blocked(last, "klaviyo"), blocked(last, "hubspot")) == ({(NEW, "gone")}, {(NEW, "unsubscribed")})
    world.night(PEOPLE, refresh=True)
    last = world.night(PEOPLE)
    assert not last.changes.num_rows
    assert (blocked(last, "klaviyo"), blocked(last, "hubspot")) == ({(ANN, "gone")}, {(ANN, "unsubscribed")})
    assert set(world.profiles()) == set(world.records()) == {LIVES, PEOPLE["bob"]}
