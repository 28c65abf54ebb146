"""Requests of a nightly run: 0.1 % changed in the export, 0.1 % changed on the platform since the night before.

Owns: the table of docs/benchmarks.md about requests. Must not: judge it.

`python -m benchmarks.nightly 10000 100000` measures these sizes with the rehearsal platforms' counters,
`… klaviyo 10000` one platform alone, and `--requests` names the requests. Waits are on a clock that runs fifty times as
fast, and the platforms' clocks are put ahead by a day between two nights.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import requests

from benchmarks import push, seed
from connector.app import planning, pushing
from connector.app.workspace import Options, open_state, open_workspace
from connector.core.model import Op
from connector.platforms.http.limits import WallClock
from connector.rehearsal.core.process import Running, start

DESTINATIONS = push.DESTINATIONS | {
    "brevo": "{platform: brevo, api_key: '${KEY}', new_contacts: subscribed, base_url: 'URL/v3', "
    "fields: {FIRSTNAME: first_name, LASTNAME: last_name}}"
}
KEYS = push.KEYS | {"brevo": "xkeysib-rehearsal"}
# people that a lookup asks for at once, and contacts of a page of changes
LOOKUPS = {"mailchimp": (1, 1000), "klaviyo": (100, 100), "hubspot": (100, 200), "brevo": (1, 950)}
FASTER, DAY = 50, 86_400
SHARE = 1000  # one in so many changes
MOST = 2_000  # are pushed; the others are put into platform and ledger as pushing them would have
HEADERS: dict[str, dict[str, str]] = {
    "mailchimp": {"Authorization": f"Bearer {KEYS['mailchimp']}"},
    "klaviyo": {"Authorization": f"Klaviyo-API-Key {KEYS['klaviyo']}", "revision": "2026-07-15"},
    "hubspot": {"Authorization": f"Bearer {KEYS['hubspot']}"},
    "brevo": {"api-key": KEYS["brevo"]},
}
FILE = """version: 1
sources:
  contacts: {{file: contacts.csv, email: Email}}
consent: {{when: {{email: {{exists: true}}}}, proof: {{at: created_at}}}}
destinations:
  {platform}: {destination}
segments:
  everyone:
    when: {{email: {{exists: true}}}}
    send_to: {{{platform}: {{{kind}: Everyone}}}}
