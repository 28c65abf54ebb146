"""The same ways of entry, with Brevo alone: nobody who opted out, was erased or left a list gains anything.

It has a world of its own, since the others' is about three platforms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from connector.rehearsal.core.process import start
from tests.conformance.kits import KITS
from tests.matrix.entries import ENTRIES, OTHERS, begin
from tests.matrix.events import EVENTS
from tests.path.small import SEGMENTS, Small

FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts: {{file: people.csv, email: Email, id: Id, columns: {{opt_in: {{type: boolean}}}}}}
consent:
  when: {{opt_in: true}}
  proof: {{at: opted_in_at}}
{more}
destinations:
  brevo: {{platform: brevo, api_key: "${{BV}}", new_contacts: subscribed, fields: {{FIRSTNAME: name}}}}
segments:{segments}
"""
_ELSEWHERE = re.compile(r"mailchimp: \{[^}]*\}, klaviyo: \{[^}]*\}, \\?\n?hubspot: ")
_KEY = {"api-key": "xkeysib-rehearsal"}
Members = dict[str, set[str]]


@dataclass
class BrevoAlone(Small):
    def write(self, people: Mapping[str, str], segments: str = SEGMENTS, more: str = "", **options: Any) -> None:
        super().write(people, segments, more, **options)
        text = FILE.format(segments=_ELSEWHERE.sub("brevo: ", segments), more=more)
        assert "mailchimp" not in text
        (self.folder / "segments.yaml").write_text(text)

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self._send(method, f"/v3/contacts{path}", _KEY, body)

    def unsubscribe_brevo(self, email: str) -> None:
        self.call("PUT", f"/{email}", {"emailBlacklisted": True})


def unsubscribed(world: BrevoAlone, email: str, moved: str) -> None:
    world.unsubscribe_brevo(email)


def re_addressed_and_unsubscribed(world: BrevoAlone, email: str, moved: str) -> None:
    world.call("PUT", f"/{email}", {"attributes": {"EMAIL": moved}})
    world.unsubscribe_brevo(moved)


def newcomer_signed_up_and_unsubscribed(world: BrevoAlone, email: str, moved: str) -> None:
    world.call("POST", "", {"email": email})
    world.unsubscribe_brevo(email)


def erased(world: BrevoAlone, email: str, moved: str) -> None:
    world.call("DELETE", f"/{email}")


HAPPENINGS: dict[str, Callable[[BrevoAlone, str, str], None]] = {
    "unsubscribed": unsubscribed,
    "suppressed": unsubscribed,
    "re_addressed_and_unsubscribed": re_addressed_and_unsubscribed,
    "newcomer_signed_up_and_unsubscribed": newcomer_signed_up_and_unsubscribed,
    "erased": erased,
}


@dataclass(frozen=True)
class Moment:
    members: Members
    names: dict[str, str]


@dataclass(frozen=True)
class Story:
    before: Moment
    after: tuple[Moment, ...]
    left: list[dict[str, object]]


@contextmanager
def alone(folder: Path) -> Iterator[BrevoAlone]:
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True)
    with start(place / "platforms.db", "--no-samples") as running:
        (place / "address").write_text(running.url)
        running.settings(limits=False, polls=0)
        yield BrevoAlone(folder, running)


def look(world: BrevoAlone) -> Moment:
    kit = KITS["brevo"](world.running)
    wanted = [(kind, name) for kind in ("list", "tag") for name in ("Readers", "Reader", "Extra")]
    members = {f"{kind} {name}": kit.members(kind, name) for kind, name in wanted}
    found = Moment(members, kit.values())
    kit.close()
    return found


@cache
def story(entry: str) -> Story:
    with TemporaryDirectory() as folder, alone(Path(folder)) as world:
        begin(world)
        working = ENTRIES[entry](world)
        next(working)
        for name, happen in HAPPENINGS.items():
            happen(world, EVENTS[name].email, EVENTS[name].moved)
        before = look(world)
        next(working, None)
        right_after = look(world)
        world.push(allow=("empty", "removes"), reason="test")
        return Story(before, (right_after, look(world)), world.push()[0].changes.to_pylist())


@pytest.mark.parametrize("name", HAPPENINGS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_who_opted_out_gains_nothing(entry: str, name: str) -> None:
    told, person = story(entry), EVENTS[name]
    for moment in told.after:
        for target, members in moment.members.items():
            assert not (members - told.before.members[target]) & person.addresses, target
        assert not person.addresses & moment.names.keys() - told.before.names.keys()
        for address in person.addresses & moment.names.keys():
            assert moment.names[address] == told.before.names[address]


@pytest.mark.parametrize("entry", ENTRIES)
def test_everybody_else_gets_what_was_asked_for_and_it_settles(entry: str) -> None:
    told = story(entry)
    assert told.left == []
    for target in ("list Extra", "tag Extra"):
        assert set(OTHERS.values()) <= told.after[0].members[target]


def test_every_event_of_the_others_happens_here_too() -> None:
    assert set(HAPPENINGS) == set(EVENTS)
