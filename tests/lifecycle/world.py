"""Invented people who click, order, become inactive and come back, on three rehearsal platforms whose clocks go along.

Owns: the export, the policy and the verbs, called in this process. Everything is compared by plain HTTP.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from connector.app import cleaning, planning, pushing
from connector.app.cleaning import Cleaning
from connector.app.workspace import Options, Workspace, open_state, open_workspace
from connector.core.plan import Plan
from connector.push.run import RunResult
from connector.rehearsal.core.process import Running
from connector.state.drivers import sqlite
from tests import shared
from tests.path import platforms
from tests.path.small import Small, small

START = datetime(2027, 1, 1, 12, tzinfo=UTC)  # the platforms' clocks are put ahead to it
POLICY = """
lifecycle:
  signals: [last_click_at, last_order_at]
  inactive: {after: 30 days}
  protect: [vip]
  stages:
    - {name: win_back, tag: win-back}
    - {name: last_call, after: 10 days, tag: last-call}
    - {name: sunset, after: 5 days, tag: sunset, action: default}
  returned: {tag: won-back, for: 7 days}
"""
FILE = """
version: 1
timezone: Europe/Berlin
sources:
  contacts: {{file: people.csv, email: Email, id: Id, columns: {{opt_in: {{type: boolean}}, \
created_at: {{type: timestamp}}, last_click_at: {{type: timestamp}}, last_order_at: {{type: timestamp}}}}}}
consent:
  when: {{opt_in: true}}
  proof: {{at: opted_in_at}}
destinations:
{accounts}
segments:
  vip: {{when: {{plan: vip}}}}
  everyone: {{when: {{email: {{exists: true}}}}, send_to: {{{send}}}}}
{policy}
"""
ACCOUNTS = {
    "mailchimp": '{platform: mailchimp, api_key: "${MC}", audience: Newsletter, new_contacts: subscribed}',
    "klaviyo": '{platform: klaviyo, api_key: "${KL}", new_contacts: transactional}',
    "hubspot": '{platform: hubspot, access_token: "${HS}", new_contacts: transactional}',
    "brevo": '{platform: brevo, api_key: "${BV}", new_contacts: subscribed}',
}


@dataclass
class Person:
    """One row of the export. Times are days of the world; None: never."""

    click: float | None = None
    order: float | None = None
    created: float | None = -400
    vip: bool = False
    trial: bool = False
    opt_in: bool = True
    opted_in: float | None = -400  # None: no proof


def _plan(person: Person) -> str:
    return "vip" if person.vip else "trial" if person.trial else "paid"


@dataclass
class World:
    folder: Path
    running: Running
    to: tuple[str, ...]
    people: dict[str, Person] = field(default_factory=dict)  # address -> row
    day: float = 0
    policy: str = POLICY

    @property
    def now(self) -> datetime:
        return START + timedelta(days=self.day)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo("Europe/Berlin")

    def at(self, day: float | None) -> str:
        return "" if day is None else f"{START + timedelta(days=day):%Y-%m-%d %H:%M:%S}"

    def write(self) -> None:
        lines = ["Id,Email,Plan,Opt in,Opted in at,Created at,Last click at,Last order at"]
        lines += [
            f"{number},{email},{_plan(one)},{'yes' if one.opt_in else 'no'},{self.at(one.opted_in)},"
            f"{self.at(one.created)},{self.at(one.click)},{self.at(one.order)}"
            for number, (email, one) in enumerate(self.people.items(), 1)
        ]
        (self.folder / "people.csv").write_text("\n".join(lines) + "\n")
        accounts = "\n".join(f"  {name}: {ACCOUNTS[name]}" for name in self.to)
        send = ", ".join(f"{name}: {{tag: Everyone}}" for name in self.to)
        text = FILE.format(accounts=accounts, send=send, policy=self.policy)
        (self.folder / "segments.yaml").write_text(text)

    @property
    def ahead(self) -> float:
        """How many seconds the world is ahead of the machine."""
        return (self.now - datetime.now(UTC)).total_seconds()

    @contextmanager
    def open(self, **options: Any) -> Iterator[Workspace]:
        """Real time of the connector and of the platforms is the world's."""
        self.running.settings(clock_ahead_s=self.ahead)
        as_of = options.pop("as_of", self.now.isoformat())
        chosen = Options(file=self.folder / "segments.yaml", rehearse=True, as_of=as_of, **options)
        now = self.now
        with (
            patch.object(Workspace, "now", lambda _: now),
            open_workspace(chosen, threading.Event()) as workspace,
        ):
            yield workspace

    def push(self, **options: Any) -> tuple[Plan, RunResult | None]:
        self.write()
        with self.open(**options) as workspace, open_state(workspace) as store:
            made = planning.plan(workspace, store)
            pushing.guard(workspace, made)
            return made, pushing.push(workspace, store, made)

    def plan(self, **options: Any) -> Plan:
        self.write()
        with self.open(**options) as workspace, open_state(workspace) as store:
            return planning.plan(workspace, store)

    def cleanup(self, **options: Any) -> tuple[Cleaning, RunResult | None]:
        self.write()
        with self.open(**options) as workspace, open_state(workspace) as store:
            found = cleaning.cleanup(workspace, store)
            pushing.guard(workspace, found.plan)
            if found.plan.changes.num_rows:
                return found, cleaning.apply(workspace, store, found)[0]
            cleaning.tell(store, found)
            return found, None

    def stages(self, destination: str = "") -> dict[str, str]:
        """Address -> stage now."""
        with self.open() as workspace, open_state(workspace) as store:
            rows = store.stages(destination or self.to[0]).to_pylist()
        return {row["email"]: row["stage"] for row in rows if row["left_at"] is None}

    def say_no(self, platform: str, email: str) -> None:
        """Unsubscribe as the person would."""
        Small(self.folder, self.running).unsubscribe(platform, email)


