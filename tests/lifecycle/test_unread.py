"""A platform that cannot be read, its audience renamed there: the others are planned, and nobody's silence is concluded
from what it might have told."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.core.errors import Refused
from tests.lifecycle.test_path import SILENT, begun
from tests.lifecycle.world import Person, World
from tests.path.platforms import MAILCHIMP
from tests.path.small import Small


def rename(world: World, name: str) -> None:
    small = Small(world.folder, world.running)
    small._send("PATCH", small.audience(), MAILCHIMP, {"name": name})


@pytest.mark.long
def test_nobody_moves_on_before_it_is_read_again(tmp_path: Path) -> None:
    with begun(tmp_path, "mailchimp", "klaviyo") as world:
        assert world.stages("klaviyo") == dict.fromkeys(SILENT, "win_back")
        rename(world, "News")
        world.day = 10
        world.people["new@example.com"] = Person(click=-1)
        world.people["quiet@example.com"] = Person(click=-90)  # would enter
        world.people[SILENT[0]].click = 9  # comes back: that needs no other platform
        made, result = world.push()
        assert result is not None and result.exit_code == 4 and list(made.unread) == ["mailchimp"]
        assert any("mailchimp" in note and "stage" in note for note in made.notes), made.notes
        assert world.stages("klaviyo") == {SILENT[0]: "returned"} | dict.fromkeys(SILENT[1:], "win_back")
        created = {row["email"] for row in made.changes.to_pylist() if row["op"] == "create"}
        assert created == {"new@example.com", "quiet@example.com"}
        with pytest.raises(Refused):  # archives nobody
            world.cleanup()
        rename(world, "Newsletter")
        made, result = world.push()
        assert result is not None and result.exit_code == 0
        assert world.stages("klaviyo") == {
            SILENT[0]: "returned", "quiet@example.com": "win_back", **dict.fromkeys(SILENT[1:], "last_call")
        }  # fmt: skip
