"""Nobody who opted out, was suppressed or erased gains anything, by whatever way a request was made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.conformance.kits import KITS
from tests.matrix.entries import ENTRIES, OTHERS, begin
from tests.matrix.events import EVENTS
from tests.path import platforms
from tests.path.small import PLATFORMS, Small, small

Members = dict[str, set[str]]  # tag or list -> addresses


@dataclass(frozen=True)
class Moment:
    """What the platforms hold: platform -> memberships, platform -> address -> first name."""

    members: dict[str, Members]
    names: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Story:
    """One entry point, with all events at its last moment: before the requests, after them, and after one push more.
    `left` is what a third push would still do."""

    before: Moment
    after: tuple[Moment, ...]
    left: list[dict[str, object]]


def look(world: Small) -> Moment:
    return Moment(memberships(world), {name: KITS[name](world.running).values() for name in PLATFORMS})


def memberships(world: Small) -> dict[str, Members]:
    klaviyo, labels = platforms.klaviyo(world.running.url)
    hubspot, options = platforms.hubspot(world.running.url)
    named = [("list", klaviyo), ("tag", labels)], [("list", hubspot), ("tag", options)]
    flat = [{f"{kind} {name}": who for kind, found in both for name, who in found.items()} for both in named]
    return {"mailchimp": platforms.mailchimp(world.running.url), "klaviyo": flat[0], "hubspot": flat[1]}


@cache
def story(entry: str) -> Story:
    with TemporaryDirectory() as folder, small(Path(folder)) as world:
        begin(world)
        working = ENTRIES[entry](world)
        next(working)
        for event in EVENTS.values():
            event.happen(world, event.email, event.moved)
        before = look(world)
        next(working, None)
        right_after = look(world)
        world.push(allow=("empty", "removes"), reason="test")
        return Story(before, (right_after, look(world)), world.push()[0].changes.to_pylist())


@pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
@pytest.mark.parametrize("entry", ENTRIES)
def test_who_opted_out_gains_nothing(entry: str, event: object) -> None:
    told, person = story(entry), EVENTS[event.name]  # type: ignore[attr-defined]
    for moment in told.after:
        for platform in PLATFORMS:
            for target, members in moment.members[platform].items():
                gained = members - told.before.members[platform].get(target, set())
                assert not gained & person.addresses, (platform, target)
            held = moment.names[platform]
            assert not person.addresses & held.keys() - told.before.names[platform].keys(), platform
            for address in person.addresses & held.keys():
                assert held[address] == told.before.names[platform][address], platform


@pytest.mark.parametrize("entry", ENTRIES)
def test_everybody_else_gets_what_was_asked_for_and_it_settles(entry: str) -> None:
    told = story(entry)
    assert told.left == []
    for platform, targets in told.after[0].members.items():
        extra = [members for name, members in targets.items() if "xtra" in name]
        assert extra and all(set(OTHERS.values()) <= members for members in extra), platform
