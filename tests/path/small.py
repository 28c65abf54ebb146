"""A handful of invented people, three rehearsal platforms, and the verbs called in this process: quick, and every
moment of a plan or a push can be looked at."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from connector.app import offline, planning, pushing
from connector.app.workspace import Options, Workspace, open_state, open_workspace
from connector.core.plan import Plan
from connector.push.run import RunResult
from connector.rehearsal.core.process import Running, start
from tests.path.platforms import HUBSPOT, KLAVIYO, MAILCHIMP

SEGMENTS = """
  readers: {when: {plan: paid}, send_to: {mailchimp: {tag: Readers}, klaviyo: {list: Readers, tag: reader}, \
hubspot: {list: Readers, tag: Reader}}}
"""
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
{accounts}
segments:{segments}
"""
ACCOUNTS = {
    "mailchimp": """
    {{platform: mailchimp, api_key: "${{MC}}", audience: Newsletter, new_contacts: {new}, fields: {{FNAME: name}}}}""",
    "klaviyo": """ \
{{platform: klaviyo, api_key: "${{KL}}", new_contacts: transactional, fields: {{first_name: name}}}}""",
    "hubspot": """ \
{{platform: hubspot, access_token: "${{HS}}", new_contacts: transactional, fields: {{firstname: name}}}}""",
}
PLATFORMS = tuple(ACCOUNTS)


@dataclass
class Small:
    """A folder with an export of `people` (name -> address, or None when gone) and its segments.yaml, for the platforms
    `to`: what a segment sends to others is left out."""

    folder: Path
    running: Running
    to: tuple[str, ...] = ("mailchimp", "klaviyo", "hubspot")

    def write(
        self,
        people: Mapping[str, str],
        segments: str = SEGMENTS,
        more: str = "",
        new: str = "subscribed",
        refused: Sequence[str] = (),
        numbers: Mapping[str, str] | None = None,
    ) -> None:
        """`refused` are the names of those without consent; `numbers` tells whose CRM id somebody has."""
        lines = ["Id,Email,Name,Plan,Opt in,Opted in at"]
        for name, email in people.items():
            first = (numbers or {}).get(name, name)
            told = first.removeprefix("p")
            number = int(told) if told.isdigit() else int.from_bytes(first.encode()) % 10**9
            lines.append(f"{number},{email},{name.title()},paid,{'no' if name in refused else 'yes'},2026-01-05")
        (self.folder / "people.csv").write_text("\n".join(lines) + "\n")
        (self.folder / "segments.yaml").write_text(document(segments, more, new, self.to))

    @contextmanager
    def open(self, **options: Any) -> Iterator[Workspace]:
        chosen = Options(file=self.folder / "segments.yaml", rehearse=True, **options)
        with open_workspace(chosen, threading.Event()) as workspace:
            yield workspace

    def plan(self, **options: Any) -> Plan:
        with self.open(**options) as workspace, open_state(workspace) as store:
            return planning.plan(workspace, store)

    def push(self, **options: Any) -> tuple[Plan, RunResult]:
        with self.open(**options) as workspace, open_state(workspace) as store:
            made = planning.plan(workspace, store)
            return made, pushing.push(workspace, store, made)

    def members(self, segment: str) -> list[str]:
        """As `sync members` says, without a platform."""
        with self.open() as workspace:
            return offline.members(offline.evaluate(workspace), segment)

    # -- what people and others do on the platforms ---------------------------------------------------------------

    def audience(self) -> str:
        lists = self._send("GET", "/3.0/lists", MAILCHIMP)["lists"]
        return f"/3.0/lists/{lists[0]['id']}"

    def mailchimp_member(self, email: str) -> dict[str, Any]:
        return self._send("GET", f"{self.audience()}/members/{email}", MAILCHIMP)

    def unsubscribe_mailchimp(self, email: str) -> None:
        self._send("PATCH", f"{self.audience()}/members/{email}", MAILCHIMP, {"status": "unsubscribed"})

    def unsubscribe_klaviyo(self, email: str) -> None:
        profile = {"type": "profile", "attributes": {"email": email}}
        attributes = {"profiles": {"data": [profile]}}
        body = {"data": {"type": "profile-subscription-bulk-delete-job", "attributes": attributes}}
        self._send("POST", "/api/profile-subscription-bulk-delete-jobs", KLAVIYO, body)

    def unsubscribe_hubspot(self, email: str) -> None:
        path = "/communication-preferences/2026-03/statuses/batch/unsubscribe-all?channel=EMAIL"
        self._send("POST", path, HUBSPOT, {"inputs": [email]})

    def unsubscribe(self, platform: str, email: str) -> None:
        getattr(self, f"unsubscribe_{platform}")(email)

    def _send(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:
        answer = requests.request(method, self.running.url + path, headers=headers, json=body, timeout=300)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None


def document(segments: str = SEGMENTS, more: str = "", new: str = "subscribed", to: tuple[str, ...] = PLATFORMS) -> str:
    """The segments.yaml."""
    accounts = "\n".join(f"  {name}:{ACCOUNTS[name].format(new=new)}" for name in to)
    for name in set(ACCOUNTS) - set(to):
        segments = re.sub(rf"\b{name}: \{{[^{{}}]*\}},?\s*", "", segments)
    return FILE.format(segments=segments, more=more, accounts=accounts)


@contextmanager
def small(folder: Path, *options: str, to: tuple[str, ...] = PLATFORMS) -> Iterator[Small]:
    """The rehearsal platforms run for as long as the block, and hold only those that we push: each platform more that a
    test needs not costs it a third."""
    place = folder / ".connector" / "rehearsal"
    place.mkdir(parents=True, exist_ok=True)
    with start(place / "platforms.db", "--no-samples", *options) as running:
        (place / "address").write_text(running.url)
        yield Small(folder, running, to)
