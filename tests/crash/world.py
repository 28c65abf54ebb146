"""A small world that goes on: people come, go, change; every push of it may be killed.

Owns: the export, what must be on the platforms, what belongs to others there, and the comparison. The platforms are
read with plain HTTP, not through the connector.
"""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.app.workspace import open_state
from connector.rehearsal.core.process import Running
from connector.state.base import Ledger
from tests import launcher
from tests.crash.launch import Order, as_word
from tests.path import platforms
from tests.path.small import Small, small

SEGMENTS = """
  readers:
    when: {{plan: paid}}
    send_to: {{mailchimp: {{tag: Readers}}, klaviyo: {{list: Readers, tag: reader}}, \
hubspot: {{list: Readers, tag: Reader}}}}
  half:
    when: {{id: {{between: [{low}, {high}]}}}}
    send_to: {{mailchimp: {{tag: Half}}, klaviyo: {{list: Half, tag: half}}, hubspot: {{list: Half, tag: Half}}}}
"""
STRANGER, GONE = "stranger@example.com", "no@example.com"
ALLOW = [word for name in ("adds", "removes", "empty", "shrunken") for word in ("--allow", name)]
PUSH = ("push", "--rehearse", "--yes", "-v", *ALLOW, "--reason", "test")


def run(order: Order, out: Path) -> int:
    """The exit code of a command in a process of its own, negative for a signal; what it says is in `out`."""
    with Path(os.devnull).open("rb") as nothing, out.open("wb") as told:
        streams = [nothing.fileno(), told.fileno(), told.fileno()]
        with launcher.Fork(["crash", as_word(order)], Path(order.folder), os.environ, streams) as child:
            return child.wait()


