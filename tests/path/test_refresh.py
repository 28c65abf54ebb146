"""--refresh: the ledger follows what the platforms hold, and a lost one is rebuilt from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import planning, pushing
from connector.app.workspace import open_state
from connector.core.plan import Plan
from tests.path import platforms
from tests.path.small import Small, small

PEOPLE = {f"p{number}": f"person{number}@example.com" for number in range(1, 6)}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Small]:
    with small(tmp_path, "--no-limits", "--polls", "0", to=("mailchimp",)) as made:
        made.write(PEOPLE)
        made.push()
        yield made


def refresh(world: Small, push: bool = False) -> Plan:
    with world.open() as workspace, open_state(workspace) as store:
        made = planning.refreshed(workspace, store)
        if push:
            pushing.push(workspace, store, made)
        return made


def of(plan: Plan) -> dict[tuple[str, str, str | None], int]:
    found: dict[tuple[str, str, str | None], int] = {}
    for row in plan.changes.to_pylist():
        key = (row["destination"], row["op"], row["kind"])
        found[key] = found.get(key, 0) + 1
    return found


def test_nothing_has_changed(world: Small) -> None:
    made = refresh(world)
    assert of(made) == {}
    assert sum("read again" in note for note in made.notes) == len(world.to)


def test_who_was_taken_out_by_others_comes_back(world: Small) -> None:
    url, audience = world.running.url, world.audience()
    tag = platforms.get(f"{url}{audience}/segments", platforms.MAILCHIMP, type="static")["segments"][0]["id"]
    member = f"{audience}/segments/{tag}"
    world._send("POST", member, platforms.MAILCHIMP, {"members_to_remove": [PEOPLE["p1"], PEOPLE["p2"]]})
    assert not world.plan().changes.num_rows  # the ledger is believed until it is told otherwise
    made = refresh(world, push=True)
    assert of(made) == {("mailchimp", "add", "tag"): 2}
    assert any("2 memberships of the ledger are not there" in note for note in made.notes)
    assert platforms.mailchimp(url)["Readers"] == set(PEOPLE.values())
    assert of(refresh(world)) == {}


def test_a_lost_ledger_is_rebuilt(world: Small) -> None:
    for path in (world.folder / ".connector" / "rehearsal").glob("state.db*"):
        path.unlink()
    world.write({name: PEOPLE[name] for name in ("p1", "p2", "p3")})
    made = refresh(world, push=True)
    ops = of(made)
    assert {op for _, op, _ in ops} <= {"adopt", "update"}
    assert ops["mailchimp", "adopt", "tag"] == 3
    assert any("nobody can know which members we once added" in note for note in made.notes)
    assert platforms.mailchimp(world.running.url)["Readers"] == set(PEOPLE.values())  # p4, p5 may be anybody's
    world.write({name: PEOPLE[name] for name in ("p1", "p2")})
    world.push(allow=("removes",), reason="test")
    assert platforms.mailchimp(world.running.url)["Readers"] == {PEOPLE[name] for name in ("p1", "p2", "p4", "p5")}
