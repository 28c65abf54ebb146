"""Silent people of Brevo: stages as tags, and the blocklist only as written, one by one, after a last look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import cleaning
from tests.conformance.kits import KITS
from tests.lifecycle.test_path import SILENT, to_sunset
from tests.lifecycle.test_unsubscribe import WRITTEN
from tests.lifecycle.world import POLICY, Person, World, world


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """Four silent people at their last stage."""
    with world(tmp_path, ("brevo",), WRITTEN) as found:
        found.running.settings(polls=0)
        found.people = {email: Person(click=-100) for email in SILENT}
        found.people |= {"busy@example.com": Person(order=-2), "vip@example.com": Person(order=-99, vip=True)}
        for found.day in (-1, 0):
            found.push()
        to_sunset(found)
        yield found


def blocklisted(made: World) -> set[str]:
    kit = KITS["brevo"](made.running)
    found = kit.said_no()
    kit.close()
    return found


def test_by_default_nobody_is_let_go(made: World) -> None:
    made.policy = POLICY.replace(", action: default", "")
    _, result = made.cleanup()
    assert result is None and blocklisted(made) == set()


def test_written_it_is_done_once_and_whoever_opted_out_is_left_alone(made: World) -> None:
    made.policy = WRITTEN
    KITS["brevo"](made.running).make("unsubscribed", [SILENT[0]])
    _, result = made.cleanup()
    assert result is not None and result.exit_code == 0
    assert blocklisted(made) == set(SILENT)
    assert sum(result.counts["brevo"]["unsubscribe"].values()) == len(SILENT) - 1
    again, result = made.cleanup()
    assert isinstance(again, cleaning.Cleaning) and result is None
    plan, _ = made.push()
    assert "create" not in plan.changes["op"].to_pylist() and blocklisted(made) == set(SILENT)