@dataclass
class CrashWorld:
    small: Small
    dice: random.Random
    people: dict[int, str] = field(default_factory=dict)  # number -> name
    between: tuple[int, int] = (1, 1)
    state: tuple[str, ...] = ()  # --state, if not the default

    @property
    def running(self) -> Running:
        return self.small.running

    # -- the export -----------------------------------------------------------------------------------------------

    def begin(self, size: int) -> None:
        """The first people, and what others did on the platforms before us."""
        self.people = dict.fromkeys(range(1, size + 1), "ann")
        self.between = (1, size // 2)
        self._strangers()
        self._write()

    def change(self) -> None:
        """A few come, go, get another name; the half moves."""
        following = max(self.people) + 1
        gone = self.dice.sample(sorted(self.people), min(3, len(self.people) - 10))
        for number in gone:
            del self.people[number]
        for number in self.dice.sample(sorted(self.people), 3):
            self.people[number] = self.dice.choice(("ann", "bo", "cy", "di"))
        self.people |= dict.fromkeys(range(following, following + 3), "new")
        low = self.dice.choice(sorted(self.people))
        self.between = (low, low + self.dice.randrange(5, 80))
        self._write()

    def widen(self) -> None:
        """The half becomes everybody."""
        self.between = (1, max(self.people))
        self._write()

    def _write(self) -> None:
        lines = ["Id,Email,Name,Plan,Opt in,Opted in at", f"0,{GONE},No,paid,yes,2026-01-05"]
        lines += [f"{number},{_email(number)},{name},paid,yes,2026-01-05" for number, name in self.people.items()]
        low, high = self.between
        self.small.write({}, SEGMENTS.format(low=low, high=high))
        (self.small.folder / "people.csv").write_text("\n".join(lines) + "\n")

    def _strangers(self) -> None:
        """Somebody that others put where we will write, a tag and lists that are none of ours, and a person who opted
        out but is in the export."""
        url = self.running.url
        send = self.small._send
        audience = self.small.audience()
        for email in (STRANGER, GONE):
            send("POST", f"{audience}/members", platforms.MAILCHIMP, {"email_address": email, "status": "subscribed"})
            profile = {"data": {"type": "profile", "attributes": {"email": email}}}
            send("POST", "/api/profiles", platforms.KLAVIYO, profile)
            send("POST", "/crm/v3/objects/contacts", platforms.HUBSPOT, {"properties": {"email": email}})
        for name in ("Readers", "Theirs"):
            body = {"name": name, "static_segment": [STRANGER]}
            send("POST", f"{audience}/segments", platforms.MAILCHIMP, body)
            found = platforms.get(f"{url}/api/profiles", platforms.KLAVIYO)["data"]
            profile_id = next(one["id"] for one in found if one["attributes"]["email"] == STRANGER)
            made = send(
                "POST", "/api/lists", platforms.KLAVIYO, {"data": {"type": "list", "attributes": {"name": name}}}
            )
            data = {"data": [{"type": "profile", "id": profile_id}]}
            send("POST", f"/api/lists/{made['data']['id']}/relationships/profiles", platforms.KLAVIYO, data)
            found = platforms.get(f"{url}/crm/v3/objects/contacts", platforms.HUBSPOT, properties="email")["results"]
            record = next(one["id"] for one in found if one["properties"]["email"] == STRANGER)
            body = {"name": name, "objectTypeId": "0-1", "processingType": "MANUAL"}
            made = send("POST", "/crm/v3/lists", platforms.HUBSPOT, body)["list"]["listId"]
            send("PUT", f"/crm/v3/lists/{made}/memberships/add", platforms.HUBSPOT, [record])
        for platform in ("mailchimp", "klaviyo", "hubspot"):
            self.small.unsubscribe(platform, GONE)

    # -- commands -------------------------------------------------------------------------------------------------

    def sync(self, *words: str, **more: Any) -> int:
        """Exit code; -9 when killed. The events and requests of it are in `wire`."""
        self.wire.unlink(missing_ok=True)
        order = Order(str(self.small.folder), (*words, *self.state), str(self.wire), **more)
        return run(order, self.out)

    @property
    def wire(self) -> Path:
        return self.small.folder / "wire.jsonl"

    @property
    def out(self) -> Path:
        return self.small.folder / "out.txt"

    def events(self) -> list[dict[str, Any]]:
        return read_lines(self.wire)

    def email(self, number: int) -> str:
        return _email(number)

    def ledger(self, destination: str) -> Ledger:
        with self.small.open() as workspace, open_state(workspace) as store:
            return store.ledger(destination)

    # -- what must hold -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """What the platforms hold is what is desired and what others put there, and nothing else."""
        url = self.running.url
        readers = {_email(number) for number in self.people}
        half = {_email(number) for number in self.people if self.between[0] <= number <= self.between[1]}
        theirs = {STRANGER}
        lists = {"Readers": readers | theirs, "Half": half, "Theirs": theirs}
        _same("mailchimp", platforms.mailchimp(url), lists)
        found, labels = platforms.klaviyo(url)
        _same("klaviyo lists", found, lists)
        _same("klaviyo tags", labels, {"reader": readers, "half": half})
        found, labels = platforms.hubspot(url)
        _same("hubspot lists", found, lists)
        _same("hubspot tags", labels, {"Reader": readers, "Half": half})
        assert platforms.mailchimp_statuses(url)[GONE] == "unsubscribed"
        self._check_one_each()

    def _check_one_each(self) -> None:
        """Nobody was created twice, and everybody has the name that the export says."""
        names = {_email(number): name for number, name in self.people.items()}
        for platform, rows in _contacts(self.running.url).items():
            emails = Counter(email for email, _ in rows)
            assert max(emails.values()) == 1, (platform, emails.most_common(3))
            wrong = [(email, name, names[email]) for email, name in rows if names.get(email, name) != name]
            assert not wrong, f"{platform}: {len(wrong)} old names: {wrong[:3]}"


def read_lines(wire: Path) -> list[dict[str, Any]]:
    """What launch.py has written so far; a line that is being written is left out."""
    whole = wire.read_text().rpartition("\n")[0] if wire.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def _same(what: str, found: dict[str, set[str]], wanted: dict[str, set[str]]) -> None:
    for name in sorted({*found, *wanted}):
        here, there = found.get(name, set()), wanted.get(name, set())
        assert here == there, f"{what} {name}: too many {sorted(here - there)}, missing {sorted(there - here)}"


def _contacts(url: str) -> dict[str, list[tuple[str, str | None]]]:
    """(address, name) of everybody, as often as the platform holds them."""
    profiles = platforms._klaviyo_pages(f"{url}/api/profiles", **{"page[size]": 100})
    return {
        "mailchimp": list(_mailchimp(url)),
        "klaviyo": [(one["attributes"]["email"], one["attributes"]["first_name"]) for one in profiles],
        "hubspot": list(_hubspot(url)),
    }


def _mailchimp(url: str) -> Iterator[tuple[str, str]]:
    audience = platforms.get(f"{url}/3.0/lists", platforms.MAILCHIMP)["lists"][0]["id"]
    found = platforms.get(f"{url}/3.0/lists/{audience}/members", platforms.MAILCHIMP, count=1000)
    assert found["total_items"] <= 1000
    yield from ((one["email_address"], one["merge_fields"].get("FNAME")) for one in found["members"])


def _hubspot(url: str) -> Iterator[tuple[str, str]]:
    query: dict[str, Any] = {"limit": 100, "properties": "email,firstname"}
    while True:
        page = platforms.get(f"{url}/crm/v3/objects/contacts", platforms.HUBSPOT, **query)
        yield from ((one["properties"]["email"], one["properties"].get("firstname")) for one in page["results"])
        following = page.get("paging", {}).get("next", {}).get("after")
        if not following:
            return
        query["after"] = following


def _email(number: int) -> str:
    return f"person{number}@example.com"


CREATES = re.compile(r"POST .*/objects/[^ ]*contacts/batch/create$")


def created_twice(sent: list[dict[str, Any]]) -> set[str]:
    """Addresses that a request created which cannot be sent twice without harm, after one was taken: HubSpot's batch
    create. (Mailchimp's and Klaviyo's writes, and memberships everywhere, set a state: twice is once.)"""
    taken: set[str] = set()
    twice: set[str] = set()
    for line in sent:
        where = line.get("sent") or line.get("answered")
        if not where or not CREATES.search(where):
            continue
        emails = {one["properties"]["email"] for one in json.loads(line["body"])["inputs"]}
        if "sent" in line:
            twice |= emails & taken
        elif line["status"] in (200, 201, 207):
            taken |= emails
    return twice


@contextmanager
def crash_world(folder: Path, seed: int, size: int = 120, state: tuple[str, ...] = ()) -> Iterator[CrashWorld]:
    with small(folder, "--no-limits") as made:
        world = CrashWorld(made, random.Random(seed), state=state)
        world.begin(size)
        yield world