def again(world: World, platform: str, email: str) -> None:
    """Subscribe as the person would, in a form of the platform."""
    small = Small(world.folder, world.running)
    if platform == "mailchimp":
        for status in ("pending", "subscribed"):  # and confirm it
            path = f"{small.audience()}/members/{email}"
            small._send("PATCH", path, platforms.MAILCHIMP, {"status": status})
    elif platform == "klaviyo":
        consent = {"email": {"marketing": {"consent": "SUBSCRIBED"}}}
        profile = {"type": "profile", "attributes": {"email": email, "subscriptions": consent}}
        body = {
            "data": {
                "type": "profile-subscription-bulk-create-job",
                "attributes": {"profiles": {"data": [profile]}},
            }
        }
        small._send("POST", "/api/profile-subscription-bulk-create-jobs", platforms.KLAVIYO, body)
    elif platform == "hubspot":
        path = "/communication-preferences/2026-03/statuses/batch/write"
        types = small._send("GET", "/communication-preferences/2026-03/definitions", platforms.HUBSPOT)["results"]
        inputs = [
            {
                "subscriberIdString": email,
                "subscriptionId": one["id"],
                "statusState": "SUBSCRIBED",
                "channel": "EMAIL",
                "legalBasis": "CONSENT_WITH_NOTICE",
                "legalBasisExplanation": "signed up in a form",
            }
            for one in types
        ]
        small._send("POST", path, platforms.HUBSPOT, {"inputs": inputs})
    else:
        place = f"/v3/contacts/{email}"
        small._send("PUT", place, platforms.BREVO, {"emailBlacklisted": False})


@contextmanager
def world(folder: Path, to: tuple[str, ...] = ("mailchimp",), policy: str = POLICY) -> Iterator[World]:
    # These tests end no power: waiting for the disk proves nothing here.
    with patch.object(sqlite, "SYNCHRONOUS", "OFF"), small(folder, "--no-limits") as made:
        yield World(folder, made.running, to, policy=policy)


@contextmanager
def grown(
    folder: Path, to: tuple[str, ...], policy: str, people: dict[str, Person], days: tuple[float, ...]
) -> Iterator[World]:
    """A world of these people in which there was a push on each of these days, once per test run: each test has a copy
    of the files that it left, those of the platforms too."""
    name = hashlib.sha256(repr((to, policy, people, days)).encode()).hexdigest()[:16]

    def files() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as place:
            with world(Path(place), to, policy) as made:
                made.people = dict(people)
                for made.day in days:
                    made.push()
            return {str(one.relative_to(place)): one.read_bytes() for one in Path(place).rglob("*") if one.is_file()}

    for path, content in shared.once(f"grown-{name}", files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    with world(folder, to, policy) as made:
        made.people, made.day = {email: replace(one) for email, one in people.items()}, days[-1]
        made.running.settings(clock_ahead_s=made.ahead)
        yield made