"""


def main(sizes: Sequence[int], platforms: Sequence[str], told: bool = False) -> None:
    """Per platform and size: what the night had to do, its reads and writes, and the reads that are aimed at."""
    heads = ("contacts", "new", "fields", "left", "there", "reads", "writes", "aim")
    print(f"{'platform':<10} " + " ".join(f"{head:>9}" for head in heads))
    sleep = WallClock.sleep
    with (
        patch.object(WallClock, "now", lambda self: time.monotonic() * FASTER),
        patch.object(WallClock, "sleep", lambda self, seconds: sleep(self, seconds / FASTER)),
    ):
        for platform in platforms:
            for size in sizes:
                with tempfile.TemporaryDirectory() as folder:
                    _measure(platform, size, Path(folder), told)


def _measure(platform: str, size: int, folder: Path, named: bool) -> None:
    changed = max(5, size // SHARE)
    new, left = changed // 5, changed // 5
    pushed = min(size, MOST)
    with _rehearsal(platform, folder) as running:
        _write(folder, range(pushed), 0)
        _push(folder, platform)
        running.settings(clock_ahead_s=DAY)
        _push(folder, platform)  # reads the ids that creating did not tell
    if size > pushed:
        state = folder / ".connector" / "state.db"
        seed.multiply(platform, folder / "platforms.db", state, range(pushed, size))
    with _rehearsal(platform, folder) as running:
        running.settings(clock_ahead_s=2 * DAY)
        _others(platform, running, range(size - changed, size))
        running.settings(clock_ahead_s=2 * DAY + DAY / 2)
        _write(folder, range(left, size + new), changed - new - left)
        before = running.state()["counts"][platform]
        done = _push(folder, platform)
        after = running.state()["counts"][platform]
        requests_ = running.requests(sum(after.values()) - sum(before.values()))
    reads, writes = (after[name] - before[name] for name in ("reads", "writes"))
    told = [sum(done.get(str(op), {}).values()) for op in (Op.CREATE, Op.UPDATE, Op.REMOVE)]
    lookups, page = LOOKUPS[platform]
    aim = 3 + math.ceil(told[0] / lookups) + math.ceil(changed / page)
    print(f"{platform:<10} " + " ".join(f"{n:>9,}" for n in (size, *told, changed, reads, writes, aim)), flush=True)
    if named:
        for asked, times in Counter(f"{one['method']} {one['path']}" for one in reversed(requests_)).items():
            print(f"    {times:>4} {asked}")


@contextmanager
def _rehearsal(platform: str, folder: Path) -> Iterator[Running]:
    """Keeps what it holds from one time to the next."""
    with start(folder / "platforms.db", "--no-samples", "--no-limits", "--polls", "0") as running:
        kind = "tag" if platform == "mailchimp" else "list"
        text = DESTINATIONS[platform].replace("URL", running.url)
        (folder / "segments.yaml").write_text(FILE.format(platform=platform, destination=text, kind=kind))
        yield running


def _write(folder: Path, numbers: range, renamed: int) -> None:
    last = numbers.start + renamed
    rows = (f"p{n}@example.com,{'Renamed' if n < last and renamed else 'Name'}{n},Last,2026-01-05" for n in numbers)
    with (folder / "contacts.csv").open("w") as file:
        file.write("Email,First name,Last name,Created at\n")
        file.writelines(f"{row}\n" for row in rows)


def _push(folder: Path, platform: str) -> dict[str, Any]:
    """A plan and its push; the counts of its changes."""
    os.environ["KEY"] = KEYS[platform]
    options = Options(file=folder / "segments.yaml", allow=("adds", "removes"), reason="a measurement")
    with open_workspace(options, threading.Event()) as workspace, open_state(workspace) as store:
        result = pushing.push(workspace, store, planning.plan(workspace, store))
    assert result.exit_code == 0, (result.errors, result.counts)
    counts: dict[str, Any] = dict(result.counts.get(platform, {}))
    return counts


def _others(platform: str, running: Running, numbers: range) -> None:
    """Somebody else changes a field of these contacts."""
    emails, headers = [f"p{n}@example.com" for n in numbers], HEADERS[platform]
    url = running.url
    if platform == "mailchimp":
        audience = requests.get(f"{url}/3.0/lists", headers=headers, timeout=300).json()["lists"][0]["id"]
        for at in range(0, len(emails), 500):
            rows = [{"email_address": one, "merge_fields": {"LTV": 7}} for one in emails[at : at + 500]]
            body: Any = {"members": rows, "update_existing": True}
            requests.post(f"{url}/3.0/lists/{audience}", json=body, headers=headers, timeout=300).raise_for_status()
    elif platform == "klaviyo":
        people = [{"type": "profile", "attributes": {"email": one, "title": "Dr"}} for one in emails]
        body = {"data": {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": people}}}}
        requests.post(f"{url}/api/profile-bulk-import-jobs", json=body, headers=headers, timeout=300).raise_for_status()
    elif platform == "brevo":
        for one in emails:
            place, body = f"{url}/v3/contacts/{one}?identifierType=email_id", {"attributes": {"LASTNAME": "Married"}}
            requests.put(place, json=body, headers=headers, timeout=300).raise_for_status()
    else:
        for at in range(0, len(emails), 100):
            rows = [
                {"id": one, "idProperty": "email", "properties": {"jobtitle": "Dr"}} for one in emails[at : at + 100]
            ]
            place = f"{url}/crm/v3/objects/contacts/batch/upsert"
            requests.post(place, json={"inputs": rows}, headers=headers, timeout=300).raise_for_status()


if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = [word for word in words if word in DESTINATIONS] or list(DESTINATIONS)
    main([int(word) for word in words if word.isdigit()] or [10_000, 100_000], chosen, "--requests" in words)
